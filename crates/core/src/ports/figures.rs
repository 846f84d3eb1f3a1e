//! Counting calls: what analytics are made of.

use async_trait::async_trait;

use super::StoreFault;
use crate::bill::{Currency, Money};
use crate::call::{CallRecord, State};
use crate::id::{NumberId, TenantId};
use crate::meta::Direction;
use crate::time::Time;

/// Civil days are counted from quarter-hours: every clock in use since 1972 is a whole number of them ahead
/// of UTC or behind it, and changes at one.
pub const QUARTER_SECS: i64 = 15 * 60;

/// The figures of calls.
#[async_trait]
pub trait Figures: Send + Sync {
    /// Calls of a tenant by the civil day they were created on and the currency they were billed in, in no
    /// order. Days without calls are left out.
    async fn by_day(&self, tenant: &TenantId, ask: &FiguresAsk) -> Result<Vec<DayFigures>, StoreFault>;
}

/// Which calls are counted, and which day is which.
#[derive(Debug, Clone, Default)]
pub struct FiguresAsk {
    /// Of these business numbers; none for all.
    pub numbers: Option<Vec<NumberId>>,
    /// Parts of the window in which clocks were not changed; they do not overlap.
    pub stretches: Vec<Stretch>,
}

/// A time in which the clocks of a place are the same way ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// Its first instant: a quarter of an hour.
    pub from: Time,
    /// The first instant after it, likewise.
    pub until: Time,
    /// Seconds ahead of UTC.
    pub ahead_secs: i64,
}

/// The figures of one day in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayFigures {
    /// Days since 1970-01-01.
    pub day: i64,
    /// Of the costs; none for calls without a bill in a currency.
    pub currency: Option<Currency>,
    /// The figures.
    pub tally: Tally,
}

/// Counts and sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Calls, live ones too.
    pub total: i64,
    /// Over, after a conversation.
    pub answered: i64,
    /// Over: declined.
    pub declined: i64,
    /// Over: never answered.
    pub missed: i64,
    /// Over: failed.
    pub failed: i64,
    /// Of the total: users called.
    pub inbound: i64,
    /// Of the total: the house called.
    pub outbound: i64,
    /// Talking time of answered calls.
    pub talked_secs: i64,
    /// What the house charges.
    pub cost: Money,
    /// What WhatsApp charges.
    pub provider_cost: Money,
}

impl Tally {
    /// What one call adds.
    #[must_use]
    pub fn of(call: &CallRecord) -> Self {
        let one = |holds: bool| i64::from(holds);
        let bill = call.facts.bill.as_ref().filter(|_| call.state.is_over());
        let answered = call.state == State::Completed;
        Self {
            total: 1,
            answered: one(answered),
            declined: one(call.state == State::Rejected),
            missed: one(call.state == State::Missed),
            failed: one(call.state == State::Failed),
            inbound: one(call.direction == Direction::Inbound),
            outbound: one(call.direction == Direction::Outbound),
            talked_secs: call.duration_secs().filter(|_| answered).map_or(0, i64::from),
            cost: bill.and_then(|bill| bill.cost).unwrap_or_default(),
            provider_cost: bill.and_then(|bill| bill.provider_cost).unwrap_or_default(),
        }
    }

    /// All figures in a fixed order.
    #[must_use]
    pub const fn parts(&self) -> [i64; 10] {
        [
            self.total,
            self.answered,
            self.declined,
            self.missed,
            self.failed,
            self.inbound,
            self.outbound,
            self.talked_secs,
            self.cost.parts(),
            self.provider_cost.parts(),
        ]
    }

    /// From figures in that order.
    #[must_use]
    pub const fn from_parts(parts: [i64; 10]) -> Self {
        let [total, answered, declined, missed, failed, inbound, outbound, talked_secs, cost, provider_cost] =
            parts;
        Self {
            total,
            answered,
            declined,
            missed,
            failed,
            inbound,
            outbound,
            talked_secs,
            cost: Money::from_parts(cost),
            provider_cost: Money::from_parts(provider_cost),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        let (mine, theirs) = (self.parts(), other.parts());
        Self::from_parts(std::array::from_fn(|place| mine[place].saturating_add(theirs[place])))
    }
}
