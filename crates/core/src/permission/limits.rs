//! Meta's limits, as data (whatsapp-calling.md 5.1).

/// How often a user may be asked and called by one business number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Permission requests in a day. A call between the two makes them start afresh, as those of a week.
    pub asks_a_day: u32,
    /// Permission requests in a week.
    pub asks_a_week: u32,
    /// Calls of ours that the user picked up, in a day. Others do not count.
    pub calls_a_day: u32,
    /// Calls of ours in a row, not picked up, after which WhatsApp asks the user whether they want them.
    pub unanswered_to_remind: u32,
    /// Calls of ours in a row, not picked up, after which WhatsApp takes the permission away.
    pub unanswered_to_revoke: u32,
}

impl Limits {
    /// Of ordinary numbers.
    pub const PRODUCTION: Self = Self {
        asks_a_day: 1,
        asks_a_week: 2,
        calls_a_day: 100,
        unanswered_to_remind: 2,
        unanswered_to_revoke: 4,
    };

    /// Of Meta's test numbers.
    pub const TEST_NUMBER: Self = Self {
        asks_a_day: 25,
        asks_a_week: 100,
        unanswered_to_remind: 5,
        unanswered_to_revoke: 10,
        ..Self::PRODUCTION
    };

    /// The figures of ordinary numbers, or of test numbers where Meta lets us ask as often as those.
    #[must_use]
    pub const fn by_asks_a_day(most: u32) -> Self {
        if most >= Self::TEST_NUMBER.asks_a_day { Self::TEST_NUMBER } else { Self::PRODUCTION }
    }
}
