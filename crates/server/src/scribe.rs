//! From the plane's taps to the recorder: what a switchboard orders, carried out.
//!
//! Invariant: nothing here is waited for by a call. A tap is emptied ten times a second; a recording that is
//! stopped is stopped after its taps are empty.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::call::Voice as Who;
use offhook_core::id::{CallId, RecordingId};
use offhook_core::recording::{PartyKind, RecordedParty};
use offhook_media::tap::Tap;
use offhook_media::{RecordOrder, Switchboard};
use offhook_recording::{Busy, Notice, PartyId, Recorder, Start, StopReason, Take, Voice, What, Why};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// How often taps are emptied: they have room for ten seconds.
const TICK: Duration = Duration::from_millis(100);

/// A recording under way.
struct Page {
    call: CallId,
    take: Take,
    /// Everybody who was ever heard, in order: a place is a party's number.
    parties: Vec<Who>,
    taps: Vec<(PartyId, Tap)>,
    /// It ends once its taps are empty.
    over: bool,
}

/// Carries orders out until there are no more, or it is `quiet`: then what was ordered is done, every recording
/// is ended, and nothing that was heard is left behind. `ready` hears of recordings that can be heard.
pub(crate) async fn write(
    recorder: Recorder,
    board: Arc<Switchboard>,
    mut orders: mpsc::Receiver<RecordOrder>,
    mut notices: mpsc::Receiver<Notice>,
    ready: mpsc::Sender<Notice>,
    quiet: CancellationToken,
) {
    let mut pages: HashMap<RecordingId, Page> = HashMap::new();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(order) => obey(&recorder, &board, &mut pages, order),
                None => return,
            },
            Some(notice) = notices.recv() => hear(&board, &pages, &ready, notice),
            _ = ticks.tick(), if !pages.is_empty() => {
                pages.retain(|_, page| page.turn());
            }
            () = quiet.cancelled() => break,
        }
    }
    while let Ok(order) = orders.try_recv() {
        obey(&recorder, &board, &mut pages, order);
    }
    for page in pages.values_mut() {
        page.over = true;
        page.turn();
    }
}

fn obey(
    recorder: &Recorder,
    board: &Switchboard,
    pages: &mut HashMap<RecordingId, Page>,
    order: RecordOrder,
) {
    match order {
        RecordOrder::Start { call, ask } => {
            let customer = RecordedParty { index: 0, kind: PartyKind::Customer, user: None };
            let start = Start {
                recording: ask.id.clone(),
                tenant: ask.tenant,
                call: call.clone(),
                parties: vec![customer],
                consent: ask.consent,
            };
            match recorder.start(start) {
                Ok(take) => {
                    let parties = vec![Who::Customer];
                    pages.insert(ask.id, Page { call, take, parties, taps: Vec::new(), over: false });
                }
                Err(busy) => {
                    tracing::error!(call.id = %call, recording.id = %ask.id, error = %busy, "not recorded");
                    metrics::counter!("offhook_recordings_failed_total", "why" => "busy").increment(1);
                    board.recording_broke(call, ask.id);
                }
            }
        }
        RecordOrder::Join { recording, voice, tap } => {
            if let Some(page) = pages.get_mut(&recording) {
                page.join(voice, tap);
            }
        }
        RecordOrder::Pause { recording, on } => {
            if let Some(page) = pages.get_mut(&recording) {
                page.empty();
                let done = if on { page.take.pause() } else { page.take.resume() };
                page.told(done);
            }
        }
        RecordOrder::Stop { recording } => {
            if let Some(page) = pages.get_mut(&recording) {
                // Taken now: a server that stops may not have another tick.
                page.empty();
                page.over = true;
            }
        }
    }
}

impl Page {
    fn join(&mut self, voice: Who, tap: Tap) {
        let place = self.parties.iter().position(|known| *known == voice).unwrap_or_else(|| {
            self.parties.push(voice.clone());
            self.parties.len() - 1
        });
        // A call has at most a few dozen people in its life.
        let party = PartyId(u16::try_from(place).unwrap_or(u16::MAX));
        let (kind, user) = match voice {
            Who::Customer => (PartyKind::Customer, None),
            Who::Agent(user) => (PartyKind::Agent, Some(user)),
            Who::Bot(_) => (PartyKind::Bot, None),
        };
        let joined = self.take.join(party, kind, user);
        self.told(joined);
        self.taps.push((party, tap));
    }

    /// Hands on what the taps hold.
    fn empty(&mut self) {
        let take = &self.take;
        self.taps.retain_mut(|(party, tap)| {
            while let Some(packet) = tap.pop() {
                take.hear(Voice {
                    party: *party,
                    at: packet.at,
                    rtp_timestamp: packet.rtp_timestamp,
                    sequence: packet.sequence,
                    payload: packet.payload,
                });
            }
            !tap.is_over()
        });
    }

    /// One turn of the pen; whether there will be another.
    fn turn(&mut self) -> bool {
        self.empty();
        if !self.over {
            return true;
        }
        let stopped = self.take.stop(StopReason::Asked);
        self.told(stopped);
        stopped.is_err()
    }

    fn told(&self, done: Result<(), Busy>) {
        if let Err(busy) = done {
            tracing::error!(call.id = %self.call, error = %busy, "the recorder missed a word");
        }
    }
}

/// News of the recorder. A recording that broke is one the call must know to be over.
fn hear(
    board: &Switchboard,
    pages: &HashMap<RecordingId, Page>,
    ready: &mpsc::Sender<Notice>,
    notice: Notice,
) {
    if matches!(notice.what, What::Stored { .. })
        && let Err(error) = ready.try_send(notice.clone())
    {
        tracing::error!(error = %error, "nobody is told that a recording is ready");
    }
    let Notice { call, recording, what, .. } = notice;
    let live = pages.get(&recording).is_some_and(|page| !page.over);
    let id = recording.clone();
    match what {
        What::Started => tracing::info!(call.id = %call, recording.id = %id, "recording began"),
        What::Stopped { length, truncated } => {
            let millis = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            tracing::info!(call.id = %call, recording.id = %id, length_ms = millis, truncated, "recording ended");
            let how = if truncated { "truncated" } else { "complete" };
            metrics::counter!("offhook_recordings_total", "how" => how).increment(1);
            if live {
                board.recording_broke(call, recording);
            }
        }
        What::Stored { bytes, .. } => {
            tracing::info!(call.id = %call, recording.id = %id, bytes, "recording stored");
        }
        What::Erased => {
            tracing::info!(call.id = %call, recording.id = %id, "recording erased while it was made");
            if live {
                board.recording_broke(call, recording);
            }
        }
        What::Failed { why } => {
            tracing::error!(call.id = %call, recording.id = %id, ?why, "recording failed");
            let why = match why {
                Why::DiskFull => "disk_full",
                Why::Disk => "disk",
                Why::Storage => "storage",
                Why::Damaged => "damaged",
            };
            metrics::counter!("offhook_recordings_failed_total", "why" => why).increment(1);
            if live && matches!(why, "disk_full" | "disk") {
                board.recording_broke(call, recording);
            }
        }
    }
}
