//! The machine: phases, inputs, outputs.

use std::collections::{BTreeSet, VecDeque};

use super::ask::{Ask, Fault, Reply};
use super::deadline::Deadline;
use super::hunt::Hunt;
use super::record::{CallRecord, Facts, State};
use super::refusal::Refusal;
use super::sound::{Line, SoundAsk, SoundNews};
use super::told::told_by;
use crate::event::{CallEvent, Event};
use crate::house::{BusinessNumber, MediaMode};
use crate::id::{CallId, UserId};
use crate::meta::{Direction, MetaEvent, Party};
use crate::phone::Phone;
use crate::sdp::Sdp;
use crate::time::Time;

/// One conversation. See the folder's header for how it is driven.
#[derive(Debug)]
pub struct Call {
    pub(super) record: CallRecord,
    pub(super) phase: Phase,
    pub(super) out: VecDeque<Output>,
    pub(super) line: Line,
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
    /// Meta's reply to `pre_accept`. If it failed the path is built after `accept` instead.
    PreAcceptReply(Result<Reply, Fault>),
    /// The media plane has news of this bridged call.
    Sound(SoundNews),
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
    /// The user of this outbound call is calling us.
    GiveWay,
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
    /// An agent takes a bridged call; their sound comes by another way.
    Take {
        /// Who.
        agent: UserId,
    },
    /// The owner of a bridged conversation lets the customer wait with music, or comes back.
    Hold {
        /// Who; none for clients whose key covers every call.
        by: Option<UserId>,
        /// Wait, or not any more.
        on: bool,
    },
    /// An agent does not want it.
    Decline {
        /// Who.
        agent: UserId,
    },
    /// Refuse it, while nobody has taken it.
    Reject,
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
    /// Tell this to the media plane.
    Sound(SoundAsk),
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
    /// The client's complete offer; none for a call whose sound the house carries.
    pub offer: Option<Sdp>,
    /// Who places it, when a person does.
    pub agent: Option<UserId>,
    /// The client's correlation.
    pub correlation: Option<String>,
    /// The client's conversation.
    pub conversation_id: Option<String>,
}

impl Call {
    /// Places an outbound call.
    #[must_use]
    pub fn place(new: NewOutbound, now: Time) -> Self {
        let facts = Facts {
            party: Party { phone: Some(new.to.clone()), ..Party::default() },
            offer: new.offer.clone(),
            ..Facts::default()
        };
        let opaque = new.id.as_str().to_owned();
        let mut record = blank(new.id, &new.number, Direction::Outbound, now, facts);
        record.agent = new.agent;
        record.correlation = new.correlation;
        record.conversation_id = new.conversation_id;
        record.media_mode = if new.offer.is_some() { MediaMode::Relay } else { MediaMode::Bridge };
        let mut call = Self::with(record, Phase::Placing { until: now + Deadline::ConnectConfirmed.wait() });
        let ask = new.offer.map(|offer| Ask::Connect { to: new.to, offer, opaque });
        call.commit(now, vec![CallEvent::Initiated], ask.into_iter().collect());
        call.ask_sound();
        call
    }

    /// Takes in an inbound call from whichever of its webhooks came first.
    #[must_use]
    pub fn incoming(id: CallId, number: &BusinessNumber, first: MetaEvent, now: Time) -> Self {
        let mut record = blank(id, number, Direction::Inbound, now, Facts::default());
        record.media_mode = number.media_mode;
        let hunting = Phase::Hunting { until: now + Deadline::Answer.wait(), hunt: Hunt::default() };
        let mut call = Self::with(record, hunting);
        call.apply(now, |call, asks, events| call.learn(now, first, asks, events));
        call
    }

    pub(super) fn with(record: CallRecord, phase: Phase) -> Self {
        Self { record, phase, out: VecDeque::new(), line: Line::default() }
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
            Input::Sound(news) => self.apply(now, |call, asks, _| call.hear_sound(now, news, asks)),
            Input::PreAcceptReply(_) => {}
            Input::EndReply(reply) => self.end_reply(&reply),
            Input::Agents(agents) => self.apply(now, |call, _, events| call.agents(&agents, events)),
            Input::Command(command) => {
                self.permit(&command)?;
                self.apply(now, |call, asks, events| call.command(now, command, asks, events));
            }
            Input::Wake => self.apply(now, |call, asks, events| call.wake(now, asks, events)),
            Input::GiveWay => self.apply(now, |call, asks, _| call.give_way(now, asks)),
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
    pub fn next_deadline(&self) -> Option<(Time, Deadline)> {
        let phase = self.phase_deadline();
        phase.into_iter().chain(self.line_deadline()).min_by_key(|(until, _)| *until)
    }

    const fn phase_deadline(&self) -> Option<(Time, Deadline)> {
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
    pub(super) fn apply(
        &mut self,
        now: Time,
        change: impl FnOnce(&mut Self, &mut Vec<Ask>, &mut Vec<CallEvent>),
    ) {
        let before = self.record.clone();
        let (mut asks, mut events) = (Vec::new(), Vec::new());
        change(self, &mut asks, &mut events);
        self.watch_line(now);
        self.derive();
        events.extend(told_by(&before, &self.record));
        if before != self.record || !events.is_empty() {
            self.commit(now, events, asks);
        } else {
            self.out.extend(asks.into_iter().map(Output::Ask));
        }
        self.ask_sound();
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
