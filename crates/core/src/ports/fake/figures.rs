//! Counting in memory: every call, one by one.

use async_trait::async_trait;

use super::Memory;
use crate::bill::Bill;
use crate::id::TenantId;
use crate::ports::{DayFigures, Figures, FiguresAsk, StoreFault, Tally};

#[async_trait]
impl Figures for Memory {
    async fn by_day(&self, tenant: &TenantId, ask: &FiguresAsk) -> Result<Vec<DayFigures>, StoreFault> {
        let mut days: Vec<DayFigures> = Vec::new();
        let counted = |number| ask.numbers.as_ref().is_none_or(|numbers| numbers.contains(number));
        for call in self.calls().iter().filter(|call| call.tenant == *tenant && counted(&call.number)) {
            let at = call.created_at;
            let Some(stretch) = ask.stretches.iter().find(|it| it.from <= at && at < it.until) else {
                continue;
            };
            let day = (at.as_micros().div_euclid(1_000_000) + stretch.ahead_secs).div_euclid(24 * 60 * 60);
            let bill = call.facts.bill.as_ref().filter(|_| call.state.is_over());
            let currency = bill.and_then(Bill::currency).cloned();
            match days.iter_mut().find(|it| it.day == day && it.currency == currency) {
                Some(known) => known.tally = known.tally.plus(&Tally::of(call)),
                None => days.push(DayFigures { day, currency, tally: Tally::of(call) }),
            }
        }
        Ok(days)
    }
}
