//! The calls that have a task now, and how to reach them.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use offhook_core::call::{CallRecord, Command, SoundNews, State};
use offhook_core::id::{CallId, TenantId, UserId, Wacid};
use offhook_core::meta::MetaEvent;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::errors::EngineError;

/// What a call's task is told.
pub(crate) enum Message {
    /// A command, answered once it is durable.
    Command { command: Command, answer: oneshot::Sender<Result<Arc<CallRecord>, EngineError>> },
    /// The user of this outbound call is calling us.
    GiveWay,
    /// A webhook, with its place in the inbox.
    Meta { event: Box<MetaEvent>, knock: i64 },
}

/// How to reach a call's task.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) send: mpsc::Sender<Message>,
    /// For news of the call's sound.
    pub(crate) sound: mpsc::Sender<SoundNews>,
    /// Somebody came, went, or changed what they take. Many such are one.
    pub(crate) agents: Arc<Notify>,
    /// Cancelled when the task has left the registry.
    pub(crate) gone: CancellationToken,
}

/// A live call as last committed.
#[derive(Clone)]
pub(crate) struct Live {
    pub(crate) record: Arc<CallRecord>,
    pub(crate) rung: BTreeSet<UserId>,
}

struct Entry {
    handle: Handle,
    wacid: Option<Wacid>,
    live: Option<Live>,
    /// Told when the call was committed or has left.
    news: Arc<Notify>,
}

/// The map. A plain lock: every hold is a few map operations.
#[derive(Default)]
pub(crate) struct Registry {
    inner: Mutex<Maps>,
}

#[derive(Default)]
struct Maps {
    calls: HashMap<CallId, Entry>,
    wacids: HashMap<Wacid, CallId>,
}

impl Registry {
    pub(crate) fn insert(&self, id: CallId, handle: Handle, wacid: Option<Wacid>) {
        let mut maps = self.lock();
        if let Some(wacid) = wacid.clone() {
            maps.wacids.insert(wacid, id.clone());
        }
        maps.calls.insert(id, Entry { handle, wacid, live: None, news: Arc::default() });
    }

    /// Shows the call as committed.
    pub(crate) fn show(&self, record: Arc<CallRecord>, rung: BTreeSet<UserId>) {
        let mut maps = self.lock();
        if let Some(wacid) = record.facts.wacid.clone() {
            maps.wacids.insert(wacid, record.id.clone());
        }
        if let Some(entry) = maps.calls.get_mut(&record.id) {
            entry.wacid.clone_from(&record.facts.wacid);
            entry.live = Some(Live { record, rung });
            entry.news.notify_waiters();
        }
    }

    pub(crate) fn remove(&self, id: &CallId) {
        let mut maps = self.lock();
        let Some(entry) = maps.calls.remove(id) else { return };
        if let Some(wacid) = &entry.wacid {
            maps.wacids.remove(wacid);
        }
        entry.handle.gone.cancel();
        entry.news.notify_waiters();
    }

    /// Told when the call is committed or leaves; none for calls without a task.
    pub(crate) fn news(&self, id: &CallId) -> Option<Arc<Notify>> {
        self.lock().calls.get(id).map(|entry| entry.news.clone())
    }

    pub(crate) fn handle(&self, id: &CallId) -> Option<Handle> {
        self.lock().calls.get(id).map(|entry| entry.handle.clone())
    }

    pub(crate) fn by_wacid(&self, wacid: &Wacid) -> Option<CallId> {
        self.lock().wacids.get(wacid).cloned()
    }

    pub(crate) fn record(&self, id: &CallId) -> Option<Arc<CallRecord>> {
        self.lock().calls.get(id).and_then(|entry| entry.live.as_ref()).map(|live| live.record.clone())
    }

    /// The tenant's live calls that `wanted` picks.
    pub(crate) fn live(&self, tenant: &TenantId, wanted: impl Fn(&Live) -> bool) -> Vec<Live> {
        let maps = self.lock();
        let calls = maps.calls.values().filter_map(|entry| entry.live.as_ref());
        calls.filter(|live| live.record.tenant == *tenant && wanted(live)).cloned().collect()
    }

    /// Tasks of the tenant's calls that look for somebody.
    pub(crate) fn hunting(&self, tenant: &TenantId) -> Vec<Handle> {
        let maps = self.lock();
        let hunting = |entry: &&Entry| {
            entry.live.as_ref().is_some_and(|live| {
                let unanswered = matches!(live.record.state, State::Queued | State::Ringing);
                live.record.tenant == *tenant && (unanswered || live.record.facts.table.seek.is_some())
            })
        };
        maps.calls.values().filter(hunting).map(|entry| entry.handle.clone()).collect()
    }

    /// The tenant's parked calls.
    pub(crate) fn parked(&self, tenant: &TenantId) -> Vec<Live> {
        self.live(tenant, |live| !live.record.state.is_over() && live.record.facts.table.parked.is_some())
    }

    /// How many calls have a task.
    pub(crate) fn len(&self) -> usize {
        self.lock().calls.len()
    }

    fn lock(&self) -> MutexGuard<'_, Maps> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
