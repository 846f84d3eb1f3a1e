//! Requests that are carried out once, however often they are sent (`Idempotency-Key`).
//!
//! A request that names itself is claimed in the database before it is carried out, and its answer is kept for a
//! day. The claim carries the id of the call the request may place, so that after a crash the call is found and
//! told of instead of placed again.

pub(crate) mod layer;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use offhook_core::call::CallRecord;
use offhook_core::id::{CallId, TenantId};
use offhook_core::ports::{Calls, Claim, Claims, Clock, Ids, KeptAnswer, Standing, StoreFault};
use offhook_engine::{EngineError, PlaceRequest, Placed};
use tokio_util::task::TaskTracker;

use crate::house::House;
use crate::manners::body::Budget;
use crate::manners::random;

/// How long answers are kept (provider-apis.md 2.7).
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a claim of another process is respected. Requests take half a minute at most, so past this their
/// process is gone.
const LEASE: Duration = Duration::from_secs(60);

/// Bodies in memory while they are read: eight of the largest, thousands of the usual ones.
const BODIES: usize = 64 * 1024 * 1024;

/// Longest name a client may give a request.
const LONGEST_NAME: usize = 255;

/// What a handler that places a call is told about its claim.
#[derive(Debug, Clone)]
pub(crate) struct Promise {
    /// The id its call gets.
    pub(crate) call: CallId,
    /// Whether somebody began before and did not live to answer: the call may be there.
    pub(crate) resumed: bool,
}

impl Promise {
    /// What became of a call that was placed under this promise before a crash.
    pub(crate) async fn begun(
        promise: Option<&Self>,
        house: &House,
        tenant: &TenantId,
    ) -> Result<Option<Arc<CallRecord>>, StoreFault> {
        match promise.filter(|promise| promise.resumed) {
            Some(promise) => house.engine.load(tenant, &promise.call).await,
            None => Ok(None),
        }
    }

    /// Places a call under the promised id, if there is one.
    pub(crate) async fn place(
        promise: Option<&Self>,
        house: &House,
        request: PlaceRequest,
    ) -> Result<Placed, EngineError> {
        match promise {
            Some(promise) => house.engine.place_as(promise.call.clone(), request).await,
            None => house.engine.place(request).await,
        }
    }
}

/// A request that names itself.
pub(crate) struct Asked<'a> {
    pub(crate) tenant: &'a TenantId,
    /// The key or person that asks: an answer is for nobody else.
    pub(crate) who: &'a str,
    pub(crate) method: &'a str,
    /// In one spelling, whichever was used.
    pub(crate) path: &'a str,
    /// The client's name for it.
    pub(crate) name: &'a str,
    pub(crate) query: &'a str,
    /// What else changes the meaning of the request.
    pub(crate) mode: &'a [u8],
    pub(crate) body: &'a [u8],
    /// What may be done when somebody began before and did not live to answer.
    pub(crate) after_crash: AfterCrash,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterCrash {
    /// The handler finds its call by the [`Promise`].
    Resume,
    /// Carrying it out twice is carrying it out once.
    Repeat,
    /// Nobody knows; the client must look.
    Tell,
}

/// What is to be done with a request.
pub(crate) enum Verdict {
    /// Carry it out, then [`Once::finish`].
    Go(Held),
    /// It was carried out before.
    Replay(KeptAnswer),
    /// The name was given to another request.
    Reused,
    /// It is being carried out.
    Running,
    /// Somebody began and did not live to answer, and it cannot be told what became of it.
    Unknown,
}

type Name = (TenantId, [u8; 32]);

/// Claims of this process.
pub(crate) struct Once {
    claims: Arc<dyn Claims>,
    calls: Arc<dyn Calls>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    /// Names this process in its claims.
    holder: String,
    /// What is being carried out here, with the hash of each request.
    running: Arc<Mutex<HashMap<Name, [u8; 32]>>>,
    /// Memory for bodies that are read to be compared.
    bodies: Budget,
    /// A client that goes away must not take the answer with it.
    tasks: TaskTracker,
}

/// A claim that is being carried out here.
pub(crate) struct Held {
    claim: Claim,
    resumed: bool,
    after_crash: AfterCrash,
    _running: Running,
}

struct Running {
    all: Arc<Mutex<HashMap<Name, [u8; 32]>>>,
    name: Name,
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.name);
    }
}

fn lock(all: &Mutex<HashMap<Name, [u8; 32]>>) -> MutexGuard<'_, HashMap<Name, [u8; 32]>> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Held {
    pub(crate) fn promise(&self) -> Promise {
        Promise { call: self.claim.call.clone(), resumed: self.resumed }
    }
}

/// Whether a client's name for a request is one: 1 to 255 printable ASCII characters.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

impl Once {
    pub(crate) fn new(
        claims: Arc<dyn Claims>,
        calls: Arc<dyn Calls>,
        clock: Arc<dyn Clock>,
        ids: Arc<dyn Ids>,
    ) -> Self {
        let (running, tasks) = (Arc::default(), TaskTracker::new());
        let bodies = Budget::of_bytes(BODIES);
        Self { claims, calls, clock, ids, holder: random::hex(), running, bodies, tasks }
    }

    /// Decides about a request before it is carried out.
    pub(crate) async fn begin(&self, asked: &Asked<'_>) -> Result<Verdict, StoreFault> {
        let at = self.clock.now();
        let claim = Claim {
            tenant: asked.tenant.clone(),
            name: hash(&[asked.method.as_bytes(), asked.path.as_bytes(), asked.name.as_bytes()]),
            request: hash(&[asked.who.as_bytes(), asked.query.as_bytes(), asked.mode, asked.body]),
            holder: self.holder.clone(),
            call: CallId::from_uuid(self.ids.next()),
            at,
            until: at + KEPT,
        };
        let running = match self.run(&claim) {
            Ok(running) => running,
            Err(request) if request == claim.request => return Ok(Verdict::Running),
            Err(_) => return Ok(Verdict::Reused),
        };
        let held = |claim, resumed| {
            Verdict::Go(Held { claim, resumed, after_crash: asked.after_crash, _running: running })
        };
        let Some(Standing { claim: before, answer }) = self.claims.claim(&claim).await? else {
            return Ok(held(claim, false));
        };
        if before.request != claim.request {
            return Ok(Verdict::Reused);
        }
        if let Some(answer) = answer {
            return Ok(Verdict::Replay(answer));
        }
        if !self.is_gone(&before, &claim, asked.after_crash).await? {
            return Ok(Verdict::Running);
        }
        if asked.after_crash == AfterCrash::Tell {
            return Ok(Verdict::Unknown);
        }
        let next = Claim { call: before.call.clone(), ..claim };
        match self.claims.take_over(&before, &next).await? {
            true => Ok(held(next, true)),
            false => Ok(Verdict::Running),
        }
    }

    /// Whether whoever made the claim carries it out no more, or has left a call that can be told of anyway.
    async fn is_gone(&self, before: &Claim, now: &Claim, after: AfterCrash) -> Result<bool, StoreFault> {
        // Ours, and not among those that run here: it was cut off, or its answer could not be kept.
        if before.holder == self.holder || now.at.since(before.at) >= LEASE {
            return Ok(true);
        }
        Ok(after == AfterCrash::Resume && self.calls.load(&before.tenant, &before.call).await?.is_some())
    }

    fn run(&self, claim: &Claim) -> Result<Running, [u8; 32]> {
        let name = (claim.tenant.clone(), claim.name);
        let mut running = lock(&self.running);
        if let Some(request) = running.get(&name) {
            return Err(*request);
        }
        running.insert(name.clone(), claim.request);
        Ok(Running { all: self.running.clone(), name })
    }

    /// Keeps the answer, or gives the claim up when the request may be tried again; none is given when the answer
    /// cannot be kept.
    pub(crate) async fn finish(&self, held: Held, status: u16, answer: Option<KeptAnswer>) {
        let claim = &held.claim;
        let passing = status >= 500 || matches!(status, 401 | 429);
        let done = match answer.filter(|_| !passing) {
            Some(answer) => self.claims.answer(claim, &answer).await,
            // A failure may come after the call was placed: then the claim stays, and the next try is told of it.
            None if held.after_crash == AfterCrash::Resume && self.may_live(claim).await => Ok(()),
            None => self.claims.release(claim).await,
        };
        if let Err(fault) = done {
            // The claim stays as that of somebody who did not live to answer.
            tracing::warn!(error = %fault, "the answer of a request with an idempotency key was not kept");
        }
    }

    async fn may_live(&self, claim: &Claim) -> bool {
        match self.calls.load(&claim.tenant, &claim.call).await {
            Ok(call) => call.is_some_and(|call| !call.state.is_over()),
            Err(_) => true,
        }
    }
}

/// SHA-256 of parts, none of which can be taken for a piece of another.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = digest::Context::new(&digest::SHA256);
    for part in parts {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finish().as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_printable_ascii_of_a_bearable_length() {
        for good in ["a", "7f3c-11 2", "~", &"k".repeat(255)] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "é", "a\tb", "a\u{7f}", &"k".repeat(256)] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }

    #[test]
    fn parts_cannot_be_shifted_into_one_another() {
        assert_ne!(hash(&[b"ab", b"c"]), hash(&[b"a", b"bc"]));
        assert_ne!(hash(&[b"", b"a"]), hash(&[b"a", b""]));
    }
}
