//! The facts of a call: what is stored, shown and restored from.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::deadline::STALE_AFTER;
use super::end::EndReason;
use super::sound::LegRecord;
use super::table::{Connect, Table};
use crate::bill::Bill;
use crate::house::MediaMode;
use crate::id::{CallId, NumberId, RecordingId, TenantId, UserId, Wacid};
use crate::meta::{Direction, Extras, MetaError, Party, Terminate};
use crate::sdp::Sdp;
use crate::time::Time;

/// Where a call is (provider-apis.md 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Outbound, not confirmed by Meta yet.
    Created,
    /// Outbound, Meta is placing it.
    Dialing,
    /// Inbound, waits for somebody to be free.
    Queued,
    /// The called side rings.
    Ringing,
    /// Inbound, relayed: a client has sent its answer ahead and has not taken the call yet.
    PreAccepted,
    /// Inbound, taken, Meta's confirmation is awaited.
    Answering,
    /// A conversation.
    Connected,
    /// We asked Meta to end it.
    Ending,
    /// Over, after a conversation.
    Completed,
    /// Declined by the called side.
    Rejected,
    /// Never answered.
    Missed,
    /// A technical or policy failure.
    Failed,
}

impl State {
    /// All of them, in order of progress.
    pub const ALL: [Self; 12] = [
        Self::Created,
        Self::Dialing,
        Self::Queued,
        Self::Ringing,
        Self::PreAccepted,
        Self::Answering,
        Self::Connected,
        Self::Ending,
        Self::Completed,
        Self::Rejected,
        Self::Missed,
        Self::Failed,
    ];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Dialing => "dialing",
            Self::Queued => "queued",
            Self::Ringing => "ringing",
            Self::PreAccepted => "pre_accepted",
            Self::Answering => "answering",
            Self::Connected => "connected",
            Self::Ending => "ending",
            Self::Completed => "completed",
            Self::Rejected => "rejected",
            Self::Missed => "missed",
            Self::Failed => "failed",
        }
    }

    /// Reads the stored word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Whether whoever owns the call has no ear for another one.
    #[must_use]
    pub const fn holds_owner(self) -> bool {
        !self.is_over() && !matches!(self, Self::Ending)
    }

    /// Whether the call is over.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Completed | Self::Rejected | Self::Missed | Self::Failed)
    }
}

/// Everything remembered about one call.
#[derive(Debug, Clone, PartialEq)]
pub struct CallRecord {
    /// Our id.
    pub id: CallId,
    /// Whose call.
    pub tenant: TenantId,
    /// The business number.
    pub number: NumberId,
    /// From whose hand.
    pub direction: Direction,
    /// Who carries the sound.
    pub media_mode: MediaMode,
    /// The client's own correlation, echoed to them.
    pub correlation: Option<String>,
    /// The client's conversation.
    pub conversation_id: Option<String>,
    /// Counts commits; a store refuses a commit that does not follow the last.
    pub version: u64,
    /// When we first knew of it.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
    /// Derived from the facts at every commit.
    pub state: State,
    /// Derived likewise, once the call is over.
    pub end_reason: Option<EndReason>,
    /// Who has taken or placed it.
    pub agent: Option<UserId>,
    /// What is known, from all sides.
    pub facts: Facts,
}

/// Facts that are set once or joined, never replaced. See the folder's invariant.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Meta's id, once known.
    pub wacid: Option<Wacid>,
    /// The user.
    pub party: Party,
    /// Inbound: Meta's. Outbound: ours.
    pub offer: Option<Sdp>,
    /// Inbound: ours. Outbound: Meta's.
    pub answer: Option<Sdp>,
    /// Timestamp of the `connect` webhook.
    pub connect_at: Option<Time>,
    /// Outbound: `RINGING`.
    pub ringing_at: Option<Time>,
    /// Outbound: `ACCEPTED`.
    pub accepted_at: Option<Time>,
    /// Outbound: `REJECTED`.
    pub rejected_at: Option<Time>,
    /// Meta's word on the end.
    pub terminate: Option<Terminate>,
    /// Inbound, relayed: what became of the answer a client sent ahead.
    #[serde(default)]
    pub prepared: Option<Prepared>,
    /// Inbound: when somebody took it.
    pub claimed_at: Option<Time>,
    /// Inbound: when Meta confirmed `accept`.
    pub confirmed_at: Option<Time>,
    /// Agents who declined.
    pub declined: BTreeSet<UserId>,
    /// What the client wants WhatsApp itself to do.
    #[serde(default)]
    pub extras: Extras,
    /// What the client wants remembered with the call: its own text, read by nobody here.
    #[serde(default)]
    pub metadata: Option<String>,
    /// Bridged: the customer is on hold.
    #[serde(default)]
    pub held: bool,
    /// Bridged: who else is there, and what is arranged.
    #[serde(default)]
    pub table: Table,
    /// Bridged, taken or placed by no person: whom the conversation is connected to.
    #[serde(default)]
    pub connect: Option<Connect>,
    /// Bridged: it is to be recorded from its beginning.
    #[serde(default)]
    pub record: bool,
    /// Bridged: the recordings that were begun.
    #[serde(default)]
    pub recordings: BTreeSet<RecordingId>,
    /// Bridged: how each leg went, once the conversation is over.
    #[serde(default)]
    pub quality: Vec<LegRecord>,
    /// Our own first reason to end it.
    pub intent: Option<Intent>,
    /// When we closed it without Meta's word.
    pub closed_at: Option<Time>,
    /// What it costs, once it is over.
    #[serde(default)]
    pub bill: Option<Bill>,
}

/// What Meta said to an answer that was sent ahead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prepared {
    /// It builds the path.
    Taken,
    /// It does not; the path is built with `accept`, if that is taken.
    Refused(MetaError),
    /// Nobody knows.
    Unclear,
}

/// Why and when we decided to end a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The reason as seen by us.
    pub reason: EndReason,
    /// When.
    pub at: Time,
    /// Meta's error behind it.
    pub error: Option<MetaError>,
}

impl Facts {
    /// When the conversation began, if it did. Meta's word at the end is the best; then the pick-up
    /// status (outbound) or the confirmed accept (inbound).
    #[must_use]
    pub fn answered_at(&self) -> Option<Time> {
        self.terminate.as_ref().and_then(|t| t.started_at).or(self.accepted_at).or(self.confirmed_at)
    }

    /// When the called side began to ring. An inbound caller hears ringing before we know of the call.
    #[must_use]
    pub fn rang_at(&self, direction: Direction) -> Option<Time> {
        match direction {
            Direction::Inbound => self.connect_at,
            Direction::Outbound => self.ringing_at,
        }
    }

    /// When the call ended, if it has.
    #[must_use]
    pub fn ended_at(&self) -> Option<Time> {
        self.terminate.as_ref().map(|t| t.ended_at.unwrap_or(t.at)).or(self.closed_at)
    }

    /// Talking time in whole seconds, once over.
    #[must_use]
    pub fn duration_secs(&self) -> Option<u32> {
        let answered = self.answered_at()?;
        let ended = self.ended_at()?;
        let said = self.terminate.as_ref().and_then(|t| t.duration_secs);
        Some(said.unwrap_or_else(|| u32::try_from(ended.since(answered).as_secs()).unwrap_or(u32::MAX)))
    }

    /// The error to show, when one ended the call.
    #[must_use]
    pub fn error(&self) -> Option<&MetaError> {
        let theirs = self.terminate.as_ref().and_then(|t| t.error.as_ref());
        theirs.or_else(|| self.intent.as_ref().and_then(|i| i.error.as_ref()))
    }

    /// How the call ended, from whatever is known (provider-apis.md 7.2, rows 3, 7, 13 to 21).
    ///
    /// A function of the facts alone: their order of arrival has no say.
    #[must_use]
    pub fn outcome(&self, direction: Direction, first_seen: Time) -> Option<(State, EndReason)> {
        self.ended_at()?;
        let intent = self.intent.as_ref().map(|i| i.reason);
        let error = self.terminate.as_ref().and_then(|t| t.error.as_ref());
        if self.answered_at().is_some() {
            let reason = match (error, intent) {
                (Some(error), _) => EndReason::from_meta_code(error.code),
                (None, Some(reason)) if reason.ends_conversations() => reason,
                (None, Some(_)) => EndReason::LocalHangup,
                (None, None) => EndReason::RemoteHangup,
            };
            return Some((State::Completed, reason));
        }
        if self.rejected_at.is_some() {
            return Some((State::Rejected, EndReason::Declined));
        }
        if let Some(error) = error {
            return Some((State::Failed, EndReason::from_meta_code(error.code)));
        }
        if self.is_late(direction, first_seen) {
            return Some((State::Missed, EndReason::Late));
        }
        Some(match (direction, intent) {
            (Direction::Inbound, None) => (State::Missed, EndReason::CallerAbandoned),
            (Direction::Outbound, None) => (State::Missed, EndReason::NoAnswer),
            (_, Some(EndReason::AgentRejected)) => (State::Rejected, EndReason::AgentRejected),
            (_, Some(reason @ (EndReason::NoAnswer | EndReason::Cancelled))) => (State::Missed, reason),
            (Direction::Inbound, Some(_)) if self.gave_up_before_claim() => {
                (State::Missed, EndReason::CallerAbandoned)
            }
            (_, Some(reason)) => (State::Failed, reason),
        })
    }

    /// Whether an inbound call's `connect` was too old, when we first heard of the call, to ring anybody.
    #[must_use]
    pub fn is_late(&self, direction: Direction, first_seen: Time) -> bool {
        let age = self.connect_at.map(|at| first_seen.since(at));
        direction == Direction::Inbound && age.is_some_and(|age| age > STALE_AFTER)
    }

    /// Whether Meta's end carries an earlier second than our claim: the agent answered a dead call.
    fn gave_up_before_claim(&self) -> bool {
        match (&self.terminate, self.claimed_at) {
            (Some(t), Some(claimed)) => t.at <= claimed,
            (_, None) | (None, _) => false,
        }
    }
}

impl CallRecord {
    /// Everybody of the house who is in the call, the owner first.
    pub fn people(&self) -> impl Iterator<Item = &UserId> {
        self.agent.iter().chain(self.facts.table.seats.keys())
    }

    /// Whether somebody is in the call.
    #[must_use]
    pub fn seats(&self, who: &UserId) -> bool {
        self.people().any(|person| person == who)
    }

    /// When the conversation began.
    #[must_use]
    pub fn answered_at(&self) -> Option<Time> {
        self.facts.answered_at()
    }

    /// When the called side began to ring.
    #[must_use]
    pub fn rang_at(&self) -> Option<Time> {
        self.facts.rang_at(self.direction)
    }

    /// When the call ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<Time> {
        self.state.is_over().then(|| self.facts.ended_at()).flatten()
    }

    /// Talking time in whole seconds, once the call is over and was answered.
    #[must_use]
    pub fn duration_secs(&self) -> Option<u32> {
        self.state.is_over().then(|| self.facts.duration_secs()).flatten()
    }
}
