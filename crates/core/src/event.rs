//! What happened, past tense: the entries of a tenant's ordered log.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::call::table::Key;
use crate::call::{CallRecord, Glance};
use crate::contact::import::Counts;
use crate::contact::{self, Channel};
use crate::house::Presence;
use crate::id::{
    CallId, ContactId, EventId, HookId, ImportId, NumberId, RecordingId, SegmentId, TenantId, UserId,
};
use crate::meta::MetaEventKind;
use crate::permission::{Source, Standing};
use crate::phone::Phone;
use crate::time::Time;

/// Why agents stopped ringing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Another agent took the call.
    AnsweredElsewhere,
    /// This agent declined, perhaps in another tab.
    Declined,
    /// The user gave up.
    CallerGaveUp,
    /// Nobody took it in time.
    NoAnswer,
    /// The call failed, or this agent went away.
    Failed,
}

/// Why somebody is not in a call any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// They handed it over.
    Transferred,
    /// They parked it.
    Parked,
    /// They wanted to.
    Left,
    /// Somebody took them out of it.
    Removed,
    /// A supervisor took it over.
    TakenOver,
    /// Their sound went away and did not come back.
    Lost,
}

/// What happened to a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CallEvent {
    /// Outbound: we took the request.
    Initiated,
    /// Inbound: a user calls.
    Incoming,
    /// These agents ring.
    Rang {
        /// Who.
        agents: BTreeSet<UserId>,
    },
    /// These agents stopped ringing.
    Silenced {
        /// Who.
        agents: BTreeSet<UserId>,
        /// Why.
        reason: Silence,
        /// Who took it.
        by: Option<UserId>,
    },
    /// Outbound: Meta confirmed that it places the call.
    Dialing,
    /// Outbound: the user's phone rings.
    Ringing,
    /// Outbound: Meta's SDP answer is known.
    RemoteAnswer,
    /// Inbound: an agent took it.
    Claimed,
    /// The conversation began.
    Answered,
    /// Bridged: somebody is looked for, to join the conversation or to take it over.
    Seeking,
    /// Bridged: nobody was found, or the search was called off.
    NotFound,
    /// Bridged: somebody sat down.
    Joined {
        /// Who.
        agent: UserId,
    },
    /// Bridged: somebody is not in the call any more, though it goes on.
    Left {
        /// Who.
        agent: UserId,
        /// Why.
        why: Leaving,
    },
    /// Bridged: the conversation has another owner.
    Transferred {
        /// Who.
        to: UserId,
    },
    /// Bridged: a role changed, or somebody was muted or can be heard again.
    Rearranged,
    /// Bridged: the customer waits for whoever takes the call, or does not any more: the record tells.
    Parked,
    /// Bridged: the customer pressed a key.
    Digit {
        /// Which.
        key: Key,
    },
    /// Bridged: an announcement began or ended.
    Announcing,
    /// Bridged: a recording began, was paused, went on or ended: the record tells.
    Recording,
    /// Bridged: a voice bot was asked for, or is not in the call any more: the record tells.
    Bot,
    /// Bridged: the customer waits with music.
    Held,
    /// Bridged: the conversation goes on.
    Resumed,
    /// We asked Meta to end it.
    Ending,
    /// Over, after a conversation.
    Completed,
    /// Over: declined.
    Declined,
    /// Over: never answered.
    Missed,
    /// Over: failed.
    Failed,
    /// Later facts changed a finished call's record.
    Corrected,
}

/// Where a user's consent to be called stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// We asked.
    Requested,
    /// They agreed.
    Granted,
    /// They did not, or took it back.
    Refused,
    /// The time of a grant, or of a request nobody answered, is over.
    Expired,
}

impl From<Standing> for Consent {
    fn from(standing: Standing) -> Self {
        match standing {
            Standing::Requested => Self::Requested,
            Standing::Temporary | Standing::Permanent => Self::Granted,
            Standing::Rejected | Standing::Revoked | Standing::None => Self::Refused,
            Standing::Expired => Self::Expired,
        }
    }
}

/// What happened to a contact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContactEvent {
    /// It was made.
    Created,
    /// It was changed.
    Updated,
    /// It was erased, with everything that belonged to it.
    Deleted,
    /// Another contact turned out to be the same person, and became part of this one.
    Merged {
        /// The one that is not there any more.
        gone: ContactId,
    },
    /// A channel may be used again.
    OptedIn {
        /// Which.
        channel: Channel,
    },
    /// A channel may not be used any more.
    OptedOut {
        /// Which.
        channel: Channel,
    },
    /// It came to belong to a segment, or ceased to.
    SegmentChanged {
        /// Which.
        segment: SegmentId,
        /// Whether it belongs now.
        joined: bool,
    },
}

/// What a webhook of Meta's was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KnockKind {
    /// An offer or answer.
    Connect,
    /// The user's phone rings, or they picked up or declined.
    Status,
    /// The end of a call.
    Terminate,
    /// A user's consent.
    Permission,
    /// A number's settings.
    Settings,
}

impl KnockKind {
    /// What an event of a call is.
    #[must_use]
    pub const fn of(kind: &MetaEventKind) -> Self {
        match kind {
            MetaEventKind::Connect { .. } => Self::Connect,
            MetaEventKind::Ringing | MetaEventKind::Accepted | MetaEventKind::Rejected => Self::Status,
            MetaEventKind::Terminate(_) => Self::Terminate,
        }
    }
}

/// What happened to a customer's address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// Somebody wants to see whether it works.
    Tested,
    /// It failed for too long, or said that it is gone: nothing is sent there any more.
    Disabled,
}

/// An entry before it has its place in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Event {
    /// A call.
    Call {
        /// Which.
        call: CallId,
        /// Who owns it at that moment.
        owner: Option<UserId>,
        /// Who was or is in it besides.
        #[serde(default)]
        seated: BTreeSet<UserId>,
        /// What.
        what: CallEvent,
        /// The call as it was then: what a subscriber is told, however late. None in logs of old versions.
        #[serde(default)]
        glance: Option<Box<Glance>>,
    },
    /// A user's consent.
    Permission {
        /// To be called from which number.
        number: NumberId,
        /// The user.
        phone: Phone,
        /// How it stands, roughly.
        consent: Consent,
        /// How it stands. None in logs of old versions.
        #[serde(default)]
        state: Option<Standing>,
        /// When a temporary grant, or a request nobody answers, ends.
        #[serde(default)]
        expires_at: Option<Time>,
        /// Through whom it came to stand so. None in logs of old versions.
        #[serde(default)]
        source: Option<Source>,
    },
    /// A contact.
    Contact {
        /// Which.
        contact: ContactId,
        /// What.
        what: ContactEvent,
        /// The contact as it was then; none once it is gone.
        facts: Option<Box<contact::Facts>>,
    },
    /// A file of contacts was read to its end, or could not be.
    Import {
        /// Which.
        import: ImportId,
        /// What became of its rows.
        counts: Counts,
        /// Whether it was read to its end.
        completed: bool,
    },
    /// What stood here was about a person who was erased. The place in the log stays.
    Erased,
    /// A person's presence.
    Presence {
        /// Who.
        person: UserId,
        /// What they said.
        presence: Presence,
    },
    /// A recording is kept and can be heard.
    Recording {
        /// Which.
        recording: RecordingId,
        /// Of which call.
        call: CallId,
        /// How long it is.
        length_ms: u64,
        /// Whether its end is missing.
        truncated: bool,
    },
    /// A webhook of Meta's was dealt with: told to those who want Meta's own words.
    Knock {
        /// Its place in the inbox.
        knock: i64,
        /// The business number.
        number: NumberId,
        /// The call it was about.
        call: Option<CallId>,
        /// What it was about.
        what: KnockKind,
    },
    /// A customer's address.
    Hook {
        /// Which.
        hook: HookId,
        /// What.
        what: HookEvent,
    },
}

impl Event {
    /// What must be told in order: entries of one thread follow one another everywhere.
    #[must_use]
    pub fn thread(&self) -> String {
        match self {
            Self::Call { call, .. } | Self::Recording { call, .. } | Self::Knock { call: Some(call), .. } => {
                call.as_str().to_owned()
            }
            Self::Permission { number, phone, .. } => format!("{number}/{}", phone.digits()),
            Self::Knock { call: None, number, .. } => number.as_str().to_owned(),
            Self::Contact { contact, .. } => contact.as_str().to_owned(),
            Self::Import { import, .. } => import.as_str().to_owned(),
            Self::Presence { person, .. } => person.as_str().to_owned(),
            Self::Hook { hook, .. } => hook.as_str().to_owned(),
            Self::Erased => "erased".to_owned(),
        }
    }

    /// The call it is about.
    #[must_use]
    pub const fn call(&self) -> Option<&CallId> {
        match self {
            Self::Call { call, .. } | Self::Recording { call, .. } => Some(call),
            Self::Knock { call, .. } => call.as_ref(),
            Self::Permission { .. }
            | Self::Contact { .. }
            | Self::Import { .. }
            | Self::Presence { .. }
            | Self::Hook { .. }
            | Self::Erased => None,
        }
    }

    /// The business number it is about, as far as the entry itself tells.
    #[must_use]
    pub fn number(&self) -> Option<&NumberId> {
        match self {
            Self::Call { glance, .. } => glance.as_ref().map(|glance| &glance.number),
            Self::Permission { number, .. } | Self::Knock { number, .. } => Some(number),
            Self::Contact { .. }
            | Self::Import { .. }
            | Self::Presence { .. }
            | Self::Recording { .. }
            | Self::Hook { .. }
            | Self::Erased => None,
        }
    }
}

/// An entry of a tenant's log.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// Our id, stable over redelivery.
    pub id: EventId,
    /// Whose log.
    pub tenant: TenantId,
    /// Place in the tenant's log: rises by one, no gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// A committed entry with the record as it was written with it: what subscribers are told.
#[derive(Debug, Clone, PartialEq)]
pub struct Announced {
    /// The entry.
    pub logged: Logged,
    /// The call's record after the change; none for entries about something else.
    pub record: Option<std::sync::Arc<CallRecord>>,
}
