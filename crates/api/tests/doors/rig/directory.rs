//! People with passwords, keys, sessions and tickets in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use offhook_core::house::{ApiKey, Person, Presence, Role, Tenant};
use offhook_core::id::{TenantId, UserId};
use offhook_core::ports::fake::Memory;
use offhook_core::ports::{
    Keys, Minted, NewKey, NewPerson, NewTenant, People, Sessions, StoreFault, Tenants, Ticket,
};
use offhook_core::time::Time;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Directory {
    memory: Arc<Memory>,
    keys: Mutex<HashMap<String, ApiKey>>,
    sessions: Mutex<HashMap<String, (Person, Time)>>,
    tickets: Mutex<HashMap<String, Ticket>>,
    /// Roles that were changed since; none for people who were removed.
    changed: Mutex<HashMap<UserId, Option<Role>>>,
    made: AtomicU64,
}

impl Directory {
    pub(crate) fn new(memory: Arc<Memory>) -> Self {
        Self {
            memory,
            keys: Mutex::default(),
            sessions: Mutex::default(),
            tickets: Mutex::default(),
            changed: Mutex::default(),
            made: AtomicU64::new(0),
        }
    }

    /// Gives a person another role, or removes them.
    pub(crate) fn change(&self, person: UserId, role: Option<Role>) {
        self.changed.lock().unwrap().insert(person, role);
    }

    pub(crate) fn count(&self) -> u128 {
        u128::from(self.made.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn secret(&self, kind: &str) -> String {
        format!("{kind}_SECRET_{:04}", self.count())
    }
}

#[async_trait]
impl Tenants for Directory {
    async fn add(&self, _: NewTenant) -> Result<Tenant, StoreFault> {
        Err(StoreFault::Exists("tenant"))
    }

    async fn load(&self, id: &TenantId) -> Result<Option<Tenant>, StoreFault> {
        Ok(Some(Tenant { id: id.clone(), account_id: "MA_ABCDEFGH".into(), name: "Acme".into() }))
    }

    async fn all(&self) -> Result<Vec<Tenant>, StoreFault> {
        Ok(vec![])
    }
}

#[async_trait]
impl People for Directory {
    async fn add(&self, person: NewPerson) -> Result<Person, StoreFault> {
        People::add(&*self.memory, person).await
    }

    async fn sign_in(&self, email: &str, password: &str) -> Result<Option<Person>, StoreFault> {
        let known = self.memory.sign_in(email, password).await?;
        Ok(known.filter(|_| password == PASSWORD))
    }

    async fn load(&self, tenant: &TenantId, id: &UserId) -> Result<Option<Person>, StoreFault> {
        let person = People::load(&*self.memory, tenant, id).await?;
        Ok(match self.changed.lock().unwrap().get(id).copied() {
            Some(role) => role.and_then(|role| Some(Person { role, ..person? })),
            None => person,
        })
    }

    async fn all(&self, tenant: &TenantId) -> Result<Vec<Person>, StoreFault> {
        People::all(&*self.memory, tenant).await
    }

    async fn set_presence(&self, id: &UserId, presence: Presence) -> Result<(), StoreFault> {
        self.memory.set_presence(id, presence).await
    }
}

#[async_trait]
impl Keys for Directory {
    async fn mint(&self, new: NewKey) -> Result<Minted, StoreFault> {
        let (id, text) = (new.key.id.clone(), self.secret("wab_live_sk"));
        self.keys.lock().unwrap().insert(text.clone(), new.key);
        Ok(Minted { id, text })
    }

    async fn check(&self, presented: &str, _: Time) -> Result<Option<ApiKey>, StoreFault> {
        Ok(self.keys.lock().unwrap().get(presented).cloned())
    }
}

#[async_trait]
impl Sessions for Directory {
    async fn open(&self, person: &Person, _: Time, until: Time) -> Result<String, StoreFault> {
        let secret = self.secret("SESSION");
        self.sessions.lock().unwrap().insert(secret.clone(), (person.clone(), until));
        Ok(secret)
    }

    async fn person(&self, secret: &str, now: Time) -> Result<Option<Person>, StoreFault> {
        let sessions = self.sessions.lock().unwrap();
        Ok(sessions.get(secret).filter(|(_, until)| *until > now).map(|(person, _)| person.clone()))
    }

    async fn close(&self, secret: &str) -> Result<(), StoreFault> {
        self.sessions.lock().unwrap().remove(secret);
        Ok(())
    }

    async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, StoreFault> {
        let secret = self.secret("TICKET");
        self.tickets.lock().unwrap().insert(secret.clone(), ticket.clone());
        Ok(secret)
    }

    async fn take_ticket(&self, secret: &str, now: Time) -> Result<Option<Person>, StoreFault> {
        let ticket = self.tickets.lock().unwrap().remove(secret);
        Ok(ticket.filter(|ticket| ticket.until > now).map(|ticket| ticket.person))
    }
}
