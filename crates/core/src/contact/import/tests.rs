//! What files make of contacts.

use uuid::Uuid;

use super::*;
use crate::contact::{Change, Channel, Contact, Edit};
use crate::id::ContactId;

const NOW: Time = Time::from_secs(1_793_610_900);

fn tenant() -> TenantId {
    TenantId::from_uuid(Uuid::from_u128(1))
}

fn texts(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// Settles a file of lines with `|` between cells.
fn settle(known: &[Contact], header: &str, lines: &[&str]) -> Settled {
    let split = |line: &str| texts(&line.split('|').collect::<Vec<_>>());
    let columns = Columns::parse(&split(header)).unwrap();
    let rows = lines.iter().zip(2..).map(|(line, n)| Row { line: n, cells: split(line), wrong: None });
    let part = Part::of(&columns, rows.collect());
    let mut next = 100;
    part.settle(known.to_vec(), &tenant(), NOW, || {
        next += 1;
        ContactId::from_uuid(Uuid::from_u128(next))
    })
}

fn counts(created: u64, updated: u64, unchanged: u64, rejected: u64) -> Counts {
    Counts { total: 0, created, updated, unchanged, rejected }
}

#[test]
fn a_file_read_twice_changes_nothing_the_second_time() {
    let header = "phone|email|first_name|tags|metadata|metadata.Plan|preferences.sms";
    let lines = [
        "+44 7700 900123|dana@example.com|Dana|gold;vip|{\"age\": 4}|pro|no",
        "|erik@example.com|Erik|[\"a;b\"]|||yes",
    ];
    let first = settle(&[], header, &lines);
    assert_eq!(first.counts, counts(2, 0, 0, 0));
    let dana = &first.contacts[0].facts;
    assert_eq!((dana.tags.as_slice(), &dana.metadata["Plan"]), (&texts(&["gold", "vip"])[..], &"pro".into()));
    assert_eq!((dana.preferences[&Channel::Sms], &dana.metadata["age"]), (false, &4.into()));
    assert_eq!(first.contacts[1].facts.tags, ["a;b"]);
    let again = settle(&first.contacts, header, &lines);
    assert_eq!((again.counts, again.contacts.len()), (counts(0, 0, 2, 0), 0));
}

#[test]
fn a_row_with_a_further_number_changes_whose_it_is_and_not_the_first() {
    let line = "+447700900123|+447700900124;+447700900125|Dana";
    let dana = settle(&[], "phone|other_phones|first_name", &[line]).contacts;
    let again = settle(&dana, "phone|last_name", &["+447700900125|Ito", "+447700900124|Ito"]);
    assert_eq!((again.counts, again.contacts.len()), (counts(0, 1, 1, 0), 1));
    let facts = &again.contacts[0].facts;
    assert_eq!(
        (facts.phone.as_ref(), facts.last_name.as_deref()),
        (dana[0].facts.phone.as_ref(), Some("Ito"))
    );

    // What was exported before the numbers changed places is imported again.
    let swap = Change { phone: Edit::Set("+447700900124".to_owned()), ..Change::default() };
    let swapped = Contact { facts: swap.apply(&dana[0].facts).unwrap(), ..dana[0].clone() };
    let before = settle(&[swapped], "phone|other_phones|first_name", &[line]);
    assert_eq!((before.counts, before.contacts.len()), (counts(0, 0, 1, 0), 0));
}

#[test]
fn of_two_rows_with_one_number_the_second_changes_what_the_first_has_made() {
    let settled =
        settle(&[], "phone|first_name", &["+447700900123|Dana", "447700900123|Dan", "447700900123|"]);
    assert_eq!((settled.counts, settled.contacts.len()), (counts(1, 1, 1, 0), 1));
    let dana = &settled.contacts[0];
    assert_eq!((dana.facts.first_name.as_deref(), dana.version), (Some("Dan"), 1));
}

#[test]
fn rows_that_break_a_rule_are_told_with_the_rule() {
    let known = settle(&[], "phone|email", &["+447700900123|", "|dana@example.com"]).contacts;
    let check = |header: &str, line: &str, reason: &str| {
        let settled = settle(&known, header, &[line]);
        assert_eq!(settled.counts, counts(0, 0, 0, 1), "{line}");
        assert_eq!((settled.rejected[0].reason.as_str(), settled.rejected[0].line), (reason, 2), "{line}");
    };
    check("phone", "12", "phone is not E.164");
    check("phone", "", "a row needs a phone number or an e-mail address");
    check("phone", "+447700900123|x", "has 2 cells where the header has 1");
    check("email", "dana", "email is not an e-mail address");
    check(
        "phone|email",
        "+447700900123|dana@example.com",
        "the phone number and the e-mail address are of two contacts",
    );
    check("phone|tags", "+447700900124|[1]", "tags is no JSON array of texts");
    check("phone|metadata", "+447700900124|[]", "metadata is no JSON object");
    check("phone|preferences.sms", "+447700900124|perhaps", "preferences.sms is neither true nor false");
    check(
        "phone|country_code",
        "+447700900124|USA",
        "country_code is not a country code of two letters (ISO 3166-1 alpha-2)",
    );
}

#[test]
fn a_number_can_go_from_one_contact_to_another_within_a_file() {
    let known = settle(&[], "phone|email", &["+447700900123|dana@example.com"]).contacts;
    let lines = ["+447700900124|dana@example.com", "+447700900123|erik@example.com"];
    let settled = settle(&known, "phone|email", &lines);
    assert_eq!((settled.counts, settled.contacts.len()), (counts(1, 1, 0, 0), 2));
    assert_eq!((settled.contacts[0].version, settled.contacts[1].version), (2, 1));
}

#[test]
fn headers_are_read_as_people_write_them() {
    let check = |names: &[&str], problem: Option<HeaderProblem>| {
        assert_eq!(Columns::parse(&texts(names)).err(), problem, "{names:?}");
    };
    check(&["\u{feff}Phone ", "EMAIL", "id", "row", "metadata.X", "metadata.x"], None);
    check(&["phone", "Shoe size"], Some(HeaderProblem::Unknown("Shoe size".to_owned())));
    check(&["phone", "preferences.fax"], Some(HeaderProblem::Unknown("preferences.fax".to_owned())));
    check(&["phone", "Phone"], Some(HeaderProblem::Twice("Phone".to_owned())));
    check(&["first_name"], Some(HeaderProblem::Keyless));
    check(&["phone"; 101], Some(HeaderProblem::Many));
}
