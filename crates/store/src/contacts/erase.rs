//! Erasing a person: the contact, and whatever else in the database tells who they are.

use offhook_core::id::{ContactId, TenantId};
use offhook_core::ports::Erasure;
use offhook_core::time::Time;
use sqlx::AnyConnection;

use super::groups::segments_of;
use super::write;
use crate::database::{Dialect, Trouble, corrupt};
use crate::log::{Entries, append};

pub(super) async fn erase(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: ContactId,
    now: Time,
    dialect: Dialect,
) -> Result<Erasure, Trouble> {
    write::one_at_a_time(tx, tenant.as_str()).await?;
    let ids = serde_json::to_string(&[id.as_str()]).map_err(|_| corrupt("ids"))?;
    let mut stored = write::stored(tx, &ids, dialect).await?;
    let Some(gone) = stored.remove(id.as_str()).filter(|(_, contact)| contact.tenant == tenant) else {
        return Ok(Erasure::Unknown);
    };
    let segments = segments_of(tx, tenant.as_str()).await?;
    let events = write::remove(tx, &gone, &segments, dialect).await?;
    let logged = append(tx, Entries::of(&tenant, now, &events)?).await?;
    Ok(Erasure::Erased(logged))
}
