//! The count of changes to a tenant's rights, which open sockets look at.

use offhook_core::id::TenantId;
use offhook_core::ports::StoreFault;
use sqlx::AnyConnection;

use crate::database::{Trouble, corrupt, field};
use crate::store::Store;

/// Counts a change. The tenant's row stays locked until the transaction ends, so changes of one tenant follow
/// one another on PostgreSQL too.
pub(super) async fn changed(tx: &mut AnyConnection, tenant: &TenantId) -> Result<(), Trouble> {
    let query = sqlx::query("UPDATE tenants SET rights = rights + 1 WHERE id = $1");
    query.bind(tenant.as_str().to_owned()).execute(tx).await?;
    Ok(())
}

impl Store {
    /// How many changes there were.
    pub(super) async fn changes_of_rights(&self, tenant: &TenantId) -> Result<u64, StoreFault> {
        let reading = async {
            let query = sqlx::query("SELECT rights FROM tenants WHERE id = $1");
            let row = query.bind(tenant.as_str().to_owned()).fetch_optional(self.database().reader()).await?;
            let count: i64 = row.map_or(Ok(0), |row| field(&row, "rights"))?;
            u64::try_from(count).map_err(|_| corrupt("tenants.rights"))
        };
        self.database().read(reading).await
    }
}
