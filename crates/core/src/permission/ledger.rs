//! The facts of a consent, and how they join.
//!
//! Every field is a maximum, or a set that keeps its newest members, so that the ledger is the same in
//! whatever order the news comes and however often.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::{DAY, WEEK};
use crate::time::Time;

/// Most times kept in a set. The largest limit is 100.
const MOST: usize = 128;

/// What is known of one user's consent to one business number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Ledger {
    /// The last grant the user or WhatsApp told us of.
    pub(super) granted: Option<Grant>,
    /// The last refusal or revocation.
    pub(super) refused: Option<No>,
    /// The last grant Meta named when we asked.
    pub(super) seen: Option<Grant>,
    /// Meta's last answer.
    pub(super) checked: Option<Check>,
    /// Our requests of the last week.
    pub(super) asks: BTreeSet<Time>,
    /// Our calls of the last day that were picked up.
    pub(super) calls: BTreeSet<Time>,
    /// Our calls since the last conversation that were not.
    pub(super) unanswered: BTreeSet<Time>,
    /// The last conversation, from whichever side.
    pub(super) talked: Option<Time>,
    /// When a call between the two was last picked up or came to nothing: what Meta said before is old then.
    pub(super) happened: Option<Time>,
    /// When Meta last refused a request because there were too many (138009).
    pub(super) ask_refused: Option<Time>,
    /// When Meta last refused a call because there were too many (138012).
    pub(super) call_refused: Option<Time>,
}

/// A yes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grant {
    pub(super) at: Time,
    /// None: until they say otherwise.
    pub(super) until: Option<Time>,
}

/// A no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct No {
    pub(super) at: Time,
    pub(super) automatic: bool,
}

/// What Meta answers when asked about a user.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Check {
    /// When it was asked.
    pub at: Time,
    /// What the user has granted.
    pub told: Told,
    /// Whether a permission request may be sent; none when that was not told.
    pub ask: Option<Allowance>,
    /// Whether a call may be placed; none when that was not told.
    pub call: Option<Allowance>,
}

/// What a user has granted, as Meta says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Nothing. Also said of numbers that cannot be called at all.
    Nothing,
    /// Calls until then.
    Until(Time),
    /// Calls.
    Always,
}

/// Whether something may be done, and what limits it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Allowance {
    /// Now.
    pub may: bool,
    /// Its limits, in Meta's order.
    pub limits: Vec<Limit>,
}

/// How much of a limit is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Limit {
    /// Its window in seconds.
    pub window_secs: u64,
    /// How often within it.
    pub most: u32,
    /// How often so far.
    pub used: u32,
    /// When there is room again; only of a limit that is reached.
    pub until: Option<Time>,
}

impl Allowance {
    /// When a limit that is reached has room again.
    #[must_use]
    pub fn again_at(&self) -> Option<Time> {
        self.limits.iter().filter_map(|limit| limit.until).max()
    }

    /// Whether a limit is used up.
    #[must_use]
    pub fn is_used_up(&self) -> bool {
        self.limits.iter().any(|limit| limit.until.is_some() || limit.used >= limit.most)
    }

    pub(super) fn most(&self, window: Duration) -> Option<u32> {
        self.limits.iter().find(|limit| limit.window_secs == window.as_secs()).map(|limit| limit.most)
    }
}

impl Check {
    /// An answer that says nothing of limits.
    #[must_use]
    pub const fn bare(at: Time, told: Told) -> Self {
        Self { at, told, ask: None, call: None }
    }
}

/// Something about a consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// We asked the user.
    Asked {
        /// When.
        at: Time,
    },
    /// The user agreed, or WhatsApp agreed for them.
    Granted {
        /// When.
        at: Time,
        /// Until when; none for good.
        until: Option<Time>,
        /// WhatsApp did it by itself.
        automatic: bool,
    },
    /// The user refused, or took it back, or WhatsApp did.
    Refused {
        /// When.
        at: Time,
        /// WhatsApp did it by itself.
        automatic: bool,
    },
    /// Meta answered.
    Checked(Check),
    /// A call between the two was picked up.
    Talked {
        /// When the call was made: the same however often it is told.
        call: Time,
        /// When it was picked up.
        at: Time,
        /// We called.
        ours: bool,
    },
    /// A call of ours was not picked up.
    Unanswered {
        /// When the call was made.
        call: Time,
        /// When it was over.
        at: Time,
    },
    /// Meta refused a request: too many (138009).
    AskRefused {
        /// When.
        at: Time,
    },
    /// Meta refused a call: too many were picked up today (138012).
    CallRefused {
        /// When.
        at: Time,
    },
}

impl Ledger {
    /// Joins news.
    pub fn fold(&mut self, news: &News) {
        match news {
            News::Asked { at } => {
                self.asks.insert(*at);
                keep_newest(&mut self.asks, WEEK);
            }
            News::Granted { at, until, .. } => {
                later_grant(&mut self.granted, Grant { at: *at, until: *until })
            }
            News::Refused { at, automatic } => {
                self.refused = self.refused.max(Some(No { at: *at, automatic: *automatic }));
            }
            News::Checked(check) => {
                let until = match check.told {
                    Told::Nothing => None,
                    Told::Until(until) => Some(Some(until)),
                    Told::Always => Some(None),
                };
                if let Some(until) = until {
                    later_grant(&mut self.seen, Grant { at: check.at, until });
                }
                if self.checked.as_ref() < Some(check) {
                    self.checked = Some(check.clone());
                }
            }
            News::Talked { call, at, ours } => {
                self.happened = self.happened.max(Some(*at));
                self.talked = self.talked.max(Some(*call));
                if *ours {
                    self.calls.insert(*call);
                    keep_newest(&mut self.calls, DAY);
                }
            }
            News::Unanswered { call, at } => {
                self.happened = self.happened.max(Some(*at));
                self.unanswered.insert(*call);
                keep_newest(&mut self.unanswered, Duration::MAX);
            }
            News::AskRefused { at } => self.ask_refused = self.ask_refused.max(Some(*at)),
            News::CallRefused { at } => self.call_refused = self.call_refused.max(Some(*at)),
        }
        if let Some(talked) = self.talked {
            self.unanswered.retain(|call| *call > talked);
        }
    }

    /// Meta's last answer.
    #[must_use]
    pub const fn checked(&self) -> Option<&Check> {
        self.checked.as_ref()
    }

    /// Whether the last yes and no are the same as in another.
    pub(super) fn has_words_of(&self, other: &Self) -> bool {
        (self.granted, self.refused) == (other.granted, other.refused)
    }

    /// The limits that hold: Meta's own figures where it stated them.
    #[must_use]
    pub fn limits(&self) -> Limits {
        let check = self.checked.as_ref();
        let ask = check.and_then(|check| check.ask.as_ref());
        let call = check.and_then(|check| check.call.as_ref());
        let a_day = ask.and_then(|ask| ask.most(DAY));
        let base = a_day.map_or(Limits::PRODUCTION, Limits::by_asks_a_day);
        Limits {
            asks_a_day: a_day.unwrap_or(base.asks_a_day),
            asks_a_week: ask.and_then(|ask| ask.most(WEEK)).unwrap_or(base.asks_a_week),
            calls_a_day: call.and_then(|call| call.most(DAY)).unwrap_or(base.calls_a_day),
            ..base
        }
    }
}

/// The later of two grants; of two at the same time the longer.
fn later_grant(known: &mut Option<Grant>, grant: Grant) {
    let rank = |grant: &Grant| (grant.at, grant.until.is_none(), grant.until);
    if known.as_ref().is_none_or(|known| rank(&grant) > rank(known)) {
        *known = Some(grant);
    }
}

/// Drops what is older than a window before the newest, and the oldest of too many: what is kept does not
/// depend on the order in which it came.
fn keep_newest(times: &mut BTreeSet<Time>, window: Duration) {
    let Some(newest) = times.last().copied() else { return };
    times.retain(|time| newest.since(*time) < window);
    while times.len() > MOST {
        times.pop_first();
    }
}
