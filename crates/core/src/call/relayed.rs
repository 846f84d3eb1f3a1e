//! A program takes a relayed call with an SDP answer of its own: at once, or sent ahead and taken later.
//!
//! The answer goes to WhatsApp once as it is; `pre_accept` and `accept` carry the same bytes
//! (whatsapp-calling.md 1.3). Whoever sends an answer ahead has the call: nobody rings any more.

use super::ask::{Ask, Fault, Reply};
use super::deadline::Deadline;
use super::machine::{Along, Call, Phase};
use super::record::Prepared;
use super::refusal::Refusal;
use crate::event::{CallEvent, Silence};
use crate::meta::Direction;
use crate::sdp::Sdp;
use crate::time::Time;

impl Call {
    /// Whether a client may answer with this, ahead or (`taking`) for good.
    pub(super) fn permit_answer(&self, answer: Option<&Sdp>, taking: bool) -> Result<(), Refusal> {
        let facts = &self.record.facts;
        let same = answer.is_none_or(|answer| facts.answer.as_ref() == Some(answer));
        // Whoever holds the call without an agent's name is a client.
        let by_client = self.record.agent.is_none() && self.record.direction == Direction::Inbound;
        match &self.phase {
            Phase::Hunting { .. } if answer.is_none() => Err(Refusal::AnswerMissing),
            Phase::Hunting { .. } => Ok(()),
            Phase::Prepared { .. } if same => Ok(()),
            Phase::Prepared { .. } => Err(Refusal::AnswerDiffers),
            // The answer sent ahead, once more.
            Phase::Answering { .. } | Phase::Talking { .. }
                if by_client && (taking || facts.prepared.is_some()) =>
            {
                if same {
                    Ok(())
                } else {
                    Err(Refusal::AnswerDiffers)
                }
            }
            Phase::Answering { .. } | Phase::Talking { .. }
                if self.record.direction == Direction::Inbound =>
            {
                Err(Refusal::AnsweredElsewhere)
            }
            Phase::Ending { .. } | Phase::Over => Err(Refusal::CallEnded),
            Phase::Placing { .. }
            | Phase::Unclear { .. }
            | Phase::Dialing { .. }
            | Phase::Answering { .. }
            | Phase::Talking { .. } => Err(Refusal::NotRinging),
        }
    }

    /// The answer goes ahead. The same one again changes nothing.
    pub(super) fn prepare(&mut self, answer: Sdp, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        let Phase::Hunting { until, .. } = &self.phase else { return };
        let until = *until;
        self.silence(Silence::AnsweredElsewhere, events);
        self.phase = Phase::Prepared { until };
        let facts = &mut self.record.facts;
        facts.answer = Some(answer.clone());
        asks.extend(facts.wacid.clone().map(|wacid| Ask::PreAccept { wacid, answer }));
    }

    /// The client takes the call.
    pub(super) fn accept_relayed(
        &mut self,
        now: Time,
        answer: Option<Sdp>,
        along: Along,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        if matches!(self.phase, Phase::Hunting { .. } | Phase::Prepared { .. }) {
            self.record.correlation = along.correlation;
            self.record.facts.extras = along.extras;
        }
        if !matches!(self.phase, Phase::Prepared { .. }) {
            return self.claim(now, None, answer, asks, events);
        }
        let facts = &mut self.record.facts;
        facts.claimed_at = Some(now);
        let sent = facts.wacid.clone().zip(facts.answer.clone());
        let extras = facts.extras.clone();
        asks.extend(sent.map(|(wacid, answer)| Ask::Accept { wacid, answer, again: false, extras }));
        self.phase = Phase::Answering { until: now + Deadline::AcceptConfirmed.wait() };
    }

    /// Meta's word on an answer that was sent ahead. A refusal ends nothing: `accept` may still be taken.
    pub(super) fn pre_accept_reply(&mut self, reply: Result<Reply, Fault>, asks: &mut Vec<Ask>) {
        if self.is_bridged() {
            if reply.is_err() {
                self.unprepared(asks);
            }
            return;
        }
        let said = match reply {
            Ok(_) => Prepared::Taken,
            Err(Fault::Refused(error)) => Prepared::Refused(error),
            Err(Fault::Unreachable | Fault::Unclear) => Prepared::Unclear,
        };
        // A repetition after a restart may be refused though the first was taken.
        self.record.facts.prepared.get_or_insert(said);
    }
}
