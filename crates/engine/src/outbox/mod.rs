//! The outbox: from each tenant's log to its hooks.
//!
//! The log is the outbox: an event is written with the change it tells of, and every hook has a durable place
//! in it, from which its deliveries are made. Each hook has a lane of its own (`lane`), so that one that is
//! slow or dead delays no other.
//!
//! Invariant: what a lane holds in memory can be made again from the store; a lane that dies loses nothing.

mod lane;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_core::event::{Event, HookEvent, Logged};
use offhook_core::hook::{Dress, Hook};
use offhook_core::id::{EventId, HookId, TenantId};
use offhook_core::ports::{Carrier, Deliveries, Dresser, Hooks, LogStretch, NewDelivery, StoreFault};
use offhook_core::time::Time;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::errors::EngineError;
use crate::house::{Engine, Inner};
use lane::Lane;

/// How often the backlog is measured.
const MEASURE: Duration = Duration::from_secs(60);

/// How long settled deliveries are kept for the customer to look at and to send again.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Measurements between two looks for what is kept no longer: an hour.
const PRUNE_EVERY: u32 = 60;

/// Entries of the log read at a time.
const PAGE: u32 = 256;

/// Most deliveries one replay makes. More would be a second log beside the log; whoever wants more asks again.
const MOST_REPLAYED: usize = 10_000;

/// What the outbox needs.
#[derive(Clone)]
pub struct Delivering {
    /// Hooks.
    pub hooks: Arc<dyn Hooks>,
    /// What is on its way to them.
    pub deliveries: Arc<dyn Deliveries>,
    /// Puts entries into words.
    pub dresser: Arc<dyn Dresser>,
    /// Carries them.
    pub carrier: Arc<dyn Carrier>,
}

/// What is to be sent again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replay {
    /// One event.
    Event(EventId),
    /// Everything written at or after the first time and before the second that the hook asked for.
    Between(Time, Time),
    /// What was given up: all of it, or the one delivery.
    Dead(Option<Uuid>),
}

/// What came of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Deliveries made.
    pub count: u64,
    /// When the first entry was written that was too many for one replay.
    pub rest_since: Option<Time>,
}

/// The lanes.
pub(crate) struct Outbox {
    with: Delivering,
    lanes: Mutex<HashMap<HookId, Arc<Notify>>>,
}

impl Engine {
    /// Begins to work on the hooks. Once in an engine's life.
    ///
    /// # Errors
    /// When the hooks cannot be read.
    pub async fn deliver(&self, with: Delivering) -> Result<(), EngineError> {
        let hooks = with.hooks.everywhere().await?;
        let house = &self.inner;
        let outbox = house.outbox.get_or_init(|| Outbox { with, lanes: Mutex::default() });
        house.tasks.spawn(house.clone().keep_outbox(outbox.with.clone()));
        for hook in hooks {
            self.hook_changed(&hook.tenant, &hook.id);
        }
        Ok(())
    }

    /// A hook was made, changed or removed: its lane looks.
    pub fn hook_changed(&self, tenant: &TenantId, id: &HookId) {
        let house = &self.inner;
        let Some(outbox) = house.outbox.get() else { return };
        let mut lanes = outbox.lock();
        if let Some(changed) = lanes.get(id) {
            return changed.notify_one();
        }
        let changed = Arc::new(Notify::new());
        lanes.insert(id.clone(), changed.clone());
        let lane = Lane::new(house.clone(), outbox.with.clone(), tenant.clone(), id.clone(), changed);
        house.tasks.spawn(lane.run());
    }

    /// Writes an entry of what happened outside calls.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn note(&self, tenant: &TenantId, event: Event) -> Result<(), StoreFault> {
        self.inner.append(tenant, event).await
    }

    /// Sends a hook an event that says nothing.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn test_hook(&self, hook: &Hook) -> Result<EventId, StoreFault> {
        let house = &self.inner;
        let event = Event::Hook { hook: hook.id.clone(), what: HookEvent::Tested };
        let logged = house.ports.events.append(&hook.tenant, house.ports.clock.now(), &[event]).await?;
        let id = logged.first().map(|logged| logged.id.clone());
        house.tell_all(&hook.tenant, logged).await;
        id.ok_or_else(|| StoreFault::Corrupt("an entry was not written".to_owned()))
    }

    /// Sends a hook again what it was, or should have been, told.
    ///
    /// # Errors
    /// The store's fault. What was made before it is sent all the same.
    pub async fn replay(&self, hook: &Hook, what: Replay) -> Result<Replayed, StoreFault> {
        let house = &self.inner;
        let Some(outbox) = house.outbox.get() else {
            return Err(StoreFault::Unavailable("nothing is sent from here".to_owned()));
        };
        let deliveries = &outbox.with.deliveries;
        let now = house.ports.clock.now();
        let replayed = match what {
            Replay::Dead(which) => {
                let mut count = 0;
                loop {
                    let some = deliveries.revive(&hook.id, which, now).await?;
                    count += some;
                    if some == 0 || which.is_some() {
                        break Replayed { count, rest_since: None };
                    }
                }
            }
            Replay::Event(id) => {
                let logged = house.ports.events.find_event(&hook.tenant, &id).await?;
                let made = house.made(&outbox.with, hook, logged.as_slice());
                deliveries.enqueue(&hook.id, &made, now).await?;
                Replayed { count: made.len() as u64, rest_since: None }
            }
            Replay::Between(since, until) => house.replay_between(&outbox.with, hook, since, until).await?,
        };
        self.hook_changed(&hook.tenant, &hook.id);
        Ok(replayed)
    }
}

impl Inner {
    async fn replay_between(
        &self,
        with: &Delivering,
        hook: &Hook,
        since: Time,
        until: Time,
    ) -> Result<Replayed, StoreFault> {
        let (since, until) = (Some(since), Some(until));
        let (mut count, mut after) = (0, None);
        loop {
            let stretch = LogStretch { since, until, after, limit: PAGE, ..LogStretch::default() };
            let page = self.ports.events.history(&hook.tenant, &stretch).await?;
            let Some(last) = page.last() else {
                return Ok(Replayed { count: count as u64, rest_since: None });
            };
            if count >= MOST_REPLAYED {
                return Ok(Replayed { count: count as u64, rest_since: page.first().map(|first| first.at) });
            }
            after = Some(last.seq);
            let made = self.made(with, hook, &page);
            with.deliveries.enqueue(&hook.id, &made, self.ports.clock.now()).await?;
            count += made.len();
        }
    }

    /// The deliveries that entries of the log make for a hook.
    fn made(&self, with: &Delivering, hook: &Hook, logged: &[Logged]) -> Vec<NewDelivery> {
        let mut made = Vec::new();
        for entry in logged {
            for name in with.dresser.names(hook, &entry.event) {
                let (id, thread) = (self.ports.ids.next(), entry.event.thread());
                made.push(NewDelivery { id, seq: entry.seq, name: name.to_owned(), thread });
            }
        }
        made
    }

    /// Measures the backlog, and forgets what is kept no longer.
    async fn keep_outbox(self: Arc<Self>, with: Delivering) {
        let mut round = 0;
        loop {
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(MEASURE) => {}
            }
            if let Err(fault) = self.measure(&with).await {
                tracing::warn!(error = %fault, "what is on its way to customers cannot be counted");
            }
            if round % PRUNE_EVERY == 0
                && let Err(fault) = self.prune(&with).await
            {
                tracing::warn!(error = %fault, "old deliveries cannot be removed");
            }
            round += 1;
        }
    }

    async fn measure(&self, with: &Delivering) -> Result<(), StoreFault> {
        let now = self.ports.clock.now();
        let backlog = with.deliveries.backlog().await?;
        for dress in Dress::ALL {
            let (open, oldest) = backlog.get(&dress).copied().unwrap_or((0, now));
            let lag = now.since(oldest);
            #[expect(clippy::cast_precision_loss, reason = "a gauge")]
            metrics::gauge!("offhook_hook_backlog", "dress" => dress.as_str()).set(open as f64);
            metrics::gauge!("offhook_hook_lag_seconds", "dress" => dress.as_str()).set(lag.as_secs_f64());
        }
        Ok(())
    }

    async fn prune(&self, with: &Delivering) -> Result<(), StoreFault> {
        let before = self.ports.clock.now() - KEPT;
        while with.deliveries.prune(before).await? > 0 {
            if self.stopping.is_cancelled() {
                break;
            }
        }
        Ok(())
    }
}

impl Outbox {
    fn lock(&self) -> MutexGuard<'_, HashMap<HookId, Arc<Notify>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
