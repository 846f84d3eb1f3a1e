//! What happened with a contact: calls, consent to be called, and what people wrote down.

use crate::call::State;
use crate::event::Consent;
use crate::id::{CallId, NumberId, UserId};
use crate::meta::Direction;
use crate::time::Time;

/// An entry of a contact's timeline.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// When: a call's beginning, a note's writing.
    pub at: Time,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A call.
    Call {
        /// Which.
        call: CallId,
        /// Where it is, or how it ended.
        state: State,
        /// From whose hand.
        direction: Direction,
    },
    /// Their consent to be called changed, or was asked for.
    Consent {
        /// From which number.
        number: NumberId,
        /// Where it stood from then on.
        consent: Consent,
    },
    /// Somebody wrote something down.
    Note(Note),
}

/// A note.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    /// Unique.
    pub id: String,
    /// Who wrote it; none for programs.
    pub author: Option<UserId>,
    /// What.
    pub text: String,
}

impl std::fmt::Debug for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Note").field("id", &self.id).finish_non_exhaustive()
    }
}
