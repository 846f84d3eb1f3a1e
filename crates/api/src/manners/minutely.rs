//! What is done at most once a minute for each of many things.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use offhook_core::time::Time;

const MINUTE: i64 = 60_000_000;

/// Things remembered; beyond it all are forgotten, and done once more.
const MOST: usize = 10_000;

/// Remembers the minute each thing was last done in.
pub(crate) struct Minutely<K>(Mutex<HashMap<K, i64>>);

impl<K> Default for Minutely<K> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash + Clone> Minutely<K> {
    /// Whether it is the first time in this minute.
    pub(crate) fn is_first(&self, thing: &K, now: Time) -> bool {
        let minute = now.as_micros().div_euclid(MINUTE);
        let mut done = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if done.get(thing) == Some(&minute) {
            return false;
        }
        if done.len() >= MOST {
            done.clear();
        }
        done.insert(thing.clone(), minute);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_done_once_in_its_minute() {
        let minutely = Minutely::default();
        let firsts = [0, 59, 60, 61, 125].map(|second| minutely.is_first(&"key", Time::from_secs(second)));
        assert_eq!(firsts, [true, false, true, false, true]);
        assert!(minutely.is_first(&"other", Time::from_secs(125)));
    }
}
