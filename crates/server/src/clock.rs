//! The clock and the ids of the running server: the only place that reads the system's time.

use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use offhook_core::ports::{Clock, Ids};
use offhook_core::time::Time;
use tokio::time::Instant;
use uuid::timestamp::context::ContextV7;
use uuid::{Timestamp, Uuid};

/// Wall time at start, advanced by a monotonic clock: a step of the system's clock neither shortens nor
/// lengthens a wait.
#[derive(Debug, Clone, Copy)]
pub struct HouseClock {
    began: Time,
    at: Instant,
}

impl HouseClock {
    /// Reads the system's time, once.
    #[must_use]
    pub fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the adapter every other reader goes through")]
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self { began: Time::default() + wall, at: Instant::now() }
    }
}

impl Clock for HouseClock {
    fn now(&self) -> Time {
        self.began + self.at.elapsed()
    }
}

/// Version 7 UUIDs in rising order, timed by the house's clock.
pub struct HouseIds {
    clock: HouseClock,
    /// Counts inside a millisecond, so that ids made in it still rise.
    counter: Mutex<ContextV7>,
}

impl HouseIds {
    /// Ids timed by `clock`.
    #[must_use]
    pub fn new(clock: HouseClock) -> Self {
        Self { clock, counter: Mutex::new(ContextV7::new()) }
    }
}

impl Ids for HouseIds {
    fn next(&self) -> Uuid {
        let micros = u64::try_from(self.clock.now().as_micros()).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000).expect("a remainder fits") * 1_000;
        Uuid::new_v7(Timestamp::from_unix(&self.counter, micros / 1_000_000, nanos))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_rise_even_inside_a_millisecond() {
        let ids = HouseIds::new(HouseClock::start());
        let made: Vec<Uuid> = (0..10_000).map(|_| ids.next()).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_the_monotonic_clock() {
        let clock = HouseClock::start();
        let before = clock.now();
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().since(before), Duration::from_secs(90));
    }
}
