//! Two legs, a network and a clock.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::network::{Datagram, Network, Path};
use crate::leg::outgoing::{FRAME, Source};
use crate::leg::*;

pub(super) fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    IDENTITY.get_or_init(|| Arc::new(Identity::generate().unwrap())).clone()
}

pub(super) fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, host], 7_000 + u16::from(host)))
}

pub(super) fn config(host: u8) -> LegConfig {
    LegConfig::new(vec![address(host)])
}

/// A leg and what it has said and heard.
pub(super) struct End {
    pub(super) leg: Leg,
    pub(super) address: SocketAddr,
    pub(super) notices: Vec<(Duration, Notice)>,
    pub(super) heard: Vec<(Packet, Vec<u8>)>,
    /// Datagrams it has sent, with their destination.
    pub(super) sent: Vec<(SocketAddr, Vec<u8>)>,
    next_frame: u64,
}

impl End {
    fn new(leg: Leg, host: u8) -> Self {
        Self {
            leg,
            address: address(host),
            notices: Vec::new(),
            heard: Vec::new(),
            sent: Vec::new(),
            next_frame: 0,
        }
    }

    pub(super) fn has(&self, wanted: &Notice) -> bool {
        self.notices.iter().any(|(_, notice)| notice == wanted)
    }

    pub(super) fn when(&self, wanted: impl Fn(&Notice) -> bool) -> Option<Duration> {
        self.notices.iter().find(|(_, notice)| wanted(notice)).map(|(at, _)| *at)
    }

    pub(super) fn is_connected(&self) -> bool {
        self.when(|notice| matches!(notice, Notice::DtlsConnected(_))).is_some()
    }
}

pub(super) struct World {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) network: Network,
    /// The offerer and the answerer.
    pub(super) ends: [End; 2],
}

impl World {
    /// The first end offers, the second answers; the answer has arrived, nothing has been sent yet.
    pub(super) fn new(path: Path, seed: u64) -> Self {
        Self::with(path, seed, config(1), config(2), |answer| answer)
    }

    /// As [`World::new`], with an offer that says "active": the offerer starts the handshake.
    pub(super) fn turned(path: Path, seed: u64, on_the_way: impl Fn(String) -> String) -> Self {
        let active = |offer: String| on_the_way(offer).replace("a=setup:actpass", "a=setup:active");
        Self::between(path, seed, [config(1), config(2)], active, |answer| answer)
    }

    pub(super) fn with(
        path: Path,
        seed: u64,
        offerer: LegConfig,
        answerer: LegConfig,
        on_the_way: impl Fn(String) -> String,
    ) -> Self {
        Self::between(path, seed, [offerer, answerer], |offer| offer, on_the_way)
    }

    fn between(
        path: Path,
        seed: u64,
        [offerer, answerer]: [LegConfig; 2],
        change_offer: impl Fn(String) -> String,
        change_answer: impl Fn(String) -> String,
    ) -> Self {
        let now = tokio::time::Instant::now().into_std();
        let (mut first, offer) = Leg::offer(now, &identity(), offerer).unwrap();
        let (second, answer) = Leg::answer(now, &identity(), answerer, &change_offer(offer)).unwrap();
        first.take_answer(now, &change_answer(answer)).unwrap();
        Self {
            start: now,
            now,
            network: Network::new(path, seed),
            ends: [End::new(first, 1), End::new(second, 2)],
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// Lets things happen until `done` or until `limit` has passed since the start; tells which.
    pub(super) fn run(&mut self, limit: Duration, done: impl Fn(&Self) -> bool) -> bool {
        loop {
            self.drain();
            if done(self) {
                return true;
            }
            let deadlines = self.ends.iter().filter_map(|end| end.leg.next_deadline());
            let next = deadlines.chain(self.network.next()).min();
            let Some(next) = next.filter(|next| *next <= self.start + limit) else {
                self.now = self.start + limit;
                return false;
            };
            self.now = self.now.max(next);
            self.deliver();
            for end in &mut self.ends {
                if end.leg.next_deadline().is_some_and(|at| at <= self.now) {
                    end.leg.tick(self.now);
                }
            }
        }
    }

    pub(super) fn run_for(&mut self, duration: Duration) {
        let limit = self.elapsed() + duration;
        self.run(limit, |_| false);
    }

    /// Runs until both have keys.
    pub(super) fn connect(&mut self) {
        let connected = self.run(Duration::from_secs(10), |world| world.ends.iter().all(End::is_connected));
        assert!(connected, "{:?} {:?}", self.ends[0].notices, self.ends[1].notices);
    }

    /// Both ends talk for `frames` frames of 20 ms.
    pub(super) fn talk(&mut self, frames: usize) {
        for _ in 0..frames {
            for end in 0..2 {
                self.say(end);
            }
            self.run_for(Duration::from_millis(20));
        }
    }

    /// One end says one frame; its number is the payload.
    pub(super) fn say(&mut self, end: usize) {
        let number = self.ends[end].next_frame;
        self.ends[end].next_frame += 1;
        self.say_as(end, Source(1), number, &number.to_be_bytes());
    }

    pub(super) fn say_as(&mut self, end: usize, source: Source, number: u64, payload: &[u8]) {
        let now = self.now;
        let end = &mut self.ends[end];
        let mut buffer = vec![0; 12];
        buffer.extend(payload);
        let packet = Packet {
            media: Media::Opus,
            marker: false,
            payload: 12..buffer.len(),
            source,
            index: number,
            timestamp: (number as u32).wrapping_mul(FRAME),
        };
        buffer.resize(buffer.len() + 32, 0);
        if let Ok(sealed) = end.leg.send(now, &packet, &mut buffer) {
            let bytes = buffer[sealed.datagram].to_vec();
            end.sent.push((sealed.to, bytes.clone()));
            self.network.send(now, Datagram { from: end.address, to: sealed.to, bytes });
        }
    }

    /// Delivers a datagram of the attacker's at once.
    pub(super) fn attack(&mut self, end: usize, from: SocketAddr, bytes: &[u8]) {
        let to = self.ends[end].address;
        self.network.inject(self.now, Datagram { from, to, bytes: bytes.to_vec() });
        self.deliver();
        self.drain();
    }

    fn deliver(&mut self) {
        while let Some(Datagram { from, to, mut bytes }) = self.network.take(self.now) {
            for end in self.ends.iter_mut().filter(|end| end.address == to) {
                if let Some(packet) = end.leg.receive(self.now, from, &mut bytes) {
                    let payload = bytes[packet.payload.clone()].to_vec();
                    end.heard.push((packet, payload));
                }
            }
            self.drain();
        }
    }

    fn drain(&mut self) {
        let elapsed = self.elapsed();
        for end in &mut self.ends {
            while let Some(output) = end.leg.poll() {
                match output {
                    Output::Notice(notice) => end.notices.push((elapsed, notice)),
                    Output::Transmit { to, datagram } => {
                        end.sent.push((to, datagram.to_vec()));
                        let datagram = Datagram { from: end.address, to, bytes: datagram.to_vec() };
                        self.network.send(self.now, datagram);
                    }
                }
            }
        }
    }
}
