//! A rule as SQL, with the meaning of `offhook_core::contact::rule`.
//!
//! Every test is true or false and never NULL, so that `NOT` turns it around as the rule does.

use offhook_core::contact::rule::{Field, Rule, Scalar, Side, Test};

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

/// Where a field's values are kept.
enum Kept {
    Text(&'static str),
    Instant(&'static str),
    /// There are many, under this name.
    Values(String),
}

fn kept(field: &Field) -> Kept {
    match field {
        Field::Phone => Kept::Text("('+' || c.phone)"),
        Field::Email => Kept::Text("c.email"),
        Field::FirstName => Kept::Text("c.first_name"),
        Field::LastName => Kept::Text("c.last_name"),
        Field::ProfileName => Kept::Text("c.profile_name"),
        Field::CountryCode => Kept::Text("c.country_code"),
        Field::LifecycleStage => Kept::Text("c.lifecycle_stage"),
        Field::CreatedAt => Kept::Instant("c.created_at"),
        Field::UpdatedAt => Kept::Instant("c.updated_at"),
        Field::Tags => Kept::Values(TAG.to_owned()),
        Field::Metadata(path) => Kept::Values(format!("m:{path}")),
    }
}

/// What tags are kept under.
const TAG: &str = "tag";

/// Where the contacts are that pass a test, as what follows `FROM`, and the column that has the place. A place may
/// come more than once.
pub(super) fn places(field: &Field, test: &Test, tenant: &str, dialect: Dialect) -> (&'static str, Text) {
    let mut text = Text::default();
    if let Kept::Values(name) = kept(field) {
        values(&mut text, &name, test, tenant, dialect);
        return ("v.contact", text);
    }
    text.push("contacts c WHERE c.tenant = ").value(tenant).push(" AND ");
    is(&mut text, field, test, tenant, dialect);
    ("c.place", text)
}

fn is(text: &mut Text, field: &Field, test: &Test, tenant: &str, dialect: Dialect) {
    match kept(field) {
        Kept::Text(column) => {
            text.push(&format!("({column} IS NOT NULL AND "));
            of_text(text, column, test, dialect);
            text.push(")");
        }
        Kept::Instant(column) => instant(text, column, test),
        Kept::Values(name) => {
            text.push("c.place IN (SELECT v.contact FROM ");
            values(text, &name, test, tenant, dialect);
            text.push(")");
        }
    }
}

/// A test of one text that is there.
fn of_text(text: &mut Text, column: &str, test: &Test, dialect: Dialect) {
    match test {
        Test::Exists => {
            text.push("1 = 1");
        }
        Test::In(wanted) => one_of(text, column, wanted.iter().filter_map(as_text)),
        Test::Contains(part) => {
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

/// A test of many values: it holds when it holds for one of them.
fn values(text: &mut Text, field: &str, test: &Test, tenant: &str, dialect: Dialect) {
    text.push("contact_values v WHERE v.tenant = ").value(tenant);
    text.push(" AND v.field = ").value(field).push(" AND (");
    match test {
        Test::Exists => {
            text.push("1 = 1");
        }
        // A tag is found whole.
        Test::Contains(part) if field == TAG => {
            text.push("v.text IS NOT NULL AND v.text = ").value(&**part);
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
    text.push(")");
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
