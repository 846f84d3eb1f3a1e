//! The timer wheel: every leg has one wake-up, and legs without traffic cost nothing between theirs.

use std::time::{Duration, Instant};

/// Wake-ups are exact to this much; frames of 20 ms need no better.
const STEP: Duration = Duration::from_millis(2);
/// Two seconds; what lies further is looked at again then.
const SLOTS: usize = 1_024;

/// Keys by the time they want to be woken at.
pub(super) struct Wheel {
    start: Instant,
    /// The next step to expire.
    step: u64,
    slots: Vec<Vec<usize>>,
    len: usize,
}

impl Wheel {
    pub(super) fn new(now: Instant) -> Self {
        Self { start: now, step: 0, slots: vec![Vec::new(); SLOTS], len: 0 }
    }

    /// Wakes `key` at the first step not before `at`, or a turn of the wheel from now. Returns when that is.
    pub(super) fn insert(&mut self, key: usize, at: Instant) -> Instant {
        let after = at.saturating_duration_since(self.start);
        let step = after.as_nanos().div_ceil(STEP.as_nanos()) as u64;
        let step = step.clamp(self.step, self.step + SLOTS as u64 - 1);
        self.slots[step as usize % SLOTS].push(key);
        self.len += 1;
        self.time_of(step)
    }

    /// Moves every key whose time has come into `due`.
    pub(super) fn expire(&mut self, now: Instant, due: &mut Vec<usize>) {
        let now_step = (now.saturating_duration_since(self.start).as_nanos() / STEP.as_nanos()) as u64;
        // After a long sleep one turn sees everything.
        let last = now_step.min(self.step + SLOTS as u64 - 1);
        while self.step <= last {
            let slot = &mut self.slots[self.step as usize % SLOTS];
            self.len -= slot.len();
            due.append(slot);
            self.step += 1;
        }
        self.step = self.step.max(now_step + 1);
    }

    /// When the next key is due.
    pub(super) fn next(&self) -> Option<Instant> {
        if self.len == 0 {
            return None;
        }
        let steps = self.step..self.step + SLOTS as u64;
        steps
            .into_iter()
            .find(|step| !self.slots[*step as usize % SLOTS].is_empty())
            .map(|step| self.time_of(step))
    }

    fn time_of(&self, step: u64) -> Instant {
        self.start + Duration::from_nanos(step * STEP.as_nanos() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(n: u64) -> Duration {
        Duration::from_millis(n)
    }

    #[test]
    fn keys_come_out_when_due_and_never_early() {
        let start = tokio::time::Instant::now().into_std();
        let mut wheel = Wheel::new(start);
        for (key, at) in [(1, 5), (2, 20), (3, 1_999), (4, 0)] {
            assert!(wheel.insert(key, start + millis(at)) >= start + millis(at));
        }
        let mut woken = Vec::new();
        for ms in 0..2_100 {
            let mut due = Vec::new();
            wheel.expire(start + millis(ms), &mut due);
            woken.extend(due.into_iter().map(|key| (key, ms)));
        }
        assert_eq!(woken, [(4, 0), (1, 6), (2, 20), (3, 2_000)]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn a_long_sleep_loses_nobody() {
        let start = tokio::time::Instant::now().into_std();
        let mut wheel = Wheel::new(start);
        for key in 0..100 {
            wheel.insert(key, start + millis(key as u64 * 20));
        }
        let mut due = Vec::new();
        wheel.expire(start + millis(60_000), &mut due);
        assert_eq!(due.len(), 100);
        let at = start + millis(60_010);
        assert_eq!(wheel.insert(7, at), at);
        assert_eq!(wheel.next(), Some(at));
    }

    #[test]
    fn the_far_future_is_looked_at_again_within_a_turn() {
        let start = tokio::time::Instant::now().into_std();
        let mut wheel = Wheel::new(start);
        assert!(wheel.insert(1, start + millis(3_600_000)) <= start + millis(2_048));
    }
}
