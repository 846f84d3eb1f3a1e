//! Tenants, numbers, people, keys and sessions.
//!
//! Secrets go in and come out of these ports once; adapters keep them hashed or sealed.

use async_trait::async_trait;

use super::StoreFault;
use crate::house::{ApiKey, BusinessNumber, Calling, KeyMode, MediaMode, Person, Presence, Role, Tenant};
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
}

/// API keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// Makes a key. Its text is in the answer and nowhere else.
    async fn mint(&self, key: NewKey) -> Result<Minted, StoreFault>;
    /// The key with this text, unless it is unknown, revoked or expired at `now`.
    async fn check(&self, presented: &str, now: Time) -> Result<Option<ApiKey>, StoreFault>;
}

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key; its id is fresh.
    pub key: ApiKey,
    /// When it stops working.
    pub expires_at: Option<Time>,
    /// When.
    pub at: Time,
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
    /// The person of a session that is open at `now`.
    async fn person(&self, secret: &str, now: Time) -> Result<Option<Person>, StoreFault>;
    /// Closes a session.
    async fn close(&self, secret: &str) -> Result<(), StoreFault>;
    /// Makes a single-use ticket for a WebSocket and returns its secret.
    async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, StoreFault>;
    /// Takes a ticket: the person, once, while it is valid at `now`.
    async fn take_ticket(&self, secret: &str, now: Time) -> Result<Option<Person>, StoreFault>;
}

/// Whom a ticket lets in, and until when.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Who.
    pub person: Person,
    /// When it stops working.
    pub until: Time,
}
