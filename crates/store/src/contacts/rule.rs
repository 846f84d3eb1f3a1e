//! A rule as SQL, with the meaning of `offhook_core::contact::rule`.
//!
//! Every test is true or false and never NULL, so that `NOT` turns it around as the rule does.

use offhook_core::contact::rule::{Field, Rule, Scalar, Side, Test};

use super::find::grams;
use super::text::{Text, Value, occurs};
use crate::database::Dialect;

/// Writes the condition on a row `c` of `contacts`.
pub(super) fn condition(text: &mut Text, rule: &Rule, tenant: &str, dialect: Dialect) {
    match rule {
        Rule::All(rules) => joined(text, rules, (" AND ", "1 = 1"), tenant, dialect),
        Rule::Any(rules) => joined(text, rules, (" OR ", "1 = 0"), tenant, dialect),
        Rule::Not(rule) => {
            text.push("NOT ");
            condition(text, rule, tenant, dialect);
        }
        Rule::Is(field, test) => is(text, field, test, tenant, dialect),
    }
}

fn joined(text: &mut Text, rules: &[Rule], (word, none): (&str, &str), tenant: &str, dialect: Dialect) {
    text.push("(");
    for (index, rule) in rules.iter().enumerate() {
        text.push(if index == 0 { "" } else { word });
        condition(text, rule, tenant, dialect);
    }
    text.push(if rules.is_empty() { none } else { "" }).push(")");
}

fn is(text: &mut Text, field: &Field, test: &Test, tenant: &str, dialect: Dialect) {
    let column = match field {
        Field::Phone => "('+' || c.phone)",
        Field::Email => "c.email",
        Field::FirstName => "c.first_name",
        Field::LastName => "c.last_name",
        Field::ProfileName => "c.profile_name",
        Field::CountryCode => "c.country_code",
        Field::LifecycleStage => "c.lifecycle_stage",
        Field::CreatedAt => return instant(text, "c.created_at", test),
        Field::UpdatedAt => return instant(text, "c.updated_at", test),
        Field::Tags => {
            // A tag is found whole.
            let whole = |part: &String| Test::In(vec![Scalar::Text(part.clone())]);
            let test = if let Test::Contains(part) = test { whole(part) } else { test.clone() };
            return among(text, "tag", &test, tenant, dialect);
        }
        Field::Metadata(path) => return among(text, &format!("m:{path}"), test, tenant, dialect),
    };
    text.push(&format!("({column} IS NOT NULL AND "));
    of_text(text, column, test, dialect);
    text.push(")");
}

/// A test of one text that is there.
fn of_text(text: &mut Text, column: &str, test: &Test, dialect: Dialect) {
    match test {
        Test::Exists => {
            text.push("1 = 1");
        }
        Test::In(wanted) => one_of(text, column, wanted.iter().filter_map(as_text)),
        Test::Contains(part) => {
            if dialect == Dialect::Sqlite && SEARCHED.contains(&column) && part.is_ascii() {
                narrowed(text, part);
            }
            text.push(&format!("{}(lower({column}), ", occurs(dialect)));
            text.value(&*part.to_ascii_lowercase()).push(") > 0");
        }
        Test::StartsWith(part) => {
            let length = part.chars().count();
            text.push(&format!("substr(lower({column}), 1, {length}) = "));
            text.value(&*part.to_ascii_lowercase());
        }
        Test::Compares(side, Scalar::Text(bound)) => {
            text.push(&format!("{column} {} ", sign(*side))).value(&**bound);
        }
        Test::Compares(_, _) => {
            text.push("1 = 0");
        }
    }
}

/// Columns that are searched.
const SEARCHED: [&str; 4] = ["c.email", "c.first_name", "c.last_name", "c.profile_name"];

/// Lets the index of three letters say who can have the text at all: it holds every name and address in small
/// letters.
fn narrowed(text: &mut Text, part: &str) {
    let grams = grams(&part.to_ascii_lowercase());
    if !grams.is_empty() {
        text.push("c.place IN (SELECT rowid FROM contacts_search WHERE contacts_search MATCH ");
        text.value(&*grams.join(" AND ")).push(") AND ");
    }
}

fn instant(text: &mut Text, column: &str, test: &Test) {
    let micros = |scalar: &Scalar| match scalar {
        Scalar::Time(time) => Some(Value::Number(time.as_micros())),
        Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) => None,
    };
    match test {
        Test::Exists => {
            text.push("1 = 1");
        }
        Test::In(wanted) => one_of(text, column, wanted.iter().filter_map(micros)),
        Test::Compares(side, bound) => match micros(bound) {
            Some(bound) => {
                text.push(&format!("{column} {} ", sign(*side))).value(bound);
            }
            None => {
                text.push("1 = 0");
            }
        },
        Test::Contains(_) | Test::StartsWith(_) => {
            text.push("1 = 0");
        }
    }
}

/// Those a rule admits, without a look at the contacts: a rule of tags or metadata alone is counted by its index.
pub(super) fn admitted(rule: &Rule, tenant: &str, dialect: Dialect) -> Option<Text> {
    let Rule::Is(field @ (Field::Tags | Field::Metadata(_)), test) = rule else { return None };
    let mut whole = Text::default();
    is(&mut whole, field, test, tenant, dialect);
    let inner = whole.sql.strip_prefix(AMONG)?.strip_suffix(')')?.to_owned();
    Some(Text { sql: format!("SELECT DISTINCT v.contact FROM{inner}"), ..whole })
}

/// What [`among`] begins with.
const AMONG: &str = "c.place IN (SELECT v.contact FROM";

/// A test of many values: it holds when it holds for one of them.
fn among(text: &mut Text, field: &str, test: &Test, tenant: &str, dialect: Dialect) {
    text.push(AMONG).push(" contact_values v WHERE v.tenant = ").value(tenant);
    text.push(" AND v.field = ").value(field).push(" AND (");
    match test {
        Test::Exists => {
            text.push("1 = 1");
        }
        Test::In(wanted) => {
            // Only kinds that are asked for: one kind is one range of an index. The index does not have the kind,
            // and need not: only two texts are written as truths are too.
            let texts: Vec<Value> = wanted.iter().filter_map(as_text).collect();
            let plain = !texts.iter().any(|text| ["true", "false"].map(Value::from).contains(text));
            let of_texts = if plain { "v.text IS NOT NULL" } else { "v.kind = 't' AND v.text IS NOT NULL" };
            let kinds: [(&str, &str, Vec<Value>); 3] = [
                (of_texts, "v.text", texts),
                (
                    "v.kind = 'b' AND v.text IS NOT NULL",
                    "v.text",
                    wanted.iter().filter_map(as_bool).collect(),
                ),
                ("v.number IS NOT NULL", "v.number", wanted.iter().filter_map(as_number).collect()),
            ];
            let mut word = "";
            for (kind, column, wanted) in kinds.into_iter().filter(|(_, _, wanted)| !wanted.is_empty()) {
                text.push(&format!("{word}({kind} AND {column} IN (")).values(wanted).push("))");
                word = " OR ";
            }
            text.push(if word.is_empty() { "1 = 0" } else { "" });
        }
        Test::Compares(side, Scalar::Number(bound)) => {
            text.push(&format!("v.number IS NOT NULL AND v.number {} ", sign(*side)))
                .value(Value::Real(*bound));
        }
        Test::Contains(_) | Test::StartsWith(_) | Test::Compares(_, _) => {
            text.push("v.kind = 't' AND v.text IS NOT NULL AND ");
            of_text(text, "v.text", test, dialect);
        }
    }
    text.push("))");
}

fn one_of(text: &mut Text, column: &str, wanted: impl Iterator<Item = Value>) {
    let wanted: Vec<Value> = wanted.collect();
    if wanted.is_empty() {
        text.push("1 = 0");
    } else {
        text.push(&format!("{column} IN (")).values(wanted).push(")");
    }
}

fn as_text(scalar: &Scalar) -> Option<Value> {
    if let Scalar::Text(text) = scalar { Some(Value::Text(text.clone())) } else { None }
}

fn as_bool(scalar: &Scalar) -> Option<Value> {
    if let Scalar::Bool(yes) = scalar { Some(Value::Text(yes.to_string())) } else { None }
}

fn as_number(scalar: &Scalar) -> Option<Value> {
    if let Scalar::Number(number) = scalar { Some(Value::Real(*number)) } else { None }
}

const fn sign(side: Side) -> &'static str {
    match side {
        Side::Below => "<",
        Side::UpTo => "<=",
        Side::Above => ">",
        Side::From => ">=",
    }
}
