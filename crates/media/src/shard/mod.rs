//! The thread that owns the media port and every leg on it.
//!
//! One loop: commands, wake-ups, datagrams, sending; nothing in it waits for anybody. Both legs of a call live
//! here, so sound goes from the socket to the socket inside one buffer: opened, renumbered, sealed, sent. On that
//! path nothing is allocated, locked or copied.
//!
//! Reading order: `port` (the socket), `wheel` (time), `flows` (whose datagram), `voice` (sound of our own), this
//! file (legs and what they say), `route` (who hears whom), `drive` (the loop).
//!
//! Invariant: every queue is bounded, and what does not fit is counted.

mod counters;
mod drive;
mod flows;
mod port;
mod route;
mod voice;
mod wheel;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook_core::sdp::Sdp;
use slab::Slab;
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use crate::leg::{FailReason, Identity, Leg, LegConfig, LegError, Notice, Output};
use crate::message::{Command, Counters, Description, LegId, LegNotice, Notified, Play, Stats};
use crate::stun;

pub(crate) use counters::SharedCounters;
pub(crate) use drive::{Wake, run};
pub(crate) use port::bind;
pub(crate) use voice::Music;

use flows::{Flows, Ufrag};
use port::{Port, SLOT};
use voice::{Tune, Voice};
use wheel::Wheel;

/// A bridged peer that sends nothing for this long is filled in for. Longer than any jitter worth waiting for;
/// much shorter than the 20 s after which WhatsApp hangs up.
const FILL_AFTER: Duration = Duration::from_millis(200);
/// Notices nobody has fetched yet, beyond the channel's own room. A consumer this far behind is broken.
const MAX_BACKLOG: usize = 65_536;

/// A leg and its place in the conversation.
struct Slot {
    id: LegId,
    leg: Leg,
    ufrag: Ufrag,
    flow: Option<SocketAddr>,
    /// Who is heard here when [`Play::Peer`] is on.
    peer: Option<usize>,
    play: Play,
    voice: Voice,
    /// When the peer's sound last went out here.
    forwarded_at: Option<Instant>,
    /// The earliest wake-up in the wheel.
    wakes_at: Option<Instant>,
}

/// What the shard is made of.
pub(crate) struct Setup {
    pub(crate) identity: Arc<Identity>,
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) music: Arc<Music>,
    pub(crate) notices: Sender<Notified>,
    pub(crate) max_legs: usize,
}

pub(crate) struct Shard {
    setup: Setup,
    port: Port,
    legs: Slab<Slot>,
    ids: HashMap<LegId, usize>,
    flows: Flows,
    wheel: Wheel,
    due: Vec<usize>,
    backlog: VecDeque<Notified>,
    counters: Counters,
    scratch: Box<[u8; SLOT]>,
}

impl Shard {
    pub(crate) fn new(now: Instant, socket: std::net::UdpSocket, setup: Setup) -> std::io::Result<Self> {
        Ok(Self {
            setup,
            port: Port::new(socket)?,
            legs: Slab::new(),
            ids: HashMap::new(),
            flows: Flows::new(),
            wheel: Wheel::new(now),
            due: Vec::new(),
            backlog: VecDeque::new(),
            counters: Counters::default(),
            scratch: Box::new([0; SLOT]),
        })
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
                slot.leg.add_candidate(now, &candidate);
                None
            }),
            Command::OpenGate { leg } => self.with_leg(now, leg, |slot| {
                slot.leg.open_gate(now);
                None
            }),
            Command::Bridge { a, b } => self.bridge(now, a, b),
            Command::Unbridge { leg } => {
                if let Some(key) = self.ids.get(&leg).copied() {
                    self.unbridge(now, key);
                }
            }
            Command::SetSource { leg, source } => self.with_leg(now, leg, |slot| {
                slot.play = source;
                slot.forwarded_at = None;
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
        let ufrag = Ufrag::try_from(leg.ufrag().as_bytes()).expect("every user fragment has this length");
        let key = self.legs.insert(Slot {
            id,
            leg,
            ufrag,
            flow: None,
            peer: None,
            play: Play::Comfort,
            voice: Voice::new(now),
            forwarded_at: None,
            wakes_at: None,
        });
        self.ids.insert(id, key);
        self.flows.add_leg(ufrag, key);
        self.tell(id, LegNotice::LocalDescription { sdp: Sdp::new(sdp) });
        self.settle(now, key);
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

    fn bridge(&mut self, now: Instant, a: LegId, b: LegId) {
        let (Some(a), Some(b)) = (self.ids.get(&a).copied(), self.ids.get(&b).copied()) else {
            return;
        };
        if a == b {
            return;
        }
        for key in [a, b] {
            self.unbridge(now, key);
        }
        if !(self.legs.contains(a) && self.legs.contains(b)) {
            return;
        }
        for (key, other) in [(a, b), (b, a)] {
            let slot = &mut self.legs[key];
            slot.peer = Some(other);
            slot.play = Play::Peer;
            slot.forwarded_at = None;
        }
        self.settle(now, a);
        self.settle(now, b);
    }

    /// Parts two legs; each is told comfort sound until something else is said.
    fn unbridge(&mut self, now: Instant, key: usize) {
        if let Some(other) = self.part(key) {
            self.settle(now, key);
            self.settle(now, other);
        }
    }

    /// Parts two legs and returns the other one.
    fn part(&mut self, key: usize) -> Option<usize> {
        let other = self.legs[key].peer?;
        for key in [key, other] {
            let slot = &mut self.legs[key];
            slot.peer = None;
            if slot.play == Play::Peer {
                slot.play = Play::Comfort;
            }
        }
        Some(other)
    }

    fn remove(&mut self, now: Instant, key: usize) {
        let other = self.part(key);
        self.drain(now, key);
        let slot = self.legs.remove(key);
        self.ids.remove(&slot.id);
        self.flows.remove_leg(&slot.ufrag);
        if let Some(address) = slot.flow {
            self.flows.leave(&address, key);
        }
        if let Some(other) = other {
            self.settle(now, other);
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
        // Settling one leg of a pair may have removed the other.
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
            if let Some(before) = slot.flow.replace(address) {
                self.flows.leave(&before, key);
            }
            self.flows.join(address, key);
        }
        self.speak(now, key);
        let slot = &mut self.legs[key];
        let fills_at = slot.forwarded_at.filter(|_| slot.voice.next_at().is_none()).map(|at| at + FILL_AFTER);
        let next = [slot.leg.next_deadline(), slot.voice.next_at(), fills_at].into_iter().flatten().min();
        if let Some(next) = next
            && slot.wakes_at.is_none_or(|at| next < at)
        {
            slot.wakes_at = Some(self.wheel.insert(key, next));
        }
    }

    fn speak(&mut self, now: Instant, key: usize) {
        let slot = &mut self.legs[key];
        let tune = match slot.play {
            _ if !slot.leg.can_send() => None,
            Play::Silence => None,
            Play::Comfort => Some(Tune::Comfort),
            Play::HoldMusic => Some(Tune::Music),
            Play::Peer => {
                let talks = slot.forwarded_at.is_some_and(|at| at + FILL_AFTER > now);
                (!talks).then_some(Tune::Comfort)
            }
        };
        slot.voice.say(now, tune);
        if slot.voice.next_at().is_some_and(|at| at <= now) {
            let music = &self.setup.music;
            self.port.make(|buffer| {
                let packet = slot.voice.frame(now, music, buffer)?;
                let sealed = slot.leg.send(now, &packet, buffer).ok()?;
                Some((sealed.to, sealed.datagram))
            });
        }
    }

    fn drain(&mut self, now: Instant, key: usize) {
        while let Some(output) = self.legs[key].leg.poll() {
            match output {
                Output::Transmit { to, datagram } => {
                    if let Some(transaction) = stun::request_transaction(&datagram) {
                        self.flows.asked(now, transaction, key);
                    }
                    self.port.queue_copy(&datagram, to);
                }
                Output::Notice(notice) => {
                    let slot = &self.legs[key];
                    let notice = match notice {
                        Notice::IceConnected => LegNotice::IceConnected,
                        Notice::DtlsConnected(profile) => LegNotice::DtlsConnected { profile },
                        Notice::FirstPacket => LegNotice::FirstPacket,
                        Notice::MediaLost => LegNotice::MediaLost,
                        Notice::MediaResumed => LegNotice::MediaResumed,
                        Notice::Failed(reason) => LegNotice::Failed { reason },
                        Notice::Quality(quality) => {
                            let stats = Stats { quality, drops: *slot.leg.drops() };
                            LegNotice::Stats(Box::new(stats))
                        }
                    };
                    let id = slot.id;
                    self.tell(id, notice);
                }
            }
        }
    }

    fn tell(&mut self, leg: LegId, notice: LegNotice) {
        let passing = matches!(notice, LegNotice::Stats(_));
        self.backlog.push_back(Notified { leg, notice });
        self.pass_on();
        // Statistics of a moment nobody looked at are worth nothing; everything else waits.
        if (passing && !self.backlog.is_empty()) || self.backlog.len() > MAX_BACKLOG {
            self.backlog.pop_back();
            self.counters.notices_lost += 1;
        }
    }

    fn pass_on(&mut self) {
        while let Some(notified) = self.backlog.pop_front() {
            match self.setup.notices.try_send(notified) {
                Ok(()) => {}
                Err(TrySendError::Full(notified)) => return self.backlog.push_front(notified),
                // Nobody listens any more: the plane is being taken down.
                Err(TrySendError::Closed(_)) => self.backlog.clear(),
            }
        }
    }
}
