//! Writing: one transaction each on PostgreSQL; on SQLite one writer that gives those who wait together one
//! transaction, each behind a savepoint of its own, so that a burst pays for one flush of the disk, not many.
//! With 64 callers at once that doubles the writes a second on a fast disk (`examples/durable_writes.rs`); a
//! caller alone waits no longer.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use async_trait::async_trait;
use offhook_core::ports::StoreFault;
use sqlx::{AnyConnection, AnyPool, Connection, Row};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::trouble::Trouble;

/// Work on a connection inside a transaction.
pub(crate) type Step<'c, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + Send + 'c>>;

/// How many writes wait for the writer. Beyond it the next one waits outside, under its own deadline.
const QUEUE: usize = 256;

/// How many writes share a flush. More would make the first of them wait for the last.
const GROUP: usize = 64;

/// Longest wait for a write to be on the disk. Meta takes a webhook's failure after 20 s at the latest, so a
/// door that waits longer answers nobody.
const WRITE_WITHIN: Duration = Duration::from_secs(10);

/// How the database takes writes.
pub(super) enum Writer {
    /// One at a time, in groups.
    Alone { queue: mpsc::Sender<Box<dyn Job>>, closing: CancellationToken, tasks: TaskTracker, pool: AnyPool },
    /// Each on a connection of its own.
    Together(AnyPool),
}

/// A write in the queue.
#[async_trait]
pub(super) trait Job: Send {
    /// Whether somebody still waits for it.
    fn wanted(&self) -> bool;
    /// Does it, and tells whether it may be kept.
    async fn run(&mut self, tx: &mut AnyConnection) -> bool;
    /// Answers. `lost` tells why the group as a whole was not kept.
    fn settle(self: Box<Self>, lost: Option<String>);
}

struct Write<T, W> {
    work: Option<W>,
    outcome: Option<Result<T, Trouble>>,
    answer: oneshot::Sender<Result<T, StoreFault>>,
}

impl Writer {
    /// For SQLite: `pool` has one connection.
    pub(super) fn alone(pool: AnyPool) -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (closing, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(serve(pool.clone(), jobs, closing.clone()));
        tasks.close();
        Self::Alone { queue, closing, tasks, pool }
    }

    /// For PostgreSQL.
    pub(super) const fn together(pool: AnyPool) -> Self {
        Self::Together(pool)
    }

    pub(super) async fn write<T, W>(&self, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut AnyConnection) -> Step<'c, T> + Send + 'static,
    {
        let writing = async {
            match self {
                Self::Alone { queue, .. } => enqueue(queue, work).await,
                Self::Together(pool) => transact(pool, work).await.map_err(StoreFault::from),
            }
        };
        let late = || StoreFault::Unavailable("a write took too long".to_owned());
        timeout(WRITE_WITHIN, writing).await.map_err(|_| late())?
    }

    /// Copies SQLite's write-ahead log into the database and empties it. False when somebody still reads it.
    pub(super) async fn wipe(&self) -> Result<bool, sqlx::Error> {
        match self {
            Self::Alone { pool, .. } => {
                let mut connection = pool.acquire().await?;
                let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *connection).await?;
                Ok(row.try_get::<i64, _>(0)? == 0)
            }
            Self::Together(_) => Ok(true),
        }
    }

    /// Waits for what is queued, then lets go.
    pub(super) async fn close(&self) {
        match self {
            Self::Alone { closing, tasks, pool, .. } => {
                closing.cancel();
                tasks.wait().await;
                pool.close().await;
            }
            Self::Together(pool) => pool.close().await,
        }
    }
}

async fn transact<T, W>(pool: &AnyPool, work: W) -> Result<T, Trouble>
where
    W: for<'c> FnOnce(&'c mut AnyConnection) -> Step<'c, T>,
{
    let mut tx = pool.begin().await?;
    let value = work(&mut tx).await?;
    tx.commit().await?;
    Ok(value)
}

async fn enqueue<T, W>(queue: &mpsc::Sender<Box<dyn Job>>, work: W) -> Result<T, StoreFault>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut AnyConnection) -> Step<'c, T> + Send + 'static,
{
    let closed = || StoreFault::Unavailable("it is closed".to_owned());
    let (answer, answered) = oneshot::channel();
    let job = Write { work: Some(work), outcome: None, answer };
    queue.send(Box::new(job)).await.map_err(|_| closed())?;
    answered.await.map_err(|_| closed())?
}

/// The one writer's life: a group, then the next, until nobody can send any more or the store closes.
async fn serve(pool: AnyPool, mut jobs: mpsc::Receiver<Box<dyn Job>>, closing: CancellationToken) {
    let mut group = Vec::with_capacity(GROUP);
    loop {
        let received = tokio::select! {
            biased;
            () = closing.cancelled(), if !jobs.is_closed() => {
                jobs.close();
                continue;
            }
            received = jobs.recv_many(&mut group, GROUP) => received,
        };
        if received == 0 {
            return;
        }
        group.retain(|job| job.wanted());
        let lost =
            run(&pool, &mut group).await.err().map(|error| match StoreFault::from(Trouble::from(error)) {
                StoreFault::Unavailable(reason) | StoreFault::Corrupt(reason) => reason,
                StoreFault::Conflict | StoreFault::Exists(_) => "the transaction failed".to_owned(),
            });
        for job in group.drain(..) {
            job.settle(lost.clone());
        }
    }
}

async fn run(pool: &AnyPool, group: &mut [Box<dyn Job>]) -> Result<(), sqlx::Error> {
    let mut tx = pool.begin_with("BEGIN IMMEDIATE").await?;
    for job in group {
        let mut point = tx.begin().await?;
        match job.run(&mut point).await {
            true => point.commit().await?,
            false => point.rollback().await?,
        }
    }
    tx.commit().await
}

#[async_trait]
impl<T, W> Job for Write<T, W>
where
    T: Send + 'static,
    W: for<'c> FnOnce(&'c mut AnyConnection) -> Step<'c, T> + Send + 'static,
{
    fn wanted(&self) -> bool {
        !self.answer.is_closed()
    }

    async fn run(&mut self, tx: &mut AnyConnection) -> bool {
        let work = self.work.take().expect("a job is run once");
        let outcome = work(tx).await;
        let keep = outcome.is_ok();
        self.outcome = Some(outcome);
        keep
    }

    fn settle(self: Box<Self>, lost: Option<String>) {
        let answer = match (self.outcome, lost) {
            // What this job found out by itself says more than the group's end.
            (Some(Err(trouble)), _) => Err(trouble.into()),
            (Some(Ok(value)), None) => Ok(value),
            (Some(Ok(_)), Some(reason)) => Err(StoreFault::Unavailable(reason)),
            (None, reason) => Err(StoreFault::Unavailable(reason.unwrap_or_default())),
        };
        // The one who asked may have gone; there is nobody else to tell.
        drop(self.answer.send(answer));
    }
}
