//! Peers of other stacks, each way round: aiortc with OpenSSL's DTLS, Chromium with BoringSSL's.

use std::io::{BufRead, BufReader, Write};
use std::ops::Range;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::time::{Duration, Instant};

use offhook_core::sdp::Sdp;
use offhook_media::leg::Drop;
use offhook_media::{
    Command, Description, Hearing, LegId, LegNotice, Notified, Plane, PlaneConfig, PressRefusal,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use crate::far_end::{LOOPBACK, now};

/// Another stack.
#[derive(Debug, Clone, Copy)]
enum Stack {
    Aiortc,
    Chromium,
}

/// A peer in a process of its own.
struct Peer {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    fn start(stack: Stack, hz: u32) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (program, script, remedy) = match stack {
            Stack::Aiortc => (
                root.join("../../target/venv/bin/python"),
                "tests/media/peer.py",
                "python3 -m venv target/venv && target/venv/bin/pip install aiortc numpy",
            ),
            Stack::Chromium => {
                ("node".into(), "tests/media/peer.mjs", "node, chromium and `npm ci` in web are needed")
            }
        };
        let mut child = Process::new(&program)
            .arg(root.join(script))
            .arg(hz.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not run ({error}): {remedy}", program.display()));
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.stdin.as_mut().unwrap(), "{command}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the peer broke off after {command}"))
    }

    /// Asks how loud these tones are until the first are there and the last is not.
    fn hears_but(&mut self, there: [u32; 2], absent: u32) {
        let until = now() + Duration::from_secs(20);
        loop {
            let heard = self.ask(&json!({"op": "tones", "hz": [there[0], there[1], absent]}));
            let decibels: Vec<f64> =
                heard["tones"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
            if decibels[0] > -30.0 && decibels[1] > -30.0 && decibels[2] < -50.0 {
                return;
            }
            assert!(now() < until, "not {there:?} without {absent} Hz: {decibels:?}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }

    fn sdp(&mut self, command: &Value) -> String {
        self.ask(command)["sdp"].as_str().unwrap().to_owned()
    }

    /// Asks what it hears until it is a tone in this range, loud enough.
    fn hears(&mut self, hz: Range<f64>, loudness: f64) {
        let until = now() + Duration::from_secs(20);
        loop {
            let heard = self.ask(&json!({"op": "heard"}));
            if hz.contains(&heard["hz"].as_f64().unwrap()) && heard["level"].as_f64().unwrap() > loudness {
                return;
            }
            assert!(now() < until, "not {hz:?} Hz: {heard}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl std::ops::Drop for Peer {
    fn drop(&mut self) {
        // The end of its input ends the browser with the script; a killed script would leave it behind.
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

struct House {
    plane: Plane,
    inbox: Receiver<Notified>,
    seen: Vec<Notified>,
}

impl House {
    fn new(shards: usize) -> Self {
        let config = PlaneConfig { shards, ..PlaneConfig::new("127.0.0.1:0".parse().unwrap()) };
        let (plane, inbox) = Plane::start(config).unwrap();
        Self { plane, inbox, seen: Vec::new() }
    }

    /// Waits for a notice.
    fn notice<T>(&mut self, leg: LegId, pick: impl Fn(&LegNotice) -> Option<T>) -> T {
        let until: Instant = now() + Duration::from_secs(15);
        loop {
            let mut of_leg = self.seen.iter().filter(|notified| notified.leg == leg);
            if let Some(found) = of_leg.find_map(|notified| pick(&notified.notice)) {
                return found;
            }
            assert!(now() < until, "no such notice: {:?}", self.seen);
            match self.inbox.try_recv() {
                Ok(notified) => self.seen.push(notified),
                Err(_) => std::thread::park_timeout(Duration::from_millis(2)),
            }
        }
    }

    fn description(&mut self, leg: LegId) -> String {
        self.notice(leg, |notice| match notice {
            LegNotice::LocalDescription { sdp } => Some(sdp.as_str().to_owned()),
            _ => None,
        })
    }

    fn hear(&self, leg: LegId, what: Hearing) {
        self.plane.send(Command::Hear { leg, what }).unwrap();
    }

    fn connect(&mut self, leg: LegId, peer: &mut Peer, plane_offers: bool) {
        if plane_offers {
            let add = Command::AddLeg { leg, options: LOOPBACK, description: Description::Offer };
            self.plane.send(add).unwrap();
            let offer = self.description(leg);
            let sdp = peer.sdp(&json!({"op": "answer", "sdp": offer}));
            self.plane.send(Command::Answer { leg, sdp: Sdp::new(sdp) }).unwrap();
        } else {
            let offer = peer.sdp(&json!({"op": "offer"}));
            let description = Description::Answer { offer: Sdp::new(offer) };
            self.plane.send(Command::AddLeg { leg, options: LOOPBACK, description }).unwrap();
            let answer = self.description(leg);
            peer.ask(&json!({"op": "accept", "sdp": answer}));
        }
        self.notice(leg, |notice| matches!(notice, LegNotice::DtlsConnected { .. }).then_some(()));
    }
}

#[test]
fn two_aiortc_peers_hear_each_other_whoever_offers() {
    for (shards, plane_offers) in [(1, [false, true]), (2, [true, false])] {
        let peers = [Peer::start(Stack::Aiortc, 440), Peer::start(Stack::Aiortc, 880)];
        let peers = converse(peers, shards, plane_offers);
        assert_goodbye(peers);
    }
}

#[test]
fn chromium_and_aiortc_hear_each_other_whoever_offers() {
    for (shards, plane_offers) in [(1, [false, true]), (2, [true, false])] {
        let peers = [Peer::start(Stack::Chromium, 440), Peer::start(Stack::Aiortc, 880)];
        let peers = converse(peers, shards, plane_offers);
        assert_goodbye(peers);
    }
}

#[test]
fn three_stacks_in_a_conference_hear_the_others_and_not_themselves() {
    const HZ: [u32; 3] = [440, 880, 1_320];
    let stacks = [Stack::Chromium, Stack::Aiortc, Stack::Aiortc];
    let mut peers: Vec<Peer> = stacks.into_iter().zip(HZ).map(|(stack, hz)| Peer::start(stack, hz)).collect();
    let legs = [LegId(1), LegId(2), LegId(3)];
    let mut house = House::new(2);
    for (leg, peer) in legs.iter().zip(&mut peers) {
        house.connect(*leg, peer, false);
    }
    for leg in legs {
        let others = legs.iter().copied().filter(|other| *other != leg).collect();
        house.hear(leg, Hearing::Legs(others));
    }
    for (n, peer) in peers.iter_mut().enumerate() {
        peer.hears_but([HZ[(n + 1) % 3], HZ[(n + 2) % 3]], HZ[n]);
    }
    let counters = house.plane.counters();
    assert!(counters.mixed > 0 && counters.forwarded == 0, "{counters:?}");
    assert_eq!((counters.mix_lost, counters.mix_corrupt), (0, 0));
}

#[test]
fn keys_go_both_ways_with_chromium_and_sound_goes_on() {
    for (shards, plane_offers) in [(1, false), (2, true)] {
        let mut peers = [Peer::start(Stack::Chromium, 440), Peer::start(Stack::Aiortc, 880)];
        let mut house = House::new(shards);
        house.connect(LEGS[0], &mut peers[0], plane_offers);
        house.connect(LEGS[1], &mut peers[1], false);
        house.hear(LEGS[0], Hearing::Legs(vec![LEGS[1]]));
        house.hear(LEGS[1], Hearing::Legs(vec![LEGS[0]]));
        peers[0].ask(&json!({"op": "press"}));
        for key in ['1', '2', '3', '#'] {
            let millis = house.notice(LEGS[0], |notice| match notice {
                LegNotice::Digit { digit, millis } if *digit == key => Some(*millis),
                _ => None,
            });
            assert!((90..=160).contains(&millis), "{key} for {millis} ms");
        }
        let told = house.seen.iter().filter(|told| matches!(told.notice, LegNotice::Digit { .. })).count();
        assert_eq!(told, 4, "each once");
        let press =
            |leg| Command::Press { leg, digits: vec!['5', '*'], millis_per_digit: 100, gap_millis: 80 };
        for leg in LEGS {
            house.plane.send(press(leg)).unwrap();
        }
        house.notice(LEGS[0], |notice| (*notice == LegNotice::Pressed { digits: 2 }).then_some(()));
        let reason = PressRefusal::NotNegotiated;
        house.notice(LEGS[1], |notice| (*notice == LegNotice::PressRefused { reason }).then_some(()));
        peers[0].hears(870.0..890.0, 1_000.0);
        peers[1].hears(430.0..450.0, 1_000.0);
    }
}

/// The page's network has changed: it offers a new path for the same connection, and tells candidates afterwards.
#[test]
fn chromium_restarts_ice_in_the_middle_of_a_call_and_nobody_hears_it() {
    for (shards, plane_offers) in [(1, false), (2, true)] {
        let peers = [Peer::start(Stack::Chromium, 440), Peer::start(Stack::Aiortc, 880)];
        let (mut house, mut peers) = converse(peers, shards, [plane_offers, true]);
        peers[0].ask(&json!({"op": "watch"}));
        for _ in 0..3 {
            house.seen.retain(|seen| !matches!(seen.notice, LegNotice::LocalDescription { .. }));
            let offer = Sdp::new(peers[0].sdp(&json!({"op": "restart"})));
            house.plane.send(Command::Restart { leg: LEGS[0], offer }).unwrap();
            let answer = house.description(LEGS[0]);
            peers[0].ask(&json!({"op": "accept", "sdp": answer}));
            peers[0].ask(&json!({"op": "flows"}));
        }
        let watched = peers[0].ask(&json!({"op": "watched"}));
        println!("through three restarts: {watched}");
        assert_eq!((&watched["ssrcs"], &watched["ufrags"]), (&json!(2), &json!(4)), "one stream each way");
        assert!(watched["longest"].as_f64().unwrap() < 500.0, "{watched}");
        peers[0].hears(870.0..890.0, 1_000.0);
        peers[1].hears(430.0..450.0, 1_000.0);
        let shaken = house.seen.iter().filter(|it| matches!(it.notice, LegNotice::DtlsConnected { .. }));
        assert_eq!(shaken.count(), 2, "each once");
    }
}

const LEGS: [LegId; 2] = [LegId(1), LegId(2)];

/// Two peers, saying 440 and 880 Hz, connect, are bridged, hear each other, music, and each other again.
fn converse(mut peers: [Peer; 2], shards: usize, plane_offers: [bool; 2]) -> (House, [Peer; 2]) {
    let mut house = House::new(shards);
    for ((leg, peer), plane_offers) in LEGS.iter().zip(&mut peers).zip(plane_offers) {
        house.connect(*leg, peer, plane_offers);
    }
    for (leg, other) in [(LEGS[0], LEGS[1]), (LEGS[1], LEGS[0])] {
        house.hear(leg, Hearing::Legs(vec![other]));
    }
    peers[0].hears(870.0..890.0, 1_000.0);
    peers[1].hears(430.0..450.0, 1_000.0);
    house.hear(LEGS[0], Hearing::Music);
    peers[0].hears(150.0..460.0, 100.0);
    house.hear(LEGS[0], Hearing::Legs(vec![LEGS[1]]));
    peers[0].hears(870.0..890.0, 1_000.0);
    for leg in LEGS {
        let stats = house.notice(leg, |notice| match notice {
            LegNotice::Stats(stats) => Some(*stats.clone()),
            _ => None,
        });
        assert_eq!(stats.quality.packets_lost, 0, "{stats:?}");
        assert!(stats.quality.packets_received > 50, "{stats:?}");
        assert!(stats.quality.mos > 4.0, "{stats:?}");
        // A peer may check before its answer has reached us.
        let early = stats.drops.count(Drop::StunBeforeAnswer);
        assert_eq!(stats.drops.total(), early, "{stats:?}");
    }
    (house, peers)
}

fn assert_goodbye((mut house, mut peers): (House, [Peer; 2])) {
    for peer in &mut peers {
        assert_eq!(peer.ask(&json!({"op": "heard"}))["state"], "connected");
        peer.ask(&json!({"op": "close"}));
    }
    for leg in LEGS {
        let reason = house.notice(leg, |notice| match notice {
            LegNotice::Failed { reason } => Some(reason.code()),
            _ => None,
        });
        assert_eq!(reason, "peer_closed");
    }
}
