//! The door: one handle on everything remembered.

use std::sync::Arc;

use offhook_core::ports::StoreFault;

use crate::audit::Chain;
use crate::calls::search;
use crate::database::{Database, OpenError, field};
use crate::secret::{MasterKey, Passwords, Place, Sealer};

/// The store. Clones share one database. All ports of `offhook_core::ports` that remember are implemented
/// for it; where two of them have a method of one name, name the trait.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) database: Database,
    pub(crate) sealer: Sealer,
    pub(crate) passwords: Passwords,
    pub(crate) chain: Chain,
}

/// Where the canary is sealed: it belongs to no tenant.
const CANARY: Place<'static> = Place { tenant: "house", table: "canary", column: "sealed", row: "1" };

/// What the canary says when it is opened with the right key.
const SONG: &[u8] = b"offhook";

impl Store {
    /// Opens the database at `url` (`sqlite:PATH` or `postgres://…`), makes it when it is not there, brings
    /// its schema up to date and proves that `key` opens what is sealed in it.
    ///
    /// Must be called inside a Tokio runtime, which also runs the store's writer.
    ///
    /// # Errors
    /// [`OpenError`], in words for the person who starts the program.
    pub async fn open(url: &str, key: MasterKey) -> Result<Self, OpenError> {
        let database = Database::open(url).await?;
        let (sealer, chain) = (Sealer::new(&key), Chain::new(&key));
        if let Err(error) = prove_key(&database, &sealer).await {
            database.close().await;
            return Err(error);
        }
        if let Err(fault) = search::catch_up(&database).await {
            database.close().await;
            return Err(OpenError::Unreachable(fault.to_string()));
        }
        Ok(Self { inner: Arc::new(Inner { database, sealer, passwords: Passwords::new(), chain }) })
    }

    /// Finishes what was accepted and lets go of the database. Later calls answer that it is closed.
    pub async fn close(&self) {
        self.inner.database.close().await;
    }

    /// A real round trip through reading and writing, for readiness: within two seconds or a fault.
    ///
    /// # Errors
    /// [`StoreFault::Unavailable`] while the database is locked, full, gone or slow.
    pub async fn check(&self) -> Result<(), StoreFault> {
        self.inner.database.check().await
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }
}

/// Plants the canary at the first start, and hears it sing at every one.
async fn prove_key(database: &Database, sealer: &Sealer) -> Result<(), OpenError> {
    let fresh = sealer.seal(CANARY, SONG);
    let planted = database
        .write(move |tx| {
            Box::pin(async move {
                let plant = "INSERT INTO canary (id, sealed) VALUES (1, $1) ON CONFLICT (id) DO NOTHING";
                sqlx::query(plant).bind(fresh).execute(&mut *tx).await?;
                let row = sqlx::query("SELECT sealed FROM canary WHERE id = 1").fetch_one(&mut *tx).await?;
                field::<Vec<u8>, _>(&row, "sealed")
            })
        })
        .await;
    let sealed = planted.map_err(|fault| OpenError::Unreachable(fault.to_string()))?;
    let song = sealer.open(CANARY, &sealed).ok_or(OpenError::WrongMasterKey)?;
    if song.as_slice() == SONG { Ok(()) } else { Err(OpenError::WrongMasterKey) }
}
