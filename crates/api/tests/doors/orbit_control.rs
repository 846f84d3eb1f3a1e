//! Bridged calls over REST: every action, every refusal, and who may do what.

use axum::http::{Method, StatusCode};
use offhook_core::call::table::Key;
use offhook_core::call::{LegQuality, SoundAsk, SoundNews, State, Voice};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::CallId;
use offhook_core::sdp::Sdp;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::rig::{ANSWER, Agent, META_ID, OFFER, Rig, USER, eventually, tenant, user};

const CALLS: &str = "/api/v1/whatsapp/calling/calls";
const ANN: &str = "usr_00000000000000000000000000000001";
const BOB: &str = "usr_00000000000000000000000000000002";

/// Ann talks with a user; Bob is there too.
struct Scene {
    rig: Rig,
    tell: mpsc::Sender<(CallId, SoundNews)>,
    id: String,
    ann: Agent,
    bob: Agent,
    key: String,
}

impl Scene {
    async fn begin() -> Self {
        let (rig, tell) = Rig::bridged().await;
        let address = rig.serve().await;
        let mut ann = rig.agent(address, 1).await;
        let call = rig.talks(&tell, &mut ann).await;
        let bob = rig.agent(address, 2).await;
        let key = rig.key(Role::Developer, &["calls:*"]).await;
        Self { rig, tell, id: call["id"].as_str().unwrap().to_owned(), ann, bob, key }
    }

    async fn news(&self, news: SoundNews) {
        self.tell.send((CallId::parse(&self.id).unwrap(), news)).await.unwrap();
    }

    /// What is arranged after an action.
    async fn act(&self, action: &str, fields: Value) -> Value {
        let answer = self.rig.post(&format!("{CALLS}/{}/{action}", self.id), &self.key, &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{action}: {}", answer.text);
        answer.json()["data"]["bridge"].clone()
    }

    async fn bob_takes(&mut self) {
        self.bob.event("call.incoming").await;
        let accept = json!({ "type": "call.accept", "call_id": self.id, "sdp": OFFER });
        assert_eq!(self.bob.command(accept).await["type"], "ack");
        self.news(SoundNews::AgentUp(user(2))).await;
    }
}

#[tokio::test]
async fn everything_the_socket_arranges_is_arranged_over_rest() {
    let mut scene = Scene::begin().await;
    assert_eq!(scene.act("hold", json!({})).await["held"], true);
    assert_eq!(scene.act("resume", json!({})).await["held"], false);
    scene.act("dtmf", json!({ "digits": "1#" })).await;
    let pressed = SoundAsk::Press(vec![Key::parse('1').unwrap(), Key::parse('#').unwrap()]);
    assert!(scene.rig.sound.asked().iter().any(|(_, ask)| *ask == pressed));
    assert_eq!(scene.act("play", json!({ "clip": "welcome" })).await["playing"], "welcome");
    assert_eq!(scene.act("stop-playing", json!({})).await["playing"], Value::Null);

    let recordings = scene.act("record", json!({})).await["recordings"].clone();
    assert_eq!(recordings.as_array().unwrap().len(), 1);
    for (action, state) in [("pause", "paused"), ("resume", "recording"), ("stop", "done")] {
        let path = format!("{CALLS}/{}/record", scene.id);
        let answer = scene.rig.post(&path, &scene.key, &json!({ "action": action })).await;
        assert_eq!(answer.json()["data"]["recording"]["state"], state, "{action}");
    }

    assert_eq!(scene.act("invite", json!({ "to": { "agent": BOB } })).await["seeking"], true);
    assert_eq!(scene.act("cancel", json!({})).await["seeking"], false);
    scene.bob.event("call.incoming").await;
    scene.bob.event("call.silenced").await;
    scene.act("consult", json!({ "to": { "agent": BOB } })).await;
    scene.bob_takes().await;
    let parties = scene.act("merge", json!({})).await["parties"].clone();
    assert_eq!(parties, json!([{ "agent_id": BOB, "role": "member" }]));
    assert_eq!(scene.act("mute", json!({ "agent_id": BOB })).await["muted"], json!([BOB]));
    assert_eq!(scene.act("unmute", json!({ "agent_id": BOB })).await["muted"], json!([]));
    assert_eq!(scene.act("remove", json!({ "agent_id": BOB })).await["parties"], json!([]));
    assert_eq!(scene.bob.event("call.left").await["reason"], "removed");

    scene.act("consult", json!({ "to": { "queue": "default" } })).await;
    scene.bob_takes().await;
    scene.act("complete", json!({})).await;
    assert_eq!(scene.ann.event("call.left").await["reason"], "transferred");
    assert_eq!(scene.act("transfer", json!({ "to": { "agent": ANN } })).await["seeking"], true);
    scene.ann.event("call.incoming").await;
    let accept = json!({ "type": "call.accept", "call_id": scene.id, "sdp": OFFER });
    assert_eq!(scene.ann.command(accept).await["type"], "ack");
    assert!(scene.act("park", json!({})).await["parked_at"].is_string());

    scene
        .news(SoundNews::Quality(
            Voice::Customer,
            LegQuality { codec: "opus".into(), ..LegQuality::default() },
        ))
        .await;
    let ended = scene.rig.post(&format!("{CALLS}/{}/terminate", scene.id), &scene.key, &json!({})).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text);
    scene.rig.terminates("wacid.A", "USER_INITIATED", Some(9)).await;
    scene.rig.until(State::Completed).await;
    let call = scene.rig.get(&format!("{CALLS}/{}", scene.id), &scene.key).await.json()["data"].clone();
    assert_eq!((&call["status"], &call["end_reason"]), (&json!("completed"), &json!("local_hangup")));
    assert_eq!(call["bridge"]["legs"][0]["quality"]["codec"], "opus");
    assert_eq!(call["bridge"]["recordings"], recordings);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_field_or_the_reason() {
    let scene = Scene::begin().await;
    let post = async |action: &str, fields: &Value| {
        scene.rig.post(&format!("{CALLS}/{}/{action}", scene.id), &scene.key, fields).await
    };
    for (action, fields, field) in [
        ("transfer", json!({}), "to"),
        ("transfer", json!({ "to": { "agent": "bob" } }), "agent"),
        ("transfer", json!({ "to": { "queue": "sales" } }), "queue"),
        ("dtmf", json!({}), "digits"),
        ("dtmf", json!({ "digits": "x" }), "digits"),
        ("play", json!({ "clip": "a/b" }), "clip"),
        ("mute", json!({}), "agent_id"),
        ("record", json!({ "action": "rewind" }), "action"),
    ] {
        let refused = post(action, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{action} {fields}: {}", refused.text);
        assert_eq!(refused.json()["error"]["details"]["field"], field, "{action} {fields}");
    }
    for (action, fields, reason) in [
        ("transfer", json!({ "to": { "agent": ANN } }), "already_there"),
        ("transfer", json!({ "to": { "agent": "usr_00000000000000000000000000000005" } }), "not_available"),
        ("complete", json!({}), "not_consulting"),
        ("cancel", json!({}), "not_consulting"),
        ("merge", json!({}), "not_consulting"),
        ("remove", json!({ "agent_id": BOB }), "not_there"),
        ("play", json!({ "clip": "unknown" }), "unknown_clip"),
        ("record", json!({ "action": "stop" }), "not_recording"),
        ("accept", json!({}), "answered_elsewhere"),
        ("reject", json!({}), "not_ringing"),
    ] {
        let refused = post(action, &fields).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{action} {fields}: {}", refused.text);
        assert_eq!(refused.json()["error"]["details"]["reason"], reason, "{action} {fields}");
    }
    assert_eq!(post("dance", &json!({})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn program_places_a_bridged_call_and_says_whom_it_reaches() {
    let (rig, tell) = Rig::bridged().await;
    let address = rig.serve().await;
    let mut bob = rig.agent(address, 2).await;
    let key = rig.key(Role::Developer, &["calls:*"]).await;
    let body =
        |connect_to: Value| json!({ "to": USER, "from_phone_number_id": META_ID, "connect_to": connect_to });
    for (connect_to, field) in [
        (json!({ "agent": "bob" }), "connect_to.agent"),
        (json!({ "queue": "sales" }), "connect_to.queue"),
        (json!({ "announcement": "unknown" }), "connect_to.announcement"),
        (json!({ "stream": "wss://127.0.0.1" }), "connect_to.stream"),
    ] {
        let refused = rig.post(CALLS, &key, &body(connect_to)).await;
        assert_eq!(refused.json()["error"]["details"]["field"], field);
    }
    let wanted = body(json!({ "agent": BOB }));
    let described = async {
        let offers = || {
            let asked = rig.sound.asked();
            asked.into_iter().find(|(_, ask)| *ask == SoundAsk::OfferCustomer).map(|(id, _)| id)
        };
        let id = eventually(offers, "an offer").await;
        tell.send((id, SoundNews::Described(Sdp::new(OFFER)))).await.unwrap();
    };
    let (placed, ()) = tokio::join!(rig.post(CALLS, &key, &wanted), described);
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let placed = placed.json()["data"].clone();
    assert_eq!((&placed["media_mode"], &placed["sdp_answer"]), (&json!("bridge"), &Value::Null));
    let wacid = rig.until(State::Dialing).await.facts.wacid.unwrap();
    rig.remote_answer(wacid.as_str()).await;
    rig.status(wacid.as_str(), "ACCEPTED").await;
    let ring = bob.event("call.incoming").await;
    assert_eq!((&ring["call"]["id"], &ring["call"]["state"]), (&placed["id"], &json!("connected")));
}

#[tokio::test]
async fn program_answers_a_ringing_call_and_agents_only_those_that_ring_for_them() {
    let (rig, tell) = Rig::bridged().await;
    let address = rig.serve().await;
    let mut bob = rig.agent(address, 2).await;
    rig.rings("wacid.A").await;
    let id = bob.event("call.incoming").await["call"]["id"].as_str().unwrap().to_owned();
    let call = CallId::parse(&id).unwrap();
    for news in [SoundNews::Described(Sdp::new(ANSWER)), SoundNews::PathUp] {
        tell.send((call.clone(), news)).await.unwrap();
    }
    let ann = rig.sign_in("ann@example.com").await;
    for action in ["accept", "reject"] {
        let refused = rig.page(Method::POST, &format!("{CALLS}/{id}/{action}"), &ann, &json!({})).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "it does not ring for Ann: {}", refused.text);
    }
    let key = rig.key(Role::Developer, &["calls:*"]).await;
    let connect = json!({ "connect_to": { "queue": "default" } });
    assert_eq!(rig.post(&format!("{CALLS}/{id}/accept"), &key, &connect).await.status, StatusCode::OK);
    bob.event("call.silenced").await;
    assert_eq!(bob.event("call.incoming").await["call"]["state"], "connected");
}

/// Every operation on a bridged call, with fields it takes.
fn operations() -> Vec<(&'static str, Value)> {
    let to = json!({ "to": { "queue": "default" } });
    let who = json!({ "agent_id": BOB });
    vec![
        ("hold", json!({})),
        ("resume", json!({})),
        ("transfer", to.clone()),
        ("consult", to.clone()),
        ("invite", to),
        ("complete", json!({})),
        ("cancel", json!({})),
        ("merge", json!({})),
        ("remove", who.clone()),
        ("mute", who.clone()),
        ("unmute", who),
        ("park", json!({})),
        ("dtmf", json!({ "digits": "1" })),
        ("play", json!({ "clip": "welcome" })),
        ("stop-playing", json!({})),
        ("stream", json!({ "url": "wss://bot.example.com" })),
        ("stop-stream", json!({})),
        ("record", json!({ "action": "start" })),
        ("record", json!({ "action": "pause" })),
        ("accept", json!({})),
        ("reject", json!({})),
        ("terminate", json!({})),
    ]
}

#[tokio::test]
async fn every_operation_asks_for_tenant_role_and_scope() {
    let scene = Scene::begin().await;
    let rig = &scene.rig;
    let mut refused = Vec::new();
    for role in [Role::Viewer, Role::Billing] {
        refused.push((rig.key(role, &["*"]).await, StatusCode::FORBIDDEN));
    }
    for scopes in [["calls:read"].as_slice(), &["recordings:*"], &[]] {
        refused.push((rig.key(Role::Owner, scopes).await, StatusCode::FORBIDDEN));
    }
    for role in [Role::Owner, Role::Admin, Role::Developer, Role::Agent] {
        refused.push((rig.key_of(tenant(2), role, &["*"], KeyMode::Live).await, StatusCode::NOT_FOUND));
    }
    refused.push(("wab_live_sk_unknown".to_owned(), StatusCode::UNAUTHORIZED));
    let path = |action: &str| format!("{CALLS}/{}/{action}", scene.id);
    for (action, fields) in operations() {
        for (key, status) in &refused {
            let answer = rig.post(&path(action), key, &fields).await;
            assert_eq!(answer.status, *status, "{action}: {}", answer.text);
        }
    }
    // People: an agent who is not in the call, a viewer, an agent of another house.
    for (email, status) in [
        ("bob@example.com", StatusCode::FORBIDDEN),
        ("vera@example.com", StatusCode::FORBIDDEN),
        ("eve@example.com", StatusCode::NOT_FOUND),
    ] {
        let cookie = rig.sign_in(email).await;
        for (action, fields) in operations() {
            let answer = rig.page(Method::POST, &path(action), &cookie, &fields).await;
            // What is not about a conversation is refused as what it is.
            let others = email.starts_with("bob") && ["accept", "reject"].contains(&action);
            let status = if others { StatusCode::CONFLICT } else { status };
            assert_eq!(answer.status, status, "{email} {action}: {}", answer.text);
        }
    }
    assert!(scene.rig.memory.calls()[0].state == State::Connected, "nothing of it was done");
    // The owner of the call over REST, and every role above; a key of the role of agents is a program's, and
    // covers every call of its tenant.
    for role in [Role::Owner, Role::Admin, Role::Developer, Role::Agent] {
        let key = rig.key(role, &["calls:write"]).await;
        for (action, fields) in operations().into_iter().filter(|(action, _)| *action != "terminate") {
            let answer = rig.post(&path(action), &key, &fields).await;
            let done = [StatusCode::OK, StatusCode::CONFLICT].contains(&answer.status);
            assert!(done, "{role:?} {action}: {} {}", answer.status, answer.text);
        }
    }
}

#[tokio::test]
async fn agent_arranges_their_own_call_with_a_session() {
    let scene = Scene::begin().await;
    let cookie = scene.rig.sign_in("ann@example.com").await;
    let path = |action: &str| format!("{CALLS}/{}/{action}", scene.id);
    let held = scene.rig.page(Method::POST, &path("hold"), &cookie, &json!({})).await;
    assert_eq!(held.json()["data"]["bridge"]["held"], true, "{}", held.text);
    let ended = scene.rig.page(Method::POST, &path("terminate"), &cookie, &json!({})).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.text);
}
