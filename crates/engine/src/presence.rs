//! Who is here and can be rung.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use offhook_core::house::{Person, Presence};
use offhook_core::id::{TenantId, UserId};

use crate::house::Engine;

/// People with at least one open connection.
#[derive(Default)]
pub(crate) struct Roll {
    people: Mutex<HashMap<UserId, Here>>,
}

struct Here {
    tenant: TenantId,
    presence: Presence,
    connections: usize,
}

/// One open connection of a person. Dropping it says that the connection is gone.
pub struct Connected {
    engine: Engine,
    person: UserId,
    tenant: TenantId,
}

impl Connected {
    pub(crate) fn new(engine: Engine, person: &Person) -> Self {
        Self { engine, person: person.id.clone(), tenant: person.tenant.clone() }
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.engine.disconnected(&self.person, &self.tenant);
    }
}

impl Roll {
    /// Counts a connection. Returns true when the person was not here before.
    pub(crate) fn arrive(&self, person: &Person) -> bool {
        let mut people = self.lock();
        let here = people.entry(person.id.clone()).or_insert_with(|| Here {
            tenant: person.tenant.clone(),
            presence: person.presence,
            connections: 0,
        });
        here.connections += 1;
        here.connections == 1
    }

    /// Counts a connection less. Returns true when it was the last.
    pub(crate) fn leave(&self, person: &UserId) -> bool {
        let mut people = self.lock();
        let Some(here) = people.get_mut(person) else { return false };
        here.connections = here.connections.saturating_sub(1);
        let gone = here.connections == 0;
        if gone {
            people.remove(person);
        }
        gone
    }

    pub(crate) fn set(&self, person: &UserId, presence: Presence) {
        if let Some(here) = self.lock().get_mut(person) {
            here.presence = presence;
        }
    }

    pub(crate) fn presence(&self, person: &UserId) -> Option<Presence> {
        self.lock().get(person).map(|here| here.presence)
    }

    /// The tenant's people who are here and take calls.
    pub(crate) fn available(&self, tenant: &TenantId) -> BTreeSet<UserId> {
        let people = self.lock();
        let ready = people.iter().filter(|(_, h)| h.tenant == *tenant && h.presence == Presence::Available);
        ready.map(|(id, _)| id.clone()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<UserId, Here>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
