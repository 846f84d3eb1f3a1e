//! Imports in memory, beside the contacts they make.

use async_trait::async_trait;

use super::memory::Memory;
use crate::contact::Contact;
use crate::contact::import::{Import, Progress, Rejected, Row};
use crate::event::{Event, Logged};
use crate::id::{ImportId, TenantId};
use crate::ports::{ContactImports, Contacts, StoreFault};
use crate::time::Time;

/// An import with its file.
#[derive(Debug)]
pub(super) struct Kept {
    import: Import,
    parts: Vec<Vec<Row>>,
    rejected: Vec<Rejected>,
}

impl Memory {
    fn kept<T>(&self, import: &Import, read: impl FnOnce(&mut Kept) -> T) -> Result<T, StoreFault> {
        let mut tables = self.lock();
        let kept = tables.imports.iter_mut().find(|kept| kept.import.id == import.id);
        kept.map(read).ok_or(StoreFault::Conflict)
    }
}

#[async_trait]
impl ContactImports for Memory {
    async fn begin(&self, import: &Import, kept: Time, late: Time) -> Result<(), StoreFault> {
        let mut tables = self.lock();
        tables.writable()?;
        tables.imports.retain(|it| match it.import.state {
            Progress::Receiving => it.import.created_at >= late,
            Progress::Completed | Progress::Failed => it.import.updated_at >= kept,
            Progress::Waiting | Progress::Running => true,
        });
        tables.imports.push(Kept { import: import.clone(), parts: vec![], rejected: vec![] });
        Ok(())
    }

    async fn add_part(&self, import: &Import, part: u32, rows: &[Row]) -> Result<(), StoreFault> {
        self.kept(import, |kept| {
            assert_eq!(kept.parts.len(), part as usize, "parts come in order");
            kept.parts.push(rows.to_vec());
        })
    }

    async fn arrived(&self, import: &Import, total: Option<u64>) -> Result<bool, StoreFault> {
        let arrived = self.kept(import, |kept| {
            let waited = kept.import.state == Progress::Receiving;
            if waited {
                kept.import.state = if total.is_some() { Progress::Waiting } else { Progress::Failed };
                kept.import.counts.total = total.unwrap_or_default();
            }
            waited
        });
        Ok(arrived.unwrap_or(false))
    }

    async fn load(&self, tenant: &TenantId, id: &ImportId) -> Result<Option<Import>, StoreFault> {
        let tables = self.lock();
        let theirs = |kept: &&Kept| kept.import.id == *id && kept.import.tenant == *tenant;
        Ok(tables.imports.iter().find(theirs).map(|kept| kept.import.clone()))
    }

    async fn list(&self, tenant: &TenantId, limit: u32) -> Result<Vec<Import>, StoreFault> {
        let tables = self.lock();
        let theirs = tables.imports.iter().rev().filter(|kept| kept.import.tenant == *tenant);
        Ok(theirs.take(limit as usize).map(|kept| kept.import.clone()).collect())
    }

    async fn next(&self) -> Result<Option<Import>, StoreFault> {
        let tables = self.lock();
        let due = |kept: &&Kept| matches!(kept.import.state, Progress::Waiting | Progress::Running);
        Ok(tables.imports.iter().find(due).map(|kept| kept.import.clone()))
    }

    async fn part(&self, import: &Import, part: u32) -> Result<Option<Vec<Row>>, StoreFault> {
        self.kept(import, |kept| kept.parts.get(part as usize).cloned())
    }

    async fn go_on(
        &self,
        import: &Import,
        contacts: &[Contact],
        rejected: &[Rejected],
    ) -> Result<Vec<Logged>, StoreFault> {
        self.put_many(contacts).await?;
        self.kept(import, |kept| {
            kept.import = import.clone();
            kept.rejected.extend(rejected.iter().cloned());
        })?;
        if !import.state.is_over() {
            return Ok(Vec::new());
        }
        let (completed, counts) = (import.state == Progress::Completed, import.counts);
        let told = Event::Import { import: import.id.clone(), counts, completed };
        Ok(self.lock().append(&import.tenant, import.updated_at, &[told]))
    }

    async fn rejected(&self, import: &Import, after: u64, limit: u32) -> Result<Vec<Rejected>, StoreFault> {
        self.kept(import, |kept| {
            let behind = kept.rejected.iter().filter(|row| row.line > after);
            behind.take(limit as usize).cloned().collect()
        })
    }
}
