//! Us saying no to a command, for a reason a person can act on.

/// A refused command. The call is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else took the call first.
    #[error("another agent has taken this call")]
    AnsweredElsewhere,
    /// The call is over.
    #[error("this call is over")]
    CallEnded,
    /// The call is not ringing (any more), or never rang this agent.
    #[error("this call is not ringing for you")]
    NotRinging,
    /// The client's answer is not the one it sent ahead.
    #[error("this is not the SDP answer that was sent ahead: WhatsApp takes one, byte for byte")]
    AnswerDiffers,
    /// There is no answer to take the call with.
    #[error("taking this call needs an SDP answer")]
    AnswerMissing,
    /// The command needs a call whose sound the house carries, or one whose sound it does not.
    #[error("this call's sound is carried in another way")]
    OtherMedia,
    /// There is no conversation (yet).
    #[error("there is no conversation to do this in")]
    NotTalking,
    /// Somebody is being looked for already.
    #[error("somebody is being looked for already")]
    AlreadySeeking,
    /// Whom the command names is in the call already, as something else.
    #[error("they are in this call already")]
    AlreadyThere,
    /// Whom the command names is not in the call.
    #[error("they are not in this call")]
    NotThere,
    /// Nobody is being asked.
    #[error("nobody is being consulted")]
    NotConsulting,
    /// The only one who talks with the customer cannot just go.
    #[error("nobody else is talking with the customer")]
    LastOne,
    /// No room for one more.
    #[error("this call has no room for one more")]
    CallFull,
    /// Whom the command names takes no calls now.
    #[error("they are not free to take a call")]
    NotAvailable,
    /// There is no such announcement.
    #[error("there is no announcement of this name")]
    UnknownClip,
    /// There is no recording to do this with.
    #[error("there is no recording to do this with")]
    NotRecording,
    /// It is being recorded already.
    #[error("this call is being recorded already")]
    AlreadyRecording,
    /// The command is for the owner of the call.
    #[error("this call belongs to somebody else")]
    NotYours,
}

impl Refusal {
    /// Stable code for clients.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AnsweredElsewhere => "answered_elsewhere",
            Self::CallEnded => "call_ended",
            Self::NotRinging => "not_ringing",
            Self::AnswerDiffers => "answer_differs",
            Self::AnswerMissing => "answer_missing",
            Self::OtherMedia => "other_media",
            Self::NotTalking => "not_talking",
            Self::AlreadySeeking => "already_seeking",
            Self::AlreadyThere => "already_there",
            Self::NotThere => "not_there",
            Self::NotConsulting => "not_consulting",
            Self::LastOne => "last_one",
            Self::CallFull => "call_full",
            Self::NotAvailable => "not_available",
            Self::UnknownClip => "unknown_clip",
            Self::NotRecording => "not_recording",
            Self::AlreadyRecording => "already_recording",
            Self::NotYours => "not_yours",
        }
    }
}
