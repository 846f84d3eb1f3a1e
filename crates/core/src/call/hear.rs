//! What Meta says and replies, and the phases it leads to.

use super::ask::{Ask, Fault, Reply};
use super::deadline::Deadline;
use super::end::EndReason;
use super::machine::{Call, Phase};
use crate::event::{CallEvent, Silence};
use crate::id::Wacid;
use crate::meta::{Direction, MetaEvent, MetaEventKind};
use crate::time::Time;

impl Call {
    pub(super) fn learn(
        &mut self,
        now: Time,
        event: MetaEvent,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        let known = self.record.facts.wacid.as_ref();
        if known.is_some_and(|wacid| *wacid != event.wacid) {
            return;
        }
        let alive = matches!(
            event.kind,
            MetaEventKind::Connect { .. } | MetaEventKind::Ringing | MetaEventKind::Accepted
        );
        let direction = self.record.direction;
        let facts = &mut self.record.facts;
        facts.wacid.get_or_insert_with(|| event.wacid.clone());
        facts.party.learn(&event.party);
        match event.kind {
            MetaEventKind::Connect { sdp } => {
                earliest(&mut facts.connect_at, event.at);
                let place = match direction {
                    Direction::Inbound => &mut facts.offer,
                    Direction::Outbound => &mut facts.answer,
                };
                *place = place.take().or(sdp);
            }
            MetaEventKind::Ringing => earliest(&mut facts.ringing_at, event.at),
            MetaEventKind::Accepted => earliest(&mut facts.accepted_at, event.at),
            MetaEventKind::Rejected => earliest(&mut facts.rejected_at, event.at),
            MetaEventKind::Terminate(end) => {
                let joined = match facts.terminate.take() {
                    Some(known) => known.join(end),
                    None => end,
                };
                facts.terminate = Some(joined);
                self.silence(Silence::CallerGaveUp, events);
            }
        }
        self.advance(now, alive, asks);
    }

    /// Moves to the phase the facts allow. Never back.
    pub(super) fn advance(&mut self, now: Time, alive: bool, asks: &mut Vec<Ask>) {
        let facts = &self.record.facts;
        if facts.terminate.is_some() {
            self.phase = Phase::Over;
            return;
        }
        match &self.phase {
            Phase::Placing { .. } | Phase::Unclear { .. } if facts.wacid.is_some() => {
                if facts.intent.is_some() {
                    self.end_at_meta(now, asks);
                    return;
                }
                self.phase = Phase::Dialing { until: now + Deadline::PickUp.wait() };
                self.advance(now, false, asks);
            }
            Phase::Dialing { .. } if facts.accepted_at.is_some() => {
                self.phase = Phase::Talking { until: now + Deadline::Cap.wait() };
            }
            // Meta's `terminate` follows a decline; only if it does not, we close.
            Phase::Dialing { .. } if facts.rejected_at.is_some() => {
                self.phase = Phase::Ending { until: now + Deadline::TerminateSeen.wait(), heard: true };
            }
            Phase::Hunting { .. } if facts.is_late(self.record.direction, self.record.created_at) => {
                self.record.facts.closed_at = Some(now);
                self.phase = Phase::Over;
            }
            // We had given up on a call that now shows a sign of life: it must not ring on. Asked at every
            // sign, because the request before may have failed or died with the server.
            Phase::Over if alive && self.record.direction == Direction::Outbound => {
                asks.extend(facts.wacid.clone().map(|wacid| Ask::Terminate { wacid }));
            }
            _ => {}
        }
    }

    // What Meta replies.

    pub(super) fn connect_reply(&mut self, now: Time, reply: Result<Reply, Fault>, asks: &mut Vec<Ask>) {
        match reply {
            Ok(Reply::Placed(wacid)) => self.placed(now, wacid, asks),
            Ok(Reply::PreAccepted | Reply::Accepted | Reply::Ended) => {}
            Err(_) if self.record.facts.wacid.is_some() || self.is_over() => {}
            Err(Fault::Refused(error)) => {
                let reason = EndReason::from_meta_code(error.code);
                self.close(now, reason, Some(error));
            }
            Err(Fault::Unreachable) => self.close(now, EndReason::ProviderError, None),
            Err(Fault::Unclear) => self.phase = Phase::Unclear { until: now + Deadline::Adopted.wait() },
        }
    }

    pub(super) fn placed(&mut self, now: Time, wacid: Wacid, asks: &mut Vec<Ask>) {
        match &self.record.facts.wacid {
            Some(known) if *known != wacid => asks.push(Ask::Terminate { wacid }),
            Some(_) => {}
            None => {
                self.record.facts.wacid = Some(wacid);
                self.advance(now, true, asks);
            }
        }
    }

    pub(super) fn accept_reply(&mut self, now: Time, reply: Result<Reply, Fault>, asks: &mut Vec<Ask>) {
        let answering = matches!(self.phase, Phase::Answering { .. });
        match reply {
            Ok(_) => {
                self.record.facts.confirmed_at.get_or_insert(now);
                match &self.phase {
                    Phase::Answering { .. } => {
                        self.phase = Phase::Talking { until: now + Deadline::Cap.wait() };
                    }
                    // Our request to end it was on its way beside this one and may have come too early.
                    Phase::Ending { .. } => self.end_at_meta(now, asks),
                    _ => {}
                }
            }
            Err(fault) if answering => {
                let error = match fault {
                    Fault::Refused(error) => Some(error),
                    Fault::Unreachable | Fault::Unclear => None,
                };
                let reason =
                    error.as_ref().map_or(EndReason::ProviderError, |e| EndReason::from_meta_code(e.code));
                self.intend(now, reason, error);
                self.end_at_meta(now, asks);
            }
            Err(_) => {}
        }
    }

    /// Meta's no is an answer too: there is nothing left to end, or nothing we could say differently.
    pub(super) const fn end_reply(&mut self, reply: &Result<Reply, Fault>) {
        if let (Phase::Ending { heard, .. }, Ok(_) | Err(Fault::Refused(_))) = (&mut self.phase, reply) {
            *heard = true;
        }
    }
}

fn earliest(slot: &mut Option<Time>, at: Time) {
    *slot = Some(slot.map_or(at, |known| known.min(at)));
}
