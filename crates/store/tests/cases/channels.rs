//! Numbers that clients connect, change and disconnect.

use offhook_core::call::State;
use offhook_core::id::NumberId;
use offhook_core::ports::{
    Calls, ChannelChange, ChannelNotes, Channels, Disconnected, NewNumber, Numbers, StoreFault,
};

use crate::bench::{ACCESS_TOKEN, Bench, commit, fresh, house, new_number, next, secs, tenant};

fn notes() -> ChannelNotes {
    ChannelNotes {
        display_name: Some("Support".to_owned()),
        onboarding: Some("bring_your_own".to_owned()),
        provider: Some("meta_direct".to_owned()),
        order_id: None,
    }
}

pub(crate) async fn a_channel_keeps_what_was_said_about_it(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, tenant(&store, "Theirs").await);
    let added = store.connect(new_number(&ours.tenant, "777"), notes()).await.unwrap();
    assert_eq!(added.notes, notes());
    let all = store.channels(&ours.tenant.id).await.unwrap();
    let names: Vec<_> = all.iter().map(|channel| channel.notes.display_name.as_deref()).collect();
    assert_eq!(names, [None, Some("Support")], "a number of which nothing was said is a channel too");
    assert!(store.channels(&theirs.id).await.unwrap().is_empty());

    let renamed = ChannelChange { access_token: None, display_name: Some("Sales".to_owned()), at: secs(9) };
    let id = &added.number.id;
    let changed = store.change(&ours.tenant.id, id, renamed.clone()).await.unwrap().unwrap();
    assert_eq!(
        (changed.notes.display_name.as_deref(), &changed.notes.provider, changed.updated_at),
        (Some("Sales"), &notes().provider, secs(9))
    );
    assert_eq!(store.access_token(id).await.unwrap().as_deref(), Some(ACCESS_TOKEN));
    let token = ChannelChange { access_token: Some("fresh".to_owned()), display_name: None, at: secs(10) };
    let changed = store.change(&ours.tenant.id, id, token).await.unwrap().unwrap();
    assert_eq!(changed.notes.display_name.as_deref(), Some("Sales"));
    assert_eq!(store.access_token(id).await.unwrap().as_deref(), Some("fresh"));
    assert_eq!(store.change(&theirs.id, id, renamed.clone()).await.unwrap(), None);
    let nobody = NumberId::from_uuid(fresh());
    assert_eq!(store.change(&ours.tenant.id, &nobody, renamed).await.unwrap(), None);
}

pub(crate) async fn a_disconnected_channel_is_found_by_nobody_and_comes_back_as_it_was(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, tenant(&store, "Theirs").await);
    let (tenant, number) = (&ours.tenant.id, &ours.number);
    let call = ours.call(secs(5));
    store.commit(&commit(&call, vec![])).await.unwrap();
    let disconnect = async |whose| store.disconnect(whose, &number.id, secs(20)).await.unwrap();
    assert_eq!(disconnect(&theirs.id).await, Disconnected::Unknown);
    assert_eq!(disconnect(tenant).await, Disconnected::Busy, "somebody is calling");
    store.commit(&commit(&next(&call, State::Missed), vec![])).await.unwrap();
    assert_eq!(disconnect(tenant).await, Disconnected::Done);
    assert_eq!(disconnect(tenant).await, Disconnected::Unknown);

    assert_eq!(store.by_meta_id(&number.meta_id).await.unwrap(), None);
    assert_eq!(Numbers::load(&store, tenant, &number.id).await.unwrap(), None);
    assert!(Numbers::all(&store, tenant).await.unwrap().is_empty());
    let known = store.channels(tenant).await.unwrap();
    assert_eq!(known[0].removed_at, Some(secs(20)), "its calls still have a channel");

    let meta_id = number.meta_id.as_str();
    let taken = store.connect(new_number(&theirs, meta_id), notes()).await;
    assert!(matches!(taken, Err(StoreFault::Exists(_))), "{taken:?}");
    let again = NewNumber { access_token: "fresh".to_owned(), ..new_number(&ours.tenant, meta_id) };
    let back = store.connect(again, notes()).await.unwrap();
    assert_eq!((&back.number.id, back.removed_at), (&number.id, None));
    assert_eq!(store.access_token(&number.id).await.unwrap().as_deref(), Some("fresh"));
    assert_eq!(store.by_meta_id(&number.meta_id).await.unwrap(), Some(back.number));
    let twice = store.connect(new_number(&ours.tenant, meta_id), notes()).await;
    assert!(matches!(twice, Err(StoreFault::Exists(_))), "{twice:?}");
}
