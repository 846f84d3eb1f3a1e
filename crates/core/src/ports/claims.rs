//! Requests that are carried out once, however often they are sent.
//!
//! A client that repeats a request names it with a key of its own. Whoever carries the request out claims the
//! name first, durably; the answer is kept beside the claim and given to every repetition.

use async_trait::async_trait;

use super::StoreFault;
use crate::id::{CallId, TenantId};
use crate::time::Time;

/// Claims and the answers kept with them.
#[async_trait]
pub trait Claims: Send + Sync {
    /// Takes the claim, unless one of the same name stands at `claim.at`. Of several who try at once one gets it,
    /// which is told by none; the others are told what stands.
    async fn claim(&self, claim: &Claim) -> Result<Option<Standing>, StoreFault>;

    /// Takes over a claim whose holder is gone: only if `gone` stands as it is given here, and has no answer.
    async fn take_over(&self, gone: &Claim, claim: &Claim) -> Result<bool, StoreFault>;

    /// Keeps the answer of a claim that `claim.holder` holds.
    async fn answer(&self, claim: &Claim, answer: &KeptAnswer) -> Result<(), StoreFault>;

    /// Gives up a claim without an answer: the next request of its name is a new one.
    async fn release(&self, claim: &Claim) -> Result<(), StoreFault>;
}

/// A request somebody carries out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub tenant: TenantId,
    /// SHA-256 of what names the request: method, path and the client's key.
    pub name: [u8; 32],
    /// SHA-256 of what was asked, and by whom.
    pub request: [u8; 32],
    /// The process that carries it out.
    pub holder: String,
    /// The id of the call, should one be placed: known before anything is dialled, so that a crash in between
    /// leaves a trail.
    pub call: CallId,
    /// When.
    pub at: Time,
    /// When all this is forgotten.
    pub until: Time,
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The claim.
    pub claim: Claim,
    /// Its answer; none while it is carried out, or when its holder did not live to answer.
    pub answer: Option<KeptAnswer>,
}

/// An answer as it was given. It may hold personal data: adapters seal it.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// HTTP status.
    pub status: u16,
    /// Headers that belong to the answer.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl std::fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptAnswer").field("status", &self.status).finish_non_exhaustive()
    }
}
