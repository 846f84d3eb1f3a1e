//! Picking a live call up where its record says, after a restart.

use super::ask::Ask;
use super::deadline::Deadline;
use super::end::EndReason;
use super::hunt::Hunt;
use super::machine::{Call, Output, Phase};
use super::record::{CallRecord, State};
use super::sound::{Line, SoundAsk};
use crate::event::{CallEvent, Silence};
use crate::meta::Direction;
use crate::time::Time;

impl Call {
    /// A call as its record tells, ready to go on.
    ///
    /// Requests that may have been lost are queued again where repeating them is safe (`accept` with the
    /// same bytes, `reject`, `terminate`). `connect` is never: such a call waits to be adopted by a webhook.
    /// Deadlines keep their places in time, so a restart neither shortens nor lengthens a wait.
    #[must_use]
    pub fn restore(record: CallRecord, now: Time) -> Self {
        let state = record.state;
        let mut call = Self::as_stored(record, now);
        let mut asks = Vec::new();
        if call.is_bridged() && !state.is_over() {
            call.recover_bridged(now);
            return call;
        }
        if let (State::Answering, Some(wacid), Some(answer)) =
            (state, call.record.facts.wacid.clone(), call.record.facts.answer.clone())
        {
            let extras = call.record.facts.extras.clone();
            asks.push(Ask::Accept { wacid, answer, again: true, extras });
        }
        // Its reply may have been lost with the server; a second one changes nothing.
        if let (State::PreAccepted, None, Some(wacid), Some(answer)) = (
            state,
            &call.record.facts.prepared,
            call.record.facts.wacid.clone(),
            call.record.facts.answer.clone(),
        ) {
            asks.push(Ask::PreAccept { wacid, answer });
        }
        let we_end_it = call.record.facts.intent.is_some() && call.record.facts.wacid.is_some();
        if state == State::Ending && we_end_it {
            call.end_at_meta(now, &mut asks);
        }
        call.out.extend(asks.into_iter().map(Output::Ask));
        call
    }

    /// A call as its record tells, for whoever is going to end it: nothing is asked again.
    #[must_use]
    pub fn as_stored(record: CallRecord, now: Time) -> Self {
        let state = record.state;
        let facts = &record.facts;
        let phase = match state {
            State::Created => Phase::Unclear { until: now + Deadline::Adopted.wait() },
            State::Ending if facts.wacid.is_none() => {
                Phase::Unclear { until: now + Deadline::Adopted.wait() }
            }
            State::Dialing => Phase::Dialing { until: record.created_at + Deadline::PickUp.wait() },
            State::Ringing | State::Queued if record.direction == Direction::Inbound => {
                let hunt = Hunt::resumed(facts.declined.iter().cloned());
                Phase::Hunting { until: record.created_at + Deadline::Answer.wait(), hunt }
            }
            State::Ringing | State::Queued => {
                Phase::Dialing { until: record.created_at + Deadline::PickUp.wait() }
            }
            State::PreAccepted => Phase::Prepared { until: record.created_at + Deadline::Answer.wait() },
            State::Answering => Phase::Answering { until: now + Deadline::AcceptConfirmed.wait() },
            State::Connected => {
                let since = record.answered_at().unwrap_or(record.created_at);
                Phase::Talking { until: since + Deadline::Cap.wait() }
            }
            State::Ending => Phase::Ending { until: now + Deadline::TerminateSeen.wait(), heard: true },
            State::Completed | State::Rejected | State::Missed | State::Failed => Phase::Over,
        };
        let mut call = Self::with(record, phase);
        if call.is_bridged() && !state.is_over() {
            call.line.inherit();
        }
        call
    }

    /// The sound went with the process that carried it, and WhatsApp's leg cannot be built twice. A call that
    /// WhatsApp has no answer to yet goes on; every other one ends, with the reason.
    fn recover_bridged(&mut self, now: Time) {
        let hunting = matches!(self.phase, Phase::Hunting { .. });
        if hunting && self.record.facts.answer.is_none() {
            // What a task that was set aside has left is not to be heard beside the new one.
            self.line = Line::default();
            self.out.push_back(Output::Sound(SoundAsk::Close));
            return self.ask_sound();
        }
        self.apply(now, |call, asks, events| match &call.phase {
            // Our request to end it may have died with the process.
            Phase::Ending { .. } => call.give_up(now, EndReason::ServerRestarted, asks),
            _ => call.let_go(now, asks, events),
        });
    }

    /// Ends a bridged call whose sound goes with the process, wherever it is. One that WhatsApp has no answer to
    /// yet is left to the next process.
    pub(super) fn let_go(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        if matches!(self.phase, Phase::Hunting { .. }) && self.record.facts.answer.is_none() {
            return;
        }
        self.silence(Silence::Failed, events);
        match &self.phase {
            Phase::Over | Phase::Ending { .. } => {}
            // Whether WhatsApp was asked is not known: if the call shows up, it is ended then.
            Phase::Placing { .. } | Phase::Unclear { .. } => {
                self.intend(now, EndReason::ServerRestarted, None);
            }
            _ => self.give_up(now, EndReason::ServerRestarted, asks),
        }
    }
}
