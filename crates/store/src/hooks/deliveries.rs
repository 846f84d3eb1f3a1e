//! Deliveries: made from the log, tried, settled.

use std::collections::BTreeMap;

use async_trait::async_trait;
use offhook_core::hook::{DeliveryState, Disabled, Dress, Health, Next};
use offhook_core::id::{HookId, TenantId};
use offhook_core::ports::{Deliveries, DeliveryPage, Due, NewDelivery, Settled, StoreFault};
use offhook_core::time::Time;
use sqlx::{AnyConnection, AssertSqlSafe};
use uuid::Uuid;

use super::row::{DELIVERY, delivery};
use crate::database::{Trouble, corrupt, field, text};
use crate::log::logged;
use crate::store::Store;

/// Longest page, whatever is asked.
const LONGEST: u32 = 500;

/// Most dead deliveries revived in one transaction; whoever asked asks again for the rest.
const REVIVED_AT_ONCE: i64 = 1000;

/// Settled deliveries forgotten in one transaction.
const PRUNED_AT_ONCE: i64 = 5000;

/// A new delivery is due unless an earlier one of its thread is on its way.
const INSERT: &str = "INSERT INTO deliveries (hook, n, id, tenant, seq, name, thread, state, due_at, tries, created_at, \
     attempt) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, NULL)";

const IS_OPEN: &str = "SELECT 1 AS open FROM deliveries WHERE hook = $1 AND thread = $2 AND state IN ('due', 'waiting') \
     LIMIT 1";

#[async_trait]
impl Deliveries for Store {
    async fn advance(
        &self,
        hook: &HookId,
        from: u64,
        to: u64,
        made: &[NewDelivery],
        at: Time,
    ) -> Result<(), StoreFault> {
        let (hook, made) = (hook.as_str().to_owned(), made.to_vec());
        let (from, to) = (wide(from), wide(to));
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "UPDATE hooks SET place = $3 WHERE id = $1 AND place = $2";
                    let moved =
                        sqlx::query(sql).bind(hook.clone()).bind(from).bind(to).execute(&mut *tx).await?;
                    if moved.rows_affected() != 1 {
                        return Err(StoreFault::Conflict.into());
                    }
                    make(tx, &hook, &made, at).await
                })
            })
            .await
    }

    async fn enqueue(&self, hook: &HookId, made: &[NewDelivery], at: Time) -> Result<(), StoreFault> {
        let (hook, made) = (hook.as_str().to_owned(), made.to_vec());
        self.database().write(move |tx| Box::pin(async move { make(tx, &hook, &made, at).await })).await
    }

    async fn due(&self, hook: &HookId, now: Time, limit: u32) -> Result<Vec<Due>, StoreFault> {
        let reading = async {
            let sql = format!(
                "SELECT {DELIVERY}, d.tenant, e.id, e.at, e.body FROM deliveries d \
                 JOIN events e ON e.tenant = d.tenant AND e.seq = d.seq \
                 WHERE d.hook = $1 AND d.state = 'due' AND d.due_at <= $2 ORDER BY d.due_at, d.n LIMIT $3"
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(hook.as_str().to_owned());
            let query = query.bind(now.as_micros()).bind(i64::from(limit.min(LONGEST)));
            let rows = query.fetch_all(self.database().reader()).await?;
            let due = |row| {
                let tenant = TenantId::parse(field(row, "tenant")?);
                let tenant = tenant.ok_or_else(|| corrupt("deliveries.tenant"))?;
                Ok(Due { delivery: delivery(row)?, logged: logged(&tenant, row)? })
            };
            rows.iter().map(due).collect()
        };
        self.database().read(reading).await
    }

    async fn next_due(&self, hook: &HookId, after: Time) -> Result<Option<Time>, StoreFault> {
        let reading = async {
            let sql = "SELECT due_at FROM deliveries WHERE hook = $1 AND state = 'due' AND due_at > $2 ORDER BY due_at LIMIT 1";
            let query = sqlx::query(sql).bind(hook.as_str().to_owned()).bind(after.as_micros());
            match query.fetch_optional(self.database().reader()).await? {
                Some(row) => Ok(field::<Option<i64>, _>(&row, "due_at")?.map(Time::from_micros)),
                None => Ok(None),
            }
        };
        self.database().read(reading).await
    }

    async fn settle(
        &self,
        hook: &HookId,
        tried: &[Settled],
        health: Health,
        disabled: Option<Disabled>,
    ) -> Result<(), StoreFault> {
        let hook = hook.as_str().to_owned();
        let rows = tried.iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    for row in rows {
                        row.write(tx, &hook).await?;
                    }
                    let sql = "UPDATE hooks SET failures = $2, failing_since = $3 WHERE id = $1";
                    let query = sqlx::query(sql).bind(hook.clone()).bind(i64::from(health.failures));
                    query.bind(health.since.map(Time::as_micros)).execute(&mut *tx).await?;
                    if let Some(why) = disabled {
                        let sql = "UPDATE hooks SET active = 0, disabled = $2 WHERE id = $1";
                        sqlx::query(sql).bind(hook).bind(why.as_str()).execute(&mut *tx).await?;
                    }
                    Ok(())
                })
            })
            .await
    }

    async fn deliveries(
        &self,
        tenant: &TenantId,
        hook: &HookId,
        state: Option<DeliveryState>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<DeliveryPage, StoreFault> {
        let limit = limit.clamp(1, LONGEST);
        // In the statement itself: only so does the database take the indexes of a state.
        let narrowed = state.map(|state| format!(" AND d.state = '{}'", state.as_str())).unwrap_or_default();
        let reading = async {
            // One more than asked tells whether another page follows.
            let sql = format!(
                "SELECT {DELIVERY} FROM deliveries d JOIN events e ON e.tenant = d.tenant AND e.seq = d.seq \
                 WHERE d.tenant = $1 AND d.hook = $2 AND d.n < $3{narrowed} ORDER BY d.n DESC LIMIT $4"
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_str().to_owned());
            let query = query.bind(hook.as_str().to_owned()).bind(before.map_or(i64::MAX, wide));
            let query = query.bind(i64::from(limit) + 1);
            let rows = query.fetch_all(self.database().reader()).await?;
            let mut deliveries = rows.iter().map(delivery).collect::<Result<Vec<_>, _>>()?;
            let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
            let has_more = deliveries.len() > wanted;
            deliveries.truncate(wanted);
            Ok(DeliveryPage { deliveries, has_more })
        };
        self.database().read(reading).await
    }

    async fn revive(&self, hook: &HookId, which: Option<Uuid>, at: Time) -> Result<u64, StoreFault> {
        let hook = hook.as_str().to_owned();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let narrowed = if which.is_some() { " AND id = $3" } else { "" };
                    let sql = format!(
                        "SELECT n, thread FROM deliveries WHERE hook = $1 AND state = 'dead'{narrowed} ORDER BY n LIMIT $2"
                    );
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(hook.clone()).bind(REVIVED_AT_ONCE);
                    let query = match which {
                        Some(id) => query.bind(id.to_string()),
                        None => query,
                    };
                    let rows = query.fetch_all(&mut *tx).await?;
                    for row in &rows {
                        let (n, thread): (i64, String) = (field(row, "n")?, field(row, "thread")?);
                        let (state, due_at) = standing(tx, &hook, &thread, at).await?;
                        let sql = "UPDATE deliveries SET state = $3, due_at = $4, tries = 0 WHERE hook = $1 AND n = $2";
                        let query = sqlx::query(sql).bind(hook.clone()).bind(n).bind(state).bind(due_at);
                        query.execute(&mut *tx).await?;
                    }
                    Ok(rows.len() as u64)
                })
            })
            .await
    }

    async fn backlog(&self) -> Result<BTreeMap<Dress, (u64, Time)>, StoreFault> {
        let reading = async {
            let sql = "SELECT h.dress, COUNT(*) AS open, MIN(d.created_at) AS oldest FROM deliveries d \
                 JOIN hooks h ON h.id = d.hook WHERE d.state IN ('due', 'waiting') AND h.active = 1 GROUP BY h.dress";
            let rows = sqlx::query(sql).fetch_all(self.database().reader()).await?;
            let read = |row| {
                let dress = Dress::parse(field(row, "dress")?).ok_or_else(|| corrupt("hooks.dress"))?;
                let open = u64::try_from(field::<i64, _>(row, "open")?).unwrap_or(0);
                Ok((dress, (open, Time::from_micros(field(row, "oldest")?))))
            };
            rows.iter().map(read).collect()
        };
        self.database().read(reading).await
    }

    async fn prune(&self, before: Time) -> Result<u64, StoreFault> {
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "SELECT hook, n FROM deliveries WHERE state IN ('delivered', 'dead') AND created_at < $1 \
                         ORDER BY created_at LIMIT $2";
                    let old = sqlx::query(sql).bind(before.as_micros()).bind(PRUNED_AT_ONCE);
                    let old = old.fetch_all(&mut *tx).await?;
                    for row in &old {
                        let (hook, n): (String, i64) = (field(row, "hook")?, field(row, "n")?);
                        let query = sqlx::query("DELETE FROM deliveries WHERE hook = $1 AND n = $2");
                        query.bind(hook).bind(n).execute(&mut *tx).await?;
                    }
                    Ok(old.len() as u64)
                })
            })
            .await
    }
}

async fn make(tx: &mut AnyConnection, hook: &str, made: &[NewDelivery], at: Time) -> Result<(), Trouble> {
    if made.is_empty() {
        return Ok(());
    }
    let count = i64::try_from(made.len()).expect("a batch has a few hundred");
    let sql = "UPDATE hooks SET last_n = last_n + $2 WHERE id = $1 RETURNING last_n, tenant";
    let raised = sqlx::query(sql).bind(hook.to_owned()).bind(count).fetch_optional(&mut *tx).await?;
    // Removed meanwhile: there is nobody to tell.
    let Some(raised) = raised else { return Ok(()) };
    let tenant: String = field(&raised, "tenant")?;
    let mut n = field::<i64, _>(&raised, "last_n")? - count;
    for new in made {
        n += 1;
        let thread = text(&new.thread).into_owned();
        let (state, due_at) = standing(tx, hook, &thread, at).await?;
        sqlx::query(INSERT)
            .bind(hook.to_owned())
            .bind(n)
            .bind(new.id.to_string())
            .bind(tenant.clone())
            .bind(wide(new.seq))
            .bind(new.name.clone())
            .bind(thread)
            .bind(state)
            .bind(due_at)
            .bind(at.as_micros())
            .execute(&mut *tx)
            .await?;
    }
    Ok(())
}

/// Whether the next one of a thread is due or waits.
async fn standing(
    tx: &mut AnyConnection,
    hook: &str,
    thread: &str,
    at: Time,
) -> Result<(&'static str, Option<i64>), Trouble> {
    let query = sqlx::query(IS_OPEN).bind(hook.to_owned()).bind(thread.to_owned());
    let behind = query.fetch_optional(tx).await?.is_some();
    Ok(if behind { ("waiting", None) } else { ("due", Some(at.as_micros())) })
}

/// What became of a try, ready to be written.
struct Row {
    n: i64,
    state: DeliveryState,
    due_at: Option<i64>,
    tries: i64,
    attempt: String,
    at: i64,
}

impl Row {
    fn of(settled: &Settled) -> Result<Self, StoreFault> {
        let unwritable = |_| StoreFault::Corrupt("an attempt cannot be written as JSON".to_owned());
        let (state, due_at) = match settled.next {
            Next::Delivered => (DeliveryState::Delivered, None),
            Next::Again(at) => (DeliveryState::Due, Some(at.as_micros())),
            Next::Dead => (DeliveryState::Dead, None),
        };
        Ok(Self {
            n: wide(settled.n),
            state,
            due_at,
            tries: i64::from(settled.tries),
            attempt: text(&serde_json::to_string(&settled.attempt).map_err(unwritable)?).into_owned(),
            at: settled.attempt.at.as_micros(),
        })
    }

    async fn write(self, tx: &mut AnyConnection, hook: &str) -> Result<(), Trouble> {
        let sql = "UPDATE deliveries SET state = $3, due_at = $4, tries = $5, attempt = $6 WHERE hook = $1 AND n = $2 \
             RETURNING thread";
        let written = sqlx::query(sql)
            .bind(hook.to_owned())
            .bind(self.n)
            .bind(self.state.as_str())
            .bind(self.due_at)
            .bind(self.tries)
            .bind(self.attempt)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(written) = written.filter(|_| self.state != DeliveryState::Due) else { return Ok(()) };
        let thread: String = field(&written, "thread")?;
        let sql = "UPDATE deliveries SET state = 'due', due_at = $3 WHERE hook = $1 AND n = (SELECT MIN(n) FROM \
             deliveries WHERE hook = $1 AND thread = $2 AND state IN ('due', 'waiting') AND state = 'waiting')";
        sqlx::query(sql).bind(hook.to_owned()).bind(thread).bind(self.at).execute(tx).await?;
        Ok(())
    }
}

fn wide(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
