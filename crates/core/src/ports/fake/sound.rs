//! A media plane that remembers what it was asked.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::call::SoundAsk;
use crate::call::table::ClipName;
use crate::id::{CallId, UserId};
use crate::ports::{Sound, SoundFault};
use crate::sdp::Sdp;

/// Answers every agent's offer, knows the announcement `welcome`, and says nothing by itself.
#[derive(Debug, Default)]
pub struct FakeSound {
    asked: Mutex<Vec<(CallId, SoundAsk)>>,
}

impl FakeSound {
    /// All wishes so far.
    #[must_use]
    pub fn asked(&self) -> Vec<(CallId, SoundAsk)> {
        self.lock().clone()
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

    fn knows(&self, clip: &ClipName) -> bool {
        clip.as_str() == "welcome"
    }
}
