//! The plane's half of a line: paced by the shard it lives on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rtrb::{Consumer, Producer};

use super::Heard;
use crate::leg::{Media, Outgoing, Packet, Source};

/// What goes to the plane, see [`crate::Command::AddLine`].
pub struct LineEnd {
    said: Consumer<Box<[u8]>>,
    heard: Producer<Heard>,
    lost: Arc<AtomicU64>,
}

impl LineEnd {
    pub(super) fn new(said: Consumer<Box<[u8]>>, heard: Producer<Heard>, lost: Arc<AtomicU64>) -> Self {
        Self { said, heard, lost }
    }
}

impl fmt::Debug for LineEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineEnd").field("said", &self.said.slots()).finish_non_exhaustive()
    }
}

/// A line at its place in a shard.
pub(crate) struct Line {
    end: LineEnd,
    source: Source,
    /// Everything heard on one line of timestamps, whoever talks.
    hearing: Outgoing,
    next_at: Instant,
    /// Steps of 20 ms so far.
    steps: u64,
    /// Frames said so far.
    number: u64,
    paused: bool,
}

impl Line {
    pub(crate) fn new(now: Instant, end: LineEnd, source: Source) -> Self {
        let hearing = Outgoing::new(0, 0);
        Self { end, source, hearing, next_at: now, steps: 0, number: 0, paused: true }
    }

    pub(crate) fn source(&self) -> Source {
        self.source
    }

    /// When it is next asked what it says.
    pub(crate) fn next_at(&self) -> Instant {
        self.next_at
    }

    /// What is said now, if it is time and something is: its number, the step it is said at, and whether it follows
    /// a pause.
    pub(crate) fn due(
        &mut self,
        now: Instant,
        step: Duration,
        max_late: Duration,
    ) -> Option<(u64, u64, bool, Box<[u8]>)> {
        if self.next_at > now {
            return None;
        }
        let late = now.saturating_duration_since(self.next_at);
        if late > max_late {
            // A plane that was held up does not hurry: the past is past.
            let missed = (late.as_micros() / step.as_micros()) as u64;
            self.steps += missed;
            self.next_at = now;
        }
        self.next_at += step;
        self.steps += 1;
        let Ok(payload) = self.end.said.pop() else {
            self.paused = true;
            return None;
        };
        self.number += 1;
        let begins = std::mem::take(&mut self.paused);
        Some((self.number, self.steps, begins, payload))
    }

    /// Takes what is said to it. What finds no room is lost and counted.
    pub(crate) fn hear(&mut self, now: Instant, packet: &Packet, payload: &[u8]) {
        if packet.media != Media::Opus {
            return;
        }
        let stamp = self.hearing.stamp(now, packet.source, packet.index, packet.timestamp);
        let Some(stamp) = stamp else { return };
        let heard = || Heard { timestamp: stamp.timestamp, payload: payload.into() };
        if self.end.heard.is_full() || self.end.heard.push(heard()).is_err() {
            self.end.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}
