//! A filter of calls as conditions.

use std::collections::BTreeSet;

use offhook_core::call::{EndReason, State};
use offhook_core::id::{NumberId, TenantId};
use offhook_core::ports::{CallFilter, PageAfter};

use super::row::direction_word;
use super::statement::{Statement, Value};

/// A filter with its numbers and states put together.
pub(super) struct Wanted<'a> {
    pub(super) tenant: &'a TenantId,
    pub(super) filter: &'a CallFilter,
    pub(super) page: &'a PageAfter,
    /// None for all.
    pub(super) numbers: Option<BTreeSet<&'a NumberId>>,
    /// In order of progress.
    pub(super) states: Vec<(State, Reasons)>,
}

/// Which endings of a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reasons {
    All,
    Some(Vec<EndReason>),
}

impl<'a> Wanted<'a> {
    pub(super) fn of(tenant: &'a TenantId, filter: &'a CallFilter, page: &'a PageAfter) -> Self {
        let mut numbers: Option<BTreeSet<&NumberId>> = filter.numbers.as_ref().map(|it| it.iter().collect());
        if let Some(one) = &filter.number {
            let allowed = numbers.is_none_or(|numbers| numbers.contains(one));
            numbers = Some(allowed.then_some(one).into_iter().collect());
        }
        let states =
            State::ALL.into_iter().filter_map(|state| Some((state, reasons(filter, state)?))).collect();
        Self { tenant, filter, page, numbers, states }
    }

    /// Whether nothing can be found.
    pub(super) fn is_hopeless(&self) -> bool {
        self.numbers.as_ref().is_some_and(BTreeSet::is_empty) || self.states.is_empty()
    }

    /// Whether states narrow.
    pub(super) fn narrows_states(&self) -> bool {
        !self.filter.states.is_empty() || self.filter.ending_answered.is_some()
    }

    /// The states that are not over.
    pub(super) fn live(&self) -> impl ExactSizeIterator<Item = State> {
        let live: Vec<State> =
            self.states.iter().map(|(state, _)| *state).filter(|it| !it.is_over()).collect();
        live.into_iter()
    }

    /// Whose, and where in time.
    pub(super) fn write_place(&self, sql: &mut Statement) {
        sql.push("tenant = ?", [self.tenant.as_str().into()]);
        if let Some(from) = self.filter.from {
            sql.and("created_at >= ?", [from.as_micros().into()]);
        }
        if let Some(until) = self.filter.until {
            sql.and("created_at < ?", [until.as_micros().into()]);
        }
        if let Some((at, id)) = &self.page.after {
            sql.and("(created_at, id) < (?, ?)", [at.as_micros().into(), id.as_str().into()]);
        }
    }

    pub(super) fn write_numbers(&self, sql: &mut Statement) {
        if let Some(numbers) = &self.numbers {
            sql.and_in("number_id", numbers.iter().map(|number| number.as_str()));
        }
    }

    pub(super) fn write_direction(&self, sql: &mut Statement) {
        if let Some(direction) = self.filter.direction {
            sql.and("direction = ?", [direction_word(direction).into()]);
        }
    }

    pub(super) fn write_ending(&self, sql: &mut Statement) {
        match self.filter.ending_answered {
            Some(true) => sql.and("(state <> 'ending' OR answered_at IS NOT NULL)", []),
            Some(false) => sql.and("(state <> 'ending' OR answered_at IS NULL)", []),
            None => {}
        }
    }

    /// Everything but the search.
    pub(super) fn write(&self, sql: &mut Statement) {
        self.write_place(sql);
        self.write_numbers(sql);
        self.write_direction(sql);
        self.write_ending(sql);
        if let Some(agent) = &self.filter.agent {
            let theirs = "(agent_id = ? OR (agent_id IS NULL AND state IN ('rejected', 'missed', 'failed') \
                 AND EXISTS (SELECT 1 FROM rings WHERE call_id = calls.id AND person_id = ?)))";
            sql.and(theirs, [agent.as_str().into(), agent.as_str().into()]);
        }
        if !self.filter.states.is_empty() {
            self.write_states(sql);
        }
    }

    fn write_states(&self, sql: &mut Statement) {
        let mut any = Vec::new();
        let mut values: Vec<Value> = Vec::new();
        for (state, reasons) in &self.states {
            values.push(state.as_str().into());
            any.push(match reasons {
                Reasons::All => "state = ?".to_owned(),
                Reasons::Some(reasons) => {
                    values.extend(reasons.iter().map(|reason| reason.as_str().into()));
                    format!("(state = ? AND end_reason IN ({}))", vec!["?"; reasons.len()].join(", "))
                }
            });
        }
        sql.and(&format!("({})", any.join(" OR ")), values);
    }
}

fn reasons(filter: &CallFilter, state: State) -> Option<Reasons> {
    if filter.states.is_empty() {
        return Some(Reasons::All);
    }
    let of_state: Vec<_> = filter.states.iter().filter(|(it, _)| *it == state).collect();
    if of_state.iter().any(|(_, reason)| reason.is_none()) {
        return Some(Reasons::All);
    }
    // A call that is not over has no reason to have ended.
    let reasons: Vec<EndReason> = of_state.iter().filter_map(|(_, reason)| *reason).collect();
    (state.is_over() && !reasons.is_empty()).then_some(Reasons::Some(reasons))
}
