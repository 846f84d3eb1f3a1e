//! The plane as the engine's port: calls and their voices on one face, legs on the other.
//!
//! Invariant: a voice has at most one leg in a call. An agent's newer leg takes the place of the older one;
//! WhatsApp's is never replaced. Who hears whom is the scene the call asked for, applied to the legs there are:
//! whenever either changes, only the difference goes to the plane.

mod anew;
mod notices;

mod routes;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use offhook_core::call::table::{ClipName, Key};
use offhook_core::call::{EndReason, RecordAsk, Scene, SoundAsk, SoundNews, Voice};
use offhook_core::id::{CallId, RecordingId, UserId};
use offhook_core::ports::{Sound, SoundFault};
use offhook_core::sdp::{IceCandidate, Sdp};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use self::routes::{Line, Told};
use crate::clip::Clip;
use crate::leg::Drops;
use crate::message::{Command, Counters, Description, LegId, LegOptions, Notified};
use crate::plane::Plane;
use crate::tap::Tap;

/// News under way to the engine. A call has a handful in its life, and one of every leg each five seconds.
const NEWS: usize = 4_096;

/// Orders under way to whoever records.
const ORDERS: usize = 1_024;

/// The plane answers an offer within a millisecond; more means that it is stuck.
const DESCRIBES_WITHIN: Duration = Duration::from_secs(3);

/// How long a key is down and how long after it none is: what telephones take for granted (Q.24 asks for 40 each).
const KEY_MILLIS: u16 = 160;
const GAP_MILLIS: u16 = 100;

/// Packets a tap has room for: ten seconds of speech, more than a disk hesitates.
const TAP_ROOM: usize = 512;

/// The announcements of the house.
pub type Clips = BTreeMap<ClipName, Clip>;

/// What a switchboard is told at its start.
#[derive(Debug, Default)]
pub struct BoardConfig {
    /// WhatsApp may live on a private or loopback address, as a simulator does.
    pub whatsapp_is_private: bool,
    /// What can be played, each with an id of its own.
    pub clips: Clips,
}

/// What is to be recorded. Orders of one recording come in order.
#[derive(Debug)]
pub enum RecordOrder {
    /// A recording begins.
    Start {
        /// Of which call.
        call: CallId,
        /// What was asked.
        ask: RecordAsk,
    },
    /// A voice is to be heard in it from now on.
    Join {
        /// Which recording.
        recording: RecordingId,
        /// Whose voice.
        voice: Voice,
        /// Its packets.
        tap: Tap,
    },
    /// What is said from now on is left out, or is in again.
    Pause {
        /// Which recording.
        recording: RecordingId,
        /// Out, or in again.
        on: bool,
    },
    /// It is over.
    Stop {
        /// Which recording.
        recording: RecordingId,
    },
}

/// Joins calls and legs.
pub struct Switchboard {
    plane: Plane,
    wires: Mutex<Wires>,
    news: mpsc::Sender<(CallId, SoundNews)>,
    orders: mpsc::Sender<RecordOrder>,
    config: BoardConfig,
}

/// A switchboard at work, and what must be kept running for it.
pub struct Carried {
    /// The engine's port.
    pub board: Arc<Switchboard>,
    /// For the engine.
    pub news: mpsc::Receiver<(CallId, SoundNews)>,
    /// For whoever records.
    pub orders: mpsc::Receiver<RecordOrder>,
    /// To be run as a task; it ends with the plane.
    pub listen: Pin<Box<dyn Future<Output = ()> + Send>>,
}

#[derive(Default)]
struct Wires {
    last: u32,
    /// Calls that have had a leg. Shards take turns with them.
    homes: u32,
    calls: HashMap<CallId, Line>,
    legs: HashMap<LegId, (CallId, Voice)>,
    waiting: HashMap<LegId, oneshot::Sender<Result<Sdp, SoundFault>>>,
}

impl Switchboard {
    /// Takes the plane over.
    pub fn carry(plane: Plane, notices: mpsc::Receiver<Notified>, config: BoardConfig) -> Carried {
        let (news, told) = mpsc::channel(NEWS);
        let (order, orders) = mpsc::channel(ORDERS);
        let board = Arc::new(Self { plane, wires: Mutex::default(), news, orders: order, config });
        // Weak, so that the last user of the board ends the plane, and with it this task.
        let listening = Arc::downgrade(&board);
        let listen = async move {
            let mut notices = notices;
            while let Some(Notified { leg, notice }) = notices.recv().await {
                let Some(board) = listening.upgrade() else { return };
                board.notice(leg, notice);
            }
        };
        Carried { board, news: told, orders, listen: Box::pin(listen) }
    }

    /// What the plane has carried and dropped since its start.
    pub fn totals(&self) -> (Counters, Drops) {
        (self.plane.counters(), self.plane.dropped())
    }

    /// Tells whoever records of a fault they had: the call's recording is over.
    pub fn recording_broke(&self, call: CallId, recording: RecordingId) {
        self.tell(call, SoundNews::RecordingBroke(recording));
    }

    fn tell(&self, call: CallId, news: SoundNews) {
        if self.news.try_send((call, news)).is_err() {
            tracing::error!("news of a call's sound found no room");
        }
    }

    fn order(&self, order: RecordOrder) {
        if self.orders.try_send(order).is_err() {
            tracing::error!("an order to record found no room");
        }
    }

    fn open_customer(&self, call: &CallId, description: Description) {
        let options = LegOptions { hold_rtp: true, allow_private: self.config.whatsapp_is_private };
        let sent = {
            let mut wires = self.lock();
            let leg = wires.seat(call, Voice::Customer);
            self.plane.send(Command::AddLeg { leg, options, description })
        };
        match sent {
            Ok(()) => self.rewire(call),
            Err(_) => self.tell(call.clone(), SoundNews::PathFailed(EndReason::InternalError)),
        }
    }

    fn close(&self, call: &CallId) {
        let mut wires = self.lock();
        let Some(line) = wires.calls.remove(call) else { return };
        if let Some(recording) = line.recording {
            self.order(RecordOrder::Stop { recording: recording.id });
        }
        for (leg, _) in line.legs.into_values() {
            wires.forget(leg);
            self.send(Command::RemoveLeg { leg });
        }
    }

    /// Sets the scene and lets go of everybody who is not in it.
    fn scene(&self, call: &CallId, scene: Scene) {
        let mut wires = self.lock();
        let line = wires.calls.entry(call.clone()).or_default();
        let gone = line.set(scene);
        for leg in gone {
            wires.forget(leg);
            self.send(Command::RemoveLeg { leg });
        }
        drop(wires);
        self.rewire(call);
    }

    /// Tells the plane what has come to be different.
    fn rewire(&self, call: &CallId) {
        let mut wires = self.lock();
        let Some(line) = wires.calls.get_mut(call) else { return };
        for told in line.differences(&self.config.clips) {
            self.send(match told {
                Told::Hears(leg, what) => Command::Hear { leg, what },
                Told::Muted(leg, on) => Command::Mute { leg, on },
            });
        }
        self.tap(line);
    }

    /// Lets the recording, if there is one, hear whoever is to be on it.
    fn tap(&self, line: &mut Line) {
        let Some(mut recording) = line.recording.take() else { return };
        let on_record = line.recorded();
        for (voice, (leg, _)) in &line.legs {
            if !on_record.contains(voice) {
                if recording.tapped.remove(leg) {
                    self.send(Command::Tap { leg: *leg, sink: None });
                }
                continue;
            }
            if !recording.tapped.insert(*leg) {
                continue;
            }
            let (sink, tap) = crate::tap::tap(TAP_ROOM);
            self.send(Command::Tap { leg: *leg, sink: Some(sink) });
            let (recording, voice) = (recording.id.clone(), voice.clone());
            self.order(RecordOrder::Join { recording, voice, tap });
        }
        line.recording = Some(recording);
    }

    fn record(&self, call: &CallId, ask: Option<RecordAsk>) {
        let mut wires = self.lock();
        let Some(line) = wires.calls.get_mut(call) else { return };
        let before = line.recording.take();
        let (same, before) = match (before, &ask) {
            (Some(before), Some(ask)) if before.id == ask.id => (Some(before), None),
            (before, _) => (None, before),
        };
        if let Some(before) = before {
            for leg in before.tapped {
                self.send(Command::Tap { leg, sink: None });
            }
            self.order(RecordOrder::Stop { recording: before.id });
        }
        let Some(ask) = ask else { return };
        let (id, paused) = (ask.id.clone(), ask.paused);
        let mut recording = same.unwrap_or_else(|| {
            self.order(RecordOrder::Start { call: call.clone(), ask });
            routes::Recording::default_for(id.clone())
        });
        if recording.paused != paused {
            recording.paused = paused;
            self.order(RecordOrder::Pause { recording: id, on: paused });
        }
        line.recording = Some(recording);
        self.tap(line);
    }

    fn press(&self, call: &CallId, keys: &[Key]) {
        if let Some(leg) = self.customer(call) {
            let digits = keys.iter().map(|key| key.as_char()).collect();
            self.send(Command::Press { leg, digits, millis_per_digit: KEY_MILLIS, gap_millis: GAP_MILLIS });
        }
    }

    fn customer(&self, call: &CallId) -> Option<LegId> {
        self.lock().calls.get(call).and_then(|line| line.leg(&Voice::Customer))
    }

    fn send(&self, command: Command) {
        if let Err(error) = self.plane.send(command) {
            tracing::error!(%error, "a command found no way to the media plane");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Wires> {
        self.wires.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Sound for Switchboard {
    fn ask(&self, call: &CallId, ask: SoundAsk) {
        match ask {
            SoundAsk::AnswerCustomer { offer } => self.open_customer(call, Description::Answer { offer }),
            SoundAsk::OfferCustomer => self.open_customer(call, Description::Offer),
            SoundAsk::Apply { answer } => {
                if let Some(leg) = self.customer(call) {
                    self.send(Command::Answer { leg, sdp: answer });
                }
            }
            SoundAsk::Speak => {
                if let Some(leg) = self.customer(call) {
                    self.send(Command::OpenGate { leg });
                }
            }
            SoundAsk::Scene(scene) => self.scene(call, scene),
            SoundAsk::Press(keys) => self.press(call, &keys),
            SoundAsk::Record(ask) => self.record(call, ask),
            SoundAsk::Close => self.close(call),
        }
    }

    async fn attach(&self, call: &CallId, agent: &UserId, offer: &Sdp) -> Result<Sdp, SoundFault> {
        // Agents sit in the same house as often as not.
        let options = LegOptions { hold_rtp: false, allow_private: true };
        let (answer, answered) = oneshot::channel();
        let leg = {
            let mut wires = self.lock();
            let voice = Voice::Agent(agent.clone());
            // They may have been taken out of the call, or it may have ended, since they were let in.
            let Some(line) = wires.calls.get_mut(call).filter(|line| line.has_place_for(&voice)) else {
                return Err(elsewhere());
            };
            if let Some((before, was_up)) = line.take(&voice) {
                wires.forget(before);
                self.send(Command::RemoveLeg { leg: before });
                if was_up {
                    self.tell(call.clone(), SoundNews::AgentGone(agent.clone()));
                }
            }
            let leg = wires.seat(call, voice);
            wires.waiting.insert(leg, answer);
            leg
        };
        let description = Description::Answer { offer: offer.clone() };
        if self.plane.send(Command::AddLeg { leg, options, description }).is_err() {
            self.lock().unseat(leg);
            return Err(SoundFault::NoCapacity);
        }
        self.rewire(call);
        match timeout(DESCRIBES_WITHIN, answered).await {
            Ok(Ok(described)) => described,
            Ok(Err(_)) | Err(_) => {
                self.lock().waiting.remove(&leg);
                Err(SoundFault::NoCapacity)
            }
        }
    }

    async fn restart(&self, call: &CallId, agent: &UserId, offer: &Sdp) -> Result<Sdp, SoundFault> {
        self.find_path(call, agent, offer).await
    }

    fn trickle(&self, call: &CallId, agent: &UserId, candidate: IceCandidate) {
        self.learn_candidate(call, agent, candidate);
    }

    fn knows(&self, clip: &ClipName) -> bool {
        self.config.clips.contains_key(clip)
    }
}

impl Wires {
    /// Nothing more is expected of a leg. Whoever waits for its description is told.
    fn forget(&mut self, leg: LegId) {
        self.legs.remove(&leg);
        self.answer(leg, Err(elsewhere()));
    }

    /// Takes back a leg that could not be.
    fn unseat(&mut self, leg: LegId) {
        if let Some((call, voice)) = self.legs.get(&leg).cloned()
            && let Some(line) = self.calls.get_mut(&call)
        {
            line.take(&voice);
        }
        self.forget(leg);
    }

    fn seat(&mut self, call: &CallId, voice: Voice) -> LegId {
        // After four thousand million legs those of the first numbers are gone.
        self.last = self.last.wrapping_add(1);
        let line = self.calls.entry(call.clone()).or_default();
        let home = *line.home.get_or_insert_with(|| {
            self.homes = self.homes.wrapping_add(1);
            self.homes
        });
        let leg = LegId::of_call(home, self.last);
        line.legs.insert(voice.clone(), (leg, false));
        self.legs.insert(leg, (call.clone(), voice));
        leg
    }

    fn answer(&mut self, leg: LegId, described: Result<Sdp, SoundFault>) {
        if let Some(waiting) = self.waiting.remove(&leg) {
            // Whoever attached may have gone.
            let _ = waiting.send(described);
        }
    }
}

/// For whoever attaches to a call that has no place for them, or not for this page.
fn elsewhere() -> SoundFault {
    SoundFault::BadOffer("the call goes on without this page".to_owned())
}
