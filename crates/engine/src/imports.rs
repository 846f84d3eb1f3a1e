//! Files of contacts, read by one task: the oldest first, part by part, each written whole or not at all. After
//! a restart it goes on where it was.

use std::sync::Arc;
use std::time::Duration;

use offhook_core::contact::import::{
    ARRIVES_WITHIN, Columns, Counts, Import, KEPT, Part, Progress, Rejected, Row, Settled,
};
use offhook_core::id::{ContactId, ImportId, TenantId};
use offhook_core::ports::{ContactKeys, StoreFault};

use crate::house::{Engine, Inner};

/// Looks at who is there anew when somebody changed them meanwhile. After that row by row.
const TRIES: usize = 3;

/// Wait for a database that is away.
const PAUSE: Duration = Duration::from_secs(2);

/// How often the task looks without being told: for what another process left behind.
const LOOK: Duration = Duration::from_secs(60);

impl Engine {
    /// Begins to take a file in. `columns` are its columns as they are called.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn receive_import(
        &self,
        tenant: &TenantId,
        columns: Vec<String>,
    ) -> Result<Import, StoreFault> {
        let house = &self.inner;
        let now = house.ports.clock.now();
        let import = Import {
            id: ImportId::from_uuid(house.ports.ids.next()),
            tenant: tenant.clone(),
            state: Progress::Receiving,
            columns,
            part: 0,
            counts: Counts::default(),
            created_at: now,
            updated_at: now,
        };
        house.ports.imports.begin(&import, now - KEPT, now - ARRIVES_WITHIN).await?;
        Ok(import)
    }

    /// Keeps a part of a file.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn receive_part(&self, import: &Import, part: u32, rows: &[Row]) -> Result<(), StoreFault> {
        self.inner.ports.imports.add_part(import, part, rows).await
    }

    /// The file is here, with so many rows, and is read from now on; or, without a number, never will be.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn import_arrived(&self, import: &Import, total: Option<u64>) -> Result<(), StoreFault> {
        self.inner.ports.imports.arrived(import, total).await?;
        self.inner.arrived.notify_one();
        Ok(())
    }

    /// An import, if it is the tenant's.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn import(&self, tenant: &TenantId, id: &ImportId) -> Result<Option<Import>, StoreFault> {
        self.inner.ports.imports.load(tenant, id).await
    }

    /// The tenant's imports, newest first.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn imports(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Import>, StoreFault> {
        self.inner.ports.imports.list(tenant, limit).await
    }

    /// Rows an import rejected, by line, after one.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn rejected(
        &self,
        import: &Import,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Rejected>, StoreFault> {
        self.inner.ports.imports.rejected(import, after, limit).await
    }
}

impl Inner {
    /// Reads files until the house stops.
    pub(crate) async fn import_loop(self: Arc<Self>) {
        loop {
            let pause = match self.next_part().await {
                Ok(true) => Duration::ZERO,
                Ok(false) => LOOK,
                Err(fault) => {
                    tracing::warn!(error = %fault, "an import waits");
                    PAUSE
                }
            };
            if pause.is_zero() && !self.stopping.is_cancelled() {
                continue;
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = self.arrived.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Deals with one part of the oldest file. False when there is none.
    async fn next_part(&self) -> Result<bool, StoreFault> {
        let Some(mut import) = self.ports.imports.next().await? else { return Ok(false) };
        import.state = Progress::Running;
        let rows = self.ports.imports.part(&import, import.part).await?;
        let columns = Columns::parse(&import.columns);
        let (Some(rows), Ok(columns)) = (rows, columns) else {
            // Behind the last part it is complete if every row was dealt with.
            let whole = import.counts.done() == import.counts.total;
            import.state = if whole { Progress::Completed } else { Progress::Failed };
            self.write_part(&mut import, None).await?;
            let (id, Counts { created, updated, rejected, .. }) = (&import.id, import.counts);
            tracing::info!(import.id = %id, whole, created, updated, rejected, "an import is over");
            return Ok(true);
        };
        let part = Part::of(&columns, rows);
        import.part += 1;
        for _ in 0..TRIES {
            let settled = self.settle(&import, &part).await?;
            match self.write_part(&mut import, Some(settled)).await {
                Err(StoreFault::Conflict | StoreFault::Exists(_)) => {}
                done => return done.map(|()| true),
            }
        }
        self.singly(&mut import, part).await.map(|()| true)
    }

    /// A part that does not go in as a whole: its rows one at a time, and what does not go in is rejected. Its
    /// rows are known when they come again after a crash.
    async fn singly(&self, import: &mut Import, part: Part) -> Result<(), StoreFault> {
        let (mut counts, mut rejected) = (Counts::default(), Vec::new());
        for row in part.singly() {
            let settled = self.settle(import, &row).await?;
            let one = match self.ports.contacts.put_many(&settled.contacts).await {
                Ok(()) => settled,
                Err(StoreFault::Conflict | StoreFault::Exists(_)) => {
                    row.refused("the phone number or the e-mail address is another contact's")
                }
                Err(fault) => return Err(fault),
            };
            counts = counts.and(one.counts);
            rejected.extend(one.rejected);
        }
        self.write_part(import, Some(Settled { contacts: Vec::new(), rejected, counts })).await
    }

    async fn settle(&self, import: &Import, part: &Part) -> Result<Settled, StoreFault> {
        let keys = ContactKeys { phones: part.phones(), emails: part.emails(), ..ContactKeys::default() };
        let known = self.ports.contacts.known(&import.tenant, &keys).await?;
        let fresh = || ContactId::from_uuid(self.ports.ids.next());
        Ok(part.settle(known, &import.tenant, self.ports.clock.now(), fresh))
    }

    async fn write_part(&self, import: &mut Import, settled: Option<Settled>) -> Result<(), StoreFault> {
        let settled = settled.unwrap_or(Settled {
            contacts: Vec::new(),
            rejected: Vec::new(),
            counts: Counts::default(),
        });
        let next = Import {
            counts: import.counts.and(settled.counts),
            updated_at: self.ports.clock.now(),
            ..import.clone()
        };
        let logged = self.ports.imports.go_on(&next, &settled.contacts, &settled.rejected).await?;
        *import = next;
        if !logged.is_empty() {
            self.tell_of(&import.tenant, logged).await;
        }
        Ok(())
    }
}
