//! Contacts: the people a company talks with, so that a call has a name and a history.
//!
//! A contact is known by its phone number, its e-mail address and WhatsApp's business-scoped user ids, any of
//! which may be missing; no two contacts of a company share one of them. Decisions live here, pure: what a
//! change makes of a contact ([`edit`]), whom a call concerns ([`sight`]), what merging keeps ([`merge`]),
//! who belongs to a segment ([`rule`], [`segment`]),
//! what a file makes of all of them ([`import`]), how a person is forgotten ([`erase`]).

pub mod edit;

pub mod rule;

pub mod segment;

pub mod sight;

pub mod merge;

pub mod plan;

pub mod timeline;

pub mod import;

pub mod erase;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{ContactId, TenantId};
use crate::phone::Phone;
use crate::time::Time;

pub use edit::{Change, Edit, FieldProblem, Problem};

/// A contact.
#[derive(Debug, Clone, PartialEq)]
pub struct Contact {
    /// Ours.
    pub id: ContactId,
    /// Whose.
    pub tenant: TenantId,
    /// Rises by one with every change.
    pub version: u64,
    /// What is known.
    pub facts: Facts,
    /// When it was made.
    pub created_at: Time,
    /// When it last changed.
    pub updated_at: Time,
}

/// What is known of a contact.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The phone number, which WhatsApp's id of the user is made of.
    pub phone: Option<Phone>,
    /// Further numbers, never the first: those of contacts that became part of this one.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub other_phones: BTreeSet<Phone>,
    /// The e-mail address.
    pub email: Option<Email>,
    /// Given name.
    pub first_name: Option<String>,
    /// Family name.
    pub last_name: Option<String>,
    /// The name the user has given themselves at WhatsApp. Theirs to change, not ours.
    pub profile_name: Option<String>,
    /// ISO 3166-1 alpha-2, upper case.
    pub country_code: Option<String>,
    /// The company's own word: lead, customer, churned …
    pub lifecycle_stage: Option<String>,
    /// In the order they were added, each once.
    pub tags: Vec<String>,
    /// The company's own data.
    pub metadata: Map<String, Value>,
    /// Whether each channel may be used. A channel that is not named was never decided on.
    pub preferences: BTreeMap<Channel, bool>,
    /// WhatsApp's business-scoped user ids, under which calls without a phone number come.
    pub user_ids: BTreeSet<String>,
}

impl fmt::Debug for Facts {
    /// Names, addresses and data of people do not print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("phone", &self.phone)
            .field("tags", &self.tags.len())
            .finish_non_exhaustive()
    }
}

impl Facts {
    /// The name to show: the company's own, else the user's.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        let both = [self.first_name.as_deref(), self.last_name.as_deref()];
        let own = both.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if own.is_empty() { self.profile_name.clone() } else { Some(own) }
    }

    /// All numbers, the first first.
    pub fn phones(&self) -> impl Iterator<Item = &Phone> {
        self.phone.iter().chain(&self.other_phones)
    }

    /// Whether a number is theirs.
    #[must_use]
    pub fn has_phone(&self, phone: &Phone) -> bool {
        self.phones().any(|theirs| theirs == phone)
    }

    /// The first number is not among the others, and there is one when there are others.
    fn settle_phones(&mut self) {
        if self.phone.is_none() {
            self.phone = self.other_phones.pop_first();
        }
        if let Some(phone) = &self.phone {
            self.other_phones.remove(phone);
        }
    }

    /// Channels that may not be used.
    #[must_use]
    pub fn opted_out(&self) -> Vec<Channel> {
        self.preferences.iter().filter(|(_, allowed)| !**allowed).map(|(channel, _)| *channel).collect()
    }

    /// The names by which a person looks for a contact, folded to lower case, one on a line.
    #[must_use]
    pub fn names(&self) -> String {
        let own =
            [&self.first_name, &self.last_name].into_iter().flatten().cloned().collect::<Vec<_>>().join(" ");
        let parts = [Some(own), self.profile_name.clone()].into_iter().flatten();
        parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n").to_lowercase()
    }

    /// Everything by which a person looks for a contact, folded likewise: names, e-mail, digits.
    #[must_use]
    pub fn searched(&self) -> String {
        let phones = self.phones().map(|phone| phone.digits().to_owned());
        let email = self.email.as_ref().map(|email| email.as_str().to_owned());
        let parts = [Some(self.names()), email].into_iter().flatten().chain(phones);
        parts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n")
    }
}

/// A way to reach a contact (provider-apis.md 2.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// Text messages.
    Sms,
    /// WhatsApp, calls and chat.
    Whatsapp,
    /// E-mail.
    Email,
    /// RCS.
    Rcs,
    /// Viber.
    Viber,
    /// Telephone.
    Voice,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Sms, Self::Whatsapp, Self::Email, Self::Rcs, Self::Viber, Self::Voice];

    /// The word used in JSON and SQL.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
            Self::Email => "email",
            Self::Rcs => "rcs",
            Self::Viber => "viber",
            Self::Voice => "voice",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.as_str() == word)
    }
}

/// An e-mail address, lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Longest address that can be delivered to (RFC 5321 section 4.5.3.1.3).
    const LONGEST: usize = 254;

    /// Reads an address: something, one `@`, a domain with a dot. Whether it is anybody's only mail can tell.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        let (local, domain) = text.split_once('@')?;
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && !"@<>()[],;:\\\"".contains(c);
        let labels = domain
            .split('.')
            .all(|label| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-'));
        let fits = text.len() <= Self::LONGEST && (1..=64).contains(&local.len()) && domain.contains('.');
        (fits && labels && local.chars().chain(domain.chars()).all(plain)).then_some(Self(text))
    }

    /// As stored. Personal data: not for logs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…@…")
    }
}
