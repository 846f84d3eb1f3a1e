//! DTLS-SRTP for one leg: `rtc-dtls` behind a filter, with one certificate shared by all legs.
//!
//! What reaches the crate has come from the address ICE selected (the leg sees to that) and has passed
//! `filter`: before the keys exist anybody who can forge that address could otherwise end the handshake
//! with a plain-text alert. Keys come out by one way only, [`Dtls::keys`], and that way checks the certificate.

mod filter;
mod identity;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::digest;
use bytes::BytesMut;
use rtc_dtls::cipher_suite::CipherSuiteId;
use rtc_dtls::config::{ClientAuthType, ConfigBuilder, ExtendedMasterSecretType, HandshakeConfig};
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_shared::error::Error;

pub use identity::{Identity, IdentityError};

use super::drops::Drop;
use crate::sdp::{Fingerprint, Hash};
use crate::srtp::{self, Opener, Profile, Sealer};

/// A handshake that has not come through by now will not: three round trips and several lost flights fit.
const DEADLINE: Duration = Duration::from_secs(10);
/// A server whose client is stuck by now forgets the handshake and answers the client's next hello afresh. The
/// client's own retransmissions are what make that work, so as client we wait instead.
const WATCHDOG: Duration = Duration::from_secs(3);
/// Handshakes started over after a datagram that spoiled one.
const MAX_REBUILDS: u32 = 5;
/// Datagrams one handshake may take, forged ones included; an honest one over a bad path takes about 40.
const MAX_DATAGRAMS: u32 = 400;
/// Waits between retransmissions of a flight, in milliseconds; the last one repeats until the deadline.
const BACKOFF_MS: [u64; 6] = [100, 150, 250, 400, 600, 1_000];
/// A peer that repeats itself has not heard us; time for the rest of its flight to come in before we answer so.
const REPEAT_AFTER: Duration = Duration::from_millis(50);
/// The crate keys its associations by address; ours has one peer, whose address ICE looks after.
const PEER: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// Bytes of a datagram. Tunnels, and routers that drop what is too long without a word, carry this much everywhere
/// (576, RFC 791 section 3.1), and our flights are short: more would save one datagram of a handshake.
const MTU: usize = 540;

const RECORD_HEADER: usize = 13;
/// What happened to the handshake.
pub(crate) enum Event {
    Connected(Box<(Sealer, Opener)>),
    Failed(Failure),
    /// The peer said goodbye, under the keys.
    PeerClosed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The peer's certificate is not the one its description named.
    Fingerprint,
    /// No handshake in time.
    Handshake,
}

/// What the certificate check found; written by the crate's callback.
const UNSEEN: u8 = 0;
const PROVEN: u8 = 1;
const WRONG: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Shaking,
    Connected,
    Over,
}

pub(crate) struct Dtls {
    endpoint: Endpoint,
    config: Arc<HandshakeConfig>,
    is_client: bool,
    certificate: Arc<AtomicU8>,
    phase: Phase,
    started: Instant,
    watchdog: Option<Instant>,
    datagrams: u32,
    rebuilds: u32,
    out: VecDeque<BytesMut>,
    /// The datagrams of our latest flight, for repeating.
    flight: Vec<BytesMut>,
    /// Next record number of epoch 0, which we number ourselves.
    record: u64,
    repeat_at: Option<Instant>,
    repeats: usize,
}

impl Dtls {
    pub(crate) fn start(
        now: Instant,
        identity: &Identity,
        expected: &Fingerprint,
        is_client: bool,
        profiles: &[Profile],
    ) -> Result<Self, Error> {
        let certificate = Arc::new(AtomicU8::new(UNSEEN));
        let config = Arc::new(config(identity, expected.clone(), is_client, profiles, &certificate)?);
        let mut dtls = Self {
            endpoint: endpoint(is_client, &config),
            config,
            is_client,
            certificate,
            phase: Phase::Shaking,
            started: now,
            watchdog: (!is_client).then_some(now + WATCHDOG),
            datagrams: 0,
            rebuilds: 0,
            out: VecDeque::new(),
            flight: Vec::new(),
            record: 0,
            repeat_at: None,
            repeats: 0,
        };
        dtls.connect(now)?;
        Ok(dtls)
    }

    pub(crate) fn handle(&mut self, now: Instant, datagram: &[u8]) -> Result<Option<Event>, Drop> {
        if self.phase == Phase::Over || !filter::admits(self.is_client, datagram) {
            return Err(Drop::DtlsRefused);
        }
        self.datagrams += 1;
        if self.datagrams > MAX_DATAGRAMS {
            return Err(Drop::DtlsFlood);
        }
        let read = self.endpoint.read(now, PEER, None, BytesMut::from(datagram));
        if !self.collect(now) && self.repeat_at.is_some() {
            self.repeat_at = self.repeat_at.min(Some(now + REPEAT_AFTER));
        }
        match read {
            Ok(events) => Ok(self.react(events)),
            Err(_) if self.phase == Phase::Connected => Err(Drop::DtlsRefused),
            Err(_) => Ok(self.spoiled(now)),
        }
    }

    pub(crate) fn tick(&mut self, now: Instant) -> Option<Event> {
        if self.phase != Phase::Shaking {
            return None;
        }
        if now >= self.started + DEADLINE {
            self.phase = Phase::Over;
            return Some(Event::Failed(Failure::Handshake));
        }
        if self.watchdog.is_some_and(|at| at <= now) {
            self.watchdog = None;
            self.rebuild(now);
        }
        if self.repeat_at.is_some_and(|at| at <= now) {
            self.repeats += 1;
            for mut datagram in self.flight.clone() {
                self.renumber(&mut datagram);
                self.out.push_back(datagram);
            }
            self.arm(now);
        }
        None
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if self.phase != Phase::Shaking {
            return None;
        }
        [Some(self.started + DEADLINE), self.watchdog, self.repeat_at].into_iter().flatten().min()
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<BytesMut> {
        self.out.pop_front()
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self, now: Instant) {
        self.phase = Phase::Over;
        let _ = self.endpoint.close(now);
        self.collect(now);
    }

    fn react(&mut self, events: Vec<EndpointEvent>) -> Option<Event> {
        let mut outcome = None;
        for event in events {
            match event {
                EndpointEvent::HandshakeComplete if self.phase == Phase::Shaking => {
                    outcome = Some(match self.keys() {
                        Ok(keys) => {
                            self.phase = Phase::Connected;
                            Event::Connected(Box::new(keys))
                        }
                        Err(failure) => {
                            self.phase = Phase::Over;
                            Event::Failed(failure)
                        }
                    });
                }
                EndpointEvent::PeerClosed if self.phase == Phase::Connected => {
                    self.phase = Phase::Over;
                    outcome = Some(Event::PeerClosed);
                }
                // Data channels were never negotiated.
                _ => {}
            }
        }
        outcome
    }

    /// The SRTP keys, if the peer has proven the certificate its description named.
    fn keys(&self) -> Result<(Sealer, Opener), Failure> {
        // A client that sends a certificate but no proof of holding its key finishes the crate's handshake
        // without the callback ever being asked; only an explicit yes counts.
        if self.certificate.load(Ordering::Relaxed) != PROVEN {
            return Err(Failure::Fingerprint);
        }
        let state = self.endpoint.get_connection_state(PEER).ok_or(Failure::Handshake)?;
        let profile = match state.srtp_protection_profile() {
            SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm => Profile::AeadAes128Gcm,
            SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80 => Profile::Aes128CmSha1_80,
            _ => return Err(Failure::Handshake),
        };
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], profile.material_len())
            .map_err(|_| Failure::Handshake)?;
        srtp::split(profile, material.as_ref(), self.is_client).map_err(|_| Failure::Handshake)
    }

    /// A datagram has ended the crate's handshake. An honest peer's retransmissions may still succeed with a
    /// fresh one, unless it was the certificate that was wrong.
    fn spoiled(&mut self, now: Instant) -> Option<Event> {
        let failure = match self.certificate.load(Ordering::Relaxed) {
            WRONG => Failure::Fingerprint,
            _ if self.rebuilds < MAX_REBUILDS => {
                self.rebuilds += 1;
                self.rebuild(now);
                return None;
            }
            _ => Failure::Handshake,
        };
        self.phase = Phase::Over;
        Some(Event::Failed(failure))
    }

    fn rebuild(&mut self, now: Instant) {
        self.endpoint = endpoint(self.is_client, &self.config);
        self.certificate.store(UNSEEN, Ordering::Relaxed);
        // Only an address without a port can make this fail.
        let _ = self.connect(now);
    }

    fn connect(&mut self, now: Instant) -> Result<(), Error> {
        if self.is_client {
            self.endpoint.connect(now, PEER, self.config.clone(), None)?;
        }
        self.collect(now);
        Ok(())
    }

    /// Takes what the crate wants to send: our next flight. Repeating flights is ours, too: the crate stops its
    /// timer for good at the first part of the peer's flight, so that the loss of another part would leave both
    /// waiting, and it gives up after seven.
    fn collect(&mut self, now: Instant) -> bool {
        let mut flight = Vec::new();
        while let Some(transmit) = self.endpoint.poll_transmit() {
            let mut datagram = transmit.message;
            self.renumber(&mut datagram);
            self.out.push_back(datagram.clone());
            flight.push(datagram);
        }
        if flight.is_empty() {
            return false;
        }
        self.flight = flight;
        self.repeats = 0;
        self.arm(now);
        true
    }

    fn arm(&mut self, now: Instant) {
        let backoff = BACKOFF_MS[self.repeats.min(BACKOFF_MS.len() - 1)];
        self.repeat_at = Some(now + Duration::from_millis(backoff));
    }

    /// Gives the plain-text records of a datagram fresh numbers, or the peer would take a repeated flight for a
    /// replay. They are not authenticated and no part of the transcript; sealed records stay as they are.
    fn renumber(&mut self, datagram: &mut [u8]) {
        let mut rest = datagram;
        while rest.len() >= RECORD_HEADER {
            let len = usize::from(u16::from_be_bytes([rest[11], rest[12]]));
            if rest[3..5] == [0, 0] {
                rest[5..11].copy_from_slice(&self.record.to_be_bytes()[2..]);
                self.record += 1;
            }
            let next = (RECORD_HEADER + len).min(rest.len());
            rest = &mut rest[next..];
        }
    }
}

fn endpoint(is_client: bool, config: &Arc<HandshakeConfig>) -> Endpoint {
    let server = (!is_client).then(|| config.clone());
    Endpoint::new(SocketAddr::from(([127, 0, 0, 1], 2)), TransportProtocol::UDP, server)
}

fn config(
    identity: &Identity,
    expected: Fingerprint,
    is_client: bool,
    profiles: &[Profile],
    certificate: &Arc<AtomicU8>,
) -> Result<HandshakeConfig, Error> {
    let seen = certificate.clone();
    let check = move |chain: &[Vec<u8>], _: &[_]| {
        let right = chain.first().is_some_and(|der| matches(&expected, der));
        seen.store(if right { PROVEN } else { WRONG }, Ordering::Relaxed);
        if right { Ok(()) } else { Err(Error::ErrInvalidCertificate) }
    };
    let profiles = profiles.iter().map(|profile| match profile {
        Profile::AeadAes128Gcm => SrtpProtectionProfile::Srtp_Aead_Aes_128_Gcm,
        Profile::Aes128CmSha1_80 => SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80,
    });
    ConfigBuilder::default()
        .with_crypto_provider(identity.provider.clone())
        .with_certificates(vec![identity.certificate.clone()])
        // The default list names RSA suites, which our certificate cannot serve.
        .with_cipher_suites(vec![
            CipherSuiteId::Tls_Ecdhe_Ecdsa_With_Aes_128_Gcm_Sha256,
            CipherSuiteId::Tls_Ecdhe_Ecdsa_With_ChaCha20_Poly1305_Sha256,
        ])
        .with_srtp_protection_profiles(profiles.collect())
        .with_client_auth(ClientAuthType::RequireAnyClientCert)
        .with_extended_master_secret(ExtendedMasterSecretType::Request)
        // Chains mean nothing here; the fingerprint does.
        .with_insecure_skip_verify(true)
        .with_verify_peer_certificate(Some(Arc::new(check)))
        .with_mtu(MTU)
        .with_server_name("offhook".to_owned())
        .build(is_client, None)
}

fn matches(expected: &Fingerprint, der: &[u8]) -> bool {
    let algorithm = match expected.hash {
        Hash::Sha256 => &digest::SHA256,
        Hash::Sha384 => &digest::SHA384,
        Hash::Sha512 => &digest::SHA512,
    };
    digest::digest(algorithm, der).as_ref() == expected.digest
}
