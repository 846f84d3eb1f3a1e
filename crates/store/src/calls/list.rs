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
use crate::database::{Database, Dialect, Trouble};

/// Longest page, whatever is asked.
const LONGEST: u32 = 200;

/// Numbers that have lanes of their own. More lanes than calls on a page cost more than they save; beyond it
/// the calls of other numbers are passed over one by one.
const NUMBERS: usize = 8;

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
    let live_only = wanted.states.iter().all(|(state, _)| !state.is_over());
    let rows = match &filter.search {
        Some(words) if database.dialect() == Dialect::Sqlite && !live_only => {
            let mut calls = search::newest_found(database, &wanted, words, more).await?;
            let has_more = calls.len() > limit as usize;
            calls.truncate(limit as usize);
            return Ok(Page { calls, has_more });
        }
        Some(_) => plain(&wanted, database.dialect(), more),
        None if filter.agent.is_some() => plain(&wanted, database.dialect(), more),
        None => merged(&wanted, more),
    };
    let rows = rows.fetch(database.reader()).await?;
    let calls = rows.iter().take(limit as usize).map(record).collect::<Result<_, _>>()?;
    Ok(Page { calls, has_more: rows.len() > limit as usize })
}

/// One lane with every condition.
fn plain(wanted: &Wanted<'_>, dialect: Dialect, more: u32) -> Statement {
    let mut sql = Statement::default();
    sql.push(&format!("SELECT {COLUMNS} FROM calls WHERE "), []);
    wanted.write(&mut sql);
    if let Some(words) = &wanted.filter.search {
        // Said as the index of live calls says it, or the database would not use it.
        if wanted.states.iter().all(|(state, _)| !state.is_over()) {
            sql.and(LIVE, []);
        }
        search::write_condition(&mut sql, dialect, words, wanted.tenant);
    }
    sql.push(&newest(more), []);
    sql
}

fn merged(wanted: &Wanted<'_>, more: u32) -> Statement {
    let lanes = lanes(wanted);
    let mut sql = Statement::default();
    if let [lane] = lanes.as_slice() {
        sql.push(&format!("SELECT {COLUMNS} FROM calls WHERE "), []);
        write(&mut sql, wanted, lane);
        sql.push(&newest(more), []);
        return sql;
    }
    sql.push(&format!("SELECT {COLUMNS} FROM calls JOIN (SELECT id AS found, created_at AS at FROM ("), []);
    for (place, lane) in lanes.iter().enumerate() {
        let joint = if place == 0 { "" } else { " UNION ALL " };
        sql.push(&format!("{joint}SELECT * FROM (SELECT created_at, id FROM calls WHERE "), []);
        write(&mut sql, wanted, lane);
        sql.push(&format!("{}) AS lane{place}", newest(more)), []);
    }
    sql.push(&format!(") AS lanes{}) AS page ON id = found ORDER BY at DESC, found DESC", newest(more)), []);
    sql
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

fn write(sql: &mut Statement, wanted: &Wanted<'_>, lane: &Lane<'_>) {
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
}
