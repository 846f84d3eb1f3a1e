//! A year of calls that never were: the same in every run, but for the day they end on.

use std::time::Duration;

use offhook_core::bill::{Bill, Currency, Price, Rate};
use offhook_core::call::record::Facts;
use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::house::MediaMode;
use offhook_core::id::{CallId, NumberId, TenantId, Wacid};
use offhook_core::meta::{Direction, Party, Terminate};
use offhook_core::phone::Phone;
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use uuid::Uuid;

use crate::clock::HouseClock;
use crate::demo::Seeded;
use offhook_core::ports::Clock;

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) const FIRST: [&str; 20] = [
    "Rui", "Maria", "John", "Zoë", "Ana", "Peter", "Olga", "Kofi", "Wei", "Fatima", "Luca", "Emma", "Noah",
    "Lea", "Ivan", "Sara", "Jürgen", "Aïcha", "Paweł", "Chloé",
];
pub(super) const LAST: [&str; 20] = [
    "Faria", "Silva", "Smith", "Okoye", "Müller", "Rossi", "Ivanov", "Wang", "Kowalski", "Dubois", "García",
    "Novak", "Haddad", "Sato", "Kim", "Singh", "Costa", "Berg", "Nguyen", "Moreau",
];
pub(super) const CODES: [&str; 6] = ["35191", "4477", "1415", "4915", "55119", "2547"];

/// Makes calls in order of their time.
pub(super) struct Past {
    tenant: TenantId,
    numbers: Vec<NumberId>,
    begin: Time,
    count: u32,
    rate: Rate,
    chance: u64,
}

impl Past {
    pub(super) fn of(seeded: &Seeded, now: Time, count: u32) -> Self {
        Self {
            tenant: seeded.tenant.id.clone(),
            numbers: seeded.numbers.clone(),
            begin: now - YEAR,
            count,
            rate: Rate {
                currency: Currency::parse("USD").expect("three letters"),
                per_minute: Price::parse("0.0205").expect("a decimal"),
                per_pulse: None,
            },
            chance: 0x9e37_79b9_7f4a_7c15,
        }
    }

    /// The call at that place.
    pub(super) fn call(&mut self, place: u32) -> CallRecord {
        let apart = YEAR / self.count;
        let at = self.begin + apart * place + Duration::from_micros(self.below(1_000_000));
        let direction = if self.below(3) == 0 { Direction::Outbound } else { Direction::Inbound };
        let (state, reason) = match self.below(100) {
            0..60 => (State::Completed, EndReason::RemoteHangup),
            60..90 => (State::Missed, EndReason::CallerAbandoned),
            90..96 => (State::Rejected, EndReason::Declined),
            _ => (State::Failed, EndReason::ProviderError),
        };
        let (talked, answered) = (u32::try_from(self.below(900)).unwrap_or(0), state == State::Completed);
        let name = format!("{} {}", self.one(&FIRST), self.one(&LAST));
        let phone = Phone::parse(&format!("{}{:07}", self.one(&CODES), self.below(10_000_000)));
        let id = (u128::from(at.as_micros().unsigned_abs() / 1_000) << 80) | (7 << 76) | u128::from(place);
        let number = usize::from(self.below(4) == 0);
        let conversation = self.below(2) == 0;
        CallRecord {
            id: CallId::from_uuid(Uuid::from_u128(id)),
            tenant: self.tenant.clone(),
            number: self.numbers[number % self.numbers.len()].clone(),
            direction,
            media_mode: MediaMode::Relay,
            correlation: None,
            conversation_id: conversation.then(|| format!("conv_{place}")),
            version: 1,
            created_at: at,
            updated_at: at,
            state,
            end_reason: Some(reason),
            agent: None,
            facts: Facts {
                wacid: Wacid::new(format!("wacid.HBgM{place:020}")),
                party: Party { phone: phone.ok(), name: Some(name), ..Party::default() },
                offer: Some(Sdp::new("v=0\r\n".repeat(120))),
                terminate: Some(Terminate {
                    at,
                    started_at: answered.then_some(at),
                    ended_at: Some(at + Duration::from_secs(u64::from(talked))),
                    duration_secs: answered.then_some(talked),
                    error: None,
                }),
                bill: Some(Bill::by(self.rate.clone(), direction, answered.then_some(talked))),
                ..Facts::default()
            },
        }
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[usize::try_from(self.below(of.len() as u64)).unwrap_or(0)]
    }

    /// A number below `end` (xorshift).
    fn below(&mut self, end: u64) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance % end
    }
}

/// A day of the last year, as a query has it.
pub(super) fn day(back: u32) -> String {
    let at = HouseClock::start().now() - Duration::from_secs(u64::from(back) * 24 * 60 * 60);
    let stamp = jiff::Timestamp::from_microsecond(at.as_micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    stamp.to_zoned(jiff::tz::TimeZone::UTC).date().to_string()
}
