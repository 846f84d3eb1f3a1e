//! The machine: phases, inputs, outputs.

use std::collections::{BTreeSet, VecDeque};

use super::ask::{Ask, Fault, Reply};
use super::deadline::Deadline;
use super::glance::Glance;
use super::hunt::Hunt;
use super::manners::Manners;
use super::record::{CallRecord, Facts, State};
use super::refusal::Refusal;
use super::sound::{LegQuality, Line, SoundAsk, SoundNews};
use super::table::{BotUrl, BotWish, ClipName, Connect, Key, Role, Target, Voice};
use super::told::told_by;
use crate::bill::{Bill, Billed};
use crate::event::{CallEvent, Event};
use crate::house::{BusinessNumber, MediaMode};
use crate::id::{CallId, RecordingId, StreamId, UserId};
use crate::meta::{Callee, Contacted, Direction, Extras, MetaEvent, Party};
use crate::sdp::Sdp;
use crate::time::Time;

/// One conversation. See the folder's header for how it is driven.
#[derive(Debug)]
pub struct Call {
    pub(super) record: CallRecord,
    pub(super) phase: Phase,
    pub(super) out: VecDeque<Output>,
    pub(super) line: Line,
    pub(super) manners: Manners,
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
    /// Inbound, relayed: a client has sent its answer ahead; whether it takes the call is not said yet.
    Prepared {
        /// When we give up.
        until: Time,
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
    /// Meta's reply to `pre_accept`. If it failed the path is built with `accept` instead.
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
    /// The server stops, and the sound it carries with it.
    Stopping,
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
    /// A client sends its SDP answer to a relayed call ahead, so that the path is up when it takes the call.
    PreAccept {
        /// The bytes of the answer to come.
        answer: Sdp,
    },
    /// A client takes a relayed call with an SDP answer of its own.
    AcceptRelayed {
        /// The answer; none when it was sent ahead.
        answer: Option<Sdp>,
        /// What else it brings.
        along: Along,
    },
    /// A client takes a bridged call that rings: it is answered, and connected from there.
    Answer {
        /// To whom.
        connect: Connect,
    },
    /// Something about a bridged conversation.
    Arrange {
        /// Its owner; none for clients whose key covers every call.
        by: Option<UserId>,
        /// What.
        wish: Wish,
    },
    /// Somebody leaves a bridged conversation that goes on without them.
    Leave {
        /// Who.
        agent: UserId,
    },
    /// A supervisor comes to a bridged conversation, or changes how they are there.
    Supervise {
        /// Who.
        agent: UserId,
        /// How: one of the supervising roles.
        role: Role,
    },
    /// A supervisor becomes the owner of a bridged conversation.
    TakeOver {
        /// Who.
        agent: UserId,
    },
    /// A voice bot wants something of the call it is in.
    Bot {
        /// Which.
        id: StreamId,
        /// What.
        wish: BotWish,
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

/// What a client may bring with its answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Along {
    /// Its correlation.
    pub correlation: Option<String>,
    /// What it wants WhatsApp itself to do.
    pub extras: Extras,
}

/// What may be wanted of a bridged conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// The customer waits with music, or does not any more.
    Hold(bool),
    /// Somebody else is to own it; the owner leaves at once.
    Transfer(Target),
    /// Somebody is to be asked first, while the customer waits.
    Consult(Target),
    /// Whoever was asked owns it now, or whoever comes will.
    Complete,
    /// Nobody is asked or looked for any more.
    Cancel,
    /// Somebody is to join.
    Invite(Target),
    /// Whoever was asked talks with everybody.
    Merge,
    /// Somebody is to go.
    Remove(UserId),
    /// Somebody's voice reaches nobody, or everybody again.
    Mute {
        /// Whose.
        who: UserId,
        /// Nobody, or everybody again.
        on: bool,
    },
    /// The customer waits for whoever takes the call.
    Park,
    /// Keys are pressed for the customer's side to hear.
    Press(Vec<Key>),
    /// An announcement is played to everybody who talks.
    Play(ClipName),
    /// The announcement stops.
    Hush,
    /// It is recorded, or not.
    Record(RecordWish),
    /// A voice bot comes, in the owner's place or beside everybody.
    Bot {
        /// A fresh id.
        id: StreamId,
        /// Where it is connected to; none for one that is on its way to us.
        url: Option<BotUrl>,
        /// The owner leaves, and the bot has the conversation.
        takes_over: bool,
    },
    /// The voice bot goes.
    DismissBot,
}

/// What may be wanted of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordWish {
    /// Begin one. Where people must be told first, they are.
    Start {
        /// A fresh id.
        id: RecordingId,
    },
    /// Leave out what follows.
    Pause,
    /// Go on.
    Resume,
    /// Finish it.
    Stop,
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
    /// Say who can be rung, with [`Input::Agents`].
    WhoIsFree,
    /// Tell those in the call how a leg goes. Not stored now; the record has it at the end.
    Quality(Voice, LegQuality),
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
    pub to: Callee,
    /// The contact they are.
    pub contact: Option<Contacted>,
    /// The client's complete offer; none for a call whose sound the house carries.
    pub offer: Option<Sdp>,
    /// Who places it, when a person does.
    pub agent: Option<UserId>,
    /// Whom a bridged call is connected to at the pick-up, when no person places it.
    pub connect: Option<Connect>,
    /// Whether a bridged call is recorded from its beginning.
    pub record: bool,
    /// The client's correlation.
    pub correlation: Option<String>,
    /// The client's conversation.
    pub conversation_id: Option<String>,
    /// What the client wants remembered with the call.
    pub metadata: Option<String>,
    /// What the client wants WhatsApp itself to do.
    pub extras: Extras,
}

impl Call {
    /// Places an outbound call.
    #[must_use]
    pub fn place(new: NewOutbound, now: Time) -> Self {
        let facts = Facts {
            party: Party { contact: new.contact, ..new.to.party() },
            offer: new.offer.clone(),
            connect: new.connect,
            record: new.record,
            metadata: new.metadata,
            extras: new.extras.clone(),
            ..Facts::default()
        };
        let opaque = new.id.as_str().to_owned();
        let mut record = blank(new.id, &new.number, Direction::Outbound, now, facts);
        record.agent = new.agent;
        record.correlation = new.correlation;
        record.conversation_id = new.conversation_id;
        record.media_mode = if new.offer.is_some() { MediaMode::Relay } else { MediaMode::Bridge };
        let mut call = Self::with(record, Phase::Placing { until: now + Deadline::ConnectConfirmed.wait() });
        let ask = new.offer.map(|offer| Ask::Connect { to: new.to, offer, opaque, extras: new.extras });
        call.commit(now, vec![CallEvent::Initiated], BTreeSet::new(), ask.into_iter().collect());
        call.ask_sound();
        call
    }

    /// Takes in an inbound call from whichever of its webhooks came first.
    #[must_use]
    pub fn incoming(id: CallId, number: &BusinessNumber, first: MetaEvent, now: Time) -> Self {
        Self::incoming_at(Manners::default(), id, number, None, first, now)
    }

    /// The same in a house with these manners: the first webhook may be the last. With a `greeter` nobody rings: a
    /// call whose sound the house carries is taken at once, and connected to it.
    #[must_use]
    pub fn incoming_at(
        manners: Manners,
        id: CallId,
        number: &BusinessNumber,
        greeter: Option<Connect>,
        first: MetaEvent,
        now: Time,
    ) -> Self {
        let mut record = blank(id, number, Direction::Inbound, now, Facts::default());
        record.media_mode = number.media_mode;
        let hunting = Phase::Hunting { until: now + Deadline::Answer.wait(), hunt: Hunt::default() };
        let mut call = Self::with(record, hunting).with_manners(manners);
        call.apply(now, |call, asks, events| {
            call.learn(now, first, asks, events);
            let waits = matches!(call.phase, Phase::Hunting { .. }) && call.record.facts.offer.is_some();
            if let Some(greeter) = greeter.filter(|_| waits && call.is_bridged()) {
                call.record.facts.connect = Some(greeter);
                call.claim(now, None, None, asks, events);
            }
        });
        call
    }

    pub(super) fn with(record: CallRecord, phase: Phase) -> Self {
        Self { record, phase, out: VecDeque::new(), line: Line::default(), manners: Manners::default() }
    }

    /// The same call in a house with these manners.
    #[must_use]
    pub fn with_manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
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
            Input::Sound(news) => {
                self.apply(now, |call, asks, events| call.hear_sound(now, news, asks, events));
            }
            Input::PreAcceptReply(reply) => {
                self.apply(now, |call, asks, _| call.pre_accept_reply(reply, asks));
            }
            Input::EndReply(reply) => self.end_reply(&reply),
            Input::Agents(agents) => {
                self.apply(now, |call, asks, events| call.agents(now, &agents, asks, events));
            }
            Input::Command(command) => {
                self.permit(&command)?;
                self.apply(now, |call, asks, events| call.command(now, command, asks, events));
            }
            Input::Stopping if self.is_bridged() => {
                self.apply(now, |call, asks, events| call.let_go(now, asks, events));
            }
            Input::Stopping => {}
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
            Phase::Hunting { until, .. } | Phase::Prepared { until } => (*until, Deadline::Answer),
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
            Phase::Talking { .. } => self.line.rung(),
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
        let searched = self.line.is_searching();
        change(self, &mut asks, &mut events);
        self.attend(now, &mut events);
        self.watch_line(now);
        self.derive();
        events.extend(told_by(&before, &self.record));
        if before != self.record || !events.is_empty() {
            let were = before.people().cloned().collect();
            self.commit(now, events, were, asks);
        } else {
            self.out.extend(asks.into_iter().map(Output::Ask));
        }
        self.ask_sound();
        let seeks = before.facts.table.seek != self.record.facts.table.seek || !searched;
        if self.line.is_searching() && seeks {
            self.out.push_back(Output::WhoIsFree);
        }
    }

    fn commit(&mut self, now: Time, events: Vec<CallEvent>, were: BTreeSet<UserId>, asks: Vec<Ask>) {
        self.record.version += 1;
        self.record.updated_at = now;
        let (call, owner) = (&self.record.id, &self.record.agent);
        let mut seated: BTreeSet<UserId> = self.record.people().cloned().chain(were).collect();
        seated.retain(|who| Some(who) != owner.as_ref());
        let glance = Glance::of(&self.record);
        let event = |what| Event::Call {
            call: call.clone(),
            owner: owner.clone(),
            seated: seated.clone(),
            what,
            glance: Some(Box::new(glance.clone())),
        };
        let events = events.into_iter().map(event).collect();
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
            Phase::Prepared { .. } => (State::PreAccepted, None),
            Phase::Answering { .. } => (State::Answering, None),
            Phase::Talking { .. } => (State::Connected, None),
            Phase::Ending { .. } => (State::Ending, None),
            Phase::Over => outcome.map_or((State::Failed, None), |(state, reason)| (state, Some(reason))),
        };
        self.record.state = state;
        self.record.end_reason = reason;
        self.make_out();
    }

    /// Makes the bill of a finished call out, and again when a late fact changed how long it was.
    fn make_out(&mut self) {
        let record = &mut self.record;
        let talked_secs = record.duration_secs();
        let made_out = |bill: &Bill| bill.talked_secs == talked_secs;
        if !record.state.is_over() || record.facts.bill.as_ref().is_some_and(made_out) {
            return;
        }
        let known = record.facts.bill.take().and_then(|bill| bill.rate);
        let user = record.facts.party.phone.as_ref();
        let call = Billed { direction: record.direction, user, at: record.created_at, talked_secs };
        record.facts.bill = Some(self.manners.rates.bill(&call, known));
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
