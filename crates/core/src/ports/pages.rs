//! Calls by page number, with exact totals: what some clients want instead of cursors.

use async_trait::async_trait;

use super::StoreFault;
use crate::call::{CallRecord, EndReason, State};
use crate::id::{NumberId, TenantId};
use crate::meta::Direction;

/// Pages of calls by number.
#[async_trait]
pub trait CallPages: Send + Sync {
    /// A page of a tenant's calls, newest first by `(created_at, id)`, and how many there are in all. The two are
    /// of one moment.
    async fn numbered(
        &self,
        tenant: &TenantId,
        filter: &PageFilter,
        page: &PageAt,
    ) -> Result<NumberedPage, StoreFault>;
}

/// Which calls; empty fields do not narrow.
#[derive(Debug, Clone, Default)]
pub struct PageFilter {
    /// Any of these kinds; none narrows, an empty list finds nothing.
    pub kinds: Option<Vec<CallKind>>,
    /// From whose hand.
    pub direction: Option<Direction>,
    /// The business number.
    pub number: Option<NumberId>,
}

/// Calls that are alike in what a status word can depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallKind {
    /// Where they are.
    pub state: State,
    /// From whose hand; none for either.
    pub direction: Option<Direction>,
    /// Whether they were answered; none for either.
    pub answered: Option<bool>,
    /// Whether the called side began to ring; none for either.
    pub rang: Option<bool>,
    /// Why they ended.
    pub reason: Reason,
}

/// A condition on why calls ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Whatever it is.
    Any,
    /// This one.
    Is(EndReason),
    /// Any but this one.
    Not(EndReason),
}

impl CallKind {
    /// All calls in a state.
    #[must_use]
    pub const fn all(state: State) -> Self {
        Self { state, direction: None, answered: None, rang: None, reason: Reason::Any }
    }

    /// Whether a call is of this kind.
    #[must_use]
    pub fn admits(&self, call: &CallRecord) -> bool {
        let reason = match self.reason {
            Reason::Any => true,
            Reason::Is(reason) => call.end_reason == Some(reason),
            Reason::Not(reason) => call.end_reason != Some(reason),
        };
        reason
            && self.state == call.state
            && self.direction.is_none_or(|direction| direction == call.direction)
            && self.answered.is_none_or(|answered| answered == call.answered_at().is_some())
            && self.rang.is_none_or(|rang| rang == call.rang_at().is_some())
    }
}

impl PageFilter {
    /// Whether a call is among those asked for.
    #[must_use]
    pub fn admits(&self, call: &CallRecord) -> bool {
        self.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| kind.admits(call)))
            && self.direction.is_none_or(|direction| direction == call.direction)
            && self.number.as_ref().is_none_or(|number| *number == call.number)
    }
}

/// Which page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageAt {
    /// From 1.
    pub page: u32,
    /// Rows of a page, 1 to 200.
    pub limit: u32,
}

/// A page and how many calls there are on all pages.
#[derive(Debug, Clone)]
pub struct NumberedPage {
    /// Newest first.
    pub calls: Vec<CallRecord>,
    /// On all pages.
    pub total: u64,
}
