//! Which phones outside are connected, and who of them rings for a number.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

const MAX_PHONES: usize = 1_000;

/// Who carries a phone's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    /// The simulator stands between the phone and the business, in Meta's form.
    Bridged,
    /// The phone is WhatsApp's media side itself.
    Direct,
}

/// One connected phone.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: u64,
    /// Its number; a phone without one rings for every number nobody else answers.
    pub(crate) digits: Option<String>,
    pub(crate) mode: Mode,
    outbox: mpsc::Sender<Value>,
}

impl Session {
    /// Sends a message; a phone that does not read its messages loses them.
    pub(crate) fn tell(&self, message: Value) {
        if self.outbox.try_send(message).is_err() {
            tracing::debug!("a phone does not take its messages");
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Registry {
    sessions: Mutex<Vec<Session>>,
    next: AtomicU64,
}

impl Registry {
    /// Connects a phone; an older one with the same number is replaced and returned.
    pub(crate) fn connect(
        &self,
        digits: Option<String>,
        mode: Mode,
        outbox: mpsc::Sender<Value>,
    ) -> Option<(Session, Option<Session>)> {
        let mut sessions = self.sessions();
        let replaced = sessions.iter().position(|other| other.digits == digits).map(|at| sessions.remove(at));
        if sessions.len() >= MAX_PHONES {
            return None;
        }
        let session = Session { id: self.next.fetch_add(1, Ordering::Relaxed) + 1, digits, mode, outbox };
        sessions.push(session.clone());
        Some((session, replaced))
    }

    pub(crate) fn disconnect(&self, id: u64) {
        self.sessions().retain(|session| session.id != id);
    }

    /// The phone connected under exactly this number.
    pub(crate) fn exactly(&self, digits: &str) -> Option<Session> {
        self.sessions().iter().find(|session| session.digits.as_deref() == Some(digits)).cloned()
    }

    /// The phone that rings for this number: its own, else the one without a number.
    pub(crate) fn ringing_for(&self, digits: &str) -> Option<Session> {
        self.exactly(digits)
            .or_else(|| self.sessions().iter().find(|session| session.digits.is_none()).cloned())
    }

    pub(crate) fn by_id(&self, id: u64) -> Option<Session> {
        self.sessions().iter().find(|session| session.id == id).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Session> {
        self.sessions().clone()
    }

    fn sessions(&self) -> MutexGuard<'_, Vec<Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
