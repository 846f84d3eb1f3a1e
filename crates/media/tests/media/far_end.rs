//! Peers with a socket each, driven by the test.

use std::net::{SocketAddr, UdpSocket};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use offhook_core::sdp::Sdp;
use offhook_media::leg::{Identity, Leg, LegConfig, Media, Notice, Output, Packet};
use offhook_media::{
    Command, Description, Hearing, LegId, LegNotice, LegOptions, Notified, Plane, PlaneConfig,
};
use tokio::sync::mpsc::Receiver;

const FRAME: Duration = Duration::from_millis(20);

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn identity() -> &'static Arc<Identity> {
    static IDENTITY: OnceLock<Arc<Identity>> = OnceLock::new();
    IDENTITY.get_or_init(|| Arc::new(Identity::generate().unwrap()))
}

/// A heard packet: when, its place on the sender's line, and what it said.
pub(crate) struct Heard {
    pub(crate) at: Instant,
    pub(crate) index: u64,
    pub(crate) timestamp: u32,
    pub(crate) media: Media,
    pub(crate) payload: Vec<u8>,
}

/// One peer of the plane.
pub(crate) struct FarEnd {
    pub(crate) id: LegId,
    pub(crate) leg: Leg,
    pub(crate) heard: Vec<Heard>,
    pub(crate) notices: Vec<Notice>,
    /// Datagrams as they came, before anything was opened.
    pub(crate) raw: Vec<Vec<u8>>,
    socket: UdpSocket,
    /// While set, a frame with this first byte is said every 20 ms.
    pub(crate) says: Option<u8>,
    next_frame: Instant,
    number: u64,
}

impl FarEnd {
    pub(crate) fn send_raw(&self, bytes: &[u8], to: SocketAddr) {
        self.socket.send_to(bytes, to).unwrap();
    }

    pub(crate) fn has(&self, wanted: impl Fn(&Notice) -> bool) -> bool {
        self.notices.iter().any(wanted)
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.has(|notice| matches!(notice, Notice::DtlsConnected(_)))
    }

    /// Whether a frame beginning with `byte` has been heard since `since`.
    pub(crate) fn hears(&self, byte: u8, since: Instant) -> bool {
        self.heard.iter().any(|heard| heard.at >= since && heard.payload.first() == Some(&byte))
    }

    pub(crate) fn say(&mut self, media: Media, payload: &[u8]) {
        self.number += 1;
        let mut buffer = vec![0; 12];
        buffer.extend(payload);
        let timestamp = (self.number as u32).wrapping_mul(960);
        let packet = Packet::new(media, 7, self.number, timestamp, 12..buffer.len());
        buffer.resize(buffer.len() + 32, 0);
        if let Ok(sealed) = self.leg.send(now(), &packet, &mut buffer) {
            self.socket.send_to(&buffer[sealed.datagram], sealed.to).unwrap();
        }
    }

    fn turn(&mut self) {
        let mut buffer = [0; 2_048];
        while let Ok((len, from)) = self.socket.recv_from(&mut buffer) {
            self.raw.push(buffer[..len].to_vec());
            let at = now();
            if let Some(packet) = self.leg.receive(at, from, &mut buffer[..len]) {
                let payload = buffer[packet.payload.clone()].to_vec();
                let Packet { index, timestamp, media, .. } = packet;
                self.heard.push(Heard { at, index, timestamp, media, payload });
            }
        }
        let at = now();
        if self.leg.next_deadline().is_some_and(|deadline| deadline <= at) {
            self.leg.tick(at);
        }
        while let Some(output) = self.leg.poll() {
            match output {
                Output::Transmit { to, datagram } => drop(self.socket.send_to(&datagram, to)),
                Output::Notice(notice) => self.notices.push(notice),
            }
        }
        if let Some(byte) = self.says.filter(|_| self.next_frame <= at) {
            self.next_frame = at.max(self.next_frame + FRAME);
            self.say(Media::Opus, &[byte; 60]);
        }
    }
}

/// A plane and its peers.
pub(crate) struct House {
    pub(crate) plane: Plane,
    pub(crate) ends: Vec<FarEnd>,
    pub(crate) notices: Vec<(Instant, Notified)>,
    inbox: Receiver<Notified>,
    /// Of legs that are added from now on.
    pub(crate) home: u32,
}

pub(crate) const LOOPBACK: LegOptions = LegOptions { hold_rtp: false, allow_private: true };

impl House {
    pub(crate) fn new() -> Self {
        Self::on("127.0.0.1:0", 1)
    }

    pub(crate) fn on(listen: &str, shards: usize) -> Self {
        let mut config = PlaneConfig { shards, ..PlaneConfig::new(listen.parse().unwrap()) };
        if config.listen.ip().is_unspecified() {
            config.external_ips = vec!["127.0.0.1".parse().unwrap(), "::1".parse().unwrap()];
        }
        let (plane, inbox) = Plane::start(config).unwrap();
        Self { plane, ends: Vec::new(), notices: Vec::new(), inbox, home: 0 }
    }

    pub(crate) fn send(&self, command: Command) {
        self.plane.send(command).unwrap();
    }

    /// Waits for a notice about `leg` that `pick` takes.
    pub(crate) fn notice<T>(&mut self, leg: LegId, pick: impl Fn(&LegNotice) -> Option<T>) -> T {
        let until = now() + Duration::from_secs(10);
        loop {
            let mut of_leg = self.notices.iter().filter(|(_, notified)| notified.leg == leg);
            if let Some(found) = of_leg.find_map(|(_, notified)| pick(&notified.notice)) {
                return found;
            }
            assert!(now() < until, "no such notice: {:?}", self.notices);
            self.turn();
        }
    }

    /// The plane's description of a leg.
    pub(crate) fn description(&mut self, leg: LegId) -> String {
        self.notice(leg, |notice| match notice {
            LegNotice::LocalDescription { sdp } => Some(sdp.as_str().to_owned()),
            _ => None,
        })
    }

    /// Adds a leg that offers and a peer that answers, or the other way round, and waits for nothing.
    pub(crate) fn add(&mut self, plane_offers: bool, options: LegOptions) -> usize {
        let ip = self.plane.local_addr().ip();
        self.add_at(if ip.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" }, plane_offers, options)
    }

    /// The same, with the peer's address.
    pub(crate) fn add_at(&mut self, host: &str, plane_offers: bool, options: LegOptions) -> usize {
        let id = LegId::of_call(self.home, self.ends.len() as u32 + 1);
        let socket = UdpSocket::bind(host).unwrap();
        socket.set_nonblocking(true).unwrap();
        let mut config = LegConfig::new(vec![socket.local_addr().unwrap()]);
        config.allow_private = true;
        let leg = if plane_offers {
            self.send(Command::AddLeg { leg: id, options, description: Description::Offer });
            let offer = self.description(id);
            let (leg, sdp) = Leg::answer(now(), identity(), config, &offer).unwrap();
            self.send(Command::Answer { leg: id, sdp: Sdp::new(sdp) });
            leg
        } else {
            let (mut leg, offer) = Leg::offer(now(), identity(), config).unwrap();
            self.send(Command::AddLeg {
                leg: id,
                options,
                description: Description::Answer { offer: Sdp::new(offer) },
            });
            let answer = self.description(id);
            leg.take_answer(now(), &answer).unwrap();
            leg
        };
        self.ends.push(FarEnd {
            id,
            leg,
            heard: Vec::new(),
            notices: Vec::new(),
            raw: Vec::new(),
            socket,
            says: None,
            next_frame: now(),
            number: 0,
        });
        self.ends.len() - 1
    }

    /// Two connected and bridged legs.
    pub(crate) fn bridged(&mut self) -> (usize, usize) {
        let (a, b) = (self.add(false, LOOPBACK), self.add(true, LOOPBACK));
        self.bridge(a, b);
        (a, b)
    }

    /// Waits for two legs to connect and bridges them.
    pub(crate) fn bridge(&mut self, a: usize, b: usize) {
        self.until("both connect", |house| [a, b].iter().all(|n| house.ends[*n].is_connected()));
        self.join(a, b);
    }

    /// Lets two legs hear each other.
    pub(crate) fn join(&self, a: usize, b: usize) {
        self.hear(a, Hearing::Legs(vec![self.ends[b].id]));
        self.hear(b, Hearing::Legs(vec![self.ends[a].id]));
    }

    pub(crate) fn hear(&self, end: usize, what: Hearing) {
        self.send(Command::Hear { leg: self.ends[end].id, what });
    }

    /// Lets things happen until `done`.
    pub(crate) fn until(&mut self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = now() + Duration::from_secs(20);
        while !done(self) {
            assert!(now() < until, "not in time: {what}; {:?}", self.notices);
            self.turn();
        }
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let until = now() + duration;
        while now() < until {
            self.turn();
        }
    }

    fn turn(&mut self) {
        for end in &mut self.ends {
            end.turn();
        }
        while let Ok(notified) = self.inbox.try_recv() {
            self.notices.push((now(), notified));
        }
        // The kernel's shortest rest; what is waited for are datagrams.
        std::thread::park_timeout(Duration::from_millis(1));
    }
}
