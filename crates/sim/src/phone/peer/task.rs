//! The task of one peer: packets in, packets out, commands in between.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use str0m::config::Fingerprint;
use str0m::media::{Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, RtpWrite, Ssrc};
use str0m::{Event, IceConnectionState, IceCreds, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::super::dtmf::{Keypad, Slot};
use super::super::heard::Heard;
use super::super::sound::{SAMPLES_PER_PACKET, Voice};
use super::super::stun;
use super::super::wire::Wire;
use super::{Command, Frame, Local, Peer, PeerConfig, PeerEvent};
use crate::clock::Clock;
use crate::ids;
use crate::magic::Sound;
use crate::sdp::RemoteSdp;

const PACKET_TIME: Duration = Duration::from_millis(20);
/// Packets are reported to the call at most this often: it only watches for seconds of silence.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// A sender may change its SSRC, but not without end.
const MAX_STREAMS: usize = 16;

/// What a task is connected to.
pub(super) struct Wires {
    pub(super) rtc: Rtc,
    pub(super) socket: UdpSocket,
    pub(super) local: Arc<Local>,
    pub(super) mid: Mid,
    pub(super) config: PeerConfig,
    pub(super) clock: Clock,
    pub(super) reports: mpsc::Sender<PeerEvent>,
    pub(super) heard: Arc<Mutex<Heard>>,
    pub(super) wire: Arc<Mutex<Wire>>,
}

pub(super) struct Task {
    rtc: Rtc,
    socket: UdpSocket,
    local: Arc<Local>,
    mid: Mid,
    config: PeerConfig,
    clock: Clock,
    reports: mpsc::Sender<PeerEvent>,
    heard: Arc<Mutex<Heard>>,
    wire: Arc<Mutex<Wire>>,
    voice: Voice,
    keypad: Keypad,
    sound: Sound,
    bridge: Option<Peer>,
    remote_known: bool,
    connected: bool,
    open: bool,
    heard_first: bool,
    closed: bool,
    streams: Vec<u32>,
    sequence: u64,
    timestamp: u32,
    key_timestamp: u32,
    echo_offset: Option<u32>,
    last_report: Option<Instant>,
    dice: u32,
}

impl Task {
    pub(super) fn new(wires: Wires, voice: Voice) -> Self {
        let Wires { rtc, socket, local, mid, config, clock, reports, heard, wire } = wires;
        Self {
            rtc,
            socket,
            local,
            mid,
            config,
            clock,
            reports,
            heard,
            wire,
            voice,
            keypad: Keypad::default(),
            sound: Sound::Nothing,
            bridge: None,
            remote_known: false,
            connected: false,
            open: false,
            heard_first: false,
            closed: false,
            streams: Vec::new(),
            sequence: u64::from(ids::random_u32() & 0x7fff),
            timestamp: ids::random_u32(),
            key_timestamp: 0,
            echo_offset: None,
            last_report: None,
            dice: ids::random_u32(),
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::Receiver<Command>, stop: CancellationToken) {
        let mut buffer = vec![0_u8; 2_000];
        let mut ticker = tokio::time::interval(PACKET_TIME);
        ticker.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut ticking = false;
        while !self.closed {
            let wake = self.drain().await;
            if self.speaks_alone() && !ticking {
                ticker.reset_immediately();
            }
            ticking = self.speaks_alone();
            tokio::select! {
                () = stop.cancelled() => break,
                received = self.socket.recv_from(&mut buffer) => {
                    if let Ok((length, source)) = received {
                        self.receive(source, &buffer[..length]).await;
                    }
                }
                command = inbox.recv() => match command {
                    Some(Command::Inject(datagrams)) => self.inject(&datagrams).await,
                    Some(command) => self.obey(command),
                    None => break,
                },
                _ = ticker.tick(), if ticking => self.speak(),
                () = tokio::time::sleep_until(wake) => self.advance(),
            }
        }
    }

    // Sends and reports everything there is; tells when the stack wants to be woken.
    async fn drain(&mut self) -> Instant {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => return Instant::from_std(at),
                Ok(Output::Transmit(transmit)) => {
                    self.wire().sent(&transmit.contents);
                    if !self.loses() {
                        // An unreachable address is the network's way of losing a packet.
                        let _ = self.socket.send_to(&transmit.contents, transmit.destination).await;
                    }
                }
                Ok(Output::Event(event)) => self.on_event(event),
                Err(error) => {
                    tracing::debug!(%error, "a phone's connection failed");
                    self.report(PeerEvent::Closed);
                    self.closed = true;
                    return Instant::now();
                }
            }
        }
    }

    async fn receive(&mut self, source: SocketAddr, packet: &[u8]) {
        // Until the business's SDP is known nothing can be verified (Meta needs its fingerprint and ufrag too).
        if self.loses() {
            return;
        }
        let at_ms = self.clock.now_ms();
        self.wire().received(at_ms, packet);
        if !self.remote_known {
            return;
        }
        if let Some(reply) = stun::role_conflict_reply(packet, &self.local.ufrag, &self.local.pwd) {
            let _ = self.socket.send_to(&reply, source).await;
            return;
        }
        let Ok(receive) = Receive::new(Protocol::Udp, source, self.local.addr, packet) else { return };
        let now = Instant::now().into_std();
        let input = Input::Receive(now, receive);
        if !self.rtc.accepts(&input) {
            return;
        }
        self.wire().business = Some(source);
        if packet[0] >= 0x80 && self.connected {
            self.expect_stream(packet);
            self.report_packets();
        }
        if let Err(error) = self.rtc.handle_input(input) {
            tracing::debug!(%error, "a phone could not read a packet");
        }
    }

    // An SDP need not name the SSRC (some stacks do not), so it is learned from the first packet.
    fn expect_stream(&mut self, packet: &[u8]) {
        let is_rtcp = (64..96).contains(&(packet[1] & 0x7f));
        let Some(ssrc) = packet.get(8..12).filter(|_| !is_rtcp) else { return };
        let ssrc = u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]);
        if !self.streams.contains(&ssrc) && self.streams.len() < MAX_STREAMS {
            self.streams.push(ssrc);
            self.rtc
                .direct_api()
                .expect_stream_rx(Ssrc::from(ssrc), None, self.mid, None)
                .suppress_nack(true);
        }
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Remote { remote, client } => self.meet(&remote, client),
            Command::Open { sound } => {
                self.open = true;
                self.sound = sound;
                self.ear(|heard, now| heard.answered(now));
            }
            Command::Keys(keys) => self.keypad.press(&keys),
            Command::BridgeTo(peer) => self.bridge = Some(peer),
            // While a key is down the voice waits: both would claim the same stretch of time.
            Command::Say(frame) if self.keypad.is_busy() && !frame.is_key => {}
            Command::Say(frame) => self.say(&frame),
            // Sent by the loop, which may wait for the socket.
            Command::Inject(_) => {}
            Command::Close => self.closed = true,
        }
        self.advance();
    }

    async fn inject(&mut self, datagrams: &[Vec<u8>]) {
        let Some(business) = self.wire().business else { return };
        for datagram in datagrams {
            let _ = self.socket.send_to(datagram, business).await;
        }
    }

    fn wire(&self) -> MutexGuard<'_, Wire> {
        self.wire.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn meet(&mut self, remote: &RemoteSdp, client: bool) {
        if self.remote_known {
            return;
        }
        let (Some(ufrag), Some(pass)) = (remote.ufrag.clone(), remote.pwd.clone()) else { return };
        let fingerprint = remote.fingerprints.iter().find(|(hash, _)| hash == "sha-256");
        let Some(fingerprint) =
            fingerprint.and_then(|(hash, digest)| format!("{hash} {digest}").parse().ok())
        else {
            return;
        };
        let fingerprint: Fingerprint = fingerprint;
        self.wire().business_ufrag = Some(ufrag.clone());
        let mut direct = self.rtc.direct_api();
        direct.set_remote_ice_credentials(IceCreds { ufrag, pass });
        direct.set_remote_fingerprint(fingerprint);
        if let Err(error) = direct.start_dtls(client) {
            tracing::debug!(%error, "a phone could not start DTLS");
        }
        self.remote_known = true;
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.report(PeerEvent::Connected);
            }
            Event::RtpPacket(packet) => self.hear(&packet),
            Event::Closed => self.report(PeerEvent::Closed),
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                tracing::trace!("a phone's ICE connection is silent");
            }
            _ => {}
        }
    }

    fn hear(&mut self, packet: &RtpPacket) {
        if !self.heard_first {
            self.heard_first = true;
            self.report(PeerEvent::FirstMedia);
        }
        let header = &packet.header;
        let is_key = self.config.telephone_event == Some(*header.payload_type);
        let (ssrc, sequence, timestamp) = (*header.ssrc, header.sequence_number, header.timestamp);
        let news = if is_key {
            self.ear(|heard, now| heard.key(now, ssrc, sequence, timestamp, &packet.payload))
                .into_iter()
                .collect()
        } else {
            self.ear(|heard, now| heard.audio(now, ssrc, sequence, &packet.payload))
        };
        for news in news {
            self.report(PeerEvent::Heard(news));
        }
        let frame = Frame { payload: Arc::clone(&packet.payload), timestamp, marker: header.marker, is_key };
        if let Some(bridge) = &self.bridge
            && self.open
        {
            bridge.tell(Command::Say(frame));
        } else if self.sound == Sound::Echo && !is_key && !self.keypad.is_busy() {
            self.say(&frame);
        }
    }

    // Passes a packet on: its payload untouched, its timestamps moved to our own stream.
    fn say(&mut self, frame: &Frame) {
        if !self.may_send() {
            return;
        }
        let next = self.timestamp.wrapping_add(SAMPLES_PER_PACKET);
        let offset = *self.echo_offset.get_or_insert(next.wrapping_sub(frame.timestamp));
        self.timestamp = frame.timestamp.wrapping_add(offset);
        let payload_type = if frame.is_key { self.config.telephone_event } else { Some(self.config.opus) };
        if let Some(payload_type) = payload_type {
            self.write(payload_type, self.timestamp, frame.marker, Arc::clone(&frame.payload));
            self.advance();
        }
    }

    fn may_send(&self) -> bool {
        self.connected && self.open && (self.heard_first || !self.config.waits_for_first_packet)
    }

    // Whether packets must be made every 20 ms.
    fn speaks_alone(&self) -> bool {
        let has_voice = matches!(self.sound, Sound::Tone(_) | Sound::Silence);
        self.may_send() && self.sound != Sound::Nothing && (has_voice || self.keypad.is_busy())
    }

    fn speak(&mut self) {
        self.timestamp = self.timestamp.wrapping_add(SAMPLES_PER_PACKET);
        match self.keypad.slot() {
            Slot::Event { payload, first } => {
                // RFC 4733 section 2.5.1.2: all packets of an event carry the time of its start.
                if first {
                    self.key_timestamp = self.timestamp;
                }
                if let Some(event) = self.config.telephone_event {
                    self.write(event, self.key_timestamp, first, Arc::from(payload));
                }
                // Echo must find its place in the stream again after the keys.
                self.echo_offset = None;
            }
            Slot::Pause | Slot::Idle => match self.sound {
                Sound::Tone(hz) => self.encode(hz),
                Sound::Silence => self.encode(0.0),
                Sound::Echo | Sound::Person | Sound::Nothing => {}
            },
        }
        self.advance();
    }

    fn encode(&mut self, hz: f32) {
        match self.voice.packet(hz) {
            Ok(packet) => self.write(self.config.opus, self.timestamp, false, Arc::from(packet)),
            Err(error) => tracing::debug!(%error, "a phone could not encode"),
        }
    }

    fn write(&mut self, payload_type: u8, timestamp: u32, marker: bool, payload: Arc<[u8]>) {
        self.sequence += 1;
        let now = Instant::now().into_std();
        let packet =
            RtpWrite::new(Pt::new_with_value(payload_type), self.sequence.into(), timestamp, now, payload);
        let mut direct = self.rtc.direct_api();
        if let Some(stream) = direct.stream_tx_by_mid(self.mid, None) {
            stream.write_rtp(packet.marker(marker));
        }
    }

    fn advance(&mut self) {
        if let Err(error) = self.rtc.handle_input(Input::Timeout(Instant::now().into_std())) {
            tracing::debug!(%error, "a phone's connection failed");
        }
    }

    fn report_packets(&mut self) {
        let now = Instant::now();
        if self.last_report.is_none_or(|last| now - last >= REPORT_EVERY) {
            self.last_report = Some(now);
            self.report(PeerEvent::Packets);
        }
    }

    fn report(&self, event: PeerEvent) {
        if self.reports.try_send(event).is_err() {
            tracing::trace!("nobody takes a phone's report");
        }
    }

    fn ear<T>(&self, listen: impl FnOnce(&mut Heard, u64) -> T) -> T {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        listen(&mut heard, self.clock.now_ms())
    }

    // A lossy path throws a die for every packet; the sequence depends on nothing but its seed.
    fn loses(&mut self) -> bool {
        if self.config.loss_percent == 0 {
            return false;
        }
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 17;
        self.dice ^= self.dice << 5;
        self.dice % 100 < u32::from(self.config.loss_percent)
    }
}
