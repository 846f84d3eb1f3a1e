//! The shard's totals, readable from any thread.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::message::Counters;

#[derive(Default)]
pub(crate) struct SharedCounters([AtomicU64; 15]);

impl SharedCounters {
    pub(super) fn store(&self, counters: &Counters) {
        let mut counters = *counters;
        for (shared, value) in self.0.iter().zip(fields(&mut counters)) {
            shared.store(*value, Ordering::Relaxed);
        }
    }

    pub(crate) fn load(&self) -> Counters {
        let mut counters = Counters::default();
        for (shared, value) in self.0.iter().zip(fields(&mut counters)) {
            *value = shared.load(Ordering::Relaxed);
        }
        counters
    }
}

impl Counters {
    /// Adds the totals of another shard.
    pub(crate) fn add(&mut self, other: &Self) {
        let mut other = *other;
        for (sum, value) in fields(self).into_iter().zip(fields(&mut other)) {
            *sum += *value;
        }
    }
}

/// Every counter once, in an order of no meaning.
fn fields(counters: &mut Counters) -> [&mut u64; 15] {
    let Counters {
        legs,
        received,
        sent,
        forwarded,
        mixed,
        mix_lost,
        mix_corrupt,
        mix_broken,
        tap_lost,
        unclaimed,
        send_refused,
        notices_lost,
        legs_broken,
        handed_over,
        handover_lost,
    } = counters;
    [
        legs,
        received,
        sent,
        forwarded,
        mixed,
        mix_lost,
        mix_corrupt,
        mix_broken,
        tap_lost,
        unclaimed,
        send_refused,
        notices_lost,
        legs_broken,
        handed_over,
        handover_lost,
    ]
}
