//! Peers of another stack: aiortc, with OpenSSL's DTLS and libopus, each way round.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command as Process, Stdio};
use std::time::{Duration, Instant};

use offhook_media::{Command, Description, LegId, LegNotice, Notified, Plane, PlaneConfig, Play};
use serde_json::{Value, json};
use tokio::sync::mpsc::Receiver;

use crate::far_end::{LOOPBACK, now};

/// An aiortc peer in a process of its own.
struct Peer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Peer {
    fn start(hz: u32) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = root.join("../../target/venv/bin/python");
        let mut child = Process::new(&python)
            .arg(root.join("tests/media/peer.py"))
            .arg(hz.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{} does not run ({error}): python3 -m venv target/venv && target/venv/bin/pip install aiortc numpy",
                    python.display()
                )
            });
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout }
    }

    fn ask(&mut self, command: &Value) -> Value {
        writeln!(self.stdin, "{command}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the peer broke off after {command}"))
    }

    fn sdp(&mut self, command: &Value) -> String {
        self.ask(command)["sdp"].as_str().unwrap().to_owned()
    }

    /// Asks what it hears until it is a tone of about `hz`.
    fn hears(&mut self, hz: f64) -> Value {
        let until = now() + Duration::from_secs(20);
        loop {
            let heard = self.ask(&json!({"op": "heard"}));
            let tone = heard["hz"].as_f64().unwrap();
            if (tone - hz).abs() < 8.0 && heard["level"].as_f64().unwrap() > 1_000.0 {
                return heard;
            }
            assert!(now() < until, "no {hz} Hz: {heard}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct House {
    plane: Plane,
    inbox: Receiver<Notified>,
    seen: Vec<Notified>,
}

impl House {
    fn new() -> Self {
        let (plane, inbox) = Plane::start(PlaneConfig::new("127.0.0.1:0".parse().unwrap())).unwrap();
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
            LegNotice::LocalDescription { sdp } => Some(sdp.clone()),
            _ => None,
        })
    }

    fn connect(&mut self, leg: LegId, peer: &mut Peer, plane_offers: bool) {
        if plane_offers {
            let add = Command::AddLeg { leg, options: LOOPBACK, description: Description::Offer };
            self.plane.send(add).unwrap();
            let offer = self.description(leg);
            let sdp = peer.sdp(&json!({"op": "answer", "sdp": offer}));
            self.plane.send(Command::Answer { leg, sdp }).unwrap();
        } else {
            let offer = peer.sdp(&json!({"op": "offer"}));
            let description = Description::Answer { offer };
            self.plane.send(Command::AddLeg { leg, options: LOOPBACK, description }).unwrap();
            let answer = self.description(leg);
            peer.ask(&json!({"op": "accept", "sdp": answer}));
        }
        self.notice(leg, |notice| matches!(notice, LegNotice::DtlsConnected { .. }).then_some(()));
    }
}

#[test]
fn two_aiortc_peers_hear_each_others_tone_whoever_offers() {
    for plane_offers in [[false, true], [true, false]] {
        let mut house = House::new();
        let mut peers = [Peer::start(440), Peer::start(880)];
        let legs = [LegId(1), LegId(2)];
        for ((leg, peer), plane_offers) in legs.iter().zip(&mut peers).zip(plane_offers) {
            house.connect(*leg, peer, plane_offers);
        }
        house.plane.send(Command::Bridge { a: legs[0], b: legs[1] }).unwrap();
        peers[0].hears(880.0);
        peers[1].hears(440.0);

        house.plane.send(Command::SetSource { leg: legs[0], source: Play::HoldMusic }).unwrap();
        let until = now() + Duration::from_secs(10);
        loop {
            let heard = peers[0].ask(&json!({"op": "heard"}));
            let tone = heard["hz"].as_f64().unwrap();
            if (150.0..460.0).contains(&tone) && heard["level"].as_f64().unwrap() > 100.0 {
                break;
            }
            assert!(now() < until, "no music: {heard}");
            std::thread::park_timeout(Duration::from_millis(50));
        }
        house.plane.send(Command::SetSource { leg: legs[0], source: Play::Peer }).unwrap();
        peers[0].hears(880.0);

        for leg in legs {
            let stats = house.notice(leg, |notice| match notice {
                LegNotice::Stats(stats) => Some(*stats.clone()),
                _ => None,
            });
            assert_eq!(stats.quality.packets_lost, 0, "{stats:?}");
            assert!(stats.quality.packets_received > 50, "{stats:?}");
            assert!(stats.quality.mos > 4.0, "{stats:?}");
            assert_eq!(stats.drops.total(), 0, "{stats:?}");
        }
        for peer in &mut peers {
            assert_eq!(peer.ask(&json!({"op": "heard"}))["state"], "connected");
            peer.ask(&json!({"op": "close"}));
        }
        for leg in legs {
            let reason = house.notice(leg, |notice| match notice {
                LegNotice::Failed { reason } => Some(reason.code()),
                _ => None,
            });
            assert_eq!(reason, "peer_closed");
        }
    }
}
