//! What a call asks of Meta, and what may come back.

use crate::id::Wacid;
use crate::meta::{Callee, Extras, MetaError};
use crate::sdp::Sdp;

/// A request to Meta about one call. The adapter adds number and token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Place the call. Never sent twice: Meta has no idempotency (whatsapp-calling.md 1.1).
    Connect {
        /// The user.
        to: Callee,
        /// Our offer.
        offer: Sdp,
        /// Our correlation, echoed in every webhook of the call.
        opaque: String,
        /// What WhatsApp is to do besides.
        extras: Extras,
    },
    /// Let WhatsApp build the path while its user's phone still rings. Answers nothing.
    PreAccept {
        /// The call.
        wacid: Wacid,
        /// Our answer: the bytes of the `accept` to come.
        answer: Sdp,
    },
    /// Answer the call. Safe to repeat with the same bytes.
    Accept {
        /// The call.
        wacid: Wacid,
        /// Our answer.
        answer: Sdp,
        /// It may have been sent before, by a server that died since: "already answered" is then success.
        again: bool,
        /// What WhatsApp is to do besides.
        extras: Extras,
    },
    /// Refuse an unanswered inbound call.
    Reject {
        /// The call.
        wacid: Wacid,
    },
    /// End or cancel the call.
    Terminate {
        /// The call.
        wacid: Wacid,
    },
}

impl Ask {
    /// Meta's action word, for logs and counters.
    #[must_use]
    pub const fn action(&self) -> &'static str {
        match self {
            Self::Connect { .. } => "connect",
            Self::PreAccept { .. } => "pre_accept",
            Self::Accept { .. } => "accept",
            Self::Reject { .. } => "reject",
            Self::Terminate { .. } => "terminate",
        }
    }
}

/// Meta's reply to an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `connect`: placed, this is its id.
    Placed(Wacid),
    /// `pre_accept`: done.
    PreAccepted,
    /// `accept`: done, speak now.
    Accepted,
    /// `reject` or `terminate`: done.
    Ended,
}

/// Why there is no good reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Meta said no, for a reason. Sending it again changes nothing.
    #[error("refused by WhatsApp with code {}", .0.code)]
    Refused(MetaError),
    /// The request never reached Meta (name, connection, TLS).
    #[error("WhatsApp cannot be reached")]
    Unreachable,
    /// Meta may or may not have acted: time-out, broken connection, 5xx, a body that makes no sense.
    #[error("WhatsApp's reply was unclear")]
    Unclear,
}
