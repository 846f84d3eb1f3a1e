//! An emulated network: seeded loss, delay, reordering and duplication.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// What a path does to datagrams.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    pub(super) loss_percent: u64,
    pub(super) duplicate_percent: u64,
    pub(super) delay: Duration,
    /// Each datagram is late by up to this much more; more than a packet apart means reordering.
    pub(super) jitter: Duration,
}

impl Path {
    pub(super) const CLEAN: Self = Self {
        loss_percent: 0,
        duplicate_percent: 0,
        delay: Duration::from_millis(10),
        jitter: Duration::ZERO,
    };
}

pub(super) struct Datagram {
    pub(super) from: SocketAddr,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct Network {
    pub(super) path: Path,
    under_way: BTreeMap<(Instant, u64), Datagram>,
    counter: u64,
    chance: u64,
}

impl Network {
    pub(super) fn new(path: Path, seed: u64) -> Self {
        Self { path, under_way: BTreeMap::new(), counter: 0, chance: seed.wrapping_mul(2).wrapping_add(1) }
    }

    pub(super) fn send(&mut self, now: Instant, datagram: Datagram) {
        if self.percent() < self.path.loss_percent {
            return;
        }
        if self.percent() < self.path.duplicate_percent {
            let Datagram { from, to, bytes } = &datagram;
            self.put(now, Datagram { from: *from, to: *to, bytes: bytes.clone() });
        }
        self.put(now, datagram);
    }

    /// Puts a datagram in without the path's moods.
    pub(super) fn inject(&mut self, at: Instant, datagram: Datagram) {
        self.counter += 1;
        self.under_way.insert((at, self.counter), datagram);
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.under_way.keys().next().map(|(at, _)| *at)
    }

    pub(super) fn take(&mut self, now: Instant) -> Option<Datagram> {
        let first = self.under_way.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    fn put(&mut self, now: Instant, datagram: Datagram) {
        let jitter = self.path.jitter.as_micros() as u64;
        let late = if jitter == 0 { 0 } else { self.random() % jitter };
        self.inject(now + self.path.delay + Duration::from_micros(late), datagram);
    }

    fn percent(&mut self) -> u64 {
        self.random() % 100
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
