//! Session descriptions with one audio line, read and written for WhatsApp and for browsers.
//!
//! [`read`] turns a stranger's description into a [`Remote`]; [`write`] makes ours. Nothing here decides about
//! ICE or DTLS beyond roles. Forms and their sources: Meta's offer and the answers it accepts, RFC 8866, 8839,
//! 8842, 9429.
//!
//! Invariant: what has been read is bounded (64 KiB, 16 media lines, 100 candidates) and names exactly one
//! certificate.

mod candidate;
mod read;
mod write;

#[cfg(test)]
mod tests;

pub use candidate::CandidateKind;
pub(crate) use candidate::{Candidate, host_priority};
pub(crate) use read::read;
pub(crate) use write::{Local, write};

/// Why a description cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// More bytes, lines or candidates than any honest peer sends.
    #[error("session description is too large")]
    TooLarge,
    /// Not a session description.
    #[error("session description cannot be parsed")]
    Malformed,
    /// No usable audio line.
    #[error("session description has no audio over DTLS-SRTP")]
    NoAudio,
    /// Neither side's codecs include Opus at 48 kHz.
    #[error("session description offers no opus/48000/2")]
    NoCodec,
    /// ICE user fragment or password is missing or too short.
    #[error("session description has no ICE credentials")]
    NoCredentials,
    /// No fingerprint of the SHA-2 family.
    #[error("session description has no usable fingerprint")]
    NoFingerprint,
    /// Two certificates where one is allowed.
    #[error("session description names more than one certificate")]
    AmbiguousFingerprint,
    /// RTP and RTCP on separate ports.
    #[error("session description does not multiplex RTCP")]
    NoRtcpMux,
}

/// Hash of the peer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

/// What the peer's certificate must hash to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fingerprint {
    pub(crate) hash: Hash,
    pub(crate) digest: Vec<u8>,
}

/// Who starts the DTLS handshake (RFC 8842).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    Active,
    Passive,
    ActPass,
}

/// Which ways sound may flow, from the writer's point of view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    SendRecv,
    SendOnly,
    RecvOnly,
    Inactive,
}

impl Direction {
    /// The same, from the other side.
    pub(crate) fn mirrored(self) -> Self {
        match self {
            Self::SendRecv => Self::SendRecv,
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            Self::Inactive => Self::Inactive,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }
}

/// The payload types of one leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Payloads {
    pub(crate) opus: u8,
    /// RFC 4733 events at 8 kHz, the only clock WhatsApp knows.
    pub(crate) dtmf: Option<u8>,
    /// The same at Opus' own clock, which browsers use when both are there.
    pub(crate) dtmf_wide: Option<u8>,
}

impl Payloads {
    /// What we offer: Meta's own numbers, so that its answers have nothing to translate.
    pub(crate) const OFFERED: Self = Self { opus: 111, dtmf: Some(126), dtmf_wide: None };
}

/// A media line we do not take, which an answer must refuse in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) media: String,
    pub(crate) proto: String,
    pub(crate) fmt: String,
    pub(crate) mid: Option<String>,
}

/// What the peer's description says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remote {
    pub(crate) ice_lite: bool,
    pub(crate) ufrag: String,
    pub(crate) pwd: String,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) setup: Setup,
    pub(crate) candidates: Vec<Candidate>,
    pub(crate) payloads: Payloads,
    pub(crate) direction: Direction,
    pub(crate) mid: Option<String>,
    pub(crate) bundle: bool,
    pub(crate) before: Vec<Refused>,
    pub(crate) after: Vec<Refused>,
}
