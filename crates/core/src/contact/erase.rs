//! Forgetting a person: what of calls and of the log tells who they are, and how it goes.
//!
//! That there was a call, when, how long and what it cost stays: it is the company's own business. Who it was
//! with, WhatsApp's id of it (the number is inside) and what the client wrote beside it go.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Contact, Facts};
use crate::call::{CallRecord, Glance};
use crate::event::{ContactEvent, Event};
use crate::id::{CallId, ContactId, Wacid};
use crate::meta::{Extras, Party};
use crate::phone::Phone;
use crate::search::spells;

/// What stands where something about a person stood.
const GONE: &str = "erased";

/// A person whom nothing may tell of any more.
#[derive(Default)]
pub struct Person {
    /// The contact they are, and those it took in.
    pub contacts: BTreeSet<ContactId>,
    /// Their numbers.
    pub phones: BTreeSet<Phone>,
    /// Their addresses.
    pub emails: BTreeSet<String>,
    /// WhatsApp's ids of them.
    pub user_ids: BTreeSet<String>,
    /// The calls with them.
    pub calls: BTreeSet<CallId>,
    /// WhatsApp's ids of those.
    pub wacids: BTreeSet<Wacid>,
}

impl Person {
    /// The person behind a contact, before anybody has looked for their traces.
    #[must_use]
    pub fn of(contact: &Contact) -> Self {
        let mut person = Self { contacts: BTreeSet::from([contact.id.clone()]), ..Self::default() };
        person.add_facts(&contact.facts);
        person
    }

    /// Counts what was once known of them as theirs.
    pub fn add_facts(&mut self, facts: &Facts) {
        self.phones.extend(facts.phones().cloned());
        self.emails.extend(facts.email.iter().map(|email| email.as_str().to_owned()));
        self.user_ids.extend(facts.user_ids.iter().cloned());
    }

    /// Counts a call as theirs.
    pub fn add_call(&mut self, call: &CallRecord) {
        self.calls.insert(call.id.clone());
        self.wacids.extend(call.facts.wacid.clone());
        self.phones.extend(call.facts.party.phone.clone());
        self.user_ids.extend(call.facts.party.user_id.clone());
    }

    /// Counts an entry of the log as theirs: a contact that was taken in, and what was known of it.
    pub fn add_event(&mut self, event: &Event) {
        if let Event::Contact { contact, what, facts } = event
            && self.contacts.contains(contact)
        {
            facts.iter().for_each(|facts| self.add_facts(facts));
            if let ContactEvent::Merged { gone } = what {
                self.contacts.insert(gone.clone());
            }
        }
    }

    /// Numbers, addresses and ids that are somebody else's by now are not counted as theirs.
    pub fn keep_off(&mut self, other: &Facts) {
        self.phones.retain(|phone| !other.has_phone(phone));
        self.emails.retain(|email| other.email.as_ref().is_none_or(|it| it.as_str() != email));
        self.user_ids.retain(|id| !other.user_ids.contains(id));
    }

    /// Texts that tell of them wherever they stand.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        let phones = self.phones.iter().map(|phone| phone.digits().to_owned());
        let wacids = self.wacids.iter().map(|wacid| wacid.as_str().to_owned());
        phones.chain(self.emails.iter().cloned()).chain(self.user_ids.iter().cloned()).chain(wacids).collect()
    }

    /// Whether a text tells of them.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        self.phones.iter().any(|phone| spells(text, Some(phone)))
            || self.texts().iter().any(|telling| text.contains(telling.as_str()))
    }

    /// Takes them out of a call. It is one version on: whoever still has it as it was cannot bring them back.
    pub fn leave_call(&self, call: &mut CallRecord) {
        call.version += 1;
        call.facts.wacid = None;
        call.facts.party = Party::default();
        (call.facts.offer, call.facts.answer) = (None, None);
        call.facts.metadata = None;
        call.facts.extras = Extras::default();
        self.leave_text(&mut call.correlation);
        self.leave_text(&mut call.conversation_id);
        if let Some(left) = self.left(&call.facts) {
            call.facts = left;
        }
    }

    /// Takes them out of an entry of the log. None when it tells nothing of them.
    #[must_use]
    pub fn leave_event(&self, event: &Event) -> Option<Event> {
        let mut left = event.clone();
        match &mut left {
            Event::Call { call, glance, .. } => {
                let theirs = self.calls.contains(call);
                if let Some(glance) = glance.as_deref_mut().filter(|_| theirs) {
                    self.leave_glance(glance);
                }
            }
            Event::Contact { contact, facts, .. } if self.contacts.contains(contact) => *facts = None,
            Event::Permission { phone, .. } if self.phones.contains(phone) => {
                return Some(Event::Erased);
            }
            // It would hand on Meta's own words about them.
            Event::Knock { call: Some(call), .. } if self.calls.contains(call) => return Some(Event::Erased),
            _ => {}
        }
        // What is left where nobody thought of it.
        let left =
            self.left(&left).or_else(|| self.is_told_by(&left).then_some(Event::Erased)).unwrap_or(left);
        (left != *event).then_some(left)
    }

    fn leave_glance(&self, glance: &mut Glance) {
        glance.wacid = None;
        glance.party = Party::default();
        self.leave_text(&mut glance.correlation);
        self.leave_text(&mut glance.conversation_id);
    }

    fn leave_text(&self, text: &mut Option<String>) {
        *text = text.take().filter(|text| !self.is_in(text));
    }

    /// The value without texts that tell of them; none when there are none, or it makes no sense without.
    fn left<T: serde::Serialize + serde::de::DeserializeOwned>(&self, whole: &T) -> Option<T> {
        let mut value = serde_json::to_value(whole).ok()?;
        let texts = self.texts();
        blank(&mut value, &texts).then(|| serde_json::from_value(value).ok()).flatten()
    }

    fn is_told_by(&self, event: &Event) -> bool {
        serde_json::to_value(event).is_ok_and(|mut value| blank(&mut value, &self.texts()))
    }
}

/// Blanks every text that has one of the others in it, and says whether there was one.
fn blank(value: &mut Value, texts: &[String]) -> bool {
    match value {
        Value::String(text) => {
            let tells = texts.iter().any(|telling| text.contains(telling.as_str()));
            if tells {
                GONE.clone_into(text);
            }
            tells
        }
        Value::Array(all) => all.iter_mut().fold(false, |any, value| blank(value, texts) | any),
        Value::Object(all) => all.values_mut().fold(false, |any, value| blank(value, texts) | any),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::contact::Email;
    use crate::event::Consent;
    use crate::id::NumberId;

    fn dana() -> Person {
        let facts = Facts {
            phone: Phone::parse("+447700900123").ok(),
            email: Email::parse("dana@example.com"),
            user_ids: BTreeSet::from(["GB.1234567890".to_owned()]),
            ..Facts::default()
        };
        let contacts = BTreeSet::from([ContactId::from_uuid(Uuid::from_u128(1))]);
        let mut dana = Person { contacts, ..Person::default() };
        dana.add_facts(&facts);
        dana
    }

    fn permission(phone: &str) -> Event {
        Event::Permission {
            number: NumberId::from_uuid(Uuid::from_u128(1)),
            phone: Phone::parse(phone).unwrap(),
            consent: Consent::Granted,
            state: None,
            expires_at: None,
            source: None,
        }
    }

    #[test]
    fn a_persons_consent_leaves_an_empty_place_and_anothers_stays() {
        assert_eq!(dana().leave_event(&permission("+447700900123")), Some(Event::Erased));
        assert_eq!(dana().leave_event(&permission("+447700900124")), None);
    }

    #[test]
    fn texts_tell_of_a_person_however_they_spell_the_number() {
        for text in ["447700900123", "ring +44 7700 900-123", "GB.1234567890", "<dana@example.com>"] {
            assert!(dana().is_in(text), "{text}");
        }
        assert!(!dana().is_in("conv_33") && !dana().is_in("447700900124"));
    }

    #[test]
    fn texts_nobody_thought_of_are_blanked() {
        let mut value = serde_json::json!({ "a": ["x", { "b": "+447700900123" }], "n": 447_700_900_123_u64 });
        assert!(blank(&mut value, &dana().texts()));
        assert_eq!(value["a"][1]["b"], GONE);
        assert!(!blank(&mut value, &dana().texts()));
    }
}
