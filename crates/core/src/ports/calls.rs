//! Remembering calls and the event log.

use async_trait::async_trait;

use super::StoreFault;
use crate::call::{CallRecord, Commit, EndReason, State};
use crate::event::{Event, Logged};
use crate::id::{CallId, EventId, NumberId, TenantId, Wacid};
use crate::meta::Direction;
use crate::search::Search;
use crate::time::Time;

/// The calls of all tenants.
#[async_trait]
pub trait Calls: Send + Sync {
    /// Writes record and events in one durable transaction and returns the events with their places in the
    /// tenant's log. [`StoreFault::Conflict`] unless `record.version` is one more than the stored version.
    async fn commit(&self, commit: &Commit) -> Result<Vec<Logged>, StoreFault>;

    /// The call, if it is the tenant's.
    async fn load(&self, tenant: &TenantId, id: &CallId) -> Result<Option<CallRecord>, StoreFault>;

    /// The call by our id alone: Meta's door learns the tenant from it.
    async fn find(&self, id: &CallId) -> Result<Option<CallRecord>, StoreFault>;

    /// The call by Meta's id.
    async fn find_wacid(&self, wacid: &Wacid) -> Result<Option<CallRecord>, StoreFault>;

    /// All calls that are not over: what a restart picks up.
    async fn live(&self) -> Result<Vec<CallRecord>, StoreFault>;

    /// A page of a tenant's calls, newest first by `(created_at, id)`.
    async fn list(
        &self,
        tenant: &TenantId,
        filter: &CallFilter,
        page: &PageAfter,
    ) -> Result<Page, StoreFault>;
}

/// Which calls; empty fields do not narrow.
#[derive(Debug, Clone, Default)]
pub struct CallFilter {
    /// Any of these states, each with its reason when the reason matters too.
    pub states: Vec<(State, Option<EndReason>)>,
    /// Of calls that are being ended: those that were answered, or those that were not.
    pub ending_answered: Option<bool>,
    /// From whose hand.
    pub direction: Option<Direction>,
    /// The business number.
    pub number: Option<NumberId>,
    /// Any of these business numbers; none for all.
    pub numbers: Option<Vec<NumberId>>,
    /// Created at or after.
    pub from: Option<Time>,
    /// Created before.
    pub until: Option<Time>,
    /// Taken, placed or missed while ringing by this person.
    pub agent: Option<crate::id::UserId>,
    /// Found by this.
    pub search: Option<Search>,
}

/// Where a page begins and how long it is.
#[derive(Debug, Clone)]
pub struct PageAfter {
    /// The last item of the page before; none for the first page.
    pub after: Option<(Time, CallId)>,
    /// 1 to 200.
    pub limit: u32,
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    /// Newest first.
    pub calls: Vec<CallRecord>,
    /// Whether another page follows.
    pub has_more: bool,
}

/// The ordered log of each tenant.
#[async_trait]
pub trait Events: Send + Sync {
    /// Appends events that come without a call's commit, durably.
    async fn append(&self, tenant: &TenantId, at: Time, events: &[Event]) -> Result<Vec<Logged>, StoreFault>;

    /// The last place taken; 0 when the log is empty.
    async fn head(&self, tenant: &TenantId) -> Result<u64, StoreFault>;

    /// Up to `limit` entries after a place, oldest first.
    async fn after(&self, tenant: &TenantId, seq: u64, limit: u32) -> Result<Vec<Logged>, StoreFault>;

    /// The entry with this id.
    async fn find_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Logged>, StoreFault>;

    /// Entries between two places or times, in the order asked for.
    async fn history(&self, tenant: &TenantId, stretch: &LogStretch) -> Result<Vec<Logged>, StoreFault>;
}

/// A stretch of a tenant's log; empty fields do not narrow.
#[derive(Debug, Clone, Default)]
pub struct LogStretch {
    /// Only entries after this place.
    pub after: Option<u64>,
    /// Only entries before this place.
    pub before: Option<u64>,
    /// Written at or after.
    pub since: Option<Time>,
    /// Written before.
    pub until: Option<Time>,
    /// Of this call only.
    pub call: Option<CallId>,
    /// Newest first instead of oldest first.
    pub newest_first: bool,
    /// Most entries.
    pub limit: u32,
}
