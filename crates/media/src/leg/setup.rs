//! Making a leg: the two descriptions and the roles that follow from them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::rand;

use super::ice::{Credentials, Ice};
use super::outgoing::Outgoing;
use super::sound::Bucket;
use super::{ICE_DEADLINE, Identity, Leg, LegConfig, LegError, Peer};
use crate::quality::Receive;
use crate::sdp::{self, Direction, Local, Payloads, Refused, Remote, Setup};

/// 48 random bits, or 42 behind a mark, tell the legs of one port apart; RFC 8839 wants 24 at least.
pub(crate) const UFRAG_LEN: usize = 8;
/// 144 bits; RFC 8839 wants 128.
const PWD_LEN: usize = 24;
/// Of the first description, as browsers count.
const FIRST_VERSION: u64 = 2;
/// The alphabet of RFC 8839 without the two signs some parsers trip over would not be a power of two.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Leg {
    /// A leg that makes the first description.
    ///
    /// # Errors
    /// If the configured addresses are none.
    pub fn offer(
        now: Instant,
        identity: &Arc<Identity>,
        config: LegConfig,
    ) -> Result<(Self, String), LegError> {
        let leg = Self::new(now, identity, config, true)?;
        let description =
            leg.describe(&leg.ice, Setup::ActPass, Payloads::OFFERED, Direction::SendRecv, None, (&[], &[]));
        Ok((leg, description))
    }

    /// A leg that answers the peer's description.
    ///
    /// # Errors
    /// If the description cannot be used.
    pub fn answer(
        now: Instant,
        identity: &Arc<Identity>,
        config: LegConfig,
        offer: &str,
    ) -> Result<(Self, String), LegError> {
        let remote = sdp::read(offer)?;
        let mut leg = Self::new(now, identity, config, false)?;
        let is_client = remote.setup != Setup::Active;
        let setup = if is_client { Setup::Active } else { Setup::Passive };
        let description = leg.describe(
            &leg.ice,
            setup,
            remote.payloads,
            remote.direction.mirrored(),
            remote.mid.as_deref(),
            (&remote.before, &remote.after),
        );
        leg.start(now, remote, is_client)?;
        Ok((leg, description))
    }

    /// Takes the answer to our offer.
    ///
    /// # Errors
    /// If the answer cannot be used, or there is one already.
    pub fn take_answer(&mut self, now: Instant, answer: &str) -> Result<(), LegError> {
        if !self.is_offerer || self.peer.is_some() {
            return Err(LegError::AlreadyAnswered);
        }
        let remote = sdp::read(answer)?;
        // An answer must choose. Meta sometimes leaves "actpass" standing; it then waits for our hello.
        let is_client = remote.setup != Setup::Active;
        self.start(now, remote, is_client)
    }

    fn new(
        now: Instant,
        identity: &Arc<Identity>,
        config: LegConfig,
        is_offerer: bool,
    ) -> Result<Self, LegError> {
        let ice = fresh_ice(now, identity, &config)?;
        let ssrc = random_u32().max(1);
        Ok(Self {
            identity: identity.clone(),
            gate_open: !config.hold_rtp,
            config,
            // Bit 63 stays clear (RFC 9429 section 5.2.1).
            session_id: u64::from(random_u32() >> 1) << 32 | u64::from(random_u32()),
            uid: random_u32().max(1),
            ssrc,
            cname: ice_chars(16).replace(['+', '/'], "0"),
            created: now,
            now,
            is_offerer,
            version: FIRST_VERSION,
            ice,
            renewal: None,
            trickled: 0,
            ice_deadline: None,
            ice_reported: false,
            peer: None,
            dtls: None,
            keys: None,
            payloads: Payloads::OFFERED,
            keys_of_peer: super::Keys::default(),
            outgoing: Outgoing::new(random_u32() as u16, random_u32()),
            sent_packets: 0,
            sent_octets: 0,
            sent_before_report: 0,
            receive: Receive::new(now),
            remote: super::Remote::default(),
            rtt: None,
            bucket: Bucket::new(now),
            heard_at: None,
            heard_sound: false,
            first_sound: None,
            is_silent: false,
            report_at: None,
            drops: super::Drops::default(),
            dropped: None,
            is_over: false,
            out: VecDeque::new(),
        })
    }

    /// Credentials of its own for another path.
    pub(super) fn new_ice(&self, now: Instant) -> Result<Ice, LegError> {
        fresh_ice(now, &self.identity, &self.config)
    }

    fn start(&mut self, now: Instant, remote: Remote, is_client: bool) -> Result<(), LegError> {
        self.now = now;
        self.payloads = remote.payloads;
        // The offerer controls, except that a lite peer never does (RFC 8445 section 6.1.1).
        let controlling = self.is_offerer || remote.ice_lite;
        self.ice.start(now, controlling, &remote.ufrag, &remote.pwd).map_err(stack)?;
        self.ice_deadline = Some(now + ICE_DEADLINE);
        self.peer = Some(Peer { fingerprint: remote.fingerprint, is_client });
        for candidate in remote.candidates {
            self.learn(now, candidate);
        }
        Ok(())
    }

    pub(super) fn describe(
        &self,
        ice: &Ice,
        setup: Setup,
        payloads: Payloads,
        direction: Direction,
        mid: Option<&str>,
        (before, after): (&[Refused], &[Refused]),
    ) -> String {
        let credentials = ice.credentials();
        sdp::write(&Local {
            session_id: self.session_id,
            version: self.version,
            ufrag: &credentials.ufrag,
            pwd: &credentials.pwd,
            fingerprint: self.identity.fingerprint(),
            setup,
            addresses: &self.config.addresses,
            payloads,
            direction,
            ssrc: self.ssrc,
            cname: &self.cname,
            mid,
            before,
            after,
        })
    }
}

fn fresh_ice(now: Instant, identity: &Identity, config: &LegConfig) -> Result<Ice, LegError> {
    let ufrag = match config.mark {
        None => ice_chars(UFRAG_LEN),
        Some(mark) => format!("{mark}{}", ice_chars(UFRAG_LEN - mark.len_utf8())),
    };
    let credentials = Credentials { ufrag, pwd: ice_chars(PWD_LEN) };
    Ice::new(now, identity.provider.clone(), &config.addresses, credentials).map_err(stack)
}

fn ice_chars(len: usize) -> String {
    let mut bytes = vec![0; len];
    fill(&mut bytes);
    bytes.iter().map(|byte| char::from(ICE_CHARS[usize::from(byte & 63)])).collect()
}

fn random_u32() -> u32 {
    let mut bytes = [0; 4];
    fill(&mut bytes);
    u32::from_be_bytes(bytes)
}

fn fill(bytes: &mut [u8]) {
    rand::fill(bytes).expect("the system has randomness, or no handshake would work either");
}

pub(super) fn stack(error: rtc_shared::error::Error) -> LegError {
    LegError::Stack(error.to_string())
}
