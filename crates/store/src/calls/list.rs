//! Pages of calls. A page begins after a call, not at a count, so that calls that come while somebody reads
//! neither repeat a row nor hide one.

use offhook_core::id::TenantId;
use offhook_core::ports::{CallFilter, Page, PageAfter};
use sqlx::{AnyPool, AssertSqlSafe};

use super::row::{COLUMNS, direction_word, record};
use crate::database::Trouble;

/// Longest page, whatever is asked.
const LONGEST: u32 = 200;

/// A condition's value.
enum Value {
    Text(String),
    Number(i64),
}

/// Joins conditions and numbers their values.
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

pub(super) async fn page(
    reader: &AnyPool,
    tenant: &TenantId,
    filter: &CallFilter,
    page: &PageAfter,
) -> Result<Page, Trouble> {
    let limit = page.limit.clamp(1, LONGEST);
    let mut conditions = conditions(tenant, filter);
    if let Some((at, id)) = &page.after {
        conditions.and("(created_at, id) < (?, ?)", [Value::Number(at.as_micros()), id.as_str().into()]);
    }
    let (sql, values) = (conditions.sql, conditions.values);
    // One more than asked tells whether another page follows.
    let sql = format!(
        "SELECT {COLUMNS} FROM calls WHERE {sql} ORDER BY created_at DESC, id DESC LIMIT {}",
        limit + 1
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in values {
        query = match value {
            Value::Text(text) => query.bind(text),
            Value::Number(number) => query.bind(number),
        };
    }
    let rows = query.fetch_all(reader).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let calls = rows.iter().take(wanted).map(record).collect::<Result<_, _>>()?;
    Ok(Page { calls, has_more: rows.len() > wanted })
}

fn conditions(tenant: &TenantId, filter: &CallFilter) -> Conditions {
    let mut conditions = Conditions { sql: "1 = 1".to_owned(), values: Vec::new() };
    conditions.and("tenant = ?", [tenant.as_str().into()]);
    if let Some(direction) = filter.direction {
        conditions.and("direction = ?", [direction_word(direction).into()]);
    }
    if let Some(number) = &filter.number {
        conditions.and("number_id = ?", [number.as_str().into()]);
    }
    if let Some(from) = filter.from {
        conditions.and("created_at >= ?", [Value::Number(from.as_micros())]);
    }
    if let Some(until) = filter.until {
        conditions.and("created_at < ?", [Value::Number(until.as_micros())]);
    }
    if let Some(agent) = &filter.agent {
        let theirs = "(agent_id = ? OR (agent_id IS NULL AND state IN ('rejected', 'missed', 'failed') \
             AND EXISTS (SELECT 1 FROM rings WHERE call_id = calls.id AND person_id = ?)))";
        conditions.and(theirs, [agent.as_str().into(), agent.as_str().into()]);
    }
    if !filter.states.is_empty() {
        let mut any = Vec::new();
        let mut values = Vec::new();
        for (state, reason) in &filter.states {
            values.push(state.as_str().into());
            any.push(match reason {
                Some(reason) => {
                    values.push(reason.as_str().into());
                    "(state = ? AND end_reason = ?)"
                }
                None => "state = ?",
            });
        }
        conditions.and(&format!("({})", any.join(" OR ")), values);
    }
    conditions
}

impl Conditions {
    /// Adds a condition. Each `?` in it stands for the next value and becomes `$n`.
    fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(" AND ");
        let mut number = self.values.len();
        for part in condition.split_inclusive('?') {
            match part.strip_suffix('?') {
                Some(before) => {
                    number += 1;
                    self.sql.push_str(&format!("{before}${number}"));
                }
                None => self.sql.push_str(part),
            }
        }
        self.values.extend(values);
        assert_eq!(number, self.values.len(), "every ? has its value");
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}
