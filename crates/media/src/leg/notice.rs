//! What goes into a leg and comes out of it, in plain words.

use std::net::SocketAddr;

use bytes::BytesMut;

use crate::quality::Quality;
use crate::sdp::SdpError;
use crate::srtp::Profile;

/// How a leg is to be set up.
#[derive(Debug, Clone)]
pub struct LegConfig {
    /// Where the peer may send to, best first: the media port as seen from outside.
    pub addresses: Vec<SocketAddr>,
    /// No sound leaves before [`Leg::open_gate`]: WhatsApp forbids it before `accept` has succeeded.
    pub hold_rtp: bool,
    /// Whether the peer may live on a private or loopback address. Not for WhatsApp.
    pub allow_private: bool,
    /// SRTP profiles, preferred first.
    pub profiles: Vec<Profile>,
    /// How the user fragment begins, so that whoever receives a check knows whom to pass it to. A letter or digit.
    pub(crate) mark: Option<char>,
    /// Whether its handshake waits for [`Leg::begin_handshake`]: others may be behind the same address.
    pub(crate) takes_turns: bool,
}

impl LegConfig {
    /// Every profile, gate open, public peers only.
    pub fn new(addresses: Vec<SocketAddr>) -> Self {
        Self {
            addresses,
            hold_rtp: false,
            allow_private: false,
            profiles: vec![Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80],
            mark: None,
            takes_turns: false,
        }
    }
}

/// What a leg has to say.
#[derive(Debug)]
pub enum Output {
    /// A datagram to send.
    Transmit {
        /// Where to.
        to: SocketAddr,
        /// What.
        datagram: BytesMut,
    },
    /// Something happened.
    Notice(Notice),
}

/// What happened on a leg.
#[derive(Debug, Clone, PartialEq)]
pub enum Notice {
    /// ICE has selected an address.
    IceConnected,
    /// Keys are there; sound may flow.
    DtlsConnected(Profile),
    /// The first sound of the peer.
    FirstPacket,
    /// The peer has pressed a key.
    Digit {
        /// Which: 0 to 9, `*`, `#`, A to D.
        digit: char,
        /// For how long.
        millis: u16,
    },
    /// Neither sound nor reports for five seconds.
    MediaLost,
    /// They are back.
    MediaResumed,
    /// Every five seconds, how well it goes.
    Quality(Quality),
    /// The leg is over, and why.
    Failed(FailReason),
}

/// Why a leg is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailReason {
    /// No pair of addresses worked.
    IceFailed,
    /// The handshake did not come through.
    DtlsFailed,
    /// The peer's certificate is not the one its description named.
    DtlsFingerprint,
    /// The peer has not answered for 30 seconds.
    ConsentLost,
    /// The peer said goodbye.
    PeerClosed,
    /// The peer's description cannot be used.
    DescriptionRefused,
    /// The plane carries as many legs as it may.
    NoCapacity,
    /// A mistake of ours, contained.
    Broken,
}

impl FailReason {
    /// A stable name for records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::IceFailed => "ice_failed",
            Self::DtlsFailed => "dtls_failed",
            Self::DtlsFingerprint => "dtls_fingerprint",
            Self::ConsentLost => "consent_lost",
            Self::PeerClosed => "peer_closed",
            Self::DescriptionRefused => "sdp_refused",
            Self::NoCapacity => "no_media_capacity",
            Self::Broken => "media_broken",
        }
    }
}

/// A leg cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LegError {
    /// The peer's description cannot be used.
    #[error(transparent)]
    Description(#[from] SdpError),
    /// A second answer, or an answer to an answer.
    #[error("leg has both descriptions already")]
    AlreadyAnswered,
    /// A new path was offered by somebody else than this leg's peer, or after the leg's end.
    #[error("the offer is not of this leg's peer")]
    OtherPeer,
    /// A new path was offered with the credentials of the one in use.
    #[error("the offer names the path in use")]
    SamePath,
    /// A library refused, which it does only if ours gave it nonsense.
    #[error("media stack refused: {0}")]
    Stack(String),
}
