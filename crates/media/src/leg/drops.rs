//! Why datagrams and packets are dropped, and how often.

/// A reason to drop; the order is that of [`Drop::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Drop {
    /// No protocol starts with this byte.
    Unknown,
    /// Not a binding message with integrity.
    StunMalformed,
    /// Arrived before the peer's description.
    StunBeforeAnswer,
    /// Wrong user, wrong password, or out of turn.
    StunForged,
    /// The peer uses more addresses than it may.
    TooManyAddresses,
    /// DTLS from an address ICE has not selected.
    DtlsElsewhere,
    /// A plain-text record that could only be forged or useless.
    DtlsRefused,
    /// More handshake datagrams than a handshake has.
    DtlsFlood,
    /// SRTP from an address ICE has not selected.
    SrtpElsewhere,
    /// SRTP before the keys.
    SrtpEarly,
    /// Too short, or not RTP inside.
    SrtpMalformed,
    /// The tag does not verify.
    SrtpForged,
    /// Seen before or too old.
    SrtpReplayed,
    /// More SSRCs than a peer may use.
    SrtpSources,
    /// Authenticated, but more packets than sound needs.
    RateExceeded,
    /// A payload type nobody negotiated.
    PayloadUnknown,
    /// Nothing may be sent on this leg yet.
    GateClosed,
    /// Came after another source had taken over.
    TooLate,
}

impl Drop {
    /// In a word, for whoever counts.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::StunMalformed => "stun_malformed",
            Self::StunBeforeAnswer => "stun_before_answer",
            Self::StunForged => "stun_forged",
            Self::TooManyAddresses => "too_many_addresses",
            Self::DtlsElsewhere => "dtls_elsewhere",
            Self::DtlsRefused => "dtls_refused",
            Self::DtlsFlood => "dtls_flood",
            Self::SrtpElsewhere => "srtp_elsewhere",
            Self::SrtpEarly => "srtp_early",
            Self::SrtpMalformed => "srtp_malformed",
            Self::SrtpForged => "srtp_forged",
            Self::SrtpReplayed => "srtp_replayed",
            Self::SrtpSources => "srtp_sources",
            Self::RateExceeded => "rate_exceeded",
            Self::PayloadUnknown => "payload_unknown",
            Self::GateClosed => "gate_closed",
            Self::TooLate => "too_late",
        }
    }

    /// Every reason.
    pub const ALL: [Self; 18] = [
        Self::Unknown,
        Self::StunMalformed,
        Self::StunBeforeAnswer,
        Self::StunForged,
        Self::TooManyAddresses,
        Self::DtlsElsewhere,
        Self::DtlsRefused,
        Self::DtlsFlood,
        Self::SrtpElsewhere,
        Self::SrtpEarly,
        Self::SrtpMalformed,
        Self::SrtpForged,
        Self::SrtpReplayed,
        Self::SrtpSources,
        Self::RateExceeded,
        Self::PayloadUnknown,
        Self::GateClosed,
        Self::TooLate,
    ];
}

/// Counters, one per reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drops(pub(crate) [u64; Drop::ALL.len()]);

impl Drops {
    /// How often a reason occurred.
    pub fn count(&self, reason: Drop) -> u64 {
        self.0[reason as usize]
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    pub(crate) fn add(&mut self, reason: Drop) {
        self.0[reason as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_counter() {
        let mut drops = Drops::default();
        for (n, reason) in Drop::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, n);
            drops.add(reason);
            assert_eq!(drops.count(reason), 1);
        }
        assert_eq!(drops.total(), Drop::ALL.len() as u64);
    }
}
