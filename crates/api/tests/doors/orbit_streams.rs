//! Voice bots over REST: who may bring one, to which calls, and from where.

use axum::body::Body;
use axum::http::{HeaderName, Method, Request, StatusCode};
use offhook_core::call::{SoundAsk, SoundNews};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::CallId;
use serde_json::{Value, json};

use crate::rig::{Rig, tenant};

const CALLS: &str = "/api/v1/whatsapp/calling/calls";
const SECRET: &str = "/api/v1/whatsapp/calling/streams/secret";
const BOT: &str = "wss://bot.example.com/voice?key=canary";

/// Ann's conversation; its path, and its id.
async fn conversation() -> (Rig, String, String) {
    let (rig, tell) = Rig::bridged().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let call = rig.talks(&tell, &mut ann).await;
    let id = call["id"].as_str().unwrap().to_owned();
    tell.send((CallId::parse(&id).unwrap(), SoundNews::PathUp)).await.unwrap();
    (rig, format!("{CALLS}/{id}"), id)
}

#[tokio::test]
async fn bot_comes_beside_the_owner_or_in_their_place_and_goes() {
    let (rig, call, _) = conversation().await;
    let key = rig.key(Role::Developer, &["calls:*"]).await;
    let act = async |action: &str, fields: Value| {
        let answer = rig.post(&format!("{call}/{action}"), &key, &fields).await;
        assert_eq!(answer.status, StatusCode::OK, "{action}: {}", answer.text);
        assert!(!answer.text.contains("canary"), "an address may carry a secret");
        answer.json()["data"].clone()
    };
    let beside = act("stream", json!({ "url": BOT })).await;
    assert_eq!(beside["bridge"]["stream"]["owner"], false);
    let asked = rig.sound.asked();
    let asks = asked.iter().filter(|(_, ask)| matches!(ask, SoundAsk::Bot(ask) if ask.url.is_some()));
    assert_eq!(asks.count(), 1);
    let refused = rig.post(&format!("{call}/stream"), &key, &json!({ "url": BOT })).await;
    assert_eq!(refused.json()["error"]["details"]["reason"], "bot_there");
    assert_eq!(act("stop-stream", json!({})).await["bridge"]["stream"], Value::Null);
    let refused = rig.post(&format!("{call}/stop-stream"), &key, &json!({})).await;
    assert_eq!(refused.json()["error"]["details"]["reason"], "no_bot");
    let instead = act("transfer", json!({ "stream": BOT })).await;
    assert_eq!((&instead["bridge"]["stream"]["owner"], &instead["agent_id"]), (&json!(true), &Value::Null));
    assert_eq!(instead["bridge"]["streams"][0]["end"], "removed");
    for (action, fields, field) in [
        ("stream", json!({}), "url"),
        ("stream", json!({ "url": "wss://127.0.0.1/" }), "url"),
        ("stream", json!({ "url": "https://bot.example.com" }), "url"),
        ("stream", json!({ "url": BOT, "take_over": 1 }), "take_over"),
        ("transfer", json!({ "stream": 7 }), "stream"),
        ("transfer", json!({ "stream": "wss://127.0.0.1/" }), "stream"),
        ("streams", json!({ "take_over": "yes" }), "take_over"),
    ] {
        let refused = rig.post(&format!("{call}/{action}"), &key, &fields).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{action} {fields}: {}", refused.text);
        assert_eq!(refused.json()["error"]["details"]["field"], field, "{action} {fields}");
    }
}

#[tokio::test]
async fn bot_is_invited_by_those_who_may_control_the_call() {
    let (rig, call, id) = conversation().await;
    let path = format!("{call}/streams");
    for (house, role, scopes, expected) in [
        (1, Role::Owner, ["*"].as_slice(), StatusCode::CREATED),
        (1, Role::Developer, &["calls:write"], StatusCode::CREATED),
        (1, Role::Agent, &["calls:*"], StatusCode::CREATED),
        (1, Role::Developer, &["calls:read"], StatusCode::FORBIDDEN),
        (1, Role::Owner, &[], StatusCode::FORBIDDEN),
        (1, Role::Viewer, &["*"], StatusCode::FORBIDDEN),
        (1, Role::Billing, &["*"], StatusCode::FORBIDDEN),
        (2, Role::Owner, &["*"], StatusCode::NOT_FOUND),
    ] {
        let key = rig.key_of(tenant(house), role, scopes, KeyMode::Live).await;
        let answer = rig.post(&path, &key, &json!({ "take_over": true })).await;
        assert_eq!(answer.status, expected, "{role:?} of {house} with {scopes:?}: {}", answer.text);
        if expected == StatusCode::CREATED {
            let data = &answer.json()["data"];
            assert_eq!((&data["call_id"], &data["url"]), (&json!(id), &json!(format!("/streams/{id}"))));
            assert!(data["token"].as_str().unwrap().ends_with("/true"), "{data}");
        }
    }
    // Agents let bots into their own conversations.
    for (email, expected) in
        [("ann@example.com", StatusCode::CREATED), ("bob@example.com", StatusCode::FORBIDDEN)]
    {
        let cookie = rig.sign_in(email).await;
        assert_eq!(rig.page(Method::POST, &path, &cookie, &json!({})).await.status, expected, "{email}");
    }
}

#[tokio::test]
async fn secret_is_for_those_who_set_numbers_up_and_is_the_companys_own() {
    let rig = Rig::new().await;
    for (house, role, scopes, expected) in [
        (1, Role::Owner, "*", StatusCode::OK),
        (2, Role::Developer, "numbers:write", StatusCode::OK),
        (1, Role::Developer, "calls:*", StatusCode::FORBIDDEN),
        (1, Role::Agent, "*", StatusCode::FORBIDDEN),
        (1, Role::Viewer, "*", StatusCode::FORBIDDEN),
    ] {
        let key = rig.key_of(tenant(house), role, &[scopes], KeyMode::Live).await;
        let answer = rig.get(SECRET, &key).await;
        assert_eq!(answer.status, expected, "{role:?} {scopes}");
        if expected == StatusCode::OK {
            assert_eq!(answer.json()["data"]["secret"], format!("secret of {}", tenant(house)));
        }
    }
}

#[tokio::test]
async fn stream_is_opened_with_an_invitation_or_a_key_and_never_with_a_cookie() {
    let (rig, _, id) = conversation().await;
    let open = async |id: &str, header: &'static str, value: &str| {
        let request = Request::get(format!("/streams/{id}")).header(HeaderName::from_static(header), value);
        rig.send(request.body(Body::empty()).unwrap()).await
    };
    let good = format!("Bearer vbi_{}/{id}/false", tenant(1));
    let other = "wac_00000000000000000000000000000009";
    let cookie = rig.sign_in("olga@example.com").await;
    let theirs = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    let reader = rig.key(Role::Owner, &["calls:read"]).await;
    let mine = rig.key(Role::Owner, &["*"]).await;
    // What is let in is told that this is a WebSocket.
    for (id, header, value, expected) in [
        (id.as_str(), "authorization", good.as_str(), StatusCode::BAD_REQUEST),
        (&id, "x-api-key", &mine, StatusCode::BAD_REQUEST),
        (other, "authorization", &good, StatusCode::NOT_FOUND),
        ("call", "authorization", &good, StatusCode::NOT_FOUND),
        (&id, "authorization", "Bearer vbi_forged", StatusCode::UNAUTHORIZED),
        (&id, "authorization", "Basic YTpi", StatusCode::UNAUTHORIZED),
        (&id, "cookie", &cookie, StatusCode::UNAUTHORIZED),
        (&id, "x-api-key", &theirs, StatusCode::NOT_FOUND),
        (&id, "x-api-key", &reader, StatusCode::FORBIDDEN),
    ] {
        let answer = open(id, header, value).await;
        assert_eq!(answer.status, expected, "{header} at {id}: {}", answer.text);
    }
}
