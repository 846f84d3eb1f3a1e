//! The machine: phases, inputs, outputs.
//!
//! The file stays whole: a phase is understood by the inputs that enter and leave it.

use std::collections::{BTreeSet, VecDeque};

use super::ask::{Ask, Fault, Reply};
use super::deadline::{Deadline, INSIST_FOR};
use super::end::EndReason;
use super::hunt::Hunt;
use super::record::{CallRecord, Facts, Intent, State};
use super::refusal::Refusal;
use crate::event::{CallEvent, Event, Silence};
use crate::house::{BusinessNumber, MediaMode};
use crate::id::{CallId, UserId, Wacid};
use crate::meta::{Direction, MetaError, MetaEvent, MetaEventKind, Party};
use crate::phone::Phone;
use crate::sdp::Sdp;
use crate::time::Time;

/// One conversation. See the folder's header for how it is driven.
#[derive(Debug)]
pub struct Call {
    pub(super) record: CallRecord,
    pub(super) phase: Phase,
    pub(super) out: VecDeque<Output>,
}

/// What the call is waiting for, with the data that exists only then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// Outbound: `connect` is on its way.
    Placing {
        /// When its reply is overdue.
        until: Time,
    },
    /// Outbound: `connect` may or may not have worked. It is not sent again; a webhook may tell.
    Unclear {
        /// When we give up.
        until: Time,
    },
    /// Outbound: placed, not picked up.
    Dialing {
        /// When we give up.
        until: Time,
    },
    /// Inbound: looking for an agent.
    Hunting {
        /// When we give up.
        until: Time,
        /// Who rings.
        hunt: Hunt,
    },
    /// Inbound: taken, `accept` is on its way.
    Answering {
        /// When its reply is overdue.
        until: Time,
    },
    /// A conversation.
    Talking {
        /// The cap.
        until: Time,
    },
    /// Over for us; Meta's `terminate` webhook is awaited.
    Ending {
        /// When we close without it.
        until: Time,
        /// Whether Meta has answered our request to end it, or needed none.
        heard: bool,
    },
    /// Over. Late facts may still correct the record.
    Over,
}

/// What can happen to a call.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A webhook.
    Meta(MetaEvent),
    /// Meta's reply to `connect`.
    ConnectReply(Result<Reply, Fault>),
    /// Meta's reply to `accept`.
    AcceptReply(Result<Reply, Fault>),
    /// Meta's reply to `reject` or `terminate`.
    EndReply(Result<Reply, Fault>),
    /// Who can be rung now.
    Agents(BTreeSet<UserId>),
    /// Somebody wants something.
    Command(Command),
    /// A deadline may have passed.
    Wake,
    /// Handling the call failed in a way nobody foresaw; the call is as it was last stored.
    Crashed,
}

/// What people and clients may ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// An agent takes the call with their SDP answer.
    Accept {
        /// Who.
        agent: UserId,
        /// Their answer.
        answer: Sdp,
    },
    /// An agent does not want it.
    Decline {
        /// Who.
        agent: UserId,
    },
    /// End it, whatever it is doing.
    Hangup {
        /// The agent; none for clients whose key covers every call.
        by: Option<UserId>,
    },
}

/// What the driver must do, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// Store this before anything that follows.
    Commit(Box<Commit>),
    /// Send this to Meta and bring the reply back.
    Ask(Ask),
}

/// A record and the events that tell of its change: stored in one transaction.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// As it is after the change. `version` is one more than the stored one.
    pub record: CallRecord,
    /// What happened, oldest first. May be empty.
    pub events: Vec<Event>,
}

/// An outbound call as requested.
#[derive(Debug, Clone)]
pub struct NewOutbound {
    /// Fresh id.
    pub id: CallId,
    /// The number to call from.
    pub number: BusinessNumber,
    /// The user.
    pub to: Phone,
    /// The client's complete offer.
    pub offer: Sdp,
    /// Who places it, when a person does.
    pub agent: Option<UserId>,
    /// The client's correlation.
    pub correlation: Option<String>,
    /// The client's conversation.
    pub conversation_id: Option<String>,
}

impl Call {
    /// Places an outbound relayed call.
    #[must_use]
    pub fn place(new: NewOutbound, now: Time) -> Self {
        let facts = Facts {
            party: Party { phone: Some(new.to.clone()), ..Party::default() },
            offer: Some(new.offer.clone()),
            ..Facts::default()
        };
        let opaque = new.id.as_str().to_owned();
        let mut record = blank(new.id, &new.number, Direction::Outbound, now, facts);
        record.agent = new.agent;
        record.correlation = new.correlation;
        record.conversation_id = new.conversation_id;
        let mut call = Self::with(record, Phase::Placing { until: now + Deadline::ConnectConfirmed.wait() });
        let ask = Ask::Connect { to: new.to, offer: new.offer, opaque };
        call.commit(now, vec![CallEvent::Initiated], vec![ask]);
        call
    }

    /// Takes in an inbound call from whichever of its webhooks came first.
    #[must_use]
    pub fn incoming(id: CallId, number: &BusinessNumber, first: MetaEvent, now: Time) -> Self {
        let record = blank(id, number, Direction::Inbound, now, Facts::default());
        let hunting = Phase::Hunting { until: now + Deadline::Answer.wait(), hunt: Hunt::default() };
        let mut call = Self::with(record, hunting);
        call.apply(now, |call, asks, events| call.learn(now, first, asks, events));
        call
    }

    pub(super) const fn with(record: CallRecord, phase: Phase) -> Self {
        Self { record, phase, out: VecDeque::new() }
    }

    /// Changes the call once.
    ///
    /// # Errors
    /// A [`Refusal`] of a command; the call is then unchanged.
    pub fn handle(&mut self, now: Time, input: Input) -> Result<(), Refusal> {
        match input {
            Input::Meta(event) => {
                self.apply(now, |call, asks, events| call.learn(now, event, asks, events));
            }
            Input::ConnectReply(reply) => {
                self.apply(now, |call, asks, _| call.connect_reply(now, reply, asks))
            }
            Input::AcceptReply(reply) => self.apply(now, |call, asks, _| call.accept_reply(now, reply, asks)),
            Input::EndReply(reply) => self.end_reply(&reply),
            Input::Agents(agents) => self.apply(now, |call, _, events| call.agents(&agents, events)),
            Input::Command(command) => {
                self.permit(&command)?;
                self.apply(now, |call, asks, events| call.command(now, command, asks, events));
            }
            Input::Wake => self.apply(now, |call, asks, events| call.wake(now, asks, events)),
            Input::Crashed => self.apply(now, |call, asks, events| call.crashed(now, asks, events)),
        }
        Ok(())
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When to send [`Input::Wake`], and why.
    #[must_use]
    pub const fn next_deadline(&self) -> Option<(Time, Deadline)> {
        Some(match &self.phase {
            Phase::Placing { until } => (*until, Deadline::ConnectConfirmed),
            Phase::Unclear { until } => (*until, Deadline::Adopted),
            Phase::Dialing { until } => (*until, Deadline::PickUp),
            Phase::Hunting { until, .. } => (*until, Deadline::Answer),
            Phase::Answering { until } => (*until, Deadline::AcceptConfirmed),
            Phase::Talking { until } => (*until, Deadline::Cap),
            Phase::Ending { until, .. } => (*until, Deadline::TerminateSeen),
            Phase::Over => return None,
        })
    }

    /// The facts as they are now.
    #[must_use]
    pub const fn record(&self) -> &CallRecord {
        &self.record
    }

    /// Who rings now.
    #[must_use]
    pub const fn rung(&self) -> Option<&BTreeSet<UserId>> {
        match &self.phase {
            Phase::Hunting { hunt, .. } => Some(hunt.rung()),
            _ => None,
        }
    }

    /// Whether only late facts can still change it.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Runs one change and, if anything changed, queues its commit before its asks.
    fn apply(&mut self, now: Time, change: impl FnOnce(&mut Self, &mut Vec<Ask>, &mut Vec<CallEvent>)) {
        let before = self.record.clone();
        let (mut asks, mut events) = (Vec::new(), Vec::new());
        change(self, &mut asks, &mut events);
        self.derive();
        events.extend(told_by(&before, &self.record));
        if before != self.record || !events.is_empty() {
            self.commit(now, events, asks);
        } else {
            self.out.extend(asks.into_iter().map(Output::Ask));
        }
    }

    fn commit(&mut self, now: Time, events: Vec<CallEvent>, asks: Vec<Ask>) {
        self.record.version += 1;
        self.record.updated_at = now;
        let (call, owner) = (&self.record.id, &self.record.agent);
        let events = events
            .into_iter()
            .map(|what| Event::Call { call: call.clone(), owner: owner.clone(), what })
            .collect();
        self.out.push_back(Output::Commit(Box::new(Commit { record: self.record.clone(), events })));
        self.out.extend(asks.into_iter().map(Output::Ask));
    }

    /// Sets what follows from phase and facts.
    fn derive(&mut self) {
        let ending = self.record.facts.intent.is_some();
        let outcome = self.record.facts.outcome(self.record.direction, self.record.created_at);
        let (state, reason) = match &self.phase {
            Phase::Placing { .. } | Phase::Unclear { .. } if ending => (State::Ending, None),
            Phase::Placing { .. } | Phase::Unclear { .. } => (State::Created, None),
            Phase::Dialing { .. } if self.record.facts.ringing_at.is_some() => (State::Ringing, None),
            Phase::Dialing { .. } => (State::Dialing, None),
            Phase::Hunting { hunt, .. } if hunt.rung().is_empty() => (State::Queued, None),
            Phase::Hunting { .. } => (State::Ringing, None),
            Phase::Answering { .. } => (State::Answering, None),
            Phase::Talking { .. } => (State::Connected, None),
            Phase::Ending { .. } => (State::Ending, None),
            Phase::Over => outcome.map_or((State::Failed, None), |(state, reason)| (state, Some(reason))),
        };
        self.record.state = state;
        self.record.end_reason = reason;
    }

    // What Meta says.

    fn learn(&mut self, now: Time, event: MetaEvent, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
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
    fn advance(&mut self, now: Time, alive: bool, asks: &mut Vec<Ask>) {
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

    fn connect_reply(&mut self, now: Time, reply: Result<Reply, Fault>, asks: &mut Vec<Ask>) {
        match reply {
            Ok(Reply::Placed(wacid)) => self.placed(now, wacid, asks),
            Ok(Reply::Accepted | Reply::Ended) => {}
            Err(_) if self.record.facts.wacid.is_some() || self.is_over() => {}
            Err(Fault::Refused(error)) => {
                let reason = EndReason::from_meta_code(error.code);
                self.close(now, reason, Some(error));
            }
            Err(Fault::Unreachable) => self.close(now, EndReason::ProviderError, None),
            Err(Fault::Unclear) => self.phase = Phase::Unclear { until: now + Deadline::Adopted.wait() },
        }
    }

    fn placed(&mut self, now: Time, wacid: Wacid, asks: &mut Vec<Ask>) {
        match &self.record.facts.wacid {
            Some(known) if *known != wacid => asks.push(Ask::Terminate { wacid }),
            Some(_) => {}
            None => {
                self.record.facts.wacid = Some(wacid);
                self.advance(now, true, asks);
            }
        }
    }

    fn accept_reply(&mut self, now: Time, reply: Result<Reply, Fault>, asks: &mut Vec<Ask>) {
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
    const fn end_reply(&mut self, reply: &Result<Reply, Fault>) {
        if let (Phase::Ending { heard, .. }, Ok(_) | Err(Fault::Refused(_))) = (&mut self.phase, reply) {
            *heard = true;
        }
    }

    // What people want.

    fn permit(&self, command: &Command) -> Result<(), Refusal> {
        let owner = self.record.agent.as_ref();
        match (command, &self.phase) {
            (Command::Hangup { .. }, Phase::Over) => Ok(()),
            (_, Phase::Over) => Err(Refusal::CallEnded),
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
            (Command::Accept { .. }, Phase::Ending { .. }) => Err(Refusal::CallEnded),
            (Command::Decline { agent }, Phase::Hunting { hunt, .. })
                if hunt.rung().contains(agent) || hunt.declined().contains(agent) =>
            {
                Ok(())
            }
            (Command::Accept { .. } | Command::Decline { .. }, _) => Err(Refusal::NotRinging),
            (Command::Hangup { by: Some(agent) }, _) if owner != Some(agent) => Err(Refusal::NotYours),
            (Command::Hangup { .. }, _) => Ok(()),
        }
    }

    fn command(&mut self, now: Time, command: Command, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        match command {
            Command::Accept { agent, answer } => self.claim(now, agent, answer, asks, events),
            Command::Decline { agent } => self.decline(now, agent, asks, events),
            Command::Hangup { .. } => self.hangup(now, asks, events),
        }
    }

    fn claim(
        &mut self,
        now: Time,
        agent: UserId,
        answer: Sdp,
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
        facts.answer = Some(answer.clone());
        asks.extend(facts.wacid.clone().map(|wacid| Ask::Accept { wacid, answer, again: false }));
        self.record.agent = Some(agent);
        self.phase = Phase::Answering { until: now + Deadline::AcceptConfirmed.wait() };
    }

    fn decline(&mut self, now: Time, agent: UserId, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
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

    fn hangup(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        match &self.phase {
            Phase::Over | Phase::Ending { .. } => {}
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

    fn agents(&mut self, agents: &BTreeSet<UserId>, events: &mut Vec<CallEvent>) {
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

    // What time does.

    fn wake(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
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
    fn must_insist(&self, now: Time) -> bool {
        let unheard = matches!(self.phase, Phase::Ending { heard: false, .. });
        let since = self.record.facts.intent.as_ref().map(|intent| intent.at);
        unheard && since.is_some_and(|since| now.since(since) < INSIST_FOR)
    }

    /// Ends the call in whatever phase its record is. A second time closes it as it stands.
    fn crashed(&mut self, now: Time, asks: &mut Vec<Ask>, events: &mut Vec<CallEvent>) {
        self.silence(Silence::Failed, events);
        match &self.phase {
            Phase::Over => {}
            Phase::Placing { .. } | Phase::Unclear { .. } if self.record.facts.intent.is_none() => {
                self.intend(now, EndReason::ProviderError, None);
            }
            Phase::Placing { .. } | Phase::Unclear { .. } | Phase::Ending { .. } => {
                self.close(now, EndReason::ProviderError, None);
            }
            Phase::Dialing { .. }
            | Phase::Hunting { .. }
            | Phase::Answering { .. }
            | Phase::Talking { .. } => {
                self.give_up(now, EndReason::ProviderError, asks);
            }
        }
    }

    // Endings.

    fn give_up(&mut self, now: Time, reason: EndReason, asks: &mut Vec<Ask>) {
        self.intend(now, reason, None);
        self.end_at_meta(now, asks);
    }

    /// Remembers our first reason to end the call.
    fn intend(&mut self, now: Time, reason: EndReason, error: Option<MetaError>) {
        self.record.facts.intent.get_or_insert(Intent { reason, at: now, error });
    }

    /// Over without anything to end at Meta.
    fn close(&mut self, now: Time, reason: EndReason, error: Option<MetaError>) {
        self.intend(now, reason, error);
        self.record.facts.closed_at = Some(now);
        self.phase = Phase::Over;
    }

    /// Asks Meta to end the call, in the way its phase allows, and waits for the webhook.
    pub(super) fn end_at_meta(&mut self, now: Time, asks: &mut Vec<Ask>) {
        let facts = &self.record.facts;
        let untouched = self.record.direction == Direction::Inbound && facts.claimed_at.is_none();
        asks.extend(facts.wacid.clone().map(|wacid| match untouched {
            true => Ask::Reject { wacid },
            false => Ask::Terminate { wacid },
        }));
        self.phase = Phase::Ending { until: now + Deadline::TerminateSeen.wait(), heard: false };
    }

    fn silence(&mut self, reason: Silence, events: &mut Vec<CallEvent>) {
        let Phase::Hunting { hunt, .. } = &mut self.phase else { return };
        let agents = hunt.stop();
        if !agents.is_empty() {
            events.push(CallEvent::Silenced { agents, reason, by: None });
        }
    }
}

fn blank(id: CallId, number: &BusinessNumber, direction: Direction, now: Time, facts: Facts) -> CallRecord {
    CallRecord {
        id,
        tenant: number.tenant.clone(),
        number: number.id.clone(),
        direction,
        media_mode: MediaMode::Relay,
        correlation: None,
        conversation_id: None,
        version: 0,
        created_at: now,
        updated_at: now,
        state: match direction {
            Direction::Inbound => State::Queued,
            Direction::Outbound => State::Created,
        },
        end_reason: None,
        agent: None,
        facts,
    }
}

fn earliest(slot: &mut Option<Time>, at: Time) {
    *slot = Some(slot.map_or(at, |known| known.min(at)));
}

/// The events that follow from comparing the record before and after a change.
fn told_by(before: &CallRecord, after: &CallRecord) -> Vec<CallEvent> {
    let mut events = Vec::new();
    let first = before.version == 0;
    if first && after.direction == Direction::Inbound && !after.state.is_over() {
        events.push(CallEvent::Incoming);
    }
    let answer_came = before.facts.answer.is_none() && after.facts.answer.is_some();
    if after.direction == Direction::Outbound && answer_came {
        events.push(CallEvent::RemoteAnswer);
    }
    if before.state.is_over() && seen(before) != seen(after) {
        events.push(CallEvent::Corrected);
        return events;
    }
    if before.state == after.state {
        return events;
    }
    events.extend(match after.state {
        State::Created | State::Queued => None,
        State::Dialing => Some(CallEvent::Dialing),
        State::Ringing => (after.direction == Direction::Outbound).then_some(CallEvent::Ringing),
        State::Answering => Some(CallEvent::Claimed),
        State::Connected => Some(CallEvent::Answered),
        State::Ending => Some(CallEvent::Ending),
        State::Completed => Some(CallEvent::Completed),
        State::Rejected => Some(CallEvent::Declined),
        State::Missed => Some(CallEvent::Missed),
        State::Failed => Some(CallEvent::Failed),
    });
    events
}

type Seen = (State, Option<EndReason>, [Option<Time>; 3], Option<u32>);

/// What a reader of a finished record can see of it.
fn seen(record: &CallRecord) -> Seen {
    let times = [record.rang_at(), record.answered_at(), record.ended_at()];
    (record.state, record.end_reason, times, record.duration_secs())
}
