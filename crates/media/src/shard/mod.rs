//! A thread that owns a socket of the media port and the legs of its calls.
//!
//! One loop: commands, wake-ups, datagrams, sending; nothing in it waits for anybody. All legs of a call live here,
//! so sound of one heard alone goes from the socket to the socket inside one buffer: opened, renumbered, sealed,
//! sent. On that path nothing is allocated, locked or copied.
//!
//! Reading order: `port` (the socket), `handover` (other shards), `wheel` (time), `flows`, `hints` and `turns` (whose datagram), `voice` and `press` (sound of our
//! own), this file (legs), `tell` (what they say), `hearing` and `mixing` (who hears whom), `route` (from datagram
//! to datagram), `drive` (the loop).
//!
//! Invariant: every queue is bounded, and what does not fit is counted.

mod counters;
mod drive;
mod dropped;
mod flows;
mod handover;
mod hearing;
mod hints;
mod mixing;
mod port;
mod press;
mod route;
mod tell;
mod turns;
mod voice;
mod wheel;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook_core::sdp::Sdp;
use slab::Slab;
use tokio::sync::mpsc::Sender;

use crate::clip::Clip;
use crate::leg::{FailReason, Identity, Leg, LegConfig, LegError};
use crate::message::{Command, Counters, Description, Hearing, LegId, LegNotice, Notified};
use crate::mix::Link;
use crate::tap::TapSink;

pub(crate) use counters::SharedCounters;
pub(crate) use drive::{Wake, run};
pub(crate) use dropped::Dropped;
pub(crate) use handover::{MOST_SHARDS, Post, posts};
pub(crate) use port::bind;
pub(crate) use turns::Turns;
pub(crate) use voice::SILENCE;

use flows::{Flows, Ufrag};
use handover::News;
use hints::Hints;
use port::{Port, SLOT};
use press::Presses;
use voice::{Said, Tune, Voice};
use wheel::Wheel;

/// A leg that is heard and sends nothing for this long is filled in for. Longer than any jitter worth waiting for;
/// much shorter than the 20 s after which WhatsApp hangs up.
const FILL_AFTER: Duration = Duration::from_millis(200);

/// A leg and its place in the conversation.
struct Slot {
    id: LegId,
    leg: Leg,
    ufrag: Ufrag,
    /// Of the path that is searched for; kept until another is, or the leg goes.
    next_ufrag: Option<Ufrag>,
    flow: Option<SocketAddr>,
    /// The address behind which it is its turn to shake hands.
    turn: Option<SocketAddr>,
    hearing: Hearing,
    /// The legs heard here, as far as they are there.
    sources: Vec<usize>,
    /// Whether they are heard as one, through the mixer.
    is_mixing: bool,
    /// The one of them that is passed on untouched until the mixer has sound for this leg.
    until_mixed: Option<usize>,
    /// How many listeners hear this leg through the mixer.
    mixed_for: usize,
    /// A number no other leg of the shard ever has.
    serial: u64,
    /// The legs this one is passed on to untouched.
    listeners: Vec<usize>,
    is_muted: bool,
    tap: Option<TapSink>,
    voice: Voice,
    presses: Presses,
    route: Route,
    /// The earliest wake-up in the wheel.
    wakes_at: Option<Instant>,
}

/// What is looked at for every packet, in one place: a thousand calls do not fit into a core's cache.
#[derive(Default)]
struct Route {
    /// The one leg this one is passed on to, if nothing else is to be done with its packets.
    straight: Option<usize>,
    /// Whether anything else is to be done with them.
    is_winding: bool,
    /// Whether a key is down towards this leg, so that nothing else may be sent.
    is_pressing: bool,
    /// When another leg's sound last went out here.
    forwarded_at: Option<Instant>,
}

impl Slot {
    /// Works out the way of this leg's packets.
    fn straighten(&mut self) {
        let is_extra = self.tap.is_some() || self.mixed_for > 0;
        self.route.straight = match self.listeners[..] {
            [only] if !is_extra && !self.is_muted => Some(only),
            _ => None,
        };
        let is_any = is_extra || !self.listeners.is_empty();
        self.route.is_winding = is_any && !self.is_muted && self.route.straight.is_none();
    }
}

/// What the shard is made of.
pub(crate) struct Setup {
    pub(crate) identity: Arc<Identity>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) music: Clip,
    pub(crate) notices: Sender<Notified>,
    pub(crate) max_legs: usize,
    pub(crate) mixer: Link,
    pub(crate) max_mixes: usize,
    pub(crate) dropped: Arc<Dropped>,
    pub(crate) turns: Arc<Turns>,
    pub(crate) post: Post,
}

pub(crate) struct Shard {
    setup: Setup,
    started: Instant,
    serial: u64,
    /// Listeners that hear through the mixer.
    mixes: usize,
    /// When the mixer is to be asked for its next frame.
    mix_at: Option<Instant>,
    port: Port,
    legs: Slab<Slot>,
    ids: HashMap<LegId, usize>,
    /// The legs that want to hear a leg, by its name, whether it is there or not.
    wanted: HashMap<LegId, Vec<usize>>,
    flows: Flows,
    hints: Hints,
    wheel: Wheel,
    due: Vec<usize>,
    backlog: VecDeque<Notified>,
    counters: Counters,
    scratch: Box<[u8; SLOT]>,
}

impl Shard {
    pub(crate) fn new(now: Instant, socket: std::net::UdpSocket, setup: Setup) -> std::io::Result<Self> {
        Ok(Self::on(now, Port::new(socket)?, setup))
    }

    fn on(now: Instant, port: Port, setup: Setup) -> Self {
        Self {
            setup,
            started: now,
            serial: 0,
            mixes: 0,
            mix_at: None,
            port,
            legs: Slab::new(),
            ids: HashMap::new(),
            wanted: HashMap::new(),
            flows: Flows::new(),
            hints: Hints::new(),
            wheel: Wheel::new(now),
            due: Vec::new(),
            backlog: VecDeque::new(),
            counters: Counters::default(),
            scratch: Box::new([0; SLOT]),
        }
    }

    /// Does what it is told.
    fn command(&mut self, now: Instant, command: Command) {
        match command {
            Command::AddLeg { leg, options, description } => {
                self.add_leg(now, leg, options.into(), description)
            }
            Command::Answer { leg, sdp } => self.with_leg(now, leg, |slot| {
                // The peer's description is the peer's word; what is wrong with it ends the leg, not the plane.
                slot.leg.take_answer(now, sdp.as_str()).err()
            }),
            Command::Candidate { leg, candidate } => self.with_leg(now, leg, |slot| {
                slot.leg.add_candidate(now, &candidate.ufrag, &candidate.line);
                None
            }),
            Command::Restart { leg, offer } => self.restart(now, leg, &offer),
            Command::OpenGate { leg } => self.with_leg(now, leg, |slot| {
                slot.leg.open_gate(now);
                None
            }),
            Command::Hear { leg, what } => self.hear(now, leg, what),
            Command::Press { leg, digits, millis_per_digit, gap_millis } => {
                self.press(now, leg, &digits, (millis_per_digit, gap_millis));
            }
            Command::Mute { leg, on } => self.with_leg(now, leg, |slot| {
                slot.is_muted = on;
                slot.straighten();
                None
            }),
            Command::Tap { leg, sink } => self.with_leg(now, leg, |slot| {
                slot.tap = sink;
                slot.straighten();
                None
            }),
            Command::RemoveLeg { leg } => {
                if let Some(key) = self.ids.get(&leg).copied() {
                    self.legs[key].leg.close(now);
                    self.remove(now, key);
                }
            }
        }
    }

    fn add_leg(&mut self, now: Instant, id: LegId, mut config: LegConfig, wanted: Description) {
        if self.legs.len() >= self.setup.max_legs || self.ids.contains_key(&id) {
            return self.tell(id, LegNotice::Failed { reason: FailReason::NoCapacity });
        }
        config.addresses.clone_from(&self.setup.addresses);
        config.mark = self.setup.post.mark();
        config.takes_turns = true;
        let made = match wanted {
            Description::Offer => Leg::offer(now, &self.setup.identity, config),
            Description::Answer { offer } => Leg::answer(now, &self.setup.identity, config, offer.as_str()),
        };
        let (leg, sdp) = match made {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(leg.id = id.0, %error, "leg refused");
                return self.tell(id, LegNotice::Failed { reason: FailReason::DescriptionRefused });
            }
        };
        let ufrag = ufrag_of(leg.ufrag());
        self.serial += 1;
        let key = self.legs.insert(Slot {
            id,
            leg,
            ufrag,
            next_ufrag: None,
            flow: None,
            turn: None,
            hearing: Hearing::Comfort,
            sources: Vec::new(),
            is_mixing: false,
            until_mixed: None,
            mixed_for: 0,
            serial: self.serial,
            listeners: Vec::new(),
            is_muted: false,
            tap: None,
            voice: Voice::new(now),
            presses: Presses::new(now),
            route: Route::default(),
            wakes_at: None,
        });
        self.ids.insert(id, key);
        self.flows.add_leg(ufrag, key);
        self.tell(id, LegNotice::LocalDescription { sdp: Sdp::new(sdp) });
        self.settle(now, key);
        self.heard_differently(now, id);
    }

    /// Begins the search for a new path, and tells its description.
    fn restart(&mut self, now: Instant, id: LegId, offer: &Sdp) {
        let leg = self.ids.get(&id).and_then(|key| self.legs.get_mut(*key).zip(Some(*key)));
        let Some((slot, key)) = leg else {
            return self.tell(id, LegNotice::RestartRefused);
        };
        match slot.leg.restart(now, offer.as_str()) {
            Ok(sdp) => {
                let next = slot.leg.next_ufrag().map(ufrag_of);
                if let Some(before) = std::mem::replace(&mut slot.next_ufrag, next) {
                    self.flows.remove_leg(&before);
                }
                next.inspect(|ufrag| self.flows.add_leg(*ufrag, key));
                self.tell(id, LegNotice::LocalDescription { sdp: Sdp::new(sdp) });
                self.settle(now, key);
            }
            Err(error) => {
                tracing::warn!(leg.id = id.0, %error, "a new path was refused");
                self.tell(id, LegNotice::RestartRefused);
            }
        }
    }

    /// Once a leg has taken the path that was searched for, checks of the old one are nobody's.
    fn follow_path(&mut self, key: usize) {
        let slot = &mut self.legs[key];
        if slot.next_ufrag.is_some_and(|next| slot.leg.ufrag().as_bytes() == next) {
            let next = slot.next_ufrag.take().expect("looked at a line before");
            self.flows.remove_leg(&std::mem::replace(&mut slot.ufrag, next));
        }
    }

    /// Legs whose handshake is under way.
    #[cfg(test)]
    fn shaking(&self) -> Vec<LegId> {
        self.legs.iter().filter(|(_, slot)| slot.leg.is_shaking()).map(|(_, slot)| slot.id).collect()
    }

    fn with_leg(&mut self, now: Instant, id: LegId, act: impl FnOnce(&mut Slot) -> Option<LegError>) {
        let Some(key) = self.ids.get(&id).copied() else {
            return;
        };
        if let Some(error) = act(&mut self.legs[key]) {
            tracing::warn!(leg.id = id.0, %error, "description refused");
            self.tell(id, LegNotice::Failed { reason: FailReason::DescriptionRefused });
            return self.remove(now, key);
        }
        self.settle(now, key);
    }

    fn remove(&mut self, now: Instant, key: usize) {
        self.drain(now, key);
        self.stop_hearing(now, key);
        self.end_turn(key);
        let slot = self.legs.remove(key);
        self.ids.remove(&slot.id);
        self.flows.remove_leg(&slot.ufrag);
        slot.next_ufrag.inspect(|ufrag| self.flows.remove_leg(ufrag));
        if let Some(address) = slot.flow {
            self.leave(address, key);
        }
        self.heard_differently(now, slot.id);
    }

    fn leave(&mut self, address: SocketAddr, key: usize) {
        if self.flows.leave(address, key) {
            self.setup.post.tell(News::Left(address));
        }
    }

    /// Lets every leg say goodbye.
    fn close(&mut self, now: Instant) {
        let keys: Vec<usize> = self.legs.iter().map(|(key, _)| key).collect();
        for key in keys {
            if let Some(slot) = self.legs.get_mut(key) {
                slot.leg.close(now);
                self.remove(now, key);
            }
        }
        self.port.flush();
    }

    /// Wakes the legs whose time has come.
    fn expire(&mut self, now: Instant) {
        let mut due = std::mem::take(&mut self.due);
        self.wheel.expire(now, &mut due);
        for key in due.drain(..) {
            if key == mixing::WAKE {
                self.mix_tick(now);
                continue;
            }
            // Woken for a leg that has gone, or by an entry that an earlier one has replaced.
            let Some(slot) = self.legs.get_mut(key) else {
                continue;
            };
            if slot.wakes_at.is_some_and(|at| at <= now) {
                slot.wakes_at = None;
                if catch_unwind(AssertUnwindSafe(|| slot.leg.tick(now))).is_err() {
                    self.broken(now, key);
                } else {
                    self.settle(now, key);
                }
            }
        }
        self.due = due;
    }

    /// After anything that may have changed a leg: sends what it says, tells what happened, gives it its voice,
    /// and sets its next wake-up.
    fn settle(&mut self, now: Instant, key: usize) {
        // Settling one leg may have removed another.
        if !self.legs.contains(key) {
            return;
        }
        self.drain(now, key);
        let slot = &mut self.legs[key];
        if slot.leg.is_over() {
            return self.remove(now, key);
        }
        if slot.flow != slot.leg.selected()
            && let Some(address) = slot.leg.selected()
        {
            let before = slot.flow.replace(address);
            if self.flows.join(address, key) {
                self.setup.post.tell(News::Joined(address));
            }
            if let Some(before) = before {
                self.leave(before, key);
            }
        }
        self.follow_path(key);
        self.take_turns(now, key);
        let looks_at = self.look_again_at(now, key);
        self.press_on(now, key);
        self.speak(now, key);
        let slot = &mut self.legs[key];
        let fills_at =
            slot.route.forwarded_at.filter(|_| slot.voice.next_at().is_none()).map(|at| at + FILL_AFTER);
        let presses_at = slot.presses.next_at().filter(|_| slot.leg.can_send());
        let next = [slot.leg.next_deadline(), slot.voice.next_at(), presses_at, fills_at, looks_at]
            .into_iter()
            .flatten()
            .min();
        if let Some(next) = next
            && slot.wakes_at.is_none_or(|at| next < at)
        {
            slot.wakes_at = Some(self.wheel.insert(key, next));
        }
    }

    fn speak(&mut self, now: Instant, key: usize) {
        let slot = &mut self.legs[key];
        let (tune, clip) = match &slot.hearing {
            _ if !slot.leg.can_send() || slot.route.is_pressing => (None, None),
            Hearing::Silence => (None, None),
            Hearing::Comfort => (Some(Tune::Comfort), None),
            Hearing::Music => (Some(Tune::Clip), Some(&self.setup.music)),
            Hearing::Clip(clip) => (Some(Tune::Clip), Some(clip)),
            Hearing::Legs(_) => {
                let talks = slot.route.forwarded_at.is_some_and(|at| at + FILL_AFTER > now);
                ((!talks).then_some(Tune::Comfort), None)
            }
        };
        slot.voice.say(now, tune);
        if slot.voice.next_at().is_none_or(|at| at > now) {
            return;
        }
        let mut over = false;
        self.port.make(|buffer| match slot.voice.frame(now, clip, buffer)? {
            Said::Frame(packet) => {
                let sealed = slot.leg.send(now, &packet, buffer).ok()?;
                Some((sealed.to, sealed.datagram))
            }
            Said::Over => {
                over = true;
                None
            }
        });
        if over {
            self.clip_over(now, key);
        }
    }
}

fn ufrag_of(ufrag: &str) -> Ufrag {
    Ufrag::try_from(ufrag.as_bytes()).expect("every user fragment has this length")
}
