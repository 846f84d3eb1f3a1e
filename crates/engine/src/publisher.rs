//! Announcing committed events, in the order of each tenant's log.
//!
//! Tasks commit side by side, so their events may arrive here out of order. Subscribers never see that:
//! an event waits for the ones before it, and if those do not come (their task died between commit and
//! announcement) they are read from the log.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_core::event::Announced;
use offhook_core::id::TenantId;
use offhook_core::ports::{Events, StoreFault};
use tokio::sync::{broadcast, watch};

/// Events a subscriber may lag behind before it must read the log instead.
const BACKLOG: usize = 1024;

/// How long an event waits for its predecessors before the log is asked.
pub(crate) const PATIENCE: Duration = Duration::from_millis(250);

/// Entries read from the log at a time.
const PAGE: u32 = 500;

pub(crate) struct Publisher {
    events: Arc<dyn Events>,
    tenants: Mutex<HashMap<TenantId, Stream>>,
}

struct Stream {
    send: broadcast::Sender<Announced>,
    /// The head again, for those who read the log by themselves.
    heads: watch::Sender<u64>,
    head: u64,
    waiting: BTreeMap<u64, Announced>,
}

impl Publisher {
    pub(crate) fn new(events: Arc<dyn Events>) -> Self {
        Self { events, tenants: Mutex::new(HashMap::new()) }
    }

    /// A receiver of everything after the returned place.
    pub(crate) async fn subscribe(
        &self,
        tenant: &TenantId,
    ) -> Result<(broadcast::Receiver<Announced>, u64), StoreFault> {
        self.open(tenant).await?;
        let tenants = self.lock();
        let stream = tenants.get(tenant).expect("opened above, never removed");
        Ok((stream.send.subscribe(), stream.head))
    }

    /// How far the tenant's log has come.
    pub(crate) async fn heads(&self, tenant: &TenantId) -> Result<watch::Receiver<u64>, StoreFault> {
        self.open(tenant).await?;
        let tenants = self.lock();
        Ok(tenants.get(tenant).expect("opened above, never removed").heads.subscribe())
    }

    /// Announces what was committed. Returns true when some of it must wait for its predecessors.
    pub(crate) fn announce(&self, tenant: &TenantId, announced: Vec<Announced>) -> bool {
        let mut tenants = self.lock();
        // Nobody has subscribed yet: the first subscriber starts from the log's head.
        let Some(stream) = tenants.get_mut(tenant) else { return false };
        for event in announced {
            if event.logged.seq > stream.head {
                // The task's own has the record with it; the log's has not.
                let own = event.record.is_some();
                let waiting = stream.waiting.entry(event.logged.seq);
                match waiting {
                    Entry::Occupied(mut known) if own => drop(known.insert(event)),
                    Entry::Occupied(_) => {}
                    Entry::Vacant(place) => drop(place.insert(event)),
                }
            }
        }
        stream.flush();
        !stream.waiting.is_empty()
    }

    /// Fills a gap from the log.
    pub(crate) async fn fill(&self, tenant: &TenantId) -> Result<(), StoreFault> {
        let Some((head, upto)) = self.gap(tenant) else { return Ok(()) };
        let limit = u32::try_from(upto - head).unwrap_or(u32::MAX).min(1000);
        let missing = self.events.after(tenant, head, limit).await?;
        let announced = missing.into_iter().map(|logged| Announced { logged, record: None }).collect();
        self.announce(tenant, announced);
        Ok(())
    }

    /// Announces what is in the log and has not been announced: a task may have died, or not known that its
    /// write had landed, before it could.
    pub(crate) async fn catch_up(&self, tenant: &TenantId) -> Result<(), StoreFault> {
        while let Some(head) = self.head(tenant) {
            let missing = self.events.after(tenant, head, PAGE).await?;
            let announced: Vec<_> =
                missing.into_iter().map(|logged| Announced { logged, record: None }).collect();
            let more = announced.len() >= PAGE as usize;
            self.announce(tenant, announced);
            if !more || self.head(tenant) == Some(head) {
                break;
            }
        }
        Ok(())
    }

    /// The same for everybody who is listened to.
    pub(crate) async fn catch_up_all(&self) -> Result<(), StoreFault> {
        let tenants: Vec<TenantId> = self.lock().keys().cloned().collect();
        for tenant in tenants {
            self.catch_up(&tenant).await?;
        }
        Ok(())
    }

    fn head(&self, tenant: &TenantId) -> Option<u64> {
        self.lock().get(tenant).map(|stream| stream.head)
    }

    fn gap(&self, tenant: &TenantId) -> Option<(u64, u64)> {
        let tenants = self.lock();
        let stream = tenants.get(tenant)?;
        stream.waiting.keys().next().map(|first| (stream.head, *first))
    }

    async fn open(&self, tenant: &TenantId) -> Result<(), StoreFault> {
        if self.lock().contains_key(tenant) {
            return Ok(());
        }
        let head = self.events.head(tenant).await?;
        let (send, heads) = (broadcast::channel(BACKLOG).0, watch::channel(head).0);
        let stream = Stream { send, heads, head, waiting: BTreeMap::new() };
        self.lock().entry(tenant.clone()).or_insert(stream);
        // What was committed since the head was read was announced to nobody.
        self.catch_up(tenant).await
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TenantId, Stream>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream {
    fn flush(&mut self) {
        let before = self.head;
        while let Some(event) = self.waiting.remove(&(self.head + 1)) {
            self.head += 1;
            // No receiver is fine: nobody is listening.
            let _ = self.send.send(event);
        }
        if self.head > before {
            self.heads.send_replace(self.head);
        }
    }
}
