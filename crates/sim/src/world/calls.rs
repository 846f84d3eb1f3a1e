//! The book of calls, running and over.

use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use crate::call::record::Record;
use crate::call::run::Mail;
use crate::call::words::Direction;
use crate::config::SimNumber;
use crate::ids::CallIds;
use crate::phone::heard::Heard;
use crate::phone::wire::Wire;
use crate::world::users::User;

/// Ended calls that stay readable.
const KEPT: usize = 500;
const DAY_MS: u64 = 86_400_000;

/// One call as everybody but its own task sees it.
#[derive(Debug)]
pub(crate) struct CallEntry {
    pub(crate) ids: CallIds,
    pub(crate) number: Arc<SimNumber>,
    pub(crate) user: User,
    pub(crate) direction: Direction,
    pub(crate) opaque: Mutex<Option<String>>,
    pub(crate) deeplink_payload: Option<String>,
    pub(crate) cta_payload: Option<String>,
    /// The connected phone that takes part, if one does.
    pub(crate) session: Mutex<Option<u64>>,
    pub(crate) record: Mutex<Record>,
    pub(crate) heard: Mutex<Option<Arc<Mutex<Heard>>>>,
    /// None when a stack outside carries the sound.
    pub(crate) wire: Option<Arc<Mutex<Wire>>>,
    pub(crate) graph_failures_left: AtomicU32,
    pub(crate) mail: mpsc::Sender<Mail>,
}

impl CallEntry {
    pub(crate) fn record(&self) -> MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn session(&self) -> Option<u64> {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_session(&self, session: Option<u64>) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.record().ended_ms.is_some()
    }
}

#[derive(Debug, Default)]
struct Book {
    // In the order they began.
    calls: Vec<Arc<CallEntry>>,
    placed_by_number: HashMap<String, Vec<u64>>,
    failures_left: HashMap<(String, String), u32>,
}

#[derive(Debug, Default)]
pub(crate) struct Calls {
    book: Mutex<Book>,
}

impl Calls {
    pub(crate) fn add(&self, entry: Arc<CallEntry>) {
        let mut book = self.book();
        if book.calls.len() >= 2 * KEPT {
            let mut surplus = book.calls.len() - KEPT;
            book.calls.retain(|call| {
                let drop = surplus > 0 && call.is_over();
                surplus -= usize::from(drop);
                !drop
            });
        }
        book.calls.push(entry);
    }

    /// A call by its wacid, its short id or an unambiguous beginning of that (8 characters or more).
    pub(crate) fn find(&self, id: &str) -> Option<Arc<CallEntry>> {
        let book = self.book();
        let matches = |call: &&Arc<CallEntry>| {
            call.ids.wacid == id || (id.len() >= 8 && call.ids.short.starts_with(&id.to_ascii_lowercase()))
        };
        book.calls.iter().rev().find(matches).cloned()
    }

    /// Every call, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<CallEntry>> {
        self.book().calls.clone()
    }

    /// Calls that are not over.
    pub(crate) fn live(&self) -> Vec<Arc<CallEntry>> {
        self.book().calls.iter().filter(|call| !call.is_over()).cloned().collect()
    }

    /// Calls that are not over, of one business number.
    pub(crate) fn live_of(&self, phone_number_id: &str) -> Vec<Arc<CallEntry>> {
        self.live().into_iter().filter(|call| call.number.phone_number_id == phone_number_id).collect()
    }

    /// Counts an outbound call of a number and tells how many it placed in the last day before this one.
    pub(crate) fn count_placed(&self, phone_number_id: &str, now_ms: u64) -> usize {
        let mut book = self.book();
        let placed = book.placed_by_number.entry(phone_number_id.to_owned()).or_default();
        placed.retain(|at| at + DAY_MS > now_ms);
        placed.push(now_ms);
        placed.len() - 1
    }

    /// Whether one more of `failures` failures is due before a `connect` to this user works.
    pub(crate) fn connect_fails(&self, phone_number_id: &str, user: &str, failures: u32) -> bool {
        if failures == 0 {
            return false;
        }
        let mut book = self.book();
        let left =
            book.failures_left.entry((phone_number_id.to_owned(), user.to_owned())).or_insert(failures);
        if *left == 0 {
            // The one that works starts the count afresh.
            *left = failures;
            return false;
        }
        *left -= 1;
        true
    }

    pub(crate) fn clear(&self) {
        *self.book() = Book::default();
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
