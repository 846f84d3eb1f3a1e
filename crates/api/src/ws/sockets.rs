//! All open sockets, and how they are sent away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// Sockets at once. A socket holds some 30 KiB; well before this many the file limit ends it less kindly.
const MOST: usize = 20_000;

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
}

impl Default for Sockets {
    fn default() -> Self {
        let inner = Inner {
            tracker: TaskTracker::new(),
            leaving: CancellationToken::new(),
            closed: CancellationToken::new(),
            seats: Arc::new(Semaphore::new(MOST)),
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

    /// A place for one more socket, if there is one.
    pub(super) fn seat(&self) -> Option<Seat> {
        if self.inner.leaving.is_cancelled() {
            return None;
        }
        let permit = self.inner.seats.clone().try_acquire_owned().ok()?;
        Some(Seat {
            leaving: self.inner.leaving.clone(),
            closed: self.inner.closed.clone(),
            _token: self.inner.tracker.token(),
            _permit: permit,
        })
    }
}

/// The place of one socket, held as long as its task lives.
pub(super) struct Seat {
    pub(super) leaving: CancellationToken,
    pub(super) closed: CancellationToken,
    _token: TaskTrackerToken,
    _permit: OwnedSemaphorePermit,
}
