//! Handshakes behind one address, one after another.
//!
//! Nothing in a handshake says which of several legs behind its sender's address it is for, and a leg that takes
//! another's certificate for its peer's fails. So a leg begins when no other behind the address is at it, on
//! whatever shard; one takes a few round trips. The table is locked when a handshake begins and ends, and never
//! on the way of a packet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Shard;
use crate::message::LegId;

/// A handshake that takes longer may never end, and is no reason for the others to miss theirs.
const LONGEST_TURN: Duration = Duration::from_secs(3);
/// How often a leg that waits looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Whose turn it is, by address, and since when.
#[derive(Debug, Default)]
pub(crate) struct Turns(Mutex<HashMap<SocketAddr, (LegId, Instant)>>);

impl Turns {
    /// Whether it is this leg's turn now.
    fn take(&self, now: Instant, address: SocketAddr, leg: LegId) -> bool {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match turns.entry(address) {
            Entry::Vacant(free) => {
                free.insert((leg, now));
                true
            }
            Entry::Occupied(mut taken) => {
                let is_over = taken.get().1 + LONGEST_TURN <= now;
                if is_over {
                    taken.insert((leg, now));
                }
                is_over
            }
        }
    }

    fn give(&self, address: SocketAddr, leg: LegId) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.get(&address).is_some_and(|(holder, _)| *holder == leg) {
            turns.remove(&address);
        }
    }
}

impl Shard {
    /// Lets a leg begin its handshake when it is its turn, and the next one when it is through.
    pub(super) fn take_turns(&mut self, now: Instant, key: usize) {
        let slot = &mut self.legs[key];
        if slot.turn.is_some() && !slot.leg.is_shaking() {
            self.end_turn(key);
            return;
        }
        let Some(address) = slot.leg.selected().filter(|_| slot.leg.waits_for_turn()) else {
            return;
        };
        if self.setup.turns.take(now, address, slot.id) {
            slot.turn = Some(address);
            slot.leg.begin_handshake(now);
            self.drain(now, key);
        }
    }

    /// A leg's handshake is over, or the leg is.
    pub(super) fn end_turn(&mut self, key: usize) {
        let slot = &mut self.legs[key];
        if let Some(address) = slot.turn.take() {
            self.setup.turns.give(address, slot.id);
        }
    }

    /// When a leg that waits for its turn is to be looked at again.
    pub(super) fn look_again_at(&self, now: Instant, key: usize) -> Option<Instant> {
        self.legs[key].leg.waits_for_turn().then(|| now + LOOK_AGAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_end_when_given_back_or_when_they_last_too_long() {
        let now = tokio::time::Instant::now().into_std();
        let relay = SocketAddr::from(([203, 0, 113, 7], 3_480));
        let turns = Turns::default();
        let [a, b, c] = [1, 2, 3].map(LegId);
        assert!(turns.take(now, relay, a) && !turns.take(now, relay, b));
        assert!(turns.take(now, SocketAddr::from(([203, 0, 113, 8], 3_480)), b), "elsewhere it is free");
        turns.give(relay, b);
        assert!(!turns.take(now, relay, b), "it was not theirs to give");
        turns.give(relay, a);
        assert!(turns.take(now, relay, b));
        assert!(turns.take(now + LONGEST_TURN, relay, c));
        turns.give(relay, b);
        assert!(!turns.take(now + LONGEST_TURN, relay, a), "it is another's since");
    }
}
