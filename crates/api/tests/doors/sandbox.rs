//! Test keys and test mode: simulators only.

use axum::http::StatusCode;
use offhook_core::house::{ApiKey, KeyMode, Role};
use offhook_core::ports::Numbers;
use serde_json::json;

use crate::rig::{META_ID, OFFER, Office, SANDBOX_META_ID, Side};

const CALLS: &str = "/api/v1/whatsapp/calling/calls";

fn call(from: &str) -> Option<serde_json::Value> {
    Some(json!({ "to": "+447700900123", "from_phone_number_id": from, "sdp_offer": OFFER }))
}

#[tokio::test]
async fn a_test_key_reaches_numbers_of_the_sandbox_and_no_others() {
    let office = Office::new().await;
    let key = office.test_key(Role::Owner, &["*"]).await;
    let refused = office.ask(&key, "POST", CALLS, call(META_ID)).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::FORBIDDEN, "WRONG_KEY_MODE"));
    assert_eq!(refused.header("x-orbit-env"), "sandbox");
    let placed = office.ask(&key, "POST", CALLS, call(SANDBOX_META_ID)).await;
    assert_eq!(
        (placed.status, placed.header("x-orbit-env")),
        (StatusCode::CREATED, "sandbox"),
        "{}",
        placed.text
    );
    let set = format!("/api/v1/whatsapp/calling/numbers/{META_ID}");
    let refused = office.ask(&key, "PATCH", &set, Some(json!({ "media_mode": "bridge" }))).await;
    assert_eq!(refused.code(), "WRONG_KEY_MODE");
    assert_eq!(
        office.live.media_mode,
        Numbers::all(&office.store, &office.live.tenant).await.unwrap()[0].media_mode
    );
}

#[tokio::test]
async fn a_live_key_says_that_a_request_is_a_test() {
    let office = Office::new().await;
    let key = office.key(Role::Developer, &["calls:*"]).await;
    for (marked, from, status) in [
        (Some("true"), META_ID, StatusCode::FORBIDDEN),
        (Some("TRUE"), SANDBOX_META_ID, StatusCode::CREATED),
        (Some("false"), META_ID, StatusCode::CREATED),
    ] {
        let headers: Vec<_> = marked.into_iter().map(|marked| ("x-test-mode", marked)).collect();
        let answer = office.ask_with(&key, "POST", CALLS, call(from), &headers).await;
        assert_eq!(answer.status, status, "{marked:?} {from}: {}", answer.text);
        let env = if marked == Some("false") { "" } else { "sandbox" };
        assert_eq!(answer.header("x-orbit-env"), env);
    }
}

#[tokio::test]
async fn a_test_key_sees_calls_of_the_sandbox_alone() {
    let office = Office::new().await;
    let (live, test) = (office.key(Role::Owner, &["*"]).await, office.test_key(Role::Owner, &["*"]).await);
    let mut ids = Vec::new();
    for from in [META_ID, SANDBOX_META_ID] {
        let placed = office.ask(&live, "POST", CALLS, call(from)).await;
        assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
        ids.push(placed.json()["data"]["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(office.ask(&live, "GET", CALLS, None).await.json()["data"].as_array().unwrap().len(), 2);
    let seen = office.ask(&test, "GET", CALLS, None).await.json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 1);
    assert_eq!(seen["data"][0]["id"], ids[1].as_str());
    let path = |id: &str| format!("{CALLS}/{id}");
    assert_eq!(office.ask(&test, "GET", &path(&ids[0]), None).await.code(), "WRONG_KEY_MODE");
    assert_eq!(office.ask(&test, "GET", &path(&ids[1]), None).await.status, StatusCode::OK);
    let ended = office.ask(&test, "POST", &format!("{}/terminate", path(&ids[0])), None).await;
    assert_eq!(ended.code(), "WRONG_KEY_MODE");
}

#[tokio::test]
async fn a_test_key_changes_nothing_of_the_live_house() {
    let office = Office::new().await;
    let ann = office.person("ann@example.com", Role::Agent).await;
    let key = office.test_key(Role::Owner, &["*"]).await;
    for (method, path, body) in [
        ("GET", "/api/v1/settings/api-keys", None),
        ("POST", "/api/v1/settings/api-keys", Some(json!({ "name": "K", "scopes": ["*"] }))),
        ("GET", "/api/v1/settings/people", None),
        ("GET", "/api/v1/settings/audit", None),
        ("POST", "/api/v1/softphone/tokens", Some(json!({ "user_id": ann.id.as_str() }))),
    ] {
        let answer = office.ask(&key, method, path, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::FORBIDDEN, "WRONG_KEY_MODE"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn in_a_house_on_a_simulator_test_keys_do_everything_and_make_test_keys() {
    let office = Office::configured(|config| config.sandbox = true).await;
    let key = office.test_key(Role::Owner, &["*"]).await;
    let placed = office.ask(&key, "POST", CALLS, call(META_ID)).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let path = "/api/v1/settings/api-keys";
    let body = |mode: &str| Some(json!({ "name": "K", "scopes": ["calls:read"], "mode": mode }));
    let test = office.ask(&key, "POST", path, body("test")).await;
    assert!(test.json()["data"]["key"].as_str().unwrap().starts_with("wab_test_sk_"));
    assert_eq!(office.ask(&key, "POST", path, body("live")).await.code(), "WRONG_KEY_MODE");
}

#[tokio::test]
async fn a_key_for_one_number_makes_keys_for_that_number() {
    let office = Office::new().await;
    let number = office.live.id.clone();
    let bound =
        office.key_with(Role::Owner, &["*"], |key: &mut ApiKey| key.number = Some(number.clone())).await;
    let body = |more: serde_json::Value| {
        let mut body = json!({ "name": "K", "scopes": ["calls:read"] });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Some(body)
    };
    let path = "/api/v1/settings/api-keys";
    let made = office.ask(&bound, "POST", path, body(json!({}))).await;
    assert_eq!(made.json()["data"]["number_id"], number.as_str(), "{}", made.text);
    let other = office.ask(&bound, "POST", path, body(json!({ "phone_number_id": SANDBOX_META_ID }))).await;
    assert_eq!(other.code(), "WHATSAPP_CALLING_CONNECTION_NOT_FOUND");
    let owner = office.page("owner@example.com").await;
    let made =
        office.ask(&owner, "POST", path, body(json!({ "phone_number_id": META_ID, "mode": "live" }))).await;
    assert_eq!(made.json()["data"]["number_id"], number.as_str());
    let Side::Key(_) = bound else { panic!("a key") };
    assert_eq!(KeyMode::Live.as_str(), made.json()["data"]["mode"]);
}
