//! Meta's knocks, kept before they are acknowledged.
//!
//! Places in the inbox are handed out under the lock of one row, so that a reader who has seen a place has
//! seen every place before it. Places may have gaps: a redelivered knock takes one and is not stored.

use async_trait::async_trait;
use offhook_core::event::{Event, Logged};
use offhook_core::id::TenantId;
use offhook_core::ports::{Inbox, Knock, Knocked, News, StoreFault};
use offhook_core::time::Time;
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::database::{Trouble, field, text};
use crate::log::{Entries, append};
use crate::store::Store;

/// Most knocks one read returns, whatever is asked.
const LONGEST: u32 = 1000;

/// Ids named in one statement; both databases take tens of thousands of values, readable logs do not.
const AT_ONCE: usize = 500;

/// Places at the front of the inbox that are looked at in one deletion: others who write wait for it.
const FORGOTTEN_AT_ONCE: i64 = 500;

struct Row {
    key: String,
    received_at: i64,
    news: String,
    raw: String,
    done: i64,
}

#[async_trait]
impl Inbox for Store {
    async fn take_in(&self, knocks: &[Knock]) -> Result<usize, StoreFault> {
        if knocks.is_empty() {
            return Ok(0);
        }
        let rows = knocks.iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let count = i64::try_from(rows.len()).expect("a webhook is at most 3 MB");
                    let raised =
                        sqlx::query("UPDATE inbox_ordinal SET last = last + $1 WHERE id = 1 RETURNING last")
                            .bind(count)
                            .fetch_one(&mut *tx)
                            .await?;
                    let mut id = field::<i64, _>(&raised, "last")? - count;
                    let mut new = 0;
                    for row in rows {
                        id += 1;
                        let insert = "INSERT INTO inbox (id, fact_key, received_at, news, raw, done) \
                             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (fact_key) DO NOTHING";
                        let query = sqlx::query(insert).bind(id).bind(row.key).bind(row.received_at);
                        let query = query.bind(row.news).bind(row.raw).bind(row.done);
                        new += usize::try_from(query.execute(&mut *tx).await?.rows_affected()).unwrap_or(1);
                    }
                    Ok(new)
                })
            })
            .await
    }

    async fn pending(&self, after: i64, limit: u32) -> Result<Vec<Knocked>, StoreFault> {
        let reading = async {
            let sql =
                "SELECT id, received_at, news FROM inbox WHERE done = 0 AND id > $1 ORDER BY id LIMIT $2";
            let query = sqlx::query(sql).bind(after).bind(i64::from(limit.min(LONGEST)));
            let rows = query.fetch_all(self.database().reader()).await?;
            rows.iter().map(knocked).collect::<Result<_, _>>()
        };
        self.database().read(reading).await
    }

    async fn done(&self, ids: &[i64]) -> Result<(), StoreFault> {
        if ids.is_empty() {
            return Ok(());
        }
        let ids = ids.to_vec();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    for some in ids.chunks(AT_ONCE) {
                        let places: Vec<String> = (1..=some.len()).map(|n| format!("${n}")).collect();
                        let sql = format!("UPDATE inbox SET done = 1 WHERE id IN ({})", places.join(", "));
                        let mut query = sqlx::query(AssertSqlSafe(sql));
                        for id in some {
                            query = query.bind(*id);
                        }
                        query.execute(&mut *tx).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
    async fn pass_on(
        &self,
        knock: i64,
        tenant: &TenantId,
        at: Time,
        event: &Event,
    ) -> Result<Vec<Logged>, StoreFault> {
        let entries = Entries::of(tenant, at, std::slice::from_ref(event))?;
        let tenant = tenant.as_str().to_owned();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let mark = "UPDATE inbox SET done = 1 WHERE id = $1 AND done = 0";
                    let news = sqlx::query(mark).bind(knock).execute(&mut *tx).await?.rows_affected() == 1;
                    if !news {
                        return Ok(Vec::new());
                    }
                    let wanted = "SELECT 1 AS wanted FROM hooks WHERE tenant = $1 AND dress IN ('vobiz', 'meta') LIMIT 1";
                    match sqlx::query(wanted).bind(tenant).fetch_optional(&mut *tx).await? {
                        Some(_) => append(tx, entries).await,
                        None => Ok(Vec::new()),
                    }
                })
            })
            .await
    }

    async fn forget(&self, before: Time) -> Result<u64, StoreFault> {
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "DELETE FROM inbox WHERE id IN \
                         (SELECT id FROM inbox ORDER BY id LIMIT $2) AND done = 1 AND received_at < $1";
                    let query = sqlx::query(sql).bind(before.as_micros()).bind(FORGOTTEN_AT_ONCE);
                    Ok(query.execute(&mut *tx).await?.rows_affected())
                })
            })
            .await
    }

    async fn raw(&self, knock: i64) -> Result<Option<String>, StoreFault> {
        let reading = async {
            let query = sqlx::query("SELECT raw FROM inbox WHERE id = $1").bind(knock);
            let row = query.fetch_optional(self.database().reader()).await?;
            row.as_ref().map(|row| field(row, "raw")).transpose()
        };
        self.database().read(reading).await
    }
}

impl Row {
    fn of(knock: &Knock) -> Result<Self, StoreFault> {
        Ok(Self {
            key: text(&knock.key).into_owned(),
            received_at: knock.received_at.as_micros(),
            news: serde_json::to_string(&knock.news)
                .map_err(|_| StoreFault::Corrupt("a webhook's news cannot be written as JSON".to_owned()))?,
            raw: text(&knock.raw).into_owned(),
            done: i64::from(matches!(knock.news, News::Kept { .. })),
        })
    }
}

fn knocked(row: &AnyRow) -> Result<Knocked, Trouble> {
    let id: i64 = field(row, "id")?;
    // One row that makes no sense must not hold up those behind it. What Meta sent stays in `raw`.
    let news = serde_json::from_str(field(row, "news")?).unwrap_or_else(|_| {
        tracing::error!(inbox.id = id, "stored news of a webhook cannot be read and is set aside");
        News::Kept { why: "stored news cannot be read".to_owned() }
    });
    Ok(Knocked { id, received_at: Time::from_micros(field(row, "received_at")?), news })
}
