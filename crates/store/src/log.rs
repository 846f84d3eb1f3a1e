//! The ordered log of each tenant.
//!
//! A place is taken by raising the tenant's head inside the transaction that writes the entries. The head's
//! row is locked until that transaction ends, so places are handed out in the order of commits, without
//! gaps, and a reader who sees place `n` sees every place before it.

use async_trait::async_trait;
use offhook_core::event::{Event, Logged};
use offhook_core::id::{EventId, TenantId};
use offhook_core::ports::{Events, StoreFault};
use offhook_core::time::Time;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

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
        let call = match &event {
            Event::Call { call, .. } => Some(call.as_str().to_owned()),
            Event::Permission { .. } | Event::Presence { .. } | Event::Contact { .. } => None,
        };
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

fn logged(tenant: &TenantId, row: &AnyRow) -> Result<Logged, Trouble> {
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
