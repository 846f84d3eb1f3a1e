//! Listening in on what a peer says, for whoever writes it down or passes it on.
//!
//! A tap is a bounded ring of plain data: the plane puts packets in as they arrive, in the order they arrive, and
//! never waits; what finds no room is lost and counted. The other half is polled.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::message::LegId;

/// One Opus packet a peer has sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tapped {
    /// Whose voice.
    pub leg: LegId,
    /// When it arrived, counted from the plane's start: the same zero for every leg.
    pub at: Duration,
    /// The peer's own timestamp, at 48 kHz.
    pub rtp_timestamp: u32,
    /// The peer's own sequence number.
    pub sequence: u16,
    /// The packet.
    pub payload: Box<[u8]>,
}

/// A tap with room for so many packets; speech makes 50 a second.
pub fn tap(room: usize) -> (TapSink, Tap) {
    let (producer, consumer) = RingBuffer::new(room.max(1));
    let lost = Arc::new(AtomicU64::new(0));
    (TapSink { ring: producer, lost: lost.clone() }, Tap { ring: consumer, lost })
}

/// The half that goes to the plane, see [`crate::Command::Tap`].
pub struct TapSink {
    ring: Producer<Tapped>,
    lost: Arc<AtomicU64>,
}

impl TapSink {
    /// Puts a packet in if there is room; whether there was.
    pub(crate) fn put(&mut self, make: impl FnOnce() -> Tapped) -> bool {
        // Asked first, so that a ring nobody empties costs no allocation.
        let taken = !self.ring.is_full() && self.ring.push(make()).is_ok();
        if !taken {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        taken
    }
}

impl fmt::Debug for TapSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TapSink").field("free", &self.ring.slots()).finish_non_exhaustive()
    }
}

/// The half that is emptied by whoever listens.
pub struct Tap {
    ring: Consumer<Tapped>,
    lost: Arc<AtomicU64>,
}

impl Tap {
    /// The next packet, if there is one.
    pub fn pop(&mut self) -> Option<Tapped> {
        self.ring.pop().ok()
    }

    /// Packets that found no room so far.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Whether nothing will come any more: the leg is gone or is tapped by somebody else, and all has been read.
    pub fn is_over(&self) -> bool {
        // In this order: what was put in before the other half went must be seen.
        self.ring.is_abandoned() && self.ring.is_empty()
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap").field("waiting", &self.ring.slots()).finish_non_exhaustive()
    }
}
