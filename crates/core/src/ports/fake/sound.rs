//! A media plane that remembers what it was asked.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::call::SoundAsk;
use crate::call::table::ClipName;
use crate::id::{CallId, UserId};
use crate::ports::{Sound, SoundFault};
use crate::sdp::{IceCandidate, Sdp};

/// Answers every agent's offer, knows the announcement `welcome`, and says nothing by itself.
#[derive(Debug, Default)]
pub struct FakeSound {
    asked: Mutex<Vec<(CallId, SoundAsk)>>,
    trickled: Mutex<Vec<(CallId, UserId, IceCandidate)>>,
    /// While set, no agent has a leg whose path could be found anew.
    pub forgets: AtomicBool,
}

impl FakeSound {
    /// All wishes so far.
    #[must_use]
    pub fn asked(&self) -> Vec<(CallId, SoundAsk)> {
        self.lock().clone()
    }

    /// All candidates so far.
    #[must_use]
    pub fn trickled(&self) -> Vec<(CallId, UserId, IceCandidate)> {
        self.trickled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(CallId, SoundAsk)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sound for FakeSound {
    fn ask(&self, call: &CallId, ask: SoundAsk) {
        self.lock().push((call.clone(), ask));
    }

    async fn attach(&self, _: &CallId, _: &UserId, _: &Sdp) -> Result<Sdp, SoundFault> {
        Ok(Sdp::new("v=0 the house's answer"))
    }

    async fn restart(&self, _: &CallId, _: &UserId, offer: &Sdp) -> Result<Sdp, SoundFault> {
        if self.forgets.load(Ordering::Relaxed) {
            return Err(SoundFault::NoLeg);
        }
        Ok(Sdp::new(format!("v=0 a new path for {} bytes", offer.as_str().len())))
    }

    fn trickle(&self, call: &CallId, agent: &UserId, candidate: IceCandidate) {
        let mut trickled = self.trickled.lock().unwrap_or_else(PoisonError::into_inner);
        trickled.push((call.clone(), agent.clone(), candidate));
    }

    fn knows(&self, clip: &ClipName) -> bool {
        clip.as_str() == "welcome"
    }
}
