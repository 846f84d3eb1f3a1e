//! `GET …/whatsapp/calling/analytics` (provider-apis.md 2.9.3): totals and one entry for every day of a window.
//!
//! Days are civil days where the caller says they are; one may have 23 or 25 hours. Names and shape of the answer
//! are ours: the provider documents what is counted and not how it is written.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{RawQuery, Request, State};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use offhook_core::bill::{Currency, Money};
use offhook_core::ports::{DayFigures, FiguresAsk, Stretch, Tally};
use offhook_core::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth;
use super::calls::{only_number, pairs};
use super::error::ApiError;
use super::query::{self, Pairs};
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};

/// Days of a window unless the client says otherwise, and at most.
const DAYS: i64 = 30;
const MOST_DAYS: i64 = 365;

/// Figures of a window of days.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Analytics {
    window: Window,
    /// Calls that were created in the window, live ones too.
    total: i64,
    /// Over, after a conversation.
    answered: i64,
    /// Over: declined.
    declined: i64,
    /// Over: never answered.
    missed: i64,
    /// Over: failed.
    failed: i64,
    /// Of the total: users called.
    inbound: i64,
    /// Of the total: the house called.
    outbound: i64,
    /// Over answered calls, to a tenth.
    #[schema(example = 142.6)]
    avg_duration_seconds: f64,
    total_duration_seconds: i64,
    /// A decimal; null when no price is known, when there are several currencies, and for roles that see no costs.
    #[schema(required, example = "1.8400")]
    total_cost: Option<String>,
    #[schema(required, example = "USD")]
    currency: Option<String>,
    /// What there is of each currency; null for roles that see no costs.
    #[schema(required)]
    costs: Option<Vec<Cost>>,
    /// Every day of the window, oldest first.
    trend: Vec<Day>,
}

/// Which days.
#[derive(Debug, Serialize, ToSchema)]
struct Window {
    days: i64,
    #[schema(format = Date, example = "2026-10-27")]
    from: String,
    #[schema(format = Date, example = "2026-11-02")]
    to: String,
    #[schema(example = "Europe/Lisbon")]
    timezone: String,
}

/// The costs in one currency.
#[derive(Debug, Serialize, ToSchema)]
struct Cost {
    #[schema(example = "USD")]
    currency: String,
    /// What the house charges.
    cost: String,
    /// What WhatsApp charges.
    provider_cost: String,
}

/// One day.
#[derive(Debug, Serialize, ToSchema)]
struct Day {
    #[schema(format = Date, example = "2026-11-02")]
    date: String,
    total: i64,
    answered: i64,
    declined: i64,
    missed: i64,
    failed: i64,
    duration_seconds: i64,
    /// As `total_cost`.
    #[schema(required, example = "0.3000")]
    cost: Option<String>,
}

/// Figures of calls by day.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/analytics",
    tag = "Calls",
    operation_id = "readAnalytics",
    params(
        ("days" = Option<i64>, Query, minimum = 1, maximum = 365, description = "30 unless given; the last is today"),
        ("timezone" = Option<String>, Query, description = "IANA name of the place whose days are meant; UTC unless given"),
        ("waba_id" = Option<String>, Query, description = "Of one WhatsApp Business Account"),
        ("phone_number_id" = Option<String>, Query, description = "Of one business number: Meta's id"),
    ),
    responses((status = 200, body = Analytics))
)]
pub(super) async fn figures(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Figures, Right::ReadCalls).await?;
    let answer = count(&house, &entry.principal, &pairs(query.as_deref())).await;
    entry.leave(answer)
}

async fn count(house: &House, principal: &Principal, pairs: &[(String, String)]) -> Answer {
    let pairs = Pairs(pairs);
    let days = pairs.find("days")?.map_or(Ok(DAYS), days)?;
    let place = pairs.find("timezone")?.unwrap_or("UTC");
    let zone = TimeZone::get(place)
        .map_err(|_| ApiError::invalid("timezone", "'timezone' is an IANA name such as Europe/Lisbon"))?;
    let numbers = house.directory.numbers(&principal.tenant).await?;
    let scope = query::Scope {
        numbers: &numbers,
        only: only_number(principal),
        phones: principal.role().sees_phones(),
    };
    let numbers = query::numbers(&pairs, &scope)?;
    let span = Span::until(house.now(), days, &zone)
        .ok_or_else(|| ApiError::invalid("days", "the window begins before the calendar does"))?;
    let ask = FiguresAsk { numbers, stretches: span.stretches(&zone) };
    let counted = house.ports.figures.by_day(&principal.tenant, &ask).await?;
    let priced = !house.config.prices.is_empty();
    let costs = principal.may(Right::ReadCosts).then(|| Costs::of(&counted, priced));
    let window = Window {
        days,
        from: span.first.to_string(),
        to: span.last.to_string(),
        timezone: zone.iana_name().unwrap_or(place).to_owned(),
    };
    Ok(Reply::of(&analytics(window, &span, &counted, costs)))
}

fn days(text: &str) -> Result<i64, ApiError> {
    let days = text.parse().ok().filter(|days| (1..=MOST_DAYS).contains(days));
    days.ok_or_else(|| ApiError::invalid("days", "'days' is a whole number from 1 to 365"))
}

/// The days of a window.
struct Span {
    first: Date,
    last: Date,
    from: Timestamp,
    until: Timestamp,
}

impl Span {
    /// So many days, of which the last is the one it is now.
    fn until(now: Time, days: i64, zone: &TimeZone) -> Option<Self> {
        let last = Timestamp::from_microsecond(now.as_micros()).ok()?.to_zoned(zone.clone()).date();
        let first = last.checked_sub(jiff::Span::new().days(days - 1)).ok()?;
        let midnight = |date: Date| date.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp());
        Some(Self { first, last, from: midnight(first)?, until: midnight(last.tomorrow().ok()?)? })
    }

    /// Its parts between changes of the clocks.
    fn stretches(&self, zone: &TimeZone) -> Vec<Stretch> {
        let changes = zone.following(self.from).map(|change| change.timestamp());
        let mut from = self.from;
        let mut stretches = Vec::new();
        for until in changes.take_while(|at| *at < self.until).chain([self.until]) {
            let ahead_secs = i64::from(zone.to_offset(from).seconds());
            let at = |stamp: Timestamp| Time::from_micros(stamp.as_microsecond());
            stretches.push(Stretch { from: at(from), until: at(until), ahead_secs });
            from = until;
        }
        stretches
    }
}

/// What may be said of costs.
struct Costs {
    by: BTreeMap<Currency, Tally>,
    /// Whether sums say something: there is a price list, or there are bills, and one currency at most.
    sums: bool,
}

impl Costs {
    fn of(counted: &[DayFigures], priced: bool) -> Self {
        let mut by: BTreeMap<Currency, Tally> = BTreeMap::new();
        for day in counted {
            if let Some(currency) = &day.currency {
                let sum = by.entry(currency.clone()).or_default();
                *sum = sum.plus(&day.tally);
            }
        }
        by.retain(|_, sum| sum.total != 0);
        let sums = by.len() == 1 || by.is_empty() && priced;
        Self { by, sums }
    }

    fn show(&self, sum: Money) -> Option<String> {
        self.sums.then(|| sum.to_string())
    }
}

fn analytics(window: Window, span: &Span, counted: &[DayFigures], costs: Option<Costs>) -> Analytics {
    let mut by_day: BTreeMap<i64, Tally> = BTreeMap::new();
    for day in counted {
        let sum = by_day.entry(day.day).or_default();
        *sum = sum.plus(&day.tally);
    }
    let sum = by_day.values().fold(Tally::default(), |sum, day| sum.plus(day));
    let show = |money: Money| costs.as_ref().and_then(|costs| costs.show(money));
    let dates = span.first.series(jiff::Span::new().days(1)).take_while(|date| *date <= span.last);
    let trend = dates.map(|date| {
        let tally = by_day.get(&days_since_epoch(date)).copied().unwrap_or_default();
        Day {
            date: date.to_string(),
            total: tally.total,
            answered: tally.answered,
            declined: tally.declined,
            missed: tally.missed,
            failed: tally.failed,
            duration_seconds: tally.talked_secs,
            cost: show(tally.cost),
        }
    });
    let trend = trend.collect();
    let known: Option<BTreeSet<&Currency>> = costs.as_ref().map(|costs| costs.by.keys().collect());
    let sole = known.filter(|known| known.len() == 1).and_then(|known| known.into_iter().next());
    let cost = |(currency, sum): (&Currency, &Tally)| Cost {
        currency: currency.as_str().to_owned(),
        cost: sum.cost.to_string(),
        provider_cost: sum.provider_cost.to_string(),
    };
    Analytics {
        window,
        total: sum.total,
        answered: sum.answered,
        declined: sum.declined,
        missed: sum.missed,
        failed: sum.failed,
        inbound: sum.inbound,
        outbound: sum.outbound,
        avg_duration_seconds: average(sum.talked_secs, sum.answered),
        total_duration_seconds: sum.talked_secs,
        total_cost: show(sum.cost),
        currency: sole.map(|currency| currency.as_str().to_owned()),
        costs: costs.as_ref().map(|costs| costs.by.iter().map(cost).collect()),
        trend,
    }
}

/// As figures count days.
fn days_since_epoch(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

/// To a tenth, half up.
fn average(seconds: i64, calls: i64) -> f64 {
    let tenths = if calls > 0 { (seconds * 20 + calls) / (calls * 2) } else { 0 };
    f64::from(i32::try_from(tenths).unwrap_or(i32::MAX)) / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: &str, days: i64, place: &str, from: &str, until: &str, ahead_hours: &[i64]) {
        let now = Time::from_micros(now.parse::<Timestamp>().unwrap().as_microsecond());
        let zone = TimeZone::get(place).unwrap();
        let span = Span::until(now, days, &zone).unwrap();
        assert_eq!(
            (span.from.to_string().as_str(), span.until.to_string().as_str()),
            (from, until),
            "{place}"
        );
        let stretches = span.stretches(&zone);
        let ahead: Vec<i64> = stretches.iter().map(|stretch| stretch.ahead_secs / 3600).collect();
        assert_eq!(ahead, ahead_hours, "{place}");
        assert!(stretches.windows(2).all(|pair| pair[0].until == pair[1].from));
    }

    #[test]
    fn days_begin_at_midnight_of_the_place() {
        check("2026-11-02T09:15:00Z", 1, "UTC", "2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z", &[0]);
        check(
            "2026-11-02T23:30:00Z",
            2,
            "Asia/Kathmandu",
            "2026-11-01T18:15:00Z",
            "2026-11-03T18:15:00Z",
            &[5],
        );
        // Clocks went back in the night to 25 October: that day has 25 hours.
        check(
            "2026-10-26T09:00:00Z",
            3,
            "Europe/Lisbon",
            "2026-10-23T23:00:00Z",
            "2026-10-27T00:00:00Z",
            &[1, 0],
        );
        // Clocks went from midnight to one: the day begins at one.
        check(
            "2026-04-24T12:00:00Z",
            1,
            "Africa/Cairo",
            "2026-04-23T22:00:00Z",
            "2026-04-24T21:00:00Z",
            &[3],
        );
    }

    proptest::proptest! {
        #[test]
        fn every_instant_counts_on_its_civil_day(
            place in proptest::sample::select(&[
                "UTC", "Europe/Lisbon", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo",
                "Africa/Casablanca", "Pacific/Chatham", "Pacific/Apia", "America/St_Johns", "Asia/Tehran",
            ][..]),
            now in 1_672_531_200_i64..1_830_297_600,
            days in 1..=365_i64,
            part in 0.0..1.0_f64,
        ) {
            let zone = TimeZone::get(place).unwrap();
            let span = Span::until(Time::from_secs(now), days, &zone).unwrap();
            let (from, until) = (span.from.as_second(), span.until.as_second());
            let at = from + ((until - from - 1) as f64 * part) as i64;
            let stretches = span.stretches(&zone);
            let aligned = |at: Time| at.as_micros() % (offhook_core::ports::QUARTER_SECS * 1_000_000) == 0;
            proptest::prop_assert!(stretches.iter().all(|it| aligned(it.from) && aligned(it.until)));
            let holds = |it: &&Stretch| it.from <= Time::from_secs(at) && Time::from_secs(at) < it.until;
            let ahead = stretches.iter().find(holds).unwrap().ahead_secs;
            let day = (at + ahead).div_euclid(24 * 60 * 60);
            let civil = Timestamp::from_second(at).unwrap().to_zoned(zone).date();
            proptest::prop_assert_eq!(day, days_since_epoch(civil));
            proptest::prop_assert!(span.first <= civil && civil <= span.last);
        }
    }

    #[test]
    fn averages_are_to_a_tenth() {
        for (seconds, calls, expected) in
            [(3565, 25, 142.6), (0, 0, 0.0), (100, 3, 33.3), (1, 20, 0.1), (1, 21, 0.0)]
        {
            assert!((average(seconds, calls) - expected).abs() < 1e-9, "{seconds}/{calls}");
        }
    }
}
