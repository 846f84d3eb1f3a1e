//! Contacts over time: changes that meet one another, and callers who become contacts.

use offhook_core::contact::merge::merge;
use offhook_core::contact::sight::{Sighting, sight};
use offhook_core::contact::{Change, Contact, Facts, FieldProblem};
use offhook_core::event::{Announced, Logged};
use offhook_core::id::{ContactId, TenantId};
use offhook_core::meta::{Contacted, Party};
use offhook_core::ports::{ContactKeys, Erasure, StoreFault};

use crate::house::{Engine, Inner};

/// Tries at a change that meets others of the same contact. Two people rarely write at once, five never.
const TRIES: usize = 5;

/// Why contacts were not changed as asked.
#[derive(Debug, thiserror::Error)]
pub enum ContactError {
    /// A field breaks a rule.
    #[error("{} {}", .0.field, .0.problem)]
    Field(FieldProblem),
    /// Another contact has the phone number or the address.
    #[error("a contact with this phone number or e-mail address exists already")]
    Taken(Option<ContactId>),
    /// No such contact.
    #[error("no such contact")]
    Unknown,
    /// The database cannot be used now.
    #[error(transparent)]
    Store(#[from] StoreFault),
}

impl Engine {
    /// Makes a contact.
    ///
    /// # Errors
    /// [`ContactError::Field`], [`ContactError::Taken`], or the store's fault.
    pub async fn add_contact(&self, tenant: &TenantId, change: Change) -> Result<Contact, ContactError> {
        let facts = change.apply(&Facts::default()).map_err(ContactError::Field)?;
        let now = self.inner.ports.clock.now();
        let contact = Contact {
            id: ContactId::from_uuid(self.inner.ports.ids.next()),
            tenant: tenant.clone(),
            version: 1,
            facts,
            created_at: now,
            updated_at: now,
        };
        match self.inner.ports.contacts.put(&contact).await {
            Ok(logged) => {
                self.inner.tell_of(tenant, logged).await;
                Ok(contact)
            }
            Err(fault) => Err(self.inner.clash(&contact, fault).await),
        }
    }

    /// Changes a contact. `edit` is given the facts as they are and may be asked again.
    ///
    /// # Errors
    /// What `edit` says, [`ContactError::Unknown`], [`ContactError::Taken`], or the store's fault.
    pub async fn change_contact(
        &self,
        tenant: &TenantId,
        id: &ContactId,
        edit: impl Fn(&Facts) -> Result<Facts, FieldProblem> + Send + Sync,
    ) -> Result<Contact, ContactError> {
        let store = &self.inner.ports.contacts;
        let mut tries = 0;
        loop {
            let before = store.load(tenant, id).await?.ok_or(ContactError::Unknown)?;
            let facts = edit(&before.facts).map_err(ContactError::Field)?;
            if facts == before.facts {
                return Ok(before);
            }
            let now = self.inner.ports.clock.now();
            let after = Contact { version: before.version + 1, updated_at: now, facts, ..before };
            tries += 1;
            match store.put(&after).await {
                Ok(logged) => {
                    self.inner.tell_of(tenant, logged).await;
                    return Ok(after);
                }
                Err(StoreFault::Conflict) if tries < TRIES => {}
                Err(fault) => return Err(self.inner.clash(&after, fault).await),
            }
        }
    }

    /// Makes one contact of several; the first keeps its id and its word.
    ///
    /// # Errors
    /// [`ContactError::Unknown`] when one of them is not the tenant's, or the store's fault.
    pub async fn merge_contacts(
        &self,
        tenant: &TenantId,
        primary: &ContactId,
        others: &[ContactId],
    ) -> Result<Contact, ContactError> {
        let store = &self.inner.ports.contacts;
        let mut tries = 0;
        loop {
            let first = store.load(tenant, primary).await?.ok_or(ContactError::Unknown)?;
            let mut rest = Vec::new();
            for id in others.iter().filter(|id| *id != primary) {
                rest.push(store.load(tenant, id).await?.ok_or(ContactError::Unknown)?);
            }
            let merged = merge(&first, &rest, self.inner.ports.clock.now());
            let gone: Vec<ContactId> = rest.into_iter().map(|contact| contact.id).collect();
            tries += 1;
            match store.merge(&merged, &gone).await {
                Ok(logged) => {
                    self.inner.tell_of(tenant, logged).await;
                    return Ok(merged);
                }
                Err(StoreFault::Conflict) if tries < TRIES => {}
                Err(fault) => return Err(fault.into()),
            }
        }
    }

    /// Erases a contact and what the database tells of the person, if nothing is in the way.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn erase_contact(&self, tenant: &TenantId, id: &ContactId) -> Result<Erasure, StoreFault> {
        let erasure = self.inner.ports.contacts.erase(tenant, id, self.inner.ports.clock.now()).await?;
        if let Erasure::Erased(logged) = &erasure {
            self.inner.tell_of(tenant, logged.clone()).await;
        }
        Ok(erasure)
    }
}

impl Inner {
    /// The contact a user is, made when they are new. A call does not wait for a database that is away: it goes
    /// on without.
    pub(crate) async fn sighted(&self, tenant: &TenantId, party: &Party) -> Option<Contacted> {
        for _ in 0..TRIES {
            match self.sight_once(tenant, party).await {
                Ok(found) => return found,
                // Somebody else has just made or changed the contact.
                Err(StoreFault::Conflict | StoreFault::Exists(_)) => {}
                Err(fault) => {
                    tracing::warn!(error = %fault, "a call goes on without its contact");
                    return None;
                }
            }
        }
        None
    }

    async fn sight_once(&self, tenant: &TenantId, party: &Party) -> Result<Option<Contacted>, StoreFault> {
        let store = &self.ports.contacts;
        let keys = ContactKeys {
            phones: party.phone.iter().cloned().collect(),
            user_ids: party.user_id.iter().cloned().collect(),
            ..ContactKeys::default()
        };
        let known = store.known(tenant, &keys).await?;
        let names: Vec<(ContactId, Option<String>)> =
            known.iter().map(|contact| (contact.id.clone(), own_name(&contact.facts))).collect();
        let fresh = ContactId::from_uuid(self.ports.ids.next());
        let (contact, logged) = match sight(party, known, tenant, &fresh, self.ports.clock.now()) {
            Sighting::Nobody => return Ok(None),
            Sighting::Known(id) => {
                let name = names.into_iter().find(|(known, _)| *known == id).and_then(|(_, name)| name);
                return Ok(Some(Contacted { id, name }));
            }
            Sighting::Learnt(contact) | Sighting::New(contact) => {
                let logged = store.put(&contact).await?;
                (contact, logged)
            }
            Sighting::Same(contact, gone) => {
                let logged = store.merge(&contact, std::slice::from_ref(&gone)).await?;
                (contact, logged)
            }
        };
        self.tell_of(tenant, logged).await;
        let name = own_name(&contact.facts);
        Ok(Some(Contacted { id: contact.id, name }))
    }

    pub(crate) async fn tell_of(&self, tenant: &TenantId, logged: Vec<Logged>) {
        let announced = logged.into_iter().map(|logged| Announced { logged, record: None }).collect();
        if self.publisher.announce(tenant, announced)
            && let Err(fault) = self.publisher.fill(tenant).await
        {
            tracing::warn!(error = %fault, "announcements wait for the log");
        }
    }

    /// Whose key it was that two contacts may not share.
    async fn clash(&self, contact: &Contact, fault: StoreFault) -> ContactError {
        if !matches!(fault, StoreFault::Exists(_)) {
            return fault.into();
        }
        let keys = ContactKeys {
            phones: contact.facts.phones().cloned().collect(),
            emails: contact.facts.email.iter().cloned().collect(),
            user_ids: contact.facts.user_ids.iter().cloned().collect(),
        };
        match self.ports.contacts.known(&contact.tenant, &keys).await {
            Ok(known) => ContactError::Taken(known.into_iter().map(|it| it.id).find(|id| *id != contact.id)),
            Err(fault) => fault.into(),
        }
    }
}

/// What the company calls a contact; none when only the user has said a name.
fn own_name(facts: &Facts) -> Option<String> {
    (facts.first_name.is_some() || facts.last_name.is_some()).then(|| facts.name()).flatten()
}
