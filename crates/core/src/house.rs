//! The house: tenants, their business numbers, their people and keys.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
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
    /// Whether it is connected to a simulator: nothing it does reaches a real phone.
    pub sandbox: bool,
    /// Whether a voice bot takes its inbound calls when we carry their sound; `Numbers::inbound_bot` says which.
    pub has_bot: bool,
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

/// What a person or key may do. The table is in [`crate::right`].
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

    /// Whether whoever has this role may give another, or change somebody who has it: nobody reaches above
    /// themselves.
    #[must_use]
    pub const fn reaches(self, other: Self) -> bool {
        self as usize <= other as usize
    }

    /// How long a session may be left alone. Those who can change the house are signed out sooner.
    #[must_use]
    pub const fn idle_limit(self) -> Option<Duration> {
        match self {
            Self::Owner | Self::Admin => Some(Duration::from_secs(30 * 60)),
            Self::Developer | Self::Agent | Self::Viewer | Self::Billing => None,
        }
    }
}

/// Longest address a person signs in with (RFC 5321, 4.5.3.1).
const LONGEST_ADDRESS: usize = 254;

/// An address people sign in with, in the form it is kept in; whether mail reaches it is not our concern.
#[must_use]
pub fn sign_in_address(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let whole = text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    let plain =
        !text.contains(|it: char| it.is_whitespace() || it.is_control()) && text.len() <= LONGEST_ADDRESS;
    (whole && plain).then_some(text)
}

/// Shortest password taken. Length is what makes guessing dear (NIST SP 800-63B); shorter ones are guessed.
pub const SHORTEST_PASSWORD: usize = 10;

/// Longest password looked at: hashing is slow enough without a megabyte to hash.
pub const LONGEST_PASSWORD: usize = 1024;

/// What is wrong with a new password, in words for whoever chose it.
#[must_use]
pub fn password_problem(password: &str, email: &str) -> Option<&'static str> {
    let low = password.to_lowercase();
    let name = email.split('@').next().unwrap_or_default().to_lowercase();
    let mut letters = low.chars();
    let first = letters.next();
    if password.chars().count() < SHORTEST_PASSWORD {
        Some("take 10 characters or more")
    } else if password.len() > LONGEST_PASSWORD {
        Some("take 1024 bytes at most")
    } else if letters.all(|letter| Some(letter) == first) {
        Some("take more than one character")
    } else if low == email.to_lowercase() || (name.len() >= SHORTEST_PASSWORD && low == name) {
        Some("take something else than the e-mail address")
    } else {
        None
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

/// Where a key may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyKind {
    /// On a server, out of everybody's sight.
    Secret,
    /// In a page, where everybody can read it: it changes nothing and sees phone numbers masked.
    Public,
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
    /// Where it may be kept.
    pub kind: KeyKind,
    /// The one number it selects (360dialog keys); none for keys of a tenant.
    pub number: Option<NumberId>,
    /// The networks it works from; empty for all.
    pub allowed_ips: Vec<IpNet>,
    /// For people.
    pub name: String,
}

/// A key as those who manage keys see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCard {
    /// The key.
    pub key: ApiKey,
    /// The person or key that made it; none when it was `offhook admin`.
    pub made_by: Option<String>,
    /// When it was made.
    pub created_at: Time,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Time>,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl KeyCard {
    /// Whether it is neither revoked nor expired.
    #[must_use]
    pub fn works_at(&self, now: Time) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|at| now < at)
    }
}

impl ApiKey {
    /// A live secret key for everything its role may, for all numbers, from everywhere.
    #[must_use]
    pub fn new(id: KeyId, tenant: TenantId, role: Role) -> Self {
        Self {
            id,
            tenant,
            role,
            scopes: vec!["*".to_owned()],
            mode: KeyMode::Live,
            kind: KeyKind::Secret,
            number: None,
            allowed_ips: Vec::new(),
            name: String::new(),
        }
    }

    /// Whether it works from an address. One that nobody knows is nowhere.
    #[must_use]
    pub fn works_from(&self, address: Option<IpAddr>) -> bool {
        let inside = |address: IpAddr| self.allowed_ips.iter().any(|net| net.contains(&address));
        self.allowed_ips.is_empty() || address.is_some_and(|address| inside(address.to_canonical()))
    }

    /// Whether the key's scopes cover `scope`, a word such as `calls:write`.
    #[must_use]
    pub fn covers(&self, scope: &str) -> bool {
        let area = scope.split(':').next().unwrap_or(scope);
        self.scopes.iter().any(|s| s == "*" || s == scope || s.strip_suffix(":*") == Some(area))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_reaches_above_themselves() {
        assert!(Role::Owner.reaches(Role::Owner));
        assert!(Role::Admin.reaches(Role::Developer));
        assert!(!Role::Admin.reaches(Role::Owner));
        assert!(!Role::Developer.reaches(Role::Admin));
    }

    #[test]
    fn a_key_works_from_the_networks_on_its_list() {
        let id = KeyId::from_uuid(uuid::Uuid::from_u128(1));
        let tenant = TenantId::from_uuid(uuid::Uuid::from_u128(1));
        let nets = ["198.51.100.7/32", "2001:db8:40::/48"].map(|net| net.parse().unwrap());
        let key = ApiKey { allowed_ips: nets.to_vec(), ..ApiKey::new(id, tenant, Role::Owner) };
        for (address, works) in [
            ("198.51.100.7", true),
            ("::ffff:198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8:40:1::1", true),
            ("2001:db8:41::1", false),
        ] {
            assert_eq!(key.works_from(Some(address.parse().unwrap())), works, "{address}");
        }
        assert!(!key.works_from(None));
        assert!(ApiKey { allowed_ips: vec![], ..key }.works_from(None));
    }

    #[test]
    fn passwords_that_are_guessed_first_are_refused() {
        let check = |password: &str, good: bool| {
            assert_eq!(password_problem(password, "Longest.Name@example.com").is_none(), good, "{password}");
        };
        check("correct horse", true);
        check("ten letter", true);
        check("nineletter", true);
        check("nine char", false);
        check("aaaaaaaaaaaaaa", false);
        check("longest.name@example.com", false);
        check("Longest.Name", false);
        check(&"ab".repeat(513), false);
    }
}
