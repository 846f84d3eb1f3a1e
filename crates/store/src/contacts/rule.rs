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
        Rule::Is(field, test) => {
            text.push("(");
            if dialect == Dialect::Sqlite {
                narrowed(text, field, test);
            }
            is(text, field, test, tenant, dialect);
            text.push(")");
        }
    }
}

/// Lets the index of three letters say who can have a text at all: it holds every name and address in small
/// letters. A page then need not look at everybody to find the few who have it.
fn narrowed(text: &mut Text, field: &Field, test: &Test) {
    let searched = matches!(field, Field::Email | Field::FirstName | Field::LastName | Field::ProfileName);
    let Test::Contains(part) = test else { return };
    if !searched || !part.is_ascii() {
        return;
    }
    let grams = grams(&part.to_ascii_lowercase());
    if !grams.is_empty() {
        text.push("c.place IN (SELECT rowid FROM contacts_search WHERE contacts_search MATCH ");
        text.value(&*grams.join(" AND ")).push(") AND ");
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
    /// In a column, which may be written into a text.
    Text {
        column: &'static str,
        text: &'static str,
    },
    Instant(&'static str),
    /// There are many, under this name.
    Values(String),
}

fn kept(field: &Field) -> Kept {
    let plain = |column| Kept::Text { column, text: column };
    match field {
        Field::Phone => Kept::Text { column: "c.phone", text: "('+' || c.phone)" },
        Field::Email => plain("c.email"),
        Field::FirstName => plain("c.first_name"),
        Field::LastName => plain("c.last_name"),
        Field::ProfileName => plain("c.profile_name"),
        Field::CountryCode => plain("c.country_code"),
        Field::LifecycleStage => plain("c.lifecycle_stage"),
        Field::CreatedAt => Kept::Instant("c.created_at"),
        Field::UpdatedAt => Kept::Instant("c.updated_at"),
        Field::Tags => Kept::Values(TAG.to_owned()),
        Field::Metadata(path) => Kept::Values(format!("m:{path}")),
    }
}

/// What tags are kept under.
const TAG: &str = "tag";

/// Where the contacts are that pass a test, as what follows `FROM`, and the column that has the place.
pub(super) fn places(field: &Field, test: &Test, tenant: &str, dialect: Dialect) -> (&'static str, Text) {
    let mut text = Text::default();
    if let Kept::Values(name) = kept(field) {
        values(&mut text, &name, test, tenant, dialect);
        let once = match test {
            // A value is there once.
            Test::In(wanted) => wanted.len() == 1,
            Test::Contains(_) => name == TAG,
            Test::Exists | Test::StartsWith(_) | Test::Compares(_, _) => false,
        };
        return (if once { "v.contact" } else { "DISTINCT v.contact" }, text);
    }
    text.push("contacts c WHERE c.tenant = ").value(tenant).push(" AND ");
    is(&mut text, field, test, tenant, dialect);
    ("c.place", text)
}

fn is(text: &mut Text, field: &Field, test: &Test, tenant: &str, dialect: Dialect) {
    match kept(field) {
        Kept::Text { column, text: value } => {
            text.push(&format!("({column} IS NOT NULL AND "));
            of_text(text, value, test, dialect);
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
    if *test == Test::Exists {
        // Texts and numbers have an index each.
        let mut word = "(";
        for kept in ["text", "number"] {
            text.push(&format!("{word}SELECT w.contact FROM contact_values w WHERE w.tenant = "))
                .value(tenant);
            text.push(" AND w.field = ").value(field).push(&format!(" AND w.{kept} IS NOT NULL"));
            word = " UNION ALL ";
        }
        text.push(") v WHERE 1 = 1");
        return;
    }
    text.push("contact_values v WHERE v.tenant = ").value(tenant);
    text.push(" AND v.field = ").value(field).push(" AND (");
    match test {
        // A tag is found whole.
        Test::Contains(part) if field == TAG => {
            text.push("v.text IS NOT NULL AND v.text = ").value(&**part);
        }
        Test::In(wanted) => {
            // Only kinds that are asked for: one kind is one range of an index.
            let kinds: [(&str, &str, Vec<Value>); 3] = [
                (
                    "v.kind = 't' AND v.text IS NOT NULL",
                    "v.text",
                    wanted.iter().filter_map(as_text).collect(),
                ),
                (
                    "v.kind = 'b' AND v.text IS NOT NULL",
                    "v.text",
                    wanted.iter().filter_map(as_bool).collect(),
                ),
                ("v.number IS NOT NULL", "v.number", wanted.iter().filter_map(as_number).collect()),
            ];
            let mut word = "";
            for (kind, column, wanted) in kinds.into_iter().filter(|(_, _, wanted)| !wanted.is_empty()) {
                text.push(&format!("{word}({kind} AND "));
                if dialect == Dialect::Postgres && column == "v.text" {
                    text.push(&format!("{INDEXED} IN (")).values(wanted.iter().map(beginning)).push(") AND ");
                }
                text.push(&format!("{column} IN (")).values(wanted).push("))");
                word = " OR ";
            }
            text.push(if word.is_empty() { "1 = 0" } else { "" });
        }
        Test::Compares(side, Scalar::Number(bound)) => {
            text.push(&format!("v.number IS NOT NULL AND v.number {} ", sign(*side)))
                .value(Value::Real(*bound));
        }
        Test::Exists | Test::Contains(_) | Test::StartsWith(_) | Test::Compares(_, _) => {
            text.push("v.kind = 't' AND v.text IS NOT NULL AND ");
            of_text(text, "v.text", test, dialect);
        }
    }
    text.push(")");
}

/// What PostgreSQL's index has of a text.
pub(super) const INDEXED: &str = "left(v.text, 200)";

fn beginning(wanted: &Value) -> Value {
    match wanted {
        Value::Text(text) => Value::Text(text.chars().take(200).collect()),
        other => other.clone(),
    }
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
