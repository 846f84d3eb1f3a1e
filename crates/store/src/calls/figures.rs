//! Figures by quarter of an hour, kept by the transaction that changes the call, and read by civil day.
//!
//! They are sums of what each call adds, and a change of a call changes them by the difference; so they are exact
//! however late a fact comes. All numbers of a tenant together are kept beside each of them.

use async_trait::async_trait;
use offhook_core::bill::{Bill, Currency};
use offhook_core::call::CallRecord;
use offhook_core::id::TenantId;
use offhook_core::ports::{DayFigures, Figures, FiguresAsk, QUARTER_SECS, StoreFault, Tally};
use offhook_core::time::Time;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::statement::{Statement, Value};
use crate::database::{Trouble, corrupt, field};
use crate::store::Store;

/// In the order of [`Tally::parts`].
const PARTS: [&str; 10] = [
    "total",
    "answered",
    "declined",
    "missed",
    "failed",
    "inbound",
    "outbound",
    "talked_secs",
    "cost",
    "provider_cost",
];

/// What a call adds to the figures of its quarter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Counted {
    /// Empty for none.
    pub(super) currency: String,
    pub(super) tally: Tally,
}

impl Counted {
    pub(super) fn of(call: &CallRecord) -> Self {
        let bill = call.facts.bill.as_ref().filter(|_| call.state.is_over());
        let currency = bill.and_then(Bill::currency).map_or_else(String::new, |it| it.as_str().to_owned());
        Self { currency, tally: Tally::of(call) }
    }
}

/// Whose figures, and of when.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    pub(super) tenant: String,
    pub(super) number: String,
    pub(super) quarter: i64,
}

impl Slot {
    pub(super) fn of(call: &CallRecord) -> Self {
        Self {
            tenant: call.tenant.as_str().to_owned(),
            number: call.number.as_str().to_owned(),
            quarter: quarter(call.created_at),
        }
    }
}

fn quarter(at: Time) -> i64 {
    at.as_micros().div_euclid(QUARTER_SECS * 1_000_000)
}

/// Counts a call as it is now instead of as it was.
pub(super) async fn keep(
    tx: &mut AnyConnection,
    slot: &Slot,
    before: Option<&Counted>,
    after: &Counted,
) -> Result<(), Trouble> {
    let negative = |tally: &Tally| Tally::from_parts(tally.parts().map(|part| -part));
    let mut changes: Vec<(&str, Tally)> = match before {
        Some(before) if before.currency == after.currency => {
            vec![(&after.currency, after.tally.plus(&negative(&before.tally)))]
        }
        Some(before) => vec![(&before.currency, negative(&before.tally)), (&after.currency, after.tally)],
        None => vec![(&after.currency, after.tally)],
    };
    changes.retain(|(_, tally)| *tally != Tally::default());
    // Always in one order, so that two who count at once never wait for each other.
    changes.sort_by_key(|(currency, _)| *currency);
    for (currency, tally) in changes {
        add(tx, slot, currency, &tally).await?;
    }
    Ok(())
}

async fn add(tx: &mut AnyConnection, slot: &Slot, currency: &str, tally: &Tally) -> Result<(), Trouble> {
    const SQL: &str = "INSERT INTO call_figures (tenant, quarter, currency, number_id, total, answered, declined, \
         missed, failed, inbound, outbound, talked_secs, cost, provider_cost) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14), \
         ($1, $2, $3, '', $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) \
         ON CONFLICT (tenant, number_id, quarter, currency) DO UPDATE SET \
         total = call_figures.total + excluded.total, answered = call_figures.answered + excluded.answered, \
         declined = call_figures.declined + excluded.declined, missed = call_figures.missed + excluded.missed, \
         failed = call_figures.failed + excluded.failed, inbound = call_figures.inbound + excluded.inbound, \
         outbound = call_figures.outbound + excluded.outbound, \
         talked_secs = call_figures.talked_secs + excluded.talked_secs, cost = call_figures.cost + excluded.cost, \
         provider_cost = call_figures.provider_cost + excluded.provider_cost";
    let mut query = sqlx::query(SQL).bind(slot.tenant.clone()).bind(slot.quarter).bind(currency.to_owned());
    query = query.bind(slot.number.clone());
    for part in tally.parts() {
        query = query.bind(part);
    }
    query.execute(tx).await?;
    Ok(())
}

#[async_trait]
impl Figures for Store {
    async fn by_day(&self, tenant: &TenantId, ask: &FiguresAsk) -> Result<Vec<DayFigures>, StoreFault> {
        if ask.numbers.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Vec::new());
        }
        let reading = async {
            let mut days = Vec::new();
            for stretch in &ask.stretches {
                let mut sql = Statement::default();
                let sums = PARTS.map(|part| format!("CAST(SUM({part}) AS BIGINT) AS {part}")).join(", ");
                let seconds = [Value::from(QUARTER_SECS), stretch.ahead_secs.into()];
                sql.push(&format!("SELECT (quarter * ? + ?) / 86400 AS day, currency, {sums}"), seconds);
                let span =
                    [tenant.as_str().into(), quarter(stretch.from).into(), quarter(stretch.until).into()];
                let of = " FROM call_figures WHERE tenant = ? AND quarter >= ? AND quarter < ?";
                sql.push(of, span);
                match &ask.numbers {
                    None => sql.and("number_id = ''", []),
                    Some(numbers) => sql.and_in("number_id", numbers.iter().map(|number| number.as_str())),
                }
                sql.push(" GROUP BY 1, 2", []);
                let rows = sql.fetch(self.database().reader()).await?;
                days.extend(rows.iter().map(day).collect::<Result<Vec<_>, Trouble>>()?);
            }
            Ok(days)
        };
        self.database().read(reading).await
    }
}

fn day(row: &AnyRow) -> Result<DayFigures, Trouble> {
    let mut parts = [0; 10];
    for (part, column) in parts.iter_mut().zip(PARTS) {
        *part = field(row, column)?;
    }
    let currency = match field::<&str, _>(row, "currency")? {
        "" => None,
        text => Some(Currency::parse(text).ok_or_else(|| corrupt("call_figures.currency"))?),
    };
    Ok(DayFigures { day: field(row, "day")?, currency, tally: Tally::from_parts(parts) })
}
