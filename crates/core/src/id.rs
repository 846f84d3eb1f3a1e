//! Typed identifiers. Each kind has a prefix, so that a stranger's id is never taken for another's.
//!
//! Ours are a prefix and the 32 hexadecimal digits of a version 7 UUID: they sort by creation and give
//! faces that need a UUID one. Meta's are opaque strings.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! house_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// The kind's prefix, underscore included.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps a fresh UUID, which the caller takes from its [`crate::ports::Ids`].
            #[must_use]
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(format!("{}{}", $prefix, uuid.simple()))
            }

            /// Reads an id as printed; `None` when it is of another kind or malformed.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                let digits = text.strip_prefix($prefix)?;
                let well_formed =
                    digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                well_formed.then(|| Self(text.to_owned()))
            }

            /// The UUID inside.
            #[must_use]
            pub fn uuid(&self) -> Uuid {
                Uuid::parse_str(&self.0[$prefix.len()..]).expect("constructors only admit 32 hex digits")
            }

            /// As printed.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

house_id!(
    /// A company using this server.
    TenantId,
    "ten_"
);
house_id!(
    /// One conversation with a WhatsApp user.
    CallId,
    "wac_"
);
house_id!(
    /// A person who signs in: owner, agent, viewer …
    UserId,
    "usr_"
);
house_id!(
    /// A business number, as we name it.
    NumberId,
    "num_"
);
house_id!(
    /// An API key.
    KeyId,
    "key_"
);
house_id!(
    /// A recording of a call.
    RecordingId,
    "rec_"
);
house_id!(
    /// What is known of a user's permission to be called.
    PermissionId,
    "prm_"
);
house_id!(
    /// A customer's address that is told of events.
    HookId,
    "wh_"
);
house_id!(
    /// An entry of a tenant's event log.
    EventId,
    "evt_"
);
house_id!(
    /// A person a company talks with.
    ContactId,
    "con_"
);
house_id!(
    /// A list of contacts.
    ListId,
    "lst_"
);
house_id!(
    /// A segment of contacts.
    SegmentId,
    "seg_"
);
house_id!(
    /// A file of contacts being read.
    ImportId,
    "imp_"
);
house_id!(
    /// A voice bot's connection to a call.
    StreamId,
    "str_"
);

/// Meta's id of a call.
///
/// Opaque, up to about 150 characters, may contain `+`, `/`, `=`. It embeds the user's phone number
/// (whatsapp-calling.md 1.7), so `Debug` shows only its end and there is no `Display`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Wacid(String);

impl Wacid {
    /// Longest id taken; real ones are about 110 characters.
    pub const MAX_LEN: usize = 256;

    /// Takes Meta's id as it is; `None` when empty or absurdly long.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty() && text.len() <= Self::MAX_LEN).then_some(Self(text))
    }

    /// As Meta wrote it. Personal data: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Wacid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("wacid.…")
    }
}

/// Meta's id of a business number (`phone_number_id`), digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MetaNumberId(String);

impl MetaNumberId {
    /// Takes the id as Meta shows it; `None` unless 1 to 32 ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = (1..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        well_formed.then(|| Self(text.to_owned()))
    }

    /// As Meta shows it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for MetaNumberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for MetaNumberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
