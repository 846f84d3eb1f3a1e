//! A carrier that does as told and remembers, and a dresser without fashion.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::event::{Event, HookEvent, Logged};
use crate::hook::{Hook, Reply};
use crate::ports::{Carrier, Dressed, Dresser, Parcel, Receipt, StoreFault};
use crate::time::Time;

/// Delivers everything but to addresses that are said to be dead, and keeps what was carried.
#[derive(Debug, Default)]
pub struct FakeCarrier {
    inner: Mutex<Road>,
}

#[derive(Debug, Default)]
struct Road {
    carried: Vec<(Parcel, bool)>,
    dead: HashSet<String>,
    stuck: HashSet<String>,
    replies: HashMap<String, Reply>,
}

impl FakeCarrier {
    /// From now on this address fails, or it does not any more.
    pub fn set_dead(&self, url: &str, dead: bool) {
        let mut road = self.lock();
        let _ = if dead { road.dead.insert(url.to_owned()) } else { road.dead.remove(url) };
    }

    /// From now on this address never answers.
    pub fn set_stuck(&self, url: &str) {
        self.lock().stuck.insert(url.to_owned());
    }

    /// From now on this address answers so.
    pub fn set_reply(&self, url: &str, reply: Reply) {
        self.lock().replies.insert(url.to_owned(), reply);
    }

    /// Everything carried so far, and whether it arrived.
    #[must_use]
    pub fn carried(&self) -> Vec<(Parcel, bool)> {
        self.lock().carried.clone()
    }

    /// When and with which body something arrived at an address.
    #[must_use]
    pub fn arrived(&self, url: &str) -> Vec<(Time, String)> {
        let here = |(parcel, arrived): &&(Parcel, bool)| *arrived && parcel.url == url;
        let text = |parcel: &Parcel| String::from_utf8_lossy(&parcel.dressed.body).into_owned();
        self.lock().carried.iter().filter(here).map(|(parcel, _)| (parcel.at, text(parcel))).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Road> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Carrier for FakeCarrier {
    async fn check(&self, url: &str) -> Result<(), String> {
        if url.starts_with("https://") { Ok(()) } else { Err("the address must begin with https".to_owned()) }
    }

    async fn carry(&self, parcel: &Parcel) -> Receipt {
        if self.lock().stuck.contains(&parcel.url) {
            std::future::pending::<()>().await;
        }
        let mut road = self.lock();
        let failed = Reply::Failed { stay_away: None, gone: false };
        let reply = match road.replies.get(&parcel.url) {
            Some(reply) => *reply,
            None if road.dead.contains(&parcel.url) => failed,
            None => Reply::Taken,
        };
        road.carried.push((parcel.clone(), reply == Reply::Taken));
        Receipt {
            reply,
            took: Duration::from_millis(5),
            status: Some(if reply == Reply::Taken { 200 } else { 503 }),
            error: (reply != Reply::Taken).then(|| "status 503".to_owned()),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
            response_body: None,
        }
    }
}

/// Tells every entry under one name, with its thread and place as the body.
#[derive(Debug, Default)]
pub struct PlainDresser;

#[async_trait]
impl Dresser for PlainDresser {
    fn names(&self, hook: &Hook, event: &Event) -> Vec<&'static str> {
        match event {
            Event::Hook { hook: which, what: HookEvent::Tested } if *which == hook.id => vec!["test"],
            Event::Hook { .. } | Event::Erased => Vec::new(),
            Event::Call { .. }
            | Event::Permission { .. }
            | Event::Presence { .. }
            | Event::Contact { .. }
            | Event::Import { .. }
            | Event::Recording { .. }
            | Event::Knock { .. } => vec!["plain"],
        }
    }

    async fn dress(&self, _: &Hook, logged: &Logged, name: &str) -> Result<Option<Dressed>, StoreFault> {
        let body = format!("{name} {} {}", logged.event.thread(), logged.seq).into_bytes();
        Ok(Some(Dressed { id: logged.id.to_string(), body }))
    }
}
