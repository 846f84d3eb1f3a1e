//! Lists, searches and figures, compared with the store that looks at every call.

use std::collections::BTreeSet;
use std::time::Duration;

use offhook_core::bill::{Bill, Currency, Price, Rate};
use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::id::{CallId, NumberId};
use offhook_core::meta::{Direction, Party, Terminate};
use offhook_core::ports::fake::Memory;
use offhook_core::ports::{CallFilter, Calls, DayFigures, Figures, FiguresAsk, PageAfter, Stretch, Tally};
use offhook_core::search::Search;
use offhook_core::time::Time;
use offhook_store::Store;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::bench::{Bench, House, bill, commit, fresh, house, number, phone, secs};

const NAMES: [&str; 9] = [
    "Rui Faria",
    "MARÍA José",
    "Zoë 🙂 O'Neil",
    "100%_sure",
    "\"quoted\" \\ back",
    "a",
    "İpek",
    "Ring +351 910 000 002",
    "rui\tfaria",
];
const PHONES: [&str; 4] = ["+351910000002", "+351910000012", "+447700900123", "+14155550100"];
const CONVERSATIONS: [&str; 3] = ["conv_33", "CONV_34", "910000012"];
const SEARCHES: [&str; 22] = [
    "rui",
    "RUI F",
    "maría",
    "í",
    "🙂",
    "o'n",
    "%",
    "_",
    "100%",
    "\"",
    "\\",
    "a",
    "i̇p",
    "910000",
    "+351 910",
    "0002",
    "3",
    "33",
    "conv_3",
    "447700900123",
    "zz",
    "rui faria",
];

/// Values from a strategy, the same in every run.
struct Chance(TestRunner);

impl Chance {
    fn pick<S: Strategy>(&mut self, strategy: S) -> S::Value {
        strategy.new_tree(&mut self.0).expect("strategies without filters").current()
    }
}

fn maybe<T: std::fmt::Debug + Clone + 'static>(values: &'static [T]) -> impl Strategy<Value = Option<T>> {
    prop_oneof![Just(None), prop::sample::select(values).prop_map(Some)]
}

/// A call in any state, as a tenant with these numbers may have one.
fn any_call(chance: &mut Chance, house: &House, numbers: &[NumberId]) -> CallRecord {
    let state = chance.pick(prop::sample::select(&State::ALL[..]));
    // Few instants, so that many calls share one, and many a second.
    let at = secs(chance.pick(0..24_i64)) + Duration::from_micros(chance.pick(0..3_u64));
    let mut call = house.call(at);
    call.state = state;
    call.number = chance.pick(prop::sample::select(numbers.to_vec()));
    call.direction = chance.pick(prop::sample::select(vec![Direction::Inbound, Direction::Outbound]));
    call.conversation_id = chance.pick(maybe(&CONVERSATIONS)).map(str::to_owned);
    call.facts.party = Party {
        contact: None,
        phone: chance.pick(maybe(&PHONES)).map(phone),
        user_id: None,
        name: chance.pick(maybe(&NAMES)).map(str::to_owned),
    };
    call.facts.connect_at = None;
    if state == State::Completed || chance.pick(any::<bool>()) && !state.is_over() {
        call.facts.accepted_at = Some(at);
    }
    if state.is_over() {
        finish(chance, &mut call);
    }
    call
}

fn finish(chance: &mut Chance, call: &mut CallRecord) {
    const REASONS: [EndReason; 3] = [EndReason::NoAnswer, EndReason::Cancelled, EndReason::RemoteHangup];
    call.end_reason = Some(chance.pick(prop::sample::select(&REASONS[..])));
    let talked = chance.pick(0..500_u32);
    let answered = call.state == State::Completed;
    call.facts.terminate = Some(Terminate {
        at: call.created_at,
        started_at: answered.then_some(call.created_at),
        ended_at: Some(call.created_at + Duration::from_secs(600)),
        duration_secs: answered.then_some(talked),
        error: None,
    });
    let euro = Rate {
        currency: Currency::parse("EUR").expect("a currency"),
        per_minute: Price::parse("0.3").expect("a price"),
        per_pulse: None,
    };
    call.facts.bill = match chance.pick(0..3_u8) {
        0 => None,
        1 => Some(bill(answered.then_some(talked))),
        _ => Some(Bill::by(euro, call.direction, answered.then_some(talked))),
    };
}

/// The next version: on its way, over, or corrected; perhaps with a name that came late.
fn later(chance: &mut Chance, call: &CallRecord) -> CallRecord {
    let mut next = CallRecord { version: call.version + 1, ..call.clone() };
    const STATES: [State; 5] =
        [State::Connected, State::Completed, State::Missed, State::Failed, State::Rejected];
    next.state = chance.pick(prop::sample::select(&STATES[if call.state.is_over() { 1 } else { 0 }..]));
    let party =
        Party { name: Some(chance.pick(prop::sample::select(&NAMES[..])).to_owned()), ..Party::default() };
    next.facts.party.learn(&party);
    if next.state.is_over() {
        finish(chance, &mut next);
    }
    next
}

fn any_filter(chance: &mut Chance, numbers: &[NumberId]) -> CallFilter {
    let mut filter = CallFilter::default();
    const REASONS: [Option<EndReason>; 3] = [None, None, Some(EndReason::Cancelled)];
    for _ in 0..chance.pick(0..4_u8).saturating_sub(1) {
        let state = chance.pick(prop::sample::select(&State::ALL[..]));
        filter.states.push((state, chance.pick(prop::sample::select(&REASONS[..]))));
    }
    filter.ending_answered = chance.pick(prop_oneof![3 => Just(None), 1 => any::<bool>().prop_map(Some)]);
    filter.direction = chance.pick(maybe(&[Direction::Inbound, Direction::Outbound]));
    let subset = prop::sample::subsequence(numbers.to_vec(), 0..=numbers.len());
    filter.numbers = chance.pick(prop_oneof![2 => Just(None), 1 => subset.prop_map(Some)]);
    filter.number =
        chance.pick(prop_oneof![4 => Just(None), 1 => prop::sample::select(numbers.to_vec()).prop_map(Some)]);
    filter.from = chance.pick(prop_oneof![2 => Just(None), 1 => (0..24_i64).prop_map(|at| Some(secs(at)))]);
    filter.until = chance.pick(prop_oneof![2 => Just(None), 1 => (0..24_i64).prop_map(|at| Some(secs(at)))]);
    if chance.pick(any::<bool>()) {
        let text = chance.pick(prop::sample::select(&SEARCHES[..]));
        filter.search = Some(Search::parse(text, chance.pick(any::<bool>())).expect("a search"));
    }
    filter
}

async fn walk(store: &dyn Calls, house: &House, filter: &CallFilter, limit: u32) -> Vec<CallRecord> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.list(&house.tenant.id, filter, &PageAfter { after, limit }).await.expect("a page");
        assert!(
            page.calls.len() <= limit as usize && (!page.has_more || !page.calls.is_empty()),
            "{filter:?}"
        );
        seen.extend(page.calls);
        after = seen.last().map(|call| (call.created_at, call.id.clone()));
        if !page.has_more {
            return seen;
        }
    }
}

pub(crate) async fn lists_and_figures_are_those_of_a_store_that_looks_at_every_call(database: &Bench) {
    let (store, oracle) = (database.open().await, Memory::default());
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let mut numbers = vec![ours.number.id.clone()];
    for meta_id in 0..10 {
        numbers.push(number(&store, &ours.tenant, &format!("20000000000{meta_id}")).await.id);
    }
    let mut chance = Chance(TestRunner::deterministic());
    for place in 0..260 {
        let (house, numbers) = if place % 13 == 0 {
            (&theirs, vec![theirs.number.id.clone()])
        } else {
            (&ours, numbers.clone())
        };
        let mut call = any_call(&mut chance, house, &numbers);
        for _ in 0..=chance.pick(0..3_u8) {
            for to in [&store as &dyn Calls, &oracle] {
                to.commit(&commit(&call, vec![])).await.expect("a commit");
            }
            call = later(&mut chance, &call);
        }
    }
    for _ in 0..300 {
        let filter = any_filter(&mut chance, &numbers);
        let limit = chance.pick(prop::sample::select(vec![1, 2, 7, 50, 200]));
        let found = ids(&walk(&store, &ours, &filter, limit).await);
        assert_eq!(found, ids(&walk(&oracle, &ours, &filter, limit).await), "{limit} a page of {filter:?}");
    }
    for _ in 0..40 {
        let ask = any_ask(&mut chance, &numbers);
        let figures = |mut days: Vec<DayFigures>| {
            // A quarter in which every call moved to another currency has zeros left in the old one.
            days.retain(|day| day.tally != Tally::default());
            days.sort_by_key(|day| (day.day, day.currency.clone()));
            days
        };
        let counted = figures(store.by_day(&ours.tenant.id, &ask).await.expect("figures"));
        assert_eq!(counted, figures(oracle.by_day(&ours.tenant.id, &ask).await.expect("figures")), "{ask:?}");
        assert!(ask.numbers.is_some() || !counted.is_empty());
    }
}

/// A window of two stretches around the calls, as where clocks are changed in between.
fn any_ask(chance: &mut Chance, numbers: &[NumberId]) -> FiguresAsk {
    let quarter = 15 * 60;
    let now = secs(0).as_micros() / 1_000_000 / quarter * quarter;
    let ahead = (-48..56_i64).prop_map(move |quarters| quarters * quarter);
    let (first, second) = (chance.pick(&ahead), chance.pick(&ahead));
    let at = |quarters: i64| Time::from_secs(now + quarters * quarter);
    let stretch =
        |from: i64, until: i64, ahead_secs: i64| Stretch { from: at(from), until: at(until), ahead_secs };
    let subset = prop::sample::subsequence(numbers.to_vec(), 0..=numbers.len());
    FiguresAsk {
        numbers: chance.pick(prop_oneof![Just(None), subset.prop_map(Some)]),
        stretches: vec![stretch(-300, 0, first), stretch(0, 300, second)],
    }
}

fn ids(calls: &[CallRecord]) -> Vec<CallId> {
    let ids: Vec<CallId> = calls.iter().map(|call| call.id.clone()).collect();
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "no call twice");
    ids
}

async fn finds(store: &Store, house: &House, text: &str) -> usize {
    let search = Some(Search::parse(text, true).expect("a search"));
    walk(store, house, &CallFilter { search, ..CallFilter::default() }, 50).await.len()
}

fn named(house: &House) -> CallRecord {
    let mut call = house.call(secs(10));
    call.facts.party.name = Some("Rui Faria".to_owned());
    call
}

pub(crate) async fn whoever_is_erased_is_not_found(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let (gone, stays) = (named(&house), named(&house));
    for call in [&gone, &stays] {
        store.commit(&commit(call, vec![])).await.unwrap();
    }
    assert_eq!((finds(&store, &house, "rui").await, finds(&store, &house, "7700900").await), (2, 2));
    let id = gone.id.as_str();
    database.sql(&format!("UPDATE calls SET peer_phone = NULL WHERE id = '{id}'")).await;
    assert_eq!((finds(&store, &house, "rui").await, finds(&store, &house, "7700900").await), (1, 1));
    assert_eq!(database.count("SELECT COUNT(*) FROM call_search").await, 1);
    let delete = format!("PRAGMA foreign_keys = ON; DELETE FROM calls WHERE id = '{}'", stays.id.as_str());
    let delete = if database.url.starts_with("sqlite") {
        &delete
    } else {
        &delete["PRAGMA foreign_keys = ON; ".len()..]
    };
    database.sql(delete).await;
    assert_eq!((finds(&store, &house, "r").await, finds(&store, &house, "7").await), (0, 0));
}

pub(crate) async fn what_was_there_before_the_search_is_found(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    for _ in 0..3 {
        store.commit(&commit(&named(&house), vec![])).await.unwrap();
    }
    store.close().await;
    database.sql("DELETE FROM call_search; INSERT INTO call_search_due (call_id) SELECT id FROM calls").await;
    let store = database.open().await;
    assert_eq!(finds(&store, &house, "rui far").await, 3);
    assert_eq!(database.count("SELECT COUNT(*) FROM call_search_due").await, 0);
    let id = CallId::from_uuid(fresh());
    assert_eq!(store.find(&id).await.unwrap(), None);
}
