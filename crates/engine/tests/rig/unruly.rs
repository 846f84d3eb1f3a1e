//! Ports that misbehave as told, over the memory and the Meta of the rig.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use offhook_core::call::{Ask, CallRecord, Commit, Fault, Reply};
use offhook_core::event::{Event, Logged};
use offhook_core::house::BusinessNumber;
use offhook_core::id::{CallId, EventId, TenantId, Wacid};
use offhook_core::phone::Phone;
use offhook_core::ports::fake::{FakeAsker, Memory};
use offhook_core::ports::{
    Asker, CallFilter, Calls, Document, Events, LogStretch, LookedUp, Page, PageAfter, PermissionAsk,
    Settings, StoreFault,
};
use offhook_core::time::Time;
use tokio::sync::Semaphore;

/// What a commit of a certain call does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whim {
    /// Never comes back.
    Hang,
    /// Finds no database.
    Refuse,
    /// Panics when the user's phone rings.
    PanicAtRinging,
}

pub(crate) struct Unruly {
    pub(crate) memory: Arc<Memory>,
    pub(crate) asker: Arc<FakeAsker>,
    pub(crate) whim: Mutex<Option<(Wacid, Whim)>>,
    pub(crate) panics: AtomicUsize,
    /// The next commit lands and is reported as failed.
    pub(crate) lose_next: AtomicBool,
    /// The next commit lands and its task panics.
    pub(crate) panic_after_next: AtomicBool,
    /// The next request to Meta never comes back.
    pub(crate) hang_at_request: AtomicBool,
    /// The next request to Meta panics.
    pub(crate) panic_at_request: AtomicBool,
    /// Looking for this call panics.
    pub(crate) poison: Mutex<Option<CallId>>,
    pub(crate) latency: Mutex<Duration>,
    /// How long it takes to find a call by WhatsApp's id.
    pub(crate) lookup: Mutex<Duration>,
    /// Closed: what has been read is handed out only with a permit.
    pub(crate) live_gate: Semaphore,
    pub(crate) head_gate: Semaphore,
}

impl Unruly {
    pub(crate) fn over(memory: Arc<Memory>, asker: Arc<FakeAsker>) -> Self {
        Self {
            memory,
            asker,
            whim: Mutex::default(),
            panics: AtomicUsize::default(),
            lose_next: AtomicBool::default(),
            panic_after_next: AtomicBool::default(),
            hang_at_request: AtomicBool::default(),
            panic_at_request: AtomicBool::default(),
            poison: Mutex::default(),
            latency: Mutex::default(),
            lookup: Mutex::default(),
            live_gate: Semaphore::new(1_000),
            head_gate: Semaphore::new(1_000),
        }
    }

    fn panic(&self) -> ! {
        self.panics.fetch_add(1, Ordering::SeqCst);
        panic!("as told by the test");
    }
}

async fn pass(gate: &Semaphore) {
    gate.acquire().await.unwrap().forget();
}

#[async_trait]
impl Calls for Unruly {
    async fn commit(&self, commit: &Commit) -> Result<Vec<Logged>, StoreFault> {
        let whim = self.whim.lock().unwrap().clone();
        match whim.filter(|(wacid, _)| commit.record.facts.wacid.as_ref() == Some(wacid)) {
            Some((_, Whim::Hang)) => pending().await,
            Some((_, Whim::Refuse)) => return Err(StoreFault::Unavailable("as told".to_owned())),
            Some((_, Whim::PanicAtRinging)) if commit.record.facts.ringing_at.is_some() => self.panic(),
            Some((_, Whim::PanicAtRinging)) | None => {}
        }
        let logged = self.memory.commit(commit).await?;
        if self.lose_next.swap(false, Ordering::SeqCst) {
            return Err(StoreFault::Unavailable("as told".to_owned()));
        }
        if self.panic_after_next.swap(false, Ordering::SeqCst) {
            self.panic();
        }
        Ok(logged)
    }

    async fn load(&self, tenant: &TenantId, id: &CallId) -> Result<Option<CallRecord>, StoreFault> {
        Calls::load(&*self.memory, tenant, id).await
    }

    async fn find(&self, id: &CallId) -> Result<Option<CallRecord>, StoreFault> {
        let poisoned = self.poison.lock().unwrap().as_ref() == Some(id);
        if poisoned {
            self.panic();
        }
        self.memory.find(id).await
    }

    async fn find_wacid(&self, wacid: &Wacid) -> Result<Option<CallRecord>, StoreFault> {
        let lookup = *self.lookup.lock().unwrap();
        tokio::time::sleep(lookup).await;
        self.memory.find_wacid(wacid).await
    }

    async fn live(&self) -> Result<Vec<CallRecord>, StoreFault> {
        let live = self.memory.live().await;
        pass(&self.live_gate).await;
        live
    }

    async fn list(
        &self,
        tenant: &TenantId,
        filter: &CallFilter,
        page: &PageAfter,
    ) -> Result<Page, StoreFault> {
        self.memory.list(tenant, filter, page).await
    }
}

#[async_trait]
impl Events for Unruly {
    async fn append(&self, tenant: &TenantId, at: Time, events: &[Event]) -> Result<Vec<Logged>, StoreFault> {
        self.memory.append(tenant, at, events).await
    }

    async fn head(&self, tenant: &TenantId) -> Result<u64, StoreFault> {
        let head = self.memory.head(tenant).await;
        pass(&self.head_gate).await;
        head
    }

    async fn after(&self, tenant: &TenantId, seq: u64, limit: u32) -> Result<Vec<Logged>, StoreFault> {
        self.memory.after(tenant, seq, limit).await
    }

    async fn find_event(&self, tenant: &TenantId, id: &EventId) -> Result<Option<Logged>, StoreFault> {
        self.memory.find_event(tenant, id).await
    }

    async fn history(&self, tenant: &TenantId, stretch: &LogStretch) -> Result<Vec<Logged>, StoreFault> {
        self.memory.history(tenant, stretch).await
    }
}

#[async_trait]
impl Asker for Unruly {
    async fn ask(&self, number: &BusinessNumber, ask: &Ask) -> Result<Reply, Fault> {
        if self.panic_at_request.swap(false, Ordering::SeqCst) {
            self.panic();
        }
        if self.hang_at_request.swap(false, Ordering::SeqCst) {
            pending().await
        }
        let latency = *self.latency.lock().unwrap();
        tokio::time::sleep(latency).await;
        self.asker.ask(number, ask).await
    }

    async fn ask_permission(&self, number: &BusinessNumber, ask: &PermissionAsk) -> Result<(), Fault> {
        self.asker.ask_permission(number, ask).await
    }

    async fn look_up_permission(&self, number: &BusinessNumber, user: &Phone) -> Result<LookedUp, Fault> {
        self.asker.look_up_permission(number, user).await
    }

    async fn settings(&self, number: &BusinessNumber, secrets: bool) -> Result<Settings, Fault> {
        self.asker.settings(number, secrets).await
    }

    async fn change_settings(&self, number: &BusinessNumber, change: &Document) -> Result<(), Fault> {
        self.asker.change_settings(number, change).await
    }
}
