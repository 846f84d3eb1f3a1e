//! Meta's knocks, kept before they are acknowledged.

use async_trait::async_trait;

use super::StoreFault;
use crate::event::{Event, Logged};
use crate::id::TenantId;
use crate::meta::{MetaEvent, PermissionReply, SettingsChange};
use crate::time::Time;

/// One thing a webhook told, ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Knock {
    /// Equal for redeliveries of the same fact; the inbox keeps the first.
    pub key: String,
    /// When it came.
    pub received_at: Time,
    /// Meta's JSON of this element, as it came.
    pub raw: String,
    /// What we understood.
    pub news: News,
}

/// What a webhook told us.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum News {
    /// About a call.
    Call(MetaEvent),
    /// About a user's consent.
    Permission(PermissionReply),
    /// About a number's settings.
    Settings(SettingsChange),
    /// Something we keep but do not act on: an unknown field or event, or one that made no sense.
    Kept {
        /// Meta's field or event word, or what was wrong.
        why: String,
    },
}

/// A stored knock.
#[derive(Debug, Clone, PartialEq)]
pub struct Knocked {
    /// Its place in the inbox.
    pub id: i64,
    /// When it came.
    pub received_at: Time,
    /// What we understood.
    pub news: News,
}

/// The inbox of Meta's webhooks.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Stores the knocks of one webhook in one durable transaction, leaving out those known already.
    /// Returns how many were new. Knocks that are only kept are stored as dealt with.
    async fn take_in(&self, knocks: &[Knock]) -> Result<usize, StoreFault>;

    /// The oldest knocks that are not dealt with yet, after a place in the inbox.
    async fn pending(&self, after: i64, limit: u32) -> Result<Vec<Knocked>, StoreFault>;

    /// Marks knocks as dealt with.
    async fn done(&self, ids: &[i64]) -> Result<(), StoreFault>;

    /// Marks a knock as dealt with and, in the same transaction, tells so in the tenant's log: once, however
    /// often this is asked, and only while the tenant has a hook that wants Meta's own words.
    async fn pass_on(
        &self,
        knock: i64,
        tenant: &TenantId,
        at: Time,
        event: &Event,
    ) -> Result<Vec<Logged>, StoreFault>;

    /// Deletes the oldest knocks that are dealt with and came before a time, a part of them at a time. Returns how
    /// many; zero when none is left.
    async fn forget(&self, before: Time) -> Result<u64, StoreFault>;

    /// Meta's JSON of a knock.
    async fn raw(&self, knock: i64) -> Result<Option<String>, StoreFault>;
}
