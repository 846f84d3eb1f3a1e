//! Bridged calls: the agents' side of the sound, and the plane's news.

use std::sync::Arc;

use offhook_core::call::{CallRecord, Command, Refusal, SoundNews, State};
use offhook_core::house::MediaMode;
use offhook_core::id::{CallId, TenantId, UserId};
use offhook_core::sdp::Sdp;
use tokio::sync::mpsc;

use crate::errors::EngineError;
use crate::house::Engine;
use crate::registry::Message;

impl Engine {
    /// Gives the plane's news to the calls they are about, until the plane or the server stops.
    pub fn carry(&self, mut news: mpsc::Receiver<(CallId, SoundNews)>) {
        let house = self.inner.clone();
        self.inner.tasks.spawn(async move {
            loop {
                let told = tokio::select! {
                    told = news.recv() => told,
                    () = house.stopping.cancelled() => None,
                };
                let Some((call, what)) = told else { return };
                let Some(handle) = house.registry.handle(&call) else { continue };
                if handle.send.try_send(Message::Sound(what)).is_err() {
                    metrics::counter!("offhook_sound_news_lost_total").increment(1);
                }
            }
        });
    }

    /// An agent takes a ringing bridged call with an offer of their own. Returns once the claim is durable,
    /// with the answer to the offer.
    ///
    /// # Errors
    /// The call's refusal, or why the agent's sound cannot be carried: the claim stands then, and
    /// [`Engine::attach`] can be tried.
    pub async fn take(
        &self,
        tenant: &TenantId,
        call: &CallId,
        agent: UserId,
        offer: &Sdp,
    ) -> Result<(Arc<CallRecord>, Sdp), EngineError> {
        let record = self.command(tenant, call, Command::Take { agent }).await?;
        let answer = self.inner.ports.sound.attach(call, offer).await?;
        Ok((record, answer))
    }

    /// The owner of a live bridged call brings their sound, in place of whatever carried it before.
    ///
    /// # Errors
    /// [`EngineError::UnknownCall`], a refusal when the call is over, somebody else's or relayed, or why the
    /// sound cannot be carried.
    pub async fn attach(
        &self,
        tenant: &TenantId,
        call: &CallId,
        agent: &UserId,
        offer: &Sdp,
    ) -> Result<(Arc<CallRecord>, Sdp), EngineError> {
        let record = self.load(tenant, call).await?.ok_or(EngineError::UnknownCall)?;
        if record.state.is_over() || record.state == State::Ending {
            return Err(Refusal::CallEnded.into());
        }
        if record.agent.as_ref() != Some(agent) {
            return Err(Refusal::NotYours.into());
        }
        if record.media_mode != MediaMode::Bridge {
            return Err(Refusal::OtherMedia.into());
        }
        let answer = self.inner.ports.sound.attach(call, offer).await?;
        Ok((record, answer))
    }
}
