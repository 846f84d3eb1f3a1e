//! The words of a call: what happens to it, what it wants done, where it is and why it ended.

/// Who dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The WhatsApp user called the business.
    User,
    /// The business called the WhatsApp user.
    Business,
}

/// Durations of the deadlines, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timings {
    pub(crate) answer_webhook: u64,
    pub(crate) ringing: u64,
    pub(crate) ring_timeout: u64,
    pub(crate) accept_window: u64,
    pub(crate) setup_timeout: u64,
    pub(crate) start_silence: u64,
    pub(crate) mid_silence: u64,
}

/// Where a call is; each state carries what exists then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Outbound: accepted from the business, no answer sent yet.
    Placed,
    /// Outbound: the SDP answer is on its way, the phone does not ring yet.
    Signalled,
    /// The phone, or the business, rings.
    Ringing,
    /// Inbound: the business sent its answer ahead of accepting.
    PreAccepted {
        /// The SDP that `accept` must repeat.
        sdp: String,
    },
    /// Both are connected.
    Active {
        /// When the call was answered.
        since: u64,
    },
    /// Over.
    Ended {
        /// Why.
        reason: Reason,
    },
}

/// Why a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    HungUpByUser,
    DeclinedByUser,
    CallerGaveUp,
    RejectedByBusiness,
    TerminatedByBusiness,
    NotAnswered,
    MediaTimeout,
    SetupFailed,
}

impl Reason {
    /// The word of the control API and of phones.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::HungUpByUser => "hung_up_by_user",
            Self::DeclinedByUser => "declined_by_user",
            Self::CallerGaveUp => "caller_gave_up",
            Self::RejectedByBusiness => "rejected_by_business",
            Self::TerminatedByBusiness => "terminated_by_business",
            Self::NotAnswered => "not_answered",
            Self::MediaTimeout => "media_timeout",
            Self::SetupFailed => "setup_failed",
        }
    }

    /// The error of the `terminate` webhook, for calls that failed.
    pub(crate) fn failure(self) -> Option<Failure> {
        match self {
            Self::MediaTimeout => Some(Failure {
                code: 138_021,
                title: "Media receive timeout",
                details: "No media was received from the business side.",
            }),
            Self::SetupFailed => Some(Failure {
                code: 138_019,
                title: "Call setup failed",
                details: "The user's device could not set up the call.",
            }),
            Self::HungUpByUser
            | Self::DeclinedByUser
            | Self::CallerGaveUp
            | Self::RejectedByBusiness
            | Self::TerminatedByBusiness
            | Self::NotAnswered => None,
        }
    }
}

/// What a failed call's webhook tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: u32,
    pub(crate) title: &'static str,
    pub(crate) details: &'static str,
}

/// What happens to a call.
#[derive(Clone, Debug)]
pub(crate) enum Input {
    /// The business sends its answer ahead of accepting.
    PreAccept { sdp: String },
    /// The business accepts; `answer` is false when it called its SDP an offer.
    Accept { sdp: String, answer: bool },
    /// The business declines an inbound call.
    Reject,
    /// The business ends the call.
    Terminate,
    /// The SDP answer for an outbound call exists.
    AnswerReady { sdp: String },
    /// The user picks up.
    UserAnswers,
    /// The user declines.
    UserDeclines,
    /// The user hangs up, or gives up calling.
    UserHangsUp,
    /// The first media packet of the business.
    FirstMedia,
    /// Packets of the business keep coming.
    Packets,
    /// Time passed.
    Tick,
}

/// What the call wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    /// Tell the business.
    Webhook(Notice),
    /// The user's phone starts to ring.
    RingPhone,
    /// The business's SDP is known; `answered` when it came with the accept.
    BusinessSdp { sdp: String, answered: bool },
    /// Let sound through from now on.
    OpenMedia,
    /// Worth telling whoever tests the business.
    Finding(&'static str),
    /// The call is over: close the phone.
    Close(Reason),
}

/// A webhook about this call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Notice {
    /// SDP offer of an inbound call, or answer to an outbound one.
    Connect {
        sdp: String,
    },
    Status(Status),
    Terminate {
        answered: Option<Span>,
        failure: Option<Failure>,
    },
}

/// When a call was answered and when it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The status words of outbound calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Ringing,
    Accepted,
    Rejected,
}

/// WhatsApp says no to an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Ended,
    AlreadyRejected,
    AlreadyAccepted,
    SdpMismatch,
    OnlyForUserCalls,
    NotRinging,
}
