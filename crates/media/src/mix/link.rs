//! The two rings between a shard and its mixer, and the thread that runs one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::Thread;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::{Ask, Ear, Mixed, Mixer};

/// How long a mixer may take to notice that its shard is gone.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// What may be asked between two ticks: packets of a hundred voices, several each.
const ASKS: usize = 4_096;
/// Kept free for changes of who hears whom, which packets must not crowd out.
const RESERVED: usize = 1_024;
/// Frames on their way back.
const FRAMES: usize = 2_048;
/// Ticks under way; more behind than this, frames are left out.
const MAX_BEHIND: u64 = 5;

#[derive(Default)]
struct Shared {
    ticks: AtomicU64,
    corrupt: AtomicU64,
    broken: AtomicU64,
    lost: AtomicU64,
}

/// The shard's end.
pub(crate) struct Link {
    asks: Producer<Ask>,
    mixed: Consumer<Mixed>,
    shared: Arc<Shared>,
    /// Whom to wake; nobody in tests.
    thread: Option<Thread>,
    ticks: u64,
    lost: u64,
}

/// The mixer's end.
pub(crate) struct Desk {
    asks: Consumer<Ask>,
    mixed: Producer<Mixed>,
    shared: Arc<Shared>,
    mixer: Mixer,
}

/// Both ends.
pub(crate) fn pair() -> (Link, Desk) {
    let (asks, asked) = RingBuffer::new(ASKS);
    let (telling, mixed) = RingBuffer::new(FRAMES);
    let shared = Arc::new(Shared::default());
    let link = Link { asks, mixed, shared: shared.clone(), thread: None, ticks: 0, lost: 0 };
    (link, Desk { asks: asked, mixed: telling, shared, mixer: Mixer::default() })
}

/// Runs a mixer until its shard is gone. `done` is called when there are frames to fetch.
pub(crate) fn run(mut desk: Desk, done: impl Fn()) {
    while !desk.is_over() {
        if desk.work() {
            done();
        }
        // Woken by every tick; a wake-up that came in between is not lost.
        std::thread::park_timeout(LONGEST_REST);
    }
}

impl Link {
    /// States whom to wake.
    pub(crate) fn wakes(mut self, thread: Thread) -> Self {
        self.thread = Some(thread);
        self
    }

    /// Lets a listener hear these voices; `false` if the mixer cannot be told.
    pub(crate) fn listen(&mut self, ear: Ear, voices: Box<[u64]>) -> bool {
        !self.asks.is_abandoned() && self.asks.push(Ask::Listen { ear, voices }).is_ok()
    }

    /// Ends that. If it cannot be told now, it is told when the next frame comes for nobody.
    pub(crate) fn leave(&mut self, ear: Ear) {
        let _ = self.asks.push(Ask::Leave { ear });
    }

    /// Passes a packet on; if there is no room it is lost.
    pub(crate) fn said(&mut self, voice: u64, numbering: u64, timestamp: u32, payload: &[u8]) {
        let has_room = self.asks.slots() > RESERVED;
        let said = || Ask::Said { voice, numbering, timestamp, payload: payload.into() };
        let sent = has_room && self.asks.push(said()).is_ok();
        self.lost += u64::from(!sent);
    }

    /// Asks for a frame.
    pub(crate) fn tick(&mut self, number: u64) {
        let is_behind = self.ticks - self.shared.ticks.load(Ordering::Relaxed) >= MAX_BEHIND;
        if is_behind || self.asks.push(Ask::Tick { number }).is_err() {
            self.lost += 1;
        } else {
            self.ticks += 1;
        }
        if let Some(thread) = &self.thread {
            thread.unpark();
        }
    }

    /// The next frame for a listener.
    pub(crate) fn mixed(&mut self) -> Option<Mixed> {
        self.mixed.pop().ok()
    }

    /// Packets no decoder took; packets, ticks and frames that found no room; panics.
    pub(crate) fn counters(&self) -> (u64, u64, u64) {
        let corrupt = self.shared.corrupt.load(Ordering::Relaxed);
        let lost = self.lost + self.shared.lost.load(Ordering::Relaxed);
        (corrupt, lost, self.shared.broken.load(Ordering::Relaxed))
    }
}

impl Desk {
    /// Does everything that has been asked; whether there are frames to fetch.
    pub(crate) fn work(&mut self) -> bool {
        let mut any = false;
        while let Ok(ask) = self.asks.pop() {
            let is_tick = matches!(ask, Ask::Tick { .. });
            self.mixer.take(ask, |frame| {
                any = true;
                if self.mixed.push(frame).is_err() {
                    self.shared.lost.fetch_add(1, Ordering::Relaxed);
                }
            });
            if is_tick {
                self.shared.ticks.fetch_add(1, Ordering::Relaxed);
                self.shared.corrupt.store(self.mixer.corrupt(), Ordering::Relaxed);
                self.shared.broken.store(self.mixer.broken(), Ordering::Relaxed);
            }
        }
        any
    }

    /// Whether nobody can ask for anything any more.
    pub(crate) fn is_over(&self) -> bool {
        self.asks.is_abandoned()
    }
}
