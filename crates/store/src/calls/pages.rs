//! Pages by number, and exact totals from the counts that triggers keep beside the calls.

use async_trait::async_trait;
use offhook_core::id::TenantId;
use offhook_core::ports::{CallKind, CallPages, NumberedPage, PageAt, PageFilter, Reason, StoreFault};
use sqlx::AssertSqlSafe;

use super::row::{COLUMNS, direction_word, record};
use crate::database::{Trouble, field};
use crate::store::Store;

/// Longest page, whatever is asked.
const LONGEST: u32 = 200;

/// Whether a fact is there: how `calls` says it, and how `call_counts` does.
#[derive(Clone, Copy)]
enum Table {
    Calls,
    Counts,
}

#[async_trait]
impl CallPages for Store {
    async fn numbered(
        &self,
        tenant: &TenantId,
        filter: &PageFilter,
        page: &PageAt,
    ) -> Result<NumberedPage, StoreFault> {
        self.database().read(self.numbered_page(tenant, filter, page)).await
    }
}

impl Store {
    /// One statement, so that page and total are of one moment.
    async fn numbered_page(
        &self,
        tenant: &TenantId,
        filter: &PageFilter,
        page: &PageAt,
    ) -> Result<NumberedPage, Trouble> {
        let mut values = vec![tenant.as_str().to_owned()];
        values.extend(filter.number.iter().map(|number| number.as_str().to_owned()));
        let (calls, counts) = (condition(filter, Table::Calls), condition(filter, Table::Counts));
        let limit = page.limit.clamp(1, LONGEST);
        let offset = u64::from(page.page.saturating_sub(1)) * u64::from(limit);
        // The page asks for no more rows than there are: the search for one that is not there would read them all.
        let sql = format!(
            "WITH t AS (SELECT CAST(coalesce(sum(calls), 0) AS BIGINT) AS total FROM call_counts WHERE {counts}) \
             SELECT t.total, p.* FROM t LEFT JOIN (SELECT {COLUMNS} FROM calls WHERE id IN (\
             SELECT id FROM calls WHERE {calls} ORDER BY created_at DESC, id DESC LIMIT (\
             SELECT CASE WHEN total <= {offset} THEN 0 WHEN total - {offset} < {limit} THEN total - {offset} \
             ELSE {limit} END FROM t) OFFSET {offset})) p ON 1 = 1 ORDER BY p.created_at DESC, p.id DESC"
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for value in values {
            query = query.bind(value);
        }
        let rows = query.fetch_all(self.database().reader()).await?;
        let total: i64 = match rows.first() {
            Some(row) => field(row, "total")?,
            None => 0,
        };
        let mut calls = Vec::new();
        for row in &rows {
            if field::<Option<&str>, _>(row, "id")?.is_some() {
                calls.push(record(row)?);
            }
        }
        Ok(NumberedPage { calls, total: u64::try_from(total).unwrap_or(0) })
    }
}

/// The words of states, reasons and directions are ours, so they stand in the text; ids are bound.
fn condition(filter: &PageFilter, table: Table) -> String {
    let mut all = vec!["tenant = $1".to_owned()];
    if filter.number.is_some() {
        all.push("number_id = $2".to_owned());
    }
    if let Some(direction) = filter.direction {
        all.push(format!("direction = '{}'", direction_word(direction)));
    }
    if let Some(kinds) = &filter.kinds {
        let any: Vec<_> = kinds.iter().map(|kind| of_kind(kind, table)).collect();
        all.push(if any.is_empty() { "1 = 0".to_owned() } else { format!("({})", any.join(" OR ")) });
    }
    all.join(" AND ")
}

fn of_kind(kind: &CallKind, table: Table) -> String {
    let mut all = vec![format!("state = '{}'", kind.state.as_str())];
    if let Some(direction) = kind.direction {
        all.push(format!("direction = '{}'", direction_word(direction)));
    }
    let there = |fact: &str, is: bool| match (table, is) {
        (Table::Calls, true) => format!("{fact}_at IS NOT NULL"),
        (Table::Calls, false) => format!("{fact}_at IS NULL"),
        (Table::Counts, is) => format!("{fact} = {}", u8::from(is)),
    };
    all.extend(kind.answered.map(|is| there("answered", is)));
    all.extend(kind.rang.map(|is| there("rang", is)));
    match kind.reason {
        Reason::Any => {}
        Reason::Is(reason) => all.push(format!("coalesce(end_reason, '') = '{}'", reason.as_str())),
        Reason::Not(reason) => all.push(format!("coalesce(end_reason, '') <> '{}'", reason.as_str())),
    }
    format!("({})", all.join(" AND "))
}
