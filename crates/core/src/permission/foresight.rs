//! What follows from a ledger at a time: where the consent stands, and what may be done.

use std::time::Duration;

use super::ledger::{Check, Grant, Ledger, Told};
use super::{DAY, FRESH, Standing, WEEK};
use crate::time::Time;

/// Us foreseeing that Meta would say no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Denied {
    /// Why.
    pub reason: Reason,
    /// When the same may be done, as far as that is known. Never of a missing permission: that is the user's.
    pub next_at: Option<Time>,
}

/// Why something may not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The user has not permitted calls.
    #[error("the user has not permitted calls")]
    NoPermission,
    /// The user picked up too many calls today (138012).
    #[error("no more calls to this user today")]
    CallLimit,
    /// The user was asked too often (138009).
    #[error("this user was asked too often")]
    AskLimit,
    /// The user has permitted calls for good (138017).
    #[error("this user has permitted calls for good")]
    AlreadyPermanent,
}

/// How much of the limits is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Requests within a day, and the limit.
    pub asks_today: (u32, u32),
    /// Requests within a week, and the limit.
    pub asks_this_week: (u32, u32),
    /// Calls picked up within a day, and the limit.
    pub calls_today: (u32, u32),
    /// Calls of ours in a row that were not picked up.
    pub unanswered: u32,
    /// Whether WhatsApp has asked the user by now whether they want these calls.
    pub reminded: bool,
}

impl Ledger {
    /// Where the consent stands, and when that changes by itself.
    #[must_use]
    pub fn standing(&self, now: Time) -> (Standing, Option<Time>) {
        let base = self.said(now);
        if base.0.is_granted() {
            return if self.is_revoked_by_silence() { (Standing::Revoked, None) } else { base };
        }
        // Meta's stamps are whole seconds: an answer within the second of its question is one.
        let open = self.asks.last().copied().filter(|ask| second(*ask) > self.last_word());
        match open {
            Some(ask) if now < ask + WEEK => (Standing::Requested, Some(ask + WEEK)),
            Some(_) => (Standing::Expired, None),
            None => base,
        }
    }

    /// Whether a call would be let through.
    ///
    /// A fresh answer of Meta's decides. Without one we foresee it, and where nothing is known Meta will say.
    ///
    /// # Errors
    /// [`Reason::NoPermission`] or [`Reason::CallLimit`].
    pub fn may_call(&self, now: Time) -> Result<(), Denied> {
        let limit = |next_at| Err(Denied { reason: Reason::CallLimit, next_at });
        let no_permission = Err(Denied { reason: Reason::NoPermission, next_at: None });
        if let Some(check) = self.fresh(now)
            && let Some(call) = &check.call
        {
            return match (call.may, check.told) {
                (true, _) => Ok(()),
                // Neither to be called nor to be asked, though no limit is reached: it is not about permission,
                // and the reply to the call names what it is about.
                (false, Told::Nothing)
                    if check.ask.as_ref().is_some_and(|ask| !ask.may && !ask.is_used_up()) =>
                {
                    Ok(())
                }
                (false, Told::Nothing) => no_permission,
                (false, Told::Until(_) | Told::Always) => limit(call.again_at()),
            };
        }
        let standing = self.standing(now).0;
        // Calls alone tell nothing of consent: Meta let them through.
        let nothing_said = standing == Standing::None && self.checked().is_none();
        if !standing.is_granted() && !nothing_said {
            return no_permission;
        }
        match self.next_call(now) {
            Some(next) => limit(Some(next)),
            None => Ok(()),
        }
    }

    /// Whether a permission request would be let through.
    ///
    /// # Errors
    /// [`Reason::AlreadyPermanent`] or [`Reason::AskLimit`].
    pub fn may_ask(&self, now: Time) -> Result<(), Denied> {
        if self.standing(now).0 == Standing::Permanent {
            return Err(Denied { reason: Reason::AlreadyPermanent, next_at: None });
        }
        let limit = |next_at| Err(Denied { reason: Reason::AskLimit, next_at });
        let asked_since = |check: &&Check| self.asks.last().is_none_or(|ask| *ask < check.at);
        if let Some(ask) = self.fresh(now).filter(asked_since).and_then(|check| check.ask.as_ref()) {
            // What is neither allowed nor used up is left to Meta: it names the reason.
            return if ask.may || !ask.is_used_up() { Ok(()) } else { limit(ask.again_at()) };
        }
        match self.next_ask(now) {
            Some(next) => limit(Some(next)),
            None => Ok(()),
        }
    }

    /// What was used of the limits, as far as we know.
    #[must_use]
    pub fn usage(&self, now: Time) -> Usage {
        let limits = self.limits();
        let asks = |window| count(self.asks_since(now, window).len());
        let told = |window: Duration, ours: u32| {
            let check = self.fresh(now).filter(|check| self.asks.last().is_none_or(|ask| *ask < check.at));
            let ask = check.and_then(|check| check.ask.as_ref());
            let limit = ask.and_then(|ask| ask.limits.iter().find(|it| it.window_secs == window.as_secs()));
            limit.map_or(ours, |limit| limit.used)
        };
        let calls = count(self.calls_since(now).count());
        let by_meta =
            self.fresh(now).and_then(|check| check.call.as_ref()).and_then(|call| call.limits.first());
        let unanswered = self.unanswered_in_a_row();
        Usage {
            asks_today: (told(DAY, asks(DAY)), limits.asks_a_day),
            asks_this_week: (told(WEEK, asks(WEEK)), limits.asks_a_week),
            calls_today: (by_meta.map_or(calls, |limit| limit.used.max(calls)), limits.calls_a_day),
            unanswered,
            reminded: unanswered >= limits.unanswered_to_remind,
        }
    }

    /// Whether Meta need not be asked before a call.
    #[must_use]
    pub fn is_fresh(&self, now: Time) -> bool {
        self.fresh(now).is_some_and(|check| check.call.is_some())
    }

    /// Meta's last answer, when it is young and nothing has happened since.
    fn fresh(&self, now: Time) -> Option<&Check> {
        let check = self.checked.as_ref()?;
        let young = check.at <= now && now.since(check.at) < FRESH;
        let since = [self.happened, self.call_refused];
        let untouched =
            self.last_word() < second(check.at) && since.iter().flatten().all(|at| *at < check.at);
        (young && untouched).then_some(check)
    }

    /// Where the consent stands by what was said, our own questions aside.
    fn said(&self, now: Time) -> (Standing, Option<Time>) {
        let check = self.checked.as_ref().filter(|check| second(check.at) > self.last_word());
        match check.map(|check| check.told) {
            Some(Told::Always) => (Standing::Permanent, None),
            Some(Told::Until(until)) => temporary(until, now),
            Some(Told::Nothing) => self.taken_away(check.map_or(now, |check| check.at)),
            None => self.by_words(now),
        }
    }

    /// By what the user and WhatsApp told us unasked.
    fn by_words(&self, now: Time) -> (Standing, Option<Time>) {
        let refused = self.refused.filter(|no| self.granted.is_none_or(|grant| no.at >= grant.at));
        match (refused, self.granted) {
            (Some(no), _) if no.automatic => (Standing::Revoked, None),
            (Some(no), _) if self.grant_before(no.at).is_some_and(|grant| grant.holds_at(no.at)) => {
                (Standing::Revoked, None)
            }
            (Some(_), _) => (Standing::Rejected, None),
            (None, Some(Grant { until: Some(until), .. })) => temporary(until, now),
            (None, Some(_)) => (Standing::Permanent, None),
            (None, None) => (Standing::None, None),
        }
    }

    /// Meta said at a time that there is no permission: what became of the one there was.
    fn taken_away(&self, at: Time) -> (Standing, Option<Time>) {
        let standing = match self.grant_before(at) {
            _ if self.refused.is_some_and(|no| self.granted.is_none_or(|grant| no.at >= grant.at)) => {
                return self.by_words(at);
            }
            Some(grant) if grant.holds_at(at) => Standing::Revoked,
            Some(_) => Standing::Expired,
            None => Standing::None,
        };
        (standing, None)
    }

    /// The last grant known to have been made before a time.
    fn grant_before(&self, at: Time) -> Option<Grant> {
        let grants = [self.granted, self.seen].into_iter().flatten();
        grants.filter(|grant| grant.at <= at).max_by_key(|grant| grant.at)
    }

    /// When the user or WhatsApp last said something unasked.
    fn last_word(&self) -> Time {
        let granted = self.granted.map(|grant| grant.at);
        granted.max(self.refused.map(|no| no.at)).unwrap_or(Time::from_micros(i64::MIN))
    }

    /// Whether WhatsApp has taken the permission away by now, though we have not heard so.
    fn is_revoked_by_silence(&self) -> bool {
        let unheard = self.checked.as_ref().map(|check| check.at) < self.happened;
        unheard && self.unanswered_in_a_row() >= self.limits().unanswered_to_revoke
    }

    /// Calls since the last conversation and the last grant.
    fn unanswered_in_a_row(&self) -> u32 {
        let granted = self.granted.map(|grant| grant.at);
        count(self.unanswered.iter().filter(|call| granted.is_none_or(|at| **call > at)).count())
    }

    /// When a call is possible again, if the limit of calls is used up.
    fn next_call(&self, now: Time) -> Option<Time> {
        let most = self.limits().calls_a_day;
        let calls: Vec<Time> = self.calls_since(now).copied().collect();
        let ours = nth_from_end(&calls, most).map(|call| call + DAY);
        let check = self.checked.as_ref().filter(|check| check.call.is_some());
        let refused = self.call_refused.filter(|at| check.is_none_or(|check| check.at < *at));
        // The oldest call that counted then makes room first.
        let counted =
            |at: Time| self.calls.iter().find(move |call| **call < at && **call + DAY > at).copied();
        let refused = refused.map(|at| counted(at).unwrap_or(at) + DAY);
        let stated = check.and_then(|check| check.call.as_ref()?.again_at());
        [ours, refused, stated].into_iter().flatten().filter(|at| *at > now).max()
    }

    /// When a request is possible again, if a limit of requests is used up.
    fn next_ask(&self, now: Time) -> Option<Time> {
        let limits = self.limits();
        let by = |window, most| nth_from_end(&self.asks_since(now, window), most).map(|ask| ask + window);
        let since_talk = |at: &Time| self.talked.is_none_or(|talked| talked < *at);
        let check = self.checked.as_ref().filter(|check| check.ask.is_some());
        let refused = self.ask_refused.filter(since_talk);
        let refused = refused.filter(|at| check.is_none_or(|check| check.at < *at)).map(|at| at + DAY);
        let stated =
            check.filter(|check| since_talk(&check.at)).and_then(|check| check.ask.as_ref()?.again_at());
        let nexts = [by(DAY, limits.asks_a_day), by(WEEK, limits.asks_a_week), refused, stated];
        nexts.into_iter().flatten().filter(|at| *at > now).max()
    }

    /// Requests that count, oldest first: a conversation makes them start afresh.
    fn asks_since(&self, now: Time, window: Duration) -> Vec<Time> {
        let counts = |ask: &&Time| **ask + window > now && self.talked.is_none_or(|talked| talked < **ask);
        self.asks.iter().filter(counts).copied().collect()
    }

    fn calls_since(&self, now: Time) -> impl Iterator<Item = &Time> {
        self.calls.iter().filter(move |call| **call + DAY > now)
    }
}

impl Grant {
    fn holds_at(&self, at: Time) -> bool {
        self.until.is_none_or(|until| until > at)
    }
}

fn temporary(until: Time, now: Time) -> (Standing, Option<Time>) {
    if until > now { (Standing::Temporary, Some(until)) } else { (Standing::Expired, None) }
}

/// The member whose leaving makes room, of a list in which only so many fit.
fn nth_from_end(times: &[Time], most: u32) -> Option<Time> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    times.len().checked_sub(most.max(1)).and_then(|at| times.get(at)).copied()
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The start of its second.
fn second(at: Time) -> Time {
    Time::from_secs(at.as_micros().div_euclid(1_000_000))
}
