//! Puts entries of the log into the words of each dress, for hooks, the history and the stream.
//!
//! What an event is called and how it reads is each dialect's business (`dialect/*/event.rs`); here is what
//! they read: the number, the call, the account, and what Meta sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use offhook_core::call::CallRecord;
use offhook_core::event::{CallEvent, Event, Logged};
use offhook_core::hook::{Dress, Hook};
use offhook_core::house::BusinessNumber;
use offhook_core::id::{NumberId, TenantId};
use offhook_core::ports::{Calls, Dressed, Dresser, Inbox, Numbers, People, StoreFault, Tenants};
use offhook_whatsapp::webhook::{echo, whole};

use crate::dialect::orbit::event::{self as orbit, Around, OrbitEvent, View};
use crate::dialect::{d360, vobiz};
use crate::manners::directory::Directory;

/// Accounts whose ids are remembered; beyond it all are forgotten and read again.
const MOST_ACCOUNTS: usize = 10_000;

/// What the wardrobe reads.
#[derive(Clone)]
pub struct WardrobePorts {
    /// Companies.
    pub tenants: Arc<dyn Tenants>,
    /// Business numbers.
    pub numbers: Arc<dyn Numbers>,
    /// People.
    pub people: Arc<dyn People>,
    /// Calls.
    pub calls: Arc<dyn Calls>,
    /// Meta's knocks.
    pub inbox: Arc<dyn Inbox>,
}

/// Dresses events.
pub struct Wardrobe {
    ports: WardrobePorts,
    directory: Directory,
    accounts: Mutex<HashMap<TenantId, Arc<str>>>,
}

impl Wardrobe {
    /// An empty one; it remembers what it has read for a while.
    #[must_use]
    pub fn new(ports: WardrobePorts) -> Self {
        let directory = Directory::new(ports.people.clone(), ports.numbers.clone());
        Self { ports, directory, accounts: Mutex::default() }
    }

    /// An entry in Orbit's words; none when `only` another number's are wanted.
    pub(crate) async fn orbit(
        &self,
        logged: &Logged,
        name: &'static str,
        view: View,
        only: Option<&NumberId>,
    ) -> Result<Option<OrbitEvent>, StoreFault> {
        let call = self.call(logged, view).await?;
        let number = logged.event.number().cloned().or_else(|| call.as_ref().map(|call| call.number.clone()));
        if only.is_some_and(|only| number.as_ref() != Some(only)) {
            return Ok(None);
        }
        let number = match &number {
            Some(id) => self.number(&logged.tenant, id).await?,
            None => None,
        };
        let around = Around { number: number.as_ref(), call: call.as_ref() };
        Ok(Some(orbit::tell(logged, name, around, view)))
    }

    /// The call's record, when the entry alone does not tell enough.
    async fn call(&self, logged: &Logged, view: View) -> Result<Option<CallRecord>, StoreFault> {
        let id = match &logged.event {
            Event::Call { call, glance: None, .. } | Event::Recording { call, .. } => call,
            Event::Call { call, what: CallEvent::Incoming | CallEvent::RemoteAnswer, .. } if view.sdp => call,
            _ => return Ok(None),
        };
        self.ports.calls.load(&logged.tenant, id).await
    }

    async fn number(&self, tenant: &TenantId, id: &NumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        let among = |numbers: &[BusinessNumber]| numbers.iter().find(|number| number.id == *id).cloned();
        if let Some(known) = among(&self.directory.numbers(tenant).await?) {
            return Ok(Some(known));
        }
        Ok(among(&self.directory.numbers_now(tenant).await?))
    }

    /// The account id that the Vobiz face shows.
    async fn account(&self, tenant: &TenantId) -> Result<Arc<str>, StoreFault> {
        let known = self.accounts.lock().unwrap_or_else(PoisonError::into_inner).get(tenant).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let account = self.ports.tenants.load(tenant).await?.map(|tenant| tenant.account_id);
        let account: Arc<str> = account.unwrap_or_default().into();
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= MOST_ACCOUNTS {
            accounts.clear();
        }
        accounts.insert(tenant.clone(), account.clone());
        Ok(account)
    }

    /// Meta's webhook behind an entry, in Meta's own bytes, with what the client sent along with its call.
    async fn metas_own(&self, logged: &Logged) -> Result<Option<String>, StoreFault> {
        let Event::Knock { knock, number, call, .. } = &logged.event else { return Ok(None) };
        let Some(number) = self.number(&logged.tenant, number).await? else { return Ok(None) };
        let raw = self.ports.inbox.raw(*knock).await?;
        let Some(webhook) = raw.and_then(|raw| whole(&raw, &number.waba_id)) else { return Ok(None) };
        let Some(call) = call else { return Ok(Some(webhook)) };
        let theirs = self.ports.calls.load(&logged.tenant, call).await?.and_then(|call| call.correlation);
        Ok(Some(echo(webhook, call.as_str(), theirs.as_deref())))
    }
}

#[async_trait]
impl Dresser for Wardrobe {
    fn names(&self, hook: &Hook, event: &Event) -> Vec<&'static str> {
        let elsewhere = |number: &NumberId| hook.number.as_ref().is_some_and(|only| only != number);
        if event.number().is_some_and(elsewhere) {
            return Vec::new();
        }
        let about_hook = match event {
            Event::Hook { hook: which, .. } => Some(*which == hook.id),
            _ => None,
        };
        let name = match hook.dress {
            Dress::Orbit => orbit::name(event),
            Dress::Vobiz => vobiz::event::name(event),
            Dress::Meta => d360::event::name(event),
        };
        match (name, about_hook) {
            (None, _) => Vec::new(),
            // A test is for the hook that is tested, whatever it has asked for; the others are told of its end.
            (Some(name), Some(own)) if own == (name == "webhook.test") => {
                match own || hook.hears(name, false) {
                    true => vec![name],
                    false => Vec::new(),
                }
            }
            (Some(_), Some(_)) => Vec::new(),
            (Some(name), None) if hook.dress == Dress::Orbit => {
                let second = orbit::second_name(name).filter(|second| hook.hears(second, true));
                Some(name).filter(|name| hook.hears(name, false)).into_iter().chain(second).collect()
            }
            (Some(name), None) => vec![name],
        }
    }

    async fn dress(&self, hook: &Hook, logged: &Logged, name: &str) -> Result<Option<Dressed>, StoreFault> {
        let test = matches!(logged.event, Event::Hook { .. });
        let body = match hook.dress {
            Dress::Orbit => {
                let first = orbit::name(&logged.event);
                let known =
                    first.into_iter().chain(first.and_then(orbit::second_name)).find(|it| *it == name);
                let Some(known) = known else { return Ok(None) };
                let only = hook.number.as_ref().filter(|_| !test);
                let Some(event) = self.orbit(logged, known, View::WHOLE, only).await? else {
                    return Ok(None);
                };
                let id = event.id.clone();
                return Ok(serde_json::to_vec(&event).ok().map(|body| Dressed { id, body }));
            }
            Dress::Vobiz => {
                let payload = self.metas_own(logged).await?;
                if payload.is_none() && !test {
                    return Ok(None);
                }
                let account = self.account(&logged.tenant).await?;
                vobiz::event::body(logged, name, &account, payload.as_deref())
            }
            Dress::Meta if test => Some(d360::event::TEST.as_bytes().to_vec()),
            Dress::Meta => self.metas_own(logged).await?.map(String::into_bytes),
        };
        Ok(body.map(|body| Dressed { id: logged.id.to_string(), body }))
    }
}
