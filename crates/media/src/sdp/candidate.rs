//! Candidate lines (RFC 8839 section 5.1), as far as one UDP port needs them.

use std::net::{IpAddr, SocketAddr};

use super::Direction;

/// How an address of the peer became known (RFC 8445 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind {
    /// An interface of its own.
    Host,
    /// What a STUN server saw.
    ServerReflexive,
    /// What we saw, without the peer naming it.
    PeerReflexive,
    /// A TURN server's.
    Relayed,
}

impl CandidateKind {
    /// The word of descriptions, records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::ServerReflexive => "srflx",
            Self::PeerReflexive => "prflx",
            Self::Relayed => "relay",
        }
    }

    fn read(word: &str) -> Option<Self> {
        [Self::Host, Self::ServerReflexive, Self::PeerReflexive, Self::Relayed]
            .into_iter()
            .find(|kind| kind.code() == word)
    }
}

/// Where the peer may be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) address: SocketAddr,
    pub(crate) priority: u32,
    pub(crate) kind: CandidateKind,
}

impl Candidate {
    /// Reads the value of an `a=candidate` line, with or without the word in front. `None` for what we cannot
    /// or must not send to: TCP, RTCP's own component, host names (mDNS), unspecified and multicast addresses.
    pub(crate) fn read(line: &str) -> Option<Self> {
        let line = line.trim().strip_prefix("a=").unwrap_or(line.trim());
        let mut words = line.strip_prefix("candidate:").unwrap_or(line).split_ascii_whitespace();
        let _foundation = words.next()?;
        if words.next()? != "1" || !words.next()?.eq_ignore_ascii_case("udp") {
            return None;
        }
        let priority = words.next()?.parse().ok()?;
        let ip: IpAddr = words.next()?.parse().ok()?;
        let port: u16 = words.next()?.parse().ok()?;
        let ip = ip.to_canonical();
        if port == 0 || ip.is_unspecified() || ip.is_multicast() {
            return None;
        }
        // Only relays and reflexive addresses need to say what they are; most peers say it always.
        let kind = words.nth(1).and_then(CandidateKind::read).unwrap_or(CandidateKind::Host);
        Some(Self { address: SocketAddr::new(ip, port), priority, kind })
    }

    /// Whether the address lies inside somebody's network: not for peers on the internet.
    pub(crate) fn is_private(&self) -> bool {
        match self.address.ip() {
            IpAddr::V4(ip) => {
                let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
                ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_broadcast() || shared
            }
            IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        }
    }
}

/// Priority of our `n`th host candidate (RFC 8445 section 5.1.2.1).
pub(crate) fn host_priority(n: usize) -> u32 {
    let local_preference = 65_535u32.saturating_sub(n as u32);
    (126 << 24) | (local_preference << 8) | 255
}

impl Direction {
    pub(super) fn read(word: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive]
            .into_iter()
            .find(|direction| direction.word() == word)
    }
}
