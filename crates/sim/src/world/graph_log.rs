//! Every Graph request the business made, with counts that tests assert on.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

const KEPT: usize = 2_000;

/// One Graph request.
#[derive(Clone, Debug, Serialize)]
pub struct GraphRequest {
    /// Its number.
    pub n: u64,
    /// Unix milliseconds of its arrival.
    pub at_ms: u64,
    /// `connect`, `accept`, …
    pub action: String,
    /// Number it was sent to.
    pub phone_number_id: String,
    /// Short id of the call, when there is one.
    pub call: Option<String>,
    /// Whom it was about, as the business wrote it.
    pub to: Option<String>,
    /// `biz_opaque_callback_data`.
    pub opaque: Option<String>,
    /// SHA-256 of the SDP in it, byte for byte, in hex.
    pub sdp_sha256: Option<String>,
    /// HTTP status that was sent, or meant to be sent.
    pub status: u16,
    /// Meta's error code.
    pub code: Option<u64>,
    /// Whether WhatsApp did what was asked.
    pub acted: bool,
    /// The fault that was planned for it.
    pub fault: Option<&'static str>,
    /// Until the answer.
    pub took_ms: u64,
}

/// Requests and how many there were of each action.
#[derive(Clone, Debug, Default, Serialize)]
pub struct GraphRequests {
    /// The newest ones, oldest first.
    pub requests: Vec<GraphRequest>,
    /// All since the start or the last reset.
    pub counts: BTreeMap<String, u64>,
    /// Those that WhatsApp did.
    pub acted: BTreeMap<String, u64>,
}

#[derive(Debug, Default)]
struct Kept {
    requests: VecDeque<GraphRequest>,
    counts: BTreeMap<String, u64>,
    acted: BTreeMap<String, u64>,
    next: u64,
}

#[derive(Debug, Default)]
pub(crate) struct GraphLog {
    kept: Mutex<Kept>,
}

impl GraphLog {
    pub(crate) fn push(&self, mut request: GraphRequest) {
        let mut kept = self.kept();
        kept.next += 1;
        request.n = kept.next;
        *kept.counts.entry(request.action.clone()).or_default() += 1;
        if request.acted {
            *kept.acted.entry(request.action.clone()).or_default() += 1;
        }
        if kept.requests.len() == KEPT {
            kept.requests.pop_front();
        }
        kept.requests.push_back(request);
    }

    pub(crate) fn all(&self) -> GraphRequests {
        let kept = self.kept();
        GraphRequests {
            requests: kept.requests.iter().cloned().collect(),
            counts: kept.counts.clone(),
            acted: kept.acted.clone(),
        }
    }

    pub(crate) fn clear(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
