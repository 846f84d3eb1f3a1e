//! Calls through two PeerConnections of the `webrtc` crate each, as its examples do it.
//!
//! In its favour: only the interceptors that do what the media plane does too (reports), no mDNS, one thread that
//! does nothing else, and no look-up or lock of ours on the way of a packet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use async_trait::async_trait;
use offhook_bench::carrier::{Carrier, News, Reporter, Traffic};
use rtc::ice::mdns::MulticastDnsMode;
use rtc::peer_connection::configuration::media_engine::MIME_TYPE_OPUS;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodecParameters, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use webrtc::media_stream::track_local::TrackLocal;
use webrtc::media_stream::track_local::static_rtp::TrackLocalStaticRTP;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};
use webrtc::media_stream::{MediaStreamTrack, Track};
use webrtc::peer_connection::{
    CipherSuiteId, MediaEngine, PeerConnection, PeerConnectionBuilder, PeerConnectionEventHandler,
    RTCConfigurationBuilder, RTCIceGatheringState, RTCPeerConnectionState, RTCSessionDescription, Registry,
    SettingEngineBuilder, SrtpProtectionProfile, configure_rtcp_reports,
};

pub(crate) const VERSION: &str = "0.21.1";
const OPUS: u8 = 111;
const GATHERED_WITHIN: Duration = Duration::from_secs(10);
/// Orders under way; as many legs as are set up at a time.
const ORDERS: usize = 4_096;

enum Order {
    Add { leg: u64, offer: String },
    Remove { leg: u64 },
}

/// The carrier.
pub(crate) struct Theirs {
    orders: Option<mpsc::Sender<Order>>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    reporter: Reporter,
    peers: Mutex<HashMap<u64, Arc<dyn PeerConnection>>>,
    /// What each leg is told; there before the leg is, for its other side to write to.
    tracks: Mutex<HashMap<u64, Arc<TrackLocalStaticRTP>>>,
    forwarded: Arc<AtomicU64>,
    tasks: TaskTracker,
    over: CancellationToken,
}

impl Theirs {
    pub(crate) fn start(reporter: Reporter) -> Result<Self> {
        let shared = Arc::new(Shared {
            reporter,
            peers: Mutex::default(),
            tracks: Mutex::default(),
            forwarded: Arc::default(),
            tasks: TaskTracker::new(),
            over: CancellationToken::new(),
        });
        let (orders, inbox) = mpsc::channel(ORDERS);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let serving = shared.clone();
        let thread = std::thread::Builder::new()
            .name("theirs".to_owned())
            .spawn(move || runtime.block_on(serve(&serving, inbox)))?;
        Ok(Self { orders: Some(orders), shared, thread: Some(thread) })
    }

    fn order(&self, order: Order) -> Result<()> {
        let orders = self.orders.as_ref().context("it is running")?;
        orders.blocking_send(order).ok().context("its thread is gone")
    }
}

impl Carrier for Theirs {
    fn add(&mut self, leg: u64, offer: String) -> Result<()> {
        self.order(Order::Add { leg, offer })
    }

    /// Its sides write to each other from the first packet.
    fn join(&mut self, _: u64, _: u64) -> Result<()> {
        Ok(())
    }

    fn remove(&mut self, leg: u64) -> Result<()> {
        self.order(Order::Remove { leg })
    }

    fn traffic(&self) -> Traffic {
        let forwarded = self.shared.forwarded.load(Ordering::Relaxed);
        let legs = self.shared.peers.lock().unwrap_or_else(PoisonError::into_inner).len() as u64;
        Traffic { legs, received: forwarded, sent: forwarded, forwarded, ..Traffic::default() }
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        self.shared.over.cancel();
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has been seen as a call that failed.
            let _ = thread.join();
        }
    }
}

async fn serve(shared: &Arc<Shared>, mut inbox: mpsc::Receiver<Order>) {
    while let Some(Some(order)) = shared.over.run_until_cancelled(inbox.recv()).await {
        let shared_by_task = shared.clone();
        match order {
            Order::Add { leg, offer } => drop(shared.tasks.spawn(async move {
                let news = match shared_by_task.add(leg, offer).await {
                    Ok(sdp) => News::Answer { leg, sdp },
                    Err(error) => News::Failed { leg, why: format!("{error:#}") },
                };
                let _ = shared_by_task.reporter.tell(news);
            })),
            Order::Remove { leg } => drop(shared.tasks.spawn(async move {
                let peer = lock(&shared_by_task.peers).remove(&leg);
                lock(&shared_by_task.tracks).remove(&leg);
                if let Some(peer) = peer {
                    // A peer that cannot be closed is dropped.
                    let _ = peer.close().await;
                }
            })),
        }
    }
    let left: Vec<_> = lock(&shared.peers).drain().map(|(_, peer)| peer).collect();
    for peer in left {
        let _ = tokio::time::timeout(Duration::from_millis(100), peer.close()).await;
    }
}

impl Shared {
    /// Sets a leg up and returns its answer.
    async fn add(self: &Arc<Self>, leg: u64, offer: String) -> Result<String> {
        let mut engine = MediaEngine::default();
        engine.register_codec(codec(), RtpCodecKind::Audio)?;
        let registry = configure_rtcp_reports(Registry::new());
        let settings = SettingEngineBuilder::new()
            .with_include_loopback_candidate(true)
            .with_multicast_dns_mode(MulticastDnsMode::Disabled)
            // Its default names suites its own certificate cannot serve.
            .with_dtls_cipher_suites(vec![CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm])
            .build();
        let gathered = Arc::new(Notify::new());
        let handler = Handler {
            leg,
            reporter: self.reporter.clone(),
            other: self.track(leg ^ 1),
            gathered: gathered.clone(),
            forwarded: self.forwarded.clone(),
            tasks: self.tasks.clone(),
            over: self.over.clone(),
        };
        let peer = PeerConnectionBuilder::new()
            .with_configuration(RTCConfigurationBuilder::new().build())
            .with_media_engine(engine)
            .with_setting_engine(settings)
            .with_interceptor_registry(registry)
            .with_handler(Arc::new(handler))
            .with_udp_addrs(vec!["127.0.0.1:0"])
            .build()
            .await?;
        let peer: Arc<dyn PeerConnection> = Arc::new(peer);
        lock(&self.peers).insert(leg, peer.clone());
        let own: Arc<dyn TrackLocal> = self.track(leg);
        peer.add_track(own).await?;
        peer.set_remote_description(RTCSessionDescription::offer(offer)?).await?;
        let answer = peer.create_answer(None).await?;
        peer.set_local_description(answer).await?;
        tokio::time::timeout(GATHERED_WITHIN, gathered.notified()).await?;
        Ok(peer.local_description().await.context("it has answered")?.sdp)
    }

    fn track(&self, leg: u64) -> Arc<TrackLocalStaticRTP> {
        let mut tracks = lock(&self.tracks);
        let made = tracks.entry(leg).or_insert_with(|| {
            let encoding = RTCRtpEncodingParameters {
                rtp_coding_parameters: RTCRtpCodingParameters {
                    ssrc: Some(1_000_000 + leg as u32),
                    ..Default::default()
                },
                codec: codec().rtp_codec,
                ..Default::default()
            };
            Arc::new(TrackLocalStaticRTP::new(MediaStreamTrack::new(
                format!("stream-{leg}"),
                format!("track-{leg}"),
                format!("label-{leg}"),
                RtpCodecKind::Audio,
                vec![encoding],
            )))
        });
        made.clone()
    }
}

struct Handler {
    leg: u64,
    reporter: Reporter,
    /// What the other side is told.
    other: Arc<TrackLocalStaticRTP>,
    gathered: Arc<Notify>,
    forwarded: Arc<AtomicU64>,
    tasks: TaskTracker,
    over: CancellationToken,
}

#[async_trait]
impl PeerConnectionEventHandler for Handler {
    async fn on_ice_gathering_state_change(&self, state: RTCIceGatheringState) {
        if state == RTCIceGatheringState::Complete {
            self.gathered.notify_one();
        }
    }

    async fn on_connection_state_change(&self, state: RTCPeerConnectionState) {
        let leg = self.leg;
        let told = match state {
            RTCPeerConnectionState::Connected => self.reporter.tell(News::Connected { leg }),
            RTCPeerConnectionState::Failed => {
                self.reporter.tell(News::Failed { leg, why: "the connection failed".to_owned() })
            }
            _ => return,
        };
        if !told {
            self.over.cancel();
        }
    }

    async fn on_track(&self, track: Arc<dyn TrackRemote>) {
        let (other, forwarded) = (self.other.clone(), self.forwarded.clone());
        let ssrc = other.ssrcs().await.first().copied().unwrap_or_default();
        self.tasks.spawn(async move {
            while let Some(event) = track.poll().await {
                if let TrackRemoteEvent::OnRtpPacket(mut packet) = event {
                    packet.header.ssrc = ssrc;
                    packet.header.payload_type = OPUS;
                    // What the other side is not ready for is lost, as anywhere.
                    if other.write_rtp(packet).await.is_ok() {
                        forwarded.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        });
    }
}

fn codec() -> RTCRtpCodecParameters {
    RTCRtpCodecParameters {
        rtp_codec: RTCRtpCodec {
            mime_type: MIME_TYPE_OPUS.to_owned(),
            clock_rate: 48_000,
            channels: 2,
            sdp_fmtp_line: String::new(),
            rtcp_feedback: Vec::new(),
        },
        payload_type: OPUS,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
