//! Shards and their peers in virtual time: a clean network without delay, one step a millisecond.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use opus::{Application, Channels, Decoder, Encoder};

use crate::clip;
use crate::leg::{Drop, Identity, Leg, LegConfig, Media, Notice, Output, Packet};
use crate::message::{Command, Counters, Description, Hearing, LegId, LegNotice, LegOptions, Notified};
use crate::mix::{self, Desk};
use crate::rtp::{Header, Kind};
use crate::shard::port::Port;
use crate::shard::{Setup, Shard, Wake, posts};
use offhook_core::sdp::Sdp;

const STEP: Duration = Duration::from_millis(1);
const FRAME: Duration = Duration::from_millis(20);

fn identity() -> Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    IDENTITY.get_or_init(|| Arc::new(Identity::generate().unwrap())).clone()
}

fn plane_address() -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 7_882))
}

/// What a peer says every 20 ms.
pub(super) enum Says {
    Nothing,
    /// Frames of nothing but this byte, which no decoder is asked about.
    Bytes(u8),
    Tone(Tone),
}

pub(super) struct Tone {
    hz: f32,
    at: usize,
    encoder: Encoder,
}

impl Says {
    pub(super) fn tone(hz: f32) -> Self {
        let encoder = Encoder::new(48_000, Channels::Mono, Application::Voip).unwrap();
        Self::Tone(Tone { hz, at: 0, encoder })
    }

    /// What would be said next.
    pub(super) fn frame(&mut self) -> Option<Vec<u8>> {
        match self {
            Self::Nothing => None,
            Self::Bytes(byte) => Some(vec![*byte; 60]),
            Self::Tone(tone) => {
                let turn = std::f32::consts::TAU * tone.hz / 48_000.0;
                let samples: Vec<f32> =
                    (tone.at..tone.at + 960).map(|n| 0.25 * (turn * n as f32).sin()).collect();
                tone.at += 960;
                Some(tone.encoder.encode_vec_float(&samples, 1_200).unwrap())
            }
        }
    }
}

pub(super) struct Heard {
    pub(super) at: Instant,
    pub(super) media: Media,
    pub(super) marker: bool,
    pub(super) index: u64,
    pub(super) timestamp: u32,
    pub(super) payload: Vec<u8>,
}

pub(super) struct End {
    pub(super) id: LegId,
    pub(super) leg: Leg,
    pub(super) says: Says,
    pub(super) heard: Vec<Heard>,
    pub(super) notices: Vec<Notice>,
    /// SSRCs and payload types as they came.
    pub(super) streams: HashSet<(u32, u8)>,
    /// Every so many datagrams of sound are lost on the way to the plane.
    pub(super) loses_one_in: Option<u64>,
    pub(super) address: SocketAddr,
    /// The shard whose socket its datagrams come to.
    pub(super) lands_on: usize,
    /// The plane's, of its leg.
    pub(super) description: String,
    next_at: Instant,
    pub(super) number: u64,
}

impl End {
    fn is_connected(&self) -> bool {
        self.notices.iter().any(|notice| matches!(notice, Notice::DtlsConnected(_)))
    }

    /// Its next packet, sealed.
    pub(super) fn seal_next(&mut self, now: Instant) -> Vec<u8> {
        self.number += 1;
        let place = (self.number, (self.number as u32).wrapping_mul(960));
        self.seal(now, Media::Opus, place, false, &[9; 60]).unwrap()
    }

    /// Takes what the plane has sent.
    fn take(&mut self, now: Instant, mut bytes: Vec<u8>) {
        let header = Header::read(&bytes);
        if let Some(packet) = self.leg.receive(now, plane_address(), &mut bytes) {
            self.streams.extend(header.map(|header| (header.ssrc, header.payload_type)));
            let payload = bytes[packet.payload.clone()].to_vec();
            let Packet { media, marker, index, timestamp, .. } = packet;
            self.heard.push(Heard { at: now, media, marker, index, timestamp, payload });
        }
    }

    /// Seals a packet of this numbering, ready to be put on the wire.
    pub(super) fn seal(
        &mut self,
        now: Instant,
        media: Media,
        (index, timestamp): (u64, u32),
        marker: bool,
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        let mut buffer = vec![0; 12];
        buffer.extend(payload);
        let mut packet = Packet::new(media, 7, index, timestamp, 12..buffer.len());
        packet.marker = marker;
        buffer.resize(buffer.len() + 32, 0);
        let sealed = self.leg.send(now, &packet, &mut buffer).ok()?;
        Some(buffer[sealed.datagram].to_vec())
    }
}

/// A shard, what it is told through, and its mixer.
struct Side {
    shard: Shard,
    commands: SyncSender<Command>,
    inbox: Receiver<Command>,
    desk: Desk,
}

pub(super) struct World {
    pub(super) now: Instant,
    sides: Vec<Side>,
    pub(super) ends: Vec<End>,
    pub(super) notices: Vec<Notified>,
    notified: tokio::sync::mpsc::Receiver<Notified>,
}

impl World {
    pub(super) fn new(max_mixes: usize) -> Self {
        Self::sharded(1, max_mixes)
    }

    pub(super) fn sharded(shards: usize, max_mixes: usize) -> Self {
        let now = tokio::time::Instant::now().into_std();
        let (notices, notified) = tokio::sync::mpsc::channel(4_096);
        let wakes: Vec<Arc<Wake>> = (0..shards).map(|_| Arc::new(Wake::new().unwrap())).collect();
        let dropped: Arc<crate::shard::Dropped> = Arc::default();
        let turns: Arc<crate::shard::Turns> = Arc::default();
        let side = |post| {
            let (commands, inbox) = sync_channel(256);
            let (link, desk) = mix::pair();
            let setup = Setup {
                identity: identity(),
                addresses: vec![plane_address()],
                music: clip::music().unwrap(),
                notices: notices.clone(),
                max_legs: 100,
                dropped: dropped.clone(),
                turns: turns.clone(),
                mixer: link,
                max_mixes,
                post,
            };
            Side { shard: Shard::on(now, Port::in_memory(), setup), commands, inbox, desk }
        };
        let sides = posts(&wakes).into_iter().map(side).collect();
        Self { now, sides, ends: Vec::new(), notices: Vec::new(), notified }
    }

    /// Totals of one shard.
    pub(super) fn counters_of(&self, shard: usize) -> Counters {
        self.sides[shard].shard.counters
    }

    /// Totals of the only shard.
    pub(super) fn counters(&self) -> Counters {
        self.counters_of(0)
    }

    /// A world of so many connected legs.
    pub(super) fn of(legs: usize) -> Self {
        let mut world = Self::new(10);
        for _ in 0..legs {
            world.add(|offer| offer);
        }
        world
    }

    pub(super) fn send(&mut self, command: Command) {
        let shard = command.leg().shard(self.sides.len());
        self.sides[shard].commands.try_send(command).unwrap();
    }

    pub(super) fn hear(&mut self, end: usize, what: Hearing) {
        self.send(Command::Hear { leg: self.ends[end].id, what });
    }

    pub(super) fn hear_legs(&mut self, end: usize, others: &[usize]) {
        let legs = others.iter().map(|other| self.ends[*other].id).collect();
        self.hear(end, Hearing::Legs(legs));
    }

    /// Adds a leg whose peer offers, as changed on the way, and waits until it is connected.
    pub(super) fn add(&mut self, on_the_way: impl Fn(String) -> String) -> usize {
        self.add_at(0, 0, on_the_way)
    }

    /// The same, for a leg of this home whose peer's datagrams come to this shard.
    pub(super) fn add_at(
        &mut self,
        home: u32,
        lands_on: usize,
        on_the_way: impl Fn(String) -> String,
    ) -> usize {
        let address = SocketAddr::from(([198, 51, 100, self.ends.len() as u8 + 1], 5_000));
        self.add_from(address, home, lands_on, on_the_way)
    }

    /// The same, with the peer's address.
    pub(super) fn add_from(
        &mut self,
        address: SocketAddr,
        home: u32,
        lands_on: usize,
        on_the_way: impl Fn(String) -> String,
    ) -> usize {
        let n = self.begin_from(address, home, lands_on, &identity(), on_the_way);
        self.connect(n);
        n
    }

    /// The same for a peer with a certificate of its own, without waiting.
    pub(super) fn begin_from(
        &mut self,
        address: SocketAddr,
        home: u32,
        lands_on: usize,
        identity: &Arc<Identity>,
        on_the_way: impl Fn(String) -> String,
    ) -> usize {
        let (leg, offer) = Leg::offer(self.now, identity, LegConfig::new(vec![address])).unwrap();
        let description = Description::Answer { offer: Sdp::new(on_the_way(offer)) };
        let (id, answer) = self.describe(home, description);
        let n = self.seat(id, leg, address, lands_on, answer);
        let now = self.now;
        let End { leg, description, .. } = &mut self.ends[n];
        leg.take_answer(now, description).unwrap();
        n
    }

    /// Adds a leg that offers. Its peer answers, and begins the handshake.
    pub(super) fn add_offering(&mut self, address: SocketAddr, home: u32, lands_on: usize) -> usize {
        let (id, offer) = self.describe(home, Description::Offer);
        let config = LegConfig::new(vec![address]);
        let (leg, answer) = Leg::answer(self.now, &identity(), config, &offer).unwrap();
        self.send(Command::Answer { leg: id, sdp: Sdp::new(answer) });
        let n = self.seat(id, leg, address, lands_on, offer);
        self.connect(n);
        n
    }

    /// Has the plane add a leg and describe it.
    fn describe(&mut self, home: u32, description: Description) -> (LegId, String) {
        let id = LegId::of_call(home, self.ends.len() as u32 + 1);
        self.send(Command::AddLeg { leg: id, options: LegOptions::default(), description });
        self.step();
        let described = self.of_leg(id).find_map(|notice| match notice {
            LegNotice::LocalDescription { sdp } => Some(sdp.as_str().to_owned()),
            _ => None,
        });
        (id, described.unwrap())
    }

    fn seat(
        &mut self,
        id: LegId,
        leg: Leg,
        address: SocketAddr,
        lands_on: usize,
        description: String,
    ) -> usize {
        self.ends.push(End {
            id,
            leg,
            says: Says::Nothing,
            heard: Vec::new(),
            notices: Vec::new(),
            streams: HashSet::new(),
            loses_one_in: None,
            address,
            lands_on,
            description,
            next_at: self.now,
            number: 0,
        });
        self.ends.len() - 1
    }

    pub(super) fn connect(&mut self, n: usize) {
        self.until("the leg connects", |world| {
            let of_plane = |notice: &LegNotice| matches!(notice, LegNotice::DtlsConnected { .. });
            world.ends[n].is_connected() && world.of_leg(world.ends[n].id).any(of_plane)
        });
    }

    /// What the plane has told of a leg.
    pub(super) fn of_leg(&self, id: LegId) -> impl Iterator<Item = &LegNotice> {
        let of_leg = self.notices.iter().filter(move |notified| notified.leg == id);
        of_leg.map(|notified| &notified.notice)
    }

    pub(super) fn of_end(&self, end: usize) -> Vec<LegNotice> {
        self.of_leg(self.ends[end].id).cloned().collect()
    }

    pub(super) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        for _ in 0..20_000 {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("not within 20 s: {what}; {:?}", self.notices);
    }

    pub(super) fn run_for(&mut self, millis: u64) -> Instant {
        let before = self.now;
        for _ in 0..millis {
            self.step();
        }
        before
    }

    /// Packets tried with the wrong keys, so far.
    pub(super) fn forged(&self) -> u64 {
        self.dropped(Drop::SrtpForged)
    }

    /// Datagrams dropped for a reason, so far.
    pub(super) fn dropped(&self, why: Drop) -> u64 {
        self.sides[0].shard.setup.dropped.load().count(why)
    }

    /// Puts a datagram of a peer's on the wire.
    pub(super) fn put(&mut self, end: usize, datagram: Vec<u8>) {
        let End { address, lands_on, .. } = self.ends[end];
        self.put_from(address, lands_on, datagram);
    }

    /// Puts a datagram of anybody's on the wire to a shard's socket.
    pub(super) fn put_from(&mut self, from: SocketAddr, lands_on: usize, datagram: Vec<u8>) {
        self.sides[lands_on].shard.port.memory().inbox.push_back((from, datagram));
    }

    /// Lets so much time pass in which the shard gets nothing done.
    pub(super) fn hold_up(&mut self, millis: u64) {
        for _ in 0..millis {
            self.now += STEP;
            self.peers();
        }
    }

    pub(super) fn step(&mut self) {
        self.now += STEP;
        self.peers();
        self.plane();
    }

    /// What peers do of themselves.
    fn peers(&mut self) {
        let now = self.now;
        for n in 0..self.ends.len() {
            let end = &mut self.ends[n];
            if end.next_at <= now {
                end.next_at += FRAME;
                if let Some(frame) = end.says.frame() {
                    end.number += 1;
                    let place = (end.number, (end.number as u32).wrapping_mul(960));
                    let sealed = end.seal(now, Media::Opus, place, false, &frame);
                    let is_lost = end.loses_one_in.is_some_and(|one_in| end.number.is_multiple_of(one_in));
                    if let Some(datagram) = sealed.filter(|_| !is_lost) {
                        self.put(n, datagram);
                    }
                }
            }
            let end = &mut self.ends[n];
            end.leg.tick(now);
            while let Some(output) = self.ends[n].leg.poll() {
                match output {
                    Output::Transmit { datagram, .. } => self.put(n, datagram.to_vec()),
                    Output::Notice(notice) => self.ends[n].notices.push(notice),
                }
            }
        }
    }

    /// A turn of every shard and its mixer, and what peers hear of it.
    fn plane(&mut self) {
        let now = self.now;
        for side in &mut self.sides {
            side.shard.turn(|| now, &side.inbox);
            side.desk.work();
        }
        let shaking: Vec<LegId> = self.sides.iter().flat_map(|side| side.shard.shaking()).collect();
        for side in &mut self.sides {
            let sent = std::mem::take(&mut side.shard.port.memory().outbox);
            for (to, bytes) in sent {
                // A connected peer behind an address of several is not bothered with the handshakes of others.
                let is_shared = self.ends.iter().filter(|end| end.address == to).count() > 1;
                let is_handshake = is_shared && Kind::of(&bytes) == Kind::Dtls;
                let behind = self.ends.iter_mut().filter(|end| end.address == to);
                // Whose handshake it is the other side knows, if only from there being no other.
                let is_theirs = |end: &End| match shaking[..] {
                    [one] => one == end.id,
                    _ => !end.is_connected(),
                };
                for end in behind.filter(|end| !is_handshake || is_theirs(end)) {
                    end.take(now, bytes.clone());
                }
            }
        }
        while let Ok(notified) = self.notified.try_recv() {
            self.notices.push(notified);
        }
    }

    /// First bytes of the frames a peer has heard since then, each once, in order of appearance.
    pub(super) fn bytes(&self, end: usize, since: Instant) -> Vec<u8> {
        let mut seen = Vec::new();
        for heard in self.ends[end].heard.iter().filter(|heard| heard.at > since) {
            let byte = heard.payload[0];
            if heard.media == Media::Opus && !seen.contains(&byte) {
                seen.push(byte);
            }
        }
        seen
    }

    /// How loud each of these tones is in what a peer has heard since then: 1 is as loud as it was said.
    pub(super) fn tones<const N: usize>(&self, end: usize, since: Instant, hz: [f32; N]) -> [f32; N] {
        let sound = self.sound(end, since);
        hz.map(|hz| {
            let (mut sine, mut cosine) = (0.0, 0.0);
            for (n, sample) in sound.iter().enumerate() {
                let (s, c) = (std::f32::consts::TAU * hz / 48_000.0 * n as f32).sin_cos();
                (sine, cosine) = (sine + sample * s, cosine + sample * c);
            }
            let amplitude = 2.0 * f32::hypot(sine, cosine) / sound.len().max(1) as f32;
            amplitude / 0.25
        })
    }

    /// What a peer has heard since then, decoded.
    pub(super) fn sound(&self, end: usize, since: Instant) -> Vec<f32> {
        let mut decoder = Decoder::new(48_000, Channels::Mono).unwrap();
        let mut sound = Vec::new();
        for heard in self.ends[end].heard.iter().filter(|heard| heard.at > since) {
            let mut out = [0.0; 5_760];
            let samples = decoder.decode_float(&heard.payload, &mut out, false).unwrap();
            sound.extend(&out[..samples]);
        }
        sound
    }

    /// One SSRC, sequence numbers without a gap, timestamps that follow the clock.
    pub(super) fn assert_one_line(&self, end: usize) {
        let end = &self.ends[end];
        let ssrcs: HashSet<u32> = end.streams.iter().map(|(ssrc, _)| *ssrc).collect();
        assert_eq!(ssrcs.len(), 1, "one SSRC whoever talks");
        let mut began_at = end.heard[0].at;
        for pair in end.heard.windows(2) {
            assert_eq!(pair[1].index, pair[0].index + 1);
            let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            // The packets of a key share the moment it went down.
            if pair.iter().all(|heard| heard.media == Media::Dtmf) && step == 0 {
                continue;
            }
            assert!(step > 0 && step.is_multiple_of(960), "{step}");
            let waited = (pair[1].at - began_at).as_millis() as u32 * 48;
            assert!(step.abs_diff(waited) <= 3 * 960, "{step} after {waited}");
            began_at = pair[1].at;
        }
    }
}
