//! The ICE candidates of a description, read out for whoever keeps records of them.

use super::lines::Lines;

/// A candidate as RFC 8839 section 5.1 writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Groups candidates of the same kind and base.
    pub foundation: String,
    /// 1 for RTP.
    pub component: u16,
    /// `udp` or `tcp`, as written.
    pub transport: String,
    /// Higher is tried first.
    pub priority: u32,
    /// Address. Personal data: not for logs.
    pub address: String,
    /// Port.
    pub port: u16,
    /// `host`, `srflx`, `prflx` or `relay`.
    pub kind: String,
}

/// All candidates of a description, in their order. What is malformed is left out.
#[must_use]
pub fn candidates(text: &str) -> Vec<Candidate> {
    let lines = Lines::of(text);
    lines.attributes("candidate").filter_map(|(_, value)| read(value)).collect()
}

fn read(value: &str) -> Option<Candidate> {
    let mut parts = value.split(' ');
    let candidate = Candidate {
        foundation: parts.next()?.to_owned(),
        component: parts.next()?.parse().ok()?,
        transport: parts.next()?.to_owned(),
        priority: parts.next()?.parse().ok()?,
        address: parts.next()?.to_owned(),
        port: parts.next()?.parse().ok()?,
        kind: parts.nth(1)?.to_owned(),
    };
    Some(candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn candidates_are_read_in_order_and_broken_ones_left_out() {
        let text = "v=0\r\nm=audio 9 RTP/SAVPF 111\r\na=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host\r\n\
                    a=candidate:x\r\na=candidate:2 1 UDP 1686052607 203.0.113.9 50001 typ srflx raddr 0.0.0.0 rport 0\r\n";
        let found = candidates(text);
        let seen: Vec<_> = found.iter().map(|it| (it.address.as_str(), it.port, it.kind.as_str())).collect();
        assert_eq!(seen, [("192.0.2.7", 50000, "host"), ("203.0.113.9", 50001, "srflx")]);
    }
}
