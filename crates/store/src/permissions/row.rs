//! A permission as a row.

use offhook_core::id::{NumberId, PermissionId, TenantId};
use offhook_core::permission::{Permission, Standing};
use offhook_core::phone::Phone;
use offhook_core::ports::StoreFault;
use offhook_core::time::Time;
use sqlx::Any;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;

use crate::database::{Trouble, corrupt, field};

/// What a permission is read back from.
pub(crate) const COLUMNS: &str =
    "id, tenant, number_id, phone, standing, expires_at, created_at, updated_at, version, ledger";

/// A permission's columns, ready to be bound.
pub(super) struct PermissionRow {
    permission: Permission,
    version: i64,
    ledger: String,
}

impl PermissionRow {
    pub(super) fn of(permission: &Permission) -> Result<Self, StoreFault> {
        let unwritable = || StoreFault::Corrupt("a permission cannot be written".to_owned());
        Ok(Self {
            permission: permission.clone(),
            version: i64::try_from(permission.version).map_err(|_| unwritable())?,
            ledger: serde_json::to_string(&permission.ledger).map_err(|_| unwritable())?,
        })
    }

    /// Adds the first version, or writes over the version before; touches no row otherwise.
    pub(super) fn write(&self) -> Query<'static, Any, AnyArguments> {
        const FIRST: &str = "INSERT INTO permissions (standing, expires_at, updated_at, version, ledger, tenant, \
             number_id, phone, id, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
             ON CONFLICT (number_id, phone) DO NOTHING";
        const NEXT: &str = "UPDATE permissions SET standing = $1, expires_at = $2, updated_at = $3, version = $4, \
             ledger = $5 WHERE tenant = $6 AND number_id = $7 AND phone = $8 AND version = $4 - 1";
        let one = &self.permission;
        let is_first = self.version == 1;
        let query = sqlx::query(if is_first { FIRST } else { NEXT })
            .bind(one.standing.as_str())
            .bind(one.expires_at.map(Time::as_micros))
            .bind(one.updated_at.as_micros())
            .bind(self.version)
            .bind(self.ledger.clone())
            .bind(one.tenant.as_str().to_owned())
            .bind(one.number.as_str().to_owned())
            .bind(one.phone.digits().to_owned());
        match is_first {
            true => query.bind(one.id.as_str().to_owned()).bind(one.created_at.as_micros()),
            false => query,
        }
    }
}

/// Reads a permission back.
pub(crate) fn permission(row: &AnyRow) -> Result<Permission, Trouble> {
    let id = PermissionId::parse(field(row, "id")?).ok_or_else(|| corrupt("permissions.id"))?;
    let wrong = |column: &str| corrupt(&format!("permissions.{column} of {id}"));
    Ok(Permission {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        number: NumberId::parse(field(row, "number_id")?).ok_or_else(|| wrong("number_id"))?,
        phone: Phone::parse(field(row, "phone")?).map_err(|_| wrong("phone"))?,
        standing: Standing::parse(field(row, "standing")?).ok_or_else(|| wrong("standing"))?,
        expires_at: field::<Option<i64>, _>(row, "expires_at")?.map(Time::from_micros),
        created_at: Time::from_micros(field(row, "created_at")?),
        updated_at: Time::from_micros(field(row, "updated_at")?),
        version: u64::try_from(field::<i64, _>(row, "version")?).map_err(|_| wrong("version"))?,
        // The reader's own message may quote what it read.
        ledger: serde_json::from_str(field(row, "ledger")?).map_err(|_| wrong("ledger"))?,
        id,
    })
}
