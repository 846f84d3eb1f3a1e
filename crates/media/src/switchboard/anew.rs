//! Agents' legs that find a new path: the page's network has changed, the call goes on.

use offhook_core::call::Voice;
use offhook_core::id::{CallId, UserId};
use offhook_core::ports::SoundFault;
use offhook_core::sdp::{IceCandidate, Sdp};
use tokio::sync::oneshot;

use super::{DESCRIBES_WITHIN, Switchboard};
use crate::message::{Command, LegId};

impl Switchboard {
    pub(super) async fn find_path(
        &self,
        call: &CallId,
        agent: &UserId,
        offer: &Sdp,
    ) -> Result<Sdp, SoundFault> {
        let (answer, answered) = oneshot::channel();
        let leg = {
            let mut wires = self.lock();
            let leg = wires.leg(call, agent).ok_or(SoundFault::NoLeg)?;
            // One that is being described has no path yet that could be lost.
            if wires.waiting.contains_key(&leg) {
                return Err(SoundFault::NoLeg);
            }
            wires.waiting.insert(leg, answer);
            leg
        };
        if self.plane.send(Command::Restart { leg, offer: offer.clone() }).is_err() {
            self.lock().waiting.remove(&leg);
            return Err(SoundFault::NoCapacity);
        }
        match tokio::time::timeout(DESCRIBES_WITHIN, answered).await {
            Ok(Ok(described)) => described,
            Ok(Err(_)) | Err(_) => {
                self.lock().waiting.remove(&leg);
                Err(SoundFault::NoCapacity)
            }
        }
    }

    pub(super) fn learn_candidate(&self, call: &CallId, agent: &UserId, candidate: IceCandidate) {
        let leg = self.lock().leg(call, agent);
        if let Some(leg) = leg {
            self.send(Command::Candidate { leg, candidate });
        }
    }
}

impl super::Wires {
    fn leg(&self, call: &CallId, agent: &UserId) -> Option<LegId> {
        self.calls.get(call)?.leg(&Voice::Agent(agent.clone()))
    }
}
