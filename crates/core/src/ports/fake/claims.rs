//! Claims in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::id::{CallId, TenantId};
use crate::ports::{Claim, Claims, KeptAnswer, Standing, StoreFault};

type Name = (TenantId, [u8; 32]);

/// Remembers claims, and can be broken.
#[derive(Debug, Default)]
pub struct FakeClaims {
    inner: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    standing: HashMap<Name, Standing>,
    broken: bool,
}

impl FakeClaims {
    /// From now on nothing can be written, or it can again.
    pub fn set_broken(&self, broken: bool) {
        self.lock().broken = broken;
    }

    /// Everything that stands.
    #[must_use]
    pub fn all(&self) -> Vec<Standing> {
        self.lock().standing.values().cloned().collect()
    }

    /// Forgets every answer and calls every holder by another name, as if the process had died in the middle.
    pub fn crash(&self) {
        for standing in self.lock().standing.values_mut() {
            standing.answer = None;
            standing.claim.holder = "a process that is gone".to_owned();
        }
    }

    /// Calls every holder by another name: the process died, and what it had answered stays answered.
    pub fn crash_running(&self) {
        for standing in self.lock().standing.values_mut() {
            standing.claim.holder = "a process that is gone".to_owned();
        }
    }

    /// As [`Self::crash`], but before any call was written: each claim promises one that was never placed.
    pub fn crash_before(&self, call: &CallId) {
        self.crash();
        for standing in self.lock().standing.values_mut() {
            standing.claim.call = call.clone();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn writable(&self) -> Result<(), StoreFault> {
        if self.broken { Err(StoreFault::Unavailable("broken by the test".to_owned())) } else { Ok(()) }
    }

    fn held(&mut self, claim: &Claim) -> Option<&mut Standing> {
        let standing = self.standing.get_mut(&name(claim));
        standing.filter(|standing| standing.answer.is_none() && standing.claim.holder == claim.holder)
    }
}

fn name(claim: &Claim) -> Name {
    (claim.tenant.clone(), claim.name)
}

#[async_trait]
impl Claims for FakeClaims {
    async fn claim(&self, claim: &Claim) -> Result<Option<Standing>, StoreFault> {
        let mut shelf = self.lock();
        shelf.writable()?;
        if let Some(standing) = shelf.standing.get(&name(claim)).filter(|it| it.claim.until > claim.at) {
            return Ok(Some(standing.clone()));
        }
        shelf.standing.insert(name(claim), Standing { claim: claim.clone(), answer: None });
        Ok(None)
    }

    async fn take_over(&self, gone: &Claim, claim: &Claim) -> Result<bool, StoreFault> {
        let mut shelf = self.lock();
        shelf.writable()?;
        let Some(standing) = shelf.held(gone).filter(|standing| standing.claim.at == gone.at) else {
            return Ok(false);
        };
        standing.claim = claim.clone();
        Ok(true)
    }

    async fn answer(&self, claim: &Claim, answer: &KeptAnswer) -> Result<(), StoreFault> {
        let mut shelf = self.lock();
        shelf.writable()?;
        if let Some(standing) = shelf.held(claim) {
            standing.answer = Some(answer.clone());
        }
        Ok(())
    }

    async fn release(&self, claim: &Claim) -> Result<(), StoreFault> {
        let mut shelf = self.lock();
        shelf.writable()?;
        if shelf.held(claim).is_some() {
            shelf.standing.remove(&name(claim));
        }
        Ok(())
    }
}
