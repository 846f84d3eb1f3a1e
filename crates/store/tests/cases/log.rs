//! The event log: order without gaps.

use offhook_core::call::{CallRecord, State};
use offhook_core::event::{CallEvent, Consent, Event};
use offhook_core::house::Presence;
use offhook_core::id::TenantId;
use offhook_core::ports::{Calls, Events};
use offhook_store::Store;

use super::calls::together;
use crate::bench::{Bench, commit, fresh, house, next, phone, secs};

/// Twenty calls, each committed three times with two events, all at the same time.
async fn twenty_calls(store: &Store, records: Vec<CallRecord>) -> Vec<Vec<offhook_core::event::Logged>> {
    together(records.into_iter().map(|first| {
        let store = store.clone();
        async move {
            let second = next(&first, State::Answering);
            let third = next(&second, State::Connected);
            let mut told = Vec::new();
            for (record, what) in [
                (first, [CallEvent::Incoming, CallEvent::Ringing]),
                (second, [CallEvent::Claimed, CallEvent::RemoteAnswer]),
                (third, [CallEvent::Answered, CallEvent::Ending]),
            ] {
                told.extend(store.commit(&commit(&record, what.to_vec())).await.unwrap());
            }
            told
        }
    }))
    .await
}

pub(crate) async fn concurrent_commits_of_twenty_calls_leave_no_gap_and_keep_their_order(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let records = (0..20).map(|at| house.call(secs(at))).collect();
    let told = twenty_calls(&store, records).await;

    let log = store.after(&house.tenant.id, 0, 1000).await.unwrap();
    let places: Vec<u64> = log.iter().map(|entry| entry.seq).collect();
    assert_eq!(places, (1..=120).collect::<Vec<u64>>());
    assert_eq!(store.head(&house.tenant.id).await.unwrap(), 120);
    for of_one_call in told {
        // What the committer was told is what the log says, and a call's events are in its own order.
        let call_of = |event: &Event| match event {
            Event::Call { call, .. } => Some(call.clone()),
            Event::Permission { .. }
            | Event::Presence { .. }
            | Event::Contact { .. }
            | Event::Import { .. }
            | Event::Erased
            | Event::Recording { .. }
            | Event::Knock { .. }
            | Event::Hook { .. } => None,
        };
        let call = call_of(&of_one_call[0].event);
        let logged: Vec<_> = log.iter().filter(|entry| call_of(&entry.event) == call).cloned().collect();
        assert_eq!(logged, of_one_call);
        for pair in of_one_call.chunks(2) {
            assert_eq!(pair[0].seq + 1, pair[1].seq, "events of one commit are together");
        }
    }
    let mut ids: Vec<_> = log.iter().map(|entry| entry.id.clone()).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 120);
}

pub(crate) async fn a_reader_who_follows_the_log_misses_nothing(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = house.tenant.id.clone();
    let follower = async {
        let mut seen = 0;
        while seen < 120 {
            for entry in store.after(&tenant, seen, 7).await.unwrap() {
                assert_eq!(entry.seq, seen + 1, "a place was not visible when a later one was");
                seen = entry.seq;
            }
            tokio::task::yield_now().await;
        }
    };
    let records = (0..20).map(|at| house.call(secs(at))).collect();
    tokio::join!(follower, twenty_calls(&store, records));
}

pub(crate) async fn events_without_a_call_take_their_places_too(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    let permission = Event::Permission {
        number: house.number.id.clone(),
        phone: phone("+447700900123"),
        consent: Consent::Granted,
        state: None,
        expires_at: None,
        source: None,
    };
    let presence = Event::Presence { person: house.agent.id.clone(), presence: Presence::Available };

    let told = store.append(tenant, secs(5), &[permission.clone(), presence.clone()]).await.unwrap();
    store.commit(&commit(&house.call(secs(6)), vec![CallEvent::Incoming])).await.unwrap();

    assert_eq!(store.after(tenant, 0, 2).await.unwrap(), told);
    let [first, second] = told.as_slice() else { panic!("two entries, not {}", told.len()) };
    assert_eq!((first.seq, first.at, &first.event), (1, secs(5), &permission));
    assert_eq!((second.seq, second.at, &second.event), (2, secs(5), &presence));
    assert_eq!(store.after(tenant, 2, 10).await.unwrap()[0].seq, 3);
    assert_eq!(store.after(tenant, 3, 10).await.unwrap(), []);
    assert_eq!(store.append(tenant, secs(7), &[]).await.unwrap(), []);
    assert_eq!(store.head(tenant).await.unwrap(), 3);

    let stranger = TenantId::from_uuid(fresh());
    assert_eq!(store.head(&stranger).await.unwrap(), 0);
    assert!(store.append(&stranger, secs(5), &[presence]).await.is_err());
}

pub(crate) async fn a_refused_commit_takes_no_place(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let good: Vec<_> = (0..10).map(|at| house.call(secs(at))).collect();
    // Each stands for a commit that came too late; they share transactions with the good ones.
    let bad = good.iter().map(|record| CallRecord { version: 9, ..record.clone() });
    let mixed: Vec<_> = good.iter().cloned().zip(bad).flat_map(|(good, bad)| [bad, good]).collect();
    let answers = together(mixed.into_iter().map(|record| {
        let store = store.clone();
        async move { store.commit(&commit(&record, vec![CallEvent::Incoming])).await.is_ok() }
    }))
    .await;

    assert_eq!(answers, [false, true].repeat(10));
    let log = store.after(&house.tenant.id, 0, 1000).await.unwrap();
    assert_eq!(log.iter().map(|entry| entry.seq).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
}
