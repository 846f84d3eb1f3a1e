//! Contacts: what comes back, who is found, what is counted, and whose they are.

use offhook_core::contact::rule::{Field, Rule, Scalar, Side, Test};
use offhook_core::contact::segment::{ContactList, Segment};
use offhook_core::contact::timeline::{Entry, Note, What};
use offhook_core::contact::{Channel, Contact, Email, Facts};
use offhook_core::event::{Consent, ContactEvent, Event, Logged};
use offhook_core::id::{ContactId, ListId, SegmentId, TenantId};
use offhook_core::meta::Contacted;
use offhook_core::permission::News;
use offhook_core::ports::{
    CallFilter, Calls, ContactFilter, ContactGroups, ContactKeys, Contacts, ContactsAfter, Erasure,
    PageAfter, Permissions, StoreFault,
};
use offhook_core::search::Search;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::bench::{Bench, commit, fresh, house, phone, secs};

const FIRST: ContactsAfter = ContactsAfter { after: None, limit: 200 };

pub(super) fn contact(tenant: &TenantId, at: i64, facts: Facts) -> Contact {
    let id = ContactId::from_uuid(fresh());
    Contact { id, tenant: tenant.clone(), version: 1, facts, created_at: secs(at), updated_at: secs(at) }
}

pub(super) fn named(tenant: &TenantId, at: i64, name: &str) -> Contact {
    contact(tenant, at, Facts { first_name: Some(name.to_owned()), ..Facts::default() })
}

pub(super) fn changed(contact: &Contact, change: impl FnOnce(&mut Facts)) -> Contact {
    let mut later = Contact { version: contact.version + 1, ..contact.clone() };
    change(&mut later.facts);
    later
}

pub(super) fn whole() -> Facts {
    Facts {
        phone: Some(phone("+447700900123")),
        email: Email::parse("zoe@example.com"),
        first_name: Some("Zoë 🙂".to_owned()),
        last_name: Some("O'Neil \"x\"".to_owned()),
        profile_name: Some("שלום".to_owned()),
        country_code: Some("GB".to_owned()),
        lifecycle_stage: Some("lead".to_owned()),
        tags: vec!["vip".to_owned(), "über".to_owned()],
        metadata: json!({"plan": {"name": "pro"}, "seats": 3, "ok": true, "list": [1, "a"]})
            .as_object()
            .unwrap()
            .clone(),
        preferences: [(Channel::Sms, false), (Channel::Email, true)].into(),
        user_ids: ["GB.1".to_owned(), "GB.2".to_owned()].into(),
        other_phones: [phone("+447700900199")].into(),
    }
}

fn told(logged: &[Logged]) -> Vec<ContactEvent> {
    let what = logged.iter().filter_map(|entry| match &entry.event {
        Event::Contact { what, .. } => Some(what.clone()),
        _ => None,
    });
    what.collect()
}

async fn all(store: &impl Contacts, tenant: &TenantId, filter: &ContactFilter) -> Vec<Contact> {
    Contacts::list(store, tenant, filter, &FIRST).await.unwrap().contacts
}

pub(crate) async fn a_contact_comes_back_as_it_was_written_and_is_found_by_every_key(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let one = contact(&tenant, 10, whole());
    let out = ContactEvent::OptedOut { channel: Channel::Sms };
    assert_eq!(told(&store.put(&one).await.unwrap()), [ContactEvent::Created, out]);
    assert_eq!(Contacts::load(&store, &tenant, &one.id).await.unwrap().as_ref(), Some(&one));

    let by = |keys: ContactKeys| {
        let (store, tenant) = (store.clone(), tenant.clone());
        async move { store.known(&tenant, &keys).await.unwrap() }
    };
    let one_of = std::slice::from_ref(&one);
    assert_eq!(
        by(ContactKeys { phones: vec![phone("+447700900123")], ..ContactKeys::default() }).await,
        one_of
    );
    let emails = vec![Email::parse("ZOE@example.com").unwrap()];
    assert_eq!(by(ContactKeys { emails, ..ContactKeys::default() }).await, one_of);
    assert_eq!(by(ContactKeys { user_ids: vec!["GB.2".to_owned()], ..ContactKeys::default() }).await, one_of);
    assert_eq!(by(ContactKeys { user_ids: vec!["GB.3".to_owned()], ..ContactKeys::default() }).await, []);

    let later = changed(&one, |facts| {
        facts.user_ids.remove("GB.2");
        facts.tags = vec!["new".to_owned()];
        facts.preferences.insert(Channel::Sms, true);
    });
    let back = ContactEvent::OptedIn { channel: Channel::Sms };
    assert_eq!(told(&store.put(&later).await.unwrap()), [ContactEvent::Updated, back]);
    assert_eq!(Contacts::load(&store, &tenant, &one.id).await.unwrap().as_ref(), Some(&later));
    assert_eq!(by(ContactKeys { user_ids: vec!["GB.2".to_owned()], ..ContactKeys::default() }).await, []);
}

pub(crate) async fn no_two_contacts_share_a_key(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    store.put(&contact(&tenant, 10, whole())).await.unwrap();
    let same_phone = Facts { phone: Some(phone("+447700900123")), ..Facts::default() };
    let same_email = Facts { email: Email::parse("zoe@example.com"), ..Facts::default() };
    let same_id = Facts { user_ids: ["GB.1".to_owned()].into(), ..Facts::default() };
    for facts in [same_phone, same_email, same_id] {
        let refused = store.put(&contact(&tenant, 11, facts)).await.unwrap_err();
        assert!(matches!(refused, StoreFault::Exists(_)), "{refused}");
    }
    assert_eq!(store.count(&tenant, &ContactFilter::default(), 10_000).await.unwrap().unwrap(), 1);

    let further = |numbers: &[&str]| Facts {
        email: Email::parse("two@example.com"),
        other_phones: numbers.iter().map(|number| phone(number)).collect(),
        ..Facts::default()
    };
    let first = |number| Facts { phone: Some(phone(number)), ..Facts::default() };
    let refused = store.put(&contact(&tenant, 13, further(&["+447700900123"]))).await.unwrap_err();
    assert!(matches!(refused, StoreFault::Exists(_)), "another's first number: {refused}");
    let two = contact(&tenant, 13, further(&["+447700900124", "+447700900125"]));
    store.put(&two).await.unwrap();
    for facts in [first("+447700900125"), Facts { email: None, ..further(&["+447700900124"]) }] {
        let refused = store.put(&contact(&tenant, 14, facts)).await.unwrap_err();
        assert!(matches!(refused, StoreFault::Exists(_)), "another's further number: {refused}");
    }
    let keys = ContactKeys { phones: vec![phone("+447700900125")], ..ContactKeys::default() };
    assert_eq!(store.known(&tenant, &keys).await.unwrap(), std::slice::from_ref(&two));
    let fewer = changed(&two, |facts| facts.other_phones = [phone("+447700900124")].into());
    store.put(&fewer).await.unwrap();
    store
        .put(&contact(&tenant, 15, first("+447700900125")))
        .await
        .expect("a number that was given up is free");

    let other = house(&store, 2).await.tenant.id;
    store.put(&contact(&other, 12, whole())).await.expect("another company may know the same person");
}

pub(crate) async fn of_changes_racing_for_one_version_exactly_one_wins(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let one = named(&tenant, 10, "Ana");
    store.put(&one).await.unwrap();
    let rivals: Vec<Contact> =
        (0..8).map(|n| changed(&one, |facts| facts.first_name = Some(format!("Ana {n}")))).collect();
    let puts = rivals.iter().map(|rival| store.put(rival));
    let done = futures_of(puts).await;
    assert_eq!(done.iter().filter(|put| put.is_ok()).count(), 1);
    assert!(
        done.iter().flat_map(|put| put.as_ref().err()).all(|fault| matches!(fault, StoreFault::Conflict))
    );
}

async fn futures_of<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in futures.iter_mut().zip(&mut done).filter(|(_, done)| done.is_none()) {
            if let std::task::Poll::Ready(output) = future.as_mut().poll(context) {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

pub(crate) async fn people_are_found_by_any_part_of_name_number_or_address(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let zoe = contact(&tenant, 10, whole());
    let jane = Facts {
        first_name: Some("Jane".to_owned()),
        last_name: Some("Doe_100%".to_owned()),
        email: Email::parse("jd@example.org"),
        ..Facts::default()
    };
    let jane = contact(&tenant, 11, jane);
    store.put(&zoe).await.unwrap();
    store.put(&jane).await.unwrap();
    let check = |search: &str, expected: Vec<Contact>| {
        let (store, tenant) = (store.clone(), tenant.clone());
        let filter = ContactFilter { search: Some(search.to_owned()), ..ContactFilter::default() };
        async move {
            assert_eq!(all(&store, &tenant, &filter).await, expected, "{:?}", filter.search);
            let count = store.count(&tenant, &filter, 10_000).await.unwrap().unwrap();
            assert_eq!(count, expected.len() as u64);
        }
    };
    check("jane", vec![jane.clone()]).await;
    check("JANE doe", vec![jane.clone()]).await;
    check("zoë", vec![zoe.clone()]).await;
    check("ZOË", vec![zoe.clone()]).await;
    check("900123", vec![zoe.clone()]).await;
    check("example", vec![jane.clone(), zoe.clone()]).await;
    check("jd@", vec![jane.clone()]).await;
    check("oe", vec![jane.clone(), zoe.clone()]).await;
    check("100%", vec![jane.clone()]).await;
    check("e_1", vec![jane.clone()]).await;
    check("%", vec![jane.clone()]).await;
    check("\"x\"", vec![zoe.clone()]).await;
    check("שלום", vec![zoe.clone()]).await;
    check("nobody", vec![]).await;
    let renamed = changed(&jane, |facts| facts.first_name = Some("Joan".to_owned()));
    store.put(&renamed).await.unwrap();
    check("jane", vec![]).await;
    check("joan", vec![renamed]).await;
}

pub(crate) async fn pages_are_whole_while_contacts_come_in(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let first: Vec<Contact> = (0..120).map(|n| named(&tenant, n, &format!("Contact {n}"))).collect();
    store.put_many(&first).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = ContactsAfter { after, limit: 25 };
        let page = Contacts::list(&store, &tenant, &ContactFilter::default(), &page).await.unwrap();
        seen.extend(page.contacts.into_iter().map(|contact| contact.id));
        store.put(&named(&tenant, 500 + seen.len() as i64, "New")).await.unwrap();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<ContactId> = first.into_iter().rev().map(|contact| contact.id).collect();
    assert_eq!(seen, expected);
    assert_eq!(store.count(&tenant, &ContactFilter::default(), 10_000).await.unwrap().unwrap(), 125);
}

pub(crate) async fn every_filter_narrows(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let zoe = contact(&tenant, 10, whole());
    let plain = named(&tenant, 20, "Plain");
    store.put(&zoe).await.unwrap();
    store.put(&plain).await.unwrap();
    let any = ContactFilter::default;
    let zoe_only = [
        ContactFilter { lifecycle_stage: Some("lead".to_owned()), ..any() },
        ContactFilter { country_code: Some("GB".to_owned()), ..any() },
        ContactFilter { tags: vec!["none".to_owned(), "vip".to_owned()], ..any() },
        ContactFilter { has_phone: Some(true), ..any() },
        ContactFilter { has_email: Some(true), ..any() },
        ContactFilter { until: Some(secs(20)), ..any() },
        ContactFilter { opted_out: Some(None), ..any() },
        ContactFilter { opted_out: Some(Some(Channel::Sms)), ..any() },
    ];
    for filter in zoe_only {
        assert_eq!(all(&store, &tenant, &filter).await, std::slice::from_ref(&zoe), "{filter:?}");
        assert_eq!(store.count(&tenant, &filter, 10_000).await.unwrap().unwrap(), 1);
    }
    let plain_only = [
        ContactFilter { has_phone: Some(false), ..any() },
        ContactFilter { has_email: Some(false), ..any() },
        ContactFilter { from: Some(secs(11)), ..any() },
    ];
    for filter in plain_only {
        assert_eq!(all(&store, &tenant, &filter).await, std::slice::from_ref(&plain), "{filter:?}");
    }
    let email = ContactFilter { opted_out: Some(Some(Channel::Email)), ..any() };
    assert_eq!(all(&store, &tenant, &email).await, []);
}

fn words() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "a", "A", "ab", "Ab b", "é", "É", "+4", "4", "true", "3", "zz", "zÉAb b", "aB B",
    ])
    .prop_map(str::to_owned)
}

fn maybe() -> impl Strategy<Value = Option<String>> {
    prop::option::of(words())
}

fn data() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        words().prop_map(Value::from),
        (-2i64..4).prop_map(Value::from),
        prop::sample::select(vec![0.5, 3.0, -1.25]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    prop_oneof![
        3 => leaf.clone(),
        1 => prop::collection::vec(leaf.clone(), 0..3).prop_map(Value::from),
        1 => leaf.prop_map(|value| json!({"k": value})),
    ]
}

fn people() -> impl Strategy<Value = Facts> {
    let names = (maybe(), maybe(), maybe(), maybe());
    let rest =
        (prop::collection::btree_set(words(), 0..3), prop::option::of(data()), prop::option::of(data()));
    (names, rest).prop_map(|((first_name, last_name, profile_name, lifecycle_stage), (tags, m, n))| {
        let mut metadata = serde_json::Map::new();
        metadata.extend(m.map(|value| ("m".to_owned(), value)));
        metadata.extend(n.map(|value| ("n".to_owned(), value)));
        let tags = tags.into_iter().collect();
        Facts { first_name, last_name, profile_name, lifecycle_stage, tags, metadata, ..Facts::default() }
    })
}

fn scalars() -> impl Strategy<Value = Scalar> {
    prop_oneof![
        words().prop_map(Scalar::Text),
        prop::sample::select(vec![-1.25, 0.5, 2.0, 3.0]).prop_map(Scalar::Number),
        any::<bool>().prop_map(Scalar::Bool),
        (0i64..30).prop_map(|n| Scalar::Time(secs(n))),
    ]
}

fn rules() -> impl Strategy<Value = Rule> {
    use Field as F;
    let paths = ["m", "n", "m.k", "x"].map(|path| F::Metadata(path.to_owned()));
    let mut fields = vec![
        F::Phone,
        F::Email,
        F::FirstName,
        F::LastName,
        F::ProfileName,
        F::CountryCode,
        F::LifecycleStage,
    ];
    fields.extend([F::CreatedAt, F::UpdatedAt, F::Tags]);
    fields.extend(paths);
    let sides = prop::sample::select(vec![Side::Below, Side::UpTo, Side::Above, Side::From]);
    let tests = prop_oneof![
        Just(Test::Exists),
        prop::collection::vec(scalars(), 0..3).prop_map(Test::In),
        words().prop_map(Test::Contains),
        words().prop_map(Test::StartsWith),
        (sides, scalars()).prop_map(|(side, bound)| Test::Compares(side, bound)),
    ];
    let is = (prop::sample::select(fields), tests).prop_map(|(field, test)| Rule::Is(field, test));
    is.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Rule::All),
            prop::collection::vec(inner.clone(), 0..3).prop_map(Rule::Any),
            inner.prop_map(|rule| Rule::Not(Box::new(rule))),
        ]
    })
}

pub(crate) async fn rules_admit_in_sql_whom_they_admit_in_memory(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let mut chance = TestRunner::deterministic();
    let mut crowd = Vec::new();
    for n in 0..60 {
        let mut facts = people().new_tree(&mut chance).unwrap().current();
        facts.phone = (n % 3 == 0).then(|| phone(&format!("+4477009001{n:02}")));
        facts.email = if n % 4 == 0 { Email::parse(&format!("ab{n}@example.com")) } else { None };
        crowd.push(contact(&tenant, n, facts));
    }
    store.put_many(&crowd).await.unwrap();
    let (mut some, mut none) = (0, 0);
    for _ in 0..400 {
        let rule = rules().new_tree(&mut chance).unwrap().current();
        let mut expected: Vec<ContactId> =
            crowd.iter().filter(|it| rule.admits(it)).map(|it| it.id.clone()).collect();
        expected.reverse();
        let page = ContactsAfter { after: None, limit: 100 };
        let found = store.admitted(&tenant, &rule, &page).await.unwrap().contacts;
        let ids =
            |contacts: &[Contact]| -> Vec<ContactId> { contacts.iter().map(|it| it.id.clone()).collect() };
        assert_eq!(ids(&found), expected, "{rule:?}");
        let crowd = store.crowd(&tenant, &rule, 7).await.unwrap();
        assert_eq!(crowd.count, expected.len() as u64, "{rule:?}");
        assert_eq!(crowd.newest, found[..found.len().min(7)], "{rule:?}");
        if found.is_empty() { none += 1 } else { some += 1 }
    }
    assert!(some > 100 && none > 10, "the rules say something: {some} found somebody, {none} nobody");
}

pub(crate) async fn long_texts_in_metadata_are_kept_and_found(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    // Nothing that a database could press together.
    let mut state = 1_u32;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from((state >> 24) % 26).unwrap())
    })
    .take(12_000)
    .collect();
    let (long, deep) = (format!("{noise}end"), "k".repeat(3_000));
    let with = |text: &str| {
        let metadata = json!({ "note": text, deep.clone(): "v" }).as_object().unwrap().clone();
        Facts { email: Email::parse("a@example.com"), metadata, ..Facts::default() }
    };
    let one = contact(&tenant, 1, with(&long));
    store.put(&one).await.unwrap();
    assert_eq!(Contacts::load(&store, &tenant, &one.id).await.unwrap(), Some(one.clone()));
    let count = async |test: Test| {
        let rule = Rule::Is(Field::Metadata("note".to_owned()), test);
        store.crowd(&tenant, &rule, 1).await.unwrap().count
    };
    let text = |text: &str| Test::In(vec![Scalar::Text(text.to_owned())]);
    assert_eq!(count(Test::Contains(long[11_990..].to_owned())).await, 1);
    assert_eq!(count(Test::StartsWith(long[..300].to_owned())).await, 1);
    assert_eq!(count(text(&long)).await, 1);
    assert_eq!(count(text(&long[..300])).await, 0, "its beginning is another text");
    let unnamed = Rule::Is(Field::Metadata(deep.clone()), Test::Exists);
    assert_eq!(store.crowd(&tenant, &unnamed, 1).await.unwrap().count, 0, "no rule can name it");
    assert!(!unnamed.admits(&one));
}

fn segment(tenant: &TenantId, name: &str, rule: Rule) -> Segment {
    let id = SegmentId::from_uuid(fresh());
    let (name, written) = (name.to_owned(), "{}".to_owned());
    Segment { id, tenant: tenant.clone(), name, rule, written, count: 0, created_at: secs(1) }
}

pub(crate) async fn counts_stay_exact_over_any_history(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let mut chance = TestRunner::deterministic();
    let mut crowd: Vec<Contact> = Vec::new();
    let mut segments: Vec<Segment> = Vec::new();
    for step in 0..80 {
        let facts = people().new_tree(&mut chance).unwrap().current();
        let pick = step * 7 % crowd.len().max(1);
        match step % 6 {
            0 => {
                let rule = rules().new_tree(&mut chance).unwrap().current();
                segments.push(store.add_segment(&segment(&tenant, &format!("s{step}"), rule)).await.unwrap());
            }
            1 | 2 => {
                let new = contact(&tenant, step as i64, facts);
                store.put(&new).await.unwrap();
                crowd.push(new);
            }
            3 if !crowd.is_empty() => {
                crowd[pick] = changed(&crowd[pick], |it| *it = facts);
                store.put(&crowd[pick]).await.unwrap();
            }
            4 if crowd.len() > 4 => {
                let gone = crowd.remove(pick % crowd.len());
                let erased = store.erase(&tenant, &gone.id, secs(100)).await.unwrap();
                assert!(matches!(erased, Erasure::Erased(_)), "{erased:?}");
            }
            5 if crowd.len() > 4 => {
                let gone = crowd.remove(0);
                crowd[0] =
                    offhook_core::contact::merge::merge(&crowd[0], std::slice::from_ref(&gone), secs(100));
                store.merge(&crowd[0], std::slice::from_ref(&gone.id)).await.unwrap();
            }
            _ => {}
        }
    }
    let stored = store.segments(&tenant).await.unwrap();
    assert_eq!(stored.len(), segments.len());
    for segment in stored {
        let belong = crowd.iter().filter(|contact| segment.rule.admits(contact)).count();
        assert_eq!(segment.count, belong as u64, "{:?}", segment.rule);
    }
    let total = store.count(&tenant, &ContactFilter::default(), 10_000).await.unwrap().unwrap();
    assert_eq!(total, crowd.len() as u64);
}

pub(crate) async fn merged_contacts_keep_their_lists(database: &Bench) {
    let store = database.open().await;
    let tenant = house(&store, 1).await.tenant.id;
    let (one, two) = (named(&tenant, 1, "One"), contact(&tenant, 2, whole()));
    store.put_many(&[one.clone(), two.clone()]).await.unwrap();
    let list = ContactList {
        id: ListId::from_uuid(fresh()),
        tenant: tenant.clone(),
        name: "VIP".to_owned(),
        description: None,
        members: 0,
        created_at: secs(1),
    };
    store.put_list(&list).await.unwrap();
    let twin = ContactList { id: ListId::from_uuid(fresh()), ..list.clone() };
    assert!(matches!(store.put_list(&twin).await, Err(StoreFault::Exists(_))));
    assert_eq!(store.put_on(&tenant, &list.id, &[two.id.clone(), two.id.clone()]).await.unwrap(), 1);
    assert_eq!(store.put_on(&tenant, &list.id, std::slice::from_ref(&two.id)).await.unwrap(), 0);

    let merged = offhook_core::contact::merge::merge(&one, std::slice::from_ref(&two), secs(9));
    let logged = store.merge(&merged, std::slice::from_ref(&two.id)).await.unwrap();
    assert_eq!(told(&logged)[..2], [ContactEvent::Merged { gone: two.id.clone() }, ContactEvent::Updated]);
    let on = ContactFilter { list: Some(list.id.clone()), ..ContactFilter::default() };
    assert_eq!(all(&store, &tenant, &on).await, [merged]);
    assert_eq!(Contacts::load(&store, &tenant, &two.id).await.unwrap(), None);
    assert_eq!(ContactGroups::list(&store, &tenant, &list.id).await.unwrap().unwrap().members, 1);
    assert_eq!(store.take_off(&tenant, &list.id, std::slice::from_ref(&one.id)).await.unwrap(), 1);
    assert!(store.remove_list(&tenant, &list.id).await.unwrap());
    assert!(!store.remove_list(&tenant, &list.id).await.unwrap());
}

pub(crate) async fn contacts_of_another_tenant_are_out_of_reach(database: &Bench) {
    let store = database.open().await;
    let (ours, theirs) = (house(&store, 1).await.tenant.id, house(&store, 2).await.tenant.id);
    let one = contact(&theirs, 1, whole());
    store.put(&one).await.unwrap();
    let list = ContactList {
        id: ListId::from_uuid(fresh()),
        tenant: ours.clone(),
        name: "VIP".to_owned(),
        description: Some("the best".to_owned()),
        members: 0,
        created_at: secs(1),
    };
    store.put_list(&list).await.unwrap();
    let theirs_too = store.add_segment(&segment(&theirs, "all", Rule::All(vec![]))).await.unwrap();
    assert_eq!(theirs_too.count, 1);

    assert_eq!(Contacts::load(&store, &ours, &one.id).await.unwrap(), None);
    let keys = ContactKeys {
        phones: vec![phone("+447700900123")],
        user_ids: vec!["GB.1".to_owned()],
        ..ContactKeys::default()
    };
    assert_eq!(store.known(&ours, &keys).await.unwrap(), []);
    let search = ContactFilter { search: Some("zo".to_owned()), ..ContactFilter::default() };
    assert_eq!(all(&store, &ours, &search).await, []);
    assert_eq!(store.erase(&ours, &one.id, secs(2)).await.unwrap(), Erasure::Unknown);
    let stolen = Contact { tenant: ours.clone(), version: 2, ..one.clone() };
    assert!(matches!(store.put(&stolen).await, Err(StoreFault::Conflict)));
    let merged = named(&ours, 3, "Ours");
    store.put(&merged).await.unwrap();
    let into = changed(&merged, |facts| facts.last_name = Some("X".to_owned()));
    assert!(matches!(store.merge(&into, std::slice::from_ref(&one.id)).await, Err(StoreFault::Conflict)));
    assert_eq!(store.put_on(&ours, &list.id, std::slice::from_ref(&one.id)).await.unwrap(), 0);
    assert_eq!(store.put_on(&theirs, &list.id, std::slice::from_ref(&one.id)).await.unwrap(), 0);
    assert_eq!(store.segment(&ours, &theirs_too.id).await.unwrap(), None);
    assert!(!store.remove_segment(&ours, &theirs_too.id).await.unwrap());
    assert!(
        store
            .change_segment(&Segment { tenant: ours.clone(), ..theirs_too.clone() })
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(Contacts::load(&store, &theirs, &one.id).await.unwrap(), Some(one));
}

pub(crate) async fn a_timeline_has_calls_consent_and_notes(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    let zoe = contact(tenant, 1, whole());
    store.put(&zoe).await.unwrap();
    let asked = super::permissions::asked(&house, "+447700900123", secs(10));
    let granted = asked
        .permission
        .fold(secs(20), &[News::Granted { at: secs(20), until: None, automatic: false }])
        .unwrap();
    Permissions::commit(&store, &asked).await.unwrap();
    Permissions::commit(&store, &granted).await.unwrap();
    let mut call = house.call(secs(15));
    call.facts.party.contact = Some(Contacted { id: zoe.id.clone(), name: None });
    Calls::commit(&store, &commit(&call, vec![])).await.unwrap();
    let note = Note { id: "1".to_owned(), author: None, text: "asked for Rui".to_owned() };
    let note = Entry { at: secs(30), what: What::Note(note) };
    assert!(store.add_note(tenant, &zoe.id, &note).await.unwrap());
    let number = || house.number.id.clone();
    let consent = |at, consent| Entry { at: secs(at), what: What::Consent { number: number(), consent } };
    let (state, direction) = (call.state, call.direction);
    let called = Entry { at: secs(15), what: What::Call { call: call.id, state, direction } };
    let all = [note, consent(20, Consent::Granted), called, consent(10, Consent::Requested)];
    let timeline =
        async |before, limit| store.timeline(tenant, &zoe.id, before, limit).await.unwrap().unwrap();
    assert_eq!(timeline(None, 10).await, all);
    assert_eq!(timeline(Some(secs(20)), 1).await, all[2..3]);
    let other = super::super::bench::house(&store, 2).await.tenant.id;
    assert_eq!(store.timeline(&other, &zoe.id, None, 10).await.unwrap(), None);
}

pub(crate) async fn calls_are_found_by_the_name_of_today(database: &Bench) {
    let store = database.open().await;
    let house = house(&store, 1).await;
    let tenant = &house.tenant.id;
    let ana = contact(tenant, 1, Facts { first_name: Some("Ana".to_owned()), ..Facts::default() });
    let bea = contact(tenant, 2, Facts { first_name: Some("Beatriz".to_owned()), ..Facts::default() });
    store.put_many(&[ana.clone(), bea.clone()]).await.unwrap();
    let mut call = house.call(secs(3));
    call.facts.party.contact = Some(Contacted { id: ana.id.clone(), name: Some("Ana".to_owned()) });
    Calls::commit(&store, &commit(&call, vec![])).await.unwrap();
    let found = async |words: &str| {
        let filter = CallFilter { search: Search::parse(words, false).ok(), ..CallFilter::default() };
        let page = PageAfter { after: None, limit: 10 };
        Calls::list(&store, tenant, &filter, &page).await.unwrap().calls.len()
    };
    assert_eq!((found("ana").await, found("Anabela Dias").await), (1, 0));
    let named = changed(&ana, |facts| {
        facts.first_name = Some("Anabela".to_owned());
        facts.last_name = Some("Dias".to_owned());
    });
    store.put(&named).await.unwrap();
    assert_eq!((found("ANABELA DIAS").await, found("dias").await), (1, 1));
    // What becomes of the call after that does not undo it.
    let over = crate::bench::next(&call, offhook_core::call::State::Missed);
    Calls::commit(&store, &commit(&over, vec![])).await.unwrap();
    assert_eq!((found("dias").await, found("beatriz").await), (1, 0));
    // Whoever takes the contact in takes its calls along.
    let one = offhook_core::contact::merge::merge(&bea, std::slice::from_ref(&named), secs(9));
    store.merge(&one, std::slice::from_ref(&named.id)).await.unwrap();
    assert_eq!((found("beatriz").await, found("anabela").await), (1, 0));
    assert_eq!(found("ana").await, 1, "as it was called in the call");
}
