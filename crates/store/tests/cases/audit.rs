//! The audit log: what was written stays as it was, or it shows.

use offhook_core::audit::{Actor, AuditPage, Deed, Object, Verdict};
use offhook_core::id::TenantId;
use offhook_core::ports::Audit;
use offhook_store::Store;

use super::calls::together;
use crate::bench::{Bench, House, house, key_id, secs};

fn deed(house: &House, n: u8) -> Deed {
    Deed {
        object: Some(Object::new("api_key", format!("key {n}"))),
        before: Some("{\"name\":\"a\"}".to_owned()),
        after: Some(format!("{{\"name\":\"{n}\"}}")),
        request_id: Some(format!("req_{n}")),
        address: Some(std::net::IpAddr::from([198, 51, 100, n])),
        ..Deed::new(
            &house.tenant.id,
            secs(i64::from(n)),
            Actor::Key(key_id(), "Billing".to_owned()),
            "api_key.revoked",
        )
    }
}

fn all() -> AuditPage {
    AuditPage { limit: 100, ..AuditPage::default() }
}

async fn whole(store: &Store, tenant: &TenantId) -> u64 {
    match store.verify(Some(tenant)).await.unwrap() {
        Verdict::Whole { seq, .. } => seq,
        Verdict::Broken { seq } => panic!("broken at {seq}"),
    }
}

pub(crate) async fn deeds_come_back_newest_first_as_they_were_told(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let deeds = [1, 2, 3].map(|n| deed(&ours, n));
    for (place, deed) in (1..).zip(&deeds) {
        assert_eq!(store.record(deed.clone()).await.unwrap(), place);
    }
    let stranger =
        Deed { tenant: None, actor: Actor::Stranger, action: "session.refused".to_owned(), ..deed(&ours, 9) };
    assert_eq!(store.record(stranger.clone()).await.unwrap(), 1, "the house's own log");
    let entries = store.page(Some(&ours.tenant.id), &all()).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [3, 2, 1]);
    assert!(entries.iter().rev().map(|entry| &entry.deed).eq(&deeds));
    assert_eq!(store.page(None, &all()).await.unwrap()[0].deed, stranger);
    assert_eq!(store.page(Some(&theirs.tenant.id), &all()).await.unwrap(), []);

    let page = AuditPage { before: Some(3), limit: 1, ..AuditPage::default() };
    assert_eq!(store.page(Some(&ours.tenant.id), &page).await.unwrap()[0].seq, 2);
    for (action, found) in
        [("api_key.revoked", 3), ("api_key.", 3), ("api_key.rev", 0), ("api.", 0), ("api_kez.", 0)]
    {
        let page = AuditPage { action: Some(action.to_owned()), ..all() };
        assert_eq!(store.page(Some(&ours.tenant.id), &page).await.unwrap().len(), found, "{action}");
    }
    let actor = deeds[1].actor.id().unwrap().to_owned();
    let page = AuditPage { actor: Some(actor), action: Some("api_key.".to_owned()), ..all() };
    assert_eq!(store.page(Some(&ours.tenant.id), &page).await.unwrap()[0].seq, 2);
}

pub(crate) async fn an_address_is_told_only_with_the_master_key(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    store.record(deed(&ours, 7)).await.unwrap();
    store.record(deed(&ours, 7)).await.unwrap();
    store.record(deed(&theirs, 7)).await.unwrap();
    let hash = |entries: Vec<offhook_core::audit::Entry>| entries[0].address_hash.clone().unwrap();
    let ours = store.page(Some(&ours.tenant.id), &all()).await.unwrap();
    assert_eq!(ours[0].address_hash, ours[1].address_hash, "one address, one hash");
    let theirs = hash(store.page(Some(&theirs.tenant.id), &all()).await.unwrap());
    assert_ne!(hash(ours), theirs, "but not in another tenant's log");
    let told = "SELECT COUNT(*) FROM audit WHERE address_hash LIKE '%198.51.100%'";
    assert_eq!(database.count(told).await, 0);
}

pub(crate) async fn entries_written_at_once_follow_one_another(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let places = together((0..20).map(|n| {
        let (store, deed) = (store.clone(), deed(&house, n));
        async move { store.record(deed).await.unwrap() }
    }))
    .await;
    let mut places = places;
    places.sort_unstable();
    assert!(places.into_iter().eq(1..=20));
    assert_eq!(whole(&store, &house.tenant.id).await, 20);
}

pub(crate) async fn an_entry_cannot_be_changed_or_removed(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    store.record(deed(&house, 1)).await.unwrap();
    for sql in ["UPDATE audit SET action = 'x'", "DELETE FROM audit"] {
        assert!(database.try_sql(sql).await.is_err(), "{sql}");
    }
    assert_eq!(whole(&store, &house.tenant.id).await, 1);
}

pub(crate) async fn whoever_gets_around_that_is_found_out(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    for n in 1..=6 {
        store.record(deed(&house, n)).await.unwrap();
    }
    assert_eq!(whole(&store, &house.tenant.id).await, 6);
    database.unlock_audit().await;
    let log = house.tenant.id.as_str();
    // Each is undone before the next.
    for (harm, cure, at) in [
        (
            "UPDATE audit SET action = 'x' WHERE seq = 3".to_owned(),
            "UPDATE audit SET action = 'api_key.revoked' WHERE seq = 3".to_owned(),
            3,
        ),
        (
            "UPDATE audit SET at = at + 1 WHERE seq = 1".to_owned(),
            "UPDATE audit SET at = at - 1 WHERE seq = 1".to_owned(),
            1,
        ),
        (
            "UPDATE audit SET seq = 100 WHERE seq = 4".to_owned(),
            "UPDATE audit SET seq = 4 WHERE seq = 100".to_owned(),
            4,
        ),
        (
            format!("UPDATE audit_heads SET seq = 5 WHERE log = '{log}'"),
            format!("UPDATE audit_heads SET seq = 6 WHERE log = '{log}'"),
            5,
        ),
        (
            "UPDATE audit SET seq = 7 WHERE seq = 6".to_owned(),
            "UPDATE audit SET seq = 6 WHERE seq = 7".to_owned(),
            6,
        ),
    ] {
        database.sql(&harm).await;
        let verdict = store.verify(Some(&house.tenant.id)).await.unwrap();
        assert_eq!(verdict, Verdict::Broken { seq: at }, "{harm}");
        database.sql(&cure).await;
        assert_eq!(whole(&store, &house.tenant.id).await, 6, "{cure}");
    }
}
