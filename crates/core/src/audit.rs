//! What was done, by whom, from where: entries of the audit log.
//!
//! A log belongs to a tenant, or to the house when nobody knows whose the matter is (a stranger's sign-in).
//! Every entry's hash covers the one before it, so that a change or a gap shows.

use std::net::IpAddr;

use crate::id::{KeyId, TenantId, UserId};
use crate::time::Time;

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// A person, with the name they had.
    Person(UserId, String),
    /// A program with a key, with the key's name.
    Key(KeyId, String),
    /// Whoever has the database and ran `offhook admin`.
    Operator,
    /// Somebody whose credential was not good.
    Stranger,
}

impl Actor {
    /// The word in SQL and JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Person(..) => "person",
            Self::Key(..) => "key",
            Self::Operator => "operator",
            Self::Stranger => "stranger",
        }
    }

    /// Their id, if they have one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Person(id, _) => Some(id.as_str()),
            Self::Key(id, _) => Some(id.as_str()),
            Self::Operator | Self::Stranger => None,
        }
    }

    /// Their name then.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Person(_, name) | Self::Key(_, name) => Some(name),
            Self::Operator | Self::Stranger => None,
        }
    }

    /// From the parts it is stored in.
    #[must_use]
    pub fn from_parts(kind: &str, id: Option<&str>, name: Option<&str>) -> Option<Self> {
        let name = || name.unwrap_or_default().to_owned();
        match kind {
            "person" => Some(Self::Person(UserId::parse(id?)?, name())),
            "key" => Some(Self::Key(KeyId::parse(id?)?, name())),
            "operator" => Some(Self::Operator),
            "stranger" => Some(Self::Stranger),
            _ => None,
        }
    }
}

/// What something was done to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its kind, such as `api_key`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

impl Object {
    /// An object of a kind.
    #[must_use]
    pub fn new(kind: &str, id: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.into() }
    }
}

/// Something that was done, to be written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// Whose log; the house's own when nobody's.
    pub tenant: Option<TenantId>,
    /// When.
    pub at: Time,
    /// Who.
    pub actor: Actor,
    /// What: an area and a past tense, such as `api_key.revoked`.
    pub action: String,
    /// To what.
    pub object: Option<Object>,
    /// The object before, as JSON without secrets.
    pub before: Option<String>,
    /// The object after, or what else there is to say, as JSON without secrets.
    pub after: Option<String>,
    /// The request it came with.
    pub request_id: Option<String>,
    /// From where.
    pub address: Option<IpAddr>,
}

impl Deed {
    /// A deed without object and details.
    #[must_use]
    pub fn new(tenant: &TenantId, at: Time, actor: Actor, action: &str) -> Self {
        Self {
            tenant: Some(tenant.clone()),
            at,
            actor,
            action: action.to_owned(),
            object: None,
            before: None,
            after: None,
            request_id: None,
            address: None,
        }
    }
}

/// An entry as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in its log, from 1, without gaps.
    pub seq: u64,
    /// What was done.
    pub deed: Deed,
    /// The address as a keyed hash: the same address has the same.
    pub address_hash: Option<String>,
    /// Covers this entry and all before it.
    pub hash: [u8; 32],
}

/// Which entries are wanted, newest first.
#[derive(Debug, Clone, Default)]
pub struct AuditPage {
    /// Only entries before this place.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
    /// Only deeds of the person or key with this id.
    pub actor: Option<String>,
    /// Only this action, or this area when it ends with a dot.
    pub action: Option<String>,
}

/// What became of a check of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is as it was written, up to this place with this hash.
    Whole {
        /// The last place.
        seq: u64,
        /// The last hash.
        hash: [u8; 32],
    },
    /// The entry at this place is missing or is not what was written.
    Broken {
        /// The first place that is wrong.
        seq: u64,
    },
}
