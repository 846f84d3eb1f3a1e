//! An audit log in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::audit::{AuditPage, Deed, Entry, Verdict};
use crate::id::TenantId;
use crate::ports::{Audit, StoreFault};

/// Keeps deeds in the order they were told. Its hashes are all zero.
#[derive(Debug, Default)]
pub struct FakeAudit(Mutex<Vec<Deed>>);

impl FakeAudit {
    /// The actions of all deeds, oldest first.
    #[must_use]
    pub fn actions(&self) -> Vec<String> {
        self.lock().iter().map(|deed| deed.action.clone()).collect()
    }

    /// All deeds, oldest first.
    #[must_use]
    pub fn deeds(&self) -> Vec<Deed> {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Deed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn of(&self, tenant: Option<&TenantId>) -> Vec<Entry> {
        let deeds = self.lock();
        let theirs = deeds.iter().filter(|deed| deed.tenant.as_ref() == tenant);
        let entry = |(seq, deed): (u64, &Deed)| Entry {
            seq,
            deed: deed.clone(),
            address_hash: deed.address.map(|address| format!("hash of {address}")),
            hash: [0; 32],
        };
        (1..).zip(theirs).map(entry).collect()
    }
}

#[async_trait]
impl Audit for FakeAudit {
    async fn record(&self, deed: Deed) -> Result<u64, StoreFault> {
        let tenant = deed.tenant.clone();
        self.lock().push(deed);
        Ok(u64::try_from(self.of(tenant.as_ref()).len()).unwrap_or(u64::MAX))
    }

    async fn page(&self, tenant: Option<&TenantId>, page: &AuditPage) -> Result<Vec<Entry>, StoreFault> {
        let fits = |entry: &Entry| {
            let deed = &entry.deed;
            let action = |wanted: &String| match wanted.ends_with('.') {
                true => deed.action.starts_with(wanted.as_str()),
                false => deed.action == *wanted,
            };
            page.before.is_none_or(|before| entry.seq < before)
                && page.actor.as_deref().is_none_or(|actor| deed.actor.id() == Some(actor))
                && page.action.as_ref().is_none_or(action)
        };
        let newest = self.of(tenant).into_iter().rev().filter(fits);
        Ok(newest.take(page.limit as usize).collect())
    }

    async fn verify(&self, tenant: Option<&TenantId>) -> Result<Verdict, StoreFault> {
        let seq = self.of(tenant).len();
        Ok(Verdict::Whole { seq: u64::try_from(seq).unwrap_or(u64::MAX), hash: [0; 32] })
    }
}
