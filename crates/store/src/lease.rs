//! One server per PostgreSQL database: a second one would answer the same calls. (SQLite's file has a lock beside
//! it, which is the server's.)
//!
//! The lock is an advisory one of a session that does nothing else, so PostgreSQL lets go of it when that session
//! ends, however it ends. A session that breaks is made again and takes the lock again; when another server was
//! quicker, this one has lost the database and must stop.

use std::time::Duration;

use data_encoding::HEXLOWER;
use sqlx::{AnyConnection, Row};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::{OpenError, lone_session};

/// The lock's two numbers, "offh" and "ook1" in ASCII. Other programs may have locks of their own in the database.
const LOCK: (i32, i32) = (0x6f66_6668, 0x6f6f_6b31);

/// PostgreSQL's side of the session: a peer whose machine has died is noticed after half a minute, not two hours.
const SESSION: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 4; \
     SET tcp_user_timeout = 30000; SET statement_timeout = '5s'";

/// A server that was killed leaves its session behind for a moment.
const TRIES: u32 = 5;

/// Between two tries.
const AGAIN: Duration = Duration::from_millis(200);

/// How often the session is looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Longest wait for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The right to be the server of a database.
pub struct Lease {
    lost: CancellationToken,
    over: CancellationToken,
    tasks: TaskTracker,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

/// Who asks, and where.
struct Claim {
    url: String,
    who: String,
    /// What the name ends with, so that it is known again.
    mark: String,
}

/// What became of a try.
enum Taken {
    Ours(AnyConnection),
    /// Another server's, by the name it has given itself.
    Theirs(String),
    /// Nobody's for long: a session that is ending, or one of ours that broke.
    Soon,
}

impl Lease {
    /// Takes the database at `url` for a server that calls itself `who`, which other sessions can read. None for
    /// SQLite.
    ///
    /// # Errors
    /// [`OpenError::Held`] with the name of the server that has it, or why the database cannot be asked.
    pub async fn take(url: &str, who: &str) -> Result<Option<Self>, OpenError> {
        // PostgreSQL keeps 63 bytes of a session's name. Two containers may both be the first process of their host.
        let mut mark = [0; 4];
        aws_lc_rs::rand::fill(&mut mark).map_err(|_| OpenError::Unreachable("no randomness".to_owned()))?;
        let mark = HEXLOWER.encode(&mark);
        let who = format!("{}, {mark}", &who[..who.floor_char_boundary(48)]);
        let claim = Claim { url: url.to_owned(), who, mark };
        let mut tries = 0;
        let session = loop {
            tries += 1;
            match claim.take().await? {
                None => return Ok(None),
                Some(Taken::Ours(session)) => break session,
                Some(Taken::Theirs(_) | Taken::Soon) if tries < TRIES => sleep(AGAIN).await,
                Some(Taken::Theirs(holder)) => return Err(OpenError::Held(holder)),
                Some(Taken::Soon) => return Err(OpenError::Held("unknown".to_owned())),
            }
        };
        let (lost, over, tasks) = (CancellationToken::new(), CancellationToken::new(), TaskTracker::new());
        let (losing, ending) = (lost.clone(), over.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = ending.cancelled() => {}
                () = claim.keep(session) => losing.cancel(),
            }
        });
        tasks.close();
        Ok(Some(Self { lost, over, tasks }))
    }

    /// Resolves when another server has the database.
    pub async fn lost(&self) {
        self.lost.cancelled().await;
    }

    /// Lets go of the database.
    pub async fn release(&self) {
        self.over.cancel();
        self.tasks.wait().await;
    }
}

impl Claim {
    /// Tries once. None when the database has no such locks.
    async fn take(&self) -> Result<Option<Taken>, OpenError> {
        let Some(mut session) = lone_session(&self.url, SESSION).await? else { return Ok(None) };
        let asking = async {
            let name = sqlx::query("SELECT set_config('application_name', $1, false)").bind(self.who.clone());
            name.execute(&mut session).await?;
            let lock = sqlx::query("SELECT pg_try_advisory_lock($1, $2) AS ours").bind(LOCK.0).bind(LOCK.1);
            if lock.fetch_one(&mut session).await?.try_get::<bool, _>("ours")? {
                return Ok(Taken::Ours(session));
            }
            let holder = "SELECT a.pid, a.application_name FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
                 WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1::bigint::oid \
                 AND l.objid = $2::bigint::oid AND l.database = \
                 (SELECT oid FROM pg_database WHERE datname = current_database())";
            let holder = sqlx::query(holder).bind(i64::from(LOCK.0)).bind(i64::from(LOCK.1));
            let Some(row) = holder.fetch_optional(&mut session).await? else { return Ok(Taken::Soon) };
            let name: Option<String> = row.try_get("application_name")?;
            let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned());
            if name.ends_with(&self.mark) {
                // A session of ours that broke and that PostgreSQL has not noticed yet.
                let end = sqlx::query("SELECT pg_terminate_backend($1)").bind(row.try_get::<i32, _>("pid")?);
                end.execute(&mut session).await?;
                return Ok(Taken::Soon);
            }
            Ok(Taken::Theirs(name))
        };
        match timeout(ANSWER_WITHIN, asking).await {
            Ok(taken) => taken.map(Some).map_err(|error: sqlx::Error| OpenError::from_sql(&error)),
            Err(_) => Err(OpenError::Unreachable("no answer in time".to_owned())),
        }
    }

    /// Returns when another server has the database.
    async fn keep(self, mut session: AnyConnection) {
        loop {
            sleep(LOOK).await;
            let answer = timeout(ANSWER_WITHIN, sqlx::query("SELECT 1").execute(&mut session)).await;
            if matches!(answer, Ok(Ok(_))) {
                continue;
            }
            tracing::warn!("the session that holds the database is broken; it is made again");
            session = loop {
                match self.take().await {
                    Ok(Some(Taken::Ours(session))) => break session,
                    Ok(Some(Taken::Theirs(holder))) => {
                        tracing::error!(holder, "another server has taken the database");
                        return;
                    }
                    Ok(Some(Taken::Soon) | None) => {}
                    Err(error) => tracing::warn!(error = %error, "the database cannot be held yet"),
                }
                sleep(LOOK).await;
            };
        }
    }
}
