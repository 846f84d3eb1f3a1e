//! The numbered log of everything that happened, which tests wait on instead of sleeping.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

/// How many events are kept; a waiting test is never that far behind.
const KEPT: usize = 10_000;

/// Something that happened.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// Its number; numbers grow by one.
    pub n: u64,
    /// Unix milliseconds.
    pub at_ms: u64,
    /// What, for instance `call.ringing`.
    pub event: &'static str,
    /// The short id of the call it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// Details by event.
    pub data: Value,
}

/// Events after some number.
#[derive(Clone, Debug, Serialize)]
pub struct EventPage {
    /// In order.
    pub events: Vec<Event>,
    /// Pass this as `after` next time.
    pub next: u64,
}

#[derive(Debug)]
pub(crate) struct EventLog {
    kept: Mutex<VecDeque<Event>>,
    newest: watch::Sender<u64>,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self { kept: Mutex::new(VecDeque::new()), newest: watch::Sender::new(0) }
    }

    /// Appends an event and wakes whoever waits.
    pub(crate) fn push(&self, at_ms: u64, event: &'static str, call: Option<&str>, data: Value) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let n = *self.newest.borrow() + 1;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Event { n, at_ms, event, call: call.map(str::to_owned), data });
        self.newest.send_replace(n);
    }

    /// The number of the newest event.
    pub(crate) fn newest(&self) -> u64 {
        *self.newest.borrow()
    }

    /// Events after `after`; when there are none, waits for one up to `wait`.
    pub(crate) async fn after(&self, after: u64, wait: Duration) -> EventPage {
        let mut newest = self.newest.subscribe();
        // A timeout is an answer too: an empty page.
        let _ = tokio::time::timeout(wait, newest.wait_for(|n| *n > after)).await;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let events: Vec<Event> = kept.iter().filter(|event| event.n > after).cloned().collect();
        let next = events.last().map_or(after, |event| event.n);
        EventPage { events, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_waiter_wakes_at_the_next_event() {
        let log = EventLog::new();
        log.push(1, "a", None, Value::Null);
        let wait = log.after(1, Duration::from_secs(5));
        let (page, ()) = tokio::join!(wait, async { log.push(2, "b", Some("x"), Value::Null) });
        assert_eq!(page.next, 2);
        assert_eq!(page.events[0].event, "b");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_new_is_an_empty_page_after_the_wait() {
        let page = EventLog::new().after(7, Duration::from_secs(5)).await;
        assert!(page.events.is_empty());
        assert_eq!(page.next, 7);
    }
}
