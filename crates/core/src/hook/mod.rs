//! Hooks: customers' addresses that are told of events, and when they are tried again.
//!
//! Reading order: [`Hook`] here, then `schedule` (what follows an attempt). How an event reads is a dialect's
//! business, how it is signed and carried an adapter's.
//!
//! Invariant: what follows an attempt is decided from the attempt, the dress, and how the hook did before.

mod schedule;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{EventId, HookId, NumberId, TenantId};
use crate::time::Time;

pub use schedule::{Next, Reply, follow, most_tries};

/// In whose words and with whose signature a hook is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dress {
    /// Orbit's.
    Orbit,
    /// Vobiz's.
    Vobiz,
    /// Meta's own, passed on.
    Meta,
}

impl Dress {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Orbit, Self::Vobiz, Self::Meta];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orbit => "orbit",
            Self::Vobiz => "vobiz",
            Self::Meta => "meta",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dress| dress.as_str() == word)
    }

    /// Whether it is told of Meta's webhooks rather than of our events.
    #[must_use]
    pub const fn passes_on(self) -> bool {
        matches!(self, Self::Vobiz | Self::Meta)
    }
}

/// A customer's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// Our id.
    pub id: HookId,
    /// Whose.
    pub tenant: TenantId,
    /// Where. May hold a secret of the customer's: not for logs.
    pub url: String,
    /// In whose words.
    pub dress: Dress,
    /// Only of this business number.
    pub number: Option<NumberId>,
    /// Names of events, `*`, or beginnings that end in `.*`.
    pub topics: Vec<String>,
    /// For people.
    pub description: Option<String>,
    /// Whether events are sent. While it is false the hook keeps its place in the log.
    pub active: bool,
    /// Why the house has made it inactive.
    pub disabled: Option<Disabled>,
    /// How it did lately.
    pub health: Health,
    /// The last place in the tenant's log from which deliveries were made.
    pub place: u64,
    /// When it was made.
    pub created_at: Time,
    /// When it was last changed by somebody.
    pub updated_at: Time,
}

impl Hook {
    /// Whether it asked for events of this name. Second names of events must be asked for; `*` has the first.
    #[must_use]
    pub fn hears(&self, name: &str, second: bool) -> bool {
        self.topics.iter().any(|topic| {
            (topic == "*" && !second) || topic == name || {
                let beginning = topic.strip_suffix('*').filter(|rest| rest.ends_with('.'));
                beginning.is_some_and(|beginning| name.starts_with(beginning))
            }
        })
    }
}

/// Why the house has made a hook inactive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disabled {
    /// Too many failures over too long a time.
    Failing,
    /// It answered that it is gone for good.
    Gone,
}

impl Disabled {
    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Failing, Self::Gone].into_iter().find(|why| why.as_str() == word)
    }
}

/// Failures in a row before a hook is made inactive, and the least time they are spread over
/// (provider-apis.md 2.11). Fewer or shorter would drop customers over a bad night; more would keep sending
/// into the void for weeks.
const FAILURES: u32 = 100;
const FAILING_FOR: Duration = Duration::from_secs(72 * 60 * 60);

/// How a hook did lately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Failures since the last success.
    pub failures: u32,
    /// When the first of them was.
    pub since: Option<Time>,
}

impl Health {
    /// Takes note of an attempt, and tells whether the hook has failed for too long.
    pub fn note(&mut self, succeeded: bool, at: Time) -> bool {
        if succeeded {
            *self = Self::default();
            return false;
        }
        self.failures = self.failures.saturating_add(1);
        let since = *self.since.get_or_insert(at);
        self.failures >= FAILURES && at.since(since) >= FAILING_FOR
    }
}

/// How long the secret before still signs after a rotation.
pub const OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

/// A signing secret. Does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct HookSecret(String);

impl HookSecret {
    /// Wraps the text.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, for signing, sealing, and its one showing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for HookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookSecret(…)")
    }
}

/// What a hook is signed and sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The secret.
    pub secret: HookSecret,
    /// The one before, until when it still signs.
    pub previous: Option<(HookSecret, Time)>,
    /// Headers sent with every request; their values are the customer's secrets.
    pub headers: Vec<(String, HookSecret)>,
}

impl Credentials {
    /// With a first secret.
    #[must_use]
    pub const fn new(secret: HookSecret) -> Self {
        Self { secret, previous: None, headers: Vec::new() }
    }

    /// Replaces the secret. The one before signs beside it for a while.
    pub fn rotate(&mut self, fresh: HookSecret, now: Time) {
        let before = std::mem::replace(&mut self.secret, fresh);
        self.previous = Some((before, now + OVERLAP));
    }

    /// The secrets that sign now, newest first.
    #[must_use]
    pub fn signing(&self, now: Time) -> Vec<HookSecret> {
        let previous = self.previous.iter().filter(|(_, until)| now < *until).map(|(secret, _)| secret);
        std::iter::once(&self.secret).chain(previous).cloned().collect()
    }
}

/// Where a delivery is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be tried when it is due.
    Due,
    /// Behind an earlier one of its thread.
    Waiting,
    /// Taken by the customer.
    Delivered,
    /// Given up. Can be sent again by hand.
    Dead,
}

impl DeliveryState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Due, Self::Waiting, Self::Delivered, Self::Dead];

    /// The stored word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// One event on its way to one hook.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// Our id, the same over all tries.
    pub id: Uuid,
    /// To which hook.
    pub hook: HookId,
    /// Its place among the hook's deliveries: rises.
    pub n: u64,
    /// The entry it tells.
    pub event: EventId,
    /// Its place in the tenant's log.
    pub seq: u64,
    /// Under which name.
    pub name: String,
    /// What it must be told in order with.
    pub thread: String,
    /// Where it is.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u32,
    /// When it was made.
    pub created_at: Time,
    /// When it is tried next, while it is due.
    pub due_at: Option<Time>,
    /// The last try.
    pub last: Option<Attempt>,
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Time,
    /// How long it took.
    pub took_ms: u64,
    /// The HTTP status, when there was an answer.
    pub status: Option<u16>,
    /// Why it failed, in words for the customer.
    pub error: Option<String>,
    /// What was sent above the body; customers' own secrets are left out.
    pub request_headers: Vec<(String, String)>,
    /// What came back above the body.
    pub response_headers: Vec<(String, String)>,
    /// The beginning of the answer, when it was a failure.
    pub response_body: Option<String>,
}

#[cfg(test)]
mod tests;
