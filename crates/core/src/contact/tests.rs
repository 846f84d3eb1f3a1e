//! Changes, sightings, merges, rules and plans, by what a user of contacts would notice.

use serde_json::{Value, json};

use super::edit::{Change, Edit, Problem, add_tags};
use super::merge::merge;
use super::plan::plan;
use super::rule::{Field, Rule, Scalar, Side, Test};
use super::segment::Segment;
use super::sight::{Sighting, sight};
use super::{Channel, Contact, Email, Facts};
use crate::event::{ContactEvent, Event};
use crate::id::{ContactId, SegmentId, TenantId};
use crate::meta::Party;
use crate::phone::Phone;
use crate::time::Time;

const NOW: Time = Time::from_secs(1_800_000_000);

fn id(n: u32) -> ContactId {
    ContactId::parse(&format!("con_{n:032x}")).unwrap()
}

fn tenant() -> TenantId {
    TenantId::parse("ten_00000000000000000000000000000001").unwrap()
}

fn contact(n: u32, facts: Facts) -> Contact {
    Contact {
        id: id(n),
        tenant: tenant(),
        version: 1,
        facts,
        created_at: Time::from_secs(i64::from(n)),
        updated_at: NOW,
    }
}

fn phone(text: &str) -> Option<Phone> {
    Some(Phone::parse(text).unwrap())
}

fn set(text: &str) -> Edit<String> {
    Edit::Set(text.to_owned())
}

fn map(value: Value) -> serde_json::Map<String, Value> {
    value.as_object().unwrap().clone()
}

#[test]
fn a_change_touches_only_what_it_names() {
    let change = Change {
        phone: set("+1 (415) 555-2671"),
        email: set(" Jane@Example.COM "),
        tags: Some(vec!["vip".to_owned(), "vip".to_owned(), " beta ".to_owned()]),
        metadata: Some(map(json!({"plan": "pro", "seats": 3}))),
        ..Change::default()
    };
    let facts = change.apply(&Facts::default()).unwrap();
    assert_eq!(facts.phone.as_ref().unwrap().digits(), "14155552671");
    assert_eq!(facts.email.as_ref().unwrap().as_str(), "jane@example.com");
    assert_eq!(facts.tags, ["vip", "beta"]);

    let change = Change {
        email: Edit::Clear,
        metadata: Some(map(json!({"plan": null, "city": "Porto"}))),
        preferences: [("sms".to_owned(), false)].into(),
        ..Change::default()
    };
    let later = change.apply(&facts).unwrap();
    assert_eq!(later.email, None);
    assert_eq!(Value::Object(later.metadata.clone()), json!({"seats": 3, "city": "Porto"}));
    assert_eq!(later.opted_out(), [Channel::Sms]);
    assert_eq!((&later.phone, &later.tags), (&facts.phone, &facts.tags));
}

#[test]
fn a_wrong_field_is_named_with_its_rule() {
    let check = |change: Change, field: &str, problem: Problem| {
        let refused = change.apply(&Facts { phone: phone("+14155552671"), ..Facts::default() }).unwrap_err();
        assert_eq!((refused.field.as_str(), refused.problem), (field, problem));
    };
    check(Change { phone: set("12"), ..Change::default() }, "phone", Problem::Phone);
    check(Change { email: set("jane@"), ..Change::default() }, "email", Problem::Email);
    check(Change { country_code: set("USA"), ..Change::default() }, "country_code", Problem::Country);
    check(
        Change { first_name: set(&"x".repeat(201)), ..Change::default() },
        "first_name",
        Problem::Long(200),
    );
    check(Change { last_name: set("a\u{0}b"), ..Change::default() }, "last_name", Problem::Control);
    let tags = |tags: &[&str]| Some(tags.iter().map(|&tag| tag.to_owned()).collect());
    check(Change { tags: tags(&["a", " "]), ..Change::default() }, "tags[1]", Problem::Empty);
    let preferences = [("pigeon".to_owned(), true)].into();
    check(Change { preferences, ..Change::default() }, "preferences", Problem::Channel);
    let large = map(json!({"note": "x".repeat(17_000)}));
    check(Change { metadata: Some(large), ..Change::default() }, "metadata", Problem::Large(16_384));
    check(Change { phone: Edit::Clear, ..Change::default() }, "phone", Problem::Unreachable);
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    assert_eq!(add_tags(&mut Facts::default(), &many).unwrap_err().problem, Problem::Many(100));
}

#[test]
fn addresses_without_a_chance_are_refused() {
    for text in ["", "@", "a@b", "a@b.", "a@.b", "a b@c.de", "a@b@c.de", "<a@b.de>", "a@-b.de"] {
        assert_eq!(Email::parse(text), None, "{text}");
    }
    for text in ["a@b.de", "Ünal@örnek.com", "first.last+tag@sub.example.org"] {
        assert!(Email::parse(text).is_some(), "{text}");
    }
}

fn party(phone: Option<&str>, user_id: Option<&str>, name: Option<&str>) -> Party {
    Party {
        phone: phone.map(|text| Phone::parse(text).unwrap()),
        user_id: user_id.map(str::to_owned),
        name: name.map(str::to_owned),
        contact: None,
    }
}

#[test]
fn a_caller_is_found_by_number_or_id_and_made_when_new() {
    let look = |party: &Party, known: Vec<Contact>| sight(party, known, &tenant(), &id(9), NOW);
    assert_eq!(look(&party(None, None, Some("Rui")), vec![]), Sighting::Nobody);

    let Sighting::New(new) = look(&party(Some("+351910000002"), Some("PT.1"), Some("Rui\u{7} ")), vec![])
    else {
        panic!("a new caller is a new contact")
    };
    assert_eq!(new.facts.profile_name.as_deref(), Some("Rui"));
    assert_eq!(
        look(&party(Some("+351910000002"), None, Some("Rui")), vec![new.clone()]),
        Sighting::Known(new.id.clone())
    );
    assert_eq!(look(&party(None, Some("PT.1"), None), vec![new.clone()]), Sighting::Known(new.id.clone()));

    let Sighting::Learnt(renamed) = look(&party(Some("+351910000002"), None, Some("Rui F.")), vec![new])
    else {
        panic!("a new profile name is learnt")
    };
    assert_eq!((renamed.facts.profile_name.as_deref(), renamed.version), (Some("Rui F."), 2));
}

#[test]
fn a_number_and_an_id_of_one_caller_are_one_contact() {
    let by_phone = contact(
        1,
        Facts { phone: phone("+351910000002"), first_name: Some("Rui".to_owned()), ..Facts::default() },
    );
    let by_id = contact(
        2,
        Facts { user_ids: ["PT.1".to_owned()].into(), tags: vec!["vip".to_owned()], ..Facts::default() },
    );
    let caller = party(Some("+351910000002"), Some("PT.1"), None);
    let Sighting::Same(joined, gone) =
        sight(&caller, vec![by_id.clone(), by_phone.clone()], &tenant(), &id(9), NOW)
    else {
        panic!("two that are one are joined")
    };
    assert_eq!((joined.id, gone), (id(1), id(2)));
    assert_eq!((joined.facts.tags, joined.facts.user_ids.len()), (vec!["vip".to_owned()], 1));

    let other = contact(
        3,
        Facts { phone: phone("+351910000003"), user_ids: ["PT.1".to_owned()].into(), ..Facts::default() },
    );
    let seen = sight(&caller, vec![by_phone.clone(), other], &tenant(), &id(9), NOW);
    assert_eq!(seen, Sighting::Known(by_phone.id), "an id that has another number is somebody else's");
}

#[test]
fn merging_keeps_the_first_ones_word_and_every_refusal() {
    let first = Facts {
        first_name: Some("Ana".to_owned()),
        metadata: map(json!({"plan": "pro"})),
        ..Facts::default()
    };
    let second = Facts {
        first_name: Some("Anna".to_owned()),
        email: Email::parse("ana@example.com"),
        metadata: map(json!({"plan": "free", "city": "Faro"})),
        preferences: [(Channel::Whatsapp, false)].into(),
        ..Facts::default()
    };
    let merged = merge(&contact(5, first), &[contact(2, second)], NOW);
    assert_eq!(merged.facts.first_name.as_deref(), Some("Ana"));
    assert_eq!(Value::Object(merged.facts.metadata.clone()), json!({"plan": "pro", "city": "Faro"}));
    assert_eq!(merged.facts.opted_out(), [Channel::Whatsapp]);
    assert_eq!((merged.version, merged.created_at), (2, Time::from_secs(2)));
}

#[test]
fn a_merged_contact_answers_to_all_its_numbers() {
    let of = |n, number| contact(n, Facts { phone: phone(number), ..Facts::default() });
    let (one, two, three) = ("+351910000001", "+351910000002", "+351910000003");
    let merged = merge(&of(1, one), &[of(2, two), of(3, three)], NOW);
    let numbers = |facts: &Facts| facts.phones().map(Phone::reveal).collect::<Vec<_>>();
    assert_eq!(numbers(&merged.facts), [one, two, three]);
    let nameless = merge(&contact(4, Facts::default()), &[of(2, two), of(3, three)], NOW);
    assert_eq!(numbers(&nameless.facts), [two, three], "the first that has a number gives it");
    let seen = sight(&party(Some(three), None, None), vec![merged.clone()], &tenant(), &id(9), NOW);
    assert_eq!(seen, Sighting::Known(merged.id));
    assert!(merged.facts.searched().contains("351910000003"));

    let changed = |change: Change| change.apply(&merged.facts);
    let first = changed(Change { phone: set(two), ..Change::default() }).unwrap();
    assert_eq!(numbers(&first), [two, one, three], "they change places");
    let another = changed(Change { phone: set("+351910000004"), ..Change::default() }).unwrap();
    assert_eq!(numbers(&another), ["+351910000004", two, three]);
    let without = changed(Change { phone: Edit::Clear, ..Change::default() }).unwrap();
    assert_eq!(numbers(&without), [two, three]);
    let both = Change { phone: set(two), other_phones: Some(Vec::new()), ..Change::default() };
    assert_eq!(numbers(&changed(both).unwrap()), [two], "a list that is given is the list");
    let further = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    let fewer = changed(Change { other_phones: further(&[one, three]), ..Change::default() }).unwrap();
    assert_eq!(numbers(&fewer), [one, three]);
    let wrong = changed(Change { other_phones: further(&[three, "12"]), ..Change::default() }).unwrap_err();
    assert_eq!((wrong.field.as_str(), wrong.problem), ("other_phones[1]", Problem::Phone));
    let many = vec![three.to_owned(); 101];
    assert!(changed(Change { other_phones: Some(many), ..Change::default() }).is_err());
}

#[test]
fn rules_mean_what_they_say() {
    let jane = contact(
        7,
        Facts {
            phone: phone("+14155552671"),
            first_name: Some("Jane".to_owned()),
            country_code: Some("US".to_owned()),
            tags: vec!["enterprise".to_owned(), "Beta".to_owned()],
            metadata: map(
                json!({"seats": 3, "plan": {"name": "Pro"}, "colors": ["red", "blue"], "trial": false, "x": null}),
            ),
            ..Facts::default()
        },
    );
    let text = |text: &str| Scalar::Text(text.to_owned());
    let at = |path: &str| Field::Metadata(path.to_owned());
    let check = |field: Field, test: Test, expected: bool| {
        let rule = Rule::Is(field, test);
        assert_eq!(rule.admits(&jane), expected, "{rule:?}");
        assert_eq!(Rule::Not(Box::new(rule)).admits(&jane), !expected);
    };
    check(Field::CountryCode, Test::In(vec![text("US")]), true);
    check(Field::Phone, Test::StartsWith("+1".to_owned()), true);
    check(Field::LastName, Test::In(vec![text("")]), false);
    check(Field::LastName, Test::Exists, false);
    check(Field::FirstName, Test::Contains("AN".to_owned()), true);
    check(Field::Tags, Test::Contains("enterprise".to_owned()), true);
    check(Field::Tags, Test::Contains("enter".to_owned()), false);
    check(Field::Tags, Test::In(vec![text("beta")]), false);
    check(at("seats"), Test::Compares(Side::Above, Scalar::Number(2.5)), true);
    check(at("seats"), Test::Compares(Side::Above, text("2")), false);
    check(at("seats"), Test::In(vec![text("3")]), false);
    check(at("plan.name"), Test::In(vec![text("Pro")]), true);
    check(at("colors"), Test::In(vec![text("blue")]), true);
    check(at("trial"), Test::In(vec![Scalar::Bool(false)]), true);
    check(at("x"), Test::Exists, false);
    check(at("plan"), Test::Exists, false);
    check(Field::CreatedAt, Test::Compares(Side::UpTo, Scalar::Time(Time::from_secs(7))), true);
    assert!(Rule::All(vec![]).admits(&jane) && !Rule::Any(vec![]).admits(&jane));
}

#[test]
fn a_plan_tells_of_refusals_and_segments_and_nothing_that_did_not_happen() {
    let segment = Segment {
        id: SegmentId::parse("seg_00000000000000000000000000000001").unwrap(),
        tenant: tenant(),
        name: "leads".to_owned(),
        rule: Rule::Is(Field::LifecycleStage, Test::In(vec![Scalar::Text("lead".to_owned())])),
        written: String::new(),
        count: 0,
        created_at: NOW,
    };
    let told = |before: Option<&Contact>, after: Option<&Contact>| {
        let plan = plan(before, after, std::slice::from_ref(&segment));
        let what = plan.events.into_iter().map(|event| match event {
            Event::Contact { what, facts, .. } => (what, facts.is_some()),
            other => panic!("{other:?} is not about a contact"),
        });
        (what.collect::<Vec<_>>(), plan.moves.iter().map(|it| it.joined).collect::<Vec<_>>())
    };
    let plain = contact(1, Facts::default());
    let preferences = [(Channel::Sms, false), (Channel::Email, true)].into();
    let lead =
        contact(1, Facts { lifecycle_stage: Some("lead".to_owned()), preferences, ..Facts::default() });
    let joined = ContactEvent::SegmentChanged { segment: segment.id.clone(), joined: true };
    assert_eq!(told(None, Some(&plain)), (vec![(ContactEvent::Created, true)], vec![]));
    assert_eq!(told(Some(&plain), Some(&plain)), (vec![], vec![]));
    let out = ContactEvent::OptedOut { channel: Channel::Sms };
    assert_eq!(
        told(Some(&plain), Some(&lead)),
        (vec![(ContactEvent::Updated, true), (out, true), (joined, true)], vec![true])
    );
    assert_eq!(told(Some(&lead), None), (vec![(ContactEvent::Deleted, false)], vec![false]));
}
