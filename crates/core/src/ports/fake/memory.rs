//! Stores in memory: calls, log, inbox, numbers, people, permissions; and hooks, in a file of their own.

mod hooks;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use uuid::Uuid;

use crate::call::table::BotUrl;
use crate::call::{CallRecord, Commit, State};
use crate::contact::Contact;
use crate::contact::segment::{ContactList, Segment};
use crate::contact::timeline::Entry;
use crate::event::{Event, Logged};
use crate::house::{BusinessNumber, Calling, MediaMode, Person, Presence, Role};
use crate::id::{CallId, ContactId, EventId, ListId, MetaNumberId, NumberId, TenantId, UserId, Wacid};
use crate::permission::{Permission, PermissionCommit};
use crate::phone::Phone;
use crate::ports::{
    CallFilter, Calls, Changed, Events, Inbox, Knock, Knocked, LogStretch, NewNumber, NewPerson, News,
    Numbers, Page, PageAfter, People, PermissionFilter, PermissionPage, Permissions, PermissionsAfter,
    PersonChange, Removal, StoreFault,
};
use crate::time::Time;

/// One memory behind several ports. Survives the engine built on it, as a database does.
#[derive(Debug, Default)]
pub struct Memory {
    pub(super) inner: Mutex<Tables>,
}

#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) calls: BTreeMap<CallId, CallRecord>,
    pub(super) logs: HashMap<TenantId, Vec<Logged>>,
    keys: HashSet<String>,
    knocks: BTreeMap<i64, (Knock, bool)>,
    pub(super) numbers: Vec<BusinessNumber>,
    pub(super) channels: super::channels::Shelf,
    people: Vec<Person>,
    pub(super) contacts: Vec<Contact>,
    pub(super) lists: Vec<ContactList>,
    pub(super) members: BTreeSet<(ListId, ContactId)>,
    pub(super) segments: Vec<Segment>,
    pub(super) notes: Vec<(ContactId, Entry)>,
    pub(super) imports: Vec<super::imports::Kept>,
    pub(super) permissions: BTreeMap<(NumberId, Phone), Permission>,
    tokenless: HashSet<NumberId>,
    inbound_bots: HashMap<NumberId, BotUrl>,
    hooks: hooks::Shelf,
    broken: bool,
}

impl Memory {
    /// Adds a number.
    pub fn with_number(&self, number: BusinessNumber) {
        self.lock().numbers.push(number);
    }

    /// Loses a number's access token.
    pub fn lose_token(&self, number: &NumberId) {
        self.lock().tokenless.insert(number.clone());
    }

    /// Adds a person.
    pub fn with_person(&self, person: Person) {
        self.lock().people.push(person);
    }

    /// All numbers.
    #[must_use]
    pub fn numbers(&self) -> Vec<BusinessNumber> {
        self.lock().numbers.clone()
    }

    /// What is known of all permissions.
    #[must_use]
    pub fn permissions(&self) -> Vec<Permission> {
        self.lock().permissions.values().cloned().collect()
    }

    /// From now on nothing can be written, or it can again.
    pub fn set_broken(&self, broken: bool) {
        self.lock().broken = broken;
    }

    /// All calls, oldest first.
    #[must_use]
    pub fn calls(&self) -> Vec<CallRecord> {
        self.lock().calls.values().cloned().collect()
    }

    /// A tenant's whole log.
    #[must_use]
    pub fn log(&self, tenant: &TenantId) -> Vec<Logged> {
        self.lock().logs.get(tenant).cloned().unwrap_or_default()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Tables> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    pub(super) fn writable(&self) -> Result<(), StoreFault> {
        if self.broken { Err(StoreFault::Unavailable("broken by the test".to_owned())) } else { Ok(()) }
    }

    pub(super) fn append(&mut self, tenant: &TenantId, at: Time, events: &[Event]) -> Vec<Logged> {
        let log = self.logs.entry(tenant.clone()).or_default();
        let mut written = Vec::new();
        for event in events {
            let seq = log.len() as u64 + 1;
            let id = EventId::from_uuid(Uuid::from_u128(u128::from(seq)));
            let logged = Logged { id, tenant: tenant.clone(), seq, at, event: event.clone() };
            log.push(logged.clone());
            written.push(logged);
        }
        written
    }
}

#[async_trait]
impl Calls for Memory {
    async fn commit(&self, commit: &Commit) -> Result<Vec<Logged>, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let record = &commit.record;
        let stored = tables.calls.get(&record.id).map_or(0, |stored| stored.version);
        if record.version != stored + 1 {
            return Err(StoreFault::Conflict);
        }
        tables.calls.insert(record.id.clone(), record.clone());
        Ok(tables.append(&record.tenant, record.updated_at, &commit.events))
    }

    async fn load(&self, tenant: &TenantId, id: &CallId) -> Result<Option<CallRecord>, StoreFault> {
        Ok(self.lock().calls.get(id).filter(|call| call.tenant == *tenant).cloned())
    }

    async fn find(&self, id: &CallId) -> Result<Option<CallRecord>, StoreFault> {
        Ok(self.lock().calls.get(id).cloned())
    }

    async fn find_wacid(&self, wacid: &Wacid) -> Result<Option<CallRecord>, StoreFault> {
        let tables = self.lock();
        Ok(tables.calls.values().find(|call| call.facts.wacid.as_ref() == Some(wacid)).cloned())
    }

    async fn live(&self) -> Result<Vec<CallRecord>, StoreFault> {
        Ok(self.lock().calls.values().filter(|call| !call.state.is_over()).cloned().collect())
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &CallFilter,
        page: &PageAfter,
    ) -> Result<Page, StoreFault> {
        let tables = self.lock();
        let mut calls: Vec<CallRecord> =
            tables.calls.values().filter(|c| c.tenant == *tenant && filter.admits(c)).cloned().collect();
        calls.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        if let Some((at, id)) = &page.after {
            calls.retain(|c| (c.created_at, &c.id) < (*at, id));
        }
        let has_more = calls.len() > page.limit as usize;
        calls.truncate(page.limit as usize);
        Ok(Page { calls, has_more })
    }
}

impl CallFilter {
    /// Whether a record is among those asked for.
    #[must_use]
    pub fn admits(&self, call: &CallRecord) -> bool {
        let state = |(state, reason): &(_, Option<_>)| {
            *state == call.state && reason.is_none_or(|reason| call.end_reason == Some(reason))
        };
        let ending = |wanted| call.state != State::Ending || call.answered_at().is_some() == wanted;
        (self.states.is_empty() || self.states.iter().any(state))
            && self.ending_answered.is_none_or(ending)
            && self.direction.is_none_or(|direction| direction == call.direction)
            && self.number.as_ref().is_none_or(|number| *number == call.number)
            && self.numbers.as_ref().is_none_or(|numbers| numbers.contains(&call.number))
            && self.search.as_ref().is_none_or(|search| search.admits(call))
            && self.from.is_none_or(|from| call.created_at >= from)
            && self.until.is_none_or(|until| call.created_at < until)
            && self.agent.as_ref().is_none_or(|agent| call.agent.as_ref() == Some(agent))
    }
}

#[async_trait]
impl Events for Memory {
    async fn append(&self, tenant: &TenantId, at: Time, events: &[Event]) -> Result<Vec<Logged>, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        Ok(tables.append(tenant, at, events))
    }

    async fn head(&self, tenant: &TenantId) -> Result<u64, StoreFault> {
        Ok(self.lock().logs.get(tenant).map_or(0, |log| log.len() as u64))
    }

    async fn after(&self, tenant: &TenantId, seq: u64, limit: u32) -> Result<Vec<Logged>, StoreFault> {
        let tables = self.lock();
        let log = tables.logs.get(tenant).map(Vec::as_slice).unwrap_or_default();
        Ok(log.iter().filter(|logged| logged.seq > seq).take(limit as usize).cloned().collect())
    }

    async fn find_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Logged>, StoreFault> {
        let tables = self.lock();
        let log = tables.logs.get(tenant).map(Vec::as_slice).unwrap_or_default();
        Ok(log.iter().find(|logged| logged.id == *id).cloned())
    }

    async fn history(&self, tenant: &TenantId, stretch: &LogStretch) -> Result<Vec<Logged>, StoreFault> {
        let tables = self.lock();
        let log = tables.logs.get(tenant).map(Vec::as_slice).unwrap_or_default();
        let wanted = |logged: &&Logged| {
            stretch.after.is_none_or(|after| logged.seq > after)
                && stretch.before.is_none_or(|before| logged.seq < before)
                && stretch.since.is_none_or(|since| logged.at >= since)
                && stretch.until.is_none_or(|until| logged.at < until)
                && stretch.call.as_ref().is_none_or(|call| logged.event.call() == Some(call))
        };
        let mut found: Vec<Logged> = log.iter().filter(wanted).cloned().collect();
        if stretch.newest_first {
            found.reverse();
        }
        found.truncate(stretch.limit as usize);
        Ok(found)
    }
}

#[async_trait]
impl Inbox for Memory {
    async fn take_in(&self, knocks: &[Knock]) -> Result<usize, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let mut new = 0;
        for knock in knocks {
            if tables.keys.insert(knock.key.clone()) {
                let id = tables.knocks.last_key_value().map_or(1, |(last, _)| last + 1);
                let done = matches!(knock.news, News::Kept { .. });
                tables.knocks.insert(id, (knock.clone(), done));
                new += 1;
            }
        }
        Ok(new)
    }

    async fn pending(&self, after: i64, limit: u32) -> Result<Vec<Knocked>, StoreFault> {
        let tables = self.lock();
        let waiting = tables.knocks.range(after + 1..).filter(|(_, (_, done))| !done).take(limit as usize);
        let knocked = |(id, (knock, _)): (&i64, &(Knock, bool))| Knocked {
            id: *id,
            received_at: knock.received_at,
            news: knock.news.clone(),
        };
        Ok(waiting.map(knocked).collect())
    }

    async fn done(&self, ids: &[i64]) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        for id in ids {
            if let Some((_, done)) = tables.knocks.get_mut(id) {
                *done = true;
            }
        }
        Ok(())
    }

    async fn pass_on(
        &self,
        knock: i64,
        tenant: &TenantId,
        at: Time,
        event: &Event,
    ) -> Result<Vec<Logged>, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let news = match tables.knocks.get_mut(&knock) {
            Some((_, done)) => !std::mem::replace(done, true),
            None => false,
        };
        let wanted = news && tables.hooks.passes_on(tenant);
        Ok(if wanted { tables.append(tenant, at, std::slice::from_ref(event)) } else { Vec::new() })
    }

    async fn forget(&self, before: Time) -> Result<u64, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let all = tables.knocks.len();
        tables.knocks.retain(|_, (knock, done)| !*done || knock.received_at >= before);
        Ok((all - tables.knocks.len()) as u64)
    }

    async fn raw(&self, knock: i64) -> Result<Option<String>, StoreFault> {
        Ok(self.lock().knocks.get(&knock).map(|(knock, _)| knock.raw.clone()))
    }
}

#[async_trait]
impl Numbers for Memory {
    async fn add(&self, new: NewNumber) -> Result<BusinessNumber, StoreFault> {
        let NewNumber { id, tenant, meta_id, waba_id, phone, media_mode, sandbox, .. } = new;
        let calling = Calling::default();
        let has_bot = false;
        let number =
            BusinessNumber { id, tenant, meta_id, waba_id, phone, media_mode, calling, sandbox, has_bot };
        self.with_number(number.clone());
        Ok(number)
    }

    async fn by_meta_id(&self, id: &MetaNumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        Ok(self.lock().numbers.iter().find(|number| number.meta_id == *id).cloned())
    }

    async fn load(&self, tenant: &TenantId, id: &NumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        let tables = self.lock();
        Ok(tables.numbers.iter().find(|number| number.id == *id && number.tenant == *tenant).cloned())
    }

    async fn all(&self, tenant: &TenantId) -> Result<Vec<BusinessNumber>, StoreFault> {
        Ok(self.lock().numbers.iter().filter(|number| number.tenant == *tenant).cloned().collect())
    }

    async fn set_media_mode(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        mode: MediaMode,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let number = tables.numbers.iter_mut().find(|number| number.id == *id && number.tenant == *tenant);
        Ok(number.map(|number| {
            number.media_mode = mode;
            number.clone()
        }))
    }

    async fn set_calling(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        calling: Calling,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let number = tables.numbers.iter_mut().find(|number| number.id == *id && number.tenant == *tenant);
        Ok(number.map(|number| {
            number.calling = number.calling.join(calling);
            number.clone()
        }))
    }

    async fn inbound_bot(&self, id: &NumberId) -> Result<Option<BotUrl>, StoreFault> {
        Ok(self.lock().inbound_bots.get(id).cloned())
    }

    async fn set_inbound_bot(
        &self,
        tenant: &TenantId,
        id: &NumberId,
        bot: Option<&BotUrl>,
    ) -> Result<bool, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let number = tables.numbers.iter_mut().find(|number| number.id == *id && number.tenant == *tenant);
        let Some(number) = number else { return Ok(false) };
        number.has_bot = bot.is_some();
        match bot {
            Some(bot) => tables.inbound_bots.insert(id.clone(), bot.clone()),
            None => tables.inbound_bots.remove(id),
        };
        Ok(true)
    }

    async fn access_token(&self, id: &NumberId) -> Result<Option<String>, StoreFault> {
        Ok((!self.lock().tokenless.contains(id)).then(|| "token".to_owned()))
    }
}

#[async_trait]
impl People for Memory {
    async fn add(&self, new: NewPerson) -> Result<Person, StoreFault> {
        let NewPerson { id, tenant, email, name, role, .. } = new;
        let person = Person { id, tenant, email, name, role, presence: Presence::Away };
        self.with_person(person.clone());
        Ok(person)
    }

    async fn sign_in(&self, email: &str, _: &str) -> Result<Option<Person>, StoreFault> {
        Ok(self.lock().people.iter().find(|person| person.email == email).cloned())
    }

    async fn load(&self, tenant: &TenantId, id: &UserId) -> Result<Option<Person>, StoreFault> {
        let tables = self.lock();
        Ok(tables.people.iter().find(|person| person.id == *id && person.tenant == *tenant).cloned())
    }

    async fn all(&self, tenant: &TenantId) -> Result<Vec<Person>, StoreFault> {
        Ok(self.lock().people.iter().filter(|person| person.tenant == *tenant).cloned().collect())
    }

    async fn set_presence(&self, id: &UserId, presence: Presence) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        if let Some(person) = tables.people.iter_mut().find(|person| person.id == *id) {
            person.presence = presence;
        }
        Ok(())
    }
    async fn change(&self, change: PersonChange) -> Result<Changed, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        if change.role.is_some_and(|role| role != Role::Owner)
            && tables.is_last_owner(&change.tenant, &change.id)
        {
            return Ok(Changed::LastOwner);
        }
        let theirs = |person: &&mut Person| person.id == change.id && person.tenant == change.tenant;
        let Some(person) = tables.people.iter_mut().find(theirs) else { return Ok(Changed::Unknown) };
        person.name = change.name.unwrap_or_else(|| person.name.clone());
        person.role = change.role.unwrap_or(person.role);
        Ok(Changed::Done(person.clone()))
    }

    async fn remove(&self, removal: Removal) -> Result<Changed, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        if tables.is_last_owner(&removal.tenant, &removal.id) {
            return Ok(Changed::LastOwner);
        }
        let theirs = |person: &Person| person.id == removal.id && person.tenant == removal.tenant;
        let place = tables.people.iter().position(theirs);
        Ok(place.map_or(Changed::Unknown, |place| Changed::Done(tables.people.remove(place))))
    }

    async fn whose(&self, email: &str) -> Result<Option<Person>, StoreFault> {
        Ok(self.lock().people.iter().find(|person| person.email == email).cloned())
    }
}

impl Tables {
    fn is_last_owner(&self, tenant: &TenantId, id: &UserId) -> bool {
        let mut owners = self.people.iter().filter(|it| it.tenant == *tenant && it.role == Role::Owner);
        let (first, second) = (owners.next(), owners.next());
        first.is_some_and(|only| only.id == *id) && second.is_none()
    }
}

#[async_trait]
impl Permissions for Memory {
    async fn find(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        phone: &Phone,
    ) -> Result<Option<Permission>, StoreFault> {
        let tables = self.lock();
        let found = tables.permissions.get(&(number.clone(), phone.clone()));
        Ok(found.filter(|one| one.tenant == *tenant).cloned())
    }

    async fn commit(&self, commit: &PermissionCommit) -> Result<Vec<Logged>, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let new = &commit.permission;
        let key = (new.number.clone(), new.phone.clone());
        let version = tables.permissions.get(&key).map_or(0, |stored| stored.version);
        if new.version != version + 1 {
            return Err(StoreFault::Conflict);
        }
        tables.permissions.insert(key, new.clone());
        let events: Vec<Event> = commit.event.iter().cloned().collect();
        Ok(tables.append(&new.tenant, new.updated_at, &events))
    }

    async fn due(&self, until: Time, limit: u32) -> Result<Vec<Permission>, StoreFault> {
        let tables = self.lock();
        let is_due = |one: &&Permission| one.expires_at.is_some_and(|at| at <= until);
        let mut due: Vec<Permission> = tables.permissions.values().filter(is_due).cloned().collect();
        due.sort_by_key(|one| one.expires_at);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &PermissionFilter,
        page: &PermissionsAfter,
    ) -> Result<PermissionPage, StoreFault> {
        let mut permissions = self.permissions();
        permissions.retain(|one| {
            one.tenant == *tenant
                && filter.numbers.as_ref().is_none_or(|numbers| numbers.contains(&one.number))
                && filter.standing.is_none_or(|standing| one.standing == standing)
        });
        permissions.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        if let Some((at, id)) = &page.after {
            permissions.retain(|one| (one.created_at, &one.id) < (*at, id));
        }
        let has_more = permissions.len() > page.limit as usize;
        permissions.truncate(page.limit as usize);
        Ok(PermissionPage { permissions, has_more })
    }
}
