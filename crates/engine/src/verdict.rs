//! Waiting for what becomes of a call, for clients that want one answer instead of events.

use std::sync::Arc;
use std::time::Duration;

use offhook_core::call::record::Prepared;
use offhook_core::call::{CallRecord, Command, Fault, Refusal, State};
use offhook_core::id::{CallId, TenantId};
use offhook_core::ports::StoreFault;

use tokio::time::timeout;

use crate::errors::EngineError;
use crate::house::Engine;

/// How long Meta's word is awaited. A request to Meta has ten seconds of its own; more would hold the client's
/// request for nothing.
const VERDICT: Duration = Duration::from_secs(12);

impl Engine {
    /// Gives an answering command to a call and waits for Meta's word on it: the client may speak after
    /// `accept`, and not before.
    ///
    /// # Errors
    /// As [`Engine::command`]; besides Meta's refusal, or [`Fault::Unclear`] when Meta has not said.
    pub async fn answer(
        &self,
        tenant: &TenantId,
        id: &CallId,
        command: Command,
    ) -> Result<Arc<CallRecord>, EngineError> {
        let ahead = matches!(command, Command::PreAccept { .. });
        let given = self.command(tenant, id, command).await?;
        let pending = |call: &CallRecord| match ahead {
            true => call.state == State::PreAccepted && call.facts.prepared.is_none(),
            false => call.state == State::Answering,
        };
        let said = timeout(VERDICT, self.when(tenant, id, |call| !pending(call))).await;
        let call = match said {
            Ok(call) => call?.unwrap_or(given),
            Err(_) => return Err(Fault::Unclear.into()),
        };
        match (&call.facts.prepared, ahead) {
            (Some(Prepared::Refused(error)), true) => Err(Fault::Refused(error.clone()).into()),
            (Some(Prepared::Unclear), true) => Err(Fault::Unclear.into()),
            (Some(Prepared::Taken), true) => Ok(call),
            _ if call.answered_at().is_some() => Ok(call),
            _ => Err(match call.facts.error() {
                Some(error) => Fault::Refused(error.clone()).into(),
                None => Refusal::CallEnded.into(),
            }),
        }
    }
    /// The call as soon as it is as wanted, or as it is when its task has left. Waits for as long as neither is
    /// so: whoever calls sets the limit.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn when(
        &self,
        tenant: &TenantId,
        id: &CallId,
        wanted: impl Fn(&CallRecord) -> bool,
    ) -> Result<Option<Arc<CallRecord>>, StoreFault> {
        loop {
            let Some(news) = self.inner.registry.news(id) else { return self.load(tenant, id).await };
            // Enlisted before looking, so that what happens in between is not missed.
            let told = news.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            match self.load(tenant, id).await? {
                Some(call) if !wanted(&call) => told.await,
                settled => return Ok(settled),
            }
        }
    }
}
