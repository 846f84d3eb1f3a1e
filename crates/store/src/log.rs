//! The ordered log of each tenant.
//!
//! A place is taken by raising the tenant's head inside the transaction that writes the entries. The head's
//! row is locked until that transaction ends, so places are handed out in the order of commits, without
//! gaps, and a reader who sees place `n` sees every place before it.

use std::time::Duration;

use async_trait::async_trait;
use offhook_core::event::{Event, Logged};
use offhook_core::id::{EventId, TenantId};
use offhook_core::ports::{Events, LogStretch, StoreFault};
use offhook_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool};

use crate::database::{Trouble, corrupt, field};
use crate::secret::event_uuid;
use crate::store::Store;

/// Most entries one read returns, whatever is asked.
const LONGEST: u32 = 1000;

/// Entries on their way into a log.
pub(crate) struct Entries {
    tenant: TenantId,
    at: Time,
    events: Vec<(Event, String)>,
}

impl Entries {
    pub(crate) fn of(tenant: &TenantId, at: Time, events: &[Event]) -> Result<Self, StoreFault> {
        let unwritable =
            |_: serde_json::Error| StoreFault::Corrupt("an event cannot be written as JSON".to_owned());
        let pair = |event: &Event| serde_json::to_string(event).map(|body| (event.clone(), body));
        let events = events.iter().map(pair).collect::<Result<_, _>>().map_err(unwritable)?;
        Ok(Self { tenant: tenant.clone(), at, events })
    }
}

#[async_trait]
impl Events for Store {
    async fn append(&self, tenant: &TenantId, at: Time, events: &[Event]) -> Result<Vec<Logged>, StoreFault> {
        let entries = Entries::of(tenant, at, events)?;
        self.database().write(move |tx| Box::pin(append(tx, entries))).await
    }

    async fn head(&self, tenant: &TenantId) -> Result<u64, StoreFault> {
        let reading = async {
            let query =
                sqlx::query("SELECT head FROM logs WHERE tenant = $1").bind(tenant.as_str().to_owned());
            match query.fetch_optional(self.database().reader()).await? {
                Some(row) => place(field(&row, "head")?),
                None => Ok(0),
            }
        };
        self.database().read(reading).await
    }

    async fn after(&self, tenant: &TenantId, seq: u64, limit: u32) -> Result<Vec<Logged>, StoreFault> {
        let after = i64::try_from(seq).unwrap_or(i64::MAX);
        let reading = async {
            let sql =
                "SELECT seq, id, at, body FROM events WHERE tenant = $1 AND seq > $2 ORDER BY seq LIMIT $3";
            let query = sqlx::query(sql).bind(tenant.as_str().to_owned()).bind(after);
            let rows = query.bind(i64::from(limit.min(LONGEST))).fetch_all(self.database().reader()).await?;
            rows.iter().map(|row| logged(tenant, row)).collect()
        };
        self.database().read(reading).await
    }

    async fn find_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Logged>, StoreFault> {
        let reading = async {
            let sql = "SELECT seq, id, at, body FROM events WHERE tenant = $1 AND id = $2";
            let query = sqlx::query(sql).bind(tenant.as_str().to_owned()).bind(id.as_str().to_owned());
            let row = query.fetch_optional(self.database().reader()).await?;
            row.as_ref().map(|row| logged(tenant, row)).transpose()
        };
        self.database().read(reading).await
    }

    async fn history(&self, tenant: &TenantId, stretch: &LogStretch) -> Result<Vec<Logged>, StoreFault> {
        let stretch = stretch.clone();
        let reading = async {
            let reader = self.database().reader();
            // Places rise with time but for the few entries written side by side: times become places, so that
            // the log is read from the right end.
            let first = place_near(reader, tenant, stretch.since.map(|since| since - ASIDE), 0).await?;
            let last = place_near(reader, tenant, stretch.until.map(|until| until + ASIDE), i64::MAX).await?;
            let after = first.max(stretch.after.map_or(0, wide));
            let before = last.saturating_add(1).min(stretch.before.map_or(i64::MAX, wide));
            let order = if stretch.newest_first { "DESC" } else { "ASC" };
            let of_call = if stretch.call.is_some() { " AND call_id = $7" } else { "" };
            let sql = format!(
                "SELECT seq, id, at, body FROM events WHERE tenant = $1 AND seq > $2 AND seq < $3 \
                 AND at >= $4 AND at < $5{of_call} ORDER BY seq {order} LIMIT $6"
            );
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str().to_owned());
            let query = query.bind(after).bind(before);
            let query = query.bind(stretch.since.map_or(i64::MIN, Time::as_micros));
            let query = query.bind(stretch.until.map_or(i64::MAX, Time::as_micros));
            let query = query.bind(i64::from(stretch.limit.min(LONGEST)));
            let query = match &stretch.call {
                Some(call) => query.bind(call.as_str().to_owned()),
                None => query,
            };
            let rows = query.fetch_all(reader).await?;
            rows.iter().map(|row| logged(tenant, row)).collect()
        };
        self.database().read(reading).await
    }
}

/// How far the time of an entry may be from those beside it: longer than any write waits.
const ASIDE: Duration = Duration::from_secs(60);

fn wide(seq: u64) -> i64 {
    i64::try_from(seq).unwrap_or(i64::MAX)
}

/// The place before the first entry at or after a time; `otherwise` when no time is given, and the log's end
/// when nothing is that late.
async fn place_near(
    reader: &AnyPool,
    tenant: &TenantId,
    at: Option<Time>,
    otherwise: i64,
) -> Result<i64, Trouble> {
    let Some(at) = at else { return Ok(otherwise) };
    let sql = "SELECT seq FROM events WHERE tenant = $1 AND at >= $2 ORDER BY at, seq LIMIT 1";
    let query = sqlx::query(sql).bind(tenant.as_str().to_owned()).bind(at.as_micros());
    match query.fetch_optional(reader).await? {
        Some(row) => Ok(field::<i64, _>(&row, "seq")? - 1),
        None => Ok(i64::MAX),
    }
}

/// Gives the entries their places and writes them.
pub(crate) async fn append(tx: &mut AnyConnection, entries: Entries) -> Result<Vec<Logged>, Trouble> {
    let Entries { tenant, at, events } = entries;
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let count = i64::try_from(events.len()).expect("a commit has a handful of events");
    let raised = sqlx::query("UPDATE logs SET head = head + $2 WHERE tenant = $1 RETURNING head")
        .bind(tenant.as_str().to_owned())
        .bind(count)
        .fetch_optional(&mut *tx)
        .await?;
    let raised = raised.ok_or_else(|| corrupt(&format!("the log of {tenant}, which does not exist")))?;
    let mut seq = field::<i64, _>(&raised, "head")? - count;

    let mut written = Vec::with_capacity(events.len());
    for (event, body) in events {
        seq += 1;
        let id = EventId::from_uuid(event_uuid(at, seq));
        let call = event.call().map(|call| call.as_str().to_owned());
        sqlx::query(
            "INSERT INTO events (tenant, seq, id, at, call_id, body) VALUES ($1, $2, $3, $4, $5, $6)",
        )
        .bind(tenant.as_str().to_owned())
        .bind(seq)
        .bind(id.as_str().to_owned())
        .bind(at.as_micros())
        .bind(call)
        .bind(body)
        .execute(&mut *tx)
        .await?;
        written.push(Logged { id, tenant: tenant.clone(), seq: place(seq)?, at, event });
    }
    Ok(written)
}

pub(crate) fn logged(tenant: &TenantId, row: &AnyRow) -> Result<Logged, Trouble> {
    let seq = place(field(row, "seq")?)?;
    let wrong = |column: &str| corrupt(&format!("events.{column} at {seq} of {tenant}"));
    Ok(Logged {
        id: EventId::parse(field(row, "id")?).ok_or_else(|| wrong("id"))?,
        tenant: tenant.clone(),
        seq,
        at: Time::from_micros(field(row, "at")?),
        event: serde_json::from_str(field(row, "body")?).map_err(|_| wrong("body"))?,
    })
}

fn place(seq: i64) -> Result<u64, Trouble> {
    u64::try_from(seq).map_err(|_| corrupt("a place in a log"))
}
