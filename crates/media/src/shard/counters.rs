//! The shard's totals, readable from any thread.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::message::Counters;

#[derive(Default)]
pub(crate) struct SharedCounters([AtomicU64; 9]);

impl SharedCounters {
    pub(super) fn store(&self, counters: &Counters) {
        let Counters {
            legs,
            received,
            sent,
            forwarded,
            tap_lost,
            unclaimed,
            send_refused,
            notices_lost,
            legs_broken,
        } = *counters;
        let values =
            [legs, received, sent, forwarded, tap_lost, unclaimed, send_refused, notices_lost, legs_broken];
        for (shared, value) in self.0.iter().zip(values) {
            shared.store(value, Ordering::Relaxed);
        }
    }

    pub(crate) fn load(&self) -> Counters {
        let [legs, received, sent, forwarded, tap_lost, unclaimed, send_refused, notices_lost, legs_broken] =
            [0, 1, 2, 3, 4, 5, 6, 7, 8].map(|n: usize| self.0[n].load(Ordering::Relaxed));
        Counters {
            legs,
            received,
            sent,
            forwarded,
            tap_lost,
            unclaimed,
            send_refused,
            notices_lost,
            legs_broken,
        }
    }
}
