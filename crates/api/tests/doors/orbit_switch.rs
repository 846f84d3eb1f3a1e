//! Calling switched on and off for a number, and the gates before a call.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use offhook_core::dialling::DialPolicy;
use offhook_core::house::{BusinessNumber, KeyMode, Role};
use offhook_core::phone::Country;
use offhook_core::ports::{Document, Settings};
use serde_json::{Value, json};

use crate::rig::{Answered, META_ID, OFFER, Rig, USER, number, tenant};

const CALLS: &str = "/api/v1/whatsapp/calling/calls";
const AMERICAN: &str = "306540352242922";

fn path(id: &str, rest: &str) -> String {
    format!("/api/v1/whatsapp/connections/{id}/calling{rest}")
}

async fn switch(rig: &Rig, key: &str, id: &str, word: &str) -> Answered {
    rig.post(&path(id, &format!("/{word}")), key, &json!({})).await
}

async fn place(rig: &Rig, key: &str, from: &str, to: &str) -> Answered {
    rig.post(CALLS, key, &json!({ "to": to, "from_phone_number_id": from, "sdp_offer": OFFER })).await
}

fn golden(answer: &Answered) -> Value {
    let mut body = answer.json();
    body["meta"]["request_id"] = json!("[request]");
    body
}

fn american() -> BusinessNumber {
    let number = number(3, tenant(1), AMERICAN, "+14155552671");
    assert_eq!(number.phone.country(), Country::parse("US"));
    number
}

#[tokio::test]
async fn calling_is_switched_and_read_back() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let enabled = switch(&rig, &key, META_ID, "enable").await;
    assert_eq!(enabled.status, StatusCode::OK, "{}", enabled.text);
    insta::assert_json_snapshot!("calling_enabled", golden(&enabled));
    rig.clock.advance(Duration::from_secs(1));
    let disabled = switch(&rig, &key, META_ID, "disable").await;
    assert_eq!(disabled.json()["data"]["calling_enabled"], false);
    let sent: Vec<Value> =
        rig.asker.changes().iter().map(|change| serde_json::from_str(change.as_str()).unwrap()).collect();
    let status = |word: &str| json!({ "calling": { "status": word } });
    assert_eq!(sent, [status("ENABLED"), status("DISABLED")]);
    assert_eq!(place(&rig, &key, META_ID, USER).await.code(), "WHATSAPP_CALLING_NOT_ENABLED");
    assert!(rig.memory.calls().is_empty());

    // Somebody turned it on in WhatsApp Manager.
    rig.clock.advance(Duration::from_secs(1));
    let document = json!({
        "calling": {
            "status": "ENABLED", "call_icon_visibility": "DEFAULT",
            "sip": { "status": "DISABLED", "servers": [{ "hostname": "sip.example.com", "sip_user_password": "secret" }] },
        },
    });
    let document = Document::new(document.to_string());
    rig.asker.with_settings(Settings { calling: Some(true), sip: false, document });
    let read = rig.get(&path(META_ID, ""), &key).await;
    insta::assert_json_snapshot!("calling_read", golden(&read));
    assert!(!read.text.contains("secret"), "{}", read.text);
    assert_eq!(place(&rig, &key, META_ID, USER).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn calling_is_switched_by_owners_and_admins_and_only_on_their_numbers() {
    let rig = Rig::new().await;
    for (role, scopes, expected) in [
        (Role::Owner, "*", 200),
        (Role::Admin, "numbers:write", 200),
        (Role::Owner, "calls:*", 403),
        (Role::Developer, "*", 403),
        (Role::Agent, "*", 403),
        (Role::Viewer, "*", 403),
        (Role::Billing, "*", 403),
    ] {
        let key = rig.key(role, &[scopes]).await;
        assert_eq!(
            switch(&rig, &key, META_ID, "enable").await.status.as_u16(),
            expected,
            "{role:?} {scopes}"
        );
    }
    let key = rig.key(Role::Owner, &["*"]).await;
    for id in ["206540352242922", "1", "x"] {
        for word in ["enable", "disable"] {
            let theirs = switch(&rig, &key, id, word).await;
            assert_eq!((theirs.status, theirs.code().as_str()), (StatusCode::NOT_FOUND, "NOT_FOUND"), "{id}");
        }
        assert_eq!(rig.get(&path(id, ""), &key).await.code(), "NOT_FOUND");
    }
    let test = rig.key_of(tenant(1), Role::Owner, &["*"], KeyMode::Test).await;
    assert_eq!(switch(&rig, &test, META_ID, "disable").await.code(), "WRONG_KEY_MODE");
    // WhatsApp cannot be reached.
    assert_eq!(rig.get(&path(META_ID, ""), &key).await.status, StatusCode::BAD_GATEWAY);
}

#[tokio::test]
async fn a_blocked_country_places_no_calls_and_where_the_operator_says_so_is_not_enabled() {
    let rig = Rig::new().await;
    rig.memory.with_number(american());
    let key = rig.key(Role::Owner, &["*"]).await;
    let blocked = place(&rig, &key, AMERICAN, USER).await;
    assert_eq!((blocked.status.as_u16(), blocked.code().as_str()), (422, "WHATSAPP_CALLING_COUNTRY_BLOCKED"));
    assert_eq!(blocked.json()["error"]["details"]["country"], "US");
    let enabled = switch(&rig, &key, AMERICAN, "enable").await;
    assert_eq!(enabled.json()["data"]["country_code"], "US", "inbound calls work: {}", enabled.text);

    let strict = Rig::of_policy(DialPolicy { blocks_enabling: true, ..DialPolicy::default() }).await;
    strict.memory.with_number(american());
    let key = strict.key(Role::Owner, &["*"]).await;
    assert_eq!(switch(&strict, &key, AMERICAN, "enable").await.code(), "WHATSAPP_CALLING_COUNTRY_BLOCKED");
    assert!(strict.asker.changes().is_empty());
    assert_eq!(switch(&strict, &key, AMERICAN, "disable").await.status, StatusCode::OK);
}

#[tokio::test]
async fn whom_the_operator_does_not_allow_is_not_called() {
    let policy = DialPolicy {
        allowed_countries: BTreeSet::from([Country::parse("GB").unwrap()]),
        denied_prefixes: vec!["44909".to_owned()],
        ..DialPolicy::default()
    };
    let rig = Rig::of_policy(policy).await;
    let key = rig.key(Role::Owner, &["*"]).await;
    for (to, country) in [("+447700900123", None), ("+33612345678", Some("FR")), ("+449098790000", None)] {
        let answer = place(&rig, &key, META_ID, to).await;
        if to == "+447700900123" {
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
            continue;
        }
        assert_eq!(answer.code(), "WHATSAPP_CALLING_RECIPIENT_NOT_ALLOWED", "{to}");
        assert_eq!(answer.json()["error"]["details"]["country"].as_str(), country, "{to}");
    }
    assert_eq!(rig.asker.actions(), ["connect"]);
}

#[tokio::test]
async fn a_stolen_key_is_stopped_at_the_houses_limits() {
    let rig = Rig::of_policy(DialPolicy { at_once: 3, ..DialPolicy::default() }).await;
    let mut codes = Vec::new();
    for n in 0..32 {
        // Another key does not help.
        let key = rig.key(Role::Owner, &["*"]).await;
        let answer = place(&rig, &key, META_ID, &rig.stranger().reveal()).await;
        if n >= 3 {
            assert_eq!(
                (answer.status.as_u16(), answer.code().as_str()),
                (429, "WHATSAPP_CALLING_LIMIT_REACHED"),
                "{n}"
            );
            assert!(!answer.header("retry-after").is_empty());
        }
        codes.push(answer.json()["error"]["details"]["limit"].as_str().map(str::to_owned));
    }
    assert_eq!(rig.asker.actions().len(), 3);
    assert_eq!(codes[30].as_deref(), Some("calls_per_minute"));
    assert_eq!(rig.memory.calls().len(), 30, "beyond the pace no call is even written down");
    rig.clock.advance(Duration::from_secs(61));
    let key = rig.key(Role::Owner, &["*"]).await;
    assert_ne!(
        place(&rig, &key, META_ID, USER).await.json()["error"]["details"]["limit"],
        "calls_per_minute"
    );
}
