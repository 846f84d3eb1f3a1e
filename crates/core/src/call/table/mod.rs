//! Who sits at a bridged conversation besides the customer, and what is arranged at it: transfers under way,
//! conferences, supervisors, parking, announcements, recording. A smaller machine inside the call.
//!
//! What is stored is here ([`Table`], a part of the call's facts); who then hears whom is a function of it
//! ([`scene`]). Invariant: a conversation always has an owner, or a voice bot has it, or somebody is looked for, or
//! it is parked, or an announcement plays; it never lies with nobody.

pub mod scene;

pub mod seek;

pub mod bot;

mod arrange;

mod seats;

mod voice;

pub use bot::{Bot, BotEnd, BotRecord, BotUrl, BotWish};
pub use scene::{Hears, Scene, Voice};
pub use seek::{Connect, Purpose, Seek, Target};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{RecordingId, UserId};
use crate::recording::Consent;
use crate::time::Time;

/// Everything arranged at a bridged conversation. Its owner is the record's `agent`, not in here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Table {
    /// Everybody besides customer and owner.
    pub seats: BTreeMap<UserId, Role>,
    /// People whose voice reaches nobody, the owner perhaps among them.
    pub muted: BTreeSet<UserId>,
    /// Somebody is being looked for.
    pub seek: Option<Seek>,
    /// The customer waits for whoever takes the call.
    pub parked: Option<Parked>,
    /// An announcement is playing.
    pub clip: Option<Playing>,
    /// A recording is being made.
    pub recording: Option<Recording>,
    /// A voice bot is there, or about to be.
    pub bot: Option<Bot>,
}

impl Table {
    /// Whether the owner asks somebody, or is about to, while the customer waits.
    #[must_use]
    pub fn consults(&self) -> bool {
        let sought = self.seek.as_ref().is_some_and(|seek| seek.purpose == Purpose::Consult);
        sought || self.consulted().is_some()
    }

    /// Who is asked by the owner.
    #[must_use]
    pub fn consulted(&self) -> Option<&UserId> {
        self.seats.iter().find(|(_, role)| **role == Role::Consulted).map(|(who, _)| who)
    }
}

/// What somebody besides the owner is to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Talks with everybody.
    Member,
    /// Talks with the owner while the customer waits: the first half of an attended transfer.
    Consulted,
    /// Hears everybody, is heard by nobody.
    Listener,
    /// Hears everybody, is heard by the owner alone.
    Whisperer,
    /// A supervisor who talks with everybody.
    Barger,
}

impl Role {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Consulted => "consulted",
            Self::Listener => "listener",
            Self::Whisperer => "whisperer",
            Self::Barger => "barger",
        }
    }

    /// Whether a supervisor sits there.
    #[must_use]
    pub const fn supervises(self) -> bool {
        matches!(self, Self::Listener | Self::Whisperer | Self::Barger)
    }
}

/// A customer who waits for whoever takes the call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Who parked it; they are rung first when nobody takes it in time.
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

/// An announcement that plays to the customer and those who talk with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Playing {
    /// Which.
    pub clip: ClipName,
    /// What happens at its end.
    pub then: AfterClip,
}

/// What happens at the end of an announcement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterClip {
    /// The conversation goes on.
    Resume,
    /// The call ends.
    HangUp,
    /// The recording it announced begins.
    Record,
}

/// A recording being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Its id.
    pub id: RecordingId,
    /// How it stands.
    pub state: RecordingState,
    /// What the customer was told: the evidence.
    pub consent: Consent,
}

/// How a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Its announcement plays; nothing is recorded yet.
    Announcing,
    /// Everybody is recorded.
    On,
    /// Nobody is, for the moment.
    Paused,
}

impl RecordingState {
    /// The stable word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announcing => "announcing",
            Self::On => "recording",
            Self::Paused => "paused",
        }
    }
}

/// The name of an announcement: a file in the house's folder, without its ending.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClipName(String);

impl ClipName {
    /// Reads a name: 1 to 64 letters, digits, `-` and `_`, so that it is a file name and never a path.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        ((1..=64).contains(&text.len()) && text.bytes().all(good)).then(|| Self(text.to_owned()))
    }

    /// As written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClipName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One key of a telephone's pad (RFC 4733 section 3.2, events 0 to 15).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "char", into = "char")]
pub struct Key(char);

impl Key {
    /// Reads `0` to `9`, `*`, `#`, `A` to `D`.
    #[must_use]
    pub const fn parse(key: char) -> Option<Self> {
        let key = key.to_ascii_uppercase();
        match key {
            '0'..='9' | '*' | '#' | 'A'..='D' => Some(Self(key)),
            _ => None,
        }
    }

    /// As written on the pad.
    #[must_use]
    pub const fn as_char(self) -> char {
        self.0
    }
}

impl TryFrom<char> for Key {
    type Error = &'static str;

    fn try_from(key: char) -> Result<Self, Self::Error> {
        Self::parse(key).ok_or("a key is 0 to 9, *, # or A to D")
    }
}

impl From<Key> for char {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// Most keys that are pressed by one command.
pub const MOST_KEYS: usize = 32;
