//! Bridged calls: the agents' side of the sound, and the plane's news.

use std::collections::BTreeSet;
use std::sync::Arc;

use offhook_core::call::table::{ClipName, Target};
use offhook_core::call::{CallRecord, Command, LegQuality, Refusal, SoundNews, State, Voice, Wish};
use offhook_core::house::MediaMode;
use offhook_core::id::{CallId, TenantId, UserId};
use offhook_core::sdp::{IceCandidate, Sdp};
use tokio::sync::{broadcast, mpsc};

use crate::actor::NEWS;
use crate::errors::EngineError;
use crate::house::{Engine, Inner};

/// Reports kept for a listener that falls behind: a minute of some eighty calls.
pub(crate) const QUALITY: usize = 1_024;

/// How a leg of a live call went these last seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct QualityNews {
    /// Whose call.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// Everybody of the house who is in it.
    pub people: BTreeSet<UserId>,
    /// Whose leg.
    pub whose: Voice,
    /// How it went.
    pub quality: LegQuality,
}

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
                // A report is followed by another and a key may be pressed again. Everything else happens once,
                // and finds room when a call's task waits for the database.
                let spare = matches!(what, SoundNews::Quality(..) | SoundNews::Pressed(_));
                let full = spare && handle.sound.capacity() <= NEWS / 2;
                if full || handle.sound.try_send(what).is_err() {
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
        let me = agent.clone();
        let record = self.command(tenant, call, Command::Take { agent }).await?;
        let answer = self.inner.ports.sound.attach(call, &me, offer).await?;
        Ok((record, answer))
    }

    /// Somebody in a live bridged call brings their sound, in place of whatever carried it before.
    ///
    /// # Errors
    /// [`EngineError::UnknownCall`], a refusal when the call is over, relayed, or not theirs, or why the sound
    /// cannot be carried.
    pub async fn attach(
        &self,
        tenant: &TenantId,
        call: &CallId,
        agent: &UserId,
        offer: &Sdp,
    ) -> Result<(Arc<CallRecord>, Sdp), EngineError> {
        let record = self.seated(tenant, call, agent).await?;
        let answer = self.inner.ports.sound.attach(call, agent, offer).await?;
        Ok((record, answer))
    }

    /// Somebody in a live bridged call offers a new path for the sound they have in it.
    ///
    /// # Errors
    /// As [`Engine::attach`].
    pub async fn restart(
        &self,
        tenant: &TenantId,
        call: &CallId,
        agent: &UserId,
        offer: &Sdp,
    ) -> Result<(Arc<CallRecord>, Sdp), EngineError> {
        let record = self.seated(tenant, call, agent).await?;
        let answer = self.inner.ports.sound.restart(call, agent, offer).await?;
        Ok((record, answer))
    }

    /// Somebody in a live bridged call tells of one more place where their page can be reached.
    ///
    /// # Errors
    /// As [`Engine::attach`], except that their sound is not looked for.
    pub async fn trickle(
        &self,
        tenant: &TenantId,
        call: &CallId,
        agent: &UserId,
        candidate: IceCandidate,
    ) -> Result<(), EngineError> {
        self.seated(tenant, call, agent).await?;
        self.inner.ports.sound.trickle(call, agent, candidate);
        Ok(())
    }

    /// A live bridged call somebody is in.
    async fn seated(
        &self,
        tenant: &TenantId,
        call: &CallId,
        agent: &UserId,
    ) -> Result<Arc<CallRecord>, EngineError> {
        let record = self.load(tenant, call).await?.ok_or(EngineError::UnknownCall)?;
        if record.state.is_over() || record.state == State::Ending {
            return Err(Refusal::CallEnded.into());
        }
        if !record.seats(agent) {
            return Err(Refusal::NotYours.into());
        }
        if record.media_mode != MediaMode::Bridge {
            return Err(Refusal::OtherMedia.into());
        }
        Ok(record)
    }

    /// Arranges something at a bridged conversation. Returns the record once it is durable.
    ///
    /// # Errors
    /// As [`Engine::command`]; besides [`Refusal::NotAvailable`] when a person is asked for who takes no calls
    /// now, and [`Refusal::UnknownClip`].
    pub async fn arrange(
        &self,
        tenant: &TenantId,
        call: &CallId,
        by: Option<UserId>,
        wish: Wish,
    ) -> Result<Arc<CallRecord>, EngineError> {
        let record = self.load(tenant, call).await?.ok_or(EngineError::UnknownCall)?;
        match &wish {
            Wish::Transfer(Target::Agent(who))
            | Wish::Consult(Target::Agent(who))
            | Wish::Invite(Target::Agent(who))
                if !record.seats(who) && !self.inner.available(tenant).contains(who) =>
            {
                return Err(Refusal::NotAvailable.into());
            }
            Wish::Play(clip) if !self.knows(clip) => return Err(Refusal::UnknownClip.into()),
            _ => {}
        }
        self.command(tenant, call, Command::Arrange { by, wish }).await
    }

    /// Whether there is an announcement of this name.
    #[must_use]
    pub fn knows(&self, clip: &ClipName) -> bool {
        self.inner.ports.sound.knows(clip)
    }

    /// The tenant's parked calls, the one that waits longest first.
    #[must_use]
    pub fn parked(&self, tenant: &TenantId) -> Vec<Arc<CallRecord>> {
        let mut parked: Vec<_> =
            self.inner.registry.parked(tenant).into_iter().map(|live| live.record).collect();
        parked.sort_by_key(|record| record.facts.table.parked.as_ref().map(|parked| parked.at));
        parked
    }

    /// The tenant's bridged conversations, oldest first.
    #[must_use]
    pub fn conversations(&self, tenant: &TenantId) -> Vec<Arc<CallRecord>> {
        let talking =
            |record: &CallRecord| record.media_mode == MediaMode::Bridge && record.state == State::Connected;
        let live = self.inner.registry.live(tenant, |live| talking(&live.record));
        let mut records: Vec<_> = live.into_iter().map(|live| live.record).collect();
        records.sort_by(|a, b| a.id.cmp(&b.id));
        records
    }

    /// People who can be rung now.
    #[must_use]
    pub fn free(&self, tenant: &TenantId) -> BTreeSet<UserId> {
        self.inner.available(tenant)
    }

    /// How the legs of live calls go, from now on. Who falls behind misses some.
    #[must_use]
    pub fn listen_quality(&self) -> broadcast::Receiver<Arc<QualityNews>> {
        self.inner.quality.subscribe()
    }
}

impl Inner {
    pub(crate) fn tell_quality(&self, record: &CallRecord, whose: Voice, quality: LegQuality) {
        let (tenant, call) = (record.tenant.clone(), record.id.clone());
        let people = record.people().cloned().collect();
        // Nobody may be listening.
        let _ = self.quality.send(Arc::new(QualityNews { tenant, call, people, whose, quality }));
    }
}
