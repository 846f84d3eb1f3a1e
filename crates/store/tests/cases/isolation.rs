//! Tenants are strangers to one another.

use offhook_core::call::{CallRecord, State};
use offhook_core::event::CallEvent;
use offhook_core::ports::{CallFilter, Calls, Events, Numbers, PageAfter, People, StoreFault};

use crate::bench::{Bench, commit, house, next, secs};

pub(crate) async fn two_tenants_never_see_each_others_rows(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let (our_call, their_call) = (ours.call(secs(1)), theirs.call(secs(1)));
    for record in [&our_call, &their_call] {
        store.commit(&commit(record, vec![CallEvent::Incoming])).await.unwrap();
    }
    let us = &ours.tenant.id;

    assert_eq!(Calls::load(&store, us, &their_call.id).await.unwrap(), None);
    assert_eq!(Numbers::load(&store, us, &theirs.number.id).await.unwrap(), None);
    assert_eq!(People::load(&store, us, &theirs.agent.id).await.unwrap(), None);
    assert_eq!(Numbers::all(&store, us).await.unwrap(), std::slice::from_ref(&ours.number));
    assert_eq!(People::all(&store, us).await.unwrap(), std::slice::from_ref(&ours.agent));

    let page = PageAfter { after: None, limit: 200 };
    let listed = store.list(us, &CallFilter::default(), &page).await.unwrap();
    assert_eq!(listed.calls, [our_call]);
    let by_their_number = CallFilter { number: Some(theirs.number.id.clone()), ..CallFilter::default() };
    assert_eq!(store.list(us, &by_their_number, &page).await.unwrap().calls, []);
    let by_their_agent = CallFilter { agent: Some(theirs.agent.id.clone()), ..CallFilter::default() };
    assert_eq!(store.list(us, &by_their_agent, &page).await.unwrap().calls, []);
    let from_their_call = PageAfter { after: Some((secs(2), their_call.id)), limit: 200 };
    assert_eq!(store.list(us, &CallFilter::default(), &from_their_call).await.unwrap().calls.len(), 1);

    let log = store.after(us, 0, 1000).await.unwrap();
    assert_eq!(log.len(), 1);
    assert!(log.iter().all(|entry| entry.tenant == *us && entry.seq == 1));
    assert_eq!(store.head(us).await.unwrap(), 1);
}

pub(crate) async fn nothing_is_written_across_tenants(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let their_call = theirs.call(secs(1));
    store.commit(&commit(&their_call, vec![])).await.unwrap();

    // A record of theirs under our name.
    let taken =
        CallRecord { tenant: ours.tenant.id.clone(), number: ours.number.id.clone(), ..their_call.clone() };
    let answer = store.commit(&commit(&next(&taken, State::Completed), vec![CallEvent::Completed])).await;
    assert!(matches!(answer, Err(StoreFault::Conflict)), "{answer:?}");
    let answer = store.commit(&commit(&taken, vec![CallEvent::Incoming])).await;
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(store.find(&their_call.id).await.unwrap(), Some(their_call));

    // A call of ours on a number of theirs.
    let strange = CallRecord { number: theirs.number.id.clone(), ..ours.call(secs(2)) };
    assert!(store.commit(&commit(&strange, vec![CallEvent::Incoming])).await.is_err());
    assert_eq!(store.find(&strange.id).await.unwrap(), None);
    assert_eq!(store.head(&ours.tenant.id).await.unwrap(), 0);
}
