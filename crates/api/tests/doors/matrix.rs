//! Every documented operation × every role, scope and company: who is let in, and that nobody else learns or
//! changes anything. Operations join by being in a served document of one of the faces; the table of who may what is the one people
//! read, `docs/api/operations.md`. `OFFHOOK_GENERATE=1` writes it from what is so; read the difference.

use std::fmt::Write;
use std::path::Path;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use offhook_core::call::State;
use offhook_core::contact::import::{Counts, Import, Progress};
use offhook_core::contact::rule::Rule;
use offhook_core::contact::segment::{ContactList, Segment};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::{ImportId, ListId, SegmentId};
use offhook_core::ports::{Clock, ContactGroups, ContactImports, Keys, Recordings};
use serde_json::Value;

use crate::rig::{Answered, META_ID, Rig, number, recorded, tenant, user};

const ROLES: [Role; 6] =
    [Role::Owner, Role::Admin, Role::Developer, Role::Agent, Role::Viewer, Role::Billing];

/// Scopes that never let anybody in by themselves: they are of no resource there is.
const OTHER_SCOPE: &str = "inbox:read";

/// One of the faces, as a client with a key meets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    Native,
    Vobiz,
    D360,
}

impl Face {
    const ALL: [Self; 3] = [Self::Native, Self::Vobiz, Self::D360];

    const fn title(self) -> &'static str {
        match self {
            Self::Native => "The native interface",
            Self::Vobiz => "The Vobiz face",
            Self::D360 => "The 360dialog face",
        }
    }

    const fn document(self) -> &'static str {
        match self {
            Self::Native => "/openapi.json",
            Self::Vobiz => "/openapi/vobiz.json",
            Self::D360 => "/openapi/360dialog.json",
        }
    }

    /// The name of what a key is put into, in the document and in requests.
    const fn proof(self) -> (&'static str, &'static str) {
        match self {
            Self::Native => ("api_key", "x-api-key"),
            Self::Vobiz => ("auth_token", "x-auth-token"),
            Self::D360 => ("d360_api_key", "d360-api-key"),
        }
    }

    /// What somebody who lacks it is told they need.
    fn needed(self, answer: &Answered) -> Option<String> {
        if answer.status != StatusCode::FORBIDDEN {
            return None;
        }
        let body = answer.json();
        match self {
            Self::D360 => {
                let said = body["meta"]["developerMessage"].as_str().unwrap();
                Some(said.strip_prefix("this key needs ").unwrap_or(said).to_owned())
            }
            Self::Native | Self::Vobiz if answer.code() == "INSUFFICIENT_PERMISSIONS" => {
                Some(body["error"]["details"]["required"].as_str().unwrap_or_default().to_owned())
            }
            Self::Native | Self::Vobiz => None,
        }
    }

    /// A fresh key of a company, as this face's clients have them.
    async fn key(self, rig: &Rig, house: u8, role: Role, scopes: &[&str]) -> String {
        match self {
            Self::Native | Self::Vobiz => rig.key_of(tenant(house), role, scopes, KeyMode::Live).await,
            Self::D360 => {
                let number = number(house, tenant(house), META_ID, "+15550100200").id;
                rig.key_for(number, tenant(house), role, scopes, KeyMode::Live).await
            }
        }
    }
}

/// An operation that takes keys.
struct Operation {
    face: Face,
    name: String,
    method: Method,
    path: String,
    has_body: bool,
}

/// A rig with one of everything that belongs to the first company.
struct Scene {
    rig: Rig,
    call: String,
    recording: String,
    key: String,
    contact: String,
    import: String,
    webhook: String,
    /// One of the Vobiz face.
    subscription: String,
    event: String,
}

impl Scene {
    async fn begin() -> Self {
        let rig = Rig::new().await;
        rig.rings("wacid.A").await;
        let call = rig.until(State::Queued).await;
        let recording = recorded(tenant(1), call.id.clone(), rig.clock.now());
        rig.recordings.insert(&recording).await.unwrap();
        // Nobody touches a key that may more than they do.
        rig.key(Role::Viewer, &["settings:write"]).await;
        let key = Keys::all(&*rig.directory, &tenant(1)).await.unwrap().remove(0).key.id.to_string();
        let owner = rig.key(Role::Owner, &["*"]).await;
        let hook = serde_json::json!({ "url": "https://crm.example.com/", "events": ["*"] });
        let hook = rig.post("/api/v1/webhooks", &owner, &hook).await.json();
        let theirs = [("x-auth-id", "MA_ABCDEFGH"), ("x-auth-token", owner.as_str())];
        let wanted =
            serde_json::json!({ "url": "https://crm.example.com/v", "secret": "a-secret-of-theirs" });
        let subscribed = rig.ask(Method::POST, "/api/v1/messaging/webhooks", &theirs, Some(&wanted)).await;
        let subscription = subscribed.json()["id"].as_str().unwrap().to_owned();
        let events = rig.get("/api/v1/events", &owner).await.json();
        let id = |thing: &Value| thing["id"].as_str().unwrap().to_owned();
        let (webhook, event) = (id(&hook["data"]), id(&events["data"][0]));
        let contact = rig.memory.contacts()[0].id.to_string();
        let (call, recording) = (call.id.to_string(), recording.id.to_string());
        let import = put_import(&rig).await;
        put_list(&rig).await;
        put_segment(&rig).await;
        Self { rig, call, recording, key, contact, import, webhook, subscription, event }
    }

    /// What stands for a parameter: a thing of the first company, or one that nobody has.
    fn thing(&self, face: Face, before: &str, parameter: &str, real: bool) -> String {
        let absent = || uuid::Uuid::from_u128(7).to_string();
        let (there, nobody) = match (before, parameter) {
            ("webhooks", "{id}") if face == Face::Vobiz => (self.subscription.clone(), absent()),
            ("whatsapp", "{id}") => {
                let ours = number(1, tenant(1), META_ID, "+15550100200").id;
                (ours.uuid().to_string(), absent())
            }
            // A user is nobody's: each company's number has its own permission.
            ("permissions", "{user}") => ("447700900123".to_owned(), "447700900123".to_owned()),
            ("calls", "{id}") => (self.call.clone(), format!("wac_{}", "f".repeat(32))),
            ("recordings", "{id}") => (self.recording.clone(), format!("rec_{}", "f".repeat(32))),
            ("numbers" | "connections", _) => (META_ID.to_owned(), "999999999999999".to_owned()),
            ("api-keys", "{id}") => (self.key.clone(), format!("key_{}", "f".repeat(32))),
            ("webhooks", "{id}") => (self.webhook.clone(), format!("wh_{}", "f".repeat(32))),
            ("events", "{id}") => (self.event.clone(), format!("evt_{}", "f".repeat(32))),
            ("people", "{id}") => (user(2).as_str().to_owned(), format!("usr_{}", "f".repeat(32))),
            ("contacts", "{id}") => (self.contact.clone(), format!("con_{}", "f".repeat(32))),
            ("lists", "{id}") => (list().to_string(), format!("lst_{}", "f".repeat(32))),
            ("segments", "{id}") => (segment().to_string(), format!("seg_{}", "f".repeat(32))),
            ("imports", "{id}") => (self.import.clone(), format!("imp_{}", "f".repeat(32))),
            ("tags", "{tag}") => ("gold".to_owned(), "gold".to_owned()),
            (_, "{action}") => ("hold".to_owned(), "hold".to_owned()),
            _ => panic!("say here how to make what {before}/{parameter} names"),
        };
        if real { there } else { nobody }
    }

    fn path(&self, operation: &Operation, real: bool) -> String {
        let mut before = "";
        let parts = operation.path.split('/').map(|part| {
            let filled = match part.starts_with('{') {
                true => self.thing(operation.face, before, part, real),
                false => part.to_owned(),
            };
            before = part;
            filled
        });
        parts.collect::<Vec<_>>().join("/")
    }

    async fn ask(&self, operation: &Operation, key: Option<&str>, real: bool) -> Answered {
        let mut request = Request::builder().method(operation.method.clone()).uri(self.path(operation, real));
        if let Some(key) = key {
            request = request.header(operation.face.proof().1, key);
            if operation.face == Face::Vobiz {
                request = request.header("x-auth-id", "MA_ABCDEFGH");
            }
        }
        if operation.has_body {
            request = request.header("content-type", "application/json");
        }
        let body = if operation.has_body { Body::from("{}") } else { Body::empty() };
        self.rig.send(request.body(body).unwrap()).await
    }

    /// Everything a request could have changed.
    fn traces(&self) -> String {
        let rig = &self.rig;
        let calls = (rig.memory.calls(), rig.recordings.all(), rig.asker.actions());
        format!("{calls:?} {:?} {:?}", rig.memory.contacts(), rig.memory.groups())
    }
}

fn list() -> ListId {
    ListId::from_uuid(uuid::Uuid::from_u128(1))
}

fn segment() -> SegmentId {
    SegmentId::from_uuid(uuid::Uuid::from_u128(1))
}

/// A file that is over: nothing goes on beside.
async fn put_import(rig: &Rig) -> String {
    let (id, now) = (ImportId::from_uuid(uuid::Uuid::from_u128(1)), rig.clock.now());
    let import = Import {
        id,
        tenant: tenant(1),
        state: Progress::Receiving,
        columns: vec!["phone".to_owned()],
        part: 0,
        counts: Counts::default(),
        created_at: now,
        updated_at: now,
    };
    ContactImports::begin(&*rig.memory, &import, now, now).await.unwrap();
    rig.memory.arrived(&import, None).await.unwrap();
    import.id.to_string()
}

async fn put_list(rig: &Rig) {
    let (id, tenant, created_at) = (list(), tenant(1), rig.clock.now());
    let list = ContactList { id, tenant, name: "VIPs".to_owned(), description: None, members: 0, created_at };
    rig.memory.put_list(&list).await.unwrap();
}

async fn put_segment(rig: &Rig) {
    let (id, tenant, created_at) = (segment(), tenant(1), rig.clock.now());
    let (rule, written) = (Rule::All(vec![]), "{}".to_owned());
    let segment = Segment { id, tenant, name: "All".to_owned(), rule, written, count: 0, created_at };
    rig.memory.add_segment(&segment).await.unwrap();
}

async fn operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for face in Face::ALL {
        all.extend(operations_of(face).await);
    }
    all
}

async fn operations_of(face: Face) -> Vec<Operation> {
    let rig = Rig::new().await;
    let document = rig.get(face.document(), "").await.json();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let credentials = operation["security"].as_array().unwrap();
            if credentials.iter().any(|one| one.get(face.proof().0).is_some()) {
                found.push(Operation {
                    face,
                    name: operation["operationId"].as_str().unwrap().to_owned(),
                    method: method.to_uppercase().parse().unwrap(),
                    path: path.clone(),
                    has_body: operation.get("requestBody").is_some(),
                });
            }
        }
    }
    assert!(found.len() > 3);
    found
}

fn is_let_in(face: Face, answer: &Answered) -> bool {
    assert_ne!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text);
    // WhatsApp, of which there is none here, gave no answer; 360dialog's clients hear it in Meta's words.
    let metas = || answer.status == 502 || (face == Face::D360 && answer.json()["error"]["code"] == 131_000);
    assert!(!answer.status.is_server_error() || metas(), "{}", answer.text);
    face.needed(answer).is_none()
}

/// The scope an operation asks for, as it tells somebody who lacks it.
async fn scope(scene: &Scene, operation: &Operation) -> String {
    let key = operation.face.key(&scene.rig, 1, Role::Owner, &[OTHER_SCOPE]).await;
    let answer = scene.ask(operation, Some(&key), true).await;
    assert!(!is_let_in(operation.face, &answer), "{} needs no scope", operation.name);
    operation.face.needed(&answer).unwrap()
}

/// The line of an operation: its scope, and who is let in.
async fn line(operation: &Operation) -> String {
    let face = operation.face;
    let scene = Scene::begin().await;
    let before = scene.traces();
    let nobody = scene.ask(operation, None, true).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED, "{}: {}", operation.name, nobody.text);
    let scope = scope(&scene, operation).await;
    let mut cells = Vec::new();
    for role in ROLES {
        // Each role meets the things as they were.
        let scene = Scene::begin().await;
        let before = scene.traces();
        let key = face.key(&scene.rig, 1, role, &["*"]).await;
        let let_in = is_let_in(face, &scene.ask(operation, Some(&key), true).await);
        let narrow = face.key(&scene.rig, 1, role, &[&scope]).await;
        let by_scope = is_let_in(face, &scene.ask(operation, Some(&narrow), true).await);
        assert_eq!(let_in, by_scope, "{} by {role:?} with {scope}", operation.name);
        assert!(let_in || scene.traces() == before, "{} by {role:?} was refused and done", operation.name);
        cells.push(if let_in { " yes |" } else { " |" });
    }
    let old = face.key(&scene.rig, 1, Role::Owner, &[]).await;
    let as_viewer = is_let_in(face, &scene.ask(operation, Some(&old), true).await);
    assert!(
        !as_viewer || ["calls:read", "contacts:read", "events:read"].contains(&scope.as_str()),
        "a key without scopes does {}",
        operation.name
    );
    assert!(scene.traces() == before, "{} was refused and done", operation.name);
    let Operation { name, method, path, .. } = operation;
    format!("| `{name}` | `{method} {path}` | `{scope}` |{}", cells.concat())
}

#[tokio::test]
async fn who_is_let_in_is_what_the_table_says() {
    let mut table = String::from(
        "# Who may ask for what\n\n\
         Every operation of the three faces, the scope a key needs for it, and the roles that have it.\n\
         Roles are those of [roles.md](../roles.md). Orbit documents the names of some scopes and some of the roles; the \
         rest, and all of it on the other faces, is *ours*. What an operation does, and what of it the provider \
         documents, is on the pages of [Orbit](orbit.md), [webhooks](webhooks.md), [settings](settings.md), \
         [Vobiz](vobiz.md) and [360dialog](360dialog.md).\n\
         Whoever has no cell here is answered with 403 (`INSUFFICIENT_PERMISSIONS`, or 360dialog's own body), and with \
         401 without a credential; things of other companies are not found.\n\
         A test sends every request as everybody and compares; the table is written from what is so with \
         `cargo xtask generate`.\n",
    );
    for face in Face::ALL {
        write!(
            table,
            "\n## {}\n\n\
             | operation | request | scope | owner | admin | developer | agent | viewer | billing |\n\
             |---|---|---|---|---|---|---|---|---|\n",
            face.title()
        )
        .unwrap();
        for operation in operations_of(face).await {
            writeln!(table, "{}", line(&operation).await).unwrap();
        }
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/api/operations.md");
    if std::env::var_os("OFFHOOK_GENERATE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    for (is, says) in table.lines().zip(written.lines()) {
        assert_eq!(
            is, says,
            "docs/api/operations.md: `cargo xtask generate` writes it anew; read the difference"
        );
    }
    assert_eq!(table.len(), written.len());
}

#[tokio::test]
async fn things_of_another_company_are_as_absent_as_those_that_never_were() {
    let of_somebody =
        |operation: &&Operation| operation.path.contains('{') && !operation.path.contains("{user}");
    for operation in operations().await.iter().filter(of_somebody) {
        let scene = Scene::begin().await;
        let before = scene.traces();
        for role in ROLES {
            let theirs = operation.face.key(&scene.rig, 2, role, &["*"]).await;
            let real = scene.ask(operation, Some(&theirs), true).await;
            let absent = scene.ask(operation, Some(&theirs), false).await;
            let told = |answer: &Answered| (answer.status, answer.json()["error"].clone());
            assert_eq!(told(&real), told(&absent), "{} by {role:?}", operation.name);
            let (status, error) = told(&real);
            let expected = [StatusCode::NOT_FOUND, StatusCode::FORBIDDEN, StatusCode::UNPROCESSABLE_ENTITY];
            assert!(expected.contains(&status), "{} by {role:?}: {error}", operation.name);
            assert!(!real.text.contains(&scene.call) && !real.text.contains("447700900"), "{}", real.text);
        }
        assert!(scene.traces() == before, "{} was done by another company", operation.name);
        let ours = operation.face.key(&scene.rig, 1, Role::Owner, &["*"]).await;
        let there = scene.ask(operation, Some(&ours), true).await;
        assert_ne!(there.status, StatusCode::NOT_FOUND, "{} finds its own: {}", operation.name, there.text);
    }
}

#[tokio::test]
async fn people_are_let_in_as_keys_of_their_role_are() {
    let scene = Scene::begin().await;
    for (email, role) in [
        ("olga@example.com", Role::Owner),
        ("ann@example.com", Role::Agent),
        ("vera@example.com", Role::Viewer),
    ] {
        let cookie = scene.rig.sign_in(email).await;
        let key = scene.rig.key(role, &["*"]).await;
        let native = operations_of(Face::Native).await;
        for operation in native.iter().filter(|operation| operation.method != Method::DELETE) {
            let path = scene.path(operation, true);
            let body = Value::Object(Default::default());
            let person = scene.rig.page(operation.method.clone(), &path, &cookie, &body).await;
            let program = scene.ask(operation, Some(&key), true).await;
            let face = Face::Native;
            assert_eq!(is_let_in(face, &person), is_let_in(face, &program), "{} by {email}", operation.name);
        }
    }
}

#[tokio::test]
async fn a_cursor_of_another_company_leads_nowhere() {
    let scene = Scene::begin().await;
    scene.rig.rings("wacid.B").await;
    let ours = scene.rig.key(Role::Owner, &["*"]).await;
    let theirs = scene.rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    let list = "/api/v1/whatsapp/calling/calls?limit=1";
    crate::rig::eventually(|| (scene.rig.memory.calls().len() == 2).then_some(()), "a second call").await;
    let cursor = scene.rig.get(list, &ours).await.json()["meta"]["pagination"]["cursor"].clone();
    let next = format!("{list}&cursor={}", cursor.as_str().unwrap());
    assert_eq!(scene.rig.get(&next, &ours).await.status, StatusCode::OK);
    assert_eq!(scene.rig.get(&next, &theirs).await.code(), "INVALID_CURSOR");
}

#[tokio::test]
async fn roles_that_see_phones_masked_see_no_whole_one_anywhere() {
    let scene = Scene::begin().await;
    for role in [Role::Viewer, Role::Billing] {
        for operation in operations().await {
            let key = operation.face.key(&scene.rig, 1, role, &["*"]).await;
            let text = scene.ask(&operation, Some(&key), true).await.text;
            for digits in ["447700900123", "15550100200"] {
                assert!(!text.contains(digits), "{} shows {role:?} a number: {text}", operation.name);
            }
        }
    }
}

#[tokio::test]
async fn nobody_gives_themselves_what_they_are_not_given() {
    let scene = Scene::begin().await;
    let key = scene.rig.key(Role::Developer, &["*"]).await;
    let smuggled = serde_json::json!({
        "tenant": tenant(2).as_str(), "tenant_id": tenant(2).as_str(), "role": "owner", "owner": true,
        "media_mode": "bridge", "id": "num_00000000000000000000000000000002",
    });
    let path = format!("/api/v1/whatsapp/calling/numbers/{META_ID}");
    let request = Request::patch(path).header("x-api-key", &key).header("content-type", "application/json");
    let changed = scene.rig.send(request.body(Body::from(smuggled.to_string())).unwrap()).await;
    let row: Value = changed.json()["data"].clone();
    assert_eq!((changed.status, &row["phone_number_id"]), (StatusCode::OK, &Value::from(META_ID)));
    assert_ne!(row["id"], "num_00000000000000000000000000000002");
}

#[tokio::test]
async fn whatever_changes_something_is_carried_out_once_under_its_name() {
    let scene = Scene::begin().await;
    let all = operations().await;
    // A ticket is for one use: who asks again needs another.
    let changes = |operation: &&Operation| operation.method != Method::GET && operation.name != "issueTicket";
    let changing: Vec<_> = all.iter().filter(changes).collect();
    assert!(changing.len() > 30, "{}", changing.len());
    for operation in changing {
        let face = operation.face;
        let key = face.key(&scene.rig, 1, Role::Owner, &["*"]).await;
        let send = async |body: &'static str| {
            let request = Request::builder().method(operation.method.clone());
            let request = request.uri(scene.path(operation, false)).header(face.proof().1, &key);
            let request = request.header("x-auth-id", "MA_ABCDEFGH").header("idempotency-key", "one");
            let request = request.header("content-type", "application/json").body(Body::from(body));
            scene.rig.send(request.unwrap()).await
        };
        let first = send("{}").await;
        let name = &operation.name;
        assert!(!first.status.is_server_error() && first.status != 401, "{name}: {}", first.text);
        let again = send("{}").await;
        assert_eq!((again.status, &again.text), (first.status, &first.text), "{name}");
        assert_eq!(again.header("idempotent-replayed"), "true", "{name}");
        let other = send(r#"{ "other": 1 }"#).await;
        assert_eq!(other.status, StatusCode::CONFLICT, "{name}: {}", other.text);
    }
}
