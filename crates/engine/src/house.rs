//! The engine's door: what the adapters above call.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use offhook_core::call::table::Connect;
use offhook_core::call::{Call, CallRecord, Command, Manners, NewOutbound};
use offhook_core::event::{Announced, Event, Logged};
use offhook_core::house::{BusinessNumber, Person, Presence};
use offhook_core::id::{CallId, NumberId, TenantId, UserId, Wacid};
use offhook_core::meta::{Callee, Extras};
use offhook_core::ports::{
    Asker, Calls, Clock, ContactImports, Contacts, Events, Ids, Inbox, Knock, Numbers, People, Permissions,
    Sound, StoreFault,
};
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use tokio::sync::{Mutex, Notify, broadcast, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::actor::{Actor, Birth, MAILBOX, NEWS};
use crate::errors::EngineError;
use crate::gates::Pace;
use crate::outbox::Outbox;
use crate::presence::{Connected, Roll};
use crate::publisher::Publisher;
use crate::registry::{Handle, Message, Registry};
use crate::voices::{QUALITY, QualityNews};

/// Everything the engine needs from the world.
#[derive(Clone)]
pub struct Ports {
    /// Calls.
    pub calls: Arc<dyn Calls>,
    /// Logs.
    pub events: Arc<dyn Events>,
    /// Meta's knocks.
    pub inbox: Arc<dyn Inbox>,
    /// Contacts.
    pub contacts: Arc<dyn Contacts>,
    /// Files of contacts.
    pub imports: Arc<dyn ContactImports>,
    /// Business numbers.
    pub numbers: Arc<dyn Numbers>,
    /// People.
    pub people: Arc<dyn People>,
    /// Who may be called.
    pub permissions: Arc<dyn Permissions>,
    /// Meta.
    pub asker: Arc<dyn Asker>,
    /// The media plane.
    pub sound: Arc<dyn Sound>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
}

/// The running house. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) ports: Ports,
    pub(crate) registry: Registry,
    pub(crate) publisher: Publisher,
    pub(crate) roll: Roll,
    pub(crate) stopping: CancellationToken,
    pub(crate) knocked: Notify,
    /// A file of contacts is here.
    pub(crate) arrived: Notify,
    pub(crate) tasks: TaskTracker,
    pub(crate) manners: Manners,
    /// How often tenants place calls.
    pub(crate) pace: Pace,
    /// How the legs of live calls go. Nobody has to listen.
    pub(crate) quality: broadcast::Sender<Arc<QualityNews>>,
    /// Hooks and what is on its way to them, once they are worked on.
    pub(crate) outbox: OnceLock<Outbox>,
    /// Held while a call is woken from its record, so that it is woken once.
    waking: Mutex<()>,
}

/// An outbound relayed call, asked for.
#[derive(Debug, Clone)]
pub struct PlaceRequest {
    /// Whose.
    pub tenant: TenantId,
    /// From which number; must be the tenant's.
    pub number: NumberId,
    /// The user.
    pub to: Callee,
    /// The client's complete offer to WhatsApp; none for a call whose sound the house carries.
    pub offer: Option<Sdp>,
    /// Who places it, when a person does.
    pub agent: Option<UserId>,
    /// Whom a bridged call is connected to at the pick-up, when no person places it.
    pub connect: Option<Connect>,
    /// Whether a bridged call is recorded from its beginning.
    pub record: bool,
    /// The client's correlation.
    pub correlation: Option<String>,
    /// The client's conversation.
    pub conversation_id: Option<String>,
    /// What the client wants remembered with the call.
    pub metadata: Option<String>,
    /// What the client wants WhatsApp itself to do.
    pub extras: Extras,
}

/// A durable outbound call.
pub struct Placed {
    /// As first written.
    pub record: Arc<CallRecord>,
    /// Resolves once Meta has confirmed or refused it.
    pub settled: oneshot::Receiver<Arc<CallRecord>>,
}

impl Engine {
    /// Starts: picks up live calls where their records say, then deals with the inbox.
    ///
    /// # Errors
    /// When the live calls cannot be read.
    pub async fn start(ports: Ports, manners: Manners) -> Result<Self, EngineError> {
        let inner = Arc::new(Inner {
            registry: Registry::default(),
            publisher: Publisher::new(ports.events.clone()),
            roll: Roll::default(),
            stopping: CancellationToken::new(),
            knocked: Notify::new(),
            arrived: Notify::new(),
            tasks: TaskTracker::new(),
            waking: Mutex::new(()),
            outbox: OnceLock::new(),
            quality: broadcast::channel(QUALITY).0,
            pace: Pace::default(),
            manners,
            ports,
        });
        inner.wake_live().await?;
        inner.tasks.spawn(inner.clone().inbox_loop());
        inner.tasks.spawn(inner.clone().forget_loop());
        inner.tasks.spawn(inner.clone().expiry_loop());
        inner.tasks.spawn(inner.clone().import_loop());
        Ok(Self { inner })
    }

    /// Stops all tasks. Calls stay as their records say and go on at the next start.
    pub async fn stop(&self) {
        self.inner.stopping.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// Makes the knocks of one webhook durable. Returns how many were new.
    ///
    /// # Errors
    /// When they could not be stored; the caller must not acknowledge them.
    pub async fn take_in(&self, knocks: &[Knock]) -> Result<usize, StoreFault> {
        let new = self.inner.ports.inbox.take_in(knocks).await?;
        if new > 0 {
            self.inner.knocked.notify_one();
        }
        Ok(new)
    }

    /// Places an outbound call. Returns once it is durable.
    ///
    /// What the house decides by itself is refused here and leaves no call behind. The rest, permission, limits
    /// and a call with the same user, is looked at before Meta is asked, and the call ends with the reason.
    ///
    /// # Errors
    /// [`EngineError::UnknownNumber`], [`EngineError::Barred`], or the store's fault.
    pub async fn place(&self, request: PlaceRequest) -> Result<Placed, EngineError> {
        self.place_as(CallId::from_uuid(self.inner.ports.ids.next()), request).await
    }

    /// The same under an id that was promised before. Whoever promises an id uses it once: there is no second
    /// call of an id, but two tasks would fight for it.
    ///
    /// # Errors
    /// As [`Engine::place`].
    pub async fn place_as(&self, id: CallId, request: PlaceRequest) -> Result<Placed, EngineError> {
        let house = &self.inner;
        if house.stopping.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        house.keep_pace(&request.tenant)?;
        let number = house.ports.numbers.load(&request.tenant, &request.number).await?;
        let number = number.ok_or(EngineError::UnknownNumber)?;
        house.holds_token(&number).await?;
        house.admit(&number, &request.to)?;
        let new = NewOutbound {
            id,
            number: number.clone(),
            contact: house.sighted(&request.tenant, &request.to.party()).await,
            to: request.to,
            offer: request.offer,
            agent: request.agent,
            connect: request.connect,
            record: request.record,
            correlation: request.correlation,
            conversation_id: request.conversation_id,
            metadata: request.metadata,
            extras: request.extras,
        };
        let call = Call::place(new, house.ports.clock.now()).with_manners(house.manners.clone());
        let (begun, began) = oneshot::channel();
        let (told, settled) = oneshot::channel();
        metrics::counter!("offhook_outbound_calls_total").increment(1);
        house.spawn(call, number, None, Birth { begun: Some(begun), settled: Some(told), knock: None });
        let record = began.await.unwrap_or_else(|_| Err(house.dropped()))?;
        Ok(Placed { record, settled })
    }

    /// Gives a command to a call. Returns the record once the command is durable.
    ///
    /// # Errors
    /// The call's refusal, [`EngineError::UnknownCall`], or the store's fault.
    pub async fn command(
        &self,
        tenant: &TenantId,
        id: &CallId,
        command: Command,
    ) -> Result<Arc<CallRecord>, EngineError> {
        let known = self.load(tenant, id).await?;
        if known.is_none() {
            return Err(EngineError::UnknownCall);
        }
        let (answer, answered) = oneshot::channel();
        self.inner.tell(id, Message::Command { command, answer }).await?;
        answered.await.unwrap_or_else(|_| Err(self.inner.dropped()))
    }

    /// The call as last committed.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn load(&self, tenant: &TenantId, id: &CallId) -> Result<Option<Arc<CallRecord>>, StoreFault> {
        if let Some(record) = self.inner.registry.record(id) {
            return Ok((record.tenant == *tenant).then_some(record));
        }
        Ok(self.inner.ports.calls.load(tenant, id).await?.map(Arc::new))
    }

    /// Everything committed for the tenant after the returned place in its log.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn subscribe(
        &self,
        tenant: &TenantId,
    ) -> Result<(broadcast::Receiver<Announced>, u64), StoreFault> {
        self.inner.publisher.subscribe(tenant).await
    }

    /// Counts a connection of a person until the returned value is dropped.
    #[must_use]
    pub fn connected(&self, person: &Person) -> Connected {
        if self.inner.roll.arrive(person) {
            self.inner.agents_changed(&person.tenant);
        }
        Connected::new(self.clone(), person)
    }

    /// Remembers and tells what a person says about taking calls.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn set_presence(&self, person: &Person, presence: Presence) -> Result<(), StoreFault> {
        self.inner.ports.people.set_presence(&person.id, presence).await?;
        self.inner.roll.set(&person.id, presence);
        self.inner.agents_changed(&person.tenant);
        let event = Event::Presence { person: person.id.clone(), presence };
        self.inner.append(&person.tenant, event).await
    }

    /// How many calls have a task now.
    #[must_use]
    pub fn live_calls(&self) -> usize {
        self.inner.registry.len()
    }

    /// Calls ringing at a person.
    #[must_use]
    pub fn ringing(&self, tenant: &TenantId, person: &UserId) -> Vec<Arc<CallRecord>> {
        let live = self.inner.registry.live(tenant, |live| live.rung.contains(person));
        live.into_iter().map(|live| live.record).collect()
    }

    /// Live calls a person is in, as their owner or otherwise.
    #[must_use]
    pub fn owned(&self, tenant: &TenantId, person: &UserId) -> Vec<Arc<CallRecord>> {
        let mine = |record: &CallRecord| !record.state.is_over() && record.seats(person);
        let live = self.inner.registry.live(tenant, |live| mine(&live.record));
        live.into_iter().map(|live| live.record).collect()
    }

    /// What a person who is here last said; none for people without a connection.
    #[must_use]
    pub fn presence(&self, person: &UserId) -> Option<Presence> {
        self.inner.roll.presence(person)
    }

    pub(crate) fn disconnected(&self, person: &UserId, tenant: &TenantId) {
        if self.inner.roll.leave(person) {
            self.inner.agents_changed(tenant);
        }
    }
}

impl Inner {
    /// Why a call's task left without an answer.
    fn dropped(&self) -> EngineError {
        match self.stopping.is_cancelled() {
            true => EngineError::Stopping,
            false => EngineError::Store(StoreFault::Unavailable("the call was set aside".to_owned())),
        }
    }

    /// Starts a call's task.
    pub(crate) fn spawn(
        self: &Arc<Self>,
        call: Call,
        number: BusinessNumber,
        wacid: Option<Wacid>,
        birth: Birth,
    ) -> Handle {
        let (send, inbox) = mpsc::channel(MAILBOX);
        let (sound, news) = mpsc::channel(NEWS);
        let agents = Arc::new(Notify::new());
        let handle = Handle { send, sound, agents: agents.clone(), gone: CancellationToken::new() };
        let record = call.record();
        let wacid = wacid.or_else(|| record.facts.wacid.clone());
        self.registry.insert(record.id.clone(), handle.clone(), wacid);
        if birth.begun.is_none() && birth.knock.is_none() {
            self.registry.show(Arc::new(record.clone()), BTreeSet::new());
        }
        let house = self.clone();
        let actor = Actor { house, call, number, inbox, sound: news, agents, birth, in_hand: None };
        self.tasks.spawn(actor.run());
        handle
    }

    /// The call's task, woken from its record when it has none. None when there is no such call.
    pub(crate) async fn reach(self: &Arc<Self>, id: &CallId) -> Result<Option<Handle>, StoreFault> {
        if let Some(handle) = self.registry.handle(id) {
            return Ok(Some(handle));
        }
        let _waking = self.waking.lock().await;
        if let Some(handle) = self.registry.handle(id) {
            return Ok(Some(handle));
        }
        let Some(record) = self.ports.calls.find(id).await? else { return Ok(None) };
        self.wake(record).await
    }

    async fn wake(self: &Arc<Self>, record: CallRecord) -> Result<Option<Handle>, StoreFault> {
        let Some(number) = self.ports.numbers.load(&record.tenant, &record.number).await? else {
            return Ok(None);
        };
        let call = Call::restore(record, self.ports.clock.now()).with_manners(self.manners.clone());
        Ok(Some(self.spawn(call, number, None, Birth::default())))
    }

    async fn wake_live(self: &Arc<Self>) -> Result<(), StoreFault> {
        let _waking = self.waking.lock().await;
        for record in self.ports.calls.live().await? {
            if self.registry.handle(&record.id).is_some() {
                continue;
            }
            // Its task may have written on and left since the list was read.
            let newest = self.ports.calls.find(&record.id).await?;
            if let Some(record) = newest.filter(|record| !record.state.is_over()) {
                tracing::info!(call.id = %record.id, call.state = record.state.as_str(), "call picked up");
                self.wake(record).await?;
            }
        }
        Ok(())
    }

    /// Wakes live calls that lost their task.
    pub(crate) async fn recover(self: &Arc<Self>) {
        if let Err(fault) = self.wake_live().await {
            tracing::error!(error = %fault, "live calls cannot be read");
        }
        if let Err(fault) = self.publisher.catch_up_all().await {
            tracing::warn!(error = %fault, "announcements wait for the log");
        }
    }

    /// Announces what was committed without being announced.
    pub(crate) fn catch_up_later(self: &Arc<Self>, tenant: &TenantId) {
        let (house, tenant) = (self.clone(), tenant.clone());
        self.tasks.spawn(async move {
            if let Err(fault) = house.publisher.catch_up(&tenant).await {
                tracing::warn!(error = %fault, "announcements wait for the log");
            }
        });
    }

    /// People who can be rung: here, available, and not in a call.
    pub(crate) fn available(&self, tenant: &TenantId) -> BTreeSet<UserId> {
        let mut available = self.roll.available(tenant);
        for live in self.registry.live(tenant, |live| live.record.state.holds_owner()) {
            for agent in live.record.people() {
                available.remove(agent);
            }
        }
        available
    }

    /// Tells every unanswered inbound call of the tenant who can be rung now.
    pub(crate) fn agents_changed(&self, tenant: &TenantId) {
        for handle in self.registry.hunting(tenant) {
            handle.agents.notify_one();
        }
    }

    /// Appends an event that belongs to no call's commit, and announces it.
    pub(crate) async fn append(&self, tenant: &TenantId, event: Event) -> Result<(), StoreFault> {
        let logged = self.ports.events.append(tenant, self.ports.clock.now(), &[event]).await?;
        self.tell_all(tenant, logged).await;
        Ok(())
    }

    /// Announces what was written apart from a call's commit.
    pub(crate) async fn tell_all(&self, tenant: &TenantId, logged: Vec<Logged>) {
        let announced = logged.into_iter().map(|logged| Announced { logged, record: None }).collect();
        if self.publisher.announce(tenant, announced)
            && let Err(fault) = self.publisher.fill(tenant).await
        {
            // What is in the log is announced by the next look at it.
            tracing::warn!(error = %fault, "announcements wait for the log");
        }
    }

    /// Fills a gap in the announcements after a while, unless it closes by itself.
    pub(crate) fn fill_later(self: &Arc<Self>, tenant: &TenantId, after: Duration) {
        let (house, tenant) = (self.clone(), tenant.clone());
        self.tasks.spawn(async move {
            tokio::time::sleep(after).await;
            if let Err(fault) = house.publisher.fill(&tenant).await {
                tracing::warn!(error = %fault, "announcements wait for the log");
            }
        });
    }

    /// The runtime's instant of a time of ours.
    pub(crate) fn instant(&self, until: Time) -> Instant {
        Instant::now() + until.since(self.ports.clock.now())
    }
}
