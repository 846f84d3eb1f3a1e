//! What calls cost: the price list ([`Rates`]) and what follows from it for one call ([`Bill`]).
//!
//! Two meterings stand beside each other. `cost` is what the house charges: per second, with a floor of a
//! minute. `provider_cost` is what WhatsApp charges: pulses of six seconds, and nothing for calls that users
//! begin. Both are exact: amounts are whole ten-thousandths of a currency, rounded half up, once.
//!
//! Nobody is charged here, and no volume tiers are known: a new row with its date says that a price changed.

mod money;

mod rates;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use money::{Currency, Money, Price};
pub use rates::{Billed, Destination, Rate, Rates, Row, RowFault, country};

use crate::meta::Direction;

/// The least duration that is charged, once a call was answered.
pub const FLOOR_SECS: u32 = 60;

/// WhatsApp charges by pulses of so many seconds (whatsapp-calling.md, pricing).
pub const PULSE_SECS: u32 = 6;

/// What a finished call costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    /// The talking time it was made out for; none for a call that was never answered.
    pub talked_secs: Option<u32>,
    /// The time that is charged: 0 without an answer, else at least [`FLOOR_SECS`].
    pub billable_secs: u32,
    /// By which price; none when the list has none for it, or the call is free.
    pub rate: Option<Rate>,
    /// What the house charges; none when no price is known.
    pub cost: Option<Money>,
    /// What WhatsApp charges; none when no price is known.
    pub provider_cost: Option<Money>,
}

impl Bill {
    /// By a known price.
    #[must_use]
    pub fn by(rate: Rate, direction: Direction, talked_secs: Option<u32>) -> Self {
        let billable_secs = billable(talked_secs);
        let cost = rate.per_minute.times(billable_secs, 60);
        let provider_cost = match (direction, talked_secs) {
            (Direction::Inbound, _) | (Direction::Outbound, None) => Money::ZERO,
            (Direction::Outbound, Some(talked)) => rate.pulse(talked.div_ceil(PULSE_SECS)),
        };
        let (cost, provider_cost) = (Some(cost), Some(provider_cost));
        Self { talked_secs, billable_secs, rate: Some(rate), cost, provider_cost }
    }

    /// Of a call that costs nothing, or of one nobody knows a price for.
    #[must_use]
    pub fn without_rate(free: bool, talked_secs: Option<u32>) -> Self {
        let cost = free.then_some(Money::ZERO);
        Self { talked_secs, billable_secs: billable(talked_secs), rate: None, cost, provider_cost: cost }
    }

    /// The currency of both amounts.
    #[must_use]
    pub fn currency(&self) -> Option<&Currency> {
        self.rate.as_ref().map(|rate| &rate.currency)
    }
}

/// The time that is charged for so much talking.
#[must_use]
pub fn billable(talked_secs: Option<u32>) -> u32 {
    talked_secs.map_or(0, |talked| talked.max(FLOOR_SECS))
}
