//! Erasing a person: nothing in the database tells of them afterwards, and nobody else misses anything.

use offhook_core::call::{CallRecord, Commit, Glance, State};
use offhook_core::contact::import::{Counts, Import, Progress, Rejected, Row};
use offhook_core::contact::merge::merge;
use offhook_core::contact::timeline::{Entry, Note, What};
use offhook_core::contact::{Contact, Email, Facts};
use offhook_core::event::{CallEvent, ContactEvent, Event};
use offhook_core::hook::{Dress, Next};
use offhook_core::id::{ContactId, ImportId};
use offhook_core::meta::Contacted;
use offhook_core::ports::{
    Calls, Claims, ContactImports, Contacts, Deliveries, Erasure, Events, Inbox, Knock, News,
    PermissionFilter, Permissions, PermissionsAfter, Recordings,
};
use offhook_core::recording::DeletedWhy;
use offhook_store::Store;

use super::{claims, contacts, hooks, permissions, recordings};
use crate::bench::{Bench, House, fresh, house, next, phone, secs, wacid};

/// Everything by which the person of [`scene`] could be known.
pub(crate) const TRACES: [&str; 12] = [
    "447700900123",
    "447700900199",
    "7700 900123",
    "HBgMNDQ3NzAwOTAwMTIz",
    "GB.13491208655302741918",
    "GB.2",
    "zoe@example.com",
    "Zo\u{eb}",
    "zo\u{eb}",
    "O'Neil",
    "ice-pwd:canary",
    "rings at night",
];

fn told(call: &CallRecord, what: CallEvent) -> Event {
    let (id, owner) = (call.id.clone(), call.agent.clone());
    let glance = Some(Box::new(Glance::of(call)));
    Event::Call { call: id, owner, seated: Default::default(), what, glance }
}

async fn called(store: &Store, call: &CallRecord) {
    let commit = Commit { record: call.clone(), events: vec![told(call, CallEvent::Completed)] };
    Calls::commit(store, &commit).await.unwrap();
}

async fn knock(store: &Store, key: &str, raw: String) {
    let news = News::Kept { why: raw.clone() };
    let knock = Knock { key: key.to_owned(), received_at: secs(1), raw, news };
    store.take_in(std::slice::from_ref(&knock)).await.unwrap();
}

fn import(house: &House, at: i64) -> Import {
    Import {
        id: ImportId::from_uuid(fresh()),
        tenant: house.tenant.id.clone(),
        state: Progress::Receiving,
        columns: vec!["phone".to_owned(), "first_name".to_owned()],
        part: 0,
        counts: Counts::default(),
        created_at: secs(at),
        updated_at: secs(at),
    }
}

/// Others, with calls, whose rows move about on the pages.
pub(crate) async fn crowd(store: &Store, house: &House, round: i64) {
    let people = (0..400).map(|n| {
        let number = phone(&format!("+44770090{round}{n:03}"));
        let facts = Facts {
            phone: Some(number),
            first_name: Some(format!("Person {n}")),
            metadata: [("about".to_owned(), "x".repeat(n as usize).into())].into_iter().collect(),
            ..Facts::default()
        };
        contacts::contact(&house.tenant.id, n, facts)
    });
    let people: Vec<Contact> = people.collect();
    store.put_many(&people).await.unwrap();
    for person in people.iter().step_by(5) {
        let mut call = house.call(secs(5));
        call.state = State::Missed;
        call.facts.offer = None;
        call.facts.party.phone.clone_from(&person.facts.phone);
        call.facts.party.contact = Some(Contacted { id: person.id.clone(), name: None });
        called(store, &call).await;
    }
}

/// A company that knows somebody in every way there is.
pub(crate) async fn scene(store: &Store, house: &House) -> ContactId {
    let tenant = &house.tenant.id;
    let zoe = contacts::contact(tenant, 1, contacts::whole());
    store.put(&zoe).await.unwrap();
    store.put(&contacts::changed(&zoe, |facts| facts.last_name = Some("O'Neil".to_owned()))).await.unwrap();
    let mut call = house.full_call(secs(2));
    call.facts.party.contact = Some(Contacted { id: zoe.id.clone(), name: Some("Zo\u{eb}".to_owned()) });
    call.conversation_id = Some("about 447700900123".to_owned());
    called(store, &call).await;
    // Before they were a contact.
    let mut early = house.call(secs(0));
    early.state = State::Missed;
    called(store, &early).await;

    let number = house.number.meta_id.as_str();
    let raw =
        |from: &str| format!("{{\"metadata\":{{\"phone_number_id\":\"{number}\"}},\"from\":\"{from}\"}}");
    knock(store, "their call", raw("447700900123")).await;
    knock(store, "by id", raw("wacid.HBgMNDQ3NzAwOTAwMTIz+\\/==")).await;
    knock(store, "their reply", raw("GB.13491208655302741918")).await;
    let asked = permissions::asked(house, "+447700900123", secs(3));
    Permissions::commit(store, &asked).await.unwrap();

    let hook = hooks::added(store, &hooks::hook(house, Dress::Orbit)).await;
    let threads = [format!("{}/447700900123", house.number.id), call.id.to_string(), "other".to_owned()];
    let made: Vec<_> = threads.iter().zip(1..).map(|(thread, seq)| hooks::made(seq, thread)).collect();
    store.advance(&hook.id, hook.place, hook.place + 3, &made, secs(4)).await.unwrap();
    let mut tried = hooks::settled(2, Next::Again(secs(9)), secs(5));
    tried.attempt.response_body = Some("who is +447700900123?".to_owned());
    store.settle(&hook.id, &[tried], hook.health, None).await.unwrap();

    let claim = claims::claim(house, 1, secs(6));
    store.claim(&claim).await.unwrap();
    Claims::answer(store, &claim, &claims::canary()).await.unwrap();

    let file = import(house, 7);
    ContactImports::begin(store, &file, secs(0), secs(0)).await.unwrap();
    let cells = |phone: &str, name: &str| vec![phone.to_owned(), name.to_owned()];
    let row = Row { line: 2, cells: cells("+44 7700 900123", "Zo\u{eb}"), wrong: None };
    store.add_part(&file, 0, &[row]).await.unwrap();
    store.arrived(&file, Some(2)).await.unwrap();
    let rejected = |line, phone, name| Rejected { line, reason: "so".to_owned(), cells: cells(phone, name) };
    let rows = [rejected(2, "+44 7700 900123", "Zo\u{eb}"), rejected(3, "1", "Stays")];
    let over = Import { state: Progress::Completed, part: 1, ..file };
    store.go_on(&over, &[], &rows).await.unwrap();

    let note = Note { id: "1".to_owned(), author: None, text: "rings at night".to_owned() };
    store.add_note(tenant, &zoe.id, &Entry { at: secs(8), what: What::Note(note) }).await.unwrap();
    zoe.id
}

pub(crate) async fn whoever_is_erased_is_told_of_nowhere(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    let id = scene(&store, &house).await;
    for trace in &TRACES[..1] {
        assert!(!database.tables_with(trace).await.is_empty(), "the search finds what is there: {trace}");
    }
    let erased = store.erase(tenant, &id, secs(100)).await.unwrap();
    let Erasure::Erased(logged) = erased else { panic!("{erased:?}") };
    assert!(matches!(&logged[0].event, Event::Contact { what: ContactEvent::Deleted, facts: None, .. }));
    for trace in TRACES {
        assert_eq!(database.tables_with(trace).await, Vec::<String>::new(), "{trace}");
    }
    // That there were calls, and what they cost, stays.
    let page = offhook_core::ports::PageAfter { after: None, limit: 10 };
    let calls = Calls::list(&store, tenant, &Default::default(), &page).await.unwrap().calls;
    assert_eq!(calls.len(), 2);
    assert_eq!((calls[0].duration_secs(), calls[0].facts.bill.is_some()), (Some(30), true));
    assert_eq!(calls[0].facts.party, Default::default());
    // The log is as long as it was, and says so much as it may.
    let log = store.after(tenant, 0, 100).await.unwrap();
    assert_eq!(log.last().unwrap().seq, log.len() as u64);
    assert_eq!(database.count("SELECT COUNT(*) FROM contact_import_rejected WHERE reason = 'so'").await, 1);
    assert_eq!(database.count("SELECT COUNT(*) FROM deliveries").await, 2);
    assert_eq!(database.count("SELECT COUNT(*) FROM claims").await, 0);
    assert_eq!(store.erase(tenant, &id, secs(101)).await.unwrap(), Erasure::Unknown);
}

pub(crate) async fn nobody_is_erased_while_something_goes_on(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    let id = scene(&store, &house).await;
    let erase = async || store.erase(tenant, &id, secs(100)).await.unwrap();

    let live = house.call(secs(20));
    called(&store, &live).await;
    assert_eq!(erase().await, Erasure::Busy);
    called(&store, &next(&live, State::Missed)).await;

    let file = import(&house, 21);
    ContactImports::begin(&store, &file, secs(0), secs(0)).await.unwrap();
    assert_eq!(erase().await, Erasure::Importing);
    store.arrived(&file, None).await.unwrap();

    let mut recording = recordings::starting(&house, secs(22));
    recording.call = live.id.clone();
    let recording = recordings::finished(&recording, &house);
    store.insert(&recording).await.unwrap();
    assert_eq!(erase().await, Erasure::Recorded(vec![live.id.clone()]));
    store.update(&recording.into_deleted(secs(30), DeletedWhy::Erased)).await.unwrap();
    assert!(matches!(erase().await, Erasure::Erased(_)));
}

pub(crate) async fn others_keep_what_they_know(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await, house(&store, 2).await);
    let id = {
        let zoe = contacts::contact(&ours.tenant.id, 1, contacts::whole());
        store.put(&zoe).await.unwrap();
        zoe.id
    };
    let known = scene(&store, &theirs).await;
    let near = Facts { phone: Some(phone("+447700900124")), ..Facts::default() };
    let near = contacts::contact(&ours.tenant.id, 2, near);
    store.put(&near).await.unwrap();
    let mut call = ours.call(secs(3));
    call.state = State::Missed;
    call.facts.party.phone = near.facts.phone.clone();
    called(&store, &call).await;

    let before = store.after(&theirs.tenant.id, 0, 100).await.unwrap();
    assert!(matches!(store.erase(&ours.tenant.id, &id, secs(100)).await.unwrap(), Erasure::Erased(_)));
    assert_eq!(store.after(&theirs.tenant.id, 0, 100).await.unwrap(), before);
    let zoe = Contacts::load(&store, &theirs.tenant.id, &known).await.unwrap().unwrap();
    assert_eq!(zoe.facts.phone, Some(phone("+447700900123")));
    let page = PermissionsAfter { after: None, limit: 10 };
    let asked =
        Permissions::list(&store, &theirs.tenant.id, &PermissionFilter::default(), &page).await.unwrap();
    assert_eq!(asked.permissions.len(), 1);
    assert_eq!(database.count("SELECT COUNT(*) FROM inbox WHERE raw <> '{}'").await, 3);
    assert_eq!(Calls::load(&store, &ours.tenant.id, &call.id).await.unwrap(), Some(call));
    assert_eq!(Contacts::load(&store, &ours.tenant.id, &near.id).await.unwrap(), Some(near));
}

pub(crate) async fn whom_a_contact_took_in_is_erased_with_it(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    let person = |at, number: &str, email: &str| {
        let facts = Facts { phone: Some(phone(number)), email: Email::parse(email), ..Facts::default() };
        contacts::contact(tenant, at, facts)
    };
    let (one, two) =
        (person(1, "+447700900401", "one@example.com"), person(2, "+447700900402", "two@example.com"));
    store.put_many(&[one.clone(), two.clone()]).await.unwrap();
    store.put(&contacts::changed(&two, |facts| facts.last_name = Some("Twofold".to_owned()))).await.unwrap();
    Permissions::commit(&store, &permissions::asked(&house, "+447700900402", secs(3))).await.unwrap();
    let two = Contact { version: 2, ..two };
    store
        .merge(&merge(&one, std::slice::from_ref(&two), secs(4)), std::slice::from_ref(&two.id))
        .await
        .unwrap();
    // A number the contact once had is somebody else's by now.
    let mut call = house.call(secs(5));
    call.state = State::Missed;
    call.facts.wacid = Some(wacid("wacid.other"));
    call.facts.party.phone = Some(phone("+447700900403"));
    call.facts.party.contact = Some(Contacted { id: one.id.clone(), name: None });
    called(&store, &call).await;
    Permissions::commit(&store, &permissions::asked(&house, "+447700900403", secs(6))).await.unwrap();
    // So is a further one that was taken out.
    let one_now = Contacts::load(&store, tenant, &one.id).await.unwrap().unwrap();
    let with = contacts::changed(&one_now, |facts| {
        facts.other_phones.insert(phone("+447700900404"));
    });
    store.put(&with).await.unwrap();
    let without = contacts::changed(&with, |facts| {
        facts.other_phones.remove(&phone("+447700900404"));
    });
    store.put(&without).await.unwrap();
    let mut heir = person(6, "+447700900403", "heir@example.com");
    heir.facts.other_phones.insert(phone("+447700900404"));
    store.put(&heir).await.unwrap();
    let mut heirs = house.call(secs(7));
    heirs.state = State::Missed;
    heirs.facts.wacid = Some(wacid("wacid.heir"));
    heirs.facts.party.phone = Some(phone("+447700900404"));
    heirs.facts.party.contact = Some(Contacted { id: heir.id.clone(), name: None });
    called(&store, &heirs).await;

    assert!(matches!(store.erase(tenant, &one.id, secs(100)).await.unwrap(), Erasure::Erased(_)));
    for trace in ["447700900401", "447700900402", "one@example", "two@example", "Twofold", "twofold"] {
        assert_eq!(database.tables_with(trace).await, Vec::<String>::new(), "{trace}");
    }
    assert_eq!(Contacts::load(&store, tenant, &heir.id).await.unwrap(), Some(heir));
    assert_eq!(Calls::load(&store, tenant, &heirs.id).await.unwrap(), Some(heirs));
    let page = PermissionsAfter { after: None, limit: 10 };
    let asked = Permissions::list(&store, tenant, &PermissionFilter::default(), &page).await.unwrap();
    assert_eq!(asked.permissions.iter().map(|it| it.phone.reveal()).collect::<Vec<_>>(), ["+447700900403"]);
    let left = Calls::load(&store, tenant, &call.id).await.unwrap().unwrap();
    assert_eq!(left.facts.party, Default::default());
}
