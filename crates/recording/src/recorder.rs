//! The door: everything of a recorder put together, started and closed.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use offhook_core::id::{CallId, TenantId};
use offhook_core::ports::{Clock, Recordings};
use offhook_core::time::Time;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::disk::Disk;
use crate::keep::{Carrier, Ledger, Notice, register};
use crate::keys::Keyring;
use crate::listen::Library;
use crate::spool::Spool;
use crate::vault::Vault;
use crate::write::{Busy, Counters, Desk, Shared, Start, Take, Writer};

/// Notices that wait to be taken. A recording has four; more than this means that nobody listens.
const NOTICES: usize = 1_024;

/// Notes that wait for the rows. What does not fit is found in the spool.
const NOTES: usize = 1_024;

/// What a recorder needs.
pub struct Setup {
    /// A folder on a local disk, this server's alone.
    pub spool: PathBuf,
    /// Where recordings go when they are over.
    pub vault: Vault,
    /// From the master key.
    pub keys: Arc<Keyring>,
    /// The rows.
    pub recordings: Arc<dyn Recordings>,
    /// The house's clock.
    pub clock: Arc<dyn Clock>,
    /// The moment from which [`crate::Voice::at`] counts.
    pub epoch: Time,
    /// How long recordings are kept. The product's default is 30 days.
    pub retention: Duration,
    /// The disk under the spool.
    pub disk: Arc<dyn Disk>,
}

/// Why a recorder does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenFault {
    /// The spool's folder cannot be made or used.
    #[error("the folder {} for recordings under way cannot be used: {}", .0.display(), .1)]
    Spool(PathBuf, io::ErrorKind),
    /// The system gives no thread.
    #[error("the recorder's thread cannot be started: {0}")]
    Thread(io::ErrorKind),
}

/// Records calls. Clones share one recorder.
#[derive(Clone)]
pub struct Recorder {
    inner: Arc<Inner>,
}

struct Inner {
    desk: Desk,
    shared: Arc<Shared>,
    carrier: Arc<Carrier>,
    library: Library,
    tasks: TaskTracker,
    closing: CancellationToken,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Recorder {
    /// Finishes what an earlier process left in the spool, then starts the writer and the uploads. Must be
    /// called inside a Tokio runtime. The notices are for whoever tells the house.
    ///
    /// # Errors
    /// [`OpenFault`], in words for the person who starts the program.
    pub async fn open(setup: Setup) -> Result<(Self, mpsc::Receiver<Notice>), OpenFault> {
        let Setup { spool: folder, vault, keys, recordings, clock, epoch, retention, disk } = setup;
        let spool = Spool::open(&folder).map_err(|error| OpenFault::Spool(folder, error.kind()))?;
        let (notices, noticed) = mpsc::channel(NOTICES);
        let (notes, noted) = mpsc::channel(NOTES);
        let shared = Arc::new(Shared::new(keys.clone(), (clock, epoch), retention, notices, notes));
        let ledger = Arc::new(Ledger::new(recordings.clone()));
        let carrier = Arc::new(Carrier {
            shared: shared.clone(),
            spool: spool.clone(),
            vault: vault.clone(),
            ledger: ledger.clone(),
        });
        carrier.recover().await;
        let (desk, inboxes) = Desk::new(shared.clone());
        let start = |inbox| Writer::start(inbox, shared.clone(), spool.clone(), disk.clone());
        let threads: io::Result<Vec<_>> = inboxes.into_iter().map(start).collect();
        let threads = threads.map_err(|error| OpenFault::Thread(error.kind()))?;
        let (tasks, closing) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn(register(ledger, noted, closing.clone()));
        tasks.spawn(carrier.clone().run(closing.clone()));
        tasks.close();
        let library = Library { rows: recordings, vault, spool, keys };
        let threads = Mutex::new(threads);
        let inner = Inner { desk, shared, carrier, library, tasks, closing, threads };
        Ok((Self { inner: Arc::new(inner) }, noticed))
    }

    /// Starts a recording. Does not wait: whether its file could be made comes as a notice, and what is heard
    /// meanwhile is kept.
    ///
    /// # Errors
    /// [`Busy`] when the writer takes nothing more, or records under this id already.
    pub fn start(&self, start: Start) -> Result<Take, Busy> {
        self.inner.desk.start(start)
    }

    /// For listening.
    #[must_use]
    pub fn library(&self) -> &Library {
        &self.inner.library
    }

    /// What was not recorded, and why.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.inner.shared.drops.read()
    }

    /// Deletes what expires at or before `until`; tells how many. The recorder does this by itself every ten
    /// minutes with the time of its clock.
    ///
    /// # Errors
    /// In words for a log; what was not deleted is tried again.
    pub async fn expire(&self, until: Time) -> Result<usize, String> {
        self.inner.carrier.expire(until).await.map_err(|fault| fault.to_string())
    }

    /// Erases all recordings of a call, also those being written; tells how many.
    ///
    /// # Errors
    /// In words for a log; ask again.
    pub async fn erase_call(&self, tenant: &TenantId, call: &CallId) -> Result<usize, String> {
        let erased = self.inner.carrier.erase(tenant, call).await.map_err(|fault| fault.to_string())?;
        for id in erased.live {
            self.inner.desk.discard(&id).map_err(|busy| busy.to_string())?;
        }
        Ok(erased.count)
    }

    /// Ends all recordings, writes what is queued, tries once more to store what is over, and lets go. What is
    /// not stored by then is stored after the next start.
    pub async fn close(&self) {
        let threads = {
            let mut threads = self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *threads)
        };
        let (desk, at) = (self.inner.desk.clone(), self.inner.shared.at());
        let ended = tokio::task::spawn_blocking(move || {
            desk.close(at);
            threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count()
        });
        if !matches!(ended.await, Ok(0)) {
            tracing::error!("a thread of the recorder has failed");
        }
        self.inner.closing.cancel();
        self.inner.tasks.wait().await;
    }
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorder(…)")
    }
}
