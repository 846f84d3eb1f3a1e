//! Tenants, numbers, people, keys and sessions.
//!
//! Secrets go in and come out of these ports once; adapters keep them hashed or sealed.

use async_trait::async_trait;
use ipnet::IpNet;

use super::StoreFault;
use crate::audit::Deed;
use crate::call::table::BotUrl;
use crate::house::{
    ApiKey, BusinessNumber, Calling, KeyCard, KeyMode, MediaMode, Person, Presence, Role, Tenant,
};
use crate::id::{KeyId, MetaNumberId, NumberId, TenantId, UserId};
use crate::phone::Phone;
use crate::time::Time;

/// Companies.
#[async_trait]
pub trait Tenants: Send + Sync {
    /// Adds a tenant.
    async fn add(&self, tenant: NewTenant) -> Result<Tenant, StoreFault>;
    /// The tenant.
    async fn load(&self, id: &TenantId) -> Result<Option<Tenant>, StoreFault>;
    /// All tenants, oldest first.
    async fn all(&self) -> Result<Vec<Tenant>, StoreFault>;
}

/// A tenant to add.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Fresh id.
    pub id: TenantId,
    /// For people.
    pub name: String,
    /// When.
    pub at: Time,
}

/// Business numbers.
#[async_trait]
pub trait Numbers: Send + Sync {
    /// Connects a number; its token is sealed. [`StoreFault::Exists`] when Meta's id is connected already.
    async fn add(&self, number: NewNumber) -> Result<BusinessNumber, StoreFault>;
    /// The number behind Meta's id.
    async fn by_meta_id(&self, id: &MetaNumberId) -> Result<Option<BusinessNumber>, StoreFault>;
    /// The number, if it is the tenant's.
    async fn load(&self, tenant: &TenantId, id: &NumberId) -> Result<Option<BusinessNumber>, StoreFault>;
    /// A tenant's numbers, oldest first.
    async fn all(&self, tenant: &TenantId) -> Result<Vec<BusinessNumber>, StoreFault>;
    /// Decides who carries the sound of a tenant's number from the next call on. None when the number is not theirs.
    async fn set_media_mode(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        mode: MediaMode,
    ) -> Result<Option<BusinessNumber>, StoreFault>;
    /// Remembers whether calling is on for a tenant's number, unless something later is known already. Returns the
    /// number as it is then; none when it is not theirs.
    async fn set_calling(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        calling: Calling,
    ) -> Result<Option<BusinessNumber>, StoreFault>;
    /// The voice bot that takes a number's inbound calls, if one does.
    async fn inbound_bot(&self, id: &NumberId) -> Result<Option<BotUrl>, StoreFault>;
    /// Decides who takes the inbound calls of a tenant's number from the next one on: a voice bot, or people. Its
    /// address is sealed. Whether the number is theirs.
    async fn set_inbound_bot(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        bot: Option<&BotUrl>,
    ) -> Result<bool, StoreFault>;
    /// The access token, opened. For the request at hand only.
    async fn access_token(&self, id: &NumberId) -> Result<Option<String>, StoreFault>;
}

/// A number to connect.
#[derive(Clone)]
pub struct NewNumber {
    /// Fresh id.
    pub id: NumberId,
    /// Whose.
    pub tenant: TenantId,
    /// Meta's id.
    pub meta_id: MetaNumberId,
    /// WhatsApp Business Account.
    pub waba_id: String,
    /// As users see it.
    pub phone: Phone,
    /// How inbound calls are carried.
    pub media_mode: MediaMode,
    /// Whether it is connected to a simulator.
    pub sandbox: bool,
    /// Meta's token for it.
    pub access_token: String,
    /// When.
    pub at: Time,
}

/// People who sign in.
#[async_trait]
pub trait People: Send + Sync {
    /// Adds a person; the password is hashed. [`StoreFault::Exists`] when the address is taken.
    async fn add(&self, person: NewPerson) -> Result<Person, StoreFault>;
    /// The person with this address and password. Takes as long for an unknown address as for a known one.
    async fn sign_in(&self, email: &str, password: &str) -> Result<Option<Person>, StoreFault>;
    /// The person, if they are the tenant's.
    async fn load(&self, tenant: &TenantId, id: &UserId) -> Result<Option<Person>, StoreFault>;
    /// A tenant's people, oldest first.
    async fn all(&self, tenant: &TenantId) -> Result<Vec<Person>, StoreFault>;
    /// Remembers what a person said about taking calls.
    async fn set_presence(&self, id: &UserId, presence: Presence) -> Result<(), StoreFault>;
    /// Changes a person and writes the deed down. A new role or password ends their sessions, but for the one
    /// that is spared.
    async fn change(&self, change: PersonChange) -> Result<Changed, StoreFault>;
    /// Removes a person with their sessions and writes the deed down.
    async fn remove(&self, removal: Removal) -> Result<Changed, StoreFault>;
    /// Whose address this is, for the audit of a sign-in that failed.
    async fn whose(&self, email: &str) -> Result<Option<Person>, StoreFault>;
}

/// What is changed about a person. Whatever is none stays.
#[derive(Clone)]
pub struct PersonChange {
    /// Whose person.
    pub tenant: TenantId,
    /// Who.
    pub id: UserId,
    /// Shown to colleagues.
    pub name: Option<String>,
    /// What they may do.
    pub role: Option<Role>,
    /// In the clear, to be hashed.
    pub password: Option<String>,
    /// The session of whoever changes themselves.
    pub spare: Option<SessionRef>,
    /// Written down with it.
    pub deed: Option<Deed>,
}

/// A person to remove.
#[derive(Debug, Clone)]
pub struct Removal {
    /// Whose person.
    pub tenant: TenantId,
    /// Who.
    pub id: UserId,
    /// Whether the keys they made go with them.
    pub revoke_keys: bool,
    /// When.
    pub at: Time,
    /// Written down with it.
    pub deed: Option<Deed>,
}

/// What became of a change to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The person as they are now, or were last.
    Done(Person),
    /// They are the only owner, who stays.
    LastOwner,
    /// There is no such person.
    Unknown,
}

/// A person to add.
#[derive(Clone)]
pub struct NewPerson {
    /// Fresh id.
    pub id: UserId,
    /// Whose.
    pub tenant: TenantId,
    /// Sign-in name.
    pub email: String,
    /// Shown to colleagues.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// In the clear, to be hashed.
    pub password: String,
    /// When.
    pub at: Time,
    /// Written down with it.
    pub deed: Option<Deed>,
}

/// API keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Makes a key. Its text is in the answer and nowhere else.
    async fn mint(&self, key: NewKey) -> Result<Minted, StoreFault>;
    /// The key with this text, unless it is unknown, revoked or expired at `now`.
    async fn check(&self, presented: &str, now: Time) -> Result<Option<ApiKey>, StoreFault>;
    /// A tenant's keys, newest first, revoked and expired ones among them.
    async fn all(&self, tenant: &TenantId) -> Result<Vec<KeyCard>, StoreFault>;
    /// The key, if it is the tenant's.
    async fn load(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<KeyCard>, StoreFault>;
    /// Revokes a key and writes the deed down. None when it is not theirs or was revoked before.
    async fn revoke(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        at: Time,
        deed: Option<Deed>,
    ) -> Result<Option<KeyCard>, StoreFault>;
    /// Says from where a key works and writes the deed down. None when it is not theirs.
    async fn set_allowed_ips(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        nets: Vec<IpNet>,
        deed: Option<Deed>,
    ) -> Result<Option<KeyCard>, StoreFault>;
    /// Remembers that a key was used.
    async fn used(&self, id: &KeyId, at: Time) -> Result<(), StoreFault>;
}

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key; its id is fresh.
    pub key: ApiKey,
    /// The person or key that makes it.
    pub made_by: Option<String>,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// The key whose place it takes, and until when that one goes on working.
    pub replaces: Option<(KeyId, Time)>,
    /// When.
    pub at: Time,
    /// Written down with it.
    pub deed: Option<Deed>,
}

impl NewKey {
    /// A key for ever that nobody is named for.
    #[must_use]
    pub const fn of(key: ApiKey, at: Time) -> Self {
        Self { key, made_by: None, expires_at: None, replaces: None, at, deed: None }
    }
}

/// A fresh key with its text, shown once.
#[derive(Clone)]
pub struct Minted {
    /// Its id.
    pub id: KeyId,
    /// The whole key.
    pub text: String,
}

impl KeyMode {
    /// The word in a key's text.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }
}

/// Signed-in browsers and the tickets that open a WebSocket.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Opens a session and returns its secret.
    async fn open(&self, person: &Person, now: Time, until: Time) -> Result<String, StoreFault>;
    /// The session with this secret, when it is open at `now`.
    async fn opened(&self, secret: &str, now: Time) -> Result<Option<Session>, StoreFault>;
    /// The same by its name.
    async fn standing(&self, session: &SessionRef, now: Time) -> Result<Option<Session>, StoreFault>;
    /// Remembers that a session was used.
    async fn touch(&self, session: &SessionRef, now: Time) -> Result<(), StoreFault>;
    /// Closes a session.
    async fn close(&self, secret: &str) -> Result<(), StoreFault>;
    /// Makes a single-use ticket for a WebSocket and returns its secret.
    async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, StoreFault>;
    /// Takes a ticket, once, while it is valid at `now`. The person in it is as they are now.
    async fn take_ticket(&self, secret: &str, now: Time) -> Result<Option<Ticket>, StoreFault>;
    /// Rises whenever somebody of the tenant lost or gained a right: a person was changed or removed, a key
    /// ended or was given other rules, a session was closed.
    async fn rights_version(&self, tenant: &TenantId) -> Result<u64, StoreFault>;
}

/// Names a session without opening it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SessionRef(pub [u8; 32]);

impl std::fmt::Debug for SessionRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionRef(…)")
    }
}

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its name.
    pub id: SessionRef,
    /// Whose, as they are now.
    pub person: Person,
    /// When it was last used, to the minute.
    pub seen_at: Time,
}

impl Session {
    /// Whether it was left alone for longer than its person's role allows.
    #[must_use]
    pub fn is_idle(&self, now: Time) -> bool {
        self.person.role.idle_limit().is_some_and(|limit| self.seen_at + limit <= now)
    }
}

/// Whom a ticket lets in, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Who.
    pub person: Person,
    /// When it stops working.
    pub until: Time,
    /// What it was given for.
    pub by: Option<Opener>,
}

/// What a ticket was given for: when that ends, so does what the ticket opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opener {
    /// A session.
    Session(SessionRef),
    /// A key.
    Key(KeyId),
}
