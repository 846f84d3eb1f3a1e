//! A Meta that does as told and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::call::{Ask, Fault, Reply};
use crate::house::BusinessNumber;
use crate::id::Wacid;
use crate::permission::{Allowance, Told};
use crate::phone::Phone;
use crate::ports::{Asker, Document, LookedUp, PermissionAsk, Settings};

/// Answers every request well, unless a reply was prepared; keeps all requests. About permissions and settings it
/// cannot be reached until it is told something.
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
    looked_up: Vec<Phone>,
    permitted: Option<(Told, bool)>,
    refuses_to_ask: Option<Fault>,
    settings: Option<Settings>,
    changes: Vec<Document>,
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

    /// From now on users have permitted so much, and may be called or not.
    pub fn permits(&self, told: Told, call: bool) {
        self.lock().permitted = Some((told, call));
    }

    /// From now on permission requests fail so, or work again.
    pub fn refuses_to_ask(&self, fault: Option<Fault>) {
        self.lock().refuses_to_ask = fault;
    }

    /// Whose permissions were looked up so far.
    #[must_use]
    pub fn looked_up(&self) -> Vec<Phone> {
        self.lock().looked_up.clone()
    }

    /// From now on numbers have these settings.
    pub fn with_settings(&self, settings: Settings) {
        self.lock().settings = Some(settings);
    }

    /// All changes of settings so far.
    #[must_use]
    pub fn changes(&self) -> Vec<Document> {
        self.lock().changes.clone()
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
        let mut memory = self.lock();
        memory.permissions.push(ask.clone());
        memory.refuses_to_ask.clone().map_or(Ok(()), Err)
    }

    async fn look_up_permission(&self, _: &BusinessNumber, user: &Phone) -> Result<LookedUp, Fault> {
        let mut memory = self.lock();
        memory.looked_up.push(user.clone());
        let (told, call) = memory.permitted.ok_or(Fault::Unreachable)?;
        let allowance = |may| Some(Allowance { may, limits: Vec::new() });
        let document = Document::new(r#"{"permission":{}}"#.to_owned());
        Ok(LookedUp { told, ask: allowance(true), call: allowance(call), document })
    }

    async fn settings(&self, _: &BusinessNumber, _: bool) -> Result<Settings, Fault> {
        self.lock().settings.clone().ok_or(Fault::Unreachable)
    }

    async fn change_settings(&self, _: &BusinessNumber, change: &Document) -> Result<(), Fault> {
        self.lock().changes.push(change.clone());
        Ok(())
    }
}
