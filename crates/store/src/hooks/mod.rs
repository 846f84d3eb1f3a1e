//! Hooks: customers' addresses, their sealed secrets, and what is on its way to them.
//!
//! Reading order: here the hooks themselves, `row` (hooks and deliveries as rows), `deliveries`.
//!
//! Invariants: of the deliveries of one thread to one hook at most one is due, the first; a hook's place and
//! the deliveries made from the log up to it are written together.

mod row;

mod deliveries;

use async_trait::async_trait;
use offhook_core::hook::{Credentials, Hook, HookSecret};
use offhook_core::id::{HookId, TenantId};
use offhook_core::ports::{Hooks, NewHook, StoreFault};
use offhook_core::time::Time;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::database::{Trouble, corrupt, field, text};
use crate::secret::Place;
use crate::store::Store;
use row::{COLUMNS, hook, place_of};

#[async_trait]
impl Hooks for Store {
    async fn add(&self, new: NewHook, most: u32) -> Result<Hook, StoreFault> {
        let NewHook { hook, credentials } = new;
        let sealed = Sealed::of(self, &hook.tenant, &hook.id, &credentials)?;
        let topics = row::topics(&hook)?;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let count = "SELECT COUNT(*) AS known FROM hooks WHERE tenant = $1";
                    let known = sqlx::query(count).bind(hook.tenant.as_str().to_owned());
                    let known: i64 = field(&known.fetch_one(&mut *tx).await?, "known")?;
                    if known >= i64::from(most) {
                        return Err(StoreFault::Exists("the largest number of hooks").into());
                    }
                    let head = sqlx::query("SELECT head FROM logs WHERE tenant = $1");
                    let head = head.bind(hook.tenant.as_str().to_owned()).fetch_optional(&mut *tx).await?;
                    let head = head.ok_or_else(|| corrupt("the log of a tenant"))?;
                    let place: i64 = field(&head, "head")?;
                    let sql = "INSERT INTO hooks (id, tenant, url, dress, number_id, topics, description, active, \
                         disabled, failures, failing_since, secret, previous_secret, previous_until, headers, place, \
                         last_n, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL, 0, NULL, $9, \
                         $10, $11, $12, $13, 0, $14, $15)";
                    sqlx::query(sql)
                        .bind(hook.id.as_str().to_owned())
                        .bind(hook.tenant.as_str().to_owned())
                        .bind(text(&hook.url).into_owned())
                        .bind(hook.dress.as_str())
                        .bind(hook.number.as_ref().map(|number| number.as_str().to_owned()))
                        .bind(topics)
                        .bind(hook.description.as_deref().map(|words| text(words).into_owned()))
                        .bind(i64::from(hook.active))
                        .bind(sealed.secret)
                        .bind(sealed.previous)
                        .bind(sealed.until)
                        .bind(sealed.headers)
                        .bind(place)
                        .bind(hook.created_at.as_micros())
                        .bind(hook.updated_at.as_micros())
                        .execute(tx)
                        .await?;
                    Ok(Hook { place: place_of(place)?, ..hook })
                })
            })
            .await
    }

    async fn find(&self, tenant: &TenantId, id: &HookId) -> Result<Option<Hook>, StoreFault> {
        let mut found =
            self.hooks_where("WHERE tenant = $1 AND id = $2", &[tenant.as_str(), id.as_str()]).await?;
        Ok(found.pop())
    }

    async fn of_tenant(&self, tenant: &TenantId) -> Result<Vec<Hook>, StoreFault> {
        self.hooks_where("WHERE tenant = $1 ORDER BY created_at DESC, id DESC", &[tenant.as_str()]).await
    }

    async fn everywhere(&self) -> Result<Vec<Hook>, StoreFault> {
        self.hooks_where("ORDER BY id", &[]).await
    }

    async fn change(&self, hook: &Hook) -> Result<bool, StoreFault> {
        let topics = row::topics(hook)?;
        let hook = hook.clone();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    // What made it inactive is forgotten only when it was inactive and is not any more.
                    let sql = "UPDATE hooks SET url = $3, topics = $4, description = $5, updated_at = $7, \
                         failures = CASE WHEN $6 = 1 AND active = 0 THEN 0 ELSE failures END, \
                         failing_since = CASE WHEN $6 = 1 AND active = 0 THEN NULL ELSE failing_since END, \
                         disabled = CASE WHEN $6 = 1 AND active = 0 THEN NULL ELSE disabled END, \
                         active = $6 WHERE tenant = $1 AND id = $2";
                    let query = sqlx::query(sql)
                        .bind(hook.tenant.as_str().to_owned())
                        .bind(hook.id.as_str().to_owned())
                        .bind(text(&hook.url).into_owned())
                        .bind(topics)
                        .bind(hook.description.as_deref().map(|words| text(words).into_owned()))
                        .bind(i64::from(hook.active))
                        .bind(hook.updated_at.as_micros());
                    Ok(query.execute(tx).await?.rows_affected() == 1)
                })
            })
            .await
    }

    async fn remove(&self, tenant: &TenantId, id: &HookId) -> Result<bool, StoreFault> {
        let (tenant, id) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let query = sqlx::query("DELETE FROM hooks WHERE tenant = $1 AND id = $2");
                    Ok(query.bind(tenant).bind(id).execute(tx).await?.rows_affected() == 1)
                })
            })
            .await
    }

    async fn credentials(&self, tenant: &TenantId, id: &HookId) -> Result<Option<Credentials>, StoreFault> {
        let reading = async {
            let sql = "SELECT secret, previous_secret, previous_until, headers FROM hooks WHERE tenant = $1 AND id = $2";
            let query = sqlx::query(sql).bind(tenant.as_str().to_owned()).bind(id.as_str().to_owned());
            let row = query.fetch_optional(self.database().reader()).await?;
            row.as_ref().map(|row| opened(self, tenant, id, row)).transpose()
        };
        self.database().read(reading).await
    }

    async fn set_credentials(
        &self,
        tenant: &TenantId,
        id: &HookId,
        with: &Credentials,
    ) -> Result<bool, StoreFault> {
        let sealed = Sealed::of(self, tenant, id, with)?;
        let (tenant, id) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE hooks SET secret = $3, previous_secret = $4, previous_until = $5, headers = $6 \
                         WHERE tenant = $1 AND id = $2";
                    let query = sqlx::query(sql).bind(tenant).bind(id).bind(sealed.secret);
                    let query = query.bind(sealed.previous).bind(sealed.until).bind(sealed.headers);
                    Ok(query.execute(tx).await?.rows_affected() == 1)
                })
            })
            .await
    }
}

impl Store {
    async fn hooks_where(&self, rest: &str, values: &[&str]) -> Result<Vec<Hook>, StoreFault> {
        let sql = format!("SELECT {COLUMNS} FROM hooks {rest}");
        let reading = async {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = query.bind((*value).to_owned());
            }
            query.fetch_all(self.database().reader()).await?.iter().map(hook).collect()
        };
        self.database().read(reading).await
    }
}

/// Credentials as they are stored.
struct Sealed {
    secret: Vec<u8>,
    previous: Option<Vec<u8>>,
    until: Option<i64>,
    headers: Option<Vec<u8>>,
}

impl Sealed {
    fn of(store: &Store, tenant: &TenantId, id: &HookId, with: &Credentials) -> Result<Self, StoreFault> {
        let seal = |column, value: &[u8]| store.inner.sealer.seal(home(tenant, id, column), value);
        let headers: Vec<(&str, &str)> =
            with.headers.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
        let unwritable = |_| StoreFault::Corrupt("headers of a hook cannot be written as JSON".to_owned());
        let headers = match headers.is_empty() {
            true => None,
            false => Some(serde_json::to_vec(&headers).map_err(unwritable)?),
        };
        let previous = with.previous.as_ref();
        Ok(Self {
            secret: seal("secret", with.secret.expose().as_bytes()),
            previous: previous.map(|(secret, _)| seal("previous_secret", secret.expose().as_bytes())),
            until: previous.map(|(_, until)| until.as_micros()),
            headers: headers.map(|headers| seal("headers", &headers)),
        })
    }
}

fn opened(store: &Store, tenant: &TenantId, id: &HookId, row: &AnyRow) -> Result<Credentials, Trouble> {
    let wrong = |column: &str| corrupt(&format!("hooks.{column} of {id}"));
    let open = |column: &'static str, sealed: &[u8]| {
        let opened =
            store.inner.sealer.open(home(tenant, id, column), sealed).ok_or_else(|| wrong(column))?;
        String::from_utf8(opened.to_vec()).map_err(|_| wrong(column))
    };
    let bytes = |column: &'static str| field::<Option<Vec<u8>>, _>(row, column);
    let secret = HookSecret::new(open("secret", &field::<Vec<u8>, _>(row, "secret")?)?);
    let previous = match (bytes("previous_secret")?, field::<Option<i64>, _>(row, "previous_until")?) {
        (Some(sealed), Some(until)) => {
            Some((HookSecret::new(open("previous_secret", &sealed)?), Time::from_micros(until)))
        }
        (None, None) => None,
        _ => return Err(wrong("previous_until")),
    };
    let headers: Vec<(String, String)> = match bytes("headers")? {
        Some(sealed) => serde_json::from_str(&open("headers", &sealed)?).map_err(|_| wrong("headers"))?,
        None => Vec::new(),
    };
    let headers = headers.into_iter().map(|(name, value)| (name, HookSecret::new(value))).collect();
    Ok(Credentials { secret, previous, headers })
}

fn home<'a>(tenant: &'a TenantId, id: &'a HookId, column: &'static str) -> Place<'a> {
    Place { tenant: tenant.as_str(), table: "hooks", column, row: id.as_str() }
}
