//! Remembering recordings.

use async_trait::async_trait;

use super::StoreFault;
use crate::id::{CallId, RecordingId, TenantId};
use crate::recording::Recording;
use crate::time::Time;

/// The recordings of all tenants.
#[async_trait]
pub trait Recordings: Send + Sync {
    /// Adds a recording. [`StoreFault::Exists`] when its id is taken.
    async fn insert(&self, recording: &Recording) -> Result<(), StoreFault>;

    /// Writes what may change about a recording. False when there is no such recording of the tenant's, or it
    /// is deleted: what is deleted stays so.
    async fn update(&self, recording: &Recording) -> Result<bool, StoreFault>;

    /// The recording, if it is the tenant's.
    async fn find(&self, tenant: &TenantId, id: &RecordingId) -> Result<Option<Recording>, StoreFault>;

    /// A call's recordings, oldest first, if the call is the tenant's.
    async fn of_call(&self, tenant: &TenantId, call: &CallId) -> Result<Vec<Recording>, StoreFault>;

    /// A page of a tenant's recordings, newest first by `(started_at, id)`; deleted ones are among them.
    async fn list(&self, tenant: &TenantId, page: &RecordingsAfter) -> Result<RecordingPage, StoreFault>;

    /// Recordings of all tenants that are over, not deleted and expire at or before `until`, oldest first.
    async fn due(&self, until: Time, limit: u32) -> Result<Vec<Recording>, StoreFault>;

    /// Recordings of all tenants that are being written or not in storage yet.
    async fn unfinished(&self) -> Result<Vec<Recording>, StoreFault>;
}

/// Where a page begins and how long it is.
#[derive(Debug, Clone)]
pub struct RecordingsAfter {
    /// The last item of the page before; none for the first page.
    pub after: Option<(Time, RecordingId)>,
    /// 1 to 200.
    pub limit: u32,
}

/// A page.
#[derive(Debug, Clone)]
pub struct RecordingPage {
    /// Newest first.
    pub recordings: Vec<Recording>,
    /// Whether another page follows.
    pub has_more: bool,
}
