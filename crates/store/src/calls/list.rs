//! Pages of calls. A page begins after a call, not at a count, so that calls that come while somebody reads
//! neither repeat a row nor hide one.
//!
//! A page is merged from lanes. Each lane is one stretch of one index, newest first, and gives a page's length at
//! most; so a page costs the same whether the calls that fit are many or few among those that do not.

use offhook_core::call::State;
use offhook_core::id::{NumberId, TenantId};
use offhook_core::meta::Direction;
use offhook_core::ports::{CallFilter, Page, PageAfter};

use super::filter::{Reasons, Wanted};
use super::row::{COLUMNS, direction_word, record};
use super::statement::{Statement, Value};
use super::{LIVE, OVER, search};
use crate::database::{Database, Dialect, Trouble, field};

/// Longest page, whatever is asked.
const LONGEST: u32 = 200;

/// Numbers that have lanes of their own. More lanes than calls on a page cost more than they save; beyond it
/// the calls of other numbers are passed over one by one.
const NUMBERS: usize = 8;

/// Calls that are few enough to look at the text of each: so many for every call wanted, and at most. Of more, a
/// search finds the page's among the newest that have its words; at this number both ways cost about the same.
const FEW_FOR_EACH: u32 = 200;
const FEW: u32 = 5_000;

/// How the calls on a page are ordered, and cut off.
pub(super) fn newest(limit: u32) -> String {
    format!(" ORDER BY created_at DESC, id DESC LIMIT {limit}")
}

/// Calls that a lane has, besides their place in time.
struct Lane<'a> {
    number: Option<&'a NumberId>,
    direction: Option<Direction>,
    state: Ending<'a>,
}

enum Ending<'a> {
    Any,
    Live,
    Over(State, &'a Reasons),
}

pub(super) async fn page(
    database: &Database,
    tenant: &TenantId,
    filter: &CallFilter,
    page: &PageAfter,
) -> Result<Page, Trouble> {
    let limit = page.limit.clamp(1, LONGEST);
    let wanted = Wanted::of(tenant, filter, page);
    if wanted.is_hopeless() {
        return Ok(Page { calls: Vec::new(), has_more: false });
    }
    // One more than asked tells whether another page follows.
    let more = limit + 1;
    let dialect = database.dialect();
    let rows = match &filter.search {
        Some(words) if dialect == Dialect::Sqlite && !are_few(database, &wanted, limit).await? => {
            let mut calls = search::newest_found(database, &wanted, words, more).await?;
            let has_more = calls.len() > limit as usize;
            calls.truncate(limit as usize);
            return Ok(Page { calls, has_more });
        }
        Some(_) if dialect == Dialect::Postgres => plain(&wanted, dialect, more),
        _ if filter.agent.is_some() => plain(&wanted, dialect, more),
        _ => merged(&wanted, dialect, more),
    };
    let rows = rows.fetch(database.reader()).await?;
    let calls = rows.iter().take(limit as usize).map(record).collect::<Result<_, _>>()?;
    Ok(Page { calls, has_more: rows.len() > limit as usize })
}

/// Whether the calls that fit a filter, whatever their words, are few.
async fn are_few(database: &Database, wanted: &Wanted<'_>, limit: u32) -> Result<bool, Trouble> {
    if wanted.filter.direction.is_none() && !wanted.narrows_states() {
        return Ok(false);
    }
    let few = FEW_FOR_EACH.saturating_mul(limit).min(FEW);
    let mut sql = Statement::default();
    sql.push("SELECT COUNT(*) AS count FROM (SELECT 1 FROM (", []);
    write_all(&mut sql, wanted, None, few);
    sql.push(&format!(") LIMIT {few})"), []);
    let rows = sql.fetch(database.reader()).await?;
    let count = rows.first().map(|row| field::<i64, _>(row, "count")).transpose()?;
    Ok(count.is_some_and(|count| count < i64::from(few)))
}

/// One lane with every condition.
fn plain(wanted: &Wanted<'_>, dialect: Dialect, more: u32) -> Statement {
    let mut sql = Statement::default();
    sql.push(&format!("SELECT {COLUMNS} FROM calls WHERE "), []);
    wanted.write(&mut sql);
    if let Some(words) = &wanted.filter.search {
        search::write_condition(&mut sql, dialect, words, wanted.tenant);
    }
    sql.push(&newest(more), []);
    sql
}

fn merged(wanted: &Wanted<'_>, dialect: Dialect, more: u32) -> Statement {
    let mut sql = Statement::default();
    if let [lane] = lanes(wanted).as_slice() {
        sql.push(&format!("SELECT {COLUMNS} FROM calls WHERE "), []);
        write(&mut sql, wanted, Some(dialect), lane);
        sql.push(&newest(more), []);
        return sql;
    }
    sql.push(&format!("SELECT {COLUMNS} FROM calls JOIN (SELECT id AS found, created_at AS at FROM ("), []);
    write_all(&mut sql, wanted, Some(dialect), more);
    sql.push(&format!(") AS lanes{}) AS page ON id = found ORDER BY at DESC, found DESC", newest(more)), []);
    sql
}

/// All lanes, one after the other. `searched` says in which dialect words narrow; none when they do not.
fn write_all(sql: &mut Statement, wanted: &Wanted<'_>, searched: Option<Dialect>, more: u32) {
    for (place, lane) in lanes(wanted).iter().enumerate() {
        let joint = if place == 0 { "" } else { " UNION ALL " };
        sql.push(&format!("{joint}SELECT * FROM (SELECT created_at, id FROM calls WHERE "), []);
        write(sql, wanted, searched, lane);
        sql.push(&format!("{}) AS lane{place}", newest(more)), []);
    }
}

/// The lanes of a filter. They share no call.
fn lanes<'a>(wanted: &'a Wanted<'a>) -> Vec<Lane<'a>> {
    let few = wanted.numbers.as_ref().filter(|numbers| numbers.len() <= NUMBERS);
    let numbers: Vec<Option<&NumberId>> =
        few.map_or_else(|| vec![None], |numbers| numbers.iter().map(|number| Some(*number)).collect());
    let direction = wanted.filter.direction;
    if direction.is_none() && !wanted.narrows_states() {
        return numbers.into_iter().map(|number| Lane { number, direction, state: Ending::Any }).collect();
    }
    let directions: &[Direction] = match direction {
        Some(Direction::Inbound) => &[Direction::Inbound],
        Some(Direction::Outbound) => &[Direction::Outbound],
        None => &[Direction::Inbound, Direction::Outbound],
    };
    let mut lanes = Vec::new();
    if wanted.live().len() > 0 {
        lanes.push(Lane { number: None, direction, state: Ending::Live });
    }
    for (state, reasons) in wanted.states.iter().filter(|(state, _)| state.is_over()) {
        for number in &numbers {
            let of = |direction: &Direction| Lane {
                number: *number,
                direction: Some(*direction),
                state: Ending::Over(*state, reasons),
            };
            lanes.extend(directions.iter().map(of));
        }
    }
    lanes
}

fn write(sql: &mut Statement, wanted: &Wanted<'_>, searched: Option<Dialect>, lane: &Lane<'_>) {
    wanted.write_place(sql);
    match lane.number {
        Some(number) => sql.and("number_id = ?", [number.as_str().into()]),
        None => wanted.write_numbers(sql),
    }
    if let Some(direction) = lane.direction {
        sql.and("direction = ?", [direction_word(direction).into()]);
    }
    match &lane.state {
        Ending::Any => {}
        Ending::Live => {
            sql.and(LIVE, []);
            sql.and_in("state", wanted.live().map(State::as_str));
            wanted.write_ending(sql);
        }
        Ending::Over(state, reasons) => {
            // Said twice: as the index says it, and which.
            sql.and(OVER, []);
            sql.and("state = ?", [state.as_str().into()]);
            if let Reasons::Some(reasons) = reasons {
                let values: Vec<Value> = reasons.iter().map(|reason| reason.as_str().into()).collect();
                sql.and(&format!("end_reason IN ({})", vec!["?"; values.len()].join(", ")), values);
            }
        }
    }
    if let (Some(dialect), Some(words)) = (searched, &wanted.filter.search) {
        search::write_condition(sql, dialect, words, wanted.tenant);
    }
}
