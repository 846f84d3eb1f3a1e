//! Consents in virtual time: what stands, what may be done, and that the order of news does not matter.

use std::collections::BTreeSet;
use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::event::{Consent, Event};
use crate::house::{BusinessNumber, Calling, MediaMode};
use crate::id::{MetaNumberId, NumberId, PermissionId, TenantId};
use crate::phone::Phone;
use crate::time::Time;

const HOUR: Duration = Duration::from_secs(60 * 60);

fn t(secs: i64) -> Time {
    Time::from_secs(1_790_000_000 + secs)
}

fn ledger(news: &[News]) -> Ledger {
    let mut ledger = Ledger::default();
    news.iter().for_each(|news| ledger.fold(news));
    ledger
}

fn week(at: Time) -> News {
    News::Granted { at, until: Some(at + WEEK), automatic: false }
}

fn unanswered(secs: i64) -> News {
    News::Unanswered { call: t(secs), at: t(secs + 30) }
}

fn talked(secs: i64) -> News {
    News::Talked { call: t(secs), at: t(secs + 5), ours: true }
}

fn limit(window: Duration, most: u32, used: u32, until: Option<Time>) -> Limit {
    Limit { window_secs: window.as_secs(), most, used, until }
}

fn check(at: Time, told: Told, ask: bool, call: bool) -> News {
    let asks = vec![limit(DAY, 1, 0, None), limit(WEEK, 2, 0, None)];
    News::Checked(Check {
        at,
        told,
        ask: Some(Allowance { may: ask, limits: asks }),
        call: Some(Allowance { may: call, limits: vec![limit(DAY, 100, 0, None)] }),
    })
}

#[track_caller]
fn stands(news: &[News], now: Time, expected: Standing) {
    assert_eq!(ledger(news).standing(now).0, expected, "{news:?}");
}

#[test]
fn a_consent_goes_through_its_states() {
    stands(&[], t(0), Standing::None);
    let asked = News::Asked { at: t(0) };
    stands(std::slice::from_ref(&asked), t(1), Standing::Requested);
    let granted = [asked.clone(), week(t(60))];
    stands(&granted, t(61), Standing::Temporary);
    stands(&granted, t(60) + WEEK, Standing::Expired);
    stands(
        &[asked.clone(), News::Granted { at: t(60), until: None, automatic: false }],
        t(0) + WEEK * 9,
        Standing::Permanent,
    );
    stands(&[asked.clone(), News::Refused { at: t(60), automatic: false }], t(61), Standing::Rejected);
    let revoked = [granted.to_vec(), vec![News::Refused { at: t(90), automatic: false }]].concat();
    stands(&revoked, t(91), Standing::Revoked);
    let asked_again = [revoked, vec![News::Asked { at: t(100) }]].concat();
    stands(&asked_again, t(101), Standing::Requested);
}

#[test]
fn a_request_nobody_answers_ends_after_a_week() {
    let ledger = ledger(&[News::Asked { at: t(0) }]);
    assert_eq!(ledger.standing(t(1)), (Standing::Requested, Some(t(0) + WEEK)));
    assert_eq!(ledger.standing(t(0) + WEEK), (Standing::Expired, None));
}

#[test]
fn an_answer_in_the_second_of_its_question_counts() {
    let asked = Time::from_micros(t(10).as_micros() + 700_000);
    stands(&[News::Asked { at: asked }, week(t(10))], t(11), Standing::Temporary);
    stands(
        &[News::Asked { at: asked }, News::Refused { at: t(10), automatic: false }],
        t(11),
        Standing::Rejected,
    );
}

#[test]
fn a_newer_answer_of_metas_is_believed_before_older_words() {
    let granted = week(t(0));
    let gone = check(t(100), Told::Nothing, true, false);
    stands(&[granted.clone(), gone], t(101), Standing::Revoked);
    stands(&[granted.clone(), check(t(100), Told::Always, false, true)], t(101), Standing::Permanent);
    let no = News::Refused { at: t(50), automatic: false };
    stands(&[no.clone(), check(t(100), Told::Nothing, true, false)], t(101), Standing::Rejected);
    stands(&[no, check(t(100), Told::Until(t(500)), true, true)], t(101), Standing::Temporary);
    // Granted elsewhere, seen, and later gone with its time.
    let seen = check(t(0), Told::Until(t(500)), true, true);
    stands(&[seen, check(t(600), Told::Nothing, true, false)], t(601), Standing::Expired);
}

#[test]
fn four_calls_in_a_row_nobody_takes_revoke() {
    let calls: Vec<News> = (1..=4).map(|n| unanswered(n * 100)).collect();
    let three = [vec![week(t(0))], calls[..3].to_vec()].concat();
    stands(&three, t(350), Standing::Temporary);
    assert!(ledger(&three).usage(t(350)).reminded);
    let four = [three, calls[3..].to_vec()].concat();
    stands(&four, t(450), Standing::Revoked);
    assert_eq!(ledger(&four).may_call(t(450)).unwrap_err().reason, Reason::NoPermission);
    // A conversation in between, or a fresh grant, begins anew.
    stands(&[four.clone(), vec![talked(250)]].concat(), t(450), Standing::Temporary);
    stands(&[four.clone(), vec![week(t(440))]].concat(), t(450), Standing::Temporary);
    // Meta knows better.
    let still = check(t(450), Told::Until(t(9_000)), true, true);
    stands(&[four, vec![still]].concat(), t(451), Standing::Temporary);
}

#[test]
fn requests_are_limited_by_day_and_week_until_the_two_talk() {
    let mut ledger = ledger(&[News::Asked { at: t(0) }]);
    let denied = ledger.may_ask(t(10)).unwrap_err();
    assert_eq!((denied.reason, denied.next_at), (Reason::AskLimit, Some(t(0) + DAY)));
    assert_eq!(ledger.may_ask(t(0) + DAY), Ok(()));
    ledger.fold(&News::Asked { at: t(0) + DAY });
    let now = t(0) + DAY * 2 + HOUR;
    assert_eq!(ledger.may_ask(now).unwrap_err().next_at, Some(t(0) + WEEK));
    assert_eq!(ledger.usage(now).asks_this_week, (2, 2));
    let call = now - HOUR;
    ledger.fold(&News::Talked { call, at: call, ours: false });
    assert_eq!(ledger.may_ask(now), Ok(()));
    assert_eq!(ledger.usage(now).asks_this_week, (0, 2));
}

#[test]
fn the_hundred_and_first_call_of_a_day_waits_for_the_first_to_leave_the_window() {
    let mut ledger = ledger(&[News::Granted { at: t(-10), until: None, automatic: false }]);
    (0..99).for_each(|n| ledger.fold(&talked(n * 60)));
    assert_eq!(ledger.may_call(t(7_000)), Ok(()));
    ledger.fold(&talked(99 * 60));
    let denied = ledger.may_call(t(7_000)).unwrap_err();
    assert_eq!((denied.reason, denied.next_at), (Reason::CallLimit, Some(t(0) + DAY)));
    assert_eq!(ledger.may_call(t(0) + DAY), Ok(()));
    assert_eq!(ledger.usage(t(7_000)).calls_today, (100, 100));
}

#[test]
fn test_numbers_have_figures_of_their_own() {
    let asks = vec![limit(DAY, 25, 3, None), limit(WEEK, 100, 3, None)];
    let call = Some(Allowance { may: true, limits: vec![] });
    let told = Told::Until(t(90_000));
    let check = Check { at: t(0), told, ask: Some(Allowance { may: true, limits: asks }), call };
    let mut ledger = ledger(&[News::Checked(check)]);
    assert_eq!(ledger.limits(), Limits::TEST_NUMBER);
    (1..=5).for_each(|n| ledger.fold(&News::Asked { at: t(n * 100) }));
    (1..=9).for_each(|n| ledger.fold(&unanswered(n * 100)));
    assert_eq!(ledger.may_ask(t(2_000)), Ok(()));
    assert_eq!(ledger.standing(t(2_000)).0, Standing::Temporary);
    ledger.fold(&unanswered(1_000));
    assert_eq!(ledger.standing(t(2_000)).0, Standing::Revoked);
}

#[test]
fn a_fresh_answer_of_metas_decides_and_an_old_one_is_foreseen_from() {
    // Ours says no, Meta says yes: while that is fresh.
    let no = News::Refused { at: t(0), automatic: false };
    let yes = check(t(100), Told::Until(t(200)), true, true);
    let both = ledger(&[no, yes]);
    assert!(both.is_fresh(t(159)) && !both.is_fresh(t(160)));
    assert_eq!(both.may_call(t(159)), Ok(()));
    assert_eq!(both.may_call(t(199)), Ok(()));
    assert_eq!(both.may_call(t(200)).unwrap_err().reason, Reason::NoPermission);
    // What happened since makes it old at once.
    let later = ledger(&[check(t(100), Told::Always, false, true), unanswered(110)]);
    assert!(!later.is_fresh(t(145)));
    // Limits Meta stated hold until their time.
    let mut full = Check::bare(t(0), Told::Always);
    let used = vec![limit(DAY, 100, 100, Some(t(5_000)))];
    full.call = Some(Allowance { may: false, limits: used });
    let full = ledger(&[News::Checked(full)]);
    for now in [t(1), t(4_999)] {
        let denied = full.may_call(now).unwrap_err();
        assert_eq!((denied.reason, denied.next_at), (Reason::CallLimit, Some(t(5_000))), "{now:?}");
    }
    assert_eq!(full.may_call(t(5_000)), Ok(()));
}

#[test]
fn where_nothing_is_known_or_permission_is_not_the_matter_meta_says() {
    assert_eq!(Ledger::default().may_call(t(0)), Ok(()));
    let called_only = ledger(&[unanswered(0)]);
    assert_eq!(called_only.may_call(t(60)), Ok(()), "WhatsApp let a call through: that is no refusal");
    let uncallable = ledger(&[check(t(0), Told::Nothing, false, false)]);
    assert_eq!(uncallable.may_call(t(1)), Ok(()));
    let plain = ledger(&[check(t(0), Told::Nothing, true, false)]);
    assert_eq!(plain.may_call(t(1)).unwrap_err().reason, Reason::NoPermission);
}

#[test]
fn metas_refusals_are_believed_for_a_day() {
    let asked_too_often = ledger(&[News::AskRefused { at: t(0) }]);
    assert_eq!(asked_too_often.may_ask(t(1)).unwrap_err().next_at, Some(t(0) + DAY));
    assert_eq!(asked_too_often.may_ask(t(0) + DAY), Ok(()));
    let called_too_often =
        ledger(&[News::Granted { at: t(-9), until: None, automatic: false }, News::CallRefused { at: t(0) }]);
    assert_eq!(called_too_often.may_call(t(1)).unwrap_err().next_at, Some(t(0) + DAY));
    let permanent = ledger(&[News::Checked(Check::bare(t(0), Told::Always))]);
    assert_eq!(permanent.may_ask(t(1)).unwrap_err().reason, Reason::AlreadyPermanent);
}

fn number() -> BusinessNumber {
    BusinessNumber {
        id: NumberId::from_uuid(Uuid::from_u128(1)),
        tenant: TenantId::from_uuid(Uuid::from_u128(2)),
        meta_id: MetaNumberId::parse("106540352242922").unwrap(),
        waba_id: "102290129340398".to_owned(),
        phone: Phone::parse("+351210000001").unwrap(),
        media_mode: MediaMode::Relay,
        calling: Calling::default(),
        sandbox: false,
        has_bot: false,
    }
}

#[test]
fn changes_are_told_once_and_time_is_one() {
    let phone = Phone::parse("447700900123").unwrap();
    let row = Permission::begin(PermissionId::from_uuid(Uuid::nil()), &number(), phone, t(0));
    assert_eq!(row.fold(t(0), &[]), None);
    let granted = row.fold(t(1), &[week(t(1))]).unwrap();
    let Some(Event::Permission { consent, state, expires_at, .. }) = granted.event else { panic!() };
    assert_eq!(
        (consent, state, expires_at),
        (Consent::Granted, Some(Standing::Temporary), Some(t(1) + WEEK))
    );
    let row = granted.permission;
    assert_eq!((row.version, row.fold(t(2), &[week(t(1))])), (1, None), "told twice");
    // Meta says the same in its own seconds: kept, and not told.
    let same = row.fold(t(100), &[check(t(100), Told::Until(t(30) + WEEK), true, true)]).unwrap();
    assert_eq!((same.event, same.permission.version), (None, 2));
    let over = row.fold(t(1) + WEEK, &[]).unwrap();
    assert!(matches!(over.event, Some(Event::Permission { consent: Consent::Expired, .. })), "{over:?}");
    assert_eq!(over.permission.fold(t(2) + WEEK, &[]), None);
}

fn told() -> impl Strategy<Value = Told> {
    prop_oneof![Just(Told::Nothing), Just(Told::Always), (0..1_000_000i64).prop_map(|n| Told::Until(t(n)))]
}

fn news() -> impl Strategy<Value = News> {
    let at = || (0..900_000i64).prop_map(t);
    prop_oneof![
        at().prop_map(|at| News::Asked { at }),
        (at(), any::<bool>()).prop_map(|(at, ever)| News::Granted {
            at,
            until: (!ever).then(|| at + WEEK),
            automatic: false
        }),
        (at(), any::<bool>()).prop_map(|(at, automatic)| News::Refused { at, automatic }),
        (at(), told(), any::<bool>(), any::<bool>())
            .prop_map(|(at, told, ask, call)| check(at, told, ask, call)),
        (at(), any::<bool>()).prop_map(|(call, ours)| News::Talked { call, at: call + HOUR, ours }),
        at().prop_map(|call| News::Unanswered { call, at: call + HOUR }),
        at().prop_map(|at| News::AskRefused { at }),
        at().prop_map(|at| News::CallRefused { at }),
    ]
}

proptest! {
    /// Meta redelivers for days, in any order: what stands is the same.
    #[test]
    fn order_and_repetition_do_not_matter(
        told in proptest::collection::vec(news(), 0..40),
        shuffled in any::<prop::sample::Index>(),
        again in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        now in 0..2_000_000i64,
    ) {
        let straight = ledger(&told);
        let mut other = told.clone();
        if !told.is_empty() {
            other.rotate_left(shuffled.index(told.len()));
            other.reverse();
            for index in again {
                other.insert(index.index(other.len()), told[index.index(told.len())].clone());
            }
        }
        let bent = ledger(&other);
        prop_assert_eq!(&straight, &bent);
        prop_assert_eq!(straight.standing(t(now)), bent.standing(t(now)));
    }

    /// A refusal that names a time is none at that time, unless another reason stands in the way by then.
    #[test]
    fn the_next_time_named_is_one(told in proptest::collection::vec(news(), 0..40), now in 910_000..1_600_000i64) {
        let ledger = ledger(&told);
        for may in [Ledger::may_call, Ledger::may_ask] {
            if let Err(denied) = may(&ledger, t(now)) && let Some(next) = denied.next_at {
                prop_assert!(next > t(now));
                let then = may(&ledger, next);
                prop_assert!(then.is_ok() || then.unwrap_err().reason != denied.reason, "{:?}", then);
            }
        }
    }

    /// No more requests and calls than the limits allow pass through, however they are spread.
    #[test]
    fn limits_hold_over_any_day(steps in proptest::collection::vec(1..50_000i64, 1..60)) {
        let mut ledger = ledger(&[News::Refused { at: t(-1), automatic: false }]);
        let (mut now, mut asks) = (0, BTreeSet::new());
        for step in steps {
            now += step;
            if ledger.may_ask(t(now)).is_ok() {
                ledger.fold(&News::Asked { at: t(now) });
                asks.insert(now);
            }
            let within = |secs: i64| asks.iter().filter(|ask| **ask > now - secs).count();
            prop_assert!(within(86_400) <= 1 && within(604_800) <= 2);
        }
    }
}
