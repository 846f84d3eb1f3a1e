//! Recordings in memory.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::id::{CallId, RecordingId, TenantId};
use crate::ports::{RecordingPage, Recordings, RecordingsAfter, StoreFault};
use crate::recording::{Recording, RecordingState};
use crate::time::Time;

/// Remembers recordings, and can be broken.
#[derive(Debug, Default)]
pub struct FakeRecordings {
    inner: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    rows: BTreeMap<RecordingId, Recording>,
    broken: bool,
}

impl FakeRecordings {
    /// From now on nothing can be written, or it can again.
    pub fn set_broken(&self, broken: bool) {
        self.lock().broken = broken;
    }

    /// All recordings, by id.
    #[must_use]
    pub fn all(&self) -> Vec<Recording> {
        self.lock().rows.values().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn those(&self, wanted: impl Fn(&Recording) -> bool) -> Vec<Recording> {
        let mut found: Vec<Recording> = self.lock().rows.values().filter(|r| wanted(r)).cloned().collect();
        found.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        found
    }
}

impl Shelf {
    fn writable(&self) -> Result<(), StoreFault> {
        if self.broken { Err(StoreFault::Unavailable("broken by the test".to_owned())) } else { Ok(()) }
    }
}

#[async_trait]
impl Recordings for FakeRecordings {
    async fn insert(&self, recording: &Recording) -> Result<(), StoreFault> {
        let mut shelf = self.lock();
        shelf.writable()?;
        if shelf.rows.contains_key(&recording.id) {
            return Err(StoreFault::Exists("a recording with this id"));
        }
        shelf.rows.insert(recording.id.clone(), recording.clone());
        Ok(())
    }

    async fn update(&self, recording: &Recording) -> Result<bool, StoreFault> {
        let mut shelf = self.lock();
        shelf.writable()?;
        let stored = shelf.rows.get_mut(&recording.id);
        let stored = stored.filter(|r| r.tenant == recording.tenant && r.state != RecordingState::Deleted);
        let Some(stored) = stored else { return Ok(false) };
        let (call, started_at) = (stored.call.clone(), stored.started_at);
        *stored = Recording { call, started_at, ..recording.clone() };
        Ok(true)
    }

    async fn find(&self, tenant: &TenantId, id: &RecordingId) -> Result<Option<Recording>, StoreFault> {
        Ok(self.lock().rows.get(id).filter(|r| r.tenant == *tenant).cloned())
    }

    async fn of_call(&self, tenant: &TenantId, call: &CallId) -> Result<Vec<Recording>, StoreFault> {
        Ok(self.those(|r| r.tenant == *tenant && r.call == *call))
    }

    async fn list(&self, tenant: &TenantId, page: &RecordingsAfter) -> Result<RecordingPage, StoreFault> {
        let mut recordings = self.those(|r| r.tenant == *tenant);
        recordings.reverse();
        if let Some((at, id)) = &page.after {
            recordings.retain(|r| (r.started_at, &r.id) < (*at, id));
        }
        let limit = page.limit.clamp(1, 200) as usize;
        let has_more = recordings.len() > limit;
        recordings.truncate(limit);
        Ok(RecordingPage { recordings, has_more })
    }

    async fn due(&self, until: Time, limit: u32) -> Result<Vec<Recording>, StoreFault> {
        let over = |r: &Recording| matches!(r.state, RecordingState::Complete | RecordingState::Truncated);
        let mut due = self.those(|r| over(r) && r.expires_at <= until);
        due.sort_by(|a, b| (a.expires_at, &a.id).cmp(&(b.expires_at, &b.id)));
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn unfinished(&self) -> Result<Vec<Recording>, StoreFault> {
        Ok(self.those(|r| r.state != RecordingState::Deleted && r.stored.is_none()))
    }
}
