//! Names of people and a tenant's numbers, remembered for a short while: every event shown to an agent
//! needs them, and they hardly change.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_core::house::BusinessNumber;
use offhook_core::id::{TenantId, UserId};
use offhook_core::ports::{Numbers, People, StoreFault};
use tokio::time::Instant;

/// How long an entry is believed. A renamed colleague shows the old name this long.
const FRESH: Duration = Duration::from_secs(30);

/// Entries kept of each kind; beyond it everything is forgotten and read again.
const MOST: usize = 10_000;

pub(crate) struct Directory {
    people: Arc<dyn People>,
    numbers: Arc<dyn Numbers>,
    names: Shelf<(TenantId, UserId), Option<Arc<str>>>,
    tenants: Shelf<TenantId, Arc<Vec<BusinessNumber>>>,
}

impl Directory {
    pub(crate) fn new(people: Arc<dyn People>, numbers: Arc<dyn Numbers>) -> Self {
        Self { people, numbers, names: Shelf::default(), tenants: Shelf::default() }
    }

    /// A colleague's name; none when there is no such colleague.
    pub(crate) async fn name(
        &self,
        tenant: &TenantId,
        person: &UserId,
    ) -> Result<Option<Arc<str>>, StoreFault> {
        let key = (tenant.clone(), person.clone());
        if let Some(known) = self.names.find(&key) {
            return Ok(known);
        }
        let name = self.people.load(tenant, person).await?.map(|person| Arc::from(person.name));
        self.names.put(key, name.clone());
        Ok(name)
    }

    /// The tenant's numbers, oldest first.
    pub(crate) async fn numbers(&self, tenant: &TenantId) -> Result<Arc<Vec<BusinessNumber>>, StoreFault> {
        if let Some(known) = self.tenants.find(tenant) {
            return Ok(known);
        }
        self.numbers_now(tenant).await
    }

    /// The same, read anew: for a number that a remembered list does not have.
    pub(crate) async fn numbers_now(
        &self,
        tenant: &TenantId,
    ) -> Result<Arc<Vec<BusinessNumber>>, StoreFault> {
        let numbers = Arc::new(self.numbers.all(tenant).await?);
        self.tenants.put(tenant.clone(), numbers.clone());
        Ok(numbers)
    }
}

struct Shelf<K, V>(Mutex<HashMap<K, (Instant, V)>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Eq + Hash, V: Clone> Shelf<K, V> {
    fn find(&self, key: &K) -> Option<V> {
        let shelf = self.lock();
        shelf.get(key).filter(|(read, _)| read.elapsed() < FRESH).map(|(_, value)| value.clone())
    }

    fn put(&self, key: K, value: V) {
        let mut shelf = self.lock();
        if shelf.len() >= MOST {
            shelf.clear();
        }
        shelf.insert(key, (Instant::now(), value));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, (Instant, V)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
