//! Contacts, their lists and segments.
//!
//! Invariants: every statement that is given a tenant names it; a segment's count and the number of contacts
//! change in the transaction that changes a contact, so that nobody ever counts a million rows for a page.

mod text;

mod row;

mod rule;

mod find;

mod crowd;

mod groups;

mod write;

mod imports;

mod history;

mod traces;

mod erase;

use async_trait::async_trait;
use offhook_core::contact::Contact;
use offhook_core::contact::rule::Rule;
use offhook_core::contact::timeline::{Entry, What};
use offhook_core::event::{ContactEvent, Event, Logged};
use offhook_core::id::{CallId, ContactId, TenantId};
use offhook_core::ports::{
    ContactFilter, ContactKeys, ContactPage, Contacts, ContactsAfter, Crowd, Erasure, StoreFault,
};
use offhook_core::time::Time;
use sqlx::AnyConnection;

use crate::calls::search;
use crate::database::{Dialect, Trouble};
use crate::log::{Entries, append};
use crate::store::Store;
use row::{COLUMNS, contact};
use text::{Text, Value};
use write::{Batch, Written};

#[async_trait]
impl Contacts for Store {
    async fn put(&self, contact: &Contact) -> Result<Vec<Logged>, StoreFault> {
        let (batch, dialect) = (Batch::of(std::slice::from_ref(contact))?, self.database().dialect());
        let (tenant, at) = (contact.tenant.clone(), contact.updated_at);
        let written = self.database().write(move |tx| {
            Box::pin(async move {
                let Written { events, renamed } = write::write(tx, batch, dialect).await?;
                Ok((append(tx, Entries::of(&tenant, at, &events)?).await?, renamed))
            })
        });
        let (logged, renamed) = written.await?;
        self.find_by_new_names(renamed).await;
        Ok(logged)
    }

    async fn merge(&self, contact: &Contact, gone: &[ContactId]) -> Result<Vec<Logged>, StoreFault> {
        let (batch, dialect) = (Batch::of(std::slice::from_ref(contact))?, self.database().dialect());
        let (contact, gone) = (contact.clone(), gone.to_vec());
        let written = self.database().write(move |tx| {
            Box::pin(async move {
                let mut events = take_in(tx, &contact, &gone, dialect).await?;
                events.extend(write::write(tx, batch, dialect).await?.events);
                search::rename(tx, contact.tenant.as_str(), contact.id.as_str()).await?;
                append(tx, Entries::of(&contact.tenant, contact.updated_at, &events)?).await
            })
        });
        let logged = written.await?;
        self.find_by_new_names(true).await;
        Ok(logged)
    }

    async fn put_many(&self, contacts: &[Contact]) -> Result<(), StoreFault> {
        let (batch, dialect) = (Batch::of(contacts)?, self.database().dialect());
        let written = self
            .database()
            .write(move |tx| Box::pin(async move { Ok(write::write(tx, batch, dialect).await?.renamed) }));
        let renamed = written.await?;
        self.find_by_new_names(renamed).await;
        Ok(())
    }

    async fn load(&self, tenant: &TenantId, id: &ContactId) -> Result<Option<Contact>, StoreFault> {
        let mut text = Text::new(&format!("SELECT {COLUMNS} FROM contacts c WHERE c.tenant = "));
        text.value(tenant.as_str()).push(" AND c.id = ").value(id.as_str());
        Ok(self.contacts(text).await?.pop())
    }

    async fn known(&self, tenant: &TenantId, keys: &ContactKeys) -> Result<Vec<Contact>, StoreFault> {
        let dialect = self.database().dialect();
        let text = |text: &str| Value::from(text);
        let phones: Vec<Value> = keys.phones.iter().map(|phone| text(phone.digits())).collect();
        let emails: Vec<Value> = keys.emails.iter().map(|email| text(email.as_str())).collect();
        let ids: Vec<Value> = keys.user_ids.iter().map(|id| text(id)).collect();
        let (mut found, mut seen) = (Vec::new(), std::collections::HashSet::new());
        for (key, values) in [("c.phone", phones.clone()), ("tel", phones), ("c.email", emails), ("wa", ids)]
        {
            // More values than a statement takes are asked for in turns.
            for values in values.chunks(500) {
                let text = row::with_key(dialect, tenant.as_str(), key, values.iter().cloned());
                let new = |contact: &Contact| seen.insert(contact.id.clone());
                found.extend(self.contacts(text).await?.into_iter().filter(new).collect::<Vec<_>>());
            }
        }
        Ok(found)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &ContactFilter,
        page: &ContactsAfter,
    ) -> Result<ContactPage, StoreFault> {
        let (reader, dialect) = (self.database().reader(), self.database().dialect());
        self.database().read(find::page(reader, dialect, tenant, filter, page)).await
    }

    async fn count(
        &self,
        tenant: &TenantId,
        filter: &ContactFilter,
        upto: u64,
    ) -> Result<Option<u64>, StoreFault> {
        let (reader, dialect) = (self.database().reader(), self.database().dialect());
        self.database().read(find::count(reader, dialect, tenant, filter, upto)).await
    }

    async fn admitted(
        &self,
        tenant: &TenantId,
        rule: &Rule,
        page: &ContactsAfter,
    ) -> Result<ContactPage, StoreFault> {
        let (reader, dialect) = (self.database().reader(), self.database().dialect());
        self.database().read(find::admitted(reader, dialect, tenant, rule, page)).await
    }

    async fn crowd(&self, tenant: &TenantId, rule: &Rule, newest: u32) -> Result<Crowd, StoreFault> {
        let reading = async {
            // Of one moment, which SQLite's readers have anyway.
            let begin = match self.database().dialect() {
                Dialect::Sqlite => "BEGIN",
                Dialect::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            };
            let mut tx = self.database().reader().begin_with(begin).await?;
            let newest = usize::try_from(newest).unwrap_or(usize::MAX);
            crowd::crowd(&mut tx, self.database().dialect(), tenant.as_str(), rule, newest).await
        };
        self.database().read(reading).await
    }

    async fn calls(&self, tenant: &TenantId, id: &ContactId) -> Result<Option<Vec<CallId>>, StoreFault> {
        self.database().read(history::calls(self.database().reader(), tenant, id)).await
    }

    async fn timeline(
        &self,
        tenant: &TenantId,
        id: &ContactId,
        before: Option<Time>,
        limit: u32,
    ) -> Result<Option<Vec<Entry>>, StoreFault> {
        self.database().read(history::page(self.database().reader(), tenant, id, before, limit)).await
    }

    async fn add_note(&self, tenant: &TenantId, id: &ContactId, note: &Entry) -> Result<bool, StoreFault> {
        let What::Note(text) = note.what.clone() else { return Ok(false) };
        let (tenant, id, at) = (tenant.clone(), id.clone(), note.at);
        self.database().write(move |tx| Box::pin(history::add_note(tx, tenant, id, at, text))).await
    }

    async fn erase(&self, tenant: &TenantId, id: &ContactId, now: Time) -> Result<Erasure, StoreFault> {
        erase::erase(self, tenant, id, now).await
    }
}

impl Store {
    /// Makes calls findable by names that have changed. Written the contacts are; what cannot be done now is done
    /// with the next change of a name, or at the next start.
    pub(super) async fn find_by_new_names(&self, renamed: bool) {
        if renamed && let Err(fault) = search::catch_up(self.database()).await {
            tracing::warn!(error = %fault, "calls are not found by a contact's new name yet");
        }
    }

    async fn contacts(&self, text: Text) -> Result<Vec<Contact>, StoreFault> {
        let query = text.query();
        let reading = async {
            let rows = query.fetch_all(self.database().reader()).await?;
            rows.iter().map(|row| contact(row).map(|(_, contact)| contact)).collect()
        };
        self.database().read(reading).await
    }
}

/// Gives what belonged to the contacts that are gone to the one that took them in, and removes them.
async fn take_in(
    tx: &mut AnyConnection,
    into: &Contact,
    gone: &[ContactId],
    dialect: Dialect,
) -> Result<Vec<Event>, Trouble> {
    write::one_at_a_time(tx, into.tenant.as_str()).await?;
    let ids: Vec<&str> = gone.iter().chain([&into.id]).map(ContactId::as_str).collect();
    let ids = serde_json::to_string(&ids).map_err(|_| crate::database::corrupt("ids"))?;
    let stored = write::stored(tx, &ids, dialect).await?;
    let Some((place, _)) = stored.get(into.id.as_str()) else { return Err(StoreFault::Conflict.into()) };
    let segments = groups::segments_of(tx, into.tenant.as_str()).await?;
    let mut events = Vec::new();
    for id in gone {
        let there = stored.get(id.as_str()).filter(|(_, theirs)| theirs.tenant == into.tenant);
        let Some(theirs) = there else { return Err(StoreFault::Conflict.into()) };
        let lists = "INSERT INTO contact_list_members (list_id, contact) SELECT m.list_id, $1 \
             FROM contact_list_members m WHERE m.contact = $2 ON CONFLICT (list_id, contact) DO NOTHING";
        sqlx::query(lists).bind(*place).bind(theirs.0).execute(&mut *tx).await?;
        let notes = "UPDATE contact_notes SET contact = $1 WHERE contact = $2";
        sqlx::query(notes).bind(*place).bind(theirs.0).execute(&mut *tx).await?;
        let calls = "UPDATE calls SET contact_id = $1 WHERE tenant = $2 AND contact_id = $3";
        let (into_id, tenant) = (into.id.as_str().to_owned(), into.tenant.as_str().to_owned());
        sqlx::query(calls).bind(into_id).bind(tenant).bind(id.as_str().to_owned()).execute(&mut *tx).await?;
        // That it is gone is told by the one that took it in.
        write::remove(tx, theirs, &segments, dialect).await?;
        events.push(Event::Contact {
            contact: into.id.clone(),
            what: ContactEvent::Merged { gone: id.clone() },
            facts: Some(Box::new(into.facts.clone())),
        });
    }
    Ok(events)
}
