//! Opening: pools for each database, and what reading and writing go through.

use std::fs::OpenOptions;
use std::future::Future;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use offhook_core::ports::StoreFault;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyConnection, AnyPool, Connection, Row};
use tokio::time::timeout;

use super::address::{Address, folder_of, sqlite_url};
use super::migrate::{Dialect, migrate};
use super::trouble::Trouble;
use super::writer::{Step, Writer};

/// Longest wait for a free connection. More would hide a stuck database from the one who asks; less would
/// fail requests in a burst.
const CONNECTION_WITHIN: Duration = Duration::from_secs(5);

/// Longest read, connection included.
const READ_WITHIN: Duration = Duration::from_secs(10);

/// Longest answer to "are you there?".
const CHECK_WITHIN: Duration = Duration::from_secs(2);

/// Tries at emptying the write-ahead log; each waits five seconds for those who read.
const WIPES: usize = 3;

/// Readers of a SQLite file: each is a thread. Four keep two cores busy.
const SQLITE_READERS: u32 = 4;

/// Connections to PostgreSQL: its default limit is 100, shared with other nodes and tools.
const POSTGRES_CONNECTIONS: u32 = 16;

/// `synchronous = FULL` writes every commit through to the disk: over a simulated power cut it kept 500 of
/// 500 acknowledged rows, NORMAL none. `busy_timeout` waits out a backup or a command beside the server.
/// `secure_delete` writes zeros over what is deleted, so that whoever is erased cannot be read in the file.
const SQLITE_WRITER: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA journal_size_limit = 67108864; \
     PRAGMA secure_delete = ON";

/// 16 MiB of pages for each reader: with the 2 MiB that are usual a search among a million contacts reads the same
/// pages again and again.
const SQLITE_READER: &str = "PRAGMA busy_timeout = 5000; PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; \
     PRAGMA cache_size = -16384";

/// A server that is alive but stuck must not hold a connection for ever.
const POSTGRES_SESSION: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET TIME ZONE 'UTC'";

/// Why the database cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address makes no sense.
    #[error("database.url: {0}")]
    Address(&'static str),
    /// The folder of the database file is not there.
    #[error("the folder {} for the database does not exist; create it or change database.url", .0.display())]
    MissingFolder(PathBuf),
    /// The file cannot be made or opened.
    #[error("the database file {}: {}", .0.display(), .1)]
    File(PathBuf, io::ErrorKind),
    /// The file system cannot keep what the program promises.
    #[error("the database file {} is on a file system without shared memory (a network share?); move it to a local disk", .0.display())]
    NoWal(PathBuf),
    /// No connection, or it failed.
    #[error("the database cannot be opened: {0}")]
    Unreachable(String),
    /// Another server has the database.
    #[error(
        "another server ({0}) is running on this database; stop it first, or give this one another database.url"
    )]
    Held(String),
    /// Made by a newer version.
    #[error(
        "the database was made by a newer version of this program (its schema has step {0}, which this one \
         does not know); run that version, or restore a backup made before the upgrade"
    )]
    Newer(i64),
    /// Made by a program whose steps differ.
    #[error(
        "step {0} of the database's schema is not the one this program knows; run the version that made it"
    )]
    Altered(i64),
    /// A step failed; nothing of it was kept.
    #[error("step {0} of the database's schema failed and was undone: {1}")]
    Migration(i64, String),
    /// Sealed under another key.
    #[error(
        "the master key does not fit this database: put back the key that was made with it, \
         or start with an empty database"
    )]
    WrongMasterKey,
}

/// An open database.
pub(crate) struct Database {
    reader: AnyPool,
    writer: Writer,
    dialect: Dialect,
}

impl Database {
    /// Connects and brings the schema up to date.
    pub(crate) async fn open(url: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        match Address::parse(url)? {
            Address::Sqlite(file) => Self::open_sqlite(&file).await,
            Address::Postgres(url) => Self::open_postgres(&url).await,
        }
    }

    async fn open_sqlite(file: &Path) -> Result<Self, OpenError> {
        let options = options(&sqlite_url(&touch(file)?))?;
        let mut first = connect(&options, SQLITE_WRITER).await?;
        let mode = sqlx::query("PRAGMA journal_mode").fetch_one(&mut first).await.map_err(unreachable)?;
        if mode.try_get::<String, _>(0).map_err(unreachable)? != "wal" {
            return Err(OpenError::NoWal(file.to_owned()));
        }
        // Inside one transaction, because SQLite has no other lock that keeps two starting programs apart.
        let mut tx = first.begin_with("BEGIN IMMEDIATE").await.map_err(unreachable)?;
        migrate(Dialect::Sqlite, &mut tx).await?;
        tx.commit().await.map_err(unreachable)?;
        let writer = pool(1, SQLITE_WRITER).connect_with(options.clone()).await.map_err(unreachable)?;
        let reader = pool(SQLITE_READERS, SQLITE_READER).connect_with(options).await.map_err(unreachable)?;
        first.close().await.map_err(unreachable)?;
        Ok(Self { reader, writer: Writer::alone(writer), dialect: Dialect::Sqlite })
    }

    async fn open_postgres(url: &str) -> Result<Self, OpenError> {
        let options = options(url)?;
        let mut first = connect(&options, POSTGRES_SESSION).await?;
        migrate(Dialect::Postgres, &mut first).await?;
        first.close().await.map_err(unreachable)?;
        let pool = pool(POSTGRES_CONNECTIONS, POSTGRES_SESSION).connect_with(options);
        let pool = pool.await.map_err(unreachable)?;
        Ok(Self { reader: pool.clone(), writer: Writer::together(pool), dialect: Dialect::Postgres })
    }

    /// Reads, with an end to the wait. `reading` takes connections from [`Database::reader`].
    pub(crate) async fn read<T>(
        &self,
        reading: impl Future<Output = Result<T, Trouble>>,
    ) -> Result<T, StoreFault> {
        match timeout(READ_WITHIN, reading).await {
            Ok(read) => read.map_err(StoreFault::from),
            Err(_) => Err(StoreFault::Unavailable("a read took too long".to_owned())),
        }
    }

    /// Which database it is.
    pub(crate) const fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Connections for reading.
    pub(crate) const fn reader(&self) -> &AnyPool {
        &self.reader
    }

    /// Does `work` in one transaction and answers when it is on the disk.
    pub(crate) async fn write<T, W>(&self, work: W) -> Result<T, StoreFault>
    where
        T: Send + 'static,
        W: for<'c> FnOnce(&'c mut AnyConnection) -> Step<'c, T> + Send + 'static,
    {
        self.writer.write(work).await
    }

    /// Whether the database reads, and would write, now.
    pub(crate) async fn check(&self) -> Result<(), StoreFault> {
        let looking = async {
            sqlx::query("SELECT 1")
                .fetch_one(&self.reader)
                .await
                .map_err(|e| StoreFault::from(Trouble::from(e)))?;
            self.write(|tx| {
                Box::pin(async move {
                    sqlx::query("SELECT 1").fetch_one(tx).await?;
                    Ok(())
                })
            })
            .await
        };
        let late = || StoreFault::Unavailable("it does not answer".to_owned());
        timeout(CHECK_WITHIN, looking).await.map_err(|_| late())?
    }

    /// Takes what was deleted out of the files too: SQLite keeps the pages of the last transactions beside the
    /// database until they are copied into it. PostgreSQL does so by itself, in its own time.
    pub(crate) async fn wipe(&self) {
        for _ in 0..WIPES {
            match self.writer.wipe().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(error = told(&error), "erased pages wait in the write-ahead log")
                }
            }
        }
        tracing::warn!(
            "somebody reads for long: erased pages stay in the write-ahead log until the next are erased"
        );
    }

    /// Finishes what was accepted and lets go of the database.
    pub(crate) async fn close(&self) {
        self.writer.close().await;
        self.reader.close().await;
    }
}

/// Whether there is anything at this address that a master key would be needed for.
pub(crate) async fn holds_data(url: &str) -> Result<bool, OpenError> {
    sqlx::any::install_default_drivers();
    match Address::parse(url)? {
        Address::Sqlite(file) => match std::fs::metadata(&file) {
            Ok(found) => Ok(found.len() > 0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(OpenError::File(file, error.kind())),
        },
        Address::Postgres(url) => {
            let mut connection = connect(&options(&url)?, POSTGRES_SESSION).await?;
            let count = "SELECT COUNT(*) FROM information_schema.tables \
                         WHERE table_schema = current_schema() AND table_name = 'canary'";
            let row = sqlx::query(count).fetch_one(&mut connection).await.map_err(unreachable)?;
            Ok(row.try_get::<i64, _>(0).map_err(unreachable)? > 0)
        }
    }
}

/// A session beside the pools, for PostgreSQL; none for SQLite.
pub(crate) async fn lone_session(
    url: &str,
    session: &'static str,
) -> Result<Option<AnyConnection>, OpenError> {
    sqlx::any::install_default_drivers();
    match Address::parse(url)? {
        Address::Sqlite(_) => Ok(None),
        Address::Postgres(url) => connect(&options(&url)?, session).await.map(Some),
    }
}

impl OpenError {
    /// Why a question at the start was not answered.
    pub(crate) fn from_sql(error: &sqlx::Error) -> Self {
        Self::Unreachable(told(error))
    }
}

/// Says why the database failed while it was opened. Nothing of the house's is in its words then; a password
/// in the address never is.
pub(super) fn told(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => error.message().to_owned(),
        sqlx::Error::Io(error) => error.to_string(),
        sqlx::Error::PoolTimedOut => "no answer in time".to_owned(),
        sqlx::Error::Tls(error) => format!("encrypted connection: {error}"),
        sqlx::Error::Configuration(_) => "its address cannot be used".to_owned(),
        _ => "it cannot be used".to_owned(),
    }
}

fn unreachable(error: sqlx::Error) -> OpenError {
    OpenError::from_sql(&error)
}

fn options(url: &str) -> Result<AnyConnectOptions, OpenError> {
    url.parse().map_err(|_| OpenError::Address("it is not a URL"))
}

/// A connection of its own. A pool would try again and again, and tell only that time ran out.
async fn connect(options: &AnyConnectOptions, session: &'static str) -> Result<AnyConnection, OpenError> {
    let connecting = async {
        let mut connection = AnyConnection::connect_with(options).await?;
        sqlx::raw_sql(session).execute(&mut connection).await?;
        Ok(connection)
    };
    let late = || OpenError::Unreachable("no answer in time".to_owned());
    timeout(CONNECTION_WITHIN, connecting).await.map_err(|_| late())?.map_err(unreachable)
}

fn pool(connections: u32, session: &'static str) -> AnyPoolOptions {
    AnyPoolOptions::new().max_connections(connections).acquire_timeout(CONNECTION_WITHIN).after_connect(
        move |connection, _| {
            Box::pin(async move { sqlx::raw_sql(session).execute(connection).await.map(|_| ()) })
        },
    )
}

/// Makes the database file if it is not there, for its owner's eyes only, and returns its absolute path.
/// SQLite gives the files it keeps beside it the same mode.
fn touch(file: &Path) -> Result<PathBuf, OpenError> {
    let folder = folder_of(file);
    if !folder.is_dir() {
        return Err(OpenError::MissingFolder(folder.to_owned()));
    }
    let failed = |error: io::Error| OpenError::File(file.to_owned(), error.kind());
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(file).map_err(failed)?;
    file.canonicalize().map_err(failed)
}
