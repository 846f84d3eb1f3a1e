//! Business numbers over REST.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use offhook_core::call::State;
use offhook_core::house::Role;
use serde_json::{Value, json};

use crate::rig::{Answered, META_ID, Rig};

const PATH: &str = "/api/v1/whatsapp/calling/numbers";

async fn patch(rig: &Rig, id: &str, key: &str, body: &Value) -> Answered {
    let request = Request::patch(format!("{PATH}/{id}")).header("x-api-key", key);
    let request = request.header("content-type", "application/json");
    rig.send(request.body(Body::from(body.to_string())).unwrap()).await
}

#[tokio::test]
async fn who_carries_the_sound_is_changed_for_the_next_call() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Developer, &["calls:*", "numbers:write"]).await;
    assert_eq!(rig.get(PATH, &key).await.json()["data"][0]["media_mode"], "relay");
    let set = patch(&rig, META_ID, &key, &json!({ "media_mode": "bridge" })).await;
    assert_eq!((set.status, &set.json()["data"]["media_mode"]), (StatusCode::OK, &json!("bridge")));
    rig.rings("wacid.A").await;
    let call = rig.until(offhook_core::call::State::Queued).await;
    assert_eq!(call.media_mode, offhook_core::house::MediaMode::Bridge);
}

#[tokio::test]
async fn numbers_are_changed_by_those_who_may_and_only_their_own() {
    let rig = Rig::new().await;
    let wanted = json!({ "media_mode": "bridge" });
    for (role, scopes, expected) in [
        (Role::Owner, "*", StatusCode::OK),
        (Role::Owner, "calls:*", StatusCode::FORBIDDEN),
        (Role::Agent, "*", StatusCode::FORBIDDEN),
        (Role::Viewer, "*", StatusCode::FORBIDDEN),
        (Role::Billing, "*", StatusCode::FORBIDDEN),
    ] {
        let key = rig.key(role, &[scopes]).await;
        assert_eq!(patch(&rig, META_ID, &key, &wanted).await.status, expected, "{role:?} {scopes}");
    }
    let key = rig.key(Role::Owner, &["*"]).await;
    let theirs = patch(&rig, "206540352242922", &key, &wanted).await;
    assert_eq!(theirs.code(), "WHATSAPP_CALLING_CONNECTION_NOT_FOUND");
    let wrong = patch(&rig, META_ID, &key, &json!({ "media_mode": "both" })).await;
    assert_eq!((wrong.status, wrong.code().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "VALIDATION_ERROR"));
    let viewer = rig.key(Role::Viewer, &["calls:read"]).await;
    let seen = rig.get(PATH, &viewer).await.json();
    assert!(!seen["data"][0]["phone"].as_str().unwrap().contains("0200"), "{seen}");
}

#[tokio::test]
async fn calls_of_a_number_go_to_its_voice_bot_and_ring_nobody() {
    let (rig, _tell) = Rig::bridged().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let key = rig.key(Role::Developer, &["calls:*", "numbers:write"]).await;
    assert_eq!(rig.get(PATH, &key).await.json()["data"][0]["inbound"], "agents");
    let bot = json!({ "inbound_stream": "wss://bot.example.com/voice?key=canary" });
    let set = patch(&rig, META_ID, &key, &bot).await;
    assert_eq!((set.status, &set.json()["data"]["inbound"]), (StatusCode::OK, &json!("stream")));
    let listed = rig.get(PATH, &key).await;
    assert!(!listed.text.contains("canary"), "an address may carry a secret: {}", listed.text);
    rig.rings("wacid.A").await;
    let call = rig.until(State::Answering).await;
    assert!(call.facts.table.seek.is_none() && call.agent.is_none());

    // Agents take the next one.
    let back = patch(&rig, META_ID, &key, &json!({ "inbound_stream": null })).await;
    assert_eq!((back.status, &back.json()["data"]["inbound"]), (StatusCode::OK, &json!("agents")));
    rig.rings("wacid.B").await;
    assert_eq!(ann.event("call.incoming").await["call"]["direction"], "inbound");

    assert_eq!(rig.audit.actions(), ["number.changed", "number.changed"]);
    assert_eq!(rig.audit.deeds()[0].after.as_deref(), Some(r#"{"inbound":"stream"}"#));
}

#[tokio::test]
async fn a_bot_is_for_calls_whose_sound_the_server_carries() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Developer, &["calls:*", "numbers:write"]).await;
    let bot = "wss://bot.example.com/voice";
    for (body, field) in [
        (json!({}), "media_mode"),
        (json!({ "inbound_stream": bot }), "inbound_stream"),
        (json!({ "media_mode": "relay", "inbound_stream": bot }), "inbound_stream"),
        (json!({ "media_mode": "bridge", "inbound_stream": "wss://127.0.0.1/" }), "inbound_stream"),
        (json!({ "media_mode": "bridge", "inbound_stream": 7 }), "inbound_stream"),
    ] {
        let refused = patch(&rig, META_ID, &key, &body).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", refused.text);
        assert_eq!(refused.json()["error"]["details"]["field"], field, "{body}: {}", refused.text);
    }
    let both = json!({ "media_mode": "bridge", "inbound_stream": bot });
    assert_eq!(patch(&rig, META_ID, &key, &both).await.json()["data"]["inbound"], "stream");
    let relayed = patch(&rig, META_ID, &key, &json!({ "media_mode": "relay" })).await;
    assert_eq!(relayed.json()["data"]["inbound"], "agents", "it carries no sound any more");
}
