//! Who belongs to a segment: a small typed expression.
//!
//! It has one meaning, written twice: [`Rule::admits`] here, and SQL in the store. A property test holds the
//! two together, which is why every test below has an answer for values that are missing: a test of nothing is
//! false, and only `Not` turns it around.
//!
//! Text is compared byte by byte; `contains` and `starts_with` do not tell `A` to `Z` from `a` to `z`. Tags and
//! lists in metadata are many values: a test holds when it holds for one of them. Metadata is addressed by a
//! path of keys joined with dots.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Contact;
use crate::time::Time;

/// An expression about a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// All of them hold. Without any it holds.
    All(Vec<Rule>),
    /// One of them holds. Without any it does not.
    Any(Vec<Rule>),
    /// It does not hold.
    Not(Box<Rule>),
    /// What is tested, and how.
    Is(Field, Test),
}

/// What is tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Digits with a leading `+`.
    Phone,
    /// Lower case.
    Email,
    /// Given name.
    FirstName,
    /// Family name.
    LastName,
    /// Name at WhatsApp.
    ProfileName,
    /// Two upper-case letters.
    CountryCode,
    /// The company's own word.
    LifecycleStage,
    /// Microseconds since the epoch.
    CreatedAt,
    /// Microseconds since the epoch.
    UpdatedAt,
    /// Every tag.
    Tags,
    /// The values at a path.
    Metadata(String),
}

/// How it is tested.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Test {
    /// There is a value.
    Exists,
    /// Equal to one of these.
    In(Vec<Scalar>),
    /// The text occurs in it; for tags, is one of them.
    Contains(String),
    /// It begins with the text.
    StartsWith(String),
    /// It is on this side of the value, which is of its kind.
    Compares(Side, Scalar),
}

/// On which side of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Smaller.
    Below,
    /// Smaller or equal.
    UpTo,
    /// Greater.
    Above,
    /// Greater or equal.
    From,
}

/// A value of a kind. Values of different kinds are neither equal nor comparable.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A number, as the nearest double.
    Number(f64),
    /// Yes or no.
    Bool(bool),
    /// An instant.
    Time(Time),
}

impl Rule {
    /// Whether the contact belongs.
    #[must_use]
    pub fn admits(&self, contact: &Contact) -> bool {
        match self {
            Self::All(rules) => rules.iter().all(|rule| rule.admits(contact)),
            Self::Any(rules) => rules.iter().any(|rule| rule.admits(contact)),
            Self::Not(rule) => !rule.admits(contact),
            Self::Is(field, test) => values(field, contact).iter().any(|value| test.holds(field, value)),
        }
    }
}

impl Test {
    fn holds(&self, field: &Field, value: &Scalar) -> bool {
        match (self, value) {
            (Self::Exists, _) => true,
            (Self::In(wanted), value) => wanted.contains(value),
            (Self::Contains(part), Scalar::Text(text)) if *field == Field::Tags => text == part,
            (Self::Contains(part), Scalar::Text(text)) => {
                text.to_ascii_lowercase().contains(&part.to_ascii_lowercase())
            }
            (Self::StartsWith(part), Scalar::Text(text)) => {
                text.to_ascii_lowercase().starts_with(&part.to_ascii_lowercase())
            }
            (Self::Compares(side, bound), value) => side.holds(value, bound),
            (
                Self::Contains(_) | Self::StartsWith(_),
                Scalar::Number(_) | Scalar::Bool(_) | Scalar::Time(_),
            ) => false,
        }
    }
}

impl Side {
    fn holds(self, value: &Scalar, bound: &Scalar) -> bool {
        let order = match (value, bound) {
            (Scalar::Text(value), Scalar::Text(bound)) => Some(value.as_bytes().cmp(bound.as_bytes())),
            (Scalar::Number(value), Scalar::Number(bound)) => value.partial_cmp(bound),
            (Scalar::Time(value), Scalar::Time(bound)) => Some(value.cmp(bound)),
            (Scalar::Text(_) | Scalar::Number(_) | Scalar::Bool(_) | Scalar::Time(_), _) => None,
        };
        order.is_some_and(|order| match self {
            Self::Below => order.is_lt(),
            Self::UpTo => order.is_le(),
            Self::Above => order.is_gt(),
            Self::From => order.is_ge(),
        })
    }
}

fn values(field: &Field, contact: &Contact) -> Vec<Scalar> {
    let facts = &contact.facts;
    let text = |text: &Option<String>| text.clone().map(Scalar::Text).into_iter().collect();
    match field {
        Field::Phone => facts.phone.iter().map(|phone| Scalar::Text(phone.reveal())).collect(),
        Field::Email => facts.email.iter().map(|email| Scalar::Text(email.as_str().to_owned())).collect(),
        Field::FirstName => text(&facts.first_name),
        Field::LastName => text(&facts.last_name),
        Field::ProfileName => text(&facts.profile_name),
        Field::CountryCode => text(&facts.country_code),
        Field::LifecycleStage => text(&facts.lifecycle_stage),
        Field::CreatedAt => vec![Scalar::Time(contact.created_at)],
        Field::UpdatedAt => vec![Scalar::Time(contact.updated_at)],
        Field::Tags => facts.tags.iter().cloned().map(Scalar::Text).collect(),
        Field::Metadata(path) => {
            flat(&facts.metadata).into_iter().filter(|(at, _)| at == path).map(|(_, value)| value).collect()
        }
    }
}

/// Longest path of metadata that a rule may name, in bytes.
pub const LONGEST_PATH: usize = 500;

/// Metadata as values at paths: what a test of it looks at, and what the store indexes.
#[must_use]
pub fn flat(metadata: &Map<String, Value>) -> Vec<(String, Scalar)> {
    let mut found = Vec::new();
    for (key, value) in metadata {
        flatten(key.clone(), value, &mut found);
    }
    found.retain(|(path, _)| path.len() <= LONGEST_PATH);
    found
}

fn flatten(path: String, value: &Value, found: &mut Vec<(String, Scalar)>) {
    match value {
        Value::Null => {}
        Value::Bool(yes) => found.push((path, Scalar::Bool(*yes))),
        Value::Number(number) => found.extend(number.as_f64().map(|number| (path, Scalar::Number(number)))),
        Value::String(text) => found.push((path, Scalar::Text(text.clone()))),
        Value::Array(many) => many.iter().for_each(|one| flatten(path.clone(), one, found)),
        Value::Object(inner) => {
            inner.iter().for_each(|(key, value)| flatten(format!("{path}.{key}"), value, found));
        }
    }
}
