//! What time does to a call, and the ways it ends.

use super::ask::Ask;
use super::deadline::{Deadline, INSIST_FOR};
use super::end::EndReason;
use super::machine::{Call, Phase};
use super::record::Intent;
use crate::event::{CallEvent, Silence};
use crate::meta::{Direction, MetaError};
use crate::time::Time;

impl Call {
    pub(super) fn wake(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        let Some((until, deadline)) = self.next_deadline() else { return };
        if now < until {
            return;
        }
        match deadline {
            Deadline::ConnectConfirmed => {
                self.phase = Phase::Unclear { until: now + Deadline::Adopted.wait() }
            }
            Deadline::Adopted => self.close(now, EndReason::Unconfirmed, None),
            Deadline::PickUp => self.give_up(now, EndReason::NoAnswer, asks),
            Deadline::Answer => {
                self.silence(Silence::NoAnswer, events);
                self.give_up(now, EndReason::NoAnswer, asks);
            }
            Deadline::AgentBack => self.lost(now, asks, events),
            Deadline::Found => self.next_rung(now, Silence::NoAnswer, asks, events),
            Deadline::Retrieved => self.unpark(now, events),
            Deadline::CustomerHeard => self.give_up(now, EndReason::NoMediaFromWhatsapp, asks),
            Deadline::AcceptConfirmed if self.awaits_path() => self.give_up(now, EndReason::IceFailed, asks),
            Deadline::AcceptConfirmed => self.give_up(now, EndReason::ProviderError, asks),
            Deadline::Cap => self.give_up(now, EndReason::Stale, asks),
            // A call that Meta may not have been told to end stays ours: closing it would leave it open there.
            Deadline::TerminateSeen if self.must_insist(now) => self.end_at_meta(now, asks),
            Deadline::TerminateSeen => {
                self.record.facts.closed_at = Some(now);
                self.phase = Phase::Over;
            }
        }
    }

    /// Whether our request to end the call may not have reached Meta, and asking again still makes sense.
    pub(super) fn must_insist(&self, now: Time) -> bool {
        let unheard = matches!(self.phase, Phase::Ending { heard: false, .. });
        let since = self.record.facts.intent.as_ref().map(|intent| intent.at);
        unheard && since.is_some_and(|since| now.since(since) < INSIST_FOR)
    }

    /// Ends the call in whatever phase its record is. A second time closes it as it stands.
    pub(super) fn crashed(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        self.silence(Silence::Failed, events);
        match &self.phase {
            Phase::Over => {}
            Phase::Placing { .. } | Phase::Unclear { .. } if self.record.facts.intent.is_none() => {
                self.intend(now, EndReason::InternalError, None);
            }
            Phase::Placing { .. } | Phase::Unclear { .. } | Phase::Ending { .. } => {
                self.close(now, EndReason::InternalError, None);
            }
            Phase::Dialing { .. }
            | Phase::Hunting { .. }
            | Phase::Prepared { .. }
            | Phase::Answering { .. }
            | Phase::Talking { .. } => {
                self.give_up(now, EndReason::InternalError, asks);
            }
        }
    }

    /// The same user calls us while we call them: their call lives, ours gives way, whatever order the
    /// webhooks of the two come in. A conversation that has begun stays.
    pub(super) fn give_way(&mut self, now: Time, asks: &mut Vec<Ask>) {
        match &self.phase {
            Phase::Placing { .. } | Phase::Unclear { .. } => self.intend(now, EndReason::Busy, None),
            Phase::Dialing { .. } => self.give_up(now, EndReason::Busy, asks),
            Phase::Hunting { .. }
            | Phase::Prepared { .. }
            | Phase::Answering { .. }
            | Phase::Talking { .. }
            | Phase::Ending { .. }
            | Phase::Over => {}
        }
    }

    // Endings.

    pub(super) fn give_up(&mut self, now: Time, reason: EndReason, asks: &mut Vec<Ask>) {
        self.intend(now, reason, None);
        self.end_at_meta(now, asks);
    }

    /// Remembers our first reason to end the call.
    pub(super) fn intend(&mut self, now: Time, reason: EndReason, error: Option<MetaError>) {
        self.record.facts.intent.get_or_insert(Intent { reason, at: now, error });
    }

    /// Over without anything to end at Meta.
    pub(super) fn close(&mut self, now: Time, reason: EndReason, error: Option<MetaError>) {
        self.intend(now, reason, error);
        self.record.facts.closed_at = Some(now);
        self.phase = Phase::Over;
    }

    /// Asks Meta to end the call, in the way its phase allows, and waits for the webhook.
    pub(super) fn end_at_meta(&mut self, now: Time, asks: &mut Vec<Ask>) {
        let facts = &self.record.facts;
        // A call that was pre-accepted is ended with `terminate` (whatsapp-calling.md 1.3).
        let untouched = self.record.direction == Direction::Inbound && facts.answer.is_none();
        asks.extend(facts.wacid.clone().map(|wacid| match untouched {
            true => Ask::Reject { wacid },
            false => Ask::Terminate { wacid },
        }));
        self.phase = Phase::Ending { until: now + Deadline::TerminateSeen.wait(), heard: false };
    }

    pub(super) fn silence(&mut self, reason: Silence, events: &mut Vec<CallEvent>) {
        let Phase::Hunting { hunt, .. } = &mut self.phase else { return };
        let agents = hunt.stop();
        if !agents.is_empty() {
            events.push(CallEvent::Silenced { agents, reason, by: None });
        }
    }
}
