//! What people want of a call, and what they are refused.

use std::collections::BTreeSet;

use super::ask::Ask;
use super::deadline::Deadline;
use super::end::EndReason;
use super::machine::{Call, Command, Phase};
use super::refusal::Refusal;
use crate::event::{CallEvent, Leaving, Silence};
use crate::id::UserId;
use crate::meta::Direction;
use crate::sdp::Sdp;
use crate::time::Time;

impl Call {
    pub(super) fn permit(&self, command: &Command) -> Result<(), Refusal> {
        let owner = self.record.agent.as_ref();
        match (command, &self.phase) {
            (Command::Hangup { .. }, Phase::Over)
            | (Command::Reject, Phase::Hunting { .. } | Phase::Prepared { .. }) => Ok(()),
            (_, Phase::Over) => Err(Refusal::CallEnded),
            (Command::Accept { .. } | Command::PreAccept { .. } | Command::AcceptRelayed { .. }, _)
                if self.is_bridged() =>
            {
                Err(Refusal::OtherMedia)
            }
            (Command::PreAccept { answer }, _) => self.permit_answer(Some(answer), false),
            (Command::AcceptRelayed { answer, .. }, _) => self.permit_answer(answer.as_ref(), true),
            (Command::Take { .. } | Command::Answer { .. }, _) if !self.is_bridged() => {
                Err(Refusal::OtherMedia)
            }
            (
                Command::Arrange { .. }
                | Command::Leave { .. }
                | Command::Supervise { .. }
                | Command::TakeOver { .. },
                _,
            ) => self.permit_at_table(command),
            (Command::Answer { .. }, Phase::Hunting { .. }) => Ok(()),
            (Command::Answer { .. }, Phase::Answering { .. } | Phase::Talking { .. }) => {
                Err(Refusal::AnsweredElsewhere)
            }
            (Command::Take { agent }, Phase::Talking { .. }) if self.may_sit_down(agent) => {
                self.room_to_sit(agent)
            }
            (Command::Take { agent }, Phase::Hunting { hunt, .. }) if hunt.rung().contains(agent) => Ok(()),
            (Command::Take { agent }, Phase::Answering { .. } | Phase::Talking { .. }) => {
                if owner == Some(agent) || self.record.facts.table.seats.contains_key(agent) {
                    Ok(())
                } else {
                    Err(Refusal::AnsweredElsewhere)
                }
            }
            (Command::Accept { agent, .. }, Phase::Hunting { hunt, .. }) if hunt.rung().contains(agent) => {
                Ok(())
            }
            // The same answer again is a double click or a resent command. Another one comes from another
            // tab, which would believe it has the call and never hear anything.
            (Command::Accept { agent, answer }, Phase::Answering { .. } | Phase::Talking { .. }) => {
                let same = self.record.facts.answer.as_ref() == Some(answer);
                let mine = owner == Some(agent) && same && self.record.direction == Direction::Inbound;
                if mine { Ok(()) } else { Err(Refusal::AnsweredElsewhere) }
            }
            (Command::Accept { .. }, Phase::Prepared { .. }) => Err(Refusal::AnsweredElsewhere),
            (Command::Accept { .. } | Command::Take { .. }, Phase::Ending { .. }) => Err(Refusal::CallEnded),
            (Command::Decline { agent }, Phase::Hunting { hunt, .. })
                if hunt.rung().contains(agent) || hunt.declined().contains(agent) =>
            {
                Ok(())
            }
            (Command::Decline { agent }, Phase::Talking { .. })
                if self.line.rung().is_some_and(|rung| rung.contains(agent)) =>
            {
                Ok(())
            }
            (
                Command::Accept { .. }
                | Command::Take { .. }
                | Command::Answer { .. }
                | Command::Decline { .. }
                | Command::Reject,
                _,
            ) => Err(Refusal::NotRinging),
            (Command::Hangup { by: Some(agent) }, _) if self.record.facts.table.seats.contains_key(agent) => {
                Ok(())
            }
            (Command::Hangup { by: Some(agent) }, _) if owner != Some(agent) => Err(Refusal::NotYours),
            (Command::Hangup { .. }, _) => Ok(()),
        }
    }

    pub(super) fn command(
        &mut self,
        now: Time,
        command: Command,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        match command {
            Command::Accept { agent, answer } => self.claim(now, Some(agent), Some(answer), asks, events),
            Command::PreAccept { answer } => self.prepare(answer, asks, events),
            Command::AcceptRelayed { answer, along } => self.accept_relayed(now, answer, along, asks, events),
            Command::Take { agent } if matches!(self.phase, Phase::Talking { .. }) => {
                self.sit_down(agent, events)
            }
            Command::Take { agent } => self.claim(now, Some(agent), None, asks, events),
            Command::Answer { connect } => {
                self.record.facts.connect = Some(connect);
                self.claim(now, None, None, asks, events);
            }
            Command::Arrange { by, wish } => self.arrange(now, by, wish, asks, events),
            Command::Supervise { agent, role } => {
                self.record.facts.table.seats.insert(agent, role);
            }
            Command::TakeOver { agent } => self.hand_over(agent, Leaving::TakenOver, events),
            Command::Leave { agent } => self.leave(&agent, events),
            Command::Decline { agent } if matches!(self.phase, Phase::Talking { .. }) => {
                self.decline_seat(now, &agent, asks, events);
            }
            Command::Decline { agent } => self.decline(now, agent, asks, events),
            // Whoever is not the owner only leaves.
            Command::Hangup { by: Some(agent) } if self.record.facts.table.seats.contains_key(&agent) => {
                self.unseat(&agent, Leaving::Left, events);
            }
            Command::Hangup { by: Some(agent) }
                if matches!(self.phase, Phase::Talking { .. }) && self.park_again(&agent, events) => {}
            Command::Reject | Command::Hangup { .. } => self.hangup(now, asks, events),
        }
    }

    pub(super) fn claim(
        &mut self,
        now: Time,
        agent: Option<UserId>,
        answer: Option<Sdp>,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        // A repeated accept of the owner's (double click, resent command) changes nothing.
        let Phase::Hunting { hunt, .. } = &mut self.phase else { return };
        let mut others = hunt.stop();
        others.retain(|other| Some(other) != agent.as_ref());
        if !others.is_empty() {
            let (reason, by) = (Silence::AnsweredElsewhere, agent.clone());
            events.push(CallEvent::Silenced { agents: others, reason, by });
        }
        let facts = &mut self.record.facts;
        facts.claimed_at = Some(now);
        self.record.agent = agent;
        self.phase = Phase::Answering { until: now + Deadline::AcceptConfirmed.wait() };
        let Some(answer) = answer else { return self.accept_when_ready(asks) };
        let facts = &mut self.record.facts;
        facts.answer = Some(answer.clone());
        let extras = facts.extras.clone();
        asks.extend(facts.wacid.clone().map(|wacid| Ask::Accept { wacid, answer, again: false, extras }));
    }

    pub(super) fn decline(
        &mut self,
        now: Time,
        agent: UserId,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        let Phase::Hunting { hunt, .. } = &mut self.phase else { return };
        if !hunt.decline(&agent) {
            return;
        }
        let exhausted = hunt.exhausted();
        self.record.facts.declined.insert(agent.clone());
        let agents = BTreeSet::from([agent]);
        events.push(CallEvent::Silenced { agents, reason: Silence::Declined, by: None });
        if exhausted {
            self.give_up(now, EndReason::AgentRejected, asks);
        }
    }

    pub(super) fn hangup(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        match &self.phase {
            Phase::Over | Phase::Ending { .. } => {}
            // WhatsApp was never asked: there is nothing that could still appear.
            Phase::Placing { .. } if self.record.facts.offer.is_none() => {
                self.close(now, EndReason::Cancelled, None);
            }
            // Nothing to end at Meta yet: if the call turns out to exist, it is ended then.
            Phase::Placing { .. } | Phase::Unclear { .. } => self.intend(now, EndReason::Cancelled, None),
            Phase::Dialing { .. } => self.give_up(now, EndReason::Cancelled, asks),
            Phase::Hunting { .. } => {
                self.silence(Silence::Declined, events);
                self.give_up(now, EndReason::AgentRejected, asks);
            }
            Phase::Prepared { .. } => self.give_up(now, EndReason::AgentRejected, asks),
            Phase::Answering { .. } => self.give_up(now, EndReason::Cancelled, asks),
            Phase::Talking { .. } => self.give_up(now, EndReason::LocalHangup, asks),
        }
    }

    pub(super) fn agents(
        &mut self,
        now: Time,
        agents: &BTreeSet<UserId>,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        let Phase::Hunting { hunt, .. } = &mut self.phase else {
            return self.seek_among(now, agents, asks, events);
        };
        let change = hunt.available(agents);
        if !change.stopped.is_empty() {
            let (agents, reason) = (change.stopped, Silence::Failed);
            events.push(CallEvent::Silenced { agents, reason, by: None });
        }
        if !change.started.is_empty() {
            events.push(CallEvent::Rang { agents: change.started });
        }
    }
}
