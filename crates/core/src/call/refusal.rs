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
    /// The command needs a call whose sound the house carries, or one whose sound it does not.
    #[error("this call's sound is carried in another way")]
    OtherMedia,
    /// There is no conversation (yet).
    #[error("there is no conversation to do this in")]
    NotTalking,
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
            Self::OtherMedia => "other_media",
            Self::NotTalking => "not_talking",
            Self::NotYours => "not_yours",
        }
    }
}
