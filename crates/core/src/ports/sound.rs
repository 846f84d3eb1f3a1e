//! The media plane, as the engine sees it.

use async_trait::async_trait;

use crate::call::SoundAsk;
use crate::call::table::ClipName;
use crate::id::{CallId, UserId};
use crate::sdp::{IceCandidate, Sdp};

/// Carries the sound of bridged calls. Its news come by a channel of their own, as
/// `(CallId, SoundNews)`.
#[async_trait]
pub trait Sound: Send + Sync {
    /// Asks for something. Never waits; what cannot be done comes back as news.
    fn ask(&self, call: &CallId, ask: SoundAsk);

    /// Sets up an agent's leg as the answer to their offer, in place of their leg before, and returns the answer.
    async fn attach(&self, call: &CallId, agent: &UserId, offer: &Sdp) -> Result<Sdp, SoundFault>;

    /// Finds a new path for an agent's leg, for which their page has made this offer, and returns the answer.
    /// The leg stays what it is: its keys, its stream, its place in the call.
    async fn restart(&self, call: &CallId, agent: &UserId, offer: &Sdp) -> Result<Sdp, SoundFault>;

    /// Learns where an agent's page can be reached, after its offer. Never waits; what comes too late is dropped.
    fn trickle(&self, call: &CallId, agent: &UserId, candidate: IceCandidate);

    /// Whether there is an announcement of this name.
    fn knows(&self, clip: &ClipName) -> bool;
}

/// Why an agent's leg was not set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoundFault {
    /// This server carries no sound, or no more of it.
    #[error("no room for another voice")]
    NoCapacity,
    /// The offer cannot be answered; the reason is for people.
    #[error("the offer cannot be answered: {0}")]
    BadOffer(String),
    /// The agent has no leg in the call, or not one of the page that asks.
    #[error("there is no such leg")]
    NoLeg,
}
