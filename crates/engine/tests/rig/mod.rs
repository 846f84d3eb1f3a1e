//! An engine to try things on, and ways to wait for what happens.

mod unruly;

use std::sync::Arc;
use std::time::Duration;

use offhook_core::call::{CallRecord, Command, Manners, SoundAsk, SoundNews, State};
use offhook_core::contact;
use offhook_core::dialling::DialPolicy;
use offhook_core::event::Event;
use offhook_core::house::{BusinessNumber, MediaMode, Person, Presence, Role};
use offhook_core::id::{CallId, MetaNumberId, NumberId, TenantId, UserId, Wacid};
use offhook_core::meta::{Direction, MetaEvent, MetaEventKind, Party, Terminate};
use offhook_core::phone::Phone;
use offhook_core::ports::fake::{FakeAsker, FakeIds, FakeSound, Memory};
use offhook_core::ports::{Clock, Inbox, Knock, News, People};
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use offhook_engine::{Connected, Engine, EngineError, PlaceRequest, Placed, Ports};
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) use unruly::{Unruly, Whim};

pub(crate) const START: i64 = 1_790_963_000;

/// The runtime's paused clock as the house's.
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Time {
        Time::from_secs(START) + self.0.elapsed()
    }
}

pub(crate) struct Rig {
    engine: Option<Engine>,
    ports: Ports,
    pub(crate) memory: Arc<Memory>,
    pub(crate) asker: Arc<FakeAsker>,
    pub(crate) sound: Arc<FakeSound>,
    pub(crate) tenant: TenantId,
    number: BusinessNumber,
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::with(|_, _, _| {}).await
    }

    /// A rig whose ports do as told.
    pub(crate) async fn unruly() -> (Self, Arc<Unruly>) {
        let mut made = None;
        let rig = Self::with(|ports, memory, asker| {
            let unruly = Arc::new(Unruly::over(memory.clone(), asker.clone()));
            ports.calls = unruly.clone();
            ports.events = unruly.clone();
            ports.asker = unruly.clone();
            made = Some(unruly);
        })
        .await;
        (rig, made.unwrap())
    }

    /// A house with choices of its own about whom it calls.
    pub(crate) async fn of_policy(policy: DialPolicy) -> Self {
        let manners = Manners { dialling: Arc::new(policy), ..Manners::default() };
        Self::of(manners, |_, _, _| {}).await
    }

    async fn with(change: impl FnOnce(&mut Ports, &Arc<Memory>, &Arc<FakeAsker>)) -> Self {
        Self::of(Manners::default(), change).await
    }

    async fn of(manners: Manners, change: impl FnOnce(&mut Ports, &Arc<Memory>, &Arc<FakeAsker>)) -> Self {
        let memory = Arc::new(Memory::default());
        let asker = Arc::new(FakeAsker::default());
        let sound = Arc::new(FakeSound::default());
        let mut ports = Ports {
            calls: memory.clone(),
            events: memory.clone(),
            inbox: memory.clone(),
            contacts: memory.clone(),
            imports: memory.clone(),
            numbers: memory.clone(),
            people: memory.clone(),
            permissions: memory.clone(),
            asker: asker.clone(),
            sound: sound.clone(),
            clock: Arc::new(PausedClock(Instant::now())),
            ids: Arc::new(FakeIds::default()),
        };
        change(&mut ports, &memory, &asker);
        let number = number();
        memory.with_number(number.clone());
        let caller = contact::Facts { phone: Phone::parse("447700900123").ok(), ..contact::Facts::default() };
        memory.with_contact(&number.tenant, caller);
        let engine = Some(Engine::start(ports.clone(), manners).await.unwrap());
        Self { engine, ports, memory, asker, sound, tenant: number.tenant.clone(), number }
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// The engine goes and another begins on the same memory.
    pub(crate) async fn restart(&mut self) {
        self.engine().stop().await;
        self.engine = Some(Engine::start(self.ports.clone(), Manners::default()).await.unwrap());
    }

    /// As `unruly`, in a house that carries the sound of its calls. Besides, where the plane tells its news.
    pub(crate) async fn bridged() -> (Self, Arc<Unruly>, mpsc::Sender<(CallId, SoundNews)>) {
        let mut made = None;
        let rig = Self::with(|ports, memory, asker| {
            memory.with_number(BusinessNumber { media_mode: MediaMode::Bridge, ..number() });
            let unruly = Arc::new(Unruly::over(memory.clone(), asker.clone()));
            ports.calls = unruly.clone();
            made = Some(unruly);
        })
        .await;
        let (tell, news) = mpsc::channel(4_096);
        rig.engine().carry(news);
        (rig, made.unwrap(), tell)
    }

    /// A bridged conversation of alice's, who must be here.
    pub(crate) async fn talks(&self, tell: &mpsc::Sender<(CallId, SoundNews)>) -> CallRecord {
        self.webhook(connect("A", Direction::Inbound)).await;
        let call = self.until(State::Ringing).await;
        for news in [SoundNews::Described(answer()), SoundNews::PathUp] {
            tell.send((call.id.clone(), news)).await.unwrap();
        }
        self.asked("pre_accept").await;
        self.command(&call, Command::Take { agent: person("alice").id }).await.unwrap();
        self.until(State::Connected).await
    }

    /// Waits until the plane was asked for it so many times.
    pub(crate) async fn sounded(&self, wanted: impl Fn(&SoundAsk) -> bool, times: usize) {
        self.wait(|rig| {
            let asked = rig.sound.asked().iter().filter(|(_, ask)| wanted(ask)).count();
            (asked >= times).then_some(())
        })
        .await;
    }

    pub(crate) async fn arrives(&self, name: &str, presence: Presence) -> Connected {
        self.memory.with_person(Person { presence, ..person(name) });
        self.engine().connected(&self.stored(name).await)
    }

    pub(crate) async fn stored(&self, name: &str) -> Person {
        self.memory.load(&self.tenant, &person(name).id).await.unwrap().unwrap()
    }

    pub(crate) async fn webhook(&self, event: MetaEvent) {
        self.engine().take_in(&[self.knock(event)]).await.unwrap();
    }

    /// Several that come at once.
    pub(crate) async fn webhooks(&self, events: impl IntoIterator<Item = MetaEvent>) {
        let knocks: Vec<Knock> = events.into_iter().map(|event| self.knock(event)).collect();
        self.engine().take_in(&knocks).await.unwrap();
    }

    /// As `webhook`, but with nobody to deal with it.
    pub(crate) async fn store_webhook(&self, event: MetaEvent) {
        self.memory.take_in(&[self.knock(event)]).await.unwrap();
    }

    /// News of another kind than a call's.
    pub(crate) async fn news(&self, news: News) {
        let (key, received_at) = (format!("{news:?}"), self.now());
        self.engine().take_in(&[Knock { key, received_at, raw: "{}".to_owned(), news }]).await.unwrap();
    }

    pub(crate) fn now(&self) -> Time {
        self.ports.clock.now()
    }

    fn knock(&self, event: MetaEvent) -> Knock {
        let key = format!("{event:?}{:?}", event.wacid.as_str());
        Knock { key, received_at: self.ports.clock.now(), raw: "{}".to_owned(), news: News::Call(event) }
    }

    pub(crate) async fn place(&self) -> Result<Placed, EngineError> {
        let request = PlaceRequest {
            tenant: self.tenant.clone(),
            number: self.number.id.clone(),
            to: Phone::parse("+447700900123").unwrap().into(),
            offer: Some(Sdp::new("v=0 ours")),
            agent: None,
            connect: None,
            record: false,
            correlation: None,
            conversation_id: None,
            metadata: None,
            extras: offhook_core::meta::Extras::default(),
        };
        self.engine().place(request).await
    }

    pub(crate) async fn command(
        &self,
        call: &CallRecord,
        command: Command,
    ) -> Result<Arc<CallRecord>, EngineError> {
        self.engine().command(&self.tenant, &call.id, command).await
    }

    /// Until when something is there, for hooks whose waits are days.
    pub(crate) async fn within<T>(&self, wait: Duration, look: impl Fn(&Self) -> Option<T>) -> T {
        let until = Instant::now() + wait;
        let mut ticks = tokio::time::interval((wait / 100).min(Duration::from_secs(10)));
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(Instant::now() < until, "waited in vain");
            ticks.tick().await;
        }
    }

    /// Waits until the newest call is in a state.
    pub(crate) async fn until(&self, state: State) -> CallRecord {
        self.wait(|rig| {
            let newest = rig.memory.calls().into_iter().max_by_key(|call| call.created_at);
            newest.filter(|call| call.state == state)
        })
        .await
    }

    /// Waits until the oldest call is in a state.
    pub(crate) async fn until_first(&self, state: State) -> CallRecord {
        self.wait(|rig| rig.memory.calls().into_iter().next().filter(|call| call.state == state)).await
    }

    pub(crate) async fn until_answer_known(&self) {
        self.wait(|rig| rig.memory.calls().first().and_then(|call| call.facts.answer.clone())).await;
    }

    /// Waits until Meta has been asked for it.
    pub(crate) async fn asked(&self, action: &str) {
        self.wait(|rig| rig.asker.actions().contains(&action).then_some(())).await;
    }

    /// Waits until no call has a task.
    pub(crate) async fn until_idle(&self) {
        self.wait(|rig| (rig.engine().live_calls() == 0).then_some(())).await;
    }

    /// Waits until an agent rings for the call in the running engine.
    pub(crate) async fn until_handle(&self, call: &CallRecord) {
        self.wait(|rig| {
            let ringing = rig.engine().ringing(&rig.tenant, &person("alice").id);
            ringing.into_iter().find(|ringing| ringing.id == call.id)
        })
        .await;
    }

    /// Waits until the log holds so many such events.
    pub(crate) async fn saw(&self, wanted: impl Fn(&Event) -> bool, times: usize) {
        self.wait(|rig| {
            let seen = rig.memory.log(&rig.tenant).iter().filter(|logged| wanted(&logged.event)).count();
            (seen >= times).then_some(())
        })
        .await;
    }

    /// Looks again after every millisecond of virtual time, for two virtual minutes.
    pub(crate) async fn wait<T>(&self, look: impl Fn(&Self) -> Option<T>) -> T {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        for _ in 0..120_000 {
            if let Some(found) = look(self) {
                return found;
            }
            ticks.tick().await;
        }
        panic!("waited in vain; calls: {:?}", self.memory.calls());
    }
}

pub(crate) fn person(name: &str) -> Person {
    let hash = name.bytes().fold(7u128, |hash, byte| hash * 257 + u128::from(byte));
    Person {
        id: UserId::from_uuid(Uuid::from_u128(hash)),
        tenant: number().tenant,
        email: format!("{name}@example.test"),
        name: name.to_owned(),
        role: Role::Agent,
        presence: Presence::Away,
    }
}

pub(crate) fn number() -> BusinessNumber {
    BusinessNumber {
        id: NumberId::from_uuid(Uuid::from_u128(1)),
        tenant: TenantId::from_uuid(Uuid::from_u128(2)),
        meta_id: MetaNumberId::parse("106540352242922").unwrap(),
        waba_id: "102290129340398".to_owned(),
        phone: Phone::parse("+15550100200").unwrap(),
        media_mode: MediaMode::Relay,
        calling: offhook_core::house::Calling::default(),
        sandbox: false,
        has_bot: false,
    }
}

pub(crate) fn answer() -> Sdp {
    Sdp::new("v=0 ours")
}

pub(crate) fn webhook(id: &str, direction: Direction, kind: MetaEventKind) -> MetaEvent {
    MetaEvent {
        wacid: Wacid::new(format!("wacid.{id}==")).unwrap(),
        number: number().meta_id,
        at: Time::from_secs(START),
        direction: Some(direction),
        opaque: None,
        party: Party { phone: Phone::parse("447700900123").ok(), ..Party::default() },
        kind,
    }
}

pub(crate) fn connect(id: &str, direction: Direction) -> MetaEvent {
    webhook(id, direction, MetaEventKind::Connect { sdp: Some(Sdp::new("v=0 theirs")) })
}

pub(crate) fn terminate(id: &str, direction: Direction, talked: Option<u32>) -> MetaEvent {
    let at = Time::from_secs(START);
    let started_at = talked.map(|secs| at - Duration::from_secs(u64::from(secs)));
    let end = Terminate { at, started_at, ended_at: talked.map(|_| at), duration_secs: talked, error: None };
    webhook(id, direction, MetaEventKind::Terminate(end))
}
