//! What follows an attempt: delivered, once more at a time, or given up.

use std::time::Duration;

use uuid::Uuid;

use super::Dress;
use crate::time::Time;

/// What came of one try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The customer has it.
    Taken,
    /// They have not, for any reason.
    Failed {
        /// How long they asked us to stay away.
        stay_away: Option<Duration>,
        /// Whether they said that the address is gone for good.
        gone: bool,
    },
}

/// What happens to a delivery next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it arrived.
    Delivered,
    /// Another try at this time.
    Again(Time),
    /// Nothing, until somebody sends it again by hand.
    Dead,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Waits before the second try and the following (provider-apis.md 2.11).
const ORBIT: [Duration; 6] = [
    MINUTE,
    MINUTE.saturating_mul(5),
    MINUTE.saturating_mul(30),
    HOUR.saturating_mul(2),
    HOUR.saturating_mul(8),
    HOUR.saturating_mul(24),
];

/// The first waits of the Vobiz dress; hourly after them, up to a day in all (provider-apis.md 3.6).
const VOBIZ: [Duration; 5] =
    [Duration::from_secs(10), MINUTE, MINUTE.saturating_mul(5), MINUTE.saturating_mul(15), HOUR];
const VOBIZ_HOURS: usize = 22;

/// The first waits of Meta's own; daily after them, up to a week in all (whatsapp-calling.md on redelivery).
const META: [Duration; 6] = [
    MINUTE,
    MINUTE.saturating_mul(5),
    MINUTE.saturating_mul(30),
    HOUR.saturating_mul(2),
    HOUR.saturating_mul(8),
    HOUR.saturating_mul(24),
];
const META_DAYS: usize = 5;

/// Longest time a customer can keep us away.
const AWAY_AT_MOST: Duration = HOUR.saturating_mul(24);

/// How many tries a delivery has.
#[must_use]
pub const fn most_tries(dress: Dress) -> usize {
    1 + match dress {
        Dress::Orbit => ORBIT.len(),
        Dress::Vobiz => VOBIZ.len() + VOBIZ_HOURS,
        Dress::Meta => META.len() + META_DAYS,
    }
}

/// What follows the `tries`-th try of a delivery, which ended `at` with `reply`.
///
/// Waits are up to a tenth longer than planned, by the delivery's id: what failed together does not come back
/// together.
#[must_use]
pub fn follow(dress: Dress, delivery: Uuid, tries: u32, at: Time, reply: Reply) -> Next {
    let (stay_away, gone) = match reply {
        Reply::Taken => return Next::Delivered,
        Reply::Failed { stay_away, gone } => (stay_away, gone),
    };
    let planned = wait(dress, usize::try_from(tries).unwrap_or(usize::MAX).saturating_sub(1));
    let Some(planned) = planned.filter(|_| !gone) else { return Next::Dead };
    let spread = (delivery.as_u128() % 1000) as u32;
    let planned = planned + planned / 10_000 * spread;
    Next::Again(at + planned.max(stay_away.unwrap_or_default().min(AWAY_AT_MOST)))
}

fn wait(dress: Dress, nth: usize) -> Option<Duration> {
    let (first, then, times): (&[Duration], _, _) = match dress {
        Dress::Orbit => (&ORBIT, HOUR, 0),
        Dress::Vobiz => (&VOBIZ, HOUR, VOBIZ_HOURS),
        Dress::Meta => (&META, HOUR * 24, META_DAYS),
    };
    first.get(nth).copied().or((nth < first.len() + times).then_some(then))
}
