//! Pages by number and their totals, against every call looked at one by one.

use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::meta::Direction;
use offhook_core::ports::{CallKind, CallPages, Calls, PageAt, PageFilter, Reason};
use offhook_store::Store;

use crate::bench::{Bench, House, commit, house, next, number, secs, wacid};

/// Calls of every state, both directions and several endings, some changed after they were written.
async fn fill(store: &Store, house: &House) -> Vec<CallRecord> {
    let other = number(store, &house.tenant, "777").await;
    let mut calls = Vec::new();
    for (nth, state) in State::ALL.into_iter().cycle().take(60).enumerate() {
        let at = secs(nth as i64 / 3);
        let mut first = house.call(at);
        first.facts.wacid = Some(wacid(&format!("wacid.{nth}")));
        if nth % 2 == 0 {
            first.direction = Direction::Outbound;
            first.facts.connect_at = None;
        }
        if nth % 5 == 0 {
            first.number = other.id.clone();
        }
        store.commit(&commit(&first, vec![])).await.unwrap();
        let mut last = next(&first, state);
        last.facts.ringing_at = (nth % 4 == 0).then_some(at);
        last.facts.accepted_at = (nth % 3 == 0).then_some(at);
        last.end_reason = state.is_over().then(|| EndReason::ALL[nth % 7]).filter(|_| state != State::Failed);
        store.commit(&commit(&last, vec![])).await.unwrap();
        calls.push(last);
    }
    calls.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    calls
}

fn filters(house: &House) -> Vec<PageFilter> {
    let kinds = |kinds: Vec<CallKind>| PageFilter { kinds: Some(kinds), ..PageFilter::default() };
    let missed = CallKind::all(State::Missed);
    let mut filters = vec![
        PageFilter::default(),
        kinds(vec![]),
        kinds(State::ALL.map(CallKind::all).to_vec()),
        kinds(vec![CallKind { reason: Reason::Is(EndReason::ALL[1]), ..missed }]),
        kinds(vec![CallKind { reason: Reason::Not(EndReason::ALL[1]), ..missed }]),
        kinds(vec![
            CallKind { direction: Some(Direction::Outbound), ..missed },
            CallKind::all(State::Ending),
        ]),
        PageFilter { number: Some(house.number.id.clone()), ..PageFilter::default() },
        PageFilter {
            number: Some(house.number.id.clone()),
            direction: Some(Direction::Inbound),
            ..kinds(vec![missed])
        },
    ];
    for is in [true, false] {
        filters.push(kinds(vec![CallKind { answered: Some(is), ..CallKind::all(State::Ending) }]));
        filters.push(kinds(vec![CallKind { rang: Some(is), ..CallKind::all(State::Ringing) }]));
    }
    filters
}

pub(crate) async fn pages_and_totals_are_those_of_all_calls_looked_at(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let calls = fill(&store, &ours).await;
    store.commit(&commit(&theirs.call(secs(1)), vec![])).await.unwrap();
    for filter in filters(&ours) {
        let wanted: Vec<_> = calls.iter().filter(|call| filter.admits(call)).cloned().collect();
        let mut seen = Vec::new();
        for page in 1.. {
            let page = store.numbered(&ours.tenant.id, &filter, &PageAt { page, limit: 7 }).await.unwrap();
            assert_eq!(page.total, wanted.len() as u64, "{filter:?}");
            if page.calls.is_empty() {
                break;
            }
            seen.extend(page.calls);
        }
        assert_eq!(seen, wanted, "{filter:?}");
    }
}

pub(crate) async fn totals_follow_calls_that_go(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let calls = fill(&store, &house).await;
    database.sql(&format!("DELETE FROM calls WHERE id = '{}'", calls[0].id)).await;
    let all = PageFilter::default();
    let page = store.numbered(&house.tenant.id, &all, &PageAt { page: 1, limit: 200 }).await.unwrap();
    assert_eq!((page.total, page.calls.len()), (59, 59));
}
