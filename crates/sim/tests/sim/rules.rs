//! Meta's rules and error bodies.

use offhook_sim::{DefaultPermission, Knobs};
use serde_json::{Value, json};

use crate::support::{BizPeer, House, Plan};

async fn offer(house: &House) -> String {
    BizPeer::new(&house.tasks, Plan::Quiet).await.offer()
}

/// Calls `to` and expects this error.
async fn refused(house: &House, to: &str, sdp: &str, status: u16, code: u64) -> Value {
    let (got, body) = house.graph("calls", &House::connect_body(to, sdp)).await;
    assert_eq!((got, body["error"]["code"].as_u64()), (status, Some(code)), "{body}");
    let error = &body["error"];
    assert_eq!(error["type"], "OAuthException");
    assert!(error["message"].as_str().unwrap().starts_with(&format!("(#{code})")));
    assert!(error["fbtrace_id"].as_str().unwrap().len() >= 11);
    body
}

#[tokio::test]
async fn connect_answers_with_calls_and_success() {
    let house = House::new().await;
    let sdp = offer(&house).await;
    let (status, body) = house.graph("calls", &House::connect_body("+44 7700 900123", &sdp)).await;
    assert_eq!(status, 200);
    assert_eq!(body["messaging_product"], "whatsapp");
    assert_eq!(body["success"], true);
    let wacid = body["calls"][0]["id"].as_str().unwrap();
    assert!(wacid.starts_with("wacid.HBg") && wacid.ends_with('='), "{wacid}");
}

#[tokio::test]
async fn legacy_connect_without_an_action_is_a_connect() {
    let house = House::new().await;
    let mut body = House::connect_body("15550000004", &offer(&house).await);
    body.as_object_mut().unwrap().remove("action");
    assert_eq!(house.graph("calls", &body).await.0, 200);
    assert_eq!(house.control.graph_log().counts["connect"], 1);
}

#[tokio::test]
async fn user_without_permission_and_uncallable_user_are_refused() {
    let house = House::new().await;
    let sdp = offer(&house).await;
    let body = refused(&house, "15550000006", &sdp, 401, 138_006).await;
    assert_eq!(body["error"]["error_data"]["messaging_product"], "whatsapp");
    refused(&house, "15550000007", &sdp, 400, 138_001).await;
    assert!(house.inbox.all().is_empty());
}

#[tokio::test]
async fn second_call_with_the_same_user_is_a_duplicate() {
    let house = House::new().await;
    let sdp = offer(&house).await;
    assert_eq!(house.graph("calls", &House::connect_body("15550000004", &sdp)).await.0, 200);
    refused(&house, "15550000004", &sdp, 400, 138_003).await;
}

#[tokio::test]
async fn limits_answer_with_their_codes() {
    let house = House::with(Knobs { concurrent_calls: 1, ..Knobs::quick() }).await;
    let sdp = offer(&house).await;
    house.graph("calls", &House::connect_body("15550000004", &sdp)).await;
    refused(&house, "447700900123", &sdp, 429, 138_002).await;

    let house = House::with(Knobs { new_calls_per_day: 1, ..Knobs::quick() }).await;
    house.graph("calls", &House::connect_body("15550000004", &sdp)).await;
    refused(&house, "447700900123", &sdp, 429, 138_005).await;

    let house = House::with(Knobs { connected_calls_per_day: 0, ..Knobs::quick() }).await;
    refused(&house, "15550000004", &sdp, 400, 138_012).await;

    let house = House::with(Knobs { default_permission: DefaultPermission::None, ..Knobs::quick() }).await;
    refused(&house, "15550000001", &sdp, 401, 138_006).await;
}

#[tokio::test]
async fn bad_sdp_is_refused_with_the_reason() {
    let house = House::new().await;
    let sdp = offer(&house).await;
    let body = refused(&house, "15550000001", &sdp.replace("\r\n", "\n"), 400, 100).await;
    assert!(body["error"]["error_data"]["details"].as_str().unwrap().contains("CRLF"));
    house.control.patch_knobs(&json!({"sdp_error_code": 138_008})).unwrap();
    let lite = sdp.replace("a=mid", "a=ice-lite\r\na=mid");
    refused(&house, "15550000001", &lite, 400, 138_008).await;
}

#[tokio::test]
async fn token_version_and_number_are_checked() {
    let house = House::new().await;
    let (status, body) = house.graph_get("settings", "guess").await;
    assert_eq!((status, &body["error"]["code"]), (401, &json!(190)));
    let client = reqwest::Client::new();
    let url = house.url(&format!("/latest/{}/settings", house.number.phone_number_id));
    assert_eq!(client.get(url).bearer_auth(&house.number.access_token).send().await.unwrap().status(), 400);
    let url = house.url("/v25.0/999/calls");
    let answer =
        client.post(url).bearer_auth(&house.number.access_token).json(&json!({})).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert_eq!(answer.json::<Value>().await.unwrap()["error"]["error_subcode"], 33);
}

#[tokio::test]
async fn unknown_calls_and_actions_are_refused() {
    let house = House::new().await;
    let (status, body) = house.act("wacid.unknown", "terminate", None).await;
    assert_eq!((status, &body["error"]["code"]), (400, &json!(100)));
    let (status, _) = house.act("wacid.unknown", "media_update", None).await;
    assert_eq!(status, 400);
    let long = "x".repeat(513);
    let mut body = House::connect_body("15550000001", &offer(&house).await);
    body["biz_opaque_callback_data"] = json!(long);
    assert_eq!(house.graph("calls", &body).await.0, 400);
}

#[tokio::test]
async fn accept_of_an_outbound_call_is_refused() {
    let house = House::new().await;
    let sdp = offer(&house).await;
    let (_, body) = house.graph("calls", &House::connect_body("15550000004", &sdp)).await;
    let wacid = body["calls"][0]["id"].as_str().unwrap();
    assert_eq!(house.act(wacid, "reject", None).await.0, 400);
}

#[tokio::test]
async fn scoped_id_from_a_webhook_can_be_called() {
    let house = House::new().await;
    let sdp = offer(&house).await;
    house.graph("calls", &House::connect_body("15550000003", &sdp)).await;
    let terminate = house.inbox.wait("terminate").await;
    let bsuid = terminate.call()["to_user_id"].as_str().unwrap().to_owned();
    let mut body = House::connect_body("", &sdp);
    body.as_object_mut().unwrap().remove("to");
    body["recipient"] = json!(bsuid);
    assert_eq!(house.graph("calls", &body).await.0, 200);
}

#[tokio::test]
async fn settings_are_kept_and_told() {
    let house = House::new().await;
    let (status, body) = house.graph("settings", &json!({"calling": {"status": "DISABLED"}})).await;
    assert_eq!((status, body), (200, json!({"success": true})));
    let (_, settings) = house.graph_get("settings", &house.number.access_token).await;
    assert_eq!(settings["calling"]["status"], "DISABLED");
    let told = house.inbox.wait("account_settings_update").await;
    assert_eq!(told.value["phone_number_settings"]["calling"]["status"], "DISABLED");
    refused(&house, "15550000001", &offer(&house).await, 401, 138_000).await;
    assert_eq!(house.graph("settings", &json!({"calling": {"status": "MAYBE"}})).await.0, 400);
}

#[tokio::test]
async fn number_describes_itself() {
    let house = House::new().await;
    let url = house.url(&format!("/v25.0/{}?fields=display_phone_number", house.number.phone_number_id));
    let client = reqwest::Client::new();
    let body: Value =
        client.get(url).bearer_auth("sim-access-token").send().await.unwrap().json().await.unwrap();
    assert_eq!(body["display_phone_number"], "+15550100200");
}
