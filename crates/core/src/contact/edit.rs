//! What a change makes of a contact, and why it may be refused.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{Channel, Email, Facts};
use crate::phone::Phone;

/// Longest name, in characters.
pub const LONGEST_NAME: usize = 200;

/// Longest tag or lifecycle stage, in characters.
pub const LONGEST_WORD: usize = 64;

/// Tags of one contact.
pub const MOST_TAGS: usize = 100;

/// Further numbers somebody may write down for one contact.
pub const MOST_PHONES: usize = 100;

/// Keys of metadata.
pub const MOST_KEYS: usize = 50;

/// Bytes of metadata as JSON. Contacts are read by the hundred; what is larger belongs elsewhere.
pub const LARGEST_METADATA: usize = 16 * 1024;

/// What happens to one field.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Edit<T> {
    /// Nothing.
    #[default]
    Keep,
    /// It is forgotten.
    Clear,
    /// It is this now.
    Set(T),
}

impl<T> Edit<T> {
    fn apply(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Turns the value into another, or tells why it cannot be.
    fn read<U>(self, read: impl FnOnce(T) -> Result<U, FieldProblem>) -> Result<Edit<U>, FieldProblem> {
        Ok(match self {
            Self::Keep => Edit::Keep,
            Self::Clear => Edit::Clear,
            Self::Set(value) => Edit::Set(read(value)?),
        })
    }
}

/// A change as somebody asked for it: texts as they came.
#[derive(Clone, Default, PartialEq)]
pub struct Change {
    /// Phone number, E.164. A further number that becomes the first changes places with it; when the first is
    /// forgotten, a further one takes its place.
    pub phone: Edit<String>,
    /// All further numbers, instead of those before.
    pub other_phones: Option<Vec<String>>,
    /// E-mail address.
    pub email: Edit<String>,
    /// Given name.
    pub first_name: Edit<String>,
    /// Family name.
    pub last_name: Edit<String>,
    /// ISO 3166-1 alpha-2.
    pub country_code: Edit<String>,
    /// The company's own word.
    pub lifecycle_stage: Edit<String>,
    /// All tags, instead of those before.
    pub tags: Option<Vec<String>>,
    /// Merged with what is there; null removes a key.
    pub metadata: Option<Map<String, Value>>,
    /// Merged with what is there.
    pub preferences: BTreeMap<String, bool>,
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    /// Its path, such as `tags[2]`.
    pub field: String,
    /// Which rule.
    pub problem: Problem,
}

/// A rule of contacts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not a phone number.
    #[error("is not E.164")]
    Phone,
    /// Not an e-mail address.
    #[error("is not an e-mail address")]
    Email,
    /// Not a country.
    #[error("is not a country code of two letters (ISO 3166-1 alpha-2)")]
    Country,
    /// Not a channel.
    #[error("is none of sms, whatsapp, email, rcs, viber, voice")]
    Channel,
    /// Nothing in it.
    #[error("is empty")]
    Empty,
    /// Characters that are not text.
    #[error("has control characters")]
    Control,
    /// Too many characters.
    #[error("has more than {0} characters")]
    Long(usize),
    /// Too many of them.
    #[error("has more than {0} entries")]
    Many(usize),
    /// Too many bytes.
    #[error("is larger than {0} bytes")]
    Large(usize),
    /// Neither phone nor e-mail.
    #[error("a contact needs a phone number or an e-mail address")]
    Unreachable,
}

impl Problem {
    fn of(self, field: impl Into<String>) -> FieldProblem {
        FieldProblem { field: field.into(), problem: self }
    }
}

impl Change {
    /// What becomes of the facts.
    ///
    /// # Errors
    /// The first field that breaks a rule; the facts are then left alone.
    pub fn apply(self, before: &Facts) -> Result<Facts, FieldProblem> {
        let mut facts = before.clone();
        let phone = |text: String| Phone::parse(&text).map_err(|_| Problem::Phone.of("phone"));
        if let Some(phones) = &self.other_phones {
            // Merging may have made more of them than anybody writes down.
            facts.other_phones = other_phones(phones, MOST_PHONES.max(before.other_phones.len() + 1))?;
        }
        let email = |text: String| Email::parse(&text).ok_or_else(|| Problem::Email.of("email"));
        self.phone.read(phone)?.apply(&mut facts.phone);
        let further = |phone: &Phone| self.other_phones.is_none() && before.other_phones.contains(phone);
        if facts.phone.as_ref().is_some_and(further) {
            facts.other_phones.extend(before.phone.clone());
        }
        facts.settle_phones();
        self.email.read(email)?.apply(&mut facts.email);
        self.first_name.read(|text| words(&text, "first_name", LONGEST_NAME))?.apply(&mut facts.first_name);
        self.last_name.read(|text| words(&text, "last_name", LONGEST_NAME))?.apply(&mut facts.last_name);
        self.country_code.read(|text| country(&text))?.apply(&mut facts.country_code);
        let stage = |text: String| words(&text, "lifecycle_stage", LONGEST_WORD);
        self.lifecycle_stage.read(stage)?.apply(&mut facts.lifecycle_stage);
        if let Some(tags) = self.tags {
            facts.tags = Vec::new();
            add_tags(&mut facts, &tags)?;
        }
        if let Some(metadata) = self.metadata {
            merge_metadata(&mut facts, metadata)?;
        }
        for (word, allowed) in self.preferences {
            let channel = Channel::parse(&word).ok_or_else(|| Problem::Channel.of("preferences"))?;
            facts.preferences.insert(channel, allowed);
        }
        let known = facts.phone.is_some() || facts.email.is_some() || !facts.user_ids.is_empty();
        if known { Ok(facts) } else { Err(Problem::Unreachable.of("phone")) }
    }
}

fn other_phones(texts: &[String], most: usize) -> Result<BTreeSet<Phone>, FieldProblem> {
    if texts.len() > most {
        return Err(Problem::Many(most).of("other_phones"));
    }
    let phone = |(index, text): (usize, &String)| {
        Phone::parse(text).map_err(|_| Problem::Phone.of(format!("other_phones[{index}]")))
    };
    texts.iter().enumerate().map(phone).collect()
}

/// Adds tags; those that are there already stay where they are.
///
/// # Errors
/// The first tag that breaks a rule.
pub fn add_tags(facts: &mut Facts, tags: &[String]) -> Result<(), FieldProblem> {
    for (index, tag) in tags.iter().enumerate() {
        let field = format!("tags[{index}]");
        let tag = words(tag, &field, LONGEST_WORD)?;
        if tag.is_empty() {
            return Err(Problem::Empty.of(field));
        }
        if !facts.tags.contains(&tag) {
            facts.tags.push(tag);
        }
    }
    if facts.tags.len() > MOST_TAGS { Err(Problem::Many(MOST_TAGS).of("tags")) } else { Ok(()) }
}

fn merge_metadata(facts: &mut Facts, change: Map<String, Value>) -> Result<(), FieldProblem> {
    for (key, value) in change {
        if !is_text(&Value::String(key.clone())) || !is_text(&value) {
            return Err(Problem::Control.of("metadata"));
        }
        if value.is_null() {
            facts.metadata.remove(&key);
        } else {
            facts.metadata.insert(key, value);
        }
    }
    if facts.metadata.len() > MOST_KEYS {
        return Err(Problem::Many(MOST_KEYS).of("metadata"));
    }
    let bytes = serde_json::to_string(&facts.metadata).map_or(usize::MAX, |text| text.len());
    if bytes > LARGEST_METADATA { Err(Problem::Large(LARGEST_METADATA).of("metadata")) } else { Ok(()) }
}

/// Whether every text in the value is one that every database holds: without the character NUL.
fn is_text(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(many) => many.iter().all(is_text),
        Value::Object(inner) => inner.iter().all(|(key, value)| !key.contains('\0') && is_text(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

/// A text of a person's: trimmed, of bounded length, without control characters.
fn words(text: &str, field: &str, longest: usize) -> Result<String, FieldProblem> {
    let text = text.trim();
    if text.chars().any(char::is_control) {
        return Err(Problem::Control.of(field));
    }
    if text.chars().count() > longest {
        return Err(Problem::Long(longest).of(field));
    }
    Ok(text.to_owned())
}

fn country(text: &str) -> Result<String, FieldProblem> {
    let text = text.trim();
    let letters = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    if letters { Ok(text.to_ascii_uppercase()) } else { Err(Problem::Country.of("country_code")) }
}

/// A name as a stranger gave it: control characters dropped, cut at the longest.
#[must_use]
pub fn harmless(name: &str) -> Option<String> {
    let kept: String = name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect();
    let kept = kept.trim();
    (!kept.is_empty()).then(|| kept.to_owned())
}
