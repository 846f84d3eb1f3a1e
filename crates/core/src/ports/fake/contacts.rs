//! Contacts in memory, in the same memory as calls and the log.

use async_trait::async_trait;
use uuid::Uuid;

use super::memory::{Memory, Tables};
use crate::call::CallRecord;
use crate::contact::erase::Person;
use crate::contact::plan::plan;
use crate::contact::rule::Rule;
use crate::contact::timeline::{Entry, What};
use crate::contact::{Contact, Facts};
use crate::event::{ContactEvent, Event, Logged};
use crate::id::{CallId, ContactId, TenantId};
use crate::phone::Phone;
use crate::ports::{
    ContactFilter, ContactKeys, ContactPage, Contacts, ContactsAfter, Crowd, Erasure, StoreFault,
};
use crate::time::Time;

impl Memory {
    /// Adds somebody the company knows already, without a word in the log.
    pub fn with_contact(&self, tenant: &TenantId, facts: Facts) {
        let mut tables = self.lock();
        let id = ContactId::from_uuid(Uuid::from_u128(0xc0_0000 + tables.contacts.len() as u128));
        let at = Time::default();
        let contact =
            Contact { id, tenant: tenant.clone(), version: 1, facts, created_at: at, updated_at: at };
        tables.contacts.push(contact);
    }

    /// All contacts, in the order they were made.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        self.lock().contacts.clone()
    }
}

#[async_trait]
impl Contacts for Memory {
    async fn put(&self, contact: &Contact) -> Result<Vec<Logged>, StoreFault> {
        let mut tables = self.lock();
        let events = write(&mut tables, contact)?;
        Ok(tables.append(&contact.tenant, contact.updated_at, &events))
    }

    async fn merge(&self, contact: &Contact, gone: &[ContactId]) -> Result<Vec<Logged>, StoreFault> {
        let mut logged = {
            let mut tables = self.lock();
            tables.writable()?;
            tables.contacts.retain(|it| it.tenant != contact.tenant || !gone.contains(&it.id));
            let merged = |gone: &ContactId| Event::Contact {
                contact: contact.id.clone(),
                what: ContactEvent::Merged { gone: gone.clone() },
                facts: Some(Box::new(contact.facts.clone())),
            };
            let events: Vec<Event> = gone.iter().map(merged).collect();
            tables.append(&contact.tenant, contact.updated_at, &events)
        };
        logged.extend(self.put(contact).await?);
        Ok(logged)
    }

    async fn put_many(&self, contacts: &[Contact]) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        contacts.iter().try_for_each(|contact| write(&mut tables, contact).map(drop))
    }

    async fn load(&self, tenant: &TenantId, id: &ContactId) -> Result<Option<Contact>, StoreFault> {
        Ok(self.lock().contacts.iter().find(|it| it.tenant == *tenant && it.id == *id).cloned())
    }

    async fn known(&self, tenant: &TenantId, keys: &ContactKeys) -> Result<Vec<Contact>, StoreFault> {
        let has = |contact: &&Contact| {
            let facts = &contact.facts;
            contact.tenant == *tenant
                && (facts.phones().any(|phone| keys.phones.contains(phone))
                    || facts.email.as_ref().is_some_and(|email| keys.emails.contains(email))
                    || keys.user_ids.iter().any(|id| facts.user_ids.contains(id)))
        };
        Ok(self.lock().contacts.iter().filter(has).cloned().collect())
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &ContactFilter,
        page: &ContactsAfter,
    ) -> Result<ContactPage, StoreFault> {
        Ok(page_of(&self.lock(), tenant, page, |contact| fits(filter, contact)))
    }

    async fn admitted(
        &self,
        tenant: &TenantId,
        rule: &Rule,
        page: &ContactsAfter,
    ) -> Result<ContactPage, StoreFault> {
        Ok(page_of(&self.lock(), tenant, page, |contact| rule.admits(contact)))
    }

    async fn crowd(&self, tenant: &TenantId, rule: &Rule, newest: u32) -> Result<Crowd, StoreFault> {
        let tables = self.lock();
        let theirs = |contact: &&Contact| contact.tenant == *tenant && rule.admits(contact);
        let mut found: Vec<_> = tables.contacts.iter().filter(theirs).cloned().collect();
        found.reverse();
        let count = found.len() as u64;
        found.truncate(newest as usize);
        Ok(Crowd { count, newest: found })
    }

    async fn count(
        &self,
        tenant: &TenantId,
        filter: &ContactFilter,
        upto: u64,
    ) -> Result<Option<u64>, StoreFault> {
        let tables = self.lock();
        let theirs =
            tables.contacts.iter().filter(|contact| contact.tenant == *tenant && fits(filter, contact));
        Ok(Some(theirs.count() as u64).filter(|count| *count <= upto))
    }

    async fn erase(&self, tenant: &TenantId, id: &ContactId, now: Time) -> Result<Erasure, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let place = tables.contacts.iter().position(|it| it.tenant == *tenant && it.id == *id);
        let Some(place) = place else { return Ok(Erasure::Unknown) };
        let mut person = Person::of(&tables.contacts[place]);
        let theirs = |call: &&mut CallRecord| {
            let party = &call.facts.party;
            let known = party.contact.as_ref().is_some_and(|it| it.id == *id);
            let named = party.phone.as_ref().is_some_and(|phone| person.phones.contains(phone));
            call.tenant == *tenant && (known || named)
        };
        let mut calls: Vec<&mut CallRecord> = tables.calls.values_mut().filter(theirs).collect();
        if calls.iter().any(|call| !call.state.is_over()) {
            return Ok(Erasure::Busy);
        }
        calls.iter().for_each(|call| person.add_call(call));
        calls.iter_mut().for_each(|call| person.leave_call(call));
        let gone = tables.contacts.remove(place);
        tables.notes.retain(|(of, _)| of != id);
        tables.members.retain(|(_, of)| of != id);
        tables.permissions.retain(|(_, phone), _| !person.phones.contains(phone));
        for entry in tables.logs.get_mut(tenant).into_iter().flatten() {
            if let Some(left) = person.leave_event(&entry.event) {
                entry.event = left;
            }
        }
        let events = plan(Some(&gone), None, &[]).events;
        Ok(Erasure::Erased(tables.append(tenant, now, &events)))
    }

    async fn calls(&self, tenant: &TenantId, id: &ContactId) -> Result<Option<Vec<CallId>>, StoreFault> {
        let tables = self.lock();
        let theirs = |call: &&CallRecord| call.facts.party.contact.as_ref().is_some_and(|it| it.id == *id);
        let calls = tables.calls.values().filter(theirs).map(|call| call.id.clone()).collect();
        Ok(tables.contacts.iter().any(|it| it.tenant == *tenant && it.id == *id).then_some(calls))
    }

    async fn timeline(
        &self,
        tenant: &TenantId,
        id: &ContactId,
        before: Option<Time>,
        limit: u32,
    ) -> Result<Option<Vec<Entry>>, StoreFault> {
        let tables = self.lock();
        if !tables.contacts.iter().any(|it| it.tenant == *tenant && it.id == *id) {
            return Ok(None);
        }
        let theirs = |call: &&CallRecord| call.facts.party.contact.as_ref().is_some_and(|it| it.id == *id);
        let calls = tables.calls.values().filter(theirs).map(|call| Entry {
            at: call.created_at,
            what: What::Call { call: call.id.clone(), state: call.state, direction: call.direction },
        });
        let notes = tables.notes.iter().filter(|(of, _)| of == id).map(|(_, note)| note.clone());
        let contact = tables.contacts.iter().find(|it| it.id == *id);
        let theirs = |phone: &Phone| contact.is_some_and(|contact| contact.facts.has_phone(phone));
        let asked = tables.permissions.values().filter(|it| it.tenant == *tenant && theirs(&it.phone));
        let asked = asked.flat_map(|it| {
            let what = |consent| What::Consent { number: it.number.clone(), consent };
            it.history().into_iter().map(move |(at, consent)| Entry { at, what: what(consent) })
        });
        let mut all: Vec<Entry> =
            calls.chain(notes).chain(asked).filter(|it| before.is_none_or(|before| it.at < before)).collect();
        all.sort_by_key(|entry| std::cmp::Reverse(entry.at));
        all.truncate(limit as usize);
        Ok(Some(all))
    }

    async fn add_note(&self, tenant: &TenantId, id: &ContactId, note: &Entry) -> Result<bool, StoreFault> {
        let mut tables = self.lock();
        let known = tables.contacts.iter().any(|it| it.tenant == *tenant && it.id == *id);
        if known {
            tables.notes.push((id.clone(), note.clone()));
        }
        Ok(known)
    }
}

/// Writes a contact, and returns what there is to tell.
fn write(tables: &mut Tables, contact: &Contact) -> Result<Vec<Event>, StoreFault> {
    tables.writable()?;
    let shares = |other: &&Contact| {
        let (ours, theirs) = (&contact.facts, &other.facts);
        let phone = ours.phones().any(|phone| theirs.has_phone(phone));
        let email = ours.email.is_some() && ours.email == theirs.email;
        other.id != contact.id && (phone || email || !ours.user_ids.is_disjoint(&theirs.user_ids))
    };
    let ours = |other: &&Contact| other.tenant == contact.tenant;
    if tables.contacts.iter().filter(ours).any(|other| shares(&other)) {
        return Err(StoreFault::Exists("a contact with this phone number, address or user id"));
    }
    let before = tables.contacts.iter().find(|it| it.id == contact.id).cloned();
    if before.as_ref().map_or(0, |before| before.version) + 1 != contact.version {
        return Err(StoreFault::Conflict);
    }
    match tables.contacts.iter_mut().find(|it| it.id == contact.id) {
        Some(place) => place.clone_from(contact),
        None => tables.contacts.push(contact.clone()),
    }
    Ok(plan(before.as_ref(), Some(contact), &[]).events)
}

fn page_of(
    tables: &Tables,
    tenant: &TenantId,
    page: &ContactsAfter,
    fits: impl Fn(&Contact) -> bool,
) -> ContactPage {
    let before = usize::try_from(page.after.unwrap_or(i64::MAX)).unwrap_or(usize::MAX);
    let fits =
        |(place, contact): &(usize, &Contact)| *place < before && contact.tenant == *tenant && fits(contact);
    let mut found: Vec<_> = tables.contacts.iter().enumerate().filter(fits).collect();
    found.reverse();
    let limit = page.limit as usize;
    let next = (found.len() > limit).then(|| i64::try_from(found[limit - 1].0).unwrap_or(i64::MAX));
    found.truncate(limit);
    ContactPage { contacts: found.into_iter().map(|(_, contact)| contact.clone()).collect(), next }
}

/// What a test of doors needs: words, stage.
fn fits(filter: &ContactFilter, contact: &Contact) -> bool {
    let searched = if filter.names_only { contact.facts.names() } else { contact.facts.searched() };
    let words = filter.search.as_deref().unwrap_or_default().to_lowercase();
    words.split_whitespace().all(|word| searched.contains(word))
        && (filter.lifecycle_stage.is_none() || filter.lifecycle_stage == contact.facts.lifecycle_stage)
}
