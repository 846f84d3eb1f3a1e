//! One WebRTC connection as Meta's relay makes it: ICE-lite, controlled, one UDP port, one audio stream.
//!
//! The SDP is written elsewhere; here are its keys and its handle, `task` moves packets and keeps two promises: nothing is sent
//! before the other side's first packet has arrived (where `waits_for_first_packet` asks for it), and nothing is
//! sent before the call is open.

mod task;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use str0m::format::{Codec, FormatParams};
use str0m::media::{Frequency, MediaKind, Mid, Pt};
use str0m::rtp::Ssrc;
use str0m::{Candidate, IceCreds, Rtc};
use thiserror::Error;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::task::{Task, Wires};
use super::heard::{Heard, News};
use super::sound::Voice;
use super::wire::Wire;
use crate::clock::Clock;
use crate::ids;
use crate::magic::Sound;
use crate::sdp::RemoteSdp;

/// Commands waiting for a peer, above all the packets of the peer it is bridged to: more than a second of sound.
const MAILBOX: usize = 128;

/// Everything that is decided before a peer exists.
#[derive(Clone, Debug)]
pub(crate) struct PeerConfig {
    pub(crate) media_ip: IpAddr,
    pub(crate) opus: u8,
    pub(crate) telephone_event: Option<u8>,
    pub(crate) waits_for_first_packet: bool,
    pub(crate) loss_percent: u8,
}

/// Our side of the connection, for the SDP.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub(crate) addr: SocketAddr,
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
    pub(crate) fingerprint: String,
    pub(crate) ssrc: u32,
    pub(crate) stream: String,
}

/// A running peer.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) local: Arc<Local>,
    pub(crate) heard: Arc<Mutex<Heard>>,
    pub(crate) wire: Arc<Mutex<Wire>>,
    commands: mpsc::Sender<Command>,
}

/// What a peer is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// The other side's SDP; `client` when we start the DTLS handshake.
    Remote { remote: RemoteSdp, client: bool },
    /// The call is answered: sound may flow.
    Open { sound: Sound },
    /// Press keys.
    Keys(String),
    /// Pass what is heard to this peer.
    BridgeTo(Peer),
    /// A packet of the bridged peer.
    Say(Frame),
    /// Send these datagrams as they are to where the business sends from.
    Inject(Vec<Vec<u8>>),
    /// Stop.
    Close,
}

/// One packet on its way between two bridged peers.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    payload: Arc<[u8]>,
    timestamp: u32,
    marker: bool,
    is_key: bool,
}

/// What a peer reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum PeerEvent {
    /// ICE and DTLS are up.
    Connected,
    /// The first authenticated packet of sound or keys.
    FirstMedia,
    /// Packets keep coming.
    Packets,
    /// Something new is heard.
    Heard(News),
    /// The other side closed the connection.
    Closed,
}

#[derive(Debug, Error)]
pub(crate) enum PeerError {
    #[error("cannot bind a UDP port for a phone: {0}")]
    Bind(#[from] io::Error),
    #[error("opus: {0}")]
    Opus(#[from] opus::Error),
    #[error("invalid media address")]
    Address,
}

impl Peer {
    /// Binds a port and starts the peer's task.
    pub(crate) async fn start(
        config: PeerConfig,
        clock: Clock,
        reports: mpsc::Sender<PeerEvent>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Result<Self, PeerError> {
        let socket = UdpSocket::bind(SocketAddr::new(config.media_ip, 0)).await?;
        let addr = socket.local_addr()?;
        let creds = IceCreds { ufrag: ids::ice_ufrag(), pass: ids::ice_pwd() };
        let mut rtc = build(&config, creds.clone());
        rtc.add_local_candidate(Candidate::host(addr, "udp").map_err(|_| PeerError::Address)?);
        let ssrc = ids::random_u32();
        let mid = Mid::from("audio");
        let mut direct = rtc.direct_api();
        direct.declare_media(mid, MediaKind::Audio);
        direct.declare_stream_tx(Ssrc::from(ssrc), None, mid, None);
        let local = Arc::new(Local {
            addr,
            ufrag: creds.ufrag,
            pwd: creds.pass,
            fingerprint: direct.local_dtls_fingerprint().to_string(),
            ssrc,
            stream: ids::uuid(),
        });
        let heard = Arc::new(Mutex::new(Heard::new()?));
        let wire = Arc::new(Mutex::new(Wire::default()));
        let (commands, inbox) = mpsc::channel(MAILBOX);
        let peer =
            Self { local: Arc::clone(&local), heard: Arc::clone(&heard), wire: Arc::clone(&wire), commands };
        let wires = Wires { rtc, socket, local, mid, config, clock, reports, heard, wire };
        tasks.spawn(Task::new(wires, Voice::new()?).run(inbox, stop));
        Ok(peer)
    }

    /// Hands a command over; when the mailbox is full a packet of sound is lost, as on any network.
    pub(crate) fn tell(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::trace!("a phone's mailbox is full or closed");
        }
    }
}

fn build(config: &PeerConfig, creds: IceCreds) -> Rtc {
    let mut builder = Rtc::builder()
        .set_crypto_provider(Arc::new(str0m::crypto::from_feature_flags()))
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .clear_codecs()
        // Meta negotiates no header extensions.
        .clear_extension_map()
        .set_local_ice_credentials(creds);
    let codecs = builder.codec_config();
    let opus = FormatParams { min_p_time: Some(20), use_inband_fec: Some(true), ..FormatParams::default() };
    codecs.add_config(
        Pt::new_with_value(config.opus),
        None,
        Codec::Opus,
        Frequency::FORTY_EIGHT_KHZ,
        Some(2),
        opus,
    );
    if let Some(event) = config.telephone_event {
        let format = FormatParams::default();
        codecs.add_config(Pt::new_with_value(event), None, Codec::Tele, Frequency::EIGHT_KHZ, None, format);
    }
    let mut rtc = builder.build(Instant::now().into_std());
    rtc.direct_api().set_ice_controlling(false);
    rtc
}
