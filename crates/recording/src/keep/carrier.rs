//! Carries finished spools to storage, for as long as it takes; and takes away what may not be kept.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::ports::StoreFault;
use offhook_core::recording::{DeletedWhy, Recording};
use offhook_core::time::Time;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::finish::{self, Finished, Survey, Trouble, survey};
use super::ledger::Ledger;
use super::notice::{Notice, What, Why, milliseconds};
use crate::form::Ending;
use crate::spool::Spool;
use crate::vault::{Vault, VaultFault};
use crate::write::Shared;

/// First wait after storage refused; it doubles up to [`LONGEST_WAIT`]. Shorter would add load to a storage in
/// trouble, longer would leave recordings unheard after it is back.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// How often retention is enforced, and the spool looked at without being told.
const ROUND: Duration = Duration::from_secs(600);

/// Longest upload of one recording: a day of talk over a slow line.
const UPLOAD_WITHIN: Duration = Duration::from_secs(1_800);

/// How long closing waits for uploads. What is not stored by then is stored after the next start.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Recordings deleted between two looks at the clock.
const AT_ONCE: u32 = 100;

/// Stores what the spool holds.
pub(crate) struct Carrier {
    pub(crate) shared: Arc<Shared>,
    pub(crate) spool: Spool,
    pub(crate) vault: Vault,
    pub(crate) ledger: Arc<Ledger>,
}

/// Why a recording is not stored or not removed yet.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Delay {
    #[error(transparent)]
    Spool(#[from] Trouble),
    #[error(transparent)]
    Vault(#[from] VaultFault),
    #[error(transparent)]
    Row(#[from] StoreFault),
}

/// What an erasure found: recordings that are still being written must be let go of by the writer.
pub(crate) struct Erased {
    pub(crate) live: Vec<RecordingId>,
    pub(crate) count: usize,
}

impl Carrier {
    /// Goes on until it is told to close.
    pub(crate) async fn run(self: Arc<Self>, closing: CancellationToken) {
        let mut wait = FIRST_WAIT;
        loop {
            let clear = self.round().await;
            wait = if clear { FIRST_WAIT } else { (wait * 2).min(LONGEST_WAIT) };
            let next = Instant::now() + if clear { ROUND } else { wait / 2 };
            tokio::select! {
                () = closing.cancelled() => break,
                () = sleep_until(next) => {}
                () = self.shared.look.notified() => {}
            }
            if clear && let Err(fault) = self.expire(self.shared.clock.now()).await {
                tracing::warn!(%fault, "recordings whose retention has ended are not deleted yet");
            }
        }
        if timeout(CLOSE_WITHIN, self.round()).await.is_err() {
            tracing::info!("recordings wait in the spool for the next start");
        }
    }

    /// Gives every abandoned spool its end. What fails is tried again in a later round.
    pub(crate) async fn recover(&self) -> bool {
        let mut clear = true;
        let spool = self.spool.clone();
        let Ok(found) = blocking(move || Ok(spool.look()?)).await else { return false };
        for id in found.live {
            if self.shared.live().contains(&id) {
                continue;
            }
            let (spool, keys, of) = (self.spool.clone(), self.shared.keys.clone(), id.clone());
            match blocking(move || finish::finish(&keys, &spool, &of)).await {
                Ok(Finished::Done(Survey { head, end, .. })) => {
                    let truncated = end.ending == Ending::Truncated;
                    let what = What::Stopped { length: milliseconds(end.length), truncated };
                    self.shared.notice(Notice::of(&head, what));
                }
                Ok(Finished::Nothing) => {}
                Err(trouble) => clear &= self.set_aside(&id, self.spool.live(&id), &trouble).await,
            }
        }
        clear
    }

    /// Stores all there is to store; false when something has to be tried again.
    async fn round(&self) -> bool {
        let mut clear = self.recover().await;
        let spool = self.spool.clone();
        let Ok(found) = blocking(move || Ok(spool.look()?)).await else { return false };
        for id in found.done {
            if self.shared.live().contains(&id) {
                // It has its end, and the writer has not let go of it; it will say so.
                continue;
            }
            match self.store(&id).await {
                Ok(()) => {}
                Err(Delay::Spool(trouble)) => {
                    clear &= self.set_aside(&id, self.spool.done(&id), &trouble).await;
                }
                Err(fault) => {
                    tracing::warn!(recording.id = %id, %fault, "a recording is not stored yet");
                    // What refuses one refuses the next: no more is asked of it in this round.
                    return false;
                }
            }
        }
        clear
    }

    async fn store(&self, id: &RecordingId) -> Result<(), Delay> {
        let (keys, path) = (self.shared.keys.clone(), self.spool.done(id));
        let surveyed = {
            let path = path.clone();
            blocking(move || survey(&keys, &path)).await?
        };
        let head = &surveyed.head;
        if head.recording != *id {
            return Err(Trouble::from(crate::form::Flaw::Another).into());
        }
        if self.ledger.over(&surveyed).await? {
            let put = timeout(UPLOAD_WITHIN, self.vault.put(&head.tenant, id, &path)).await;
            let stored = match put.unwrap_or(Err(VaultFault::Slow)) {
                Ok(stored) => stored,
                Err(VaultFault::Spool(error)) => return Err(Trouble::from(error).into()),
                Err(fault) => {
                    self.shared.notice(Notice::of(head, What::Failed { why: Why::Storage }));
                    return Err(fault.into());
                }
            };
            if self.ledger.stored(head, stored.clone()).await? {
                let what = What::Stored { checksum: stored.checksum, bytes: stored.bytes };
                self.shared.notice(Notice::of(head, what));
            } else {
                // Erased while it was on its way.
                self.vault.delete(&head.tenant, id).await?;
            }
        }
        self.remove(id).await
    }

    /// A spool that was changed on the disk cannot be stored; it is kept under another name for people to look
    /// at. False when the trouble is the disk's own and may pass.
    async fn set_aside(&self, id: &RecordingId, path: PathBuf, trouble: &Trouble) -> bool {
        match trouble {
            Trouble::Disk(error) if error.kind() == std::io::ErrorKind::NotFound => true,
            Trouble::Disk(_) => false,
            Trouble::Flaw(flaw) => {
                tracing::error!(recording.id = %id, %flaw, "a recording in the spool is damaged and set aside");
                let keys = self.shared.keys.clone();
                let aside = path.with_extension("damaged");
                let head = blocking(move || {
                    let head = finish::head(&keys, &path);
                    std::fs::rename(&path, &aside)?;
                    head
                });
                if let Ok(Some(head)) = head.await {
                    let now = self.shared.clock.now();
                    drop(self.ledger.deleted(&head.tenant, id, now, DeletedWhy::Lost).await);
                    self.shared.notice(Notice::of(&head, What::Failed { why: Why::Damaged }));
                }
                true
            }
        }
    }

    /// Deletes what expires at or before `until`, and tells how many.
    pub(crate) async fn expire(&self, until: Time) -> Result<usize, Delay> {
        let mut count = 0;
        loop {
            let due = self.ledger.due(until, AT_ONCE).await?;
            if due.is_empty() {
                return Ok(count);
            }
            for recording in due {
                self.delete(&recording, DeletedWhy::Expired).await?;
                count += 1;
            }
        }
    }

    /// Deletes all recordings of a call, wherever they are.
    pub(crate) async fn erase(&self, tenant: &TenantId, call: &CallId) -> Result<Erased, Delay> {
        let rows = self.ledger.of_call(tenant, call).await?;
        let (spool, keys) = (self.spool.clone(), self.shared.keys.clone());
        let heads = blocking(move || {
            let found = spool.look()?;
            let paths =
                found.live.iter().map(|id| spool.live(id)).chain(found.done.iter().map(|id| spool.done(id)));
            Ok(paths.filter_map(|path| finish::head(&keys, &path).ok().flatten()).collect::<Vec<_>>())
        })
        .await?;
        let spooled = heads.into_iter().filter(|head| head.tenant == *tenant && head.call == *call);
        let mut erased = Erased { live: Vec::new(), count: 0 };
        let mut gone = Vec::new();
        for row in rows.iter().filter(|row| row.deleted.is_none()) {
            erased.count += 1;
            gone.push(row.id.clone());
            if self.shared.live().contains(&row.id) {
                // The row first: whatever the writer still finishes is then thrown away.
                let now = self.shared.clock.now();
                self.ledger.deleted(tenant, &row.id, now, DeletedWhy::Erased).await?;
                erased.live.push(row.id.clone());
            } else {
                self.delete(row, DeletedWhy::Erased).await?;
            }
        }
        for head in spooled.filter(|head| !gone.contains(&head.recording)) {
            erased.count += 1;
            if self.shared.live().contains(&head.recording) {
                erased.live.push(head.recording);
            } else {
                self.remove(&head.recording).await?;
            }
        }
        Ok(erased)
    }

    /// The object, the spool, then the row.
    async fn delete(&self, recording: &Recording, why: DeletedWhy) -> Result<(), Delay> {
        let Recording { tenant, id, .. } = recording;
        self.vault.delete(tenant, id).await?;
        self.remove(id).await?;
        let now = self.shared.clock.now();
        Ok(self.ledger.deleted(tenant, id, now, why).await?)
    }

    async fn remove(&self, id: &RecordingId) -> Result<(), Delay> {
        let (spool, id) = (self.spool.clone(), id.clone());
        Ok(blocking(move || Ok(spool.remove(&id)?)).await?)
    }
}

/// Work for the disk, off the runtime's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(_) => Err(Trouble::Disk(std::io::Error::other("the work was abandoned"))),
    }
}
