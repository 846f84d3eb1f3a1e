//! Remembering who may be called.

use async_trait::async_trait;

use super::StoreFault;
use crate::event::Logged;
use crate::id::{NumberId, PermissionId, TenantId};
use crate::permission::{Permission, PermissionCommit, Standing};
use crate::phone::Phone;
use crate::time::Time;

/// What is known of all users' permissions.
#[async_trait]
pub trait Permissions: Send + Sync {
    /// What is known of a user's permission to be called from a number, if the number is the tenant's.
    async fn find(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        phone: &Phone,
    ) -> Result<Option<Permission>, StoreFault>;

    /// Writes what is known and the events that tell of it in one durable transaction.
    /// [`StoreFault::Conflict`] unless the version is one more than the stored one.
    async fn commit(&self, commit: &PermissionCommit) -> Result<Vec<Logged>, StoreFault>;

    /// Those of all tenants whose standing changes by itself at or before `until`, earliest first.
    async fn due(&self, until: Time, limit: u32) -> Result<Vec<Permission>, StoreFault>;

    /// A page of a tenant's, newest first by `(created_at, id)`.
    async fn list(
        &self,
        tenant: &TenantId,
        filter: &PermissionFilter,
        page: &PermissionsAfter,
    ) -> Result<PermissionPage, StoreFault>;
}

/// Which ones; absent fields do not narrow.
#[derive(Debug, Clone, Default)]
pub struct PermissionFilter {
    /// Of one of these numbers.
    pub numbers: Option<Vec<NumberId>>,
    /// Told last to stand so.
    pub standing: Option<Standing>,
}

/// Where a page begins and how long it is.
#[derive(Debug, Clone)]
pub struct PermissionsAfter {
    /// The last item of the page before; none for the first page.
    pub after: Option<(Time, PermissionId)>,
    /// 1 to 200.
    pub limit: u32,
}

/// A page.
#[derive(Debug, Clone)]
pub struct PermissionPage {
    /// Newest first.
    pub permissions: Vec<Permission>,
    /// Whether another page follows.
    pub has_more: bool,
}
