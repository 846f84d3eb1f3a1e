//! People with passwords, keys, sessions and tickets in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ipnet::IpNet;
use offhook_core::audit::Deed;
use offhook_core::house::{ApiKey, KeyCard, Person, Presence, Role, Tenant};
use offhook_core::id::{KeyId, TenantId, UserId};
use offhook_core::ports::fake::Memory;
use offhook_core::ports::{
    Changed, Keys, Minted, NewKey, NewPerson, NewTenant, People, PersonChange, Removal, Session, SessionRef,
    Sessions, StoreFault, Tenants, Ticket,
};
use offhook_core::time::Time;

pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct Directory {
    memory: Arc<Memory>,
    keys: Mutex<HashMap<String, KeyCard>>,
    sessions: Mutex<HashMap<String, (Session, Time)>>,
    tickets: Mutex<HashMap<String, Ticket>>,
    /// Roles that were changed since; none for people who were removed.
    changed: Mutex<HashMap<UserId, Option<Role>>>,
    made: AtomicU64,
    rights: AtomicU64,
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
            rights: AtomicU64::new(0),
        }
    }

    /// Gives a person another role, or removes them.
    pub(crate) fn change(&self, person: UserId, role: Option<Role>) {
        self.changed.lock().unwrap().insert(person, role);
        self.rights.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn count(&self) -> u128 {
        u128::from(self.made.fetch_add(1, Ordering::SeqCst) + 1)
    }

    fn change_key(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        change: impl FnOnce(&mut KeyCard),
    ) -> Option<KeyCard> {
        let mut keys = self.keys.lock().unwrap();
        let card = keys.values_mut().find(|card| card.key.id == *id && card.key.tenant == *tenant)?;
        change(card);
        Some(card.clone())
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

    async fn change(&self, change: PersonChange) -> Result<Changed, StoreFault> {
        People::change(&*self.memory, change).await
    }

    async fn remove(&self, removal: Removal) -> Result<Changed, StoreFault> {
        People::remove(&*self.memory, removal).await
    }

    async fn whose(&self, email: &str) -> Result<Option<Person>, StoreFault> {
        self.memory.whose(email).await
    }
}

#[async_trait]
impl Keys for Directory {
    async fn mint(&self, new: NewKey) -> Result<Minted, StoreFault> {
        let (id, text) = (new.key.id.clone(), self.secret("wab_live_sk"));
        let NewKey { key, made_by, expires_at, at, .. } = new;
        let card = KeyCard { key, made_by, created_at: at, expires_at, last_used_at: None, revoked_at: None };
        self.keys.lock().unwrap().insert(text.clone(), card);
        Ok(Minted { id, text })
    }

    async fn check(&self, presented: &str, now: Time) -> Result<Option<ApiKey>, StoreFault> {
        let keys = self.keys.lock().unwrap();
        Ok(keys.get(presented).filter(|card| card.works_at(now)).map(|card| card.key.clone()))
    }

    async fn all(&self, tenant: &TenantId) -> Result<Vec<KeyCard>, StoreFault> {
        let keys = self.keys.lock().unwrap();
        Ok(keys.values().filter(|card| card.key.tenant == *tenant).cloned().collect())
    }

    async fn load(&self, tenant: &TenantId, id: &KeyId) -> Result<Option<KeyCard>, StoreFault> {
        Ok(Keys::all(self, tenant).await?.into_iter().find(|card| card.key.id == *id))
    }

    async fn revoke(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        now: Time,
        _: Option<Deed>,
    ) -> Result<Option<KeyCard>, StoreFault> {
        Ok(self.change_key(tenant, id, |card| card.revoked_at = Some(now)))
    }

    async fn set_allowed_ips(
        &self,
        tenant: &TenantId,
        id: &KeyId,
        nets: Vec<IpNet>,
        _: Option<Deed>,
    ) -> Result<Option<KeyCard>, StoreFault> {
        Ok(self.change_key(tenant, id, |card| card.key.allowed_ips = nets))
    }

    async fn used(&self, _: &KeyId, _: Time) -> Result<(), StoreFault> {
        Ok(())
    }
}

#[async_trait]
impl Sessions for Directory {
    async fn open(&self, person: &Person, now: Time, until: Time) -> Result<String, StoreFault> {
        let secret = self.secret("SESSION");
        let mut id = [0; 32];
        id[..16].copy_from_slice(&self.count().to_be_bytes());
        let session = Session { id: SessionRef(id), person: person.clone(), seen_at: now };
        self.sessions.lock().unwrap().insert(secret.clone(), (session, until));
        Ok(secret)
    }

    async fn opened(&self, secret: &str, now: Time) -> Result<Option<Session>, StoreFault> {
        let sessions = self.sessions.lock().unwrap();
        Ok(sessions.get(secret).filter(|(_, until)| *until > now).map(|(session, _)| session.clone()))
    }

    async fn standing(&self, id: &SessionRef, now: Time) -> Result<Option<Session>, StoreFault> {
        let found = {
            let sessions = self.sessions.lock().unwrap();
            let found = sessions.values().find(|(session, until)| session.id == *id && *until > now);
            found.map(|(session, _)| session.clone())
        };
        let Some(session) = found else { return Ok(None) };
        let person = People::load(self, &session.person.tenant, &session.person.id).await?;
        Ok(person.map(|person| Session { person, ..session }))
    }

    async fn touch(&self, id: &SessionRef, now: Time) -> Result<(), StoreFault> {
        let mut sessions = self.sessions.lock().unwrap();
        sessions.values_mut().filter(|(it, _)| it.id == *id).for_each(|(it, _)| it.seen_at = now);
        Ok(())
    }

    async fn close(&self, secret: &str) -> Result<(), StoreFault> {
        self.sessions.lock().unwrap().remove(secret);
        self.rights.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn issue_ticket(&self, ticket: &Ticket) -> Result<String, StoreFault> {
        let secret = self.secret("TICKET");
        self.tickets.lock().unwrap().insert(secret.clone(), ticket.clone());
        Ok(secret)
    }

    async fn take_ticket(&self, secret: &str, now: Time) -> Result<Option<Ticket>, StoreFault> {
        let ticket = self.tickets.lock().unwrap().remove(secret);
        Ok(ticket.filter(|ticket| ticket.until > now))
    }

    async fn rights_version(&self, _: &TenantId) -> Result<u64, StoreFault> {
        Ok(self.rights.load(Ordering::SeqCst))
    }
}
