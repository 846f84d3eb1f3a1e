//! The shapes of settings: keys, people and audit entries.

use offhook_core::house::{KeyCard, KeyKind, KeyMode, Person};
use offhook_core::time::Time;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::manners::moment;

/// Where a key may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeyType {
    /// On a server.
    Secret,
    /// In a page: it reads, with phone numbers masked.
    Public,
}

/// Whether a key reaches WhatsApp or only simulators.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// WhatsApp.
    Live,
    /// Numbers of the sandbox.
    Test,
}

/// How long a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) enum Lifetime {
    /// For ever.
    #[serde(rename = "never")]
    Never,
    /// 30 days.
    #[serde(rename = "30d")]
    Month,
    /// 90 days.
    #[serde(rename = "90d")]
    Quarter,
    /// 365 days.
    #[serde(rename = "1y")]
    Year,
}

/// A role of people and keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Role {
    /// Everything.
    Owner,
    /// Everything but owners.
    Admin,
    /// Integration.
    Developer,
    /// Takes and places calls.
    Agent,
    /// Reads, with phone numbers masked.
    Viewer,
    /// Reads costs, with phone numbers masked.
    Billing,
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewApiKey {
    /// For people, 1 to 100 characters.
    #[schema(required, nullable = false, example = "CRM")]
    pub(crate) name: Option<String>,
    /// `secret` when not said.
    #[serde(rename = "type")]
    pub(crate) kind: Option<KeyType>,
    /// At least one, each known; `*` for all of the role's.
    #[schema(required, nullable = false, example = json!(["calls:read", "calls:write"]))]
    pub(crate) scopes: Option<Vec<String>>,
    /// `live` when not said.
    pub(crate) mode: Option<Mode>,
    /// `1y` when not said.
    #[serde(rename = "expiresIn")]
    pub(crate) expires_in: Option<Lifetime>,
    /// At most 50 addresses or networks it works from; all when null or empty.
    #[schema(example = json!(["198.51.100.7", "2001:db8:40::/48"]))]
    pub(crate) allowed_ips: Option<Vec<String>>,
    /// Ours: what it may do, one's own role when not said, and at most that.
    pub(crate) role: Option<Role>,
    /// Ours: Meta's id of the one number it selects, for clients of the 360dialog face.
    #[schema(example = "106540352242922")]
    pub(crate) phone_number_id: Option<String>,
}

/// A key, without its value.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyView {
    /// Its id.
    #[schema(example = "key_0192a3b4c5d67e8f901234567890abcd")]
    pub(crate) id: String,
    /// For people.
    pub(crate) name: String,
    /// Where it may be kept.
    #[serde(rename = "type")]
    pub(crate) kind: KeyType,
    /// Live or test.
    pub(crate) mode: Mode,
    /// What it may do.
    pub(crate) role: Role,
    /// Narrower rights.
    pub(crate) scopes: Vec<String>,
    /// From where it works; null for everywhere.
    pub(crate) allowed_ips: Option<Vec<String>>,
    /// Our id of the one number it selects.
    pub(crate) number_id: Option<String>,
    /// The person or key that made it; null for `offhook admin`.
    pub(crate) created_by: Option<String>,
    /// When it was made.
    pub(crate) created_at: String,
    /// When it stops working.
    pub(crate) expires_at: Option<String>,
    /// Whether that is in less than 14 days.
    pub(crate) expires_soon: bool,
    /// When it was last used, to the minute.
    pub(crate) last_used_at: Option<String>,
    /// When it was revoked.
    pub(crate) revoked_at: Option<String>,
    /// `active`, `expired` or `revoked`.
    #[schema(example = "active")]
    pub(crate) status: &'static str,
}

/// A fresh key. Its value is here and nowhere else.
#[derive(Serialize, ToSchema)]
pub(crate) struct MintedKey {
    /// The key's value, shown once.
    #[schema(example = "wab_live_sk_…")]
    pub(crate) key: String,
    /// The key.
    #[serde(flatten)]
    pub(crate) card: ApiKeyView,
}

/// How a key is replaced.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Rotation {
    /// Seconds the old key goes on working: 0 to 604800, a day when not said.
    #[schema(example = 86400)]
    pub(crate) overlap_seconds: Option<u32>,
}

/// A fresh key in the place of an old one.
#[derive(Serialize, ToSchema)]
pub(crate) struct RotatedKey {
    /// The fresh key.
    #[serde(flatten)]
    pub(crate) minted: MintedKey,
    /// The old one.
    pub(crate) replaces: Replaced,
}

/// A key whose place was taken.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Replaced {
    /// Its id.
    pub(crate) id: String,
    /// Until when it goes on working.
    pub(crate) works_until: String,
}

/// From where a key works.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AllowedIps {
    /// The key.
    #[schema(example = "key_0192a3b4c5d67e8f901234567890abcd")]
    pub(crate) id: String,
    /// Addresses and networks; null for everywhere.
    #[schema(example = json!(["198.51.100.7"]))]
    pub(crate) allowed_ips: Option<Vec<String>>,
}

/// A new list of addresses, in the place of the old one.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct NewAllowedIps {
    /// At most 50 addresses or networks; null or an empty list for everywhere.
    #[serde(deserialize_with = "stated")]
    #[schema(required, nullable, value_type = Option<Vec<String>>, example = json!(["198.51.100.7", "2001:db8:40::/48"]))]
    pub(crate) allowed_ips: Option<Vec<String>>,
}

/// A field that must be there, though it may be null: leaving it out is not a way to clear a list.
fn stated<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Vec<String>>, D::Error> {
    Deserialize::deserialize(from)
}

/// A person to add.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewPersonBody {
    /// Sign-in address.
    #[schema(required, nullable = false, example = "ada@example.com")]
    pub(crate) email: Option<String>,
    /// Shown to colleagues, 1 to 100 characters.
    #[schema(required, nullable = false, example = "Ada")]
    pub(crate) name: Option<String>,
    /// What they may do: at most what you may.
    #[schema(required, nullable = false)]
    pub(crate) role: Option<Role>,
    /// 10 characters or more. Made for them and shown once when not said.
    pub(crate) password: Option<String>,
}

/// What is changed about a person; what is not said stays.
#[derive(Deserialize, ToSchema)]
pub(crate) struct PersonPatch {
    /// Shown to colleagues, 1 to 100 characters.
    pub(crate) name: Option<String>,
    /// What they may do: at most what you may. Their sessions end.
    pub(crate) role: Option<Role>,
    /// Another password, 10 characters or more. Their sessions end.
    pub(crate) password: Option<String>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PersonView {
    /// Their id.
    #[schema(example = "usr_0192a3b4c5d67e8f901234567890abcd")]
    pub(crate) id: String,
    /// Sign-in address.
    #[schema(example = "ada@example.com")]
    pub(crate) email: String,
    /// Shown to colleagues.
    #[schema(example = "Ada")]
    pub(crate) name: String,
    /// What they may do.
    pub(crate) role: Role,
}

/// A person who was added.
#[derive(Serialize, ToSchema)]
pub(crate) struct AddedPerson {
    /// The person.
    #[serde(flatten)]
    pub(crate) person: PersonView,
    /// The password that was made for them, shown once; absent when you said one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
}

/// Something that was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditEntry {
    /// Its place in your log, without gaps.
    #[schema(example = 17)]
    pub(crate) seq: u64,
    /// When.
    pub(crate) at: String,
    /// Who.
    pub(crate) actor: AuditActor,
    /// What.
    #[schema(example = "api_key.created")]
    pub(crate) action: String,
    /// To what.
    pub(crate) object: Option<AuditObject>,
    /// The object before, without secrets.
    #[schema(value_type = Option<Object>)]
    pub(crate) before: Option<Value>,
    /// The object after, or what else there is to say.
    #[schema(value_type = Option<Object>)]
    pub(crate) after: Option<Value>,
    /// The request it came with.
    pub(crate) request_id: Option<String>,
    /// From where, as a keyed hash: the same address has the same.
    pub(crate) address_hash: Option<String>,
    /// From where. For owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    /// Covers this entry and all before it.
    pub(crate) hash: String,
}

/// Who did something.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditActor {
    /// `person`, `key`, `operator` (ran `offhook admin`) or `stranger`.
    #[serde(rename = "type")]
    #[schema(example = "person")]
    pub(crate) kind: &'static str,
    /// Their id.
    pub(crate) id: Option<String>,
    /// Their name then.
    pub(crate) name: Option<String>,
}

/// What something was done to.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AuditObject {
    /// Its kind.
    #[serde(rename = "type")]
    #[schema(example = "api_key")]
    pub(crate) kind: String,
    /// Its id.
    pub(crate) id: String,
}

/// A key is warned about this long before it ends.
const SOON: std::time::Duration = std::time::Duration::from_secs(14 * 24 * 60 * 60);

impl ApiKeyView {
    pub(crate) fn of(card: &KeyCard, now: Time) -> Self {
        let key = &card.key;
        let expired = card.expires_at.is_some_and(|at| at <= now);
        let status = match card.revoked_at {
            Some(_) => "revoked",
            None if expired => "expired",
            None => "active",
        };
        Self {
            id: key.id.as_str().to_owned(),
            name: key.name.clone(),
            kind: key.kind.into(),
            mode: key.mode.into(),
            role: key.role.into(),
            scopes: key.scopes.clone(),
            allowed_ips: allowed(&key.allowed_ips),
            number_id: key.number.as_ref().map(|number| number.as_str().to_owned()),
            created_by: card.made_by.clone(),
            created_at: moment::whole(card.created_at),
            expires_at: card.expires_at.map(moment::whole),
            expires_soon: status == "active" && card.expires_at.is_some_and(|at| at <= now + SOON),
            last_used_at: card.last_used_at.map(moment::whole),
            revoked_at: card.revoked_at.map(moment::whole),
            status,
        }
    }
}

/// Networks as the provider writes them: single addresses without a length, null for everywhere.
pub(crate) fn allowed(nets: &[ipnet::IpNet]) -> Option<Vec<String>> {
    let show = |net: &ipnet::IpNet| match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
    };
    (!nets.is_empty()).then(|| nets.iter().map(show).collect())
}

impl PersonView {
    pub(crate) fn of(person: &Person) -> Self {
        Self {
            id: person.id.as_str().to_owned(),
            email: person.email.clone(),
            name: person.name.clone(),
            role: person.role.into(),
        }
    }
}

impl From<offhook_core::house::Role> for Role {
    fn from(role: offhook_core::house::Role) -> Self {
        use offhook_core::house::Role as Known;
        match role {
            Known::Owner => Self::Owner,
            Known::Admin => Self::Admin,
            Known::Developer => Self::Developer,
            Known::Agent => Self::Agent,
            Known::Viewer => Self::Viewer,
            Known::Billing => Self::Billing,
        }
    }
}

impl From<Role> for offhook_core::house::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Owner => Self::Owner,
            Role::Admin => Self::Admin,
            Role::Developer => Self::Developer,
            Role::Agent => Self::Agent,
            Role::Viewer => Self::Viewer,
            Role::Billing => Self::Billing,
        }
    }
}

impl From<KeyMode> for Mode {
    fn from(mode: KeyMode) -> Self {
        match mode {
            KeyMode::Live => Self::Live,
            KeyMode::Test => Self::Test,
        }
    }
}

impl From<Mode> for KeyMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Live => Self::Live,
            Mode::Test => Self::Test,
        }
    }
}

impl From<KeyKind> for KeyType {
    fn from(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Secret => Self::Secret,
            KeyKind::Public => Self::Public,
        }
    }
}

impl From<KeyType> for KeyKind {
    fn from(kind: KeyType) -> Self {
        match kind {
            KeyType::Secret => Self::Secret,
            KeyType::Public => Self::Public,
        }
    }
}
