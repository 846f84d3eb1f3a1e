//! Companies.

use async_trait::async_trait;
use offhook_core::house::Tenant;
use offhook_core::id::TenantId;
use offhook_core::ports::{NewTenant, StoreFault, Tenants};
use sqlx::any::AnyRow;

use crate::database::{Trouble, corrupt, field, taken, text};
use crate::secret::account_id;
use crate::store::Store;

/// Account ids have 40 random bits; drawing a taken one this often in a row does not happen.
const DRAWS: usize = 8;

#[async_trait]
impl Tenants for Store {
    async fn add(&self, tenant: NewTenant) -> Result<Tenant, StoreFault> {
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let name = text(&tenant.name).into_owned();
                    for _ in 0..DRAWS {
                        let account_id = account_id();
                        let sql = "INSERT INTO tenants (id, account_id, name, created_at) VALUES ($1, $2, $3, $4) \
                             ON CONFLICT (account_id) DO NOTHING";
                        let done = sqlx::query(sql)
                            .bind(tenant.id.as_str().to_owned())
                            .bind(account_id.clone())
                            .bind(name.clone())
                            .bind(tenant.at.as_micros())
                            .execute(&mut *tx)
                            .await
                            .map_err(taken("a tenant with this id"))?;
                        if done.rows_affected() == 1 {
                            let log = "INSERT INTO logs (tenant, head) VALUES ($1, 0)";
                            sqlx::query(log).bind(tenant.id.as_str().to_owned()).execute(&mut *tx).await?;
                            return Ok(Tenant { id: tenant.id, account_id, name });
                        }
                    }
                    Err(StoreFault::Exists("a tenant with this account id").into())
                })
            })
            .await
    }

    async fn load(&self, id: &TenantId) -> Result<Option<Tenant>, StoreFault> {
        let reading = async {
            let query = sqlx::query("SELECT id, account_id, name FROM tenants WHERE id = $1");
            let row = query.bind(id.as_str().to_owned()).fetch_optional(self.database().reader()).await?;
            row.as_ref().map(tenant).transpose()
        };
        self.database().read(reading).await
    }

    async fn all(&self) -> Result<Vec<Tenant>, StoreFault> {
        let reading = async {
            let query = sqlx::query("SELECT id, account_id, name FROM tenants ORDER BY created_at, id");
            query.fetch_all(self.database().reader()).await?.iter().map(tenant).collect()
        };
        self.database().read(reading).await
    }
}

fn tenant(row: &AnyRow) -> Result<Tenant, Trouble> {
    Ok(Tenant {
        id: TenantId::parse(field(row, "id")?).ok_or_else(|| corrupt("tenants.id"))?,
        account_id: field(row, "account_id")?,
        name: field(row, "name")?,
    })
}
