//! What should happen in a call, seen from WhatsApp: states, deadlines and refusals, without a clock or a socket.
//!
//! `handle(now, input)` changes the call or refuses; `poll()` is drained after each; `next_deadline()` says when
//! to come back with `Input::Tick`. Times are Unix milliseconds. `Ended` is final.

use std::collections::VecDeque;

use super::words::{Direction, Input, Notice, Output, Phase, Reason, Refused, Span, Status, Timings};
use crate::magic::{Reaction, Script};

/// The deadlines a call can have, each at most once at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alarm {
    AnswerWebhook,
    Setup,
    Ringing,
    UserReacts,
    UserHangsUp,
    CallerGivesUp,
    AcceptWindow,
    RingTimeout,
    FirstMedia,
    MidCall,
}

/// A call as WhatsApp sees it.
#[derive(Debug)]
pub(crate) struct Machine {
    direction: Direction,
    timings: Timings,
    script: Script,
    // False when a phone outside carries the sound: nobody here can miss it.
    hears_media: bool,
    phase: Phase,
    answer_sdp: Option<String>,
    answer_due: bool,
    heard_media: bool,
    last_packet: u64,
    user_saw_answer: Option<u64>,
    alarms: Vec<(u64, Alarm)>,
    outbox: VecDeque<Output>,
}

impl Machine {
    /// A user calls the business with this offer.
    pub(crate) fn user_calls(
        now: u64,
        offer: String,
        script: Script,
        timings: Timings,
        hears_media: bool,
    ) -> Self {
        let mut call = Self::new(Direction::User, Phase::Ringing, script, timings, hears_media);
        call.outbox.push_back(Output::Webhook(Notice::Connect { sdp: offer }));
        call.arm(Alarm::AcceptWindow, now + timings.accept_window);
        if let Some(patience) = call.script.gives_up_after_ms {
            call.arm(Alarm::CallerGivesUp, now + patience);
        }
        call
    }

    /// The business calls a user.
    pub(crate) fn business_calls(now: u64, script: Script, timings: Timings, hears_media: bool) -> Self {
        let mut call = Self::new(Direction::Business, Phase::Placed, script, timings, hears_media);
        call.arm(Alarm::AnswerWebhook, now + timings.answer_webhook);
        call.arm(Alarm::Setup, now + timings.setup_timeout.max(timings.answer_webhook));
        call
    }

    fn new(direction: Direction, phase: Phase, script: Script, timings: Timings, hears_media: bool) -> Self {
        Self {
            direction,
            timings,
            script,
            hears_media,
            phase,
            answer_sdp: None,
            answer_due: false,
            heard_media: false,
            last_packet: 0,
            user_saw_answer: None,
            alarms: Vec::new(),
            outbox: VecDeque::new(),
        }
    }

    /// Applies one input, or refuses and changes nothing.
    pub(crate) fn handle(&mut self, now: u64, input: Input) -> Result<(), Refused> {
        match input {
            Input::PreAccept { sdp } => self.pre_accept(sdp),
            Input::Accept { sdp, answer } => self.accept(now, sdp, answer),
            Input::Reject => self.reject(now),
            Input::Terminate => self.terminate(now),
            Input::AnswerReady { sdp } => {
                self.answer_sdp.get_or_insert(sdp);
                self.signal_if_ready(now);
                Ok(())
            }
            Input::UserAnswers => self.user_answers(now),
            Input::UserDeclines => self.user_declines(now),
            Input::UserHangsUp => self.user_hangs_up(now),
            Input::FirstMedia => {
                self.first_media(now);
                Ok(())
            }
            Input::Packets => {
                self.last_packet = now;
                Ok(())
            }
            Input::Tick => {
                self.tick(now);
                Ok(())
            }
        }
    }

    /// The next thing to do; `None` when there is nothing until the next input.
    pub(crate) fn poll(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    /// When `Input::Tick` is wanted.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.alarms.iter().map(|(due, _)| *due).min()
    }

    /// Where the call is.
    pub(crate) fn phase(&self) -> &Phase {
        &self.phase
    }

    /// When the user's phone showed the call as answered.
    pub(crate) fn answered_at(&self) -> Option<u64> {
        self.user_saw_answer
    }

    /// Lets the user behave by another script from here on: the control API took over.
    pub(crate) fn replace_script(&mut self, now: u64, script: Script) {
        self.disarm(Alarm::UserReacts);
        self.script = script;
        if matches!(self.phase, Phase::Active { .. }) {
            self.arm_hang_up(now);
        }
    }

    fn pre_accept(&mut self, sdp: String) -> Result<(), Refused> {
        self.only_for_user_calls()?;
        match &self.phase {
            Phase::Ringing => {
                self.outbox.push_back(Output::BusinessSdp { sdp: sdp.clone(), answered: false });
                self.phase = Phase::PreAccepted { sdp };
                Ok(())
            }
            // Sent again, for instance after a lost reply: the same words mean the same thing.
            Phase::PreAccepted { sdp: first } if *first == sdp => Ok(()),
            Phase::PreAccepted { .. } => Err(Refused::SdpMismatch),
            Phase::Active { .. } => Err(Refused::AlreadyAccepted),
            Phase::Ended { .. } => Err(Refused::Ended),
            Phase::Placed | Phase::Signalled => Err(Refused::NotRinging),
        }
    }

    fn accept(&mut self, now: u64, sdp: String, answer: bool) -> Result<(), Refused> {
        self.only_for_user_calls()?;
        match &self.phase {
            // An accept that calls its SDP an offer is answered with 200, but no media ever flows (seen in the field).
            Phase::Ringing if answer => self.outbox.push_back(Output::BusinessSdp { sdp, answered: true }),
            Phase::Ringing => self.outbox.push_back(Output::Finding("accept_with_offer")),
            Phase::PreAccepted { sdp: first } if *first != sdp => return Err(Refused::SdpMismatch),
            Phase::PreAccepted { .. } => self.outbox.push_back(Output::BusinessSdp { sdp, answered: true }),
            Phase::Active { .. } => return Err(Refused::AlreadyAccepted),
            Phase::Ended { .. } => return Err(Refused::Ended),
            Phase::Placed | Phase::Signalled => return Err(Refused::NotRinging),
        }
        self.become_active(now);
        Ok(())
    }

    fn reject(&mut self, now: u64) -> Result<(), Refused> {
        self.only_for_user_calls()?;
        match &self.phase {
            Phase::Ringing | Phase::PreAccepted { .. } => {
                self.end(now, Reason::RejectedByBusiness);
                Ok(())
            }
            Phase::Ended { reason: Reason::RejectedByBusiness } => Err(Refused::AlreadyRejected),
            Phase::Ended { .. } => Err(Refused::Ended),
            Phase::Active { .. } => Err(Refused::AlreadyAccepted),
            Phase::Placed | Phase::Signalled => Err(Refused::NotRinging),
        }
    }

    fn terminate(&mut self, now: u64) -> Result<(), Refused> {
        if matches!(self.phase, Phase::Ended { .. }) {
            return Err(Refused::Ended);
        }
        self.end(now, Reason::TerminatedByBusiness);
        Ok(())
    }

    fn user_answers(&mut self, now: u64) -> Result<(), Refused> {
        match (&self.phase, self.direction) {
            (Phase::Ringing, Direction::Business) => {
                self.outbox.push_back(Output::Webhook(Notice::Status(Status::Accepted)));
                self.become_active(now);
                Ok(())
            }
            (Phase::Active { .. }, _) => Err(Refused::AlreadyAccepted),
            (Phase::Ended { .. }, _) => Err(Refused::Ended),
            (Phase::Placed | Phase::Signalled | Phase::Ringing | Phase::PreAccepted { .. }, _) => {
                Err(Refused::NotRinging)
            }
        }
    }

    fn user_declines(&mut self, now: u64) -> Result<(), Refused> {
        match (&self.phase, self.direction) {
            (Phase::Placed | Phase::Signalled | Phase::Ringing, Direction::Business) => {
                self.outbox.push_back(Output::Webhook(Notice::Status(Status::Rejected)));
                self.end(now, Reason::DeclinedByUser);
                Ok(())
            }
            (Phase::Ended { .. }, _) => Err(Refused::Ended),
            (_, _) => Err(Refused::NotRinging),
        }
    }

    fn user_hangs_up(&mut self, now: u64) -> Result<(), Refused> {
        match (&self.phase, self.direction) {
            (Phase::Ended { .. }, _) => Err(Refused::Ended),
            (Phase::Active { .. }, _) => {
                self.end(now, Reason::HungUpByUser);
                Ok(())
            }
            (Phase::Ringing | Phase::PreAccepted { .. }, Direction::User) => {
                self.end(now, Reason::CallerGaveUp);
                Ok(())
            }
            (
                Phase::Placed | Phase::Signalled | Phase::Ringing | Phase::PreAccepted { .. },
                Direction::Business,
            ) => self.user_declines(now),
            (Phase::Placed | Phase::Signalled, Direction::User) => Err(Refused::NotRinging),
        }
    }

    fn first_media(&mut self, now: u64) {
        self.heard_media = true;
        self.last_packet = now;
        self.disarm(Alarm::FirstMedia);
        match (&self.phase, self.direction) {
            (Phase::Active { .. }, _) => self.arm(Alarm::MidCall, now + self.timings.mid_silence),
            (Phase::PreAccepted { .. }, Direction::User) => {
                // The user's phone takes the first packet for the answer, so its timer starts now.
                self.user_saw_answer.get_or_insert(now);
                self.outbox.push_back(Output::Finding("rtp_before_accept"));
            }
            (
                Phase::Placed
                | Phase::Signalled
                | Phase::Ringing
                | Phase::PreAccepted { .. }
                | Phase::Ended { .. },
                _,
            ) => {}
        }
    }

    fn tick(&mut self, now: u64) {
        while let Some(alarm) = self.take_due(now) {
            self.ring(now, alarm);
        }
    }

    fn ring(&mut self, now: u64, alarm: Alarm) {
        match alarm {
            Alarm::AnswerWebhook => {
                self.answer_due = true;
                self.signal_if_ready(now);
            }
            Alarm::Setup => self.end(now, Reason::SetupFailed),
            Alarm::Ringing => self.start_ringing(now),
            Alarm::UserReacts => {
                let reaction = match self.script.reaction {
                    Reaction::Answers(_) => self.user_answers(now),
                    Reaction::Declines(_) => self.user_declines(now),
                    Reaction::Nothing => Ok(()),
                };
                debug_assert!(reaction.is_ok(), "a reaction is only armed while ringing");
            }
            Alarm::UserHangsUp => self.end(now, Reason::HungUpByUser),
            Alarm::CallerGivesUp => self.end(now, Reason::CallerGaveUp),
            Alarm::AcceptWindow | Alarm::RingTimeout => self.end(now, Reason::NotAnswered),
            Alarm::FirstMedia => self.end(now, Reason::MediaTimeout),
            Alarm::MidCall => {
                let due = self.last_packet + self.timings.mid_silence;
                if due <= now {
                    self.end(now, Reason::MediaTimeout);
                } else {
                    self.arm(Alarm::MidCall, due);
                }
            }
        }
    }

    fn signal_if_ready(&mut self, now: u64) {
        if self.phase != Phase::Placed || !self.answer_due {
            return;
        }
        let Some(sdp) = self.answer_sdp.take() else { return };
        self.disarm(Alarm::Setup);
        self.phase = Phase::Signalled;
        self.outbox.push_back(Output::Webhook(Notice::Connect { sdp }));
        self.arm(Alarm::Ringing, now + self.timings.ringing);
    }

    fn start_ringing(&mut self, now: u64) {
        self.phase = Phase::Ringing;
        self.outbox.push_back(Output::Webhook(Notice::Status(Status::Ringing)));
        self.outbox.push_back(Output::RingPhone);
        self.arm(Alarm::RingTimeout, now + self.timings.ring_timeout);
        match self.script.reaction {
            Reaction::Answers(after) | Reaction::Declines(after) => self.arm(Alarm::UserReacts, now + after),
            Reaction::Nothing => {}
        }
    }

    fn become_active(&mut self, now: u64) {
        self.alarms.clear();
        self.phase = Phase::Active { since: now };
        self.user_saw_answer.get_or_insert(now);
        self.outbox.push_back(Output::OpenMedia);
        if self.hears_media {
            if self.heard_media {
                self.arm(Alarm::MidCall, now.max(self.last_packet) + self.timings.mid_silence);
            } else {
                self.arm(Alarm::FirstMedia, now + self.timings.start_silence);
            }
        }
        self.arm_hang_up(now);
    }

    fn arm_hang_up(&mut self, now: u64) {
        self.disarm(Alarm::UserHangsUp);
        if let Some(after) = self.script.hangs_up_after_ms {
            self.arm(Alarm::UserHangsUp, now + after);
        }
    }

    fn end(&mut self, now: u64, reason: Reason) {
        self.alarms.clear();
        let answered = self.user_saw_answer.map(|start| Span { start, end: now });
        self.phase = Phase::Ended { reason };
        self.outbox.push_back(Output::Webhook(Notice::Terminate { answered, failure: reason.failure() }));
        self.outbox.push_back(Output::Close(reason));
    }

    fn only_for_user_calls(&self) -> Result<(), Refused> {
        if self.direction == Direction::User { Ok(()) } else { Err(Refused::OnlyForUserCalls) }
    }

    fn arm(&mut self, alarm: Alarm, due: u64) {
        self.disarm(alarm);
        self.alarms.push((due, alarm));
    }

    fn disarm(&mut self, alarm: Alarm) {
        self.alarms.retain(|(_, other)| *other != alarm);
    }

    fn take_due(&mut self, now: u64) -> Option<Alarm> {
        let (index, _) = self.alarms.iter().enumerate().min_by_key(|(_, (due, _))| *due)?;
        if self.alarms[index].0 > now { None } else { Some(self.alarms.remove(index).1) }
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
