//! Recordings over REST, and the links they are heard by.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use offhook_core::call::State;
use offhook_core::house::{KeyMode, Role};
use offhook_core::ports::{Clock, Recordings};
use serde_json::json;

use crate::rig::{Rig, recorded, tenant};

const CALLS: &str = "/api/v1/whatsapp/calling/calls";
const RECORDINGS: &str = "/api/v1/whatsapp/calling/recordings";

/// A rig with a recorded call; the call's and the recording's path.
async fn with_recording() -> (Rig, String, String) {
    let rig = Rig::new().await;
    rig.rings("wacid.A").await;
    let call = rig.until(State::Queued).await;
    let recording = recorded(tenant(1), call.id.clone(), rig.clock.now());
    rig.recordings.insert(&recording).await.unwrap();
    (rig, format!("{CALLS}/{}", call.id), format!("{RECORDINGS}/{}", recording.id))
}

#[tokio::test]
async fn recording_is_heard_through_a_link_until_its_time() {
    let (rig, call, recording) = with_recording().await;
    let key = rig.key(Role::Owner, &["recordings:read"]).await;
    let listed = rig.get(&format!("{call}/recordings"), &key).await.json();
    assert_eq!(listed["data"][0]["state"], "complete");
    assert_eq!(listed["data"][0]["sha256"], "07".repeat(32));
    assert_eq!(rig.get(&recording, &key).await.json()["data"], listed["data"][0]);

    let wanted = json!({ "what": "party-0", "expires_in": 60 });
    let link = rig.post(&format!("{recording}/link"), &key, &wanted).await;
    assert_eq!(link.status, StatusCode::CREATED);
    let url = link.json()["data"]["url"].as_str().unwrap().to_owned();
    let bare = async || rig.send(Request::get(&url).body(Body::empty()).unwrap()).await;
    let heard = bare().await;
    assert_eq!((heard.status, heard.text.as_str()), (StatusCode::OK, "sound of party-0"));
    assert_eq!(heard.header("content-type"), "audio/ogg; codecs=opus");
    assert_eq!(heard.header("cache-control"), "private, no-store");
    rig.clock.advance(Duration::from_secs(60));
    assert_eq!(bare().await.status, StatusCode::NOT_FOUND);

    for (field, wanted) in [
        ("what", json!({ "what": "party-9" })),
        ("what", json!({ "what": "all" })),
        ("expires_in", json!({ "expires_in": 0 })),
        ("expires_in", json!({ "expires_in": 8 * 24 * 3600 })),
    ] {
        let refused = rig.post(&format!("{recording}/link"), &key, &wanted).await;
        assert_eq!(refused.json()["error"]["details"]["field"], field, "{wanted}");
    }
}

#[tokio::test]
async fn recordings_are_erased_by_those_who_may_and_their_links_die() {
    let (rig, call, recording) = with_recording().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let link = rig.post(&format!("{recording}/link"), &key, &json!({})).await.json();
    let url = link["data"]["url"].as_str().unwrap().to_owned();
    let developer = rig.key(Role::Developer, &["*"]).await;
    let delete = async |key: &str| {
        let request = Request::delete(format!("{call}/recordings")).header("x-api-key", key);
        rig.send(request.body(Body::empty()).unwrap()).await
    };
    assert_eq!(delete(&developer).await.status, StatusCode::FORBIDDEN);
    assert_eq!(delete(&key).await.json()["data"]["erased"], 1);
    assert_eq!(rig.get(&recording, &key).await.json()["data"]["deleted_why"], "erased");
    assert_eq!(rig.send(Request::get(&url).body(Body::empty()).unwrap()).await.status, StatusCode::NOT_FOUND);
    let again = rig.post(&format!("{recording}/link"), &key, &json!({})).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::GONE, "GONE"));
}

#[tokio::test]
async fn recordings_are_for_those_who_may_hear_them() {
    let (rig, call, recording) = with_recording().await;
    for (role, scopes, expected) in [
        (Role::Owner, ["recordings:read"].as_slice(), StatusCode::OK),
        (Role::Developer, &["recordings:*"], StatusCode::OK),
        (Role::Owner, &["calls:*"], StatusCode::FORBIDDEN),
        (Role::Viewer, &["*"], StatusCode::FORBIDDEN),
        (Role::Billing, &["*"], StatusCode::FORBIDDEN),
    ] {
        let key = rig.key(role, scopes).await;
        for path in [&recording, &format!("{call}/recordings")] {
            assert_eq!(rig.get(path, &key).await.status, expected, "{role:?} {scopes:?} {path}");
        }
    }
    // An agent who was not in the call, and somebody of another house.
    for email in ["ann@example.com", "eve@example.com"] {
        let cookie = rig.sign_in(email).await;
        let answer = rig.page(Method::GET, &recording, &cookie, &json!({})).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{email}");
    }
}

#[tokio::test]
async fn every_operation_on_recordings_asks_for_tenant_role_and_scope() {
    let (rig, call, recording) = with_recording().await;
    let operations = [
        (Method::GET, format!("{call}/recordings")),
        (Method::GET, recording.clone()),
        (Method::POST, format!("{recording}/link")),
        (Method::DELETE, format!("{call}/recordings")),
    ];
    let roles = [Role::Viewer, Role::Billing, Role::Agent, Role::Developer, Role::Admin, Role::Owner];
    // The last one may erase, and does.
    for role in roles {
        for (house, scopes) in [
            (2, ["*"].as_slice()),
            (1, &["calls:*"]),
            (1, &[]),
            (1, &["recordings:read"]),
            (1, &["recordings:*"]),
        ] {
            let key = rig.key_of(tenant(house), role, scopes, KeyMode::Live).await;
            for (method, path) in &operations {
                let request = Request::builder().method(method).uri(path).header("x-api-key", &key);
                let answer = rig.send(request.body(Body::empty()).unwrap()).await;
                let erases = *method == Method::DELETE;
                let by_role = match role {
                    Role::Owner | Role::Admin => true,
                    Role::Developer | Role::Agent => !erases,
                    Role::Viewer | Role::Billing => false,
                };
                let by_scope = match scopes {
                    ["*" | "recordings:*"] => true,
                    ["recordings:read"] => !erases,
                    _ => false,
                };
                let expected = match (by_role && by_scope, house) {
                    (false, _) => [StatusCode::FORBIDDEN; 2],
                    (true, 2) => [StatusCode::NOT_FOUND; 2],
                    // An administrator has erased it before the owner asks for a link.
                    (true, _) if *method == Method::POST => [StatusCode::CREATED, StatusCode::GONE],
                    (true, _) => [StatusCode::OK; 2],
                };
                assert!(
                    expected.contains(&answer.status),
                    "{role:?} of {house} with {scopes:?}: {method} {path}: {}",
                    answer.text
                );
            }
        }
    }
}
