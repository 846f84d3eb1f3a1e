//! Vobiz's face: channels.

use axum::http::{Method, StatusCode};
use offhook_core::house::{KeyMode, Role};
use serde_json::{Value, json};

use crate::rig::{Answered, META_ID, Rig, eventually, tenant};

const CHANNELS: &str = "/api/v1/messaging/channels/whatsapp";
const CHANNEL: &str = "00000000-0000-0000-0000-000000000001";

async fn ask(rig: &Rig, key: &str, method: Method, path: &str, body: Option<&Value>) -> Answered {
    let headers = [("X-Auth-ID", "MA_ABCDEFGH"), ("X-Auth-Token", key)];
    rig.ask(method, &format!("{CHANNELS}{path}"), &headers, body).await
}

fn new() -> Value {
    json!({
        "waba_id": "102290129340398", "phone_number": "+15550100400", "phone_number_id": "306540352242922",
        "number_onboarding_mode": "bring_your_own", "number_provider": "meta_direct",
        "access_token": "EAAcanary", "display_name": "Support",
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = new();
    body[field] = value;
    body
}

#[tokio::test]
async fn channel_is_added_changed_and_removed_and_its_token_never_shown() {
    let rig = Rig::new().await;
    // The rig's numbers and its fresh ids count from one.
    for wacid in ["wacid.X", "wacid.Y"] {
        rig.rings_at("206540352242922", wacid).await;
    }
    eventually(|| (rig.memory.calls().len() == 2).then_some(()), "two calls").await;
    let key = rig.key(Role::Admin, &["*"]).await;
    let added = ask(&rig, &key, Method::POST, "", Some(&new())).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let mut golden = added.json();
    let id = golden["id"].as_str().unwrap().to_owned();
    golden["id"] = json!("[channel]");
    insta::assert_json_snapshot!("vobiz_channel", golden);
    let twice = ask(&rig, &key, Method::POST, "", Some(&new())).await;
    assert_eq!((twice.status, twice.code().as_str()), (StatusCode::CONFLICT, "CHANNEL_EXISTS"));

    let update = json!({ "display_name": "Sales", "access_token": "EAAfresh" });
    let changed = ask(&rig, &key, Method::PUT, &format!("/{id}"), Some(&update)).await;
    assert_eq!(changed.json()["display_name"], "Sales", "{}", changed.text);
    let listed = ask(&rig, &key, Method::GET, "", None).await;
    let names: Vec<_> =
        listed.json()["items"].as_array().unwrap().iter().map(|it| it["id"].clone()).collect();
    assert_eq!(names, [json!(CHANNEL), json!(id)]);
    for answer in [&added, &changed, &listed] {
        assert!(!answer.text.contains("EAA"), "{}", answer.text);
    }

    rig.rings_at("306540352242922", "wacid.A").await;
    eventually(|| (rig.memory.calls().len() == 3).then_some(()), "a call").await;
    let busy = ask(&rig, &key, Method::DELETE, &format!("/{id}"), None).await;
    assert_eq!((busy.status, busy.code().as_str()), (StatusCode::CONFLICT, "CHANNEL_BUSY"));
    let idle = ask(&rig, &key, Method::DELETE, &format!("/{CHANNEL}"), None).await;
    assert_eq!((idle.status, idle.text.as_str()), (StatusCode::NO_CONTENT, ""));
    let again = ask(&rig, &key, Method::DELETE, &format!("/{CHANNEL}"), None).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::NOT_FOUND, "CHANNEL_NOT_FOUND"));
    assert_eq!(ask(&rig, &key, Method::GET, "", None).await.json()["items"].as_array().unwrap().len(), 1);
    let call = json!({
        "from_phone_number_id": META_ID, "to": "+447700900123", "sdp_offer": crate::rig::OFFER,
    });
    let orbit = rig.post("/api/v1/whatsapp/calling/calls", &key, &call).await;
    assert_eq!(orbit.code(), "WHATSAPP_CALLING_CONNECTION_NOT_FOUND", "gone for every face");
}

#[tokio::test]
async fn wrong_channels_are_refused_by_field() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Admin, &["*"]).await;
    for field in [
        "waba_id",
        "phone_number",
        "number_onboarding_mode",
        "number_provider",
        "access_token",
        "phone_number_id",
    ] {
        let answer = ask(&rig, &key, Method::POST, "", Some(&with(field, Value::Null))).await;
        let error = answer.json()["error"]["details"]["errors"][0].clone();
        assert_eq!(
            (answer.status.as_u16(), &error["field"], &error["code"]),
            (422, &json!(field), &json!("REQUIRED"))
        );
    }
    for (field, value) in [
        ("waba_id", json!("x")),
        ("phone_number", json!("12")),
        ("number_onboarding_mode", json!("rent")),
        ("access_token", json!("a b")),
        ("phone_number_id", json!("x")),
        ("media_mode", json!("sip")),
        ("display_name", json!("x".repeat(257))),
    ] {
        let answer = ask(&rig, &key, Method::POST, "", Some(&with(field, value))).await;
        let error = answer.json()["error"]["details"]["errors"][0].clone();
        assert_eq!((answer.status.as_u16(), &error["field"]), (422, &json!(field)), "{}", answer.text);
    }
    let mut bought = with("number_onboarding_mode", json!("buy_from_vobiz"));
    bought.as_object_mut().unwrap().remove("phone_number_id");
    let answer = ask(&rig, &key, Method::POST, "", Some(&bought)).await;
    assert_eq!(answer.code(), "NUMBER_PURCHASE_NOT_AVAILABLE");
    let signup = json!({ "code": "x", "waba_id": "1" });
    let answer = ask(&rig, &key, Method::POST, "/embedded-signup", Some(&signup)).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "EMBEDDED_SIGNUP_NOT_AVAILABLE"));
}

#[tokio::test]
async fn channels_are_for_those_who_may_change_numbers_of_their_own_account() {
    let rig = Rig::new().await;
    let number = rig.number_key(Role::Owner, KeyMode::Live).await;
    assert_eq!(ask(&rig, &number, Method::POST, "", Some(&new())).await.status, StatusCode::FORBIDDEN);
    let path = format!("/{CHANNEL}");
    for (role, scope) in [(Role::Agent, "*"), (Role::Viewer, "*"), (Role::Owner, "calls:*")] {
        let key = rig.key(role, &[scope]).await;
        for (method, path, body) in [
            (Method::POST, "", Some(new())),
            (Method::PUT, path.as_str(), Some(json!({}))),
            (Method::DELETE, &path, None),
        ] {
            let answer = ask(&rig, &key, method, path, body.as_ref()).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role:?} {}", answer.text);
        }
    }
    let theirs = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    for (method, body) in [(Method::PUT, Some(json!({}))), (Method::DELETE, None)] {
        let answer = ask(&rig, &theirs, method, &path, body.as_ref()).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "CHANNEL_NOT_FOUND"));
    }
    let viewer = rig.key(Role::Viewer, &["calls:read"]).await;
    let listed = ask(&rig, &viewer, Method::GET, "", None).await.json();
    assert_eq!(listed["items"][0]["phone_number"], "+1555010****", "{listed}");
}
