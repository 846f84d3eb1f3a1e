//! Recordings: what is known of a call's recorded sound, from its first second to after its deletion.
//!
//! The sound itself lives in `crates/recording`; this is the row that tells of it.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, RecordingId, TenantId, UserId};
use crate::time::Time;

/// A recording's record. Holds no phone number and no name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// Ours.
    pub id: RecordingId,
    /// Whose.
    pub tenant: TenantId,
    /// Of which call.
    pub call: CallId,
    /// Where it is.
    pub state: RecordingState,
    /// When its timeline began.
    pub started_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Length of its timeline, pauses cut out.
    pub length_ms: u64,
    /// What lies in storage; none until it is there, and none again once deleted.
    pub stored: Option<StoredSound>,
    /// Who was heard, in the order they joined. Empty once deleted.
    pub parties: Vec<RecordedParty>,
    /// The recording's data key, wrapped. Empty once deleted.
    pub wrapped_key: Vec<u8>,
    /// What the customer was told, and when.
    pub consent: Consent,
    /// When retention deletes it.
    pub expires_at: Time,
    /// When and why it was deleted.
    pub deleted: Option<Deleted>,
}

/// Where a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Being written.
    Recording,
    /// Being written, and nobody is heard now.
    Paused,
    /// Whole.
    Complete,
    /// Cut short by a crash or by storage; its length is what there is.
    Truncated,
    /// Gone; the row remains.
    Deleted,
}

/// The sound in storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSound {
    /// Size of the sealed object.
    pub bytes: u64,
    /// SHA-256 of the sealed object.
    pub checksum: [u8; 32],
}

/// Somebody who is heard on a recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedParty {
    /// Names the party within its recording: 0, 1, 2 … in the order they joined.
    pub index: u16,
    /// Which side they are on.
    pub kind: PartyKind,
    /// Who, when it is one of ours.
    pub user: Option<UserId>,
}

/// Which side of a call somebody is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyKind {
    /// The WhatsApp user.
    Customer,
    /// One of ours who talks to them.
    Agent,
    /// One of ours who listens, whispers or joins in.
    Supervisor,
    /// A program that talks.
    Bot,
}

/// The evidence that recording was allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// The rule that applied.
    pub mode: ConsentMode,
    /// When the announcement began.
    pub announced_at: Option<Time>,
    /// Until when it was heard.
    pub announced_until: Option<Time>,
}

/// Whether calls are announced as recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// No announcement.
    None,
    /// Customers who call hear it.
    AnnounceInbound,
    /// Every customer hears it.
    AnnounceAll,
}

/// The end of a recording's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// When.
    pub at: Time,
    /// Why.
    pub why: DeletedWhy,
}

/// Why a recording is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeletedWhy {
    /// Its retention ended.
    Expired,
    /// Somebody asked for it.
    Erased,
    /// It was being written when the server stopped, and nothing of it was on the disk yet.
    Lost,
}

impl Recording {
    /// What remains of the row once the sound is gone: no key, no parties, no link.
    #[must_use]
    pub fn into_deleted(self, at: Time, why: DeletedWhy) -> Self {
        Self {
            state: RecordingState::Deleted,
            ended_at: self.ended_at.or(Some(at)),
            stored: None,
            parties: Vec::new(),
            wrapped_key: Vec::new(),
            deleted: Some(Deleted { at, why }),
            ..self
        }
    }
}

macro_rules! words {
    ($kind:ident { $($variant:ident => $word:literal),* $(,)? }) => {
        impl $kind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stored word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),*
                }
            }

            /// Reads the stored word.
            #[must_use]
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.as_str() == word)
            }
        }
    };
}

words!(RecordingState {
    Recording => "recording",
    Paused => "paused",
    Complete => "complete",
    Truncated => "truncated",
    Deleted => "deleted",
});
words!(PartyKind {
    Customer => "customer",
    Agent => "agent",
    Supervisor => "supervisor",
    Bot => "bot",
});
words!(ConsentMode {
    None => "none",
    AnnounceInbound => "announce_inbound",
    AnnounceAll => "announce_all",
});
words!(DeletedWhy {
    Expired => "expired",
    Erased => "erased",
    Lost => "lost",
});
