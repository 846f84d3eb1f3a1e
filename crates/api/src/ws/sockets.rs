//! All open sockets, how many one person or address may have, and how they are sent away.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offhook_core::id::UserId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::manners::limits::network;

/// Sockets at once. A socket holds some 30 KiB; well before this many the file limit ends it less kindly.
const MOST: usize = 20_000;

/// Sockets of one address that have not said who they are. Only these are counted: behind a proxy or in a
/// large office many people share an address, and who has a ticket is counted by name.
const MOST_STRANGERS: usize = 200;

/// Sockets of one person: a few tabs and devices, and what a broken network left behind for a minute.
const MOST_OF_ONE: usize = 5;

/// How long a socket may take to leave after it was asked to. The server has five seconds in all to stop.
const LEAVING: Duration = Duration::from_secs(3);

/// The agents' sockets of one server. Cheap to clone.
#[derive(Clone)]
pub struct Sockets {
    inner: Arc<Inner>,
}

struct Inner {
    tracker: TaskTracker,
    /// Asked to leave.
    leaving: CancellationToken,
    /// Left behind: whoever is still here ends at once.
    closed: CancellationToken,
    seats: Arc<Semaphore>,
    strangers: Arc<Tally<IpAddr>>,
    people: Arc<Tally<UserId>>,
}

impl Default for Sockets {
    fn default() -> Self {
        let inner = Inner {
            tracker: TaskTracker::new(),
            leaving: CancellationToken::new(),
            closed: CancellationToken::new(),
            seats: Arc::new(Semaphore::new(MOST)),
            strangers: Arc::new(Tally::default()),
            people: Arc::new(Tally::default()),
        };
        Self { inner: Arc::new(inner) }
    }
}

impl Sockets {
    /// Tells every client to come back later, and waits until all sockets are closed. New ones are refused.
    pub async fn goaway(&self) {
        self.inner.leaving.cancel();
        self.inner.tracker.close();
        if timeout(LEAVING, self.inner.tracker.wait()).await.is_err() {
            self.inner.closed.cancel();
            self.inner.tracker.wait().await;
        }
    }

    /// How many sockets are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.inner.tracker.len()
    }

    /// A place for one more socket of an address, if there is one.
    pub(crate) fn seat(&self, address: Option<IpAddr>) -> Result<Seat, Full> {
        if self.inner.leaving.is_cancelled() {
            return Err(Full::Server);
        }
        let permit = self.inner.seats.clone().try_acquire_owned().map_err(|_| Full::Server)?;
        let stranger = match address.map(network) {
            Some(address) => {
                Some(Tally::count(&self.inner.strangers, address, MOST_STRANGERS).ok_or(Full::Address)?)
            }
            None => None,
        };
        Ok(Seat {
            leaving: self.inner.leaving.clone(),
            closed: self.inner.closed.clone(),
            stranger,
            _token: self.inner.tracker.token(),
            _permit: permit,
        })
    }

    /// Counts a socket as a person's, unless they have too many already.
    pub(super) fn of_person(&self, person: &UserId) -> Option<Counted<UserId>> {
        Tally::count(&self.inner.people, person.clone(), MOST_OF_ONE)
    }
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// All places are taken, or the server stops.
    Server,
    /// This address has too many that have not said who they are.
    Address,
}

/// How many of something each has.
struct Tally<K>(Mutex<HashMap<K, usize>>);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self(Mutex::new(HashMap::new()))
    }
}

impl<K: Clone + Eq + Hash> Tally<K> {
    fn count(this: &Arc<Self>, key: K, most: usize) -> Option<Counted<K>> {
        let mut tally = this.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = tally.entry(key.clone()).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Counted { tally: this.clone(), key })
    }
}

/// One that is counted, as long as it lives.
pub(super) struct Counted<K: Eq + Hash> {
    tally: Arc<Tally<K>>,
    key: K,
}

impl<K: Eq + Hash> Drop for Counted<K> {
    fn drop(&mut self) {
        let mut tally = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = tally.get_mut(&self.key) else { return };
        *count -= 1;
        if *count == 0 {
            tally.remove(&self.key);
        }
    }
}

/// The place of one socket, held as long as its task lives.
pub(crate) struct Seat {
    pub(crate) leaving: CancellationToken,
    pub(super) closed: CancellationToken,
    /// Counts until the hello.
    pub(super) stranger: Option<Counted<IpAddr>>,
    _token: TaskTrackerToken,
    _permit: OwnedSemaphorePermit,
}

impl Seat {
    /// Whoever sits here has said who they are.
    pub(crate) fn is_known(&mut self) {
        self.stranger = None;
    }
}
