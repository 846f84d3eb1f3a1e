//! A house with two tenants, its doors, and clients for them.

mod archive;
mod bots;
mod client;
mod directory;
mod ice;
mod meta;
mod office;
mod sdp;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use offhook_api::{
    DoorConfig, DoorPorts, Doors, HookPorts, Rates, Sockets, VobizManners, Wardrobe, WardrobePorts, router,
};
use offhook_core::call::record::Facts;
use offhook_core::call::{CallRecord, Commit, EndReason, Manners, SoundNews, State};
use offhook_core::contact;
use offhook_core::dialling::DialPolicy;
use offhook_core::house::{ApiKey, BusinessNumber, KeyMode, MediaMode, Person, Presence, Role};
use offhook_core::id::{CallId, KeyId, MetaNumberId, NumberId, TenantId, UserId};
use offhook_core::meta::{Direction, Party, Terminate};
use offhook_core::phone::Phone;
use offhook_core::ports::fake::{
    FakeAsker, FakeAudit, FakeCarrier, FakeClaims, FakeClock, FakeIds, FakeRecordings, FakeSound, Memory,
};
use offhook_core::ports::{Calls, Clock, Keys, NewKey, Sessions, Ticket};
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use offhook_engine::{Delivering, Engine, Ports};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

pub(crate) use archive::recorded;
pub(crate) use client::{Agent, connect_raw, refused_upgrade};
pub(crate) use directory::{Directory, PASSWORD};
pub(crate) use ice::Ice;
pub(crate) use meta::{APP_SECRET, VERIFY_TOKEN, signed};
pub(crate) use office::{Office, SANDBOX_META_ID, Side};
pub(crate) use sdp::{ANSWER, META_ANSWER, META_OFFER, OFFER, OTHER_ANSWER};

/// Longest wait for something that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const META_ID: &str = "106540352242922";
pub(crate) const USER: &str = "+447700900123";

pub(crate) fn tenant(n: u8) -> TenantId {
    TenantId::parse(&format!("ten_{n:032x}")).unwrap()
}

pub(crate) fn user(n: u8) -> UserId {
    UserId::parse(&format!("usr_{n:032x}")).unwrap()
}

pub(crate) fn number(n: u8, tenant: TenantId, meta_id: &str, phone: &str) -> BusinessNumber {
    BusinessNumber {
        id: NumberId::parse(&format!("num_{n:032x}")).unwrap(),
        tenant,
        meta_id: MetaNumberId::parse(meta_id).unwrap(),
        waba_id: format!("10229012934039{n}"),
        phone: Phone::parse(phone).unwrap(),
        media_mode: MediaMode::Relay,
        calling: offhook_core::house::Calling::default(),
        sandbox: false,
        has_bot: false,
    }
}

/// Ann and Bob are agents, Vera a viewer, Olga the owner; Eve is an agent of the other tenant.
pub(crate) fn people() -> Vec<Person> {
    let person = |n: u8, house: u8, name: &str, role: Role| Person {
        id: user(n),
        tenant: tenant(house),
        email: format!("{}@example.com", name.to_lowercase()),
        name: name.to_owned(),
        role,
        presence: Presence::Available,
    };
    vec![
        person(1, 1, "Ann", Role::Agent),
        person(2, 1, "Bob", Role::Agent),
        person(3, 1, "Vera", Role::Viewer),
        person(4, 1, "Olga", Role::Owner),
        person(5, 2, "Eve", Role::Agent),
    ]
}

/// A finished inbound call of the first company, so many seconds after nine o'clock.
pub(crate) fn finished(n: u8, state: State, reason: EndReason) -> CallRecord {
    let at = Time::from_secs(1_793_610_000 + i64::from(n));
    let end = Terminate { at, started_at: None, ended_at: Some(at), duration_secs: None, error: None };
    CallRecord {
        id: CallId::parse(&format!("wac_{n:032x}")).unwrap(),
        tenant: tenant(1),
        number: NumberId::parse(&format!("num_{:032x}", 1)).unwrap(),
        direction: Direction::Inbound,
        media_mode: MediaMode::Relay,
        correlation: None,
        conversation_id: None,
        version: 1,
        created_at: at,
        updated_at: at,
        state,
        end_reason: state.is_over().then_some(reason),
        agent: None,
        facts: Facts {
            party: Party { phone: Some(Phone::parse(USER).unwrap()), ..Party::default() },
            terminate: state.is_over().then_some(end),
            ..Facts::default()
        },
    }
}

pub(crate) struct Rig {
    pub(crate) memory: Arc<Memory>,
    pub(crate) directory: Arc<Directory>,
    pub(crate) asker: Arc<FakeAsker>,
    pub(crate) sound: Arc<FakeSound>,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) carrier: Arc<FakeCarrier>,
    pub(crate) recordings: Arc<FakeRecordings>,
    pub(crate) claims: Arc<FakeClaims>,
    pub(crate) audit: Arc<FakeAudit>,
    pub(crate) ice: Arc<Ice>,
    pub(crate) engine: Engine,
    pub(crate) router: Router,
    pub(crate) sockets: Sockets,
    tasks: TaskTracker,
}

/// An answer of a door.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or("none").to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Rig {
    pub(crate) async fn new() -> Self {
        Self::configured(|_| {}).await
    }

    pub(crate) async fn configured(change: impl FnOnce(&mut DoorConfig)) -> Self {
        Self::built(MediaMode::Relay, change).await
    }

    /// A house that carries the sound of its calls, and where the plane tells its news.
    pub(crate) async fn bridged() -> (Self, mpsc::Sender<(CallId, SoundNews)>) {
        let rig = Self::built(MediaMode::Bridge, |_| {}).await;
        let (tell, news) = mpsc::channel(64);
        rig.engine.carry(news);
        (rig, tell)
    }

    /// A house with choices of its own about whom it calls.
    pub(crate) async fn of_policy(policy: DialPolicy) -> Self {
        Self::dialling(MediaMode::Relay, policy, |_| {}).await
    }

    async fn built(media_mode: MediaMode, change: impl FnOnce(&mut DoorConfig)) -> Self {
        // Tests of other limits meet those.
        let policy = DialPolicy { per_window: 10_000, ..DialPolicy::default() };
        Self::dialling(media_mode, policy, change).await
    }

    async fn dialling(
        media_mode: MediaMode,
        policy: DialPolicy,
        change: impl FnOnce(&mut DoorConfig),
    ) -> Self {
        let memory = Arc::new(Memory::default());
        let first = number(1, tenant(1), META_ID, "+15550100200");
        memory.with_number(BusinessNumber { media_mode, ..first });
        memory.with_number(number(2, tenant(2), "206540352242922", "+15550100300"));
        people().into_iter().for_each(|person| memory.with_person(person));
        let dana = contact::Facts {
            phone: Phone::parse(USER).ok(),
            profile_name: Some("Dana Reyes".to_owned()),
            ..contact::Facts::default()
        };
        memory.with_contact(&tenant(1), dana);
        let clock = Arc::new(FakeClock::at(Time::from_secs(1_793_610_900)));
        let directory = Arc::new(Directory::new(memory.clone()));
        let ice = Arc::new(Ice::default());
        let recordings = Arc::new(FakeRecordings::default());
        let claims = Arc::new(FakeClaims::default());
        let asker = Arc::new(FakeAsker::default());
        let sound = Arc::new(FakeSound::default());
        let ids = Arc::new(FakeIds::default());
        let audit = Arc::new(FakeAudit::default());
        let ports = Ports {
            calls: memory.clone(),
            events: memory.clone(),
            inbox: memory.clone(),
            contacts: memory.clone(),
            imports: memory.clone(),
            numbers: memory.clone(),
            people: directory.clone(),
            permissions: memory.clone(),
            asker: asker.clone(),
            sound: sound.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let mut config = DoorConfig {
            public_url: None,
            allowed_origins: vec![],
            app_secrets: vec![APP_SECRET.into()],
            verify_token: Some(VERIFY_TOKEN.into()),
            cookie_secure: false,
            trusted_proxies: vec![],
            sandbox: false,
            cursor_secret: [7; 32],
            // Tests ask faster than anybody who is served.
            rates: Rates { key_per_second: 10_000, key_burst: 10_000, tenant_per_second: 10_000 },
            prices: Arc::default(),
            vobiz: VobizManners::default(),
        };
        change(&mut config);
        let manners =
            Manners { rates: config.prices.clone(), dialling: Arc::new(policy), ..Manners::default() };
        let engine = Engine::start(ports, manners).await.unwrap();
        let carrier = Arc::new(FakeCarrier::default());
        let wardrobe = Arc::new(Wardrobe::new(WardrobePorts {
            tenants: directory.clone(),
            numbers: memory.clone(),
            people: directory.clone(),
            calls: memory.clone(),
            inbox: memory.clone(),
        }));
        let hooks = HookPorts {
            hooks: memory.clone(),
            deliveries: memory.clone(),
            carrier: carrier.clone(),
            wardrobe: wardrobe.clone(),
        };
        let with = Delivering {
            hooks: memory.clone(),
            deliveries: memory.clone(),
            carrier: carrier.clone(),
            dresser: wardrobe,
        };
        engine.deliver(with).await.unwrap();
        let ports = DoorPorts {
            tenants: directory.clone(),
            contacts: memory.clone(),
            groups: memory.clone(),
            numbers: memory.clone(),
            people: directory.clone(),
            keys: directory.clone(),
            sessions: directory.clone(),
            calls: memory.clone(),
            figures: memory.clone(),
            claims: claims.clone(),
            audit: audit.clone(),
            call_pages: memory.clone(),
            channels: memory.clone(),
            events: memory.clone(),
            clock: clock.clone(),
            ids,
            recordings: recordings.clone(),
            archive: Arc::new(archive::Shelf::of(recordings.clone())),
            bots: Arc::new(bots::Kennel),
            hooks: hooks.clone(),
            ice_servers: ice.clone(),
        };
        let (router, sockets) = router(Doors { engine: engine.clone(), ports, config });
        Self {
            memory,
            directory,
            asker,
            sound,
            clock,
            carrier,
            recordings,
            claims,
            audit,
            ice,
            engine,
            router,
            sockets,
            tasks: TaskTracker::new(),
        }
    }

    /// Serves the doors on a free port of loopback.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        self.tasks.spawn(async move { axum::serve(listener, service).await });
        address
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        send(&self.router, request).await
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Answered {
        let request = Request::get(path).header("x-api-key", key);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> Answered {
        let request = Request::post(path).header("x-api-key", key).header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// A request with a key and, unless it is null, a body.
    pub(crate) async fn call(&self, method: &str, path: &str, key: &str, body: &Value) -> Answered {
        let request = Request::builder().method(method).uri(path).header("x-api-key", key);
        match body {
            Value::Null => self.send(request.body(Body::empty()).unwrap()).await,
            body => {
                let request = request.header("content-type", "application/json");
                self.send(request.body(Body::from(body.to_string())).unwrap()).await
            }
        }
    }

    /// A request with a session cookie, as our page sends it.
    pub(crate) async fn page(&self, method: Method, path: &str, cookie: &str, body: &Value) -> Answered {
        let request = Request::builder().method(method).uri(path);
        let request = request.header("cookie", cookie).header("x-requested-with", "offhook");
        let request = request.header("host", "127.0.0.1:8080").header("origin", "http://127.0.0.1:8080");
        let request = request.header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_string())).unwrap()).await
    }

    /// Signs a person in and returns the cookie.
    pub(crate) async fn sign_in(&self, email: &str) -> String {
        let body = serde_json::json!({ "email": email, "password": PASSWORD });
        let answer = self.page(Method::POST, "/api/v1/auth/login", "", &body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    pub(crate) async fn key(&self, role: Role, scopes: &[&str]) -> String {
        self.key_of(tenant(1), role, scopes, KeyMode::Live).await
    }

    pub(crate) async fn key_of(
        &self,
        tenant: TenantId,
        role: Role,
        scopes: &[&str],
        mode: KeyMode,
    ) -> String {
        let id = KeyId::from_uuid(uuid::Uuid::from_u128(self.directory.count()));
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let key = ApiKey { scopes, mode, ..ApiKey::new(id, tenant, role) };
        self.directory.mint(NewKey::of(key, self.clock.now())).await.unwrap().text
    }

    /// A key for the first tenant's number alone, as 360dialog's clients have.
    pub(crate) async fn number_key(&self, role: Role, mode: KeyMode) -> String {
        let number = number(1, tenant(1), META_ID, "+15550100200").id;
        self.key_for(number, tenant(1), role, &["*"], mode).await
    }

    /// A key for one number.
    pub(crate) async fn key_for(
        &self,
        number: NumberId,
        tenant: TenantId,
        role: Role,
        scopes: &[&str],
        mode: KeyMode,
    ) -> String {
        let id = KeyId::from_uuid(uuid::Uuid::from_u128(self.directory.count()));
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let key = ApiKey { mode, scopes, number: Some(number), ..ApiKey::new(id, tenant, role) };
        self.directory.mint(NewKey::of(key, self.clock.now())).await.unwrap().text
    }

    /// A request with headers of the sender's own, JSON when there is a body.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let content = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        self.send(request.body(content).unwrap()).await
    }

    /// The number of somebody who was never heard of.
    pub(crate) fn stranger(&self) -> Phone {
        Phone::parse(&format!("+4477{:08}", self.directory.count())).unwrap()
    }

    pub(crate) async fn ticket(&self, n: u8) -> String {
        let person = people().into_iter().find(|person| person.id == user(n)).unwrap();
        let until = self.clock.now() + Duration::from_secs(60);
        self.directory.issue_ticket(&Ticket { person, until, by: None }).await.unwrap()
    }

    /// A connected agent, welcomed.
    pub(crate) async fn agent(&self, address: SocketAddr, n: u8) -> Agent {
        Agent::connect(address, &self.ticket(n).await, None).await
    }

    /// What Meta sends, signed.
    pub(crate) async fn knock(&self, value: &Value) -> Answered {
        self.knock_at("calls", value).await
    }

    /// The same of another field.
    pub(crate) async fn knock_at(&self, field: &str, value: &Value) -> Answered {
        self.send(signed(&meta::envelope(field, value))).await
    }

    /// A user calls.
    pub(crate) async fn rings(&self, wacid: &str) {
        self.rings_at(META_ID, wacid).await;
    }

    pub(crate) async fn rings_at(&self, meta_id: &str, wacid: &str) {
        let value = meta::connect(meta_id, wacid, "USER_INITIATED", META_OFFER, self.clock.now());
        assert_eq!(self.knock(&value).await.status, StatusCode::OK);
    }

    /// Meta answers our offer.
    pub(crate) async fn remote_answer(&self, wacid: &str) {
        let value = meta::connect(META_ID, wacid, "BUSINESS_INITIATED", META_ANSWER, self.clock.now());
        assert_eq!(self.knock(&value).await.status, StatusCode::OK);
    }

    /// `RINGING`, `ACCEPTED` or `REJECTED`.
    pub(crate) async fn status(&self, wacid: &str, word: &str) {
        assert_eq!(
            self.knock(&meta::status(META_ID, wacid, word, self.clock.now())).await.status,
            StatusCode::OK
        );
    }

    /// The call is over; after a conversation of so many seconds, if there was one.
    pub(crate) async fn terminates(&self, wacid: &str, direction: &str, talked: Option<u32>) {
        let value = meta::terminate(META_ID, wacid, direction, talked, self.clock.now());
        assert_eq!(self.knock(&value).await.status, StatusCode::OK);
    }

    /// A user calls, and the agent, who must be connected, talks with them over a bridge. The call as it was acked.
    pub(crate) async fn talks(&self, tell: &mpsc::Sender<(CallId, SoundNews)>, agent: &mut Agent) -> Value {
        self.rings("wacid.A").await;
        let ring = agent.event("call.incoming").await;
        assert_eq!((&ring["call"]["media"], &ring["sdp_offer"]), (&"bridge".into(), &Value::Null), "{ring}");
        let id = CallId::parse(ring["call"]["id"].as_str().unwrap()).unwrap();
        for news in [SoundNews::Described(Sdp::new(ANSWER)), SoundNews::PathUp] {
            tell.send((id.clone(), news)).await.unwrap();
        }
        eventually(|| self.asker.actions().contains(&"pre_accept").then_some(()), "a pre_accept").await;
        let ack = agent.accept(&ring["call"], OFFER).await;
        assert!(ack["sdp_answer"].is_string(), "{ack}");
        self.until(State::Connected).await;
        ack["call"].clone()
    }

    /// A call from before.
    pub(crate) async fn remember(&self, record: CallRecord) {
        self.memory.commit(&Commit { record, events: vec![] }).await.unwrap();
    }

    /// Waits until the newest call is in a state.
    pub(crate) async fn until(&self, state: State) -> CallRecord {
        let newest = || self.memory.calls().pop().filter(|call| call.state == state);
        eventually(newest, &format!("a call in state {state:?}")).await
    }
}

/// Sends a request through the doors, without a network.
pub(crate) async fn send(router: &Router, request: Request<Body>) -> Answered {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    // A stream has no end: that it began is all there is to tell.
    let streams = parts.headers.get("content-type").is_some_and(|it| it == "text/event-stream");
    let body = if streams { Body::empty() } else { body };
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    Answered { status: parts.status, headers: parts.headers, text }
}

/// Waits until something is there.
pub(crate) async fn eventually<T>(mut look: impl FnMut() -> Option<T>, what: &str) -> T {
    let search = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("there never was {what}"))
}
