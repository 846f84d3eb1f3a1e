//! Opening, closing, and what survives in between.

use offhook_core::event::CallEvent;
use offhook_core::ports::{
    Calls, Events, Inbox, Keys, Knock, News, Numbers, People, Sessions, StoreFault, Tenants,
};
use offhook_store::MasterKey;

use super::calls::together;
use super::secrets::new_key;
use crate::bench::{ACCESS_TOKEN, Bench, PASSWORD, commit, house, secs};

pub(crate) async fn what_was_acknowledged_is_there_after_reopening(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let record = house.full_call(secs(1));
    let logged =
        store.commit(&commit(&record, vec![CallEvent::Initiated, CallEvent::Completed])).await.unwrap();
    let knock = Knock {
        key: "k".to_owned(),
        received_at: secs(2),
        raw: "{}".to_owned(),
        news: News::Kept { why: "unknown".to_owned() },
    };
    store.take_in(std::slice::from_ref(&knock)).await.unwrap();
    let key = store.mint(new_key(&house)).await.unwrap();
    let session = Sessions::open(&store, &house.agent, secs(1), secs(100)).await.unwrap();
    // Not closed: let go of, as a process that dies does.
    drop(store);

    let store = database.open().await;
    assert_eq!(Tenants::all(&store).await.unwrap(), std::slice::from_ref(&house.tenant));
    assert_eq!(Numbers::all(&store, &house.tenant.id).await.unwrap(), std::slice::from_ref(&house.number));
    assert_eq!(store.access_token(&house.number.id).await.unwrap().as_deref(), Some(ACCESS_TOKEN));
    assert_eq!(store.sign_in(&house.agent.email, PASSWORD).await.unwrap(), Some(house.agent.clone()));
    assert_eq!(store.find(&record.id).await.unwrap(), Some(record));
    assert_eq!(store.after(&house.tenant.id, 0, 10).await.unwrap(), logged);
    assert_eq!(store.take_in(&[knock]).await.unwrap(), 0);
    assert!(Keys::check(&store, &key.text, secs(3)).await.unwrap().is_some());
    let person = Sessions::opened(&store, &session, secs(3)).await.unwrap().map(|session| session.person);
    assert_eq!(person, Some(house.agent));
}

pub(crate) async fn several_that_start_at_once_agree(database: &Bench) {
    let (url, key) = (database.url.clone(), database.key.clone());
    let stores = together((0..4).map(|_| {
        let database = Bench { url: url.clone(), key: key.clone() };
        async move { database.open().await }
    }))
    .await;
    let house = house(&stores[0], 1).await;
    assert_eq!(Tenants::all(&stores[3]).await.unwrap(), [house.tenant]);
    assert_eq!(database.count("SELECT COUNT(*) FROM canary").await, 1);
}

pub(crate) async fn a_wrong_master_key_is_refused_in_words(database: &Bench) {
    database.open().await.close().await;
    let wrong = Bench { url: database.url.clone(), key: MasterKey::from_bytes([8; 32]) };
    let told = wrong.try_open().await.err().unwrap().to_string();
    assert!(told.starts_with("the master key does not fit this database"), "{told}");
    database.open().await.check().await.unwrap();
}

pub(crate) async fn a_newer_database_is_refused_in_words(database: &Bench) {
    database.open().await.close().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9001, 'from the future', success, checksum, 0 FROM _sqlx_migrations WHERE version = 1";
    database.sql(newer).await;
    let told = database.try_open().await.err().unwrap().to_string();
    assert!(told.starts_with("the database was made by a newer version of this program"), "{told}");
    assert!(told.contains("step 9001"), "{told}");
}

pub(crate) async fn a_closed_store_says_so(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    store.close().await;
    let write = store.commit(&commit(&house.call(secs(1)), vec![])).await;
    assert_eq!(write.unwrap_err().to_string(), "the database is not available: it is closed");
    let read = Tenants::all(&store).await;
    assert_eq!(read.unwrap_err().to_string(), "the database is not available: it is closed");
    assert!(matches!(store.check().await, Err(StoreFault::Unavailable(_))));
    store.close().await;
}

pub(crate) async fn an_open_store_is_ready(database: &Bench) {
    let store = database.open().await;
    store.check().await.unwrap();
    // Several may have it open: a command beside the server.
    let beside = database.open().await;
    beside.check().await.unwrap();
    let house = house(&store, 1).await;
    assert_eq!(Tenants::all(&beside).await.unwrap(), [house.tenant]);
}

pub(crate) async fn a_caller_who_goes_away_leaves_the_store_working(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    for at in 0..50 {
        let record = house.call(secs(at));
        let commit = commit(&record, vec![CallEvent::Incoming]);
        let mut writing = Box::pin(store.commit(&commit));
        // Polled a few times and dropped: before, while or after it is written.
        for _ in 0..at % 7 {
            tokio::select! {
                biased;
                _ = &mut writing => break,
                () = tokio::task::yield_now() => {}
            }
        }
    }
    store.check().await.unwrap();
    let last = house.call(secs(100));
    store.commit(&commit(&last, vec![CallEvent::Incoming])).await.unwrap();
    // Whole or not at all: as many entries as calls.
    let head = i64::try_from(store.head(&house.tenant.id).await.unwrap()).unwrap();
    assert_eq!(database.count("SELECT COUNT(*) FROM calls").await, head);
    assert_eq!(database.count("SELECT COUNT(*) FROM events").await, head);
}
