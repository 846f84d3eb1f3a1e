//! A Meta that does as told and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::call::{Ask, Fault, Reply};
use crate::house::BusinessNumber;
use crate::id::Wacid;
use crate::ports::{Asker, PermissionAsk};

/// Answers every request well, unless a reply was prepared; keeps all requests.
#[derive(Debug, Default)]
pub struct FakeAsker {
    inner: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    asked: Vec<Ask>,
    permissions: Vec<PermissionAsk>,
    prepared: VecDeque<Result<Reply, Fault>>,
    placed: u32,
}

impl FakeAsker {
    /// Prepares the reply to the next request that has none yet.
    pub fn prepare(&self, reply: Result<Reply, Fault>) {
        self.lock().prepared.push_back(reply);
    }

    /// All requests so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Ask> {
        self.lock().asked.clone()
    }

    /// Their actions.
    #[must_use]
    pub fn actions(&self) -> Vec<&'static str> {
        self.lock().asked.iter().map(Ask::action).collect()
    }

    /// All permission requests so far.
    #[must_use]
    pub fn permissions(&self) -> Vec<PermissionAsk> {
        self.lock().permissions.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Asker for FakeAsker {
    async fn ask(&self, _: &BusinessNumber, ask: &Ask) -> Result<Reply, Fault> {
        let mut memory = self.lock();
        memory.asked.push(ask.clone());
        if let Some(reply) = memory.prepared.pop_front() {
            return reply;
        }
        Ok(match ask {
            Ask::Connect { .. } => {
                memory.placed += 1;
                Reply::Placed(Wacid::new(format!("wacid.PLACED{}==", memory.placed)).expect("short"))
            }
            Ask::PreAccept { .. } => Reply::PreAccepted,
            Ask::Accept { .. } => Reply::Accepted,
            Ask::Reject { .. } | Ask::Terminate { .. } => Reply::Ended,
        })
    }

    async fn ask_permission(&self, _: &BusinessNumber, ask: &PermissionAsk) -> Result<(), Fault> {
        self.lock().permissions.push(ask.clone());
        Ok(())
    }
}
