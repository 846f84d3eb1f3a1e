//! What WhatsApp tells us about a call, in the house's words. `whatsapp` translates from Meta's.

use serde::{Deserialize, Serialize};

use crate::id::{ContactId, MetaNumberId, Wacid};
use crate::phone::Phone;
use crate::sdp::Sdp;
use crate::time::Time;

/// From whose hand a call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The WhatsApp user called (`USER_INITIATED`).
    Inbound,
    /// We called (`BUSINESS_INITIATED`).
    Outbound,
}

/// The WhatsApp user, as far as a message names them. Any part may be missing (usernames, BSUID).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Party {
    /// Phone number.
    pub phone: Option<Phone>,
    /// Business-scoped user id.
    pub user_id: Option<String>,
    /// Profile name.
    pub name: Option<String>,
    /// The contact this is, once the house has looked. Never Meta's word.
    #[serde(default)]
    pub contact: Option<Contacted>,
}

/// A user who is a contact of the company.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacted {
    /// Which.
    pub id: ContactId,
    /// What the company calls them, when it does.
    pub name: Option<String>,
}

impl Party {
    /// Fills what is missing here from `other`.
    pub fn learn(&mut self, other: &Self) {
        self.phone = self.phone.take().or_else(|| other.phone.clone());
        self.user_id = self.user_id.take().or_else(|| other.user_id.clone());
        self.name = self.name.take().or_else(|| other.name.clone());
        self.contact = self.contact.take().or_else(|| other.contact.clone());
    }

    /// The name to show: the company's own, else the one the user has given themselves.
    #[must_use]
    pub fn shown(&self) -> Option<&String> {
        self.contact.as_ref().and_then(|contact| contact.name.as_ref()).or(self.name.as_ref())
    }
}

/// Whom to call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Callee {
    /// A phone number.
    Phone(Phone),
    /// A business-scoped user id, where the number is not known.
    UserId(String),
}

impl Callee {
    /// The number, when it is known.
    #[must_use]
    pub const fn phone(&self) -> Option<&Phone> {
        match self {
            Self::Phone(phone) => Some(phone),
            Self::UserId(_) => None,
        }
    }

    /// The same as a party of a call.
    #[must_use]
    pub fn party(&self) -> Party {
        match self.clone() {
            Self::Phone(phone) => Party { phone: Some(phone), ..Party::default() },
            Self::UserId(id) => Party { user_id: Some(id), ..Party::default() },
        }
    }
}

impl From<Phone> for Callee {
    fn from(phone: Phone) -> Self {
        Self::Phone(phone)
    }
}

impl Party {
    /// As whom they are called: by their number, else by their id.
    #[must_use]
    pub fn callee(&self) -> Option<Callee> {
        let by_id = || self.user_id.clone().map(Callee::UserId);
        self.phone.clone().map(Callee::Phone).or_else(by_id)
    }
}

/// What a client wants WhatsApp itself to do with a call. The texts are the client's and are handed on as they are.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extras {
    /// How WhatsApp is to record it.
    pub recording: Option<String>,
    /// How WhatsApp is to transcribe it.
    pub transcription: Option<String>,
}

impl std::fmt::Debug for Extras {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (recording, transcription) = (self.recording.is_some(), self.transcription.is_some());
        f.debug_struct("Extras")
            .field("recording", &recording)
            .field("transcription", &transcription)
            .finish()
    }
}

/// One event of one call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetaEvent {
    /// The call.
    pub wacid: Wacid,
    /// The business number it concerns.
    pub number: MetaNumberId,
    /// Meta's timestamp, whole seconds.
    pub at: Time,
    /// Absent where the payload leaves it out (statuses are always of outbound calls).
    pub direction: Option<Direction>,
    /// What we sent as `biz_opaque_callback_data`, echoed.
    pub opaque: Option<String>,
    /// The user.
    pub party: Party,
    /// What happened.
    pub kind: MetaEventKind,
}

/// What happened to a call at WhatsApp.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetaEventKind {
    /// Inbound: the user's offer. Outbound: the answer to ours, which is not the pick-up.
    Connect {
        /// Offer or answer; absent on SIP numbers.
        sdp: Option<Sdp>,
    },
    /// Outbound: the user's phone rings.
    Ringing,
    /// Outbound: the user picked up.
    Accepted,
    /// Outbound: the user declined.
    Rejected,
    /// The call is over.
    Terminate(Terminate),
}

/// How WhatsApp says a call ended (whatsapp-calling.md 3.5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terminate {
    /// When it was said.
    pub at: Time,
    /// Present only when the call was picked up: the one sure sign that it was.
    pub started_at: Option<Time>,
    /// End of the conversation.
    pub ended_at: Option<Time>,
    /// Talking time in whole seconds.
    pub duration_secs: Option<u32>,
    /// First error, when Meta gives one.
    pub error: Option<MetaError>,
}

impl Terminate {
    /// The better informed of two reports of the same end, whichever came first.
    ///
    /// Redeliveries may come with the duration gone; a finished call is never downgraded by them.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        let rank = |t: &Self| {
            (
                t.started_at.is_some(),
                t.duration_secs.unwrap_or(0),
                t.error.as_ref().map(|e| e.code),
                t.ended_at,
                std::cmp::Reverse(t.at),
                t.started_at,
                t.error.as_ref().map(|e| e.message.clone()),
                // A duration of 0 is what a poor redelivery says; none at all lets us count by ourselves.
                t.duration_secs.is_none(),
            )
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}

/// An error as Meta states it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetaError {
    /// Meta's code (whatsapp-calling.md 7.2).
    pub code: i64,
    /// Meta's words, for people.
    pub message: String,
}

/// A user's reply to a permission request, or WhatsApp's own change of it (whatsapp-calling.md 3.7).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PermissionReply {
    /// The business number.
    pub number: MetaNumberId,
    /// The user.
    pub party: Party,
    /// When.
    pub at: Time,
    /// Granted or refused.
    pub granted: bool,
    /// When a temporary grant ends; absent when permanent or refused.
    pub expires_at: Option<Time>,
    /// WhatsApp did it by itself: because the user called, or because they did not answer.
    #[serde(default)]
    pub automatic: bool,
}

/// A number's settings changed at Meta, perhaps by ourselves (whatsapp-calling.md 3.10).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// The business number.
    pub number: MetaNumberId,
    /// When.
    pub at: Time,
    /// Whether calling is on; absent when that was not told.
    pub calling: Option<bool>,
}
