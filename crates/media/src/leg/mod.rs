//! One WebRTC peer with one audio line, as a value: datagrams and time in; datagrams, opened packets, notices
//! and the next deadline out.
//!
//! A leg owns no socket and reads no clock. [`Leg::receive`] takes a datagram and opens sound in place;
//! [`Leg::send`] seals sound in place; everything else it wants to say comes out of [`Leg::poll`], which is
//! drained to `None` after each of `receive`, `tick` and the commands.
//!
//! Admission: STUN must be made with our password or answer ours; DTLS and SRTP are looked at only if they come
//! from the address ICE has selected; what is dropped is counted with its reason. Nothing is sent but STUN
//! before an address is selected, and no sound before [`Leg::open_gate`].
//!
//! What is not here: sockets, time, who hears whom (`shard`), and what a call is.

mod drops;
mod dtls;
mod ice;
mod keys;
mod notice;
mod outgoing;
mod restart;
mod setup;
mod sound;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::quality::{Quality, Receive, mos};
use crate::rtcp;
use crate::rtp::Kind;
use crate::sdp::{Candidate, CandidateKind, Fingerprint, Payloads};
use crate::srtp::{Opener, Sealer};

pub use drops::{Drop, Drops};
pub use dtls::{Identity, IdentityError};
pub use notice::{FailReason, LegConfig, LegError, Notice, Output};
pub use sound::{Media, Packet, Sealed};

pub(crate) use keys::{END, EVENT_LEN, KEYS};
pub(crate) use outgoing::{FRAME, Source};
pub(crate) use setup::UFRAG_LEN;

use dtls::{Dtls, Failure};
use ice::Ice;
use keys::Keys;
use outgoing::Outgoing;
use restart::Renewal;
use sound::Bucket;

/// From both descriptions known to a selected address. Meta may hear our description seconds after we start.
const ICE_DEADLINE: Duration = Duration::from_secs(25);
/// Neither sound nor report for this long means the peer's sound is lost (WhatsApp and browsers report at least
/// every five seconds when they have nothing to say, and send sound every 20 to 400 ms).
const SILENCE: Duration = Duration::from_secs(5);
/// The same of a browser that has said nothing yet, such as a listener's: it reports every five seconds, give or
/// take a half, and one report may be lost.
const SILENCE_OF_LISTENERS: Duration = Duration::from_secs(16);
/// RFC 3550's minimum for small sessions.
const REPORT_INTERVAL: Duration = Duration::from_secs(5);

/// One WebRTC peer.
pub struct Leg {
    identity: Arc<Identity>,
    config: LegConfig,
    session_id: u64,
    /// Distinguishes this leg's sources from another's.
    uid: u32,
    ssrc: u32,
    cname: String,
    created: Instant,
    now: Instant,
    is_offerer: bool,
    /// Of our newest description.
    version: u64,
    ice: Ice,
    /// The search for a path in place of the one in use.
    renewal: Option<Renewal>,
    /// Candidates told after the peer's newest description.
    trickled: u16,
    ice_deadline: Option<Instant>,
    ice_reported: bool,
    peer: Option<Peer>,
    dtls: Option<Dtls>,
    keys: Option<(Sealer, Opener)>,
    payloads: Payloads,
    keys_of_peer: Keys,
    gate_open: bool,
    outgoing: Outgoing,
    sent_packets: u64,
    sent_octets: u64,
    sent_before_report: u64,
    receive: Receive,
    /// The peer's latest report on our stream.
    remote: Remote,
    rtt: Option<Duration>,
    bucket: Bucket,
    heard_at: Option<Instant>,
    heard_sound: bool,
    /// From the leg's making to the peer's first sound.
    first_sound: Option<Duration>,
    is_silent: bool,
    report_at: Option<Instant>,
    drops: Drops,
    /// Of the newest datagram, until somebody asks.
    dropped: Option<Drop>,
    is_over: bool,
    out: VecDeque<Output>,
}

/// What the peer says of our stream.
#[derive(Debug, Clone, Copy, Default)]
struct Remote {
    loss: f64,
    lost: u64,
    jitter_ms: f64,
}

/// What the handshake needs of the peer's description.
struct Peer {
    fingerprint: Fingerprint,
    /// Whether we start the DTLS handshake.
    is_client: bool,
}

impl Leg {
    /// Takes a datagram. Sound is opened in place and returned; the rest is digested.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) -> Option<Packet> {
        self.now = now;
        if self.is_over {
            return None;
        }
        let taken = match Kind::of(datagram) {
            Kind::Rtp => {
                return self.receive_rtp(now, from, datagram).map_err(|why| self.drop_for(why)).ok();
            }
            Kind::Rtcp => self.receive_rtcp(now, from, datagram),
            Kind::Stun => self.receive_stun(now, from, datagram),
            Kind::Dtls => self.receive_dtls(now, from, datagram),
            Kind::Unknown => Err(Drop::Unknown),
        };
        if let Err(why) = taken {
            self.drop_for(why);
        }
        None
    }

    /// Why the newest datagram was dropped, if it was; told once.
    pub(crate) fn take_dropped(&mut self) -> Option<Drop> {
        self.dropped.take()
    }

    fn drop_for(&mut self, why: Drop) {
        self.drops.add(why);
        self.dropped = Some(why);
    }

    /// Lets sound out.
    pub fn open_gate(&mut self, now: Instant) {
        if !self.gate_open {
            self.gate_open = true;
            self.heard_at = self.heard_at.map(|_| now);
            self.report_at = self.report_at.map(|_| now + REPORT_INTERVAL);
        }
    }

    /// Says goodbye, as far as there is anybody to say it to. Drain [`Leg::poll`] once more after it.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        if self.is_over {
            return;
        }
        if self.gate_open {
            self.report(now, true);
        }
        if let Some(dtls) = &mut self.dtls {
            dtls.close(now);
        }
        self.drain_dtls();
        self.is_over = true;
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Instant) {
        self.now = now;
        if self.is_over {
            return;
        }
        if self.ice.consent_is_over(now) {
            if self.renewal.is_none() {
                return self.fail(FailReason::ConsentLost);
            }
            self.ice.give_up();
        }
        if self.ice_deadline.is_some_and(|at| at <= now) {
            return self.fail(FailReason::IceFailed);
        }
        self.ice.tick(now);
        self.after_ice(now);
        self.search_on(now);
        if let Some(dtls) = &mut self.dtls {
            let event = dtls.tick(now);
            self.drain_dtls();
            self.after_dtls(now, event);
        }
        if self.silent_at().is_some_and(|at| at <= now) {
            self.is_silent = true;
            self.notice(Notice::MediaLost);
        }
        if let Some((digit, millis)) = self.keys_of_peer.tick(now) {
            self.notice(Notice::Digit { digit, millis });
        }
        if self.report_at.is_some_and(|at| at <= now) {
            self.report_at = Some(now + REPORT_INTERVAL);
            if self.gate_open {
                self.report(now, false);
            }
            self.notice(Notice::Quality(self.quality()));
        }
    }

    /// The next thing to send or to tell.
    pub fn poll(&mut self) -> Option<Output> {
        // ICE first: the answer to a nomination must arrive before the handshake that follows from it.
        if !self.is_over {
            let now = self.now;
            let searching = self.renewal.iter_mut().map(|renewal| &mut renewal.ice);
            let mut paths = std::iter::once(&mut self.ice).chain(searching);
            if let Some((to, datagram)) = paths.find_map(|ice| ice.poll_transmit(now)) {
                return Some(Output::Transmit { to, datagram });
            }
        }
        self.out.pop_front()
    }

    /// When [`Leg::tick`] is wanted, if nothing else happens.
    pub fn next_deadline(&self) -> Option<Instant> {
        if self.is_over {
            return None;
        }
        let silence = self.silent_at();
        let dtls = self.dtls.as_ref().and_then(Dtls::next_deadline);
        let keys = self.keys_of_peer.deadline();
        let renewal = self.renewal.as_ref();
        let search = renewal.and_then(|renewal| {
            [Some(renewal.until), renewal.ice.next_deadline()].into_iter().flatten().min()
        });
        [search, self.ice.next_deadline(), self.ice_deadline, dtls, silence, keys, self.report_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// The address everything is sent to, once there is one.
    pub fn selected(&self) -> Option<SocketAddr> {
        self.ice.selected()
    }

    /// Our ICE user fragment: what a request from an unknown address is addressed to.
    pub fn ufrag(&self) -> &str {
        &self.ice.credentials().ufrag
    }

    /// Whether [`Leg::poll`] has something to say because of the last packet.
    pub(crate) fn has_output(&self) -> bool {
        !self.out.is_empty()
    }

    /// Whether a handshake is under way.
    pub(crate) fn is_shaking(&self) -> bool {
        self.dtls.is_some() && self.keys.is_none() && !self.is_over
    }

    /// Whether sound may be sent now.
    pub fn can_send(&self) -> bool {
        self.gate_open && self.keys.is_some() && !self.is_over
    }

    /// Whether the leg has failed or been closed.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What has been dropped so far.
    pub fn drops(&self) -> &Drops {
        &self.drops
    }

    /// How the peer's address in use became known.
    pub fn candidate(&self) -> Option<CandidateKind> {
        self.ice.selected_kind()
    }

    /// How long after the leg was made the peer's first sound came.
    pub fn first_sound(&self) -> Option<Duration> {
        self.first_sound
    }

    /// How well it goes.
    pub fn quality(&self) -> Quality {
        let rtt = self.rtt.or(self.ice.rtt()).map(|rtt| rtt.as_secs_f64() * 1_000.0);
        let Remote { loss, lost, jitter_ms } = self.remote;
        Quality {
            packets_received: self.receive.packets(),
            packets_sent: self.sent_packets,
            packets_lost: self.receive.lost(),
            loss: self.receive.loss(),
            jitter_ms: self.receive.jitter_ms(),
            remote_loss: loss,
            remote_lost: lost,
            remote_jitter_ms: jitter_ms,
            rtt_ms: rtt,
            mos: mos(self.receive.loss(), self.receive.jitter_ms(), rtt.unwrap_or(0.0)),
            remote_mos: mos(loss, jitter_ms, rtt.unwrap_or(0.0)),
        }
    }

    /// When the peer's sound is lost, if nothing comes before.
    fn silent_at(&self) -> Option<Instant> {
        let listens = !self.heard_sound && !self.config.hold_rtp;
        let patience = if listens { SILENCE_OF_LISTENERS } else { SILENCE };
        self.heard_at.filter(|_| self.gate_open && !self.is_silent).map(|at| at + patience)
    }

    fn receive_stun(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Result<(), Drop> {
        if let Some(renewal) = &mut self.renewal
            && renewal.ice.handle(now, from, datagram).is_ok()
        {
            self.take_new_path(now);
            return Ok(());
        }
        let taken = self.ice.handle(now, from, datagram);
        self.after_ice(now);
        taken
    }

    fn receive_dtls(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Result<(), Drop> {
        if self.ice.selected() != Some(from) {
            return Err(Drop::DtlsElsewhere);
        }
        let dtls = self.dtls.as_mut().ok_or(Drop::DtlsElsewhere)?;
        let event = dtls.handle(now, datagram);
        self.drain_dtls();
        self.after_dtls(now, event?);
        Ok(())
    }

    /// The moment an address is selected, the handshake begins, or waits for its turn.
    fn after_ice(&mut self, now: Instant) {
        if self.ice_reported || self.ice.selected().is_none() {
            return;
        }
        if self.peer.is_none() {
            return;
        }
        self.ice_reported = true;
        self.ice_deadline = None;
        self.notice(Notice::IceConnected);
        if !self.config.takes_turns {
            self.begin_handshake(now);
        }
    }

    /// Whether the handshake could begin, and waits to be told to.
    pub(crate) fn waits_for_turn(&self) -> bool {
        self.ice_reported && self.dtls.is_none() && !self.is_over
    }

    /// Begins the handshake.
    pub(crate) fn begin_handshake(&mut self, now: Instant) {
        let Some(peer) = self.peer.as_ref().filter(|_| self.waits_for_turn()) else {
            return;
        };
        match Dtls::start(now, &self.identity, &peer.fingerprint, peer.is_client, &self.config.profiles) {
            Ok(dtls) => {
                self.dtls = Some(dtls);
                self.drain_dtls();
            }
            Err(_) => self.fail(FailReason::DtlsFailed),
        }
    }

    fn after_dtls(&mut self, now: Instant, event: Option<dtls::Event>) {
        match event {
            None => {}
            Some(dtls::Event::Connected(keys)) => {
                let profile = keys.0.profile();
                self.keys = Some(*keys);
                self.heard_at = Some(now);
                self.report_at = Some(now + REPORT_INTERVAL);
                self.notice(Notice::DtlsConnected(profile));
            }
            Some(dtls::Event::Failed(Failure::Fingerprint)) => self.fail(FailReason::DtlsFingerprint),
            Some(dtls::Event::Failed(Failure::Handshake)) => self.fail(FailReason::DtlsFailed),
            Some(dtls::Event::PeerClosed) => self.fail(FailReason::PeerClosed),
        }
    }

    fn drain_dtls(&mut self) {
        if let Some((dtls, to)) = self.dtls.as_mut().zip(self.ice.selected()) {
            while let Some(datagram) = dtls.poll_transmit() {
                self.out.push_back(Output::Transmit { to, datagram });
            }
        }
    }

    fn learn(&mut self, now: Instant, candidate: Candidate) {
        if self.config.allow_private || !candidate.is_private() {
            self.newest_ice().add_remote(now, candidate);
        }
    }

    fn report(&mut self, now: Instant, bye: bool) {
        let Some((to, (sealer, _))) = self.ice.selected().zip(self.keys.as_mut()) else {
            return;
        };
        let sent = (self.sent_packets > self.sent_before_report).then(|| rtcp::Sent {
            ntp: ntp(now.saturating_duration_since(self.created)),
            timestamp: self.outgoing.timestamp_at(now),
            packets: self.sent_packets as u32,
            octets: self.sent_octets as u32,
        });
        self.sent_before_report = self.sent_packets;
        let mut report = Vec::with_capacity(160);
        rtcp::write(&mut report, self.ssrc, &self.cname, sent, self.receive.block(now), bye);
        let len = report.len();
        report.resize(len + 32, 0);
        if let Ok(len) = sealer.seal_rtcp(&mut report, len) {
            self.out.push_back(Output::Transmit { to, datagram: BytesMut::from(&report[..len]) });
        }
    }

    fn fail(&mut self, reason: FailReason) {
        if !self.is_over {
            self.is_over = true;
            self.notice(Notice::Failed(reason));
        }
    }

    fn notice(&mut self, notice: Notice) {
        self.out.push_back(Output::Notice(notice));
    }
}

/// Our clock for sender reports: seconds since 1900 in 32.32 fixed point, counted from an arbitrary day, since
/// only differences are ever used.
fn ntp(since_created: Duration) -> u64 {
    let fraction = (u64::from(since_created.subsec_nanos()) << 32) / 1_000_000_000;
    ((3_900_000_000 + since_created.as_secs()) << 32) | fraction
}
