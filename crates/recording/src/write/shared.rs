//! What callers, writers and keeper share: keys, the clock, what is being written, counters, the ways to tell.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_core::id::RecordingId;
use offhook_core::ports::Clock;
use offhook_core::time::Time;
use tokio::sync::{Notify, mpsc};

use crate::keep::{Note, Notice};
use crate::keys::Keyring;

/// What was not recorded since the start, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// The queue was full.
    pub overflowed: u64,
    /// The packet's time had passed, or was taken.
    pub late: u64,
    /// A copy.
    pub duplicate: u64,
    /// Not Opus a decoder would take.
    pub malformed: u64,
    /// Nobody was being recorded then, or not that party.
    pub unwanted: u64,
    /// Notices nobody took in time.
    pub notices_lost: u64,
}

/// What callers, writer and keeper share.
pub(crate) struct Shared {
    pub(crate) keys: Arc<Keyring>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) epoch: Time,
    pub(crate) retention: Duration,
    pub(crate) drops: Drops,
    pub(super) numbers: AtomicU64,
    live: Mutex<HashSet<RecordingId>>,
    /// Wakes whoever carries spools to storage.
    pub(crate) look: Notify,
    notices: mpsc::Sender<Notice>,
    notes: mpsc::Sender<Note>,
}

/// The counters behind [`Counters`].
#[derive(Debug, Default)]
pub(crate) struct Drops {
    pub(crate) overflowed: AtomicU64,
    pub(crate) late: AtomicU64,
    pub(crate) duplicate: AtomicU64,
    pub(crate) malformed: AtomicU64,
    pub(crate) unwanted: AtomicU64,
    pub(crate) notices_lost: AtomicU64,
}

impl Shared {
    pub(crate) fn new(
        keys: Arc<Keyring>,
        (clock, epoch): (Arc<dyn Clock>, Time),
        retention: Duration,
        notices: mpsc::Sender<Notice>,
        notes: mpsc::Sender<Note>,
    ) -> Self {
        Self {
            keys,
            clock,
            epoch,
            retention,
            drops: Drops::default(),
            numbers: AtomicU64::new(0),
            live: Mutex::default(),
            look: Notify::new(),
            notices,
            notes,
        }
    }

    /// Now, as taps count.
    pub(crate) fn at(&self) -> Duration {
        self.clock.now().since(self.epoch)
    }

    /// Recordings the writer holds: nobody else touches their files.
    pub(crate) fn live(&self) -> MutexGuard<'_, HashSet<RecordingId>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the house, if it listens.
    pub(crate) fn notice(&self, notice: Notice) {
        if self.notices.try_send(notice).is_err() {
            self.drops.notices_lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Tells the keeper. What does not fit is found in the spool.
    pub(crate) fn note(&self, note: Note) {
        drop(self.notes.try_send(note));
    }
}

impl Drops {
    pub(crate) fn read(&self) -> Counters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            overflowed: of(&self.overflowed),
            late: of(&self.late),
            duplicate: of(&self.duplicate),
            malformed: of(&self.malformed),
            unwanted: of(&self.unwanted),
            notices_lost: of(&self.notices_lost),
        }
    }
}
