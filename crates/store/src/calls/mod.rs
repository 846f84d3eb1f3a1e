//! Calls and what their commits tell.
//!
//! A commit is one transaction: the record if it follows the stored version, what it is found by, the figures it
//! counts in, the places in the tenant's log, the events. The log's head is taken last, so that a commit that waits for nothing else never makes
//! another tenant's or another call's wait.

mod row;

mod statement;

mod filter;

mod figures;

pub(crate) mod search;

mod list;

mod pages;

use async_trait::async_trait;
use offhook_core::call::{CallRecord, Commit};
use offhook_core::event::{CallEvent, Event, Logged};
use offhook_core::id::{CallId, TenantId, Wacid};
use offhook_core::ports::{CallFilter, Calls, Page, PageAfter, StoreFault};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use crate::database::{Dialect, Trouble, taken, text};
use crate::log::{Entries, append};
use crate::store::Store;
use row::CallRow;
pub(crate) use row::direction;
pub(crate) use row::{COLUMNS, record};

/// Not over. The same words as in the index `calls_live`, which the database uses only then.
pub(crate) const LIVE: &str = "state NOT IN ('completed', 'rejected', 'missed', 'failed')";

/// Over, in the words of the indices of finished calls.
const OVER: &str = "state IN ('completed', 'rejected', 'missed', 'failed')";

#[async_trait]
impl Calls for Store {
    async fn commit(&self, commit: &Commit) -> Result<Vec<Logged>, StoreFault> {
        let row = CallRow::of(&commit.record)?;
        let rang = rang(&commit.events);
        let entries = Entries::of(&commit.record.tenant, commit.record.updated_at, &commit.events)?;
        let dialect = self.database().dialect();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    keep(tx, dialect, &row).await?;
                    remember_rings(tx, &row.id, &rang).await?;
                    append(tx, entries).await
                })
            })
            .await
    }

    async fn load(&self, tenant: &TenantId, id: &CallId) -> Result<Option<CallRecord>, StoreFault> {
        self.one("tenant = $1 AND id = $2", &[tenant.as_str(), id.as_str()]).await
    }

    async fn find(&self, id: &CallId) -> Result<Option<CallRecord>, StoreFault> {
        self.one("id = $1", &[id.as_str()]).await
    }

    async fn find_wacid(&self, wacid: &Wacid) -> Result<Option<CallRecord>, StoreFault> {
        self.one("wacid = $1", &[&text(wacid.as_str())]).await
    }

    async fn live(&self) -> Result<Vec<CallRecord>, StoreFault> {
        let sql = format!("SELECT {COLUMNS} FROM calls WHERE {LIVE} ORDER BY created_at, id");
        let reading = async {
            let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(self.database().reader()).await?;
            Ok(rows.iter().filter_map(readable).collect())
        };
        self.database().read(reading).await
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &CallFilter,
        page: &PageAfter,
    ) -> Result<Page, StoreFault> {
        self.database().read(list::page(self.database(), tenant, filter, page)).await
    }
}

impl Store {
    async fn one(&self, condition: &str, values: &[&str]) -> Result<Option<CallRecord>, StoreFault> {
        let sql = format!("SELECT {COLUMNS} FROM calls WHERE {condition}");
        let reading = async {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = query.bind((*value).to_owned());
            }
            let row = query.fetch_optional(self.database().reader()).await?;
            row.as_ref().map(record).transpose()
        };
        self.database().read(reading).await
    }
}

impl Store {
    /// Writes the first records of many calls in one transaction, without events: calls that came to an end
    /// elsewhere.
    ///
    /// # Errors
    /// As of a commit; nothing is kept then. Many thousands at once take longer than a write may.
    pub async fn bring_in(&self, calls: &[CallRecord]) -> Result<(), StoreFault> {
        let rows = calls.iter().map(CallRow::of).collect::<Result<Vec<_>, _>>()?;
        let dialect = self.database().dialect();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    for row in &rows {
                        keep(tx, dialect, row).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// Writes a call whose party was erased: it is nobody's contact any more, and found by nothing.
pub(crate) async fn forget_party(
    tx: &mut AnyConnection,
    dialect: Dialect,
    call: &CallRecord,
) -> Result<(), Trouble> {
    let row = CallRow::of(call)?;
    // Before the call is written, which is then found by no name of a contact.
    let sql = "UPDATE calls SET contact_id = NULL WHERE id = $1";
    sqlx::query(sql).bind(row.id.clone()).execute(&mut *tx).await?;
    keep(tx, dialect, &row).await
}

/// A live call's record. One that makes no sense must not keep a restart from picking up the others.
fn readable(row: &AnyRow) -> Option<CallRecord> {
    let told = |trouble: Trouble| StoreFault::from(trouble);
    record(row).map_err(told).inspect_err(|fault| tracing::error!(%fault, "a live call is left alone")).ok()
}

/// Writes the record if it follows what is stored, and what follows from it.
async fn keep(tx: &mut AnyConnection, dialect: Dialect, row: &CallRow) -> Result<(), Trouble> {
    let before =
        if row.version == 1 { None } else { Some(row.before(tx).await?.ok_or(StoreFault::Conflict)?) };
    let query = if before.is_none() { row.insert() } else { row.update() };
    let done = query.execute(&mut *tx).await.map_err(taken("a call with this WhatsApp id"))?;
    if done.rows_affected() != 1 {
        return Err(StoreFault::Conflict.into());
    }
    let findable = before.as_ref().and_then(|before| before.findable.as_ref());
    let name = before.as_ref().and_then(|before| before.name.as_deref());
    search::keep(tx, dialect, &row.entry.named(name), findable).await?;
    figures::keep(tx, &row.slot, before.as_ref().map(|before| &before.counted), &row.counted).await
}

/// The people these events tell were rung.
fn rang(events: &[Event]) -> Vec<String> {
    let agents = events.iter().filter_map(|event| match event {
        Event::Call { what: CallEvent::Rang { agents }, .. } => Some(agents),
        Event::Call { .. }
        | Event::Permission { .. }
        | Event::Presence { .. }
        | Event::Contact { .. }
        | Event::Import { .. }
        | Event::Erased
        | Event::Recording { .. }
        | Event::Knock { .. }
        | Event::Hook { .. } => None,
    });
    agents.flatten().map(|agent| agent.as_str().to_owned()).collect()
}

async fn remember_rings(tx: &mut AnyConnection, call: &str, people: &[String]) -> Result<(), Trouble> {
    let sql =
        "INSERT INTO rings (call_id, person_id) VALUES ($1, $2) ON CONFLICT (call_id, person_id) DO NOTHING";
    for person in people {
        sqlx::query(sql).bind(call.to_owned()).bind(person.clone()).execute(&mut *tx).await?;
    }
    Ok(())
}
