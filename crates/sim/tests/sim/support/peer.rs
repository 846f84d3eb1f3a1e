//! The business's WebRTC peer: a full ICE agent that says a tone and measures what it hears.

use std::f32::consts::TAU;
use std::net::SocketAddr;
use std::time::Duration;

use opus::{Application, Channels, Decoder, Encoder};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::format::{Codec, FormatParams};
use str0m::media::{Direction, Frequency, MediaKind, Mid, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(20);
const TELEPHONE_EVENT: u8 = 126;

/// What the peer says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Plan {
    /// Sends a tone as soon as the connection is up.
    Tone(f32),
    /// Sends once `say` is called.
    Quiet,
}

/// What was heard so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ears {
    pub(crate) connected: bool,
    pub(crate) packets: usize,
    pub(crate) hz: f32,
    pub(crate) keys: String,
    last_key: u32,
}

pub(crate) struct BizPeer {
    rtc: Option<Rtc>,
    socket: Option<UdpSocket>,
    mid: Mid,
    pending: Option<SdpPendingOffer>,
    plan: Plan,
    tasks: TaskTracker,
    ears: watch::Sender<Ears>,
    says: mpsc::Sender<f32>,
    hears_says: Option<mpsc::Receiver<f32>>,
}

impl BizPeer {
    pub(crate) async fn new(tasks: &TaskTracker, plan: Plan) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let addr = socket.local_addr().unwrap();
        let mut builder = Rtc::builder()
            .set_crypto_provider(std::sync::Arc::new(str0m::crypto::from_feature_flags()))
            .set_rtp_mode(true)
            .clear_codecs();
        let opus =
            FormatParams { min_p_time: Some(10), use_inband_fec: Some(true), ..FormatParams::default() };
        builder.codec_config().add_config(
            Pt::new_with_value(111),
            None,
            Codec::Opus,
            Frequency::FORTY_EIGHT_KHZ,
            Some(2),
            opus,
        );
        let events = FormatParams::default();
        let tele = Pt::new_with_value(TELEPHONE_EVENT);
        builder.codec_config().add_config(tele, None, Codec::Tele, Frequency::EIGHT_KHZ, None, events);
        let mut rtc = builder.build(Instant::now().into_std());
        rtc.add_local_candidate(Candidate::host(addr, "udp").unwrap());
        let (says, hears_says) = mpsc::channel(8);
        Self {
            rtc: Some(rtc),
            socket: Some(socket),
            mid: Mid::from("audio"),
            pending: None,
            plan,
            tasks: tasks.clone(),
            ears: watch::Sender::new(Ears::default()),
            says,
            hears_says: Some(hears_says),
        }
    }

    /// An offer for an outbound call.
    pub(crate) fn offer(&mut self) -> String {
        let rtc = self.rtc.as_mut().unwrap();
        let mut api = rtc.sdp_api();
        self.mid = api.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None);
        let (offer, pending) = api.apply().unwrap();
        self.pending = Some(pending);
        offer.to_sdp_string()
    }

    /// Applies Meta's answer and starts.
    pub(crate) fn take_answer(&mut self, sdp: &str) {
        // An actpass answer leaves the choice to us: be the DTLS client.
        let sdp = sdp.replace("a=setup:actpass", "a=setup:passive");
        let answer = SdpAnswer::from_sdp_string(&sdp).unwrap();
        let pending = self.pending.take().unwrap();
        self.rtc.as_mut().unwrap().sdp_api().accept_answer(pending, answer).unwrap();
        self.start();
    }

    /// Answers Meta's offer as the DTLS client and starts.
    pub(crate) fn answer(&mut self, sdp: &str) -> String {
        // The stack would answer passive to actpass; Meta wants the business to be active.
        let offer = SdpOffer::from_sdp_string(&sdp.replace("a=setup:actpass", "a=setup:passive")).unwrap();
        let answer = self.rtc.as_mut().unwrap().sdp_api().accept_offer(offer).unwrap();
        let mid = sdp.lines().find_map(|line| line.strip_prefix("a=mid:")).unwrap();
        self.mid = Mid::from(mid.trim());
        self.start();
        answer.to_sdp_string()
    }

    /// Says a tone from now on.
    pub(crate) async fn say(&self, hz: f32) {
        self.says.send(hz).await.unwrap();
    }

    pub(crate) fn ears(&self) -> Ears {
        self.ears.borrow().clone()
    }

    /// Waits until the connection is up.
    pub(crate) async fn connected(&self) {
        self.until("connected", |ears| ears.connected).await;
    }

    /// Waits until a tone of about `hz` is heard.
    pub(crate) async fn hears(&self, hz: f32) {
        self.until(&format!("{hz} Hz"), |ears| (ears.hz - hz).abs() < 10.0).await;
    }

    /// Waits for what is heard.
    pub(crate) async fn until(&self, what: &str, wanted: impl Fn(&Ears) -> bool) {
        let mut ears = self.ears.subscribe();
        let waited = tokio::time::timeout(PATIENCE, ears.wait_for(|ears| wanted(ears))).await;
        assert!(waited.is_ok(), "the business never got {what}: {:?}", self.ears());
    }

    fn start(&mut self) {
        let (rtc, socket) = (self.rtc.take().unwrap(), self.socket.take().unwrap());
        let addr = socket.local_addr().unwrap();
        let hz = if let Plan::Tone(hz) = self.plan { hz } else { 0.0 };
        let task = Task {
            rtc,
            socket,
            addr,
            mid: self.mid,
            ears: self.ears.clone(),
            hz,
            phase: 0.0,
            sequence: 100,
            time: 7_000,
            encoder: Encoder::new(48_000, Channels::Mono, Application::Voip).unwrap(),
            decoder: Decoder::new(16_000, Channels::Mono).unwrap(),
            heard: Vec::new(),
        };
        self.tasks.spawn(task.run(self.hears_says.take().unwrap()));
    }
}

struct Task {
    rtc: Rtc,
    socket: UdpSocket,
    addr: SocketAddr,
    mid: Mid,
    ears: watch::Sender<Ears>,
    hz: f32,
    phase: f32,
    sequence: u64,
    time: u32,
    encoder: Encoder,
    decoder: Decoder,
    heard: Vec<f32>,
}

impl Task {
    async fn run(mut self, mut says: mpsc::Receiver<f32>) {
        let mut buffer = vec![0; 2_000];
        let mut ticker = tokio::time::interval(Duration::from_millis(20));
        loop {
            let wake = loop {
                match self.rtc.poll_output().unwrap() {
                    Output::Timeout(at) => break Instant::from_std(at),
                    Output::Transmit(packet) => {
                        let _ = self.socket.send_to(&packet.contents, packet.destination).await;
                    }
                    Output::Event(event) => self.on_event(event),
                }
            };
            tokio::select! {
                hz = says.recv() => match hz {
                    Some(hz) => self.hz = hz,
                    None => return,
                },
                received = self.socket.recv_from(&mut buffer) => {
                    let Ok((length, source)) = received else { continue };
                    if let Ok(packet) = Receive::new(Protocol::Udp, source, self.addr, &buffer[..length]) {
                        self.rtc.handle_input(Input::Receive(Instant::now().into_std(), packet)).unwrap();
                    }
                }
                _ = ticker.tick() => self.speak(),
                () = tokio::time::sleep_until(wake) => {}
            }
            self.rtc.handle_input(Input::Timeout(Instant::now().into_std())).unwrap();
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connected => self.ears.send_modify(|ears| ears.connected = true),
            Event::RtpPacket(packet) if *packet.header.payload_type == TELEPHONE_EVENT => {
                let (stamp, event) = (packet.header.timestamp, packet.payload[0]);
                self.ears.send_modify(|ears| {
                    ears.packets += 1;
                    if ears.last_key != stamp {
                        ears.last_key = stamp;
                        ears.keys.push("0123456789*#".chars().nth(usize::from(event)).unwrap());
                    }
                });
            }
            Event::RtpPacket(packet) => {
                let mut pcm = [0.0; 1_920];
                let length = self.decoder.decode_float(&packet.payload, &mut pcm, false).unwrap_or(0);
                self.heard.extend_from_slice(&pcm[..length]);
                let mut hz = None;
                while self.heard.len() >= 3_200 {
                    let window: Vec<f32> = self.heard.drain(..3_200).collect();
                    hz = Some(by_crossings(&window));
                }
                self.ears.send_modify(|ears| {
                    ears.packets += 1;
                    ears.hz = hz.unwrap_or(ears.hz);
                });
            }
            _ => {}
        }
    }

    fn speak(&mut self) {
        self.time = self.time.wrapping_add(960);
        if self.hz == 0.0 || !self.ears.borrow().connected {
            return;
        }
        let mut samples = [0.0_f32; 960];
        for sample in &mut samples {
            *sample = 0.3 * self.phase.sin();
            self.phase = (self.phase + TAU * self.hz / 48_000.0) % TAU;
        }
        let packet = self.encoder.encode_vec_float(&samples, 400).unwrap();
        self.sequence += 1;
        let now = Instant::now().into_std();
        let mut direct = self.rtc.direct_api();
        let stream = direct.stream_tx_by_mid(self.mid, None).unwrap();
        stream.write_rtp(RtpWrite::new(
            Pt::new_with_value(111),
            self.sequence.into(),
            self.time,
            now,
            packet,
        ));
    }
}

// Another way to measure a tone than the simulator's: upward zero crossings in 200 ms.
fn by_crossings(samples: &[f32]) -> f32 {
    let loud = samples.iter().any(|sample| sample.abs() > 0.05);
    let ups: Vec<usize> = (1..samples.len()).filter(|i| samples[i - 1] < 0.0 && samples[*i] >= 0.0).collect();
    match (loud, ups.first(), ups.last()) {
        (true, Some(first), Some(last)) if last > first => {
            (ups.len() - 1) as f32 * 16_000.0 / (last - first) as f32
        }
        _ => 0.0,
    }
}
