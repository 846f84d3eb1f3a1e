//! Two callers behind one address, as when Meta routes two calls through the same relay port.

use std::net::UdpSocket;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::sdp::Sdp;
use offhook_media::leg::{Identity, Leg, LegConfig, Media, Notice, Output, Packet};
use offhook_media::{Command, Description, Hearing, LegId, LegNotice, Notified, Plane, PlaneConfig};
use tokio::sync::mpsc::Receiver;

use crate::far_end::{LOOPBACK, now};

struct Caller {
    leg: Leg,
    is_connected: bool,
    heard: Vec<u8>,
    said: u64,
}

/// One socket, several callers.
struct Relay {
    plane: Plane,
    inbox: Receiver<Notified>,
    socket: UdpSocket,
    callers: Vec<Caller>,
}

impl Relay {
    fn new(shards: usize) -> Self {
        let config = PlaneConfig { shards, ..PlaneConfig::new("127.0.0.1:0".parse().unwrap()) };
        let (plane, inbox) = Plane::start(config).unwrap();
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        Self { plane, inbox, socket, callers: Vec::new() }
    }

    fn call(&mut self, identity: &Arc<Identity>) {
        let leg = name(self.callers.len());
        let mut config = LegConfig::new(vec![self.socket.local_addr().unwrap()]);
        config.allow_private = true;
        let (mut peer, offer) = Leg::offer(now(), identity, config).unwrap();
        let description = Description::Answer { offer: Sdp::new(offer) };
        self.plane.send(Command::AddLeg { leg, options: LOOPBACK, description }).unwrap();
        let answer = loop {
            let notified = self.inbox.blocking_recv().unwrap();
            if let LegNotice::LocalDescription { sdp } = notified.notice {
                break sdp;
            }
        };
        peer.take_answer(now(), answer.as_str()).unwrap();
        self.callers.push(Caller { leg: peer, is_connected: false, heard: Vec::new(), said: 0 });
    }

    fn until(&mut self, what: &str, done: impl Fn(&[Caller]) -> bool) {
        let until = now() + Duration::from_secs(20);
        while !done(&self.callers) {
            assert!(now() < until, "not in time: {what}");
            self.turn();
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    fn turn(&mut self) {
        let mut buffer = [0; 2_048];
        while let Ok((len, from)) = self.socket.recv_from(&mut buffer) {
            let is_handshake = (20..64).contains(&buffer[0]);
            for caller in self.callers.iter_mut().filter(|caller| !(is_handshake && caller.is_connected)) {
                let mut copy = buffer;
                if let Some(packet) = caller.leg.receive(now(), from, &mut copy[..len]) {
                    caller.heard.push(copy[packet.payload.start]);
                }
            }
        }
        for caller in &mut self.callers {
            caller.leg.tick(now());
            while let Some(output) = caller.leg.poll() {
                match output {
                    Output::Transmit { to, datagram } => drop(self.socket.send_to(&datagram, to)),
                    Output::Notice(notice) => {
                        caller.is_connected |= matches!(notice, Notice::DtlsConnected(_));
                        assert!(!matches!(notice, Notice::Failed(_)), "{notice:?}");
                    }
                }
            }
        }
    }

    fn say(&mut self, caller: usize, byte: u8) {
        let caller = &mut self.callers[caller];
        caller.said += 1;
        let mut buffer = [byte; 12 + 60 + 32];
        let packet = Packet::new(Media::Opus, 1, caller.said, caller.said as u32 * 960, 12..72);
        let sealed = caller.leg.send(now(), &packet, &mut buffer).unwrap();
        self.socket.send_to(&buffer[sealed.datagram], sealed.to).unwrap();
    }
}

/// The first and the third are of one call, the second is of another.
fn name(caller: usize) -> LegId {
    LegId::of_call(caller as u32 % 2, caller as u32)
}

#[test]
fn two_calls_through_one_remote_address_keep_apart() {
    for shards in [1, 2] {
        check(Relay::new(shards));
    }
}

fn check(mut relay: Relay) {
    let identity = Arc::new(Identity::generate().unwrap());
    for n in 0..3 {
        relay.call(&identity);
        relay.until("the caller connects", |callers| callers[n].is_connected);
    }
    relay.until("everybody is told silence", |callers| callers.iter().all(|caller| caller.heard.len() > 5));
    for (leg, other) in [(name(0), name(2)), (name(2), name(0))] {
        relay.plane.send(Command::Hear { leg, what: Hearing::Legs(vec![other]) }).unwrap();
    }
    for _ in 0..30 {
        relay.say(0, 10);
        relay.say(1, 11);
        relay.say(2, 12);
        relay.turn();
        std::thread::park_timeout(Duration::from_millis(20));
    }
    relay.until("the bridged two hear each other", |callers| {
        callers[0].heard.contains(&12) && callers[2].heard.contains(&10)
    });
    assert!(!relay.callers[1].heard.iter().any(|byte| (10..13).contains(byte)), "the third hears neither");
    assert!(!relay.callers.iter().any(|caller| caller.heard.contains(&11)), "and is heard by nobody");

    relay.plane.send(Command::RemoveLeg { leg: name(1) }).unwrap();
    let heard = relay.callers[0].heard.len();
    relay.callers.remove(1);
    for _ in 0..10 {
        relay.say(1, 13);
        relay.turn();
        std::thread::park_timeout(Duration::from_millis(20));
    }
    relay.until("the others go on", |callers| callers[0].heard[heard..].contains(&13));
}
