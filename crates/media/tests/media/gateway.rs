//! WhatsApp's side as Meta describes it: ICE-lite and controlled, here by str0m, in virtual time.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use offhook_media::leg::{Identity, Leg, LegConfig, Media, Notice, Output, Packet};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::{Direction, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Rtc};

use crate::far_end::now;

const ONE_WAY: Duration = Duration::from_millis(20);
const FRAME: Duration = Duration::from_millis(20);

fn gateway_address() -> SocketAddr {
    "203.0.113.7:3480".parse().unwrap()
}

fn our_address() -> SocketAddr {
    "198.51.100.20:7882".parse().unwrap()
}

struct Call {
    start: Instant,
    now: Instant,
    leg: Leg,
    gateway: Rtc,
    mid: Option<Mid>,
    /// Arrival, whether it is for us, bytes.
    under_way: VecDeque<(Instant, bool, Vec<u8>)>,
    notices: Vec<Notice>,
    we_heard: usize,
    gateway_heard: usize,
    number: u64,
}

fn gateway(now: Instant) -> Rtc {
    let mut gateway = Rtc::builder()
        .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
        .set_ice_lite(true)
        .clear_codecs()
        .enable_opus(true, false)
        .build(now);
    gateway.add_local_candidate(Candidate::host(gateway_address(), "udp").unwrap());
    gateway
}

impl Call {
    /// The user calls: the gateway's offer, our answer.
    fn inbound() -> Self {
        let now = now();
        let mut gateway = gateway(now);
        let mut changes = gateway.sdp_api();
        let mid = changes.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = changes.apply().unwrap();
        let identity = Arc::new(Identity::generate().unwrap());
        let config = LegConfig::new(vec![our_address()]);
        let (leg, answer) = Leg::answer(now, &identity, config, &offer.to_sdp_string()).unwrap();
        let answer = SdpAnswer::from_sdp_string(&answer).unwrap();
        gateway.sdp_api().accept_answer(pending, answer).unwrap();
        Self::new(now, leg, gateway, Some(mid))
    }

    /// We call: our offer, the gateway's answer.
    fn outbound() -> Self {
        let now = now();
        let identity = Arc::new(Identity::generate().unwrap());
        let (mut leg, offer) = Leg::offer(now, &identity, LegConfig::new(vec![our_address()])).unwrap();
        let mut gateway = gateway(now);
        let offer = SdpOffer::from_sdp_string(&offer).unwrap();
        let answer = gateway.sdp_api().accept_offer(offer).unwrap();
        leg.take_answer(now, &answer.to_sdp_string()).unwrap();
        Self::new(now, leg, gateway, None)
    }

    fn new(now: Instant, leg: Leg, gateway: Rtc, mid: Option<Mid>) -> Self {
        Self {
            start: now,
            now,
            leg,
            gateway,
            mid,
            under_way: VecDeque::new(),
            notices: Vec::new(),
            we_heard: 0,
            gateway_heard: 0,
            number: 0,
        }
    }

    fn is_connected(&self) -> bool {
        self.notices.iter().any(|notice| matches!(notice, Notice::DtlsConnected(_)))
            && self.gateway.is_connected()
    }

    /// Lets everything happen that is due until `until`.
    fn run(&mut self, until: Instant) {
        while self.now < until {
            let gateway_wakes = self.drain();
            let arrival = self.under_way.front().map(|(at, _, _)| *at);
            let next = [Some(gateway_wakes), arrival, self.leg.next_deadline(), Some(until)];
            self.now = next.into_iter().flatten().min().unwrap().max(self.now + Duration::from_micros(1));
            while self.under_way.front().is_some_and(|(at, _, _)| *at <= self.now) {
                let (_, for_us, mut bytes) = self.under_way.pop_front().unwrap();
                if for_us {
                    self.we_heard +=
                        usize::from(self.leg.receive(self.now, gateway_address(), &mut bytes).is_some());
                } else {
                    let received = Receive::new(Protocol::Udp, our_address(), gateway_address(), &bytes);
                    self.gateway.handle_input(Input::Receive(self.now, received.unwrap())).unwrap();
                }
                self.drain();
            }
            if self.leg.next_deadline().is_some_and(|at| at <= self.now) {
                self.leg.tick(self.now);
            }
            self.gateway.handle_input(Input::Timeout(self.now)).unwrap();
        }
    }

    fn drain(&mut self) -> Instant {
        let arrives = self.now + ONE_WAY;
        while let Some(output) = self.leg.poll() {
            match output {
                Output::Transmit { to, datagram } => {
                    assert_eq!(to, gateway_address());
                    self.under_way.push_back((arrives, false, datagram.to_vec()));
                }
                Output::Notice(notice) => self.notices.push(notice),
            }
        }
        loop {
            match self.gateway.poll_output().unwrap() {
                str0m::Output::Timeout(at) => return at,
                str0m::Output::Transmit(transmit) => {
                    self.under_way.push_back((arrives, true, transmit.contents.to_vec()));
                }
                str0m::Output::Event(Event::MediaAdded(added)) => self.mid = Some(added.mid),
                str0m::Output::Event(Event::MediaData(_)) => self.gateway_heard += 1,
                str0m::Output::Event(_) => {}
            }
        }
    }

    /// Both say one frame.
    fn talk(&mut self) {
        self.number += 1;
        let frame = [0xf8, 0xff, 0xfe];
        let mut buffer = [0; 64];
        buffer[12..15].copy_from_slice(&frame);
        let packet = Packet::new(Media::Opus, 1, self.number, self.number as u32 * 960, 12..15);
        if let Ok(sealed) = self.leg.send(self.now, &packet, &mut buffer) {
            self.under_way.push_back((self.now + ONE_WAY, false, buffer[sealed.datagram].to_vec()));
        }
        if let Some(writer) = self.mid.and_then(|mid| self.gateway.writer(mid)) {
            let pt = writer.payload_params().next().unwrap().pt();
            let time = MediaTime::new(self.number * 960, str0m::media::Frequency::FORTY_EIGHT_KHZ);
            writer.write(pt, self.now, time, frame.to_vec()).unwrap();
        }
        let until = self.now + FRAME;
        self.run(until);
    }
}

#[test]
fn an_ice_lite_gateway_connects_and_talks_whoever_calls() {
    for mut call in [Call::inbound(), Call::outbound()] {
        while !call.is_connected() {
            assert!(call.now - call.start < Duration::from_secs(3), "{:?}", call.notices);
            call.run(call.now + Duration::from_millis(5));
        }
        // Three round trips of 40 ms for the handshake, one and a half for ICE, and some patience.
        assert!(call.now - call.start < Duration::from_millis(600), "{:?}", call.now - call.start);
        for _ in 0..500 {
            call.talk();
        }
        assert!(call.we_heard >= 495, "{}", call.we_heard);
        assert!(call.gateway_heard >= 490, "{}", call.gateway_heard);
        // A minute later consent has been renewed many times over.
        for _ in 0..3_000 {
            call.talk();
        }
        assert!(!call.leg.is_over());
        assert_eq!(call.leg.drops().total(), 0, "{:?}", call.leg.drops());
        let quality = call.leg.quality();
        assert_eq!(quality.packets_lost, 0);
        assert!((30.0..60.0).contains(&quality.rtt_ms.unwrap()), "{quality:?}");
    }
}
