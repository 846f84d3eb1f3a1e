//! A house on a real store: what is managed over REST is managed for good.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use offhook_api::{DoorConfig, DoorPorts, Doors, HookPorts, Rates, Wardrobe, WardrobePorts, router};
use offhook_core::audit::{AuditPage, Entry, Verdict};
use offhook_core::house::{ApiKey, BusinessNumber, KeyMode, MediaMode, Person, Role};
use offhook_core::id::{KeyId, MetaNumberId, NumberId, TenantId, UserId};
use offhook_core::phone::Phone;
use offhook_core::ports::fake::{FakeAsker, FakeCarrier, FakeClock, FakeIds, FakeRecordings, FakeSound};
use offhook_core::ports::{
    Audit, Clock, Ids, Keys, NewKey, NewNumber, NewPerson, NewTenant, Numbers, People, Sessions, Tenants,
};
use offhook_core::time::Time;
use offhook_engine::{Engine, Ports};
use offhook_store::{MasterKey, Store};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::task::TaskTracker;

use super::{Agent, Answered, Ice, META_ID, PASSWORD, archive, bots, send, tenant};

pub(crate) const SANDBOX_META_ID: &str = "306540352242922";

/// Whoever asks, and from where.
#[derive(Clone)]
pub(crate) enum Side {
    /// A program with a key.
    Key(String),
    /// A page with a session.
    Page(String),
}

pub(crate) struct Office {
    pub(crate) store: Store,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) router: Router,
    pub(crate) live: BusinessNumber,
    _engine: Engine,
    ids: Arc<FakeIds>,
    tasks: TaskTracker,
    _folder: TempDir,
}

impl Office {
    pub(crate) async fn new() -> Self {
        Self::configured(|_| {}).await
    }

    /// Two tenants; the first has an owner, `owner@example.com`, and a live and a sandbox number.
    pub(crate) async fn configured(change: impl FnOnce(&mut DoorConfig)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("office.db").display());
        let store = Store::open(&url, MasterKey::from_bytes([7; 32])).await.unwrap();
        let clock = Arc::new(FakeClock::at(Time::from_secs(1_793_610_900)));
        let ids = Arc::new(FakeIds::default());
        for n in [1, 2] {
            let new = NewTenant { id: tenant(n), name: format!("Company {n}"), at: clock.now() };
            Tenants::add(&store, new).await.unwrap();
        }
        let live = number(&store, &ids, META_ID, false).await;
        number(&store, &ids, SANDBOX_META_ID, true).await;
        let shared = Arc::new(store.clone());
        let recordings = Arc::new(FakeRecordings::default());
        let ports = Ports {
            calls: shared.clone(),
            events: shared.clone(),
            inbox: shared.clone(),
            contacts: shared.clone(),
            imports: shared.clone(),
            numbers: shared.clone(),
            people: shared.clone(),
            permissions: shared.clone(),
            asker: Arc::new(FakeAsker::default()),
            sound: Arc::new(FakeSound::default()),
            clock: clock.clone(),
            ids: ids.clone(),
        };
        let engine = Engine::start(ports, offhook_core::call::Manners::default()).await.unwrap();
        let ports = DoorPorts {
            claims: shared.clone(),
            figures: shared.clone(),
            call_pages: shared.clone(),
            channels: shared.clone(),
            tenants: shared.clone(),
            contacts: shared.clone(),
            groups: shared.clone(),
            numbers: shared.clone(),
            people: shared.clone(),
            keys: shared.clone(),
            sessions: shared.clone(),
            calls: shared.clone(),
            events: shared.clone(),
            clock: clock.clone(),
            ids: ids.clone(),
            recordings: recordings.clone(),
            archive: Arc::new(archive::Shelf::of(recordings)),
            bots: Arc::new(bots::Kennel),
            audit: shared.clone(),
            hooks: HookPorts {
                hooks: shared.clone(),
                deliveries: shared.clone(),
                carrier: Arc::new(FakeCarrier::default()),
                wardrobe: Arc::new(Wardrobe::new(WardrobePorts {
                    tenants: shared.clone(),
                    numbers: shared.clone(),
                    people: shared.clone(),
                    calls: shared.clone(),
                    inbox: shared,
                })),
            },
            ice_servers: Arc::new(Ice::default()),
        };
        let mut config = DoorConfig {
            // Tests ask faster than anybody who is served.
            rates: Rates { key_per_second: 10_000, key_burst: 10_000, tenant_per_second: 10_000 },
            prices: Arc::default(),
            vobiz: Default::default(),
            public_url: None,
            allowed_origins: vec![],
            app_secrets: vec![],
            verify_token: None,
            cookie_secure: false,
            trusted_proxies: vec![],
            sandbox: false,
            cursor_secret: [7; 32],
        };
        change(&mut config);
        let (router, _) = router(Doors { engine: engine.clone(), ports, config });
        let tasks = TaskTracker::new();
        let office = Self { store, clock, router, live, _engine: engine, ids, tasks, _folder: folder };
        office.person("owner@example.com", Role::Owner).await;
        office
    }

    /// Somebody of the first tenant.
    pub(crate) async fn person(&self, email: &str, role: Role) -> Person {
        self.person_of(tenant(1), email, role).await
    }

    pub(crate) async fn person_of(&self, tenant: TenantId, email: &str, role: Role) -> Person {
        let new = NewPerson {
            id: UserId::from_uuid(self.ids.next()),
            tenant,
            email: email.to_owned(),
            name: email.split('@').next().unwrap().to_owned(),
            role,
            password: PASSWORD.to_owned(),
            at: self.clock.now(),
            deed: None,
        };
        People::add(&self.store, new).await.unwrap()
    }

    /// Their session.
    pub(crate) async fn page(&self, email: &str) -> Side {
        self.page_with(email, PASSWORD).await.unwrap_or_else(|answer| panic!("{}", answer.text))
    }

    pub(crate) async fn page_with(&self, email: &str, password: &str) -> Result<Side, Answered> {
        let body = json!({ "email": email, "password": password });
        let answer = self.ask(&Side::Page(String::new()), "POST", "/api/v1/auth/login", Some(body)).await;
        match answer.status {
            StatusCode::OK => {
                let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
                Ok(Side::Page(cookie))
            }
            _ => Err(answer),
        }
    }

    /// A key of the first tenant, from nowhere.
    pub(crate) async fn key(&self, role: Role, scopes: &[&str]) -> Side {
        self.key_with(role, scopes, |_| {}).await
    }

    pub(crate) async fn test_key(&self, role: Role, scopes: &[&str]) -> Side {
        self.key_with(role, scopes, |key| key.mode = KeyMode::Test).await
    }

    pub(crate) async fn key_with(
        &self,
        role: Role,
        scopes: &[&str],
        change: impl FnOnce(&mut ApiKey),
    ) -> Side {
        let scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let id = KeyId::from_uuid(self.ids.next());
        let mut key = ApiKey { scopes, ..ApiKey::new(id, tenant(1), role) };
        change(&mut key);
        Side::Key(Keys::mint(&self.store, NewKey::of(key, self.clock.now())).await.unwrap().text)
    }

    pub(crate) async fn ask(&self, side: &Side, method: &str, path: &str, body: Option<Value>) -> Answered {
        self.ask_with(side, method, path, body, &[]).await
    }

    /// A request with further headers; `peer` is the address it comes from.
    pub(crate) async fn ask_with(
        &self,
        side: &Side,
        method: &str,
        path: &str,
        body: Option<Value>,
        headers: &[(&str, &str)],
    ) -> Answered {
        let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).unwrap()).uri(path);
        request = request.header("host", "127.0.0.1:8080");
        request = match side {
            Side::Key(key) => request.header("x-api-key", key),
            Side::Page(cookie) => request
                .header("cookie", cookie)
                .header("x-requested-with", "offhook")
                .header("origin", "http://127.0.0.1:8080"),
        };
        let mut peer: SocketAddr = "203.0.113.9:50000".parse().unwrap();
        for (name, value) in headers {
            match *name {
                "peer" => peer = SocketAddr::new(value.parse().unwrap(), 50000),
                _ => request = request.header(*name, *value),
            }
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        send(&self.router, request).await
    }

    /// What was written down, oldest first.
    pub(crate) async fn deeds(&self) -> Vec<Entry> {
        let page = AuditPage { limit: 500, ..AuditPage::default() };
        let mut entries = Audit::page(&self.store, Some(&tenant(1)), &page).await.unwrap();
        entries.reverse();
        entries
    }

    pub(crate) async fn actions(&self) -> Vec<String> {
        self.deeds().await.into_iter().map(|entry| entry.deed.action).collect()
    }

    pub(crate) async fn house_actions(&self) -> Vec<String> {
        let page = AuditPage { limit: 500, ..AuditPage::default() };
        let entries = Audit::page(&self.store, None, &page).await.unwrap();
        entries.into_iter().rev().map(|entry| entry.deed.action).collect()
    }

    pub(crate) async fn is_whole(&self) -> bool {
        let verdict = Audit::verify(&self.store, Some(&tenant(1))).await.unwrap();
        matches!(verdict, Verdict::Whole { .. })
    }

    /// Serves the doors on a free port of loopback.
    pub(crate) async fn serve(&self) -> SocketAddr {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = self.router.clone().into_make_service_with_connect_info::<SocketAddr>();
        self.tasks.spawn(async move { axum::serve(listener, service).await });
        address
    }

    /// A socket with a ticket that was given to `side`.
    pub(crate) async fn socket(&self, address: SocketAddr, side: &Side, person: Option<&Person>) -> Agent {
        let body = person.map_or(json!({}), |person| json!({ "user_id": person.id.as_str() }));
        let ticket = self.ask(side, "POST", "/api/v1/softphone/tokens", Some(body)).await;
        assert_eq!(ticket.status, StatusCode::CREATED, "{}", ticket.text);
        Agent::connect(address, ticket.json()["data"]["token"].as_str().unwrap(), None).await
    }

    /// Five seconds in which nothing else happens: so long a lost right may live.
    pub(crate) async fn five_seconds(&self) {
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(5)).await;
        tokio::time::resume();
    }

    /// Half a minute, in which sockets look at sessions that end by themselves.
    pub(crate) async fn half_a_minute(&self) {
        for _ in 0..10 {
            tokio::time::pause();
            tokio::time::advance(Duration::from_secs(3)).await;
            tokio::time::resume();
            // The look is a read of the store, and perhaps a write: it has the time of both.
            self.store.check().await.unwrap();
        }
    }

    /// Waits until it is written that this page's session is in use; its socket is heard meanwhile.
    pub(crate) async fn until_seen_now(&self, page: &Side, socket: &mut Agent) {
        let Side::Page(cookie) = page else { panic!("keys have no session") };
        let (_, secret) = cookie.split_once('=').unwrap();
        let now = self.clock.now();
        for _ in 0..20 {
            // A read that was under way in that half minute may have found itself too late: there is another.
            self.half_a_minute().await;
            assert_eq!(socket.command(json!({ "type": "ping" })).await["type"], "pong");
            for _ in 0..200 {
                let session = self.store.opened(secret, now).await.unwrap().expect("an open session");
                if session.seen_at == now {
                    return;
                }
            }
        }
        panic!("nobody wrote that the session is in use");
    }
}

async fn number(store: &Store, ids: &FakeIds, meta_id: &str, sandbox: bool) -> BusinessNumber {
    let new = NewNumber {
        id: NumberId::from_uuid(ids.next()),
        tenant: tenant(1),
        meta_id: MetaNumberId::parse(meta_id).unwrap(),
        waba_id: "102290129340398".to_owned(),
        phone: Phone::parse(&format!("+15550{}", &meta_id[..6])).unwrap(),
        media_mode: MediaMode::Relay,
        sandbox,
        access_token: "token".to_owned(),
        at: Time::from_secs(1_793_610_900),
    };
    Numbers::add(store, new).await.unwrap()
}
