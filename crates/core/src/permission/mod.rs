//! Who may be called: what is known of one user's consent to one business number, as a value.
//!
//! [`Ledger`] joins facts, so that order and repetition of Meta's news do not matter; [`Standing`] and every
//! answer to "may we?" are functions of the ledger and the time. [`Permission`] is the row that keeps it, and
//! says which event tells of a change.
//!
//! Not here: when Meta is asked (`engine`), and Meta's words for all this (`whatsapp`).
//!
//! Invariant: no clock and no limit is hidden in here. Limits are data, also those Meta states for a number.

pub mod limits;

mod ledger;

mod foresight;

mod row;

#[cfg(test)]
mod tests;

pub use foresight::{Denied, Reason, Usage};
pub use ledger::{Allowance, Check, Ledger, Limit, News, Told};
pub use limits::Limits;
pub use row::{Permission, PermissionCommit};

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How long Meta's answer is believed without asking again.
pub const FRESH: Duration = Duration::from_secs(60);

/// A day, the window of most limits.
pub const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A week: the window of a limit, the length of a temporary grant, and how long a request can be answered.
pub const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Where a user's consent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing was ever said.
    None,
    /// We asked, and they may still answer.
    Requested,
    /// They agreed for a time.
    Temporary,
    /// They agreed until they say otherwise.
    Permanent,
    /// They said no.
    Rejected,
    /// They agreed once, and they or WhatsApp took it back.
    Revoked,
    /// The time of a grant, or of a request nobody answered, is over.
    Expired,
}

/// Through whom a user's consent came to stand as it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The user said so.
    UserAction,
    /// WhatsApp did it by itself: because the user called, or because they did not answer.
    Automatic,
    /// We asked the user.
    Business,
    /// WhatsApp said so when it was asked, or when it took or refused something.
    Lookup,
    /// Its time is over.
    Time,
}

impl Source {
    /// The stable word. Those for users and for WhatsApp are Meta's.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UserAction => "user_action",
            Self::Automatic => "automatic",
            Self::Business => "business",
            Self::Lookup => "lookup",
            Self::Time => "time",
        }
    }

    /// Through whom news came.
    const fn of(news: &News) -> Self {
        match news {
            News::Granted { automatic: false, .. } | News::Refused { automatic: false, .. } => {
                Self::UserAction
            }
            News::Granted { .. } | News::Refused { .. } | News::Talked { .. } | News::Unanswered { .. } => {
                Self::Automatic
            }
            News::Asked { .. } => Self::Business,
            News::Checked(_) | News::AskRefused { .. } | News::CallRefused { .. } => Self::Lookup,
        }
    }
}

impl Standing {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Requested,
        Self::Temporary,
        Self::Permanent,
        Self::Rejected,
        Self::Revoked,
        Self::Expired,
    ];

    /// The stable word: stored, sent and filtered by.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Requested => "requested",
            Self::Temporary => "granted_temporary",
            Self::Permanent => "granted_permanent",
            Self::Rejected => "rejected",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|standing| standing.as_str() == word)
    }

    /// Whether a grant is in force.
    #[must_use]
    pub const fn is_granted(self) -> bool {
        matches!(self, Self::Temporary | Self::Permanent)
    }
}
