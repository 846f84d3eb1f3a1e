//! Plain data into the plane and out of it.

use std::time::Duration;

use offhook_core::sdp::{IceCandidate, Sdp};

use crate::clip::Clip;
use crate::leg::{Drops, FailReason, LegConfig};
use crate::quality::Quality;
use crate::sdp::CandidateKind;
use crate::srtp::Profile;
use crate::tap::TapSink;

/// Names a leg, as its owner likes, with one rule: legs that are to hear each other have the same upper half, their
/// home. A home lives on one shard as a whole, so a name says where every command about its leg goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId(pub u64);

impl LegId {
    /// The name of a leg of a call.
    pub fn of_call(home: u32, leg: u32) -> Self {
        Self(u64::from(home) << 32 | u64::from(leg))
    }

    /// Which of so many shards it lives on.
    pub(crate) fn shard(self, shards: usize) -> usize {
        (self.0 >> 32) as usize % shards
    }
}

/// What is asked of the plane. Commands about a leg that is gone do nothing: its end has been told.
#[derive(Debug)]
pub enum Command {
    /// Sets up a leg; [`LegNotice::LocalDescription`] follows at once, or [`LegNotice::Failed`].
    AddLeg {
        /// Its name, not in use.
        leg: LegId,
        /// Its manners.
        options: LegOptions,
        /// Which description is wanted.
        description: Description,
    },
    /// The peer's answer to our offer.
    Answer {
        /// Which leg.
        leg: LegId,
        /// The description.
        sdp: Sdp,
    },
    /// A candidate of the peer's that came after its description.
    Candidate {
        /// Which leg.
        leg: LegId,
        /// The candidate, and which description it belongs to.
        candidate: IceCandidate,
    },
    /// The peer's offer of a new path (RFC 8445 section 9): the leg keeps its keys, its stream and its place, and
    /// its old path until the new one works. [`LegNotice::LocalDescription`] follows, or
    /// [`LegNotice::RestartRefused`].
    Restart {
        /// Which leg.
        leg: LegId,
        /// The offer, of the same peer.
        offer: Sdp,
    },
    /// Lets sound out of a leg that was added with `hold_rtp`.
    OpenGate {
        /// Which leg.
        leg: LegId,
    },
    /// Chooses what a leg is told. It says nothing about who hears that leg.
    Hear {
        /// Which leg.
        leg: LegId,
        /// What it hears from now on.
        what: Hearing,
    },
    /// Presses keys towards a peer. Whoever it hears is not heard while a key is down. [`LegNotice::Pressed`] or
    /// [`LegNotice::PressRefused`] follows.
    Press {
        /// Which leg.
        leg: LegId,
        /// 0 to 9, `*`, `#`, A to D.
        digits: Vec<char>,
        /// How long each is down; taken between 40 and 1,300.
        millis_per_digit: u16,
        /// How long after each; taken between 40 and 10,000.
        gap_millis: u16,
    },
    /// Takes a peer's voice away from everybody, taps included, or gives it back. Keys it presses are told still.
    Mute {
        /// Which leg.
        leg: LegId,
        /// Whether it is muted.
        on: bool,
    },
    /// Listens in on what a peer says. A tap before this one is closed, and every tap when its leg goes.
    Tap {
        /// Which leg.
        leg: LegId,
        /// Where its packets go; `None` ends listening.
        sink: Option<TapSink>,
    },
    /// Says goodbye to the peer and forgets the leg. No notice follows.
    RemoveLeg {
        /// Which leg.
        leg: LegId,
    },
}

impl Command {
    /// The leg it is about.
    pub(crate) fn leg(&self) -> LegId {
        match self {
            Self::AddLeg { leg, .. }
            | Self::Answer { leg, .. }
            | Self::Candidate { leg, .. }
            | Self::Restart { leg, .. }
            | Self::OpenGate { leg }
            | Self::Hear { leg, .. }
            | Self::Press { leg, .. }
            | Self::Mute { leg, .. }
            | Self::Tap { leg, .. }
            | Self::RemoveLeg { leg } => *leg,
        }
    }
}

/// The manners of a leg.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LegOptions {
    /// No sound before [`Command::OpenGate`].
    pub hold_rtp: bool,
    /// The peer may live on a private or loopback address.
    pub allow_private: bool,
}

impl From<LegOptions> for LegConfig {
    fn from(options: LegOptions) -> Self {
        let mut config = Self::new(Vec::new());
        config.hold_rtp = options.hold_rtp;
        config.allow_private = options.allow_private;
        config
    }
}

/// Which description of ours is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Description {
    /// The first one.
    Offer,
    /// The answer to this one.
    Answer {
        /// The peer's.
        offer: Sdp,
    },
}

/// What a leg is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hearing {
    /// Nothing at all. WhatsApp hangs up after 20 seconds of it.
    Silence,
    /// Packets that sound like silence.
    Comfort,
    /// The music for waiting, from its beginning.
    Music,
    /// A recorded piece, from its beginning or from when sound may first leave. [`LegNotice::ClipOver`] and comfort
    /// sound follow its end; nothing is told of one that is cut short.
    Clip(Clip),
    /// These legs, of the same home; comfort sound while they say nothing. One that is there alone is passed on untouched, several
    /// are mixed. A leg named that is not there is silent, and heard once it is; naming it twice changes nothing.
    /// Keys that one leg presses are passed on to those who hear it alone and know telephone events, at their own
    /// clock; in a mix they are left out. Either way they are told as [`LegNotice::Digit`].
    Legs(Vec<LegId>),
}

/// Something happened on a leg.
#[derive(Debug, Clone, PartialEq)]
pub struct Notified {
    /// Where.
    pub leg: LegId,
    /// What.
    pub notice: LegNotice,
}

/// What happened on a leg.
#[derive(Debug, Clone, PartialEq)]
pub enum LegNotice {
    /// Our description, to be given to the peer.
    LocalDescription {
        /// The text, to be sent byte for byte.
        sdp: Sdp,
    },
    /// The offer of a new path cannot be answered: it is not this leg's peer, or the leg is gone. The old path stays.
    RestartRefused,
    /// ICE has selected an address.
    IceConnected,
    /// Keys are there; sound may flow.
    DtlsConnected {
        /// How it is protected.
        profile: Profile,
    },
    /// The first sound of the peer.
    FirstPacket,
    /// Neither sound nor reports for five seconds.
    MediaLost,
    /// They are back.
    MediaResumed,
    /// The peer has pressed a key; told once, when it is let go.
    Digit {
        /// Which: 0 to 9, `*`, `#`, A to D.
        digit: char,
        /// For how long.
        millis: u16,
    },
    /// Keys asked for have been pressed.
    Pressed {
        /// How many.
        digits: u16,
    },
    /// Keys asked for will not be pressed, none of them or no more of them.
    PressRefused {
        /// Why.
        reason: PressRefusal,
    },
    /// Several legs were to be heard here, and the plane mixes for as many listeners as it may. Comfort sound is
    /// told instead.
    MixRefused,
    /// A piece without repetition has been told to its end.
    ClipOver {
        /// Its name.
        id: u64,
    },
    /// Every five seconds, how well it goes.
    Stats(Box<Stats>),
    /// The leg is over and forgotten.
    Failed {
        /// Why.
        reason: FailReason,
    },
}

/// Why keys are not pressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PressRefusal {
    /// The peer does not know telephone events.
    NotNegotiated,
    /// A character that is on no telephone.
    NotAKey,
    /// More keys than may wait.
    TooMany,
}

/// How well a leg goes, and what was dropped on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats {
    /// Quality as measured.
    pub quality: Quality,
    /// Drops since the leg was added.
    pub drops: Drops,
    /// How sound is coded.
    pub codec: Codec,
    /// How the peer's address in use became known.
    pub candidate: Option<CandidateKind>,
    /// From [`Command::AddLeg`] to the peer's first sound.
    pub first_audio: Option<Duration>,
}

/// How sound is coded. One word until WhatsApp knows a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Opus at 48 kHz.
    Opus,
}

impl Codec {
    /// The word of descriptions, records and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Opus => "opus",
        }
    }
}

/// Totals of the plane since its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Legs being carried.
    pub legs: u64,
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Packets passed from leg to leg.
    pub forwarded: u64,
    /// Frames of several legs sent to a listener.
    pub mixed: u64,
    /// Packets for the mixer, or frames of it, that found no room or came too late.
    pub mix_lost: u64,
    /// Packets for the mixer that were no Opus.
    pub mix_corrupt: u64,
    /// Panics of the mixer, contained.
    pub mix_broken: u64,
    /// Packets a tap had no room for.
    pub tap_lost: u64,
    /// Datagrams that were for no leg. Answers and handshakes that several shards were asked about do not count.
    pub unclaimed: u64,
    /// Datagrams the system would not take.
    pub send_refused: u64,
    /// Notices that found no room.
    pub notices_lost: u64,
    /// Legs given up because their machine panicked.
    pub legs_broken: u64,
    /// Datagrams that came to another shard than their leg's and were passed over.
    pub handed_over: u64,
    /// Datagrams that found no room on that way.
    pub handover_lost: u64,
}
