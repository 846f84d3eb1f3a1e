//! Shapes of contacts in requests and answers.

use std::collections::BTreeMap;

use offhook_core::contact::segment::{ContactList, Segment};
use offhook_core::contact::{Change, Contact, Edit, Email, Facts, FieldProblem, Problem};
use offhook_core::phone::Phone;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::error::ApiError;
use crate::manners::moment;

/// A contact.
#[derive(Serialize, ToSchema)]
pub(crate) struct ContactBody {
    #[schema(example = "con_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    id: String,
    /// E.164; the last four digits masked for the roles viewer and billing.
    #[schema(required, example = "+14155552671")]
    phone: Option<String>,
    /// Further numbers, masked likewise: those of contacts that were merged into this one. Left out when there are
    /// none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    other_phones: Vec<String>,
    /// Masked for the roles viewer and billing.
    #[schema(required, example = "jane@example.com")]
    email: Option<String>,
    #[schema(required)]
    first_name: Option<String>,
    #[schema(required)]
    last_name: Option<String>,
    /// The name the user has given themselves at WhatsApp.
    #[schema(required)]
    profile_name: Option<String>,
    /// ISO 3166-1 alpha-2.
    #[schema(required, example = "US")]
    country_code: Option<String>,
    #[schema(required, example = "lead")]
    lifecycle_stage: Option<String>,
    tags: Vec<String>,
    #[schema(value_type = Object)]
    metadata: Map<String, Value>,
    /// Whether each channel may be used; a channel that is not named was never decided on.
    preferences: BTreeMap<&'static str, bool>,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

impl ContactBody {
    pub(super) fn of(contact: &Contact, reveal: bool) -> Self {
        let facts = &contact.facts;
        let phone = |phone: &Phone| if reveal { phone.reveal() } else { phone.to_string() };
        Self {
            id: contact.id.as_str().to_owned(),
            phone: facts.phone.as_ref().map(phone),
            other_phones: facts.other_phones.iter().map(phone).collect(),
            email: facts
                .email
                .as_ref()
                .map(|it| if reveal { it.as_str().to_owned() } else { masked(it.as_str()) }),
            first_name: facts.first_name.clone(),
            last_name: facts.last_name.clone(),
            profile_name: facts.profile_name.clone(),
            country_code: facts.country_code.clone(),
            lifecycle_stage: facts.lifecycle_stage.clone(),
            tags: facts.tags.clone(),
            metadata: facts.metadata.clone(),
            preferences: facts.preferences.iter().map(|(channel, on)| (channel.as_str(), *on)).collect(),
            created_at: moment::whole(contact.created_at),
            updated_at: moment::whole(contact.updated_at),
        }
    }

    pub(super) fn json(contact: &Contact, reveal: bool) -> Value {
        json(&Self::of(contact, reveal))
    }
}

/// What is known of a contact, for events: the fields of [`ContactBody`] that are facts.
pub(in super::super) fn told(facts: &Facts, reveal: bool) -> Value {
    let phone = |phone: &Phone| if reveal { phone.reveal() } else { phone.to_string() };
    let email = facts.email.as_ref().map(Email::as_str);
    let email = email.map(|it| if reveal { it.to_owned() } else { masked(it) });
    let preferences: BTreeMap<_, _> = facts.preferences.iter().map(|(on, yes)| (on.as_str(), *yes)).collect();
    let mut told = json!({
        "phone": facts.phone.as_ref().map(phone),
        "email": email,
        "first_name": facts.first_name,
        "last_name": facts.last_name,
        "profile_name": facts.profile_name,
        "country_code": facts.country_code,
        "lifecycle_stage": facts.lifecycle_stage,
        "tags": facts.tags,
        "metadata": facts.metadata,
        "preferences": preferences,
    });
    if !facts.other_phones.is_empty() {
        told["other_phones"] = facts.other_phones.iter().map(phone).collect();
    }
    told
}

/// An address with nothing but its domain to be read.
fn masked(address: &str) -> String {
    let domain = address.split_once('@').map_or("", |(_, domain)| domain);
    format!("****@{domain}")
}

/// What is known of a contact, or what is to change: what is not named stays, what is null is forgotten.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
pub(crate) struct ContactInput {
    /// E.164.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "+14155552671")]
    phone: Option<Option<String>>,
    /// All further numbers, E.164, instead of those before.
    #[schema(max_items = 100)]
    other_phones: Option<Vec<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "jane@example.com")]
    email: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200)]
    first_name: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 200)]
    last_name: Option<Option<String>>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "US")]
    country_code: Option<Option<String>>,
    /// Any word: lead, customer, churned …
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 64)]
    lifecycle_stage: Option<Option<String>>,
    /// All tags, instead of those before.
    #[schema(max_items = 100)]
    tags: Option<Vec<String>>,
    /// Merged with what is there; null removes a key.
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// Merged with what is there.
    preferences: Option<BTreeMap<String, bool>>,
}

impl ContactInput {
    pub(super) fn change(self) -> Change {
        Change {
            phone: edit(self.phone),
            other_phones: self.other_phones,
            email: edit(self.email),
            first_name: edit(self.first_name),
            last_name: edit(self.last_name),
            country_code: edit(self.country_code),
            lifecycle_stage: edit(self.lifecycle_stage),
            tags: self.tags,
            metadata: self.metadata,
            preferences: self.preferences.unwrap_or_default(),
        }
    }
}

/// What is absent is not read at all; null is a value of its own.
fn given<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

/// Null forgets, a value sets, and what is absent stays.
pub(super) fn edit(given: Option<Option<String>>) -> Edit<String> {
    given.map_or(Edit::Keep, |given| given.map_or(Edit::Clear, Edit::Set))
}

/// Tags to add.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Tags {
    pub(super) tags: Vec<String>,
}

/// A contact's tags.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tagged {
    pub(super) id: String,
    pub(super) tags: Vec<String>,
}

/// Channels that may or may not be used: sms, whatsapp, email, rcs, viber, voice.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Preferences {
    pub(super) preferences: BTreeMap<String, bool>,
}

/// A contact's channels.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preferred {
    pub(super) id: String,
    pub(super) preferences: BTreeMap<&'static str, bool>,
}

/// A contact who has refused channels.
#[derive(Serialize, ToSchema)]
pub(crate) struct OptedOut {
    #[serde(flatten)]
    pub(super) contact: ContactBody,
    pub(super) opted_out: Vec<&'static str>,
}

/// Contacts that are one person.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Merge {
    /// Whose id and word stay.
    pub(super) primary_id: String,
    /// Who become part of it.
    #[schema(min_items = 1, max_items = 50)]
    pub(super) duplicate_ids: Vec<String>,
}

/// A list's name and description.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
pub(crate) struct ListInput {
    #[schema(min_length = 1, max_length = 120)]
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>, max_length = 500)]
    pub(super) description: Option<Option<String>>,
}

/// A list of contacts.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListBody {
    #[schema(example = "lst_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    id: String,
    name: String,
    #[schema(required)]
    description: Option<String>,
    member_count: u64,
    #[schema(format = DateTime)]
    created_at: String,
}

impl ListBody {
    pub(super) fn json(list: &ContactList) -> Value {
        json(&Self {
            id: list.id.as_str().to_owned(),
            name: list.name.clone(),
            description: list.description.clone(),
            member_count: list.members,
            created_at: moment::whole(list.created_at),
        })
    }
}

/// Contacts to put on a list, or to take off it.
#[derive(Deserialize, ToSchema)]
pub(crate) struct Members {
    #[schema(max_items = 1000)]
    pub(super) contact_ids: Vec<String>,
}

/// What became of them.
#[derive(Serialize, ToSchema)]
pub(crate) struct MembersChanged {
    /// How many came onto the list, or off it.
    pub(super) changed: u64,
    pub(super) member_count: u64,
}

/// A segment's name and rules.
#[derive(Deserialize, Default, ToSchema)]
#[serde(default)]
pub(crate) struct SegmentInput {
    #[schema(min_length = 1, max_length = 120)]
    pub(super) name: Option<String>,
    /// See `docs/api/contacts.md`.
    #[schema(value_type = Option<Object>)]
    pub(super) rules: Option<Value>,
}

/// A segment.
#[derive(Serialize, ToSchema)]
pub(crate) struct SegmentBody {
    #[schema(example = "seg_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    id: String,
    name: String,
    /// As they were written.
    #[schema(value_type = Object)]
    rules: Value,
    /// How many contacts belong now.
    contact_count: u64,
    #[schema(format = DateTime)]
    created_at: String,
}

impl SegmentBody {
    pub(super) fn json(segment: &Segment) -> Value {
        json(&Self {
            id: segment.id.as_str().to_owned(),
            name: segment.name.clone(),
            rules: serde_json::from_str(&segment.written).unwrap_or_default(),
            contact_count: segment.count,
            created_at: moment::whole(segment.created_at),
        })
    }
}

/// Whom rules would admit.
#[derive(Serialize, ToSchema)]
pub(crate) struct Preview {
    pub(super) contact_count: u64,
    /// The first of them, the last made first.
    pub(super) contacts: Vec<ContactBody>,
}

pub(super) fn json<T: Serialize>(body: &T) -> Value {
    serde_json::to_value(body).expect("bodies have text keys")
}

/// A broken rule of a field, with Orbit's codes where it has some.
pub(super) fn field(problem: &FieldProblem) -> ApiError {
    match problem.problem {
        Problem::Phone => ApiError::invalid_phone(&problem.field),
        Problem::Email => ApiError::invalid_email(&problem.field),
        rule => ApiError::invalid(&problem.field, format!("field '{}' {rule}", problem.field)),
    }
}
