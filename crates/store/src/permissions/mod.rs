//! Who may be called: one row for each number and user, written with the event that tells of it.
//!
//! Invariant: every statement that is given a tenant names it in its `WHERE`.

mod row;

use async_trait::async_trait;
use offhook_core::event::Logged;
use offhook_core::id::{NumberId, TenantId};
use offhook_core::permission::{Permission, PermissionCommit};
use offhook_core::phone::Phone;
use offhook_core::ports::{PermissionFilter, PermissionPage, Permissions, PermissionsAfter, StoreFault};
use offhook_core::time::Time;
use sqlx::{Any, AssertSqlSafe, any::AnyArguments, query::Query};

use crate::database::Trouble;
use crate::log::{Entries, append};
use crate::store::Store;
use row::PermissionRow;
pub(crate) use row::{COLUMNS, permission};

/// Longest page, whatever is asked.
const LONGEST: u32 = 200;

#[async_trait]
impl Permissions for Store {
    async fn find(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        phone: &Phone,
    ) -> Result<Option<Permission>, StoreFault> {
        let values = [tenant.as_str(), number.as_str(), phone.digits()].map(str::to_owned);
        let bind = |query: Rows| values.into_iter().fold(query, |query, value| query.bind(value));
        let rest = "WHERE tenant = $1 AND number_id = $2 AND phone = $3";
        Ok(self.permissions(rest, bind).await?.pop())
    }

    async fn commit(&self, commit: &PermissionCommit) -> Result<Vec<Logged>, StoreFault> {
        let row = PermissionRow::of(&commit.permission)?;
        let events: Vec<_> = commit.event.iter().cloned().collect();
        let entries = Entries::of(&commit.permission.tenant, commit.permission.updated_at, &events)?;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    // Of two who begin the same row at once, one inserts nothing.
                    if row.write().execute(&mut *tx).await?.rows_affected() != 1 {
                        return Err(StoreFault::Conflict.into());
                    }
                    append(tx, entries).await
                })
            })
            .await
    }

    async fn due(&self, until: Time, limit: u32) -> Result<Vec<Permission>, StoreFault> {
        let bind = |query: Rows| query.bind(until.as_micros()).bind(i64::from(limit.min(LONGEST)));
        self.permissions("WHERE expires_at <= $1 ORDER BY expires_at, id LIMIT $2", bind).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &PermissionFilter,
        page: &PermissionsAfter,
    ) -> Result<PermissionPage, StoreFault> {
        let limit = page.limit.clamp(1, LONGEST);
        let mut conditions = "WHERE tenant = $1".to_owned();
        let mut words = vec![tenant.as_str().to_owned()];
        if let Some(numbers) = &filter.numbers {
            if numbers.is_empty() {
                return Ok(PermissionPage { permissions: Vec::new(), has_more: false });
            }
            let first = words.len() + 1;
            words.extend(numbers.iter().map(|number| number.as_str().to_owned()));
            let places: Vec<_> = (first..=words.len()).map(|place| format!("${place}")).collect();
            conditions.push_str(&format!(" AND number_id IN ({})", places.join(", ")));
        }
        if let Some(standing) = filter.standing {
            words.push(standing.as_str().to_owned());
            conditions.push_str(&format!(" AND standing = ${}", words.len()));
        }
        let count = words.len();
        if page.after.is_some() {
            conditions.push_str(&format!(" AND (created_at, id) < (${}, ${})", count + 1, count + 2));
        }
        // One more than asked tells whether another page follows.
        let rest = format!("{conditions} ORDER BY created_at DESC, id DESC LIMIT {}", limit + 1);
        let bind = |query: Rows| {
            let query = words.into_iter().fold(query, |query, word| query.bind(word));
            match &page.after {
                Some((at, id)) => query.bind(at.as_micros()).bind(id.as_str().to_owned()),
                None => query,
            }
        };
        let mut permissions = self.permissions(&rest, bind).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = permissions.len() > wanted;
        permissions.truncate(wanted);
        Ok(PermissionPage { permissions, has_more })
    }
}

type Rows = Query<'static, Any, AnyArguments>;

impl Store {
    async fn permissions(
        &self,
        rest: &str,
        bind: impl FnOnce(Rows) -> Rows + Send,
    ) -> Result<Vec<Permission>, StoreFault> {
        let sql = format!("SELECT {COLUMNS} FROM permissions {rest}");
        let query = bind(sqlx::query(AssertSqlSafe(sql)));
        let reading = async {
            let rows = query.fetch_all(self.database().reader()).await?;
            rows.iter().map(permission).collect::<Result<_, Trouble>>()
        };
        self.database().read(reading).await
    }
}
