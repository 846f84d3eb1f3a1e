//! Files of contacts on their way in: their rows, how far they were read, and the rows that broke a rule.

use async_trait::async_trait;
use offhook_core::contact::Contact;
use offhook_core::contact::import::{Counts, Import, Progress, Rejected, Row};
use offhook_core::event::{Event, Logged};
use offhook_core::id::{ImportId, TenantId};
use offhook_core::ports::{ContactImports, StoreFault};
use offhook_core::time::Time;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::write::{self, Batch};
use crate::database::{Dialect, Trouble, corrupt, field};
use crate::log::{Entries, append};
use crate::store::Store;

const COLUMNS: &str = "id, tenant, state, columns, part, total, created, updated, unchanged, rejected, created_at, \
     updated_at";

/// A rejected row on its way in.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    line: u64,
    reason: &'a str,
    cells: String,
}

#[async_trait]
impl ContactImports for Store {
    async fn begin(&self, import: &Import, kept: Time, late: Time) -> Result<(), StoreFault> {
        let columns = json(&import.columns)?;
        let import = import.clone();
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let old = "DELETE FROM contact_imports WHERE (state IN ('completed', 'failed') AND \
                         updated_at < $1) OR (state = 'receiving' AND created_at < $2)";
                    let query = sqlx::query(old).bind(kept.as_micros()).bind(late.as_micros());
                    query.execute(&mut *tx).await?;
                    let sql = format!(
                        "INSERT INTO contact_imports ({COLUMNS}) VALUES ($1, $2, $3, $4, 0, 0, 0, 0, 0, 0, $5, $5)"
                    );
                    let query = sqlx::query(AssertSqlSafe(sql)).bind(import.id.as_str().to_owned());
                    let query = query.bind(import.tenant.as_str().to_owned()).bind(import.state.as_str());
                    query.bind(columns).bind(import.created_at.as_micros()).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn add_part(&self, import: &Import, part: u32, rows: &[Row]) -> Result<(), StoreFault> {
        let (rows, id) = (json(rows)?, import.id.as_str().to_owned());
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO contact_import_parts (import, part, cells) VALUES ($1, $2, $3)";
                    sqlx::query(sql).bind(id).bind(i64::from(part)).bind(rows).execute(tx).await?;
                    Ok(())
                })
            })
            .await
    }

    async fn arrived(&self, import: &Import, total: Option<u64>) -> Result<bool, StoreFault> {
        let (id, state) = (
            import.id.as_str().to_owned(),
            match total {
                Some(_) => Progress::Waiting,
                None => Progress::Failed,
            },
        );
        let total = i64::try_from(total.unwrap_or_default()).unwrap_or(i64::MAX);
        self.database()
            .write(move |tx| {
                Box::pin(async move {
                    if state == Progress::Failed {
                        forget_file(tx, &id).await?;
                    }
                    let sql = "UPDATE contact_imports SET state = $2, total = $3 WHERE id = $1 \
                         AND state = 'receiving'";
                    let query = sqlx::query(sql).bind(id).bind(state.as_str()).bind(total);
                    Ok(query.execute(tx).await?.rows_affected() == 1)
                })
            })
            .await
    }

    async fn load(&self, tenant: &TenantId, id: &ImportId) -> Result<Option<Import>, StoreFault> {
        let (tenant, id) = (tenant.as_str().to_owned(), id.as_str().to_owned());
        let mut found = self.imports("tenant = $1 AND id = $2", vec![tenant, id]).await?;
        Ok(found.pop())
    }

    async fn list(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Import>, StoreFault> {
        let condition = format!("tenant = $1 ORDER BY created_at DESC, id DESC LIMIT {limit}");
        self.imports(&condition, vec![tenant.as_str().to_owned()]).await
    }

    async fn next(&self) -> Result<Option<Import>, StoreFault> {
        let due = "state IN ('waiting', 'running') ORDER BY created_at, id LIMIT 1";
        Ok(self.imports(due, Vec::new()).await?.pop())
    }

    async fn part(&self, import: &Import, part: u32) -> Result<Option<Vec<Row>>, StoreFault> {
        let reading = async {
            let sql = "SELECT cells FROM contact_import_parts WHERE import = $1 AND part = $2";
            let query = sqlx::query(sql).bind(import.id.as_str().to_owned()).bind(i64::from(part));
            let row = query.fetch_optional(self.database().reader()).await?;
            let rows = row.map(|row| {
                let cells: &str = field(&row, "cells")?;
                serde_json::from_str(cells).map_err(|_| corrupt("contact_import_parts.cells"))
            });
            rows.transpose()
        };
        self.database().read(reading).await
    }

    async fn go_on(
        &self,
        import: &Import,
        contacts: &[Contact],
        rejected: &[Rejected],
    ) -> Result<Vec<Logged>, StoreFault> {
        let (batch, dialect) = (Batch::of(contacts)?, self.database().dialect());
        let line = |row: &Rejected| Ok((row.line, row.reason.clone(), json(&row.cells)?));
        let lines: Vec<(u64, String, String)> =
            rejected.iter().map(line).collect::<Result<_, StoreFault>>()?;
        let lines: Vec<Line<'_>> = lines
            .iter()
            .map(|(line, why, cells)| Line { line: *line, reason: why, cells: cells.clone() })
            .collect();
        let (lines, import) = (json(&lines)?, import.clone());
        let written = self.database().write(move |tx| {
            Box::pin(async move {
                let renamed = write::write(tx, batch, dialect).await?.renamed;
                reject(tx, import.id.as_str(), lines, dialect).await?;
                note(tx, &import).await?;
                if !import.state.is_over() {
                    return Ok((Vec::new(), renamed));
                }
                forget_file(tx, import.id.as_str()).await?;
                let completed = import.state == Progress::Completed;
                let told = Event::Import { import: import.id.clone(), counts: import.counts, completed };
                let logged = append(tx, Entries::of(&import.tenant, import.updated_at, &[told])?).await?;
                Ok((logged, renamed))
            })
        });
        let (logged, renamed) = written.await?;
        self.find_by_new_names(renamed).await;
        Ok(logged)
    }

    async fn rejected(&self, import: &Import, after: u64, limit: u32) -> Result<Vec<Rejected>, StoreFault> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let reading = async {
            let sql = format!(
                "SELECT line, reason, cells FROM contact_import_rejected WHERE import = $1 AND line > $2 \
                 ORDER BY line LIMIT {limit}"
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(import.id.as_str().to_owned()).bind(after);
            let rows = query.fetch_all(self.database().reader()).await?;
            rows.iter().map(rejected_row).collect()
        };
        self.database().read(reading).await
    }
}

impl Store {
    async fn imports(&self, condition: &str, values: Vec<String>) -> Result<Vec<Import>, StoreFault> {
        let sql = format!("SELECT {COLUMNS} FROM contact_imports WHERE {condition}");
        let reading = async {
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for value in values {
                query = query.bind(value);
            }
            query.fetch_all(self.database().reader()).await?.iter().map(import).collect()
        };
        self.database().read(reading).await
    }
}

async fn reject(
    tx: &mut AnyConnection,
    import: &str,
    lines: String,
    dialect: Dialect,
) -> Result<(), Trouble> {
    let from = match dialect {
        Dialect::Sqlite => {
            "SELECT $1, value ->> 'line', value ->> 'reason', value ->> 'cells' FROM json_each($2) WHERE true"
        }
        Dialect::Postgres => {
            "SELECT $1, line, reason, cells FROM json_to_recordset($2::json) \
             AS r (line bigint, reason text, cells text)"
        }
    };
    let sql = format!("INSERT INTO contact_import_rejected (import, line, reason, cells) {from}");
    sqlx::query(AssertSqlSafe(sql)).bind(import.to_owned()).bind(lines).execute(tx).await?;
    Ok(())
}

/// Writes how far it is, if nobody else did.
async fn note(tx: &mut AnyConnection, import: &Import) -> Result<(), Trouble> {
    let sql = "UPDATE contact_imports SET state = $2, part = $3, created = $4, updated = $5, unchanged = $6, \
         rejected = $7, updated_at = $8 WHERE id = $1 AND part IN ($3 - 1, $3) AND state IN ('waiting', 'running')";
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let counts = import.counts;
    let query = sqlx::query(sql).bind(import.id.as_str().to_owned()).bind(import.state.as_str());
    let query = query.bind(i64::from(import.part)).bind(number(counts.created)).bind(number(counts.updated));
    let query = query.bind(number(counts.unchanged)).bind(number(counts.rejected));
    let done = query.bind(import.updated_at.as_micros()).execute(tx).await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(StoreFault::Conflict.into()) }
}

async fn forget_file(tx: &mut AnyConnection, import: &str) -> Result<(), Trouble> {
    let sql = "DELETE FROM contact_import_parts WHERE import = $1";
    sqlx::query(sql).bind(import.to_owned()).execute(tx).await?;
    Ok(())
}

fn import(row: &AnyRow) -> Result<Import, Trouble> {
    let id = ImportId::parse(field(row, "id")?).ok_or_else(|| corrupt("contact_imports.id"))?;
    let wrong = |column: &str| corrupt(&format!("contact_imports.{column} of {id}"));
    let count = |column: &str| u64::try_from(field::<i64, _>(row, column)?).map_err(|_| wrong(column));
    let counts = Counts {
        total: count("total")?,
        created: count("created")?,
        updated: count("updated")?,
        unchanged: count("unchanged")?,
        rejected: count("rejected")?,
    };
    Ok(Import {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        state: Progress::parse(field(row, "state")?).ok_or_else(|| wrong("state"))?,
        columns: serde_json::from_str(field(row, "columns")?).map_err(|_| wrong("columns"))?,
        part: u32::try_from(count("part")?).map_err(|_| wrong("part"))?,
        created_at: Time::from_micros(field(row, "created_at")?),
        updated_at: Time::from_micros(field(row, "updated_at")?),
        counts,
        id,
    })
}

fn rejected_row(row: &AnyRow) -> Result<Rejected, Trouble> {
    let wrong = |column: &str| corrupt(&format!("contact_import_rejected.{column}"));
    Ok(Rejected {
        line: u64::try_from(field::<i64, _>(row, "line")?).map_err(|_| wrong("line"))?,
        reason: field(row, "reason")?,
        cells: serde_json::from_str(field(row, "cells")?).map_err(|_| wrong("cells"))?,
    })
}

fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreFault> {
    serde_json::to_string(value)
        .map_err(|_| StoreFault::Corrupt("rows of contacts cannot be written as JSON".to_owned()))
}
