//! ICE for one leg: `rtc-ice` behind a gate, on a schedule fit for a server.
//!
//! The crate's agent finds the first pair and answers checks. Around it stands what a server needs and the agent
//! does not do: messages are verified before the agent sees them (see [`crate::stun`]); checks are spaced out
//! instead of every 200 ms for ever; consent is the peer's answer to a request of ours (RFC 7675), not just any
//! traffic; a controlling peer may move to another pair later; and the number of addresses a peer can make us
//! send to is bounded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::{hmac, rand};
use bytes::BytesMut;
use rtc_crypto::RTCCryptoProvider;
use rtc_ice::agent::agent_config::AgentConfig;
use rtc_ice::agent::{Agent, Event};
use rtc_ice::candidate::CandidateConfig;
use rtc_ice::candidate::candidate_host::CandidateHostConfig;
use rtc_ice::mdns::MulticastDnsMode;
use rtc_ice::network_type::NetworkType;
use rtc_shared::{TaggedBytesMut, TransportContext, TransportProtocol};
use sansio::Protocol;

use super::drops::Drop;
use crate::sdp::{Candidate, CandidateKind, host_priority};
use crate::stun::{self, Binding, Class};

/// The peer must have answered one of our checks within this time (RFC 7675 section 5.1).
const CONSENT: Duration = Duration::from_secs(30);
/// Mean time between consent checks; each is moved by up to a fifth so that legs do not fall into step.
const CONSENT_INTERVAL_MS: u64 = 5_000;
/// Checks per address before giving up on it: bounds what a made-up candidate can make us send to a stranger.
const MAX_CHECKS: u16 = 24;
/// Remote addresses per leg, announced or learned. Browsers bring a handful.
const MAX_REMOTES: usize = 16;
/// Requests whose answers still count: a round of checks to every address, more than once.
const PENDING: usize = 2 * MAX_REMOTES;

/// Our half of the credentials.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
}

pub(crate) struct Ice {
    agent: Agent,
    /// One local address per family: the socket's own, as the peer knows it.
    locals: Vec<SocketAddr>,
    local: Credentials,
    local_key: hmac::Key,
    remote_key: Option<hmac::Key>,
    /// The peer's user fragment: which of its descriptions this is the path of.
    remote_ufrag: String,
    /// The user name of our requests.
    username: String,
    tie_breaker: u64,
    remotes: Vec<SocketAddr>,
    /// Those of them the peer has named itself.
    announced: Vec<(SocketAddr, CandidateKind)>,
    selected: Option<SocketAddr>,
    /// When the next round of checks or the next consent check is due.
    next: Option<Instant>,
    rounds: u32,
    consent_until: Option<Instant>,
    /// Requests of ours, where they went and when.
    pending: [Option<Asked>; PENDING],
    pending_at: usize,
    /// Addresses that have answered us.
    proven: Vec<SocketAddr>,
    consent_request: Option<BytesMut>,
    rtt: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Asked {
    transaction: [u8; 12],
    whom: SocketAddr,
    at: Instant,
    /// Whether the agent asked, for its own purposes.
    by_agent: bool,
}

impl Ice {
    pub(crate) fn new(
        now: Instant,
        provider: Arc<dyn RTCCryptoProvider>,
        addresses: &[SocketAddr],
        local: Credentials,
    ) -> Result<Self, rtc_shared::error::Error> {
        let config = AgentConfig {
            local_ufrag: local.ufrag.clone(),
            local_pwd: local.pwd.clone(),
            network_types: vec![NetworkType::Udp4, NetworkType::Udp6],
            multicast_dns_mode: MulticastDnsMode::Disabled,
            // Time is ours: the agent may act whenever it is asked to, and never gives up by itself.
            check_interval: Duration::from_millis(1),
            keepalive_interval: Some(Duration::from_millis(500)),
            disconnected_timeout: Some(Duration::ZERO),
            failed_timeout: Some(Duration::ZERO),
            max_binding_requests: Some(MAX_CHECKS),
            prflx_acceptance_min_wait: Some(Duration::ZERO),
            ..AgentConfig::default()
        };
        let mut agent = Agent::new(now, Arc::new(config), provider)?;
        let mut locals: Vec<SocketAddr> = Vec::with_capacity(2);
        for (n, address) in addresses.iter().enumerate() {
            if !locals.iter().any(|local| local.is_ipv4() == address.is_ipv4()) {
                agent.add_local_candidate(host(*address, host_priority(n))?)?;
                locals.push(*address);
            }
        }
        Ok(Self {
            agent,
            locals,
            local_key: stun::key(&local.pwd),
            local,
            remote_key: None,
            remote_ufrag: String::new(),
            username: String::new(),
            tie_breaker: 0,
            remotes: Vec::new(),
            announced: Vec::new(),
            selected: None,
            next: None,
            rounds: 0,
            consent_until: None,
            pending: [None; PENDING],
            pending_at: 0,
            proven: Vec::new(),
            consent_request: None,
            rtt: None,
        })
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.local
    }

    pub(crate) fn remote_ufrag(&self) -> &str {
        &self.remote_ufrag
    }

    /// Learns the peer's credentials and starts checking.
    pub(crate) fn start(
        &mut self,
        now: Instant,
        controlling: bool,
        ufrag: &str,
        pwd: &str,
    ) -> Result<(), rtc_shared::error::Error> {
        self.remote_key = Some(stun::key(pwd));
        ufrag.clone_into(&mut self.remote_ufrag);
        self.username = format!("{ufrag}:{}", self.local.ufrag);
        self.tie_breaker = u64::from_be_bytes(random());
        self.agent.start_connectivity_checks(now, controlling, ufrag.to_owned(), pwd.to_owned())?;
        self.next = Some(now);
        Ok(())
    }

    pub(crate) fn add_remote(&mut self, now: Instant, candidate: Candidate) {
        if !self.admit(candidate.address) {
            return;
        }
        if !self.announced.iter().any(|(address, _)| *address == candidate.address) {
            self.announced.push((candidate.address, candidate.kind));
        }
        if let Ok(candidate) = host(candidate.address, candidate.priority)
            && self.agent.add_remote_candidate(candidate).is_ok()
        {
            self.hurry(now);
        }
    }

    /// The address everything is sent to, once ICE has agreed on one.
    pub(crate) fn selected(&self) -> Option<SocketAddr> {
        self.selected
    }

    /// How the selected address became known.
    pub(crate) fn selected_kind(&self) -> Option<CandidateKind> {
        let selected = self.selected?;
        let announced = self.announced.iter().find(|(address, _)| *address == selected);
        Some(announced.map_or(CandidateKind::PeerReflexive, |(_, kind)| *kind))
    }

    /// Whether the peer has stopped agreeing to be sent to.
    pub(crate) fn consent_is_over(&self, now: Instant) -> bool {
        self.consent_until.is_some_and(|until| until <= now)
    }

    /// Sends nothing more: the peer has not agreed to it for too long.
    pub(crate) fn give_up(&mut self) {
        (self.selected, self.next, self.consent_until) = (None, None, None);
    }

    /// The latest round trip of a consent check.
    pub(crate) fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    pub(crate) fn handle(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Result<(), Drop> {
        let binding = Binding::read(datagram).ok_or(Drop::StunMalformed)?;
        let remote_key = self.remote_key.as_ref().ok_or(Drop::StunBeforeAnswer)?;
        let (key, ours) = match binding.class {
            Class::Request => (&self.local_key, binding.addressee() == Some(self.local.ufrag.as_bytes())),
            Class::Success => (remote_key, true),
            // Indications are not authenticated and errors change nothing we would not notice ourselves.
            Class::Indication | Class::Error => return Err(Drop::StunMalformed),
        };
        if !ours || !binding.verifies(key) {
            return Err(Drop::StunForged);
        }
        let local = self.locals.iter().find(|local| local.is_ipv4() == from.is_ipv4());
        let local = *local.ok_or(Drop::StunForged)?;
        if binding.class == Class::Request && !self.admit(from) {
            return Err(Drop::TooManyAddresses);
        }
        if binding.class == Class::Success {
            let asked = self.pending.iter().flatten().find(|asked| asked.transaction == binding.transaction);
            // The answer to a question that was put to somebody else, or to nobody.
            let asked = *asked.filter(|asked| asked.whom == from).ok_or(Drop::StunForged)?;
            if !self.proven.contains(&from) {
                self.proven.push(from);
            }
            if self.selected == Some(from) {
                self.consent_until = Some(now + CONSENT);
                self.rtt = Some(now.saturating_duration_since(asked.at));
            }
            if !asked.by_agent {
                return Ok(());
            }
        }
        let message = TaggedBytesMut {
            now,
            transport: TransportContext {
                local_addr: local,
                peer_addr: from,
                transport_protocol: TransportProtocol::UDP,
                ecn: None,
            },
            message: BytesMut::from(datagram),
        };
        // Whatever it still refuses is a message out of turn: an answer to a request long forgotten.
        let taken = self.agent.handle_read(message).map_err(|_| Drop::StunForged);
        if self.selected.is_none() {
            // An answer may allow nomination, a request may be from an address worth checking: at once.
            let _ = self.agent.handle_timeout(now);
            self.notice_selection(now);
        } else if binding.nominates && !self.agent.role() && self.proven.contains(&from) {
            // The peer has moved. A recorded nomination played back from elsewhere proves nothing: who gets our
            // sound must have answered us from there.
            self.select(now, from);
        }
        taken
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        if self.next.is_none_or(|next| next > now) {
            return;
        }
        match (self.selected, &self.remote_key) {
            (Some(selected), Some(key)) => {
                let transaction = random();
                let controlling = self.agent.role();
                let (username, tie_breaker) = (&self.username, self.tie_breaker);
                let request = stun::consent_request(transaction, username, controlling, tie_breaker, key);
                self.consent_request = Some(request);
                self.ask(Asked { transaction, whom: selected, at: now, by_agent: false });
            }
            _ => drop(self.agent.handle_timeout(now)),
        }
        self.rounds += 1;
        self.next = Some(now + self.pause());
        self.notice_selection(now);
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.next, self.consent_until].into_iter().flatten().min()
    }

    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<(SocketAddr, BytesMut)> {
        if let Some((selected, request)) = self.selected.zip(self.consent_request.take()) {
            return Some((selected, request));
        }
        let out = self.agent.poll_write()?;
        let whom = out.transport.peer_addr;
        if let Some(transaction) = stun::request_transaction(&out.message) {
            self.ask(Asked { transaction, whom, at: now, by_agent: true });
        }
        Some((whom, out.message))
    }

    fn ask(&mut self, asked: Asked) {
        self.pending[self.pending_at] = Some(asked);
        self.pending_at = (self.pending_at + 1) % PENDING;
    }

    fn notice_selection(&mut self, now: Instant) {
        while let Some(tagged) = self.agent.poll_event() {
            if let Event::SelectedCandidatePairChange(_, remote) = tagged.event {
                self.select(now, remote.addr());
            }
        }
    }

    fn select(&mut self, now: Instant, address: SocketAddr) {
        if self.selected != Some(address) {
            self.selected = Some(address);
            self.consent_until = Some(now + CONSENT);
            self.rounds = 0;
            self.next = Some(now + self.pause());
        }
    }

    /// Whether this address is one of the few this leg may deal with.
    fn admit(&mut self, address: SocketAddr) -> bool {
        if self.remotes.contains(&address) {
            return true;
        }
        if self.remotes.len() >= MAX_REMOTES {
            return false;
        }
        self.remotes.push(address);
        true
    }

    fn hurry(&mut self, now: Instant) {
        if self.selected.is_none() && self.next.is_some() {
            self.next = Some(now);
        }
    }

    /// Quick at first, when the peer most likely just became reachable; then slower, since the peer may not
    /// have our description yet: WhatsApp hears it only when Meta has handled our request.
    fn pause(&self) -> Duration {
        Duration::from_millis(match (self.selected, self.rounds) {
            (Some(address), round) => {
                let spread = CONSENT_INTERVAL_MS * 2 / 5;
                let mixed =
                    (u64::from(address.port()) + u64::from(round)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                CONSENT_INTERVAL_MS - spread / 2 + (mixed >> 32) % spread
            }
            (None, 0..=1) => 50,
            (None, 2..=3) => 100,
            (None, 4..=12) => 200,
            (None, _) => 1_000,
        })
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system has randomness, or no handshake would work either");
    bytes
}

fn host(
    address: SocketAddr,
    priority: u32,
) -> Result<rtc_ice::candidate::Candidate, rtc_shared::error::Error> {
    CandidateHostConfig {
        base_config: CandidateConfig {
            network: "udp".to_owned(),
            address: address.ip().to_string(),
            port: address.port(),
            component: 1,
            priority,
            ..CandidateConfig::default()
        },
        ..CandidateHostConfig::default()
    }
    .new_candidate_host()
}
