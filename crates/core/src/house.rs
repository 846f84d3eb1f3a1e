//! The house: tenants, their business numbers, their people and keys.

use serde::{Deserialize, Serialize};

use crate::id::{KeyId, MetaNumberId, NumberId, TenantId, UserId};
use crate::phone::Phone;
use crate::time::Time;

/// A company using this server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Our id.
    pub id: TenantId,
    /// Account id as the Vobiz face shows it, `MA_` and eight upper-case characters.
    pub account_id: String,
    /// For people.
    pub name: String,
}

/// Who terminates WhatsApp's media on a number's inbound calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaMode {
    /// The client that brings the SDP.
    Relay,
    /// Offhook.
    Bridge,
}

/// A business number connected to this server. Its access token is fetched apart, when it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessNumber {
    /// Our id.
    pub id: NumberId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Meta's id.
    pub meta_id: MetaNumberId,
    /// The WhatsApp Business Account it belongs to.
    pub waba_id: String,
    /// As users see it.
    pub phone: Phone,
    /// How inbound calls are carried.
    pub media_mode: MediaMode,
    /// Whether calling is turned on, as far as we know.
    pub calling: Calling,
}

/// Whether calling is turned on at Meta for a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calling {
    /// False only when Meta or we turned it off: about a number nobody has asked about, Meta decides call by call.
    pub enabled: bool,
    /// When that was said; none while nothing was.
    pub at: Option<Time>,
}

impl Calling {
    /// Said at a time.
    #[must_use]
    pub const fn said(enabled: bool, at: Time) -> Self {
        Self { enabled, at: Some(at) }
    }

    /// The later of two sayings.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        if other.at > self.at { other } else { self }
    }
}

impl Default for Calling {
    fn default() -> Self {
        Self { enabled: true, at: None }
    }
}

/// What a person or key may do. The table is `docs/roles.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything.
    Owner,
    /// Everything but owners and the tenant itself.
    Admin,
    /// Integration: numbers, keys, calls.
    Developer,
    /// Takes and places calls.
    Agent,
    /// Reads, with phone numbers masked.
    Viewer,
    /// Reads costs, with phone numbers masked.
    Billing,
}

impl Role {
    /// All of them, in falling order of rights.
    pub const ALL: [Self; 6] =
        [Self::Owner, Self::Admin, Self::Developer, Self::Agent, Self::Viewer, Self::Billing];

    /// The word used in commands, JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Developer => "developer",
            Self::Agent => "agent",
            Self::Viewer => "viewer",
            Self::Billing => "billing",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// Whether this role may place, answer and end calls.
    #[must_use]
    pub const fn may_call(self) -> bool {
        matches!(self, Self::Owner | Self::Admin | Self::Developer | Self::Agent)
    }

    /// Whether this role sees phone numbers whole.
    #[must_use]
    pub const fn sees_phones(self) -> bool {
        !matches!(self, Self::Viewer | Self::Billing)
    }
}

/// Whether a person takes calls, as they last said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Ring me.
    Available,
    /// Do not.
    Away,
}

/// A person who signs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Our id.
    pub id: UserId,
    /// Whose.
    pub tenant: TenantId,
    /// Sign-in name, lower case.
    pub email: String,
    /// Shown to colleagues.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// What they last said about taking calls.
    pub presence: Presence,
}

/// Whether a key reaches WhatsApp or only the simulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyMode {
    /// Real calls.
    Live,
    /// The simulator.
    Test,
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Our id.
    pub id: KeyId,
    /// Whose.
    pub tenant: TenantId,
    /// What it may do.
    pub role: Role,
    /// Narrower rights, such as `calls:read`; `*` for all of the role's.
    pub scopes: Vec<String>,
    /// Live or test.
    pub mode: KeyMode,
    /// The one number it selects (360dialog keys); none for keys of a tenant.
    pub number: Option<NumberId>,
}

impl ApiKey {
    /// Whether the key's scopes cover `scope`, a word such as `calls:write`.
    #[must_use]
    pub fn covers(&self, scope: &str) -> bool {
        let area = scope.split(':').next().unwrap_or(scope);
        self.scopes.iter().any(|s| s == "*" || s == scope || s.strip_suffix(":*") == Some(area))
    }
}
