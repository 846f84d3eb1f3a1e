//! Whom a call concerns: the contact behind a phone number or a user id, found, made, or found to be two.

use super::edit::harmless;
use super::{Contact, Facts};
use crate::id::{ContactId, TenantId};
use crate::meta::Party;
use crate::time::Time;

/// What a sighting of a user means.
#[derive(Debug, Clone, PartialEq)]
pub enum Sighting {
    /// Nothing: the user said neither number nor id.
    Nobody,
    /// A contact that is known, and nothing new about them.
    Known(ContactId),
    /// A contact that is known, as it is with what was learnt.
    Learnt(Contact),
    /// Somebody new.
    New(Contact),
    /// Two that turn out to be one: the first, with what the second knew, and the second, which goes.
    Same(Contact, ContactId),
}

/// What the sighting of `party` means, given the contacts that share its phone number or user id.
///
/// The phone number says more than the id: a contact known by the id alone is joined to the one with the
/// number, and an id never takes a number away from somebody who has another one.
#[must_use]
pub fn sight(
    party: &Party,
    known: Vec<Contact>,
    tenant: &TenantId,
    fresh: &ContactId,
    now: Time,
) -> Sighting {
    if party.phone.is_none() && party.user_id.is_none() {
        return Sighting::Nobody;
    }
    let mut by_phone = None;
    let mut by_id = None;
    for contact in known {
        if party.phone.as_ref().is_some_and(|phone| contact.facts.has_phone(phone)) {
            by_phone = Some(contact);
        } else if party.user_id.as_ref().is_some_and(|id| contact.facts.user_ids.contains(id)) {
            by_id = Some(contact);
        }
    }
    match (by_phone, by_id) {
        (Some(one), Some(other)) if other.facts.phone.is_none() => {
            let mut joined = super::merge::merge(&one, std::slice::from_ref(&other), now);
            learn(&mut joined.facts, party);
            Sighting::Same(joined, other.id)
        }
        // The id is another person's, who has a number of their own: it stays theirs.
        (Some(one), Some(_)) => learnt(one, &Party { user_id: None, ..party.clone() }, now),
        (Some(one), None) => learnt(one, party, now),
        (None, Some(one)) if one.facts.phone.is_none() || party.phone.is_none() => learnt(one, party, now),
        // The user of this id calls from another number: a number belongs to one contact.
        (None, Some(_)) => made(&Party { user_id: None, ..party.clone() }, tenant, fresh, now),
        (None, None) => made(party, tenant, fresh, now),
    }
}

fn learnt(contact: Contact, party: &Party, now: Time) -> Sighting {
    let mut facts = contact.facts.clone();
    learn(&mut facts, party);
    if facts == contact.facts {
        return Sighting::Known(contact.id);
    }
    Sighting::Learnt(Contact { version: contact.version + 1, updated_at: now, facts, ..contact })
}

fn made(party: &Party, tenant: &TenantId, fresh: &ContactId, now: Time) -> Sighting {
    let mut facts = Facts::default();
    learn(&mut facts, party);
    Sighting::New(Contact {
        id: fresh.clone(),
        tenant: tenant.clone(),
        version: 1,
        facts,
        created_at: now,
        updated_at: now,
    })
}

fn learn(facts: &mut Facts, party: &Party) {
    if facts.phone.is_none() {
        facts.phone.clone_from(&party.phone);
    }
    facts.user_ids.extend(party.user_id.clone());
    if let Some(name) = party.name.as_deref().and_then(harmless) {
        facts.profile_name = Some(name);
    }
}
