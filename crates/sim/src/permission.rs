//! Call permissions and the limits that hang on them: pure, one `Consent` per business number and user.
//!
//! Times are Unix seconds, as in Meta's answers.

use crate::knobs::{DefaultPermission, Knobs};

const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;

/// What a user has granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    None,
    Temporary { until: u64 },
    Permanent,
}

impl Grant {
    /// Meta's word.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::None => "no_permission",
            Self::Temporary { .. } => "temporary",
            Self::Permanent => "permanent",
        }
    }
}

/// Why a permission request cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestRefused {
    /// 138009.
    TooMany,
    /// 138017.
    AlreadyPermanent,
}

/// Everything one business number and one user have agreed and done.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consent {
    // None: the user never said anything, the default holds.
    said: Option<Said>,
    requests: Vec<u64>,
    connected: Vec<u64>,
    unanswered_in_a_row: u32,
}

#[derive(Clone, Copy, Debug)]
enum Said {
    Yes(Grant),
    No,
}

impl Consent {
    /// What holds now; `starts_without` is the magic numbers' exception to the default.
    pub(crate) fn grant(&self, now: u64, knobs: &Knobs, starts_without: bool) -> Grant {
        match self.said {
            Some(Said::Yes(Grant::Temporary { until })) if until <= now => Grant::None,
            Some(Said::Yes(grant)) => grant,
            Some(Said::No) => Grant::None,
            None if starts_without => Grant::None,
            None => match knobs.default_permission {
                DefaultPermission::None => Grant::None,
                DefaultPermission::Temporary => Grant::Temporary { until: now + WEEK },
                DefaultPermission::Permanent => Grant::Permanent,
            },
        }
    }

    /// The user allows calls for seven days; the end is returned.
    pub(crate) fn allow_for_a_week(&mut self, now: u64) -> u64 {
        self.said = Some(Said::Yes(Grant::Temporary { until: now + WEEK }));
        self.unanswered_in_a_row = 0;
        now + WEEK
    }

    /// The user always allows calls.
    pub(crate) fn allow_always(&mut self) {
        self.said = Some(Said::Yes(Grant::Permanent));
        self.unanswered_in_a_row = 0;
    }

    /// The user declines or takes the permission back.
    pub(crate) fn refuse(&mut self) {
        self.said = Some(Said::No);
        self.unanswered_in_a_row = 0;
    }

    /// Back to what the user never said.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Counts a permission request, or says why it may not be sent.
    pub(crate) fn ask(
        &mut self,
        now: u64,
        knobs: &Knobs,
        starts_without: bool,
    ) -> Result<(), RequestRefused> {
        if self.grant(now, knobs, starts_without) == Grant::Permanent {
            return Err(RequestRefused::AlreadyPermanent);
        }
        let today = self.requests_since(now, DAY);
        let this_week = self.requests_since(now, WEEK);
        if today >= knobs.permission_requests_per_day || this_week >= knobs.permission_requests_per_week {
            return Err(RequestRefused::TooMany);
        }
        self.requests.push(now);
        Ok(())
    }

    /// A call between the two was connected: request limits start afresh.
    pub(crate) fn connected(&mut self, now: u64, by_business: bool) {
        self.requests.clear();
        self.unanswered_in_a_row = 0;
        if by_business {
            self.connected.retain(|at| at + DAY > now);
            self.connected.push(now);
        }
    }

    /// An outbound call ended unanswered; true when that took the permission away.
    pub(crate) fn unanswered(&mut self, knobs: &Knobs) -> bool {
        self.unanswered_in_a_row += 1;
        let revoked =
            knobs.revoke_after_unanswered > 0 && self.unanswered_in_a_row >= knobs.revoke_after_unanswered;
        if revoked {
            self.refuse();
        }
        revoked
    }

    /// Permission requests sent within the last day and the last week.
    pub(crate) fn requests(&self, now: u64) -> (u32, u32) {
        (self.requests_since(now, DAY), self.requests_since(now, WEEK))
    }

    /// When the next permission request may be sent, if not now.
    pub(crate) fn next_request(&self, now: u64, knobs: &Knobs) -> Option<u64> {
        let (day, week) = self.requests(now);
        let oldest = |period: u64| self.requests.iter().find(|at| **at + period > now).map(|at| at + period);
        if week >= knobs.permission_requests_per_week {
            oldest(WEEK)
        } else if day >= knobs.permission_requests_per_day {
            oldest(DAY)
        } else {
            None
        }
    }

    /// Outbound calls connected in the last day, and when the oldest of them stops counting.
    pub(crate) fn connected_today(&self, now: u64) -> (u32, Option<u64>) {
        let mut recent = self.connected.iter().filter(|at| **at + DAY > now).peekable();
        let oldest = recent.peek().map(|at| **at + DAY);
        (count(recent.count()), oldest)
    }

    fn requests_since(&self, now: u64, period: u64) -> u32 {
        count(self.requests.iter().filter(|at| **at + period > now).count())
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_permission_ends_after_a_week_without_a_word() {
        let (mut consent, knobs) = (Consent::default(), Knobs::default());
        consent.allow_for_a_week(1_000);
        assert_eq!(consent.grant(1_000 + WEEK - 1, &knobs, true), Grant::Temporary { until: 1_000 + WEEK });
        assert_eq!(consent.grant(1_000 + WEEK, &knobs, true), Grant::None);
    }

    #[test]
    fn second_request_of_a_day_is_refused_until_a_call_connects() {
        let (mut consent, knobs) = (Consent::default(), Knobs::default());
        assert_eq!(consent.ask(0, &knobs, true), Ok(()));
        assert_eq!(consent.ask(10, &knobs, true), Err(RequestRefused::TooMany));
        consent.connected(20, false);
        assert_eq!(consent.ask(30, &knobs, true), Ok(()));
    }

    #[test]
    fn third_request_of_a_week_is_refused() {
        let (mut consent, knobs) = (Consent::default(), Knobs::default());
        assert_eq!(consent.ask(0, &knobs, true), Ok(()));
        assert_eq!(consent.ask(DAY, &knobs, true), Ok(()));
        assert_eq!(consent.ask(2 * DAY, &knobs, true), Err(RequestRefused::TooMany));
        assert_eq!(consent.ask(WEEK, &knobs, true), Ok(()));
    }

    #[test]
    fn fourth_unanswered_call_in_a_row_takes_the_permission_away() {
        let (mut consent, knobs) = (Consent::default(), Knobs::default());
        consent.allow_always();
        assert!(!consent.unanswered(&knobs) && !consent.unanswered(&knobs) && !consent.unanswered(&knobs));
        assert!(consent.unanswered(&knobs));
        assert_eq!(consent.grant(0, &knobs, false), Grant::None);
    }

    #[test]
    fn permanent_permission_needs_no_request() {
        let (mut consent, knobs) = (Consent::default(), Knobs::default());
        consent.allow_always();
        assert_eq!(consent.ask(0, &knobs, false), Err(RequestRefused::AlreadyPermanent));
    }

    #[test]
    fn connected_calls_of_the_last_day_are_counted() {
        let mut consent = Consent::default();
        consent.connected(0, true);
        consent.connected(100, true);
        consent.connected(200, false);
        assert_eq!(consent.connected_today(300), (2, Some(DAY)));
        assert_eq!(consent.connected_today(DAY), (1, Some(DAY + 100)));
    }
}
