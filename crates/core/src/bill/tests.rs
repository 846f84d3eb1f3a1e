//! Prices, meterings and their rounding.

use super::*;
use crate::phone::Phone;
use crate::time::Time;

const DAY: i64 = 24 * 60 * 60;

fn row(destination: &str, per_minute: &str, from_day: i64) -> Row {
    Row {
        destination: Destination::parse(destination).unwrap(),
        direction: Direction::Outbound,
        from: Time::from_secs(from_day * DAY),
        rate: rate(per_minute, None),
    }
}

fn rate(per_minute: &str, per_pulse: Option<&str>) -> Rate {
    Rate {
        currency: Currency::parse("usd").unwrap(),
        per_minute: Price::parse(per_minute).unwrap(),
        per_pulse: per_pulse.map(|text| Price::parse(text).unwrap()),
    }
}

#[test]
fn both_meterings_round_half_up_to_four_places() {
    let check = |price: &str, talked: Option<u32>, billable: u32, cost: &str, provider: &str| {
        let bill = Bill::by(rate(price, None), Direction::Outbound, talked);
        let shown = |money: Option<Money>| money.unwrap().to_string();
        assert_eq!(
            (bill.billable_secs, shown(bill.cost).as_str(), shown(bill.provider_cost).as_str()),
            (billable, cost, provider),
            "{price} {talked:?}"
        );
    };
    check("0.0205", None, 0, "0.0000", "0.0000");
    check("0.0205", Some(0), 60, "0.0205", "0.0000");
    check("0.0205", Some(1), 60, "0.0205", "0.0021");
    check("0.0205", Some(6), 60, "0.0205", "0.0021");
    check("0.0205", Some(7), 60, "0.0205", "0.0041");
    check("0.0205", Some(60), 60, "0.0205", "0.0205");
    check("0.0205", Some(61), 61, "0.0208", "0.0226");
    // 56 s are ten pulses.
    check("0.01", Some(56), 60, "0.0100", "0.0100");
    check("0.0203", Some(122), 122, "0.0413", "0.0426");
    // 0.00005 exactly: half goes up.
    check("0.00005", Some(60), 60, "0.0001", "0.0001");
    check("0.000049", Some(60), 60, "0.0000", "0.0000");
    check("999.999999", Some(86_400), 86_400, "1439999.9986", "1439999.9986");
}

#[test]
fn a_price_of_pulses_stands_beside_the_minutes() {
    let bill = Bill::by(rate("0.03", Some("0.00095")), Direction::Outbound, Some(61));
    assert_eq!(bill.cost.unwrap().to_string(), "0.0305");
    assert_eq!(bill.provider_cost.unwrap().to_string(), "0.0105");
}

#[test]
fn users_calls_cost_the_house_nothing_at_whatsapp() {
    let bill = Bill::by(rate("0.03", None), Direction::Inbound, Some(61));
    assert_eq!((bill.cost.unwrap().to_string().as_str(), bill.provider_cost), ("0.0305", Some(Money::ZERO)));
}

#[test]
fn the_longest_prefix_wins_then_the_country_then_any() {
    let rows = [
        row("1", "0.01", 0),
        row("+1415", "0.02", 0),
        row("ca", "0.03", 0),
        row("PT", "0.04", 0),
        row("*", "0.05", 0),
    ];
    let rates = Rates::of(rows).unwrap();
    let check = |phone: &str, from: &str, price: &str| {
        let phone = Phone::parse(phone).unwrap();
        let (destination, found) =
            rates.find(Direction::Outbound, Some(&phone), Time::from_secs(DAY)).unwrap();
        assert_eq!((destination.as_str(), found.per_minute), (from, Price::parse(price).unwrap()), "{phone}");
    };
    check("+14155550100", "1415", "0.02");
    check("+16135550100", "1", "0.01");
    check("+351910000002", "PT", "0.04");
    check("+447700900123", "*", "0.05");
    let unnamed = rates.find(Direction::Outbound, None, Time::from_secs(DAY)).unwrap();
    assert_eq!(unnamed.0, &Destination::Any);
    assert!(rates.find(Direction::Inbound, None, Time::from_secs(DAY)).is_none());
}

#[test]
fn countries_that_share_a_code_are_told_apart() {
    let check = |phone: &str, code: Option<&str>| {
        assert_eq!(country(&Phone::parse(phone).unwrap()).as_deref(), code, "{phone}");
    };
    check("+351910000002", Some("PT"));
    check("+12042345678", Some("CA"));
    check("+12015550123", Some("US"));
    check("+77011234567", Some("KZ"));
    check("+79161234567", Some("RU"));
    check("+9991234567", None);
}

#[test]
fn a_price_counts_from_its_day_on() {
    let rows = [row("351", "0.02", 20), row("351", "0.01", 10), row("3519", "0.09", 30), row("*", "0.05", 0)];
    let rates = Rates::of(rows).unwrap();
    let phone = Phone::parse("+351910000002").unwrap();
    let check = |at: i64, price: &str| {
        let (_, found) = rates.find(Direction::Outbound, Some(&phone), Time::from_secs(at)).unwrap();
        assert_eq!(found.per_minute, Price::parse(price).unwrap(), "{at}");
    };
    check(10 * DAY - 1, "0.05");
    check(10 * DAY, "0.01");
    check(20 * DAY - 1, "0.01");
    check(20 * DAY, "0.02");
    check(30 * DAY, "0.09");
    assert!(Rates::of([row("351", "0.02", 1), row("+351", "0.03", 1)]).is_err(), "the same day twice");
}

#[test]
fn a_bill_keeps_its_price_whatever_the_list_says_later() {
    let phone = Phone::parse("+351910000002").unwrap();
    let call = |direction, talked_secs| Billed {
        direction,
        user: Some(&phone),
        at: Time::from_secs(DAY),
        talked_secs,
    };
    let before = Rates::of([row("351", "0.01", 0)]).unwrap();
    let after = Rates::of([row("351", "0.02", 0)]).unwrap();
    let first = before.bill(&call(Direction::Outbound, Some(60)), None);
    let corrected = after.bill(&call(Direction::Outbound, Some(120)), first.rate.clone());
    assert_eq!(corrected.cost.unwrap().to_string(), "0.0200");
    let free = before.bill(&call(Direction::Inbound, Some(60)), None);
    assert_eq!((free.billable_secs, free.cost, free.currency()), (60, Some(Money::ZERO), None));
    let unknown = Rates::default().bill(&call(Direction::Inbound, Some(10)), None);
    assert_eq!((unknown.billable_secs, unknown.cost), (60, None));
}

#[test]
fn prices_are_read_strictly_and_shown_with_four_places_or_more() {
    let check = |text: &str, shown: Option<&str>| {
        assert_eq!(Price::parse(text).map(|price| price.to_string()).as_deref(), shown, "{text}");
    };
    check("0.0103", Some("0.0103"));
    check("1", Some("1.0000"));
    check("0.000015", Some("0.000015"));
    check("0.00001", Some("0.00001"));
    for wrong in ["", ".5", "1.", "-1", "1e3", "0.0000001", "1000", "1,5", " 1"] {
        check(wrong, None);
    }
}
