//! The audit log.

use async_trait::async_trait;

use super::StoreFault;
use crate::audit::{AuditPage, Deed, Entry, Verdict};
use crate::id::TenantId;

/// What was done, written down for good.
#[async_trait]
pub trait Audit: Send + Sync {
    /// Writes a deed down at the end of its log; its place.
    async fn record(&self, deed: Deed) -> Result<u64, StoreFault>;
    /// Entries of a log, newest first. The house's own log when no tenant is named.
    async fn page(&self, tenant: Option<&TenantId>, page: &AuditPage) -> Result<Vec<Entry>, StoreFault>;
    /// Reads a whole log and checks every hash.
    async fn verify(&self, tenant: Option<&TenantId>) -> Result<Verdict, StoreFault>;
}
