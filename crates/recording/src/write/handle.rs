//! What callers hold: a take for each recording, and the queue behind it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

use offhook_core::id::{CallId, RecordingId, TenantId, UserId};
use offhook_core::recording::{Consent, PartyKind, RecordedParty};

use super::shared::Shared;
use crate::form::{Head, Sealer};
use crate::packet;

/// Writers. Each waits for the disk on its own, and a disk flushes several files in little more time than one:
/// with one writer, a hundred recordings would be the most on a disk that takes 7 ms.
const LANES: usize = 4;

/// What waits for a writer. Forty recorded calls fill it in two seconds: longer than a disk should ever take, and
/// 2 MB of packets.
const QUEUE: usize = 8_192;

/// Places kept for commands, so that a flood of packets does not keep a recording from being stopped.
const FOR_COMMANDS: usize = 1_024;

/// Names a party within its recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartyId(pub u16);

/// An Opus packet somebody sent, as a tap delivers it.
#[derive(Debug, Clone)]
pub struct Voice {
    /// Who.
    pub party: PartyId,
    /// When it arrived, counted from [`crate::Setup::epoch`].
    pub at: Duration,
    /// Its RTP timestamp, 48 kHz.
    pub rtp_timestamp: u32,
    /// Its RTP sequence number. The timestamp alone places it; this is for whoever reads a trace.
    pub sequence: u16,
    /// Opus.
    pub payload: Box<[u8]>,
}

/// A recording to start.
#[derive(Debug, Clone)]
pub struct Start {
    /// Fresh.
    pub recording: RecordingId,
    /// Whose.
    pub tenant: TenantId,
    /// Of which call.
    pub call: CallId,
    /// Who is heard from the beginning. More may join.
    pub parties: Vec<RecordedParty>,
    /// What the customer was told.
    pub consent: Consent,
}

/// Why a recording ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// Somebody asked for it.
    Asked,
    /// The call is over.
    CallEnded,
    /// The customer does not want to be recorded any more.
    ConsentWithdrawn,
    /// The server stops.
    Shutdown,
    /// Whoever held the recording is gone without a word. It is marked truncated.
    Abandoned,
}

/// The writer has too much to do, or is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the recorder takes nothing more now")]
pub struct Busy;

/// A recording in the hands of its call. Dropping the last clone without [`Take::stop`] stops it as
/// [`StopReason::Abandoned`]. Nothing here waits; commands that do not fit are told as [`Busy`].
#[derive(Clone)]
pub struct Take(Arc<Hold>);

struct Hold {
    number: u64,
    recording: RecordingId,
    desk: Desk,
    /// Tells the writer that somebody still holds the recording.
    _held: Arc<()>,
}

/// The near end of the queue.
#[derive(Clone)]
pub(crate) struct Desk {
    lanes: Arc<[Lane]>,
    shared: Arc<Shared>,
}

/// A writer's queue, seen from outside.
struct Lane {
    queue: SyncSender<Said>,
    depth: Arc<AtomicUsize>,
}

/// A writer's queue, seen from inside.
pub(crate) struct Inbox {
    pub(crate) said: Receiver<Said>,
    depth: Arc<AtomicUsize>,
}

/// What the writer is told.
pub(crate) enum Said {
    Start(Box<Begin>),
    Voice(u64, Voice),
    Join(u64, RecordedParty),
    Leave(u64, PartyId),
    Pause(u64, Duration),
    Resume(u64, Duration),
    Stop(u64, Duration, StopReason),
    /// Ends a recording and removes it from the disk.
    Discard(RecordingId),
    /// Ends all recordings, then the thread.
    Close(Duration),
}

/// All that a recording begins with.
pub(crate) struct Begin {
    pub(crate) number: u64,
    pub(crate) head: Head,
    pub(crate) sealer: Option<Sealer>,
    pub(crate) at: Duration,
    pub(crate) parties: Vec<RecordedParty>,
    /// Gone when nobody holds the recording any more.
    pub(crate) held: Weak<()>,
}

impl Take {
    /// Which recording.
    #[must_use]
    pub fn recording(&self) -> &RecordingId {
        &self.0.recording
    }

    /// Records a packet. What does not fit in the queue is dropped and counted.
    pub fn hear(&self, voice: Voice) {
        self.0.desk.hear(self.0.number, voice);
    }

    /// Somebody joins; or comes back on a new path, with stamps of its own, into the same channel.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn join(&self, party: PartyId, kind: PartyKind, user: Option<UserId>) -> Result<(), Busy> {
        self.tell(Said::Join(self.0.number, RecordedParty { index: party.0, kind, user }))
    }

    /// Somebody leaves; their channel stays, silent.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn leave(&self, party: PartyId) -> Result<(), Busy> {
        self.tell(Said::Leave(self.0.number, party))
    }

    /// Records nothing that comes from now on, and cuts the time out.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn pause(&self) -> Result<(), Busy> {
        self.tell(Said::Pause(self.0.number, self.0.desk.shared.at()))
    }

    /// Records again.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn resume(&self) -> Result<(), Busy> {
        self.tell(Said::Resume(self.0.number, self.0.desk.shared.at()))
    }

    /// Ends the recording; what comes later through other clones is not recorded.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn stop(&self, reason: StopReason) -> Result<(), Busy> {
        self.tell(Said::Stop(self.0.number, self.0.desk.shared.at(), reason))
    }

    fn tell(&self, said: Said) -> Result<(), Busy> {
        self.0.desk.lane(self.0.number).tell(said)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let at = self.desk.shared.at();
        // A recording that was stopped is not known any more. If there is no room for this even now, the writer
        // finds out by itself.
        let _: Result<(), Busy> =
            self.desk.lane(self.number).tell(Said::Stop(self.number, at, StopReason::Abandoned));
    }
}

impl Desk {
    pub(crate) fn new(shared: Arc<Shared>) -> (Self, Vec<Inbox>) {
        let pair = |_| {
            let (queue, said) = sync_channel(QUEUE);
            let depth = Arc::new(AtomicUsize::new(0));
            (Lane { queue, depth: depth.clone() }, Inbox { said, depth })
        };
        let (lanes, inboxes): (Vec<Lane>, Vec<Inbox>) = (0..LANES).map(pair).unzip();
        (Self { lanes: lanes.into(), shared }, inboxes)
    }

    pub(crate) fn start(&self, start: Start) -> Result<Take, Busy> {
        let shared = &self.shared;
        let Start { recording, tenant, call, parties, consent } = start;
        let (key, wrapped) = shared.keys.fresh(&tenant, &recording);
        let at = shared.at();
        let began = shared.epoch + at;
        let times = (began, began + shared.retention);
        let head = Head::new((tenant, call, recording.clone()), times, consent, &wrapped);
        let sealer = Some(Sealer::new(key, &head));
        let number = shared.numbers.fetch_add(1, Ordering::Relaxed);
        if !shared.live().insert(recording.clone()) {
            return Err(Busy);
        }
        let held = Arc::new(());
        let begin = Begin { number, head, sealer, at, parties, held: Arc::downgrade(&held) };
        if let Err(busy) = self.lane(number).tell(Said::Start(Box::new(begin))) {
            shared.live().remove(&recording);
            return Err(busy);
        }
        Ok(Take(Arc::new(Hold { number, recording, desk: self.clone(), _held: held })))
    }

    /// Ends a recording that is being written and removes it from the disk.
    pub(crate) fn discard(&self, id: &RecordingId) -> Result<(), Busy> {
        // Nobody outside knows which of them writes it.
        self.lanes.iter().try_for_each(|lane| lane.tell(Said::Discard(id.clone())))
    }

    /// Waits for room, then ends everything.
    pub(crate) fn close(&self, at: Duration) {
        for lane in self.lanes.iter() {
            lane.depth.fetch_add(1, Ordering::Relaxed);
            // The thread may have ended; then there is nothing to end.
            drop(lane.queue.send(Said::Close(at)));
        }
    }

    fn lane(&self, number: u64) -> &Lane {
        let lanes = u64::try_from(self.lanes.len()).expect("a handful");
        &self.lanes[usize::try_from(number % lanes).expect("fewer than there are lanes")]
    }

    fn hear(&self, number: u64, voice: Voice) {
        let lane = self.lane(number);
        let room = lane.depth.load(Ordering::Relaxed) < QUEUE - FOR_COMMANDS;
        // What no datagram could have carried must not be carried by the queue either.
        let fits = voice.payload.len() <= packet::LONGEST;
        if !fits {
            self.shared.drops.malformed.fetch_add(1, Ordering::Relaxed);
        } else if !room || lane.tell(Said::Voice(number, voice)).is_err() {
            self.shared.drops.overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Lane {
    fn tell(&self, said: Said) -> Result<(), Busy> {
        // Counted before it is there, so that the other side never counts below zero.
        self.depth.fetch_add(1, Ordering::Relaxed);
        self.queue.try_send(said).map_err(|_| {
            self.depth.fetch_sub(1, Ordering::Relaxed);
            Busy
        })
    }
}

impl Inbox {
    /// One message has been taken out.
    pub(crate) fn taken(&self) {
        self.depth.fetch_sub(1, Ordering::Relaxed);
    }
}
