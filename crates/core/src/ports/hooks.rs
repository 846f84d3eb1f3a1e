//! Remembering hooks and their deliveries, dressing events, and carrying them.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use super::StoreFault;
use crate::event::{Event, Logged};
use crate::hook::{
    Attempt, Credentials, Delivery, DeliveryState, Disabled, Dress, Health, Hook, HookSecret, Next, Reply,
};
use crate::id::{HookId, TenantId};
use crate::time::Time;

/// Hooks of all tenants.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Adds a hook. It is told of entries after the head of the log at that moment. [`StoreFault::Exists`]
    /// when the tenant has `most` already.
    async fn add(&self, new: NewHook, most: u32) -> Result<Hook, StoreFault>;
    /// The hook, if it is the tenant's.
    async fn find(&self, tenant: &TenantId, id: &HookId) -> Result<Option<Hook>, StoreFault>;
    /// A tenant's hooks, newest first.
    async fn of_tenant(&self, tenant: &TenantId) -> Result<Vec<Hook>, StoreFault>;
    /// Every hook there is.
    async fn everywhere(&self) -> Result<Vec<Hook>, StoreFault>;
    /// Writes address, topics, description and whether it is active. Made active, its failures are forgotten.
    async fn change(&self, hook: &Hook) -> Result<bool, StoreFault>;
    /// Removes a hook with its deliveries.
    async fn remove(&self, tenant: &TenantId, id: &HookId) -> Result<bool, StoreFault>;
    /// What it is signed and sent with, opened.
    async fn credentials(&self, tenant: &TenantId, id: &HookId) -> Result<Option<Credentials>, StoreFault>;
    /// Replaces that.
    async fn set_credentials(
        &self,
        tenant: &TenantId,
        id: &HookId,
        with: &Credentials,
    ) -> Result<bool, StoreFault>;
}

/// A hook to add.
#[derive(Debug, Clone)]
pub struct NewHook {
    /// With a fresh id. Its place is found when it is written.
    pub hook: Hook,
    /// What it is signed and sent with.
    pub credentials: Credentials,
}

/// What is on its way to hooks. One lane at a time works on a hook.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Makes deliveries from the log and moves the hook's place, in one transaction.
    /// [`StoreFault::Conflict`] unless the hook is at `from`.
    async fn advance(
        &self,
        hook: &HookId,
        from: u64,
        to: u64,
        made: &[NewDelivery],
        at: Time,
    ) -> Result<(), StoreFault>;
    /// Makes deliveries besides, for entries that were told before.
    async fn enqueue(&self, hook: &HookId, made: &[NewDelivery], at: Time) -> Result<(), StoreFault>;
    /// What is to be tried by now, longest due first: of each thread at most the first.
    async fn due(&self, hook: &HookId, now: Time, limit: u32) -> Result<Vec<Due>, StoreFault>;
    /// When the first delivery after a time is due.
    async fn next_due(&self, hook: &HookId, after: Time) -> Result<Option<Time>, StoreFault>;
    /// Writes what became of tries and how the hook does, in one transaction; those behind a settled one
    /// become due.
    async fn settle(
        &self,
        hook: &HookId,
        tried: &[Settled],
        health: Health,
        disabled: Option<Disabled>,
    ) -> Result<(), StoreFault>;
    /// A page of a hook's deliveries, newest first.
    async fn deliveries(
        &self,
        tenant: &TenantId,
        hook: &HookId,
        state: Option<DeliveryState>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<DeliveryPage, StoreFault>;
    /// Gives dead deliveries, or the one named, all their tries back. How many.
    async fn revive(&self, hook: &HookId, which: Option<Uuid>, at: Time) -> Result<u64, StoreFault>;
    /// How many are not settled yet and when the oldest of them was made, of active hooks, by dress.
    async fn backlog(&self) -> Result<BTreeMap<Dress, (u64, Time)>, StoreFault>;
    /// Forgets settled deliveries made before. How many.
    async fn prune(&self, before: Time) -> Result<u64, StoreFault>;
}

/// A delivery to make.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Fresh.
    pub id: Uuid,
    /// The entry's place in the log.
    pub seq: u64,
    /// Under which name it is told.
    pub name: String,
    /// What it must be told in order with.
    pub thread: String,
}

/// A delivery to try, with its entry.
#[derive(Debug, Clone)]
pub struct Due {
    /// The delivery.
    pub delivery: Delivery,
    /// What it tells.
    pub logged: Logged,
}

/// What became of a try.
#[derive(Debug, Clone)]
pub struct Settled {
    /// The delivery's place among the hook's.
    pub n: u64,
    /// What follows.
    pub next: Next,
    /// How often it was tried by now.
    pub tries: u32,
    /// The try.
    pub attempt: Attempt,
}

/// A page of deliveries.
#[derive(Debug, Clone)]
pub struct DeliveryPage {
    /// Newest first.
    pub deliveries: Vec<Delivery>,
    /// Whether another page follows.
    pub has_more: bool,
}

/// Puts entries of the log into the words of a dress.
#[async_trait]
pub trait Dresser: Send + Sync {
    /// The names under which the hook is told of an entry; none when it is not.
    fn names(&self, hook: &Hook, event: &Event) -> Vec<&'static str>;
    /// The body; none when there is nothing to tell any more.
    async fn dress(&self, hook: &Hook, logged: &Logged, name: &str) -> Result<Option<Dressed>, StoreFault>;
}

/// A body, ready to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dressed {
    /// The id receivers know repetitions by.
    pub id: String,
    /// JSON.
    pub body: Vec<u8>,
}

/// Carries bodies to customers' addresses.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Whether the address may be dialled: why not, in words for whoever named it.
    async fn check(&self, url: &str) -> Result<(), String>;
    /// One try. Never longer than the dress's time.
    async fn carry(&self, parcel: &Parcel) -> Receipt;
}

/// What is carried.
#[derive(Debug, Clone)]
pub struct Parcel {
    /// Where.
    pub url: String,
    /// In whose words.
    pub dress: Dress,
    /// The delivery's id.
    pub delivery: Uuid,
    /// How often it was tried before this.
    pub tries: u32,
    /// When.
    pub at: Time,
    /// Under which name.
    pub name: String,
    /// The secrets that sign, newest first.
    pub secrets: Vec<HookSecret>,
    /// Headers of the customer's own.
    pub headers: Vec<(String, HookSecret)>,
    /// Id and body.
    pub dressed: Dressed,
}

/// What came of carrying.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// In short.
    pub reply: Reply,
    /// How long it took.
    pub took: Duration,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Why it failed, in words for the customer.
    pub error: Option<String>,
    /// What was sent above the body.
    pub request_headers: Vec<(String, String)>,
    /// What came back above the body.
    pub response_headers: Vec<(String, String)>,
    /// The beginning of the answer, when it was a failure.
    pub response_body: Option<String>,
}
