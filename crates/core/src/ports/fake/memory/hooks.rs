//! Hooks and their deliveries in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use uuid::Uuid;

use super::Memory;
use crate::hook::{Credentials, Delivery, DeliveryState, Disabled, Dress, Health, Hook, Next};
use crate::id::{EventId, HookId, TenantId};
use crate::ports::{Deliveries, DeliveryPage, Due, Hooks, NewDelivery, NewHook, Settled, StoreFault};
use crate::time::Time;

#[derive(Debug, Default)]
pub(super) struct Shelf {
    hooks: BTreeMap<HookId, (Hook, Credentials)>,
    deliveries: BTreeMap<(HookId, u64), Delivery>,
}

impl Shelf {
    /// Whether somebody wants Meta's own words.
    pub(super) fn passes_on(&self, tenant: &TenantId) -> bool {
        self.hooks.values().any(|(hook, _)| hook.tenant == *tenant && hook.dress.passes_on())
    }

    fn of<'a>(&'a self, hook: &HookId) -> impl Iterator<Item = &'a Delivery> + use<'a> {
        let ends = (hook.clone(), 0)..=(hook.clone(), u64::MAX);
        self.deliveries.range(ends).map(|(_, delivery)| delivery)
    }

    fn make(&mut self, hook: &HookId, made: &[NewDelivery], events: &[(u64, EventId)], at: Time) {
        for new in made {
            let n = self.of(hook).last().map_or(0, |last| last.n) + 1;
            let Some((_, event)) = events.iter().find(|(seq, _)| *seq == new.seq) else { continue };
            let behind = self.is_open(hook, &new.thread);
            let delivery = Delivery {
                id: new.id,
                hook: hook.clone(),
                n,
                event: event.clone(),
                seq: new.seq,
                name: new.name.clone(),
                thread: new.thread.clone(),
                state: if behind { DeliveryState::Waiting } else { DeliveryState::Due },
                tries: 0,
                created_at: at,
                due_at: (!behind).then_some(at),
                last: None,
            };
            self.deliveries.insert((hook.clone(), n), delivery);
        }
    }

    fn is_open(&self, hook: &HookId, thread: &str) -> bool {
        self.of(hook).any(|known| {
            known.thread == thread && matches!(known.state, DeliveryState::Due | DeliveryState::Waiting)
        })
    }
}

#[async_trait]
impl Hooks for Memory {
    async fn add(&self, new: NewHook, most: u32) -> Result<Hook, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let tenant = &new.hook.tenant;
        let known = tables.hooks.hooks.values().filter(|(hook, _)| hook.tenant == *tenant).count();
        if known >= most as usize {
            return Err(StoreFault::Exists("the largest number of hooks"));
        }
        let place = tables.logs.get(tenant).map_or(0, |log| log.len() as u64);
        let hook = Hook { place, ..new.hook };
        tables.hooks.hooks.insert(hook.id.clone(), (hook.clone(), new.credentials));
        Ok(hook)
    }

    async fn find(&self, tenant: &TenantId, id: &HookId) -> Result<Option<Hook>, StoreFault> {
        let tables = self.lock();
        let found = tables.hooks.hooks.get(id).map(|(hook, _)| hook.clone());
        Ok(found.filter(|hook| hook.tenant == *tenant))
    }

    async fn of_tenant(&self, tenant: &TenantId) -> Result<Vec<Hook>, StoreFault> {
        let mut found = self.everywhere().await?;
        found.retain(|hook| hook.tenant == *tenant);
        found.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
        Ok(found)
    }

    async fn everywhere(&self) -> Result<Vec<Hook>, StoreFault> {
        Ok(self.lock().hooks.hooks.values().map(|(hook, _)| hook.clone()).collect())
    }

    async fn change(&self, hook: &Hook) -> Result<bool, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let Some((known, _)) = tables.hooks.hooks.get_mut(&hook.id) else { return Ok(false) };
        if known.tenant != hook.tenant {
            return Ok(false);
        }
        if hook.active && !known.active {
            known.health = Health::default();
            known.disabled = None;
        }
        known.url.clone_from(&hook.url);
        known.topics.clone_from(&hook.topics);
        known.description.clone_from(&hook.description);
        known.active = hook.active;
        known.updated_at = hook.updated_at;
        Ok(true)
    }

    async fn remove(&self, tenant: &TenantId, id: &HookId) -> Result<bool, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        if tables.hooks.hooks.get(id).is_none_or(|(hook, _)| hook.tenant != *tenant) {
            return Ok(false);
        }
        tables.hooks.hooks.remove(id);
        tables.hooks.deliveries.retain(|(hook, _), _| hook != id);
        Ok(true)
    }

    async fn credentials(&self, tenant: &TenantId, id: &HookId) -> Result<Option<Credentials>, StoreFault> {
        let tables = self.lock();
        let found = tables.hooks.hooks.get(id).filter(|(hook, _)| hook.tenant == *tenant);
        Ok(found.map(|(_, credentials)| credentials.clone()))
    }

    async fn set_credentials(
        &self,
        tenant: &TenantId,
        id: &HookId,
        with: &Credentials,
    ) -> Result<bool, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let found = tables.hooks.hooks.get_mut(id).filter(|(hook, _)| hook.tenant == *tenant);
        Ok(found.map(|(_, credentials)| credentials.clone_from(with)).is_some())
    }
}

#[async_trait]
impl Deliveries for Memory {
    async fn advance(
        &self,
        hook: &HookId,
        from: u64,
        to: u64,
        made: &[NewDelivery],
        at: Time,
    ) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let Some((known, _)) = tables.hooks.hooks.get_mut(hook) else { return Err(StoreFault::Conflict) };
        if known.place != from {
            return Err(StoreFault::Conflict);
        }
        known.place = to;
        let tenant = known.tenant.clone();
        let events = tables.places(&tenant);
        tables.hooks.make(hook, made, &events, at);
        Ok(())
    }

    async fn enqueue(&self, hook: &HookId, made: &[NewDelivery], at: Time) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let Some((known, _)) = tables.hooks.hooks.get(hook) else { return Ok(()) };
        let events = tables.places(&known.tenant);
        tables.hooks.make(hook, made, &events, at);
        Ok(())
    }

    async fn due(&self, hook: &HookId, now: Time, limit: u32) -> Result<Vec<Due>, StoreFault> {
        let tables = self.lock();
        let Some((known, _)) = tables.hooks.hooks.get(hook) else { return Ok(Vec::new()) };
        let mut due: Vec<&Delivery> = tables
            .hooks
            .of(hook)
            .filter(|delivery| delivery.state == DeliveryState::Due && delivery.due_at <= Some(now))
            .collect();
        due.sort_by_key(|delivery| (delivery.due_at, delivery.n));
        let log = tables.logs.get(&known.tenant).map(Vec::as_slice).unwrap_or_default();
        let with_entry = |delivery: &Delivery| {
            let logged = log.iter().find(|logged| logged.seq == delivery.seq)?.clone();
            Some(Due { delivery: delivery.clone(), logged })
        };
        Ok(due.into_iter().filter_map(with_entry).take(limit as usize).collect())
    }

    async fn next_due(&self, hook: &HookId, after: Time) -> Result<Option<Time>, StoreFault> {
        let tables = self.lock();
        let due = tables.hooks.of(hook).filter(|delivery| delivery.state == DeliveryState::Due);
        Ok(due.filter_map(|delivery| delivery.due_at).filter(|at| *at > after).min())
    }

    async fn settle(
        &self,
        hook: &HookId,
        tried: &[Settled],
        health: Health,
        disabled: Option<Disabled>,
    ) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        if let Some((known, _)) = tables.hooks.hooks.get_mut(hook) {
            known.health = health;
            if disabled.is_some() {
                known.active = false;
                known.disabled = disabled;
            }
        }
        for settled in tried {
            let Some(delivery) = tables.hooks.deliveries.get_mut(&(hook.clone(), settled.n)) else {
                continue;
            };
            delivery.tries = settled.tries;
            delivery.last = Some(settled.attempt.clone());
            (delivery.state, delivery.due_at) = match settled.next {
                Next::Delivered => (DeliveryState::Delivered, None),
                Next::Again(at) => (DeliveryState::Due, Some(at)),
                Next::Dead => (DeliveryState::Dead, None),
            };
            if delivery.state != DeliveryState::Due {
                let thread = delivery.thread.clone();
                let behind =
                    |known: &&Delivery| known.thread == thread && known.state == DeliveryState::Waiting;
                let next = tables.hooks.of(hook).find(behind).map(|known| known.n);
                if let Some(next) = next.and_then(|n| tables.hooks.deliveries.get_mut(&(hook.clone(), n))) {
                    next.state = DeliveryState::Due;
                    next.due_at = Some(settled.attempt.at);
                }
            }
        }
        Ok(())
    }

    async fn deliveries(
        &self,
        tenant: &TenantId,
        hook: &HookId,
        state: Option<DeliveryState>,
        before: Option<u64>,
        limit: u32,
    ) -> Result<DeliveryPage, StoreFault> {
        let tables = self.lock();
        if tables.hooks.hooks.get(hook).is_none_or(|(hook, _)| hook.tenant != *tenant) {
            return Ok(DeliveryPage { deliveries: Vec::new(), has_more: false });
        }
        let wanted = |delivery: &&Delivery| {
            state.is_none_or(|state| delivery.state == state) && before.is_none_or(|n| delivery.n < n)
        };
        let mut deliveries: Vec<Delivery> = tables.hooks.of(hook).filter(wanted).cloned().collect();
        deliveries.reverse();
        let has_more = deliveries.len() > limit as usize;
        deliveries.truncate(limit as usize);
        Ok(DeliveryPage { deliveries, has_more })
    }

    async fn revive(&self, hook: &HookId, which: Option<Uuid>, at: Time) -> Result<u64, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let dead = tables.hooks.of(hook).filter(|delivery| {
            delivery.state == DeliveryState::Dead && which.is_none_or(|id| id == delivery.id)
        });
        let dead: Vec<u64> = dead.map(|delivery| delivery.n).collect();
        for n in &dead {
            let key = (hook.clone(), *n);
            let thread = tables.hooks.deliveries[&key].thread.clone();
            let behind = tables.hooks.is_open(hook, &thread);
            let delivery = tables.hooks.deliveries.get_mut(&key).expect("listed above");
            delivery.tries = 0;
            delivery.state = if behind { DeliveryState::Waiting } else { DeliveryState::Due };
            delivery.due_at = (!behind).then_some(at);
        }
        Ok(dead.len() as u64)
    }

    async fn backlog(&self) -> Result<BTreeMap<Dress, (u64, Time)>, StoreFault> {
        let tables = self.lock();
        let mut open = BTreeMap::new();
        for (hook, _) in tables.hooks.hooks.values().filter(|(hook, _)| hook.active) {
            for delivery in tables.hooks.of(&hook.id) {
                if matches!(delivery.state, DeliveryState::Due | DeliveryState::Waiting) {
                    let (count, oldest) = open.entry(hook.dress).or_insert((0, delivery.created_at));
                    *count += 1;
                    *oldest = delivery.created_at.min(*oldest);
                }
            }
        }
        Ok(open)
    }

    async fn prune(&self, before: Time) -> Result<u64, StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        let all = tables.hooks.deliveries.len();
        tables.hooks.deliveries.retain(|_, delivery| {
            delivery.created_at >= before
                || matches!(delivery.state, DeliveryState::Due | DeliveryState::Waiting)
        });
        Ok((all - tables.hooks.deliveries.len()) as u64)
    }
}

impl super::Tables {
    /// The ids of a log's entries by place.
    fn places(&self, tenant: &TenantId) -> Vec<(u64, EventId)> {
        let log = self.logs.get(tenant).map(Vec::as_slice).unwrap_or_default();
        log.iter().map(|logged| (logged.seq, logged.id.clone())).collect()
    }
}
