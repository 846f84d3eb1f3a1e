//! A writer: a thread that takes what is said of its recordings in order and waits for the disk, so that nobody
//! else does.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, TryRecvError};
use std::thread::JoinHandle;
use std::time::Duration;

use offhook_core::id::RecordingId;

use super::handle::{Begin, Inbox, Said, StopReason, Voice};
use super::live::{Live, Unheard, WINDOW};
use super::shared::Shared;
use super::track::Unplaced;
use crate::disk::{Disk, sync_folder};
use crate::form::{Ending, Head};
use crate::keep::{Note, Notice, What, Why, milliseconds};
use crate::spool::Spool;

/// How often recordings in which nobody speaks are looked at.
const TICK: Duration = Duration::from_millis(100);

/// How long silence is believed to be late packets.
const PATIENCE: Duration = Duration::from_millis(500);

/// The thread's own.
pub(crate) struct Writer {
    inbox: Inbox,
    shared: Arc<Shared>,
    spool: Spool,
    disk: Arc<dyn Disk>,
    live: HashMap<u64, Live>,
    looked: Duration,
}

impl Writer {
    /// Starts the thread. It ends when it is told to close, or when nobody can tell it anything any more.
    pub(crate) fn start(
        inbox: Inbox,
        shared: Arc<Shared>,
        spool: Spool,
        disk: Arc<dyn Disk>,
    ) -> io::Result<JoinHandle<()>> {
        let writer = Self { inbox, shared, spool, disk, live: HashMap::new(), looked: Duration::ZERO };
        std::thread::Builder::new().name("recorder".to_owned()).spawn(move || writer.run())
    }

    fn run(mut self) {
        loop {
            // Read before the queue is found empty: whatever arrived until then has been taken.
            let before = self.shared.at();
            let said = match self.inbox.said.try_recv() {
                Ok(said) => Ok(said),
                Err(TryRecvError::Disconnected) => Err(RecvTimeoutError::Disconnected),
                Err(TryRecvError::Empty) => {
                    self.look(before);
                    self.inbox.said.recv_timeout(TICK)
                }
            };
            match said {
                Ok(Said::Close(at)) => return self.close(at),
                Ok(said) => {
                    self.inbox.taken();
                    self.take(said);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.close(before),
            }
        }
    }

    fn take(&mut self, said: Said) {
        match said {
            Said::Start(begin) => self.begin(*begin),
            Said::Voice(number, voice) => self.hear(number, voice),
            Said::Join(number, party) => {
                if let Some(live) = self.live.get_mut(&number) {
                    live.join(party);
                    self.shared.note(Note::Changed(live.begin.head.clone(), live.parties(), false));
                }
            }
            Said::Leave(number, party) => {
                if let Some(live) = self.live.get_mut(&number)
                    && let Some(known) = live.parties().into_iter().find(|one| one.index == party.0)
                {
                    // As if they came back: nothing of the old stamps is left.
                    live.join(known);
                }
            }
            Said::Pause(number, at) => self.with(number, |live| live.pause(at), true),
            Said::Resume(number, at) => self.with(
                number,
                |live| {
                    live.resume(at);
                    Ok(())
                },
                false,
            ),
            Said::Stop(number, at, reason) => {
                let ending = match reason {
                    StopReason::Abandoned => Ending::Truncated,
                    StopReason::Asked
                    | StopReason::CallEnded
                    | StopReason::ConsentWithdrawn
                    | StopReason::Shutdown => Ending::Complete,
                };
                self.stop(number, at, ending);
            }
            Said::Discard(id) => self.discard(&id),
            Said::Close(_) => unreachable!("closing is not taken here"),
        }
    }

    fn begin(&mut self, begin: Begin) {
        let (number, head, parties) = (begin.number, begin.head.clone(), begin.parties.clone());
        let id = &head.recording;
        let begun = match self.disk.room(self.spool.folder()) {
            Ok(room) if room.is_short() => Err(Why::DiskFull),
            _ => self.create(begin).map_err(|error| {
                tracing::error!(recording.id = %id, error = %error.kind(), "a recording cannot be begun");
                blame(&error)
            }),
        };
        match begun {
            Ok(live) => {
                self.live.insert(number, live);
                self.shared.notice(Notice::of(&head, What::Started));
                self.shared.note(Note::Begun(head, parties));
            }
            Err(why) => {
                self.shared.notice(Notice::of(&head, What::Failed { why }));
                self.shared.live().remove(id);
            }
        }
    }

    fn create(&self, begin: Begin) -> io::Result<Live> {
        let sheet = self.disk.create(&self.spool.live(&begin.head.recording))?;
        let id = begin.head.recording.clone();
        let begun = Live::begin(begin, sheet).and_then(|live| {
            sync_folder(self.spool.folder())?;
            Ok(live)
        });
        if begun.is_err() {
            // Nothing was recorded, so nothing is kept.
            drop(self.spool.remove(&id));
        }
        begun
    }

    fn hear(&mut self, number: u64, voice: Voice) {
        let drops = &self.shared.drops;
        let Some(live) = self.live.get_mut(&number) else {
            drops.unwanted.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let at = voice.at;
        match live.hear(voice) {
            Ok(()) => {
                let advanced = live.advance(at.saturating_sub(WINDOW));
                self.survive(number, advanced);
            }
            Err(unheard) => {
                let counter = match unheard {
                    Unheard::Paused | Unheard::Stranger => &drops.unwanted,
                    Unheard::Malformed => &drops.malformed,
                    Unheard::Unplaced(Unplaced::Duplicate) => &drops.duplicate,
                    Unheard::Unplaced(Unplaced::Late) => &drops.late,
                    Unheard::Unplaced(Unplaced::Flood) => &drops.overflowed,
                };
                counter.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Time passes also where nobody speaks.
    fn look(&mut self, now: Duration) {
        if now < self.looked + TICK {
            return;
        }
        self.looked = now;
        let numbers: Vec<u64> = self.live.keys().copied().collect();
        for number in numbers {
            let live = self.live.get_mut(&number).expect("it was there a moment ago");
            if live.begin.held.strong_count() == 0 {
                self.stop(number, now, Ending::Truncated);
                continue;
            }
            let advanced = live.advance(now.saturating_sub(PATIENCE));
            self.survive(number, advanced);
        }
    }

    fn with(&mut self, number: u64, change: impl FnOnce(&mut Live) -> io::Result<()>, paused: bool) {
        let Some(live) = self.live.get_mut(&number) else { return };
        let changed = change(live);
        self.shared.note(Note::Changed(live.begin.head.clone(), live.parties(), paused));
        self.survive(number, changed);
    }

    fn stop(&mut self, number: u64, at: Duration, ending: Ending) {
        let Some(mut live) = self.live.remove(&number) else { return };
        let head = live.begin.head.clone();
        let ended_at = self.shared.epoch + at;
        let ended = live.end(at, ended_at, ending).and_then(|length| {
            self.spool.finish(&head.recording)?;
            Ok(length)
        });
        drop(live);
        match ended {
            Ok(length) => {
                let truncated = ending == Ending::Truncated;
                let what = What::Stopped { length: milliseconds(length), truncated };
                self.shared.notice(Notice::of(&head, what));
                // Only now may it be stored: that it is stored is told after that it stopped.
                self.shared.live().remove(&head.recording);
                self.shared.look.notify_one();
            }
            Err(error) => self.lose(&head, &error),
        }
    }

    /// After trouble with the disk the recording is over; the keeper finishes what is on it.
    fn survive(&mut self, number: u64, written: io::Result<()>) {
        if let Err(error) = written
            && let Some(live) = self.live.remove(&number)
        {
            let head = live.begin.head.clone();
            drop(live);
            self.lose(&head, &error);
        }
    }

    fn lose(&self, head: &Head, error: &io::Error) {
        let id = &head.recording;
        tracing::error!(recording.id = %id, error = %error.kind(), "a recording cannot be written and is cut");
        self.shared.notice(Notice::of(head, What::Failed { why: blame(error) }));
        self.shared.live().remove(id);
        self.shared.look.notify_one();
    }

    fn discard(&mut self, id: &RecordingId) {
        let number = self.live.iter().find(|(_, live)| live.begin.head.recording == *id);
        if let Some(number) = number.map(|(number, _)| *number)
            && let Some(live) = self.live.remove(&number)
        {
            let head = live.begin.head.clone();
            drop(live);
            drop(self.spool.remove(id));
            self.shared.notice(Notice::of(&head, What::Erased));
            self.shared.live().remove(id);
            self.shared.look.notify_one();
        }
    }

    fn close(mut self, at: Duration) {
        let numbers: Vec<u64> = self.live.keys().copied().collect();
        for number in numbers {
            self.stop(number, at, Ending::Complete);
        }
    }
}

fn blame(error: &io::Error) -> Why {
    if error.kind() == io::ErrorKind::StorageFull { Why::DiskFull } else { Why::Disk }
}
