//! What the shard's legs have dropped since its start, by reason, readable from any thread. A leg's own count goes
//! with the leg.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::leg::{Drop, Drops};

#[derive(Debug, Default)]
pub(crate) struct Dropped([AtomicU64; Drop::ALL.len()]);

impl Dropped {
    pub(super) fn add(&self, reason: Drop) {
        self.0[reason as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn load(&self) -> Drops {
        Drops(std::array::from_fn(|n| self.0[n].load(Ordering::Relaxed)))
    }
}
