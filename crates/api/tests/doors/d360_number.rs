//! 360dialog's permissions and settings: Meta's documents passed through.

use axum::http::{Method, StatusCode};
use offhook_core::house::{KeyMode, Role};
use offhook_core::permission::Told;
use offhook_core::ports::{Clock, Document, Settings};
use serde_json::{Value, json};

use crate::rig::{Answered, META_ID, Rig, eventually};

const SETTINGS: &str = "/calling/settings";

async fn get(rig: &Rig, key: &str, path: &str) -> Answered {
    rig.ask(Method::GET, path, &[("D360-API-KEY", key)], None).await
}

async fn post(rig: &Rig, key: &str, body: &Value) -> Answered {
    rig.ask(Method::POST, SETTINGS, &[("D360-API-KEY", key)], Some(body)).await
}

#[tokio::test]
async fn a_permission_is_metas_own_answer_and_is_remembered() {
    let rig = Rig::new().await;
    let key = rig.number_key(Role::Developer, KeyMode::Live).await;
    rig.asker.permits(Told::Nothing, false);
    for path in ["/calling/permissions/447700900123", "/calling/permissions/447700900123/"] {
        let answer = get(&rig, &key, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!(
            (answer.text.as_str(), answer.header("content-type")),
            (r#"{"permission":{}}"#, "application/json")
        );
    }
    assert_eq!(rig.asker.looked_up().len(), 2);
    assert!(rig.asker.permissions().is_empty(), "it only reads");
    let known = rig.memory.permissions().pop().unwrap();
    assert!(known.ledger.may_call(rig.clock.now()).is_err());
    for wrong in ["12", "wacid.x", "%20"] {
        let answer = get(&rig, &key, &format!("/calling/permissions/{wrong}")).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(100)), "{wrong}");
    }
    let viewer = rig.number_key(Role::Viewer, KeyMode::Live).await;
    assert_eq!(get(&rig, &viewer, "/calling/permissions/447700900123").await.status, StatusCode::OK);
    assert_eq!(get(&rig, "none", "/calling/permissions/447700900123").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn settings_pass_through_in_both_directions() {
    let rig = Rig::new().await;
    let key = rig.number_key(Role::Developer, KeyMode::Live).await;
    let stored = r#"{"calling":{"status":"ENABLED","sip":{"servers":[{"sip_user_password":"secret"}]},"new":[1]},"x":2}"#;
    let document = Document::new(stored.to_owned());
    rig.asker.with_settings(Settings { calling: Some(true), sip: false, document });
    let read = get(&rig, &key, SETTINGS).await;
    assert_eq!((read.status, read.text.as_str()), (StatusCode::OK, stored), "as it came, passwords included");
    assert_eq!(read.header("cache-control"), "no-store");

    let hours = json!({ "status": "DISABLED", "timezone_id": "Europe/Lisbon" });
    let change = json!({ "calling": { "status": "DISABLED", "call_hours": hours, "unheard_of": true } });
    let written = post(&rig, &key, &change).await;
    assert_eq!((written.status, written.json()), (StatusCode::OK, json!({ "success": true })));
    let sent: Value = serde_json::from_str(rig.asker.changes()[0].as_str()).unwrap();
    assert_eq!(sent, change);
    let off = || {
        rig.memory
            .numbers()
            .into_iter()
            .find(|number| number.meta_id.as_str() == META_ID && !number.calling.enabled)
    };
    eventually(off, "calling to be off").await;

    for wrong in [json!({}), json!([]), json!({ "calling": 1 }), json!({ "status": "ENABLED" })] {
        let answer = post(&rig, &key, &wrong).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]["code"]), (400, &json!(100)), "{wrong}");
    }
    for role in [Role::Viewer, Role::Billing, Role::Agent] {
        let other = rig.number_key(role, KeyMode::Live).await;
        assert_eq!(post(&rig, &other, &change).await.status, StatusCode::FORBIDDEN, "{role:?}");
        assert_eq!(get(&rig, &other, SETTINGS).await.status, StatusCode::FORBIDDEN, "{role:?}");
    }
    let test = rig.number_key(Role::Owner, KeyMode::Test).await;
    assert_eq!(post(&rig, &test, &change).await.status, StatusCode::FORBIDDEN);
    assert_eq!(rig.asker.changes().len(), 1);
}

#[tokio::test]
async fn a_silent_whatsapp_is_said_in_metas_shape() {
    let rig = Rig::new().await;
    let key = rig.number_key(Role::Owner, KeyMode::Live).await;
    for path in [SETTINGS, "/calling/permissions/447700900123"] {
        let answer = get(&rig, &key, path).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["error"]["code"]),
            (500, &json!(131_000)),
            "{path}"
        );
    }
}
