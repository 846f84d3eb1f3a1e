//! Recordings: one row each, from the first second to long after the sound is gone.
//!
//! Invariant: every statement that is given a tenant names it in its `WHERE`, and none changes a row whose
//! sound is deleted.

mod row;

use async_trait::async_trait;
use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::ports::{RecordingPage, Recordings, RecordingsAfter, StoreFault};
use offhook_core::recording::Recording;
use offhook_core::time::Time;
use sqlx::{Any, AssertSqlSafe, any::AnyArguments, query::Query};

use crate::database::{Trouble, taken};
use crate::store::Store;
use row::{COLUMNS, RecordingRow, recording};

/// Longest page, whatever is asked.
const LONGEST: u32 = 200;

#[async_trait]
impl Recordings for Store {
    async fn insert(&self, recording: &Recording) -> Result<(), StoreFault> {
        let row = RecordingRow::of(recording)?;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    row.insert().execute(tx).await.map_err(taken("a recording with this id"))?;
                    Ok(())
                })
            })
            .await
    }

    async fn update(&self, recording: &Recording) -> Result<bool, StoreFault> {
        let row = RecordingRow::of(recording)?;
        self.database()
            .write(move |tx| {
                Box::pin(async move { Ok(row.update().execute(tx).await?.rows_affected() == 1) })
            })
            .await
    }

    async fn find(&self, tenant: &TenantId, id: &RecordingId) -> Result<Option<Recording>, StoreFault> {
        let bind = |query: Rows| query.bind(tenant.as_str().to_owned()).bind(id.as_str().to_owned());
        Ok(self.those("WHERE tenant = $1 AND id = $2", bind).await?.pop())
    }

    async fn of_call(&self, tenant: &TenantId, call: &CallId) -> Result<Vec<Recording>, StoreFault> {
        let bind = |query: Rows| query.bind(tenant.as_str().to_owned()).bind(call.as_str().to_owned());
        self.those("WHERE tenant = $1 AND call_id = $2 ORDER BY started_at, id", bind).await
    }

    async fn list(&self, tenant: &TenantId, page: &RecordingsAfter) -> Result<RecordingPage, StoreFault> {
        let limit = page.limit.clamp(1, LONGEST);
        let narrowed = if page.after.is_some() { " AND (started_at, id) < ($3, $4)" } else { "" };
        // One more than asked tells whether another page follows.
        let rest = format!("WHERE tenant = $1{narrowed} ORDER BY started_at DESC, id DESC LIMIT $2");
        let bind = |query: Rows| {
            let query = query.bind(tenant.as_str().to_owned()).bind(i64::from(limit) + 1);
            match &page.after {
                Some((at, id)) => query.bind(at.as_micros()).bind(id.as_str().to_owned()),
                None => query,
            }
        };
        let mut recordings = self.those(&rest, bind).await?;
        let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = recordings.len() > wanted;
        recordings.truncate(wanted);
        Ok(RecordingPage { recordings, has_more })
    }

    async fn due(&self, until: Time, limit: u32) -> Result<Vec<Recording>, StoreFault> {
        let bind = |query: Rows| query.bind(until.as_micros()).bind(i64::from(limit));
        let rest =
            "WHERE state IN ('complete', 'truncated') AND expires_at <= $1 ORDER BY expires_at, id LIMIT $2";
        self.those(rest, bind).await
    }

    async fn unfinished(&self) -> Result<Vec<Recording>, StoreFault> {
        self.those("WHERE bytes IS NULL AND state <> 'deleted' ORDER BY started_at, id", |query| query).await
    }
}

type Rows = Query<'static, Any, AnyArguments>;

impl Store {
    async fn those(
        &self,
        rest: &str,
        bind: impl FnOnce(Rows) -> Rows + Send,
    ) -> Result<Vec<Recording>, StoreFault> {
        let sql = format!("SELECT {COLUMNS} FROM recordings {rest}");
        let query = bind(sqlx::query(AssertSqlSafe(sql)));
        let reading = async {
            let rows = query.fetch_all(self.database().reader()).await?;
            rows.iter().map(recording).collect::<Result<_, Trouble>>()
        };
        self.database().read(reading).await
    }
}
