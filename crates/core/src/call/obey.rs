//! What people want of a call, and what they are refused.

use std::collections::BTreeSet;

use super::ask::Ask;
use super::deadline::Deadline;
use super::end::EndReason;
use super::machine::{Call, Command, Phase};
use super::refusal::Refusal;
use crate::event::{CallEvent, Silence};
use crate::id::UserId;
use crate::meta::Direction;
use crate::sdp::Sdp;
use crate::time::Time;

impl Call {
    pub(super) fn permit(&self, command: &Command) -> Result<(), Refusal> {
        let owner = self.record.agent.as_ref();
        match (command, &self.phase) {
            (Command::Hangup { .. }, Phase::Over) | (Command::Reject, Phase::Hunting { .. }) => Ok(()),
            (_, Phase::Over) => Err(Refusal::CallEnded),
            (Command::Accept { .. }, _) if self.is_bridged() => Err(Refusal::OtherMedia),
            (Command::Take { .. } | Command::Hold { .. }, _) if !self.is_bridged() => {
                Err(Refusal::OtherMedia)
            }
            (Command::Take { agent }, Phase::Hunting { hunt, .. }) if hunt.rung().contains(agent) => Ok(()),
            (Command::Take { agent }, Phase::Answering { .. } | Phase::Talking { .. }) => {
                let mine = owner == Some(agent) && self.record.direction == Direction::Inbound;
                if mine { Ok(()) } else { Err(Refusal::AnsweredElsewhere) }
            }
            (Command::Hold { by: Some(agent), .. }, _) if owner != Some(agent) => Err(Refusal::NotYours),
            (Command::Hold { .. }, Phase::Talking { .. }) => Ok(()),
            (Command::Hold { .. }, _) => Err(Refusal::NotTalking),
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
            (Command::Accept { .. } | Command::Take { .. }, Phase::Ending { .. }) => Err(Refusal::CallEnded),
            (Command::Decline { agent }, Phase::Hunting { hunt, .. })
                if hunt.rung().contains(agent) || hunt.declined().contains(agent) =>
            {
                Ok(())
            }
            (
                Command::Accept { .. } | Command::Take { .. } | Command::Decline { .. } | Command::Reject,
                _,
            ) => Err(Refusal::NotRinging),
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
            Command::Accept { agent, answer } => self.claim(now, agent, Some(answer), asks, events),
            Command::Take { agent } => self.claim(now, agent, None, asks, events),
            Command::Hold { on, .. } => self.record.facts.held = on,
            Command::Decline { agent } => self.decline(now, agent, asks, events),
            Command::Reject | Command::Hangup { .. } => self.hangup(now, asks, events),
        }
    }

    pub(super) fn claim(
        &mut self,
        now: Time,
        agent: UserId,
        answer: Option<Sdp>,
        asks: &mut Vec<Ask>,
        events: &mut Vec<CallEvent>,
    ) {
        // A repeated accept of the owner's (double click, resent command) changes nothing.
        let Phase::Hunting { hunt, .. } = &mut self.phase else { return };
        let mut others = hunt.stop();
        others.remove(&agent);
        if !others.is_empty() {
            let (reason, by) = (Silence::AnsweredElsewhere, Some(agent.clone()));
            events.push(CallEvent::Silenced { agents: others, reason, by });
        }
        let facts = &mut self.record.facts;
        facts.claimed_at = Some(now);
        self.record.agent = Some(agent);
        self.phase = Phase::Answering { until: now + Deadline::AcceptConfirmed.wait() };
        let Some(answer) = answer else { return self.accept_when_ready(asks) };
        let facts = &mut self.record.facts;
        facts.answer = Some(answer.clone());
        asks.extend(facts.wacid.clone().map(|wacid| Ask::Accept { wacid, answer, again: false }));
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
            Phase::Answering { .. } => self.give_up(now, EndReason::Cancelled, asks),
            Phase::Talking { .. } => self.give_up(now, EndReason::LocalHangup, asks),
        }
    }

    pub(super) fn agents(&mut self, agents: &BTreeSet<UserId>, events: &mut Vec<CallEvent>) {
        let Phase::Hunting { hunt, .. } = &mut self.phase else { return };
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
