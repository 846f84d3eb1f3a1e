//! Hooks and their deliveries, and the log read from all sides.

use offhook_core::event::{CallEvent, Event, HookEvent, KnockKind};
use offhook_core::hook::{
    Attempt, Credentials, DeliveryState, Disabled, Dress, Health, Hook, HookSecret, Next,
};
use offhook_core::id::HookId;
use offhook_core::ports::{
    Calls, Deliveries, Events, Hooks, Inbox, Knock, LogStretch, NewDelivery, NewHook, News, Settled,
    StoreFault,
};
use offhook_core::time::Time;
use offhook_store::Store;

use crate::bench::{Bench, House, commit, fresh, house, secs};

pub(super) fn hook(house: &House, dress: Dress) -> Hook {
    Hook {
        id: HookId::from_uuid(fresh()),
        tenant: house.tenant.id.clone(),
        url: "https://crm.example.com/in?key=1".to_owned(),
        dress,
        number: (dress == Dress::Meta).then(|| house.number.id.clone()),
        topics: vec!["*".to_owned(), "call.*".to_owned()],
        description: Some("the CRM".to_owned()),
        active: true,
        disabled: None,
        health: Health::default(),
        place: 0,
        created_at: secs(1),
        updated_at: secs(1),
    }
}

fn secret(text: &str) -> HookSecret {
    HookSecret::new(text.to_owned())
}

pub(super) async fn added(store: &Store, hook: &Hook) -> Hook {
    let new = NewHook { hook: hook.clone(), credentials: Credentials::new(secret("first")) };
    Hooks::add(store, new, 10).await.unwrap()
}

pub(super) fn made(seq: u64, thread: &str) -> NewDelivery {
    NewDelivery { id: fresh(), seq, name: format!("call.{seq}"), thread: thread.to_owned() }
}

pub(super) fn settled(n: u64, next: Next, at: Time) -> Settled {
    let attempt = Attempt {
        at,
        took_ms: 12,
        status: Some(503),
        error: Some("status 503".to_owned()),
        request_headers: vec![("webhook-id".to_owned(), "evt_1".to_owned())],
        response_headers: vec![],
        response_body: Some("nul \0 and snow \u{2603}".to_owned()),
    };
    Settled { n, next, tries: 1, attempt }
}

/// The numbers of what is due.
async fn due(store: &Store, hook: &Hook, now: Time) -> Vec<u64> {
    store.due(&hook.id, now, 50).await.unwrap().iter().map(|due| due.delivery.n).collect()
}

/// A house with a log of so many entries, and a hook made before them.
async fn with_log(store: &Store, entries: i64) -> (House, Hook) {
    let house = house(store, 1).await;
    let hook = added(store, &hook(&house, Dress::Orbit)).await;
    for at in 0..entries {
        store.commit(&commit(&house.call(secs(at)), vec![CallEvent::Incoming])).await.unwrap();
    }
    (house, hook)
}

pub(crate) async fn a_hook_comes_back_as_it_was_written(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    store.commit(&commit(&ours.call(secs(1)), vec![CallEvent::Incoming])).await.unwrap();
    let mut first = added(&store, &hook(&ours, Dress::Meta)).await;
    assert_eq!(first.place, 1, "entries before it are not told");
    assert_eq!(store.of_tenant(&ours.tenant.id).await.unwrap(), [first.clone()]);
    assert_eq!(Hooks::find(&store, &ours.tenant.id, &first.id).await.unwrap(), Some(first.clone()));

    assert_eq!(Hooks::find(&store, &theirs.tenant.id, &first.id).await.unwrap(), None);
    assert_eq!(store.credentials(&theirs.tenant.id, &first.id).await.unwrap(), None);
    let stolen = Hook { tenant: theirs.tenant.id.clone(), number: None, ..first.clone() };
    assert!(!store.change(&stolen).await.unwrap());
    assert!(!Hooks::remove(&store, &theirs.tenant.id, &first.id).await.unwrap());

    store
        .settle(&first.id, &[], Health { failures: 3, since: Some(secs(2)) }, Some(Disabled::Gone))
        .await
        .unwrap();
    let ill = Hooks::find(&store, &ours.tenant.id, &first.id).await.unwrap().unwrap();
    assert_eq!((ill.active, ill.disabled, ill.health.failures), (false, Some(Disabled::Gone), 3));
    first.url = "https://other.example.com/".to_owned();
    first.description = None;
    assert!(store.change(&first).await.unwrap());
    assert_eq!(
        Hooks::find(&store, &ours.tenant.id, &first.id).await.unwrap(),
        Some(first.clone()),
        "well again"
    );

    let second = hook(&ours, Dress::Orbit);
    let new = NewHook { hook: second, credentials: Credentials::new(secret("x")) };
    assert!(matches!(Hooks::add(&store, new, 1).await, Err(StoreFault::Exists(_))));
    assert!(Hooks::remove(&store, &ours.tenant.id, &first.id).await.unwrap());
    assert_eq!(store.everywhere().await.unwrap(), []);
}

pub(crate) async fn a_hooks_secrets_open_as_they_were_sealed(database: &Bench) {
    let store = database.open().await;
    let ours = house(&store, 1).await;
    let hook = added(&store, &hook(&ours, Dress::Orbit)).await;
    let mut with = store.credentials(&ours.tenant.id, &hook.id).await.unwrap().unwrap();
    assert_eq!(with, Credentials::new(secret("first")));
    with.rotate(secret("second"), secs(5));
    with.headers = vec![("x-token".to_owned(), secret("s3cret"))];
    assert!(store.set_credentials(&ours.tenant.id, &hook.id, &with).await.unwrap());
    assert_eq!(store.credentials(&ours.tenant.id, &hook.id).await.unwrap(), Some(with));
}

pub(crate) async fn deliveries_of_a_thread_are_due_one_after_another(database: &Bench) {
    let store = database.open().await;
    let (_, hook) = with_log(&store, 5).await;
    let batch = [made(1, "a"), made(2, "a"), made(3, "b"), made(4, "a")];
    store.advance(&hook.id, 0, 4, &batch, secs(10)).await.unwrap();
    assert_eq!(due(&store, &hook, secs(10)).await, [1, 3]);
    assert_eq!(due(&store, &hook, secs(9)).await, [0; 0]);

    // What is tried again holds up those behind it; what is settled, one way or the other, does not.
    let again = Next::Again(secs(70));
    let health = Health { failures: 1, since: Some(secs(11)) };
    store
        .settle(&hook.id, &[settled(1, again, secs(11)), settled(3, Next::Delivered, secs(11))], health, None)
        .await
        .unwrap();
    assert_eq!(due(&store, &hook, secs(69)).await, [0; 0]);
    assert_eq!(store.next_due(&hook.id, secs(20)).await.unwrap(), Some(secs(70)));
    store.advance(&hook.id, 4, 5, &[made(5, "a")], secs(12)).await.unwrap();
    assert_eq!(due(&store, &hook, secs(70)).await, [1]);
    for (n, next) in [(1, Next::Dead), (2, Next::Delivered), (4, Next::Delivered)] {
        assert_eq!(due(&store, &hook, secs(80)).await, [n]);
        store.settle(&hook.id, &[settled(n, next, secs(80))], Health::default(), None).await.unwrap();
    }
    assert_eq!(due(&store, &hook, secs(80)).await, [5]);
    assert_eq!(
        store.backlog().await.unwrap().into_iter().collect::<Vec<_>>(),
        [(Dress::Orbit, (1, secs(12)))]
    );

    // A dead one that is sent again queues behind what is on its way.
    assert_eq!(store.revive(&hook.id, Some(fresh()), secs(90)).await.unwrap(), 0);
    assert_eq!(store.revive(&hook.id, None, secs(90)).await.unwrap(), 1);
    assert_eq!(due(&store, &hook, secs(90)).await, [5]);
    store.settle(&hook.id, &[settled(5, Next::Delivered, secs(91))], Health::default(), None).await.unwrap();
    let last = store.due(&hook.id, secs(91), 10).await.unwrap();
    assert_eq!((last[0].delivery.n, last[0].delivery.tries, last[0].logged.seq), (1, 0, 1));
}

pub(crate) async fn a_place_moves_only_from_where_it_is(database: &Bench) {
    let store = database.open().await;
    let (house, hook) = with_log(&store, 2).await;
    assert!(matches!(
        store.advance(&hook.id, 1, 2, &[made(2, "a")], secs(10)).await,
        Err(StoreFault::Conflict)
    ));
    store.advance(&hook.id, 0, 2, &[made(1, "a"), made(2, "b")], secs(10)).await.unwrap();
    assert!(matches!(
        store.advance(&hook.id, 0, 2, &[made(1, "a")], secs(10)).await,
        Err(StoreFault::Conflict)
    ));
    assert_eq!(due(&store, &hook, secs(10)).await, [1, 2]);
    assert_eq!(Hooks::find(&store, &house.tenant.id, &hook.id).await.unwrap().unwrap().place, 2);
    assert!(Hooks::remove(&store, &house.tenant.id, &hook.id).await.unwrap());
    assert_eq!(due(&store, &hook, secs(10)).await, [0; 0], "its deliveries go with it");
    store.enqueue(&hook.id, &[made(1, "a")], secs(11)).await.unwrap();
}

pub(crate) async fn deliveries_are_listed_newest_first_until_they_are_pruned(database: &Bench) {
    let store = database.open().await;
    let (ours, hook) = with_log(&store, 1).await;
    let stranger = house(&store, 2).await.tenant.id;
    for at in 0..5 {
        store.enqueue(&hook.id, &[made(1, &at.to_string())], secs(at)).await.unwrap();
    }
    let gone = settled(2, Next::Dead, secs(9));
    store.settle(&hook.id, std::slice::from_ref(&gone), Health::default(), None).await.unwrap();
    let page = store.deliveries(&ours.tenant.id, &hook.id, None, None, 3).await.unwrap();
    assert_eq!(
        (page.deliveries.iter().map(|d| d.n).collect::<Vec<_>>(), page.has_more),
        (vec![5, 4, 3], true)
    );
    let rest = store.deliveries(&ours.tenant.id, &hook.id, None, Some(3), 3).await.unwrap();
    assert_eq!((rest.deliveries.iter().map(|d| d.n).collect::<Vec<_>>(), rest.has_more), (vec![2, 1], false));
    let dead = store
        .deliveries(&ours.tenant.id, &hook.id, Some(DeliveryState::Dead), None, 3)
        .await
        .unwrap()
        .deliveries;
    assert_eq!((dead.len(), dead[0].n, dead[0].tries), (1, 2, 1));
    let body = dead[0].last.as_ref().unwrap().response_body.clone().unwrap();
    assert!(body.contains('\u{2603}') && !body.is_empty(), "{body}");
    assert_eq!(store.deliveries(&stranger, &hook.id, None, None, 3).await.unwrap().deliveries, []);

    assert_eq!(store.prune(secs(100)).await.unwrap(), 1, "what is on its way stays");
    assert_eq!(store.deliveries(&ours.tenant.id, &hook.id, None, None, 9).await.unwrap().deliveries.len(), 4);
}

pub(crate) async fn a_knock_is_passed_on_once_and_only_to_those_who_want_it(database: &Bench) {
    let store = database.open().await;
    let ours = house(&store, 1).await;
    let tenant = &ours.tenant.id;
    let knock = |key: &str| Knock {
        key: key.to_owned(),
        received_at: secs(2),
        raw: format!("{{\"field\":\"calls\",\"value\":\"{key}\"}}"),
        news: News::Kept { why: "x".to_owned() },
    };
    // Only what is not dealt with yet can be passed on.
    let mut knocks = [knock("a"), knock("b"), knock("c")];
    for knock in &mut knocks[..2] {
        knock.news = super::inbox::call_news("wacid.a");
    }
    store.take_in(&knocks).await.unwrap();
    let ids: Vec<i64> = store.pending(0, 9).await.unwrap().iter().map(|knocked| knocked.id).collect();
    let told = |id: i64| Event::Knock {
        knock: id,
        number: ours.number.id.clone(),
        call: None,
        what: KnockKind::Connect,
    };

    assert_eq!(store.pass_on(ids[0], tenant, secs(3), &told(ids[0])).await.unwrap(), [], "nobody wants it");
    assert_eq!(store.pending(0, 9).await.unwrap().len(), 1, "it is dealt with all the same");
    added(&store, &hook(&ours, Dress::Vobiz)).await;
    let logged = store.pass_on(ids[1], tenant, secs(4), &told(ids[1])).await.unwrap();
    assert_eq!((logged[0].seq, &logged[0].event), (1, &told(ids[1])));
    assert_eq!(store.pass_on(ids[1], tenant, secs(5), &told(ids[1])).await.unwrap(), []);
    assert_eq!(store.raw(ids[1]).await.unwrap().as_deref(), Some(knocks[1].raw.as_str()));
    assert_eq!(store.raw(99).await.unwrap(), None);
}

pub(crate) async fn the_log_is_read_by_id_by_time_by_call_and_from_either_end(database: &Bench) {
    let store = database.open().await;
    let ours = house(&store, 1).await;
    let tenant = &ours.tenant.id;
    let calls: Vec<_> = (0..10).map(|at| ours.call(secs(at * 100))).collect();
    for call in &calls {
        store.commit(&commit(call, vec![CallEvent::Incoming, CallEvent::Answered])).await.unwrap();
    }
    let tested = Event::Hook { hook: HookId::from_uuid(fresh()), what: HookEvent::Tested };
    store.append(tenant, secs(2000), &[tested]).await.unwrap();
    let seqs = |stretch: LogStretch| {
        let store = store.clone();
        async move {
            let found = store.history(tenant, &stretch).await.unwrap();
            found.iter().map(|logged| logged.seq).collect::<Vec<_>>()
        }
    };
    let all = LogStretch { limit: 100, ..LogStretch::default() };
    assert_eq!(seqs(all.clone()).await, (1..=21).collect::<Vec<_>>());
    assert_eq!(seqs(LogStretch { newest_first: true, limit: 3, ..all.clone() }).await, [21, 20, 19]);
    assert_eq!(
        seqs(LogStretch { newest_first: true, before: Some(19), limit: 2, ..all.clone() }).await,
        [18, 17]
    );
    assert_eq!(seqs(LogStretch { after: Some(19), ..all.clone() }).await, [20, 21]);
    assert_eq!(seqs(LogStretch { call: Some(calls[3].id.clone()), ..all.clone() }).await, [7, 8]);
    let (since, until) = (Some(secs(200)), Some(secs(400)));
    assert_eq!(seqs(LogStretch { since, until, ..all.clone() }).await, [5, 6, 7, 8]);
    assert_eq!(seqs(LogStretch { since: Some(secs(3000)), ..all.clone() }).await, [0; 0]);
    assert_eq!(seqs(LogStretch { until: Some(secs(0)), ..all.clone() }).await, [0; 0]);

    let third = store.after(tenant, 2, 1).await.unwrap().remove(0);
    assert_eq!(store.find_event(tenant, &third.id).await.unwrap(), Some(third.clone()));
    let stranger = house(&store, 2).await.tenant.id;
    assert_eq!(store.find_event(&stranger, &third.id).await.unwrap(), None);
    assert_eq!(store.history(&stranger, &all).await.unwrap(), []);
}
