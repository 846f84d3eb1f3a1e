//! Calls: versions, look-ups, lists and pages.

use std::collections::BTreeSet;
use std::time::Duration;

use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::event::CallEvent;
use offhook_core::id::{CallId, UserId};
use offhook_core::meta::Direction;
use offhook_core::ports::{CallFilter, Calls, Events, PageAfter, StoreFault};
use offhook_store::Store;

use crate::bench::{Bench, House, commit, fresh, house, next, number, secs, wacid};

pub(crate) async fn a_commit_comes_back_as_it_was_written(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    for record in [house.full_call(secs(10)), house.call(secs(20))] {
        store.commit(&commit(&record, vec![])).await.unwrap();
        let (tenant, id) = (&record.tenant, &record.id);
        assert_eq!(Calls::load(&store, tenant, id).await.unwrap().as_ref(), Some(&record));
        assert_eq!(store.find(id).await.unwrap().as_ref(), Some(&record));
        let meta_id = record.facts.wacid.clone().unwrap();
        assert_eq!(store.find_wacid(&meta_id).await.unwrap().as_ref(), Some(&record));
    }
    let nobody = CallId::from_uuid(fresh());
    assert_eq!(store.find(&nobody).await.unwrap(), None);
    assert_eq!(store.find_wacid(&wacid("wacid.unknown")).await.unwrap(), None);
}

pub(crate) async fn a_commit_that_does_not_follow_is_refused_and_changes_nothing(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let first = house.call(secs(10));
    let second = next(&first, State::Answering);
    let refused = |answer| assert!(matches!(answer, Err(StoreFault::Conflict)), "{answer:?}");

    refused(store.commit(&commit(&second, vec![CallEvent::Claimed])).await);
    assert_eq!(store.find(&first.id).await.unwrap(), None);

    store.commit(&commit(&first, vec![CallEvent::Incoming])).await.unwrap();
    let other = CallRecord { state: State::Failed, ..first.clone() };
    refused(store.commit(&commit(&other, vec![CallEvent::Failed])).await);
    let third = next(&second, State::Connected);
    refused(store.commit(&commit(&third, vec![CallEvent::Answered])).await);
    assert_eq!(store.find(&first.id).await.unwrap().as_ref(), Some(&first));

    store.commit(&commit(&second, vec![CallEvent::Claimed])).await.unwrap();
    refused(store.commit(&commit(&second, vec![CallEvent::Claimed])).await);
    assert_eq!(store.find(&first.id).await.unwrap(), Some(second));
    assert_eq!(store.head(&house.tenant.id).await.unwrap(), 2);
}

pub(crate) async fn of_commits_racing_for_one_version_exactly_one_wins(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let mut stored = house.call(secs(10));
    store.commit(&commit(&stored, vec![])).await.unwrap();
    for _ in 0..5 {
        let rivals: Vec<_> = (0..16)
            .map(|_| CallRecord {
                agent: Some(UserId::from_uuid(fresh())),
                ..next(&stored, State::Answering)
            })
            .collect();
        let answers = together(rivals.iter().map(|rival| {
            let (store, commit) = (store.clone(), commit(rival, vec![CallEvent::Claimed]));
            async move { store.commit(&commit).await }
        }))
        .await;
        let winners: Vec<_> = rivals.iter().zip(&answers).filter(|(_, answer)| answer.is_ok()).collect();
        assert_eq!(winners.len(), 1);
        assert!(answers.iter().all(|a| matches!(a, Ok(_) | Err(StoreFault::Conflict))), "{answers:?}");
        stored = store.find(&stored.id).await.unwrap().unwrap();
        assert_eq!(&stored, winners[0].0);
    }
    assert_eq!(store.head(&house.tenant.id).await.unwrap(), 5);
}

pub(crate) async fn a_wacid_belongs_to_one_call(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let first = house.call(secs(10));
    store.commit(&commit(&first, vec![])).await.unwrap();
    let mut second = house.call(secs(11));
    second.facts.wacid = first.facts.wacid.clone();

    let answer = store.commit(&commit(&second, vec![CallEvent::Incoming])).await;
    assert_eq!(answer.unwrap_err().to_string(), "a call with this WhatsApp id exists already");
    assert_eq!(store.find(&second.id).await.unwrap(), None);

    // Several calls may be without one: Meta has not named them yet.
    for at in [12, 13] {
        let mut unnamed = house.call(secs(at));
        unnamed.facts.wacid = None;
        store.commit(&commit(&unnamed, vec![])).await.unwrap();
    }
}

pub(crate) async fn live_calls_are_those_that_are_not_over(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let mut expected = Vec::new();
    for (place, state) in State::ALL.into_iter().enumerate() {
        let house = if place % 2 == 0 { &ours } else { &theirs };
        let at = secs(i64::try_from(place).unwrap());
        let record = CallRecord { state, ..house.call(at) };
        store.commit(&commit(&record, vec![])).await.unwrap();
        if !state.is_over() {
            expected.push(record);
        }
    }
    assert_eq!(store.live().await.unwrap(), expected);

    let ended = next(&expected[0], State::Missed);
    store.commit(&commit(&ended, vec![])).await.unwrap();
    assert_eq!(store.live().await.unwrap(), expected[1..]);
}

pub(crate) async fn an_unreadable_call_is_told_without_its_values_and_stops_no_other(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let (spoiled, whole) = (house.call(secs(1)), house.call(secs(2)));
    for record in [&spoiled, &whole] {
        store.commit(&commit(record, vec![])).await.unwrap();
    }
    let facts = "{\"wacid\": {\"phone\": \"447700900123\"}}";
    database.sql(&format!("UPDATE calls SET facts = '{facts}' WHERE id = '{}'", spoiled.id)).await;

    let told = store.find(&spoiled.id).await.unwrap_err().to_string();
    assert_eq!(told, format!("stored data cannot be read: calls.facts of {}", spoiled.id));
    assert_eq!(store.live().await.unwrap(), [whole]);
}

pub(crate) async fn lists_narrow_by_every_filter(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let other_number = number(&store, &house.tenant, "205540352539991").await;
    let base = |at| house.call(secs(at));
    let ringing = base(10);
    let missed = CallRecord { state: State::Missed, end_reason: Some(EndReason::NoAnswer), ..base(20) };
    let late = CallRecord { state: State::Missed, end_reason: Some(EndReason::Late), ..base(30) };
    let outbound = CallRecord { direction: Direction::Outbound, state: State::Dialing, ..base(40) };
    let elsewhere = CallRecord { number: other_number.id.clone(), ..base(50) };
    for record in [&ringing, &missed, &late, &outbound, &elsewhere] {
        store.commit(&commit(record, vec![])).await.unwrap();
    }
    let all = CallFilter::default;
    let check = async |filter: CallFilter, expected: &[&CallRecord]| {
        let found = everything(&store, &house, &filter).await;
        let ids = |records: &[&CallRecord]| records.iter().map(|r| r.id.clone()).collect::<Vec<_>>();
        assert_eq!(ids(&found.iter().collect::<Vec<_>>()), ids(expected), "{filter:?}");
    };
    check(all(), &[&elsewhere, &outbound, &late, &missed, &ringing]).await;
    check(CallFilter { states: vec![(State::Missed, None)], ..all() }, &[&late, &missed]).await;
    let late_only = vec![(State::Missed, Some(EndReason::Late))];
    check(CallFilter { states: late_only.clone(), ..all() }, &[&late]).await;
    let either = vec![(State::Dialing, None), (State::Missed, Some(EndReason::NoAnswer))];
    check(CallFilter { states: either, ..all() }, &[&outbound, &missed]).await;
    check(CallFilter { direction: Some(Direction::Outbound), ..all() }, &[&outbound]).await;
    check(CallFilter { number: Some(other_number.id), ..all() }, &[&elsewhere]).await;
    check(CallFilter { from: Some(secs(30)), ..all() }, &[&elsewhere, &outbound, &late]).await;
    check(CallFilter { until: Some(secs(30)), ..all() }, &[&missed, &ringing]).await;
    let narrow = CallFilter {
        states: late_only,
        direction: Some(Direction::Inbound),
        number: Some(house.number.id.clone()),
        from: Some(secs(30)),
        until: Some(secs(31)),
        agent: None,
        ..all()
    };
    check(narrow, &[&late]).await;
}

pub(crate) async fn an_agent_lists_calls_taken_placed_and_missed(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let me = &house.agent.id;
    let colleague = UserId::from_uuid(fresh());
    let rang = |people: &[&UserId]| {
        let agents: BTreeSet<UserId> = people.iter().map(|p| (*p).clone()).collect();
        vec![CallEvent::Rang { agents }]
    };
    // Rang me, and I took it.
    let taken = CallRecord { agent: Some(me.clone()), state: State::Connected, ..house.call(secs(1)) };
    store.commit(&commit(&taken, rang(&[me, &colleague]))).await.unwrap();
    // Rang me, a colleague took it.
    let theirs =
        CallRecord { agent: Some(colleague.clone()), state: State::Completed, ..house.call(secs(2)) };
    store.commit(&commit(&theirs, rang(&[me, &colleague]))).await.unwrap();
    // Rang me, nobody took it.
    let ringing = house.call(secs(3));
    store.commit(&commit(&ringing, rang(&[me]))).await.unwrap();
    let missed = next(&ringing, State::Missed);
    store.commit(&commit(&missed, vec![CallEvent::Missed])).await.unwrap();
    // Rang only the colleague, nobody took it.
    let not_mine = CallRecord { state: State::Missed, ..house.call(secs(4)) };
    store.commit(&commit(&not_mine, rang(&[&colleague]))).await.unwrap();
    // I placed it.
    let placed =
        CallRecord { direction: Direction::Outbound, agent: Some(me.clone()), ..house.call(secs(5)) };
    store.commit(&commit(&placed, vec![])).await.unwrap();

    let mine = CallFilter { agent: Some(me.clone()), ..CallFilter::default() };
    assert_eq!(everything(&store, &house, &mine).await, [placed, missed, taken]);
}

pub(crate) async fn pages_neither_repeat_nor_skip_while_calls_come_in(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let mut expected = Vec::new();
    // Three calls to a second: the id decides among equals.
    for at in 0..25 {
        let record = house.call(secs(at / 3));
        store.commit(&commit(&record, vec![])).await.unwrap();
        expected.insert(0, record.id);
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = PageAfter { after: after.take(), limit: 4 };
        let page = store.list(&house.tenant.id, &CallFilter::default(), &page).await.unwrap();
        seen.extend(page.calls.iter().map(|call| call.id.clone()));
        after = page.calls.last().map(|call| (call.created_at, call.id.clone()));
        let newcomer = house.call(secs(1000));
        store.commit(&commit(&newcomer, vec![])).await.unwrap();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(seen, expected);

    let exact = PageAfter { after: None, limit: 32 };
    let exact = store.list(&house.tenant.id, &CallFilter::default(), &exact).await.unwrap();
    assert_eq!((exact.calls.len(), exact.has_more), (32, false));
    let greedy = PageAfter { after: None, limit: 0 };
    assert_eq!(store.list(&house.tenant.id, &CallFilter::default(), &greedy).await.unwrap().calls.len(), 1);
}

/// All matching calls on one page.
async fn everything(store: &Store, house: &House, filter: &CallFilter) -> Vec<CallRecord> {
    let page = store.list(&house.tenant.id, filter, &PageAfter { after: None, limit: 200 }).await.unwrap();
    assert!(!page.has_more);
    page.calls
}

/// Runs all of them at the same time, on several threads where the test has them.
pub(crate) async fn together<T: Send + 'static>(
    work: impl IntoIterator<Item = impl Future<Output = T> + Send + 'static>,
) -> Vec<T> {
    let mut tasks = tokio::task::JoinSet::new();
    for (place, work) in work.into_iter().enumerate() {
        tasks.spawn(async move { (place, work.await) });
    }
    let within = tokio::time::timeout(Duration::from_secs(60), tasks.join_all());
    let mut done = within.await.expect("all of them come to an end");
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, value)| value).collect()
}
