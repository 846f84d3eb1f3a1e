//! Accounts: keys and people that are managed, sessions, and the count of changes to rights.

use offhook_core::audit::{Actor, AuditPage, Deed, Object};
use offhook_core::house::{ApiKey, KeyKind, KeyMode, Role};
use offhook_core::id::{TenantId, UserId};
use offhook_core::ports::{
    Audit, Changed, Keys, NewKey, Opener, People, PersonChange, Removal, Sessions, StoreFault, Ticket,
};
use offhook_store::Store;

use super::calls::together;
use super::secrets::new_key;
use crate::bench::{Bench, House, PASSWORD, house, key_id, new_person, secs};

fn deed(house: &House, action: &str) -> Option<Deed> {
    let actor = Actor::Person(house.agent.id.clone(), house.agent.name.clone());
    Some(Deed::new(&house.tenant.id, secs(5), actor, action))
}

async fn audited(store: &Store, tenant: &TenantId) -> Vec<String> {
    let page = AuditPage { limit: 100, ..AuditPage::default() };
    let mut entries = store.page(Some(tenant), &page).await.unwrap();
    entries.reverse();
    entries.into_iter().map(|entry| entry.deed.action).collect()
}

pub(crate) async fn a_key_comes_back_as_it_was_made(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let key = ApiKey {
        scopes: vec!["calls:*".to_owned()],
        mode: KeyMode::Test,
        kind: KeyKind::Public,
        number: Some(ours.number.id.clone()),
        allowed_ips: ["198.51.100.7/32", "2001:db8:40::/48"].map(|net| net.parse().unwrap()).to_vec(),
        name: "Web \u{1F600} page".to_owned(),
        ..ApiKey::new(key_id(), ours.tenant.id.clone(), Role::Viewer)
    };
    let made_by = Some(ours.agent.id.as_str().to_owned());
    let new =
        NewKey { made_by: made_by.clone(), expires_at: Some(secs(100)), ..NewKey::of(key.clone(), secs(3)) };
    let text = store.mint(NewKey { deed: deed(&ours, "api_key.created"), ..new }).await.unwrap().text;
    assert!(text.starts_with("wab_test_pk_"));
    let card = Keys::load(&store, &ours.tenant.id, &key.id).await.unwrap().unwrap();
    assert_eq!((&card.key, &card.made_by), (&key, &made_by));
    assert_eq!((card.created_at, card.expires_at), (secs(3), Some(secs(100))));
    assert_eq!((card.last_used_at, card.revoked_at), (None, None));
    assert_eq!(Keys::check(&store, &text, secs(99)).await.unwrap(), Some(key.clone()));

    store.used(&key.id, secs(60)).await.unwrap();
    store.used(&key.id, secs(30)).await.unwrap();
    let later = store.mint(new_key(&ours)).await.unwrap().id;
    let all = Keys::all(&store, &ours.tenant.id).await.unwrap();
    assert_eq!(all.iter().map(|card| &card.key.id).collect::<Vec<_>>(), [&key.id, &later], "newest first");
    assert_eq!(all[0].last_used_at, Some(secs(60)));

    let them = &theirs.tenant.id;
    assert_eq!(Keys::all(&store, them).await.unwrap(), []);
    assert_eq!(Keys::load(&store, them, &key.id).await.unwrap(), None);
    assert_eq!(store.revoke(them, &key.id, secs(9), deed(&theirs, "api_key.revoked")).await.unwrap(), None);
    assert_eq!(store.set_allowed_ips(them, &key.id, vec![], None).await.unwrap(), None);
    assert_eq!(audited(&store, &ours.tenant.id).await, ["api_key.created"]);
    assert!(audited(&store, them).await.is_empty(), "what did not happen is not written down");
    assert_eq!(Keys::check(&store, &text, secs(99)).await.unwrap(), Some(key));
}

pub(crate) async fn a_revoked_key_stays_revoked(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let us = &house.tenant.id;
    let minted = store.mint(new_key(&house)).await.unwrap();
    let before = store.rights_version(us).await.unwrap();
    let card = store.revoke(us, &minted.id, secs(7), deed(&house, "api_key.revoked")).await.unwrap().unwrap();
    assert_eq!(card.revoked_at, Some(secs(7)));
    assert!(store.rights_version(us).await.unwrap() > before);
    assert_eq!(Keys::check(&store, &minted.text, secs(8)).await.unwrap(), None);
    assert_eq!(store.revoke(us, &minted.id, secs(9), deed(&house, "api_key.revoked")).await.unwrap(), None);
    assert_eq!(store.set_allowed_ips(us, &minted.id, vec![], None).await.unwrap(), None);
    assert_eq!(audited(&store, us).await, ["api_key.revoked"]);
}

pub(crate) async fn a_replaced_key_works_until_its_time_is_over(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let old = store.mint(new_key(&house)).await.unwrap();
    let new = NewKey { replaces: Some((old.id.clone(), secs(100))), ..new_key(&house) };
    let new = store.mint(new).await.unwrap();
    for (text, at, works) in
        [(&old.text, 99, true), (&old.text, 100, false), (&new.text, 99, true), (&new.text, 1_000, true)]
    {
        assert_eq!(Keys::check(&store, text, secs(at)).await.unwrap().is_some(), works, "{at}");
    }
    // A key that ends sooner anyway does not live longer for being replaced.
    let again = NewKey { replaces: Some((old.id.clone(), secs(500))), ..new_key(&house) };
    store.mint(again).await.unwrap();
    assert_eq!(Keys::check(&store, &old.text, secs(200)).await.unwrap(), None);
}

pub(crate) async fn an_allow_list_is_replaced_whole(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let us = &house.tenant.id;
    let minted = store.mint(new_key(&house)).await.unwrap();
    for list in [&["192.0.2.0/24"][..], &["198.51.100.7/32", "2001:db8::/32"], &[]] {
        let nets: Vec<ipnet::IpNet> = list.iter().map(|net| net.parse().unwrap()).collect();
        let deed = deed(&house, "api_key.allowed_ips_updated");
        let card = store.set_allowed_ips(us, &minted.id, nets.clone(), deed).await.unwrap().unwrap();
        assert_eq!(card.key.allowed_ips, nets);
        let checked = Keys::check(&store, &minted.text, secs(1)).await.unwrap().unwrap();
        assert_eq!(checked.allowed_ips, nets);
    }
}

fn change(house: &House, id: &UserId) -> PersonChange {
    PersonChange {
        tenant: house.tenant.id.clone(),
        id: id.clone(),
        name: None,
        role: None,
        password: None,
        spare: None,
        deed: None,
    }
}

pub(crate) async fn a_person_is_changed_with_the_deed(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let (us, ann) = (&house.tenant.id, &house.agent);
    let kept = Sessions::open(&store, ann, secs(0), secs(100)).await.unwrap();
    let lost = Sessions::open(&store, ann, secs(0), secs(100)).await.unwrap();
    let renamed = PersonChange {
        name: Some("Anna".to_owned()),
        deed: deed(&house, "person.changed"),
        ..change(&house, &ann.id)
    };
    let Changed::Done(anna) = store.change(renamed).await.unwrap() else { panic!("not changed") };
    assert_eq!((anna.name.as_str(), anna.role), ("Anna", ann.role));
    for secret in [&kept, &lost] {
        assert!(Sessions::opened(&store, secret, secs(1)).await.unwrap().is_some(), "a name ends no session");
    }

    let spare = Sessions::opened(&store, &kept, secs(1)).await.unwrap().map(|session| session.id);
    let new_password = "another canary battery staple";
    let before = store.rights_version(us).await.unwrap();
    let reset = PersonChange {
        role: Some(Role::Developer),
        password: Some(new_password.to_owned()),
        spare,
        deed: deed(&house, "person.changed"),
        ..change(&house, &ann.id)
    };
    let Changed::Done(changed) = store.change(reset).await.unwrap() else { panic!("not changed") };
    assert_eq!(changed.role, Role::Developer);
    assert!(store.rights_version(us).await.unwrap() > before);
    assert_eq!(store.sign_in(&ann.email, PASSWORD).await.unwrap(), None);
    assert_eq!(store.sign_in(&ann.email, new_password).await.unwrap(), Some(changed.clone()));
    let standing = Sessions::opened(&store, &kept, secs(1)).await.unwrap().unwrap();
    assert_eq!(standing.person, changed, "sessions show people as they are now");
    assert_eq!(Sessions::opened(&store, &lost, secs(1)).await.unwrap(), None);
    assert_eq!(audited(&store, us).await, ["person.changed", "person.changed"]);

    let stranger = super::super::bench::house(&store, 2).await;
    let across = PersonChange { name: Some("x".to_owned()), ..change(&stranger, &ann.id) };
    assert_eq!(store.change(across).await.unwrap(), Changed::Unknown);
}

pub(crate) async fn a_removed_person_is_gone_with_their_sessions(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let (us, ann) = (&house.tenant.id, &house.agent);
    let session = Sessions::open(&store, ann, secs(0), secs(100)).await.unwrap();
    let by = Sessions::opened(&store, &session, secs(1)).await.unwrap().map(|it| Opener::Session(it.id));
    let ticket = Ticket { person: ann.clone(), until: secs(60), by };
    let ticket = store.issue_ticket(&ticket).await.unwrap();
    let mut keys = Vec::new();
    for made_by in [Some(ann.id.as_str().to_owned()), None] {
        keys.push(store.mint(NewKey { made_by, ..new_key(&house) }).await.unwrap().text);
    }
    let removal = Removal {
        tenant: us.clone(),
        id: ann.id.clone(),
        revoke_keys: true,
        at: secs(5),
        deed: deed(&house, "person.removed"),
    };
    let elsewhere =
        Removal { tenant: super::super::bench::house(&store, 2).await.tenant.id, ..removal.clone() };
    assert_eq!(store.remove(elsewhere).await.unwrap(), Changed::Unknown);
    assert_eq!(store.remove(removal.clone()).await.unwrap(), Changed::Done(ann.clone()));
    assert_eq!(store.remove(removal).await.unwrap(), Changed::Unknown);
    assert_eq!(People::load(&store, us, &ann.id).await.unwrap(), None);
    assert_eq!(Sessions::opened(&store, &session, secs(1)).await.unwrap(), None);
    assert_eq!(store.take_ticket(&ticket, secs(1)).await.unwrap(), None);
    assert_eq!(store.sign_in(&ann.email, PASSWORD).await.unwrap(), None);
    assert_eq!(Keys::check(&store, &keys[0], secs(6)).await.unwrap(), None, "a key of theirs");
    assert!(Keys::check(&store, &keys[1], secs(6)).await.unwrap().is_some(), "somebody else's");
    People::add(&store, new_person(&house.tenant, &ann.email)).await.unwrap();
}

pub(crate) async fn the_last_owner_stays(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let owner = |email: &str| offhook_core::ports::NewPerson {
        role: Role::Owner,
        ..new_person(&house.tenant, email)
    };
    let first = People::add(&store, owner("first@example.com")).await.unwrap();
    let demoted = |id: &UserId| PersonChange {
        role: Some(Role::Admin),
        deed: deed(&house, "person.changed"),
        ..change(&house, id)
    };
    let removed = |id: &UserId| Removal {
        tenant: house.tenant.id.clone(),
        id: id.clone(),
        revoke_keys: false,
        at: secs(5),
        deed: deed(&house, "person.removed"),
    };
    assert_eq!(store.change(demoted(&first.id)).await.unwrap(), Changed::LastOwner);
    assert_eq!(store.remove(removed(&first.id)).await.unwrap(), Changed::LastOwner);
    assert!(audited(&store, &house.tenant.id).await.is_empty());
    let second = People::add(&store, owner("second@example.com")).await.unwrap();
    // Two owners who take each other's role at the same time: one stays.
    let outcomes = together([first.id, second.id].map(|id| {
        let (store, change) = (store.clone(), demoted(&id));
        async move { store.change(change).await.unwrap() }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Changed::LastOwner).count(), 1, "{outcomes:?}");
    let people = People::all(&store, &house.tenant.id).await.unwrap();
    assert_eq!(people.iter().filter(|person| person.role == Role::Owner).count(), 1);
}

pub(crate) async fn a_session_remembers_when_it_was_used(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let secret = Sessions::open(&store, &house.agent, secs(0), secs(10_000)).await.unwrap();
    let session = Sessions::opened(&store, &secret, secs(1)).await.unwrap().unwrap();
    assert_eq!(session.seen_at, secs(0));
    store.touch(&session.id, secs(600)).await.unwrap();
    store.touch(&session.id, secs(300)).await.unwrap();
    let session = store.standing(&session.id, secs(601)).await.unwrap().unwrap();
    assert_eq!(session.seen_at, secs(600));
    let before = store.rights_version(&house.tenant.id).await.unwrap();
    Sessions::close(&store, &secret).await.unwrap();
    assert_eq!(store.standing(&session.id, secs(601)).await.unwrap(), None);
    assert!(store.rights_version(&house.tenant.id).await.unwrap() > before);
}

pub(crate) async fn a_ticket_says_what_it_was_given_for(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let session = Sessions::open(&store, &house.agent, secs(0), secs(100)).await.unwrap();
    let session = Sessions::opened(&store, &session, secs(1)).await.unwrap().unwrap().id;
    for by in [None, Some(Opener::Session(session)), Some(Opener::Key(key_id()))] {
        let ticket = Ticket { person: house.agent.clone(), until: secs(60), by };
        let secret = store.issue_ticket(&ticket).await.unwrap();
        assert_eq!(store.take_ticket(&secret, secs(1)).await.unwrap(), Some(ticket));
    }
}

pub(crate) async fn a_refused_change_writes_nothing_down(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let taken = offhook_core::ports::NewPerson {
        deed: deed(&house, "person.added"),
        ..new_person(&house.tenant, &house.agent.email)
    };
    assert!(matches!(People::add(&store, taken).await, Err(StoreFault::Exists(_))));
    assert!(audited(&store, &house.tenant.id).await.is_empty());
    let added = offhook_core::ports::NewPerson {
        deed: deed(&house, "person.added")
            .map(|deed| Deed { object: Some(Object::new("person", "x")), ..deed }),
        ..new_person(&house.tenant, "new@example.com")
    };
    People::add(&store, added).await.unwrap();
    assert_eq!(audited(&store, &house.tenant.id).await, ["person.added"]);
}
