//! 360dialog's face: Meta's shapes behind a key for one number.

use axum::http::{Method, StatusCode};
use offhook_core::call::{Ask, Fault, Reply, State};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::Wacid;
use offhook_core::meta::{Callee, MetaError};
use serde_json::{Value, json};

use crate::rig::{ANSWER, Answered, META_ID, META_OFFER, OFFER, OTHER_ANSWER, Rig, tenant};

const PATH: &str = "/calling/calls";

async fn act(rig: &Rig, key: &str, body: Value) -> Answered {
    rig.ask(Method::POST, PATH, &[("D360-API-KEY", key)], Some(&body)).await
}

async fn rig() -> (Rig, String) {
    let rig = Rig::new().await;
    let key = rig.number_key(Role::Developer, KeyMode::Live).await;
    (rig, key)
}

fn connect() -> Value {
    json!({
        "messaging_product": "whatsapp", "to": "447700900123", "action": "connect",
        "session": { "sdp_type": "offer", "sdp": OFFER }, "biz_opaque_callback_data": "ticket-88",
    })
}

fn about(action: &str, sdp: Option<&str>) -> Value {
    let mut body = json!({ "messaging_product": "whatsapp", "call_id": "wacid.A", "action": action });
    if let Some(sdp) = sdp {
        body["session"] = json!({ "sdp_type": "answer", "sdp": sdp });
    }
    body
}

/// A body without what differs from run to run.
fn golden(answer: &Answered) -> Value {
    let mut body = answer.json();
    if let Some(trace) = body.pointer_mut("/error/fbtrace_id") {
        *trace = json!("[trace]");
    }
    body
}

#[tokio::test]
async fn connect_is_answered_with_whatsapps_id() {
    let (rig, key) = rig().await;
    rig.asker.prepare(Ok(Reply::Placed(Wacid::new("wacid.HBg/M+DQ==").unwrap())));
    let placed = act(&rig, &key, connect()).await;
    assert_eq!(placed.status, StatusCode::OK, "{}", placed.text);
    insta::assert_json_snapshot!("d360_connect", golden(&placed));
    let call = rig.until(State::Dialing).await;
    assert_eq!(call.correlation.as_deref(), Some("ticket-88"));
    let Ask::Connect { offer, .. } = &rig.asker.asked()[0] else { panic!("a connect") };
    assert_eq!(offer.as_str(), OFFER);
    let ended = json!({ "action": "terminate", "call_id": "wacid.HBg/M+DQ==" });
    insta::assert_json_snapshot!("d360_done", golden(&act(&rig, &key, ended).await));
    assert_eq!(rig.asker.actions(), ["connect", "terminate"]);
}

#[tokio::test]
async fn all_actions_of_an_inbound_call_reach_whatsapp_in_order() {
    let (rig, key) = rig().await;
    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    for (body, status) in [
        (about("pre_accept", Some(ANSWER)), 200),
        (about("pre_accept", Some(ANSWER)), 200),
        (about("accept", Some(OTHER_ANSWER)), 400),
        (about("accept", Some(ANSWER)), 200),
        (about("accept", None), 200),
        (about("reject", None), 400),
        (about("terminate", None), 200),
        (about("accept", Some(ANSWER)), 400),
    ] {
        let answer = act(&rig, &key, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{} {}: {}", body["action"], status, answer.text);
    }
    assert_eq!(rig.asker.actions(), ["pre_accept", "accept", "terminate"]);
    rig.terminates("wacid.A", "USER_INITIATED", Some(3)).await;
    rig.until(State::Completed).await;
}

#[tokio::test]
async fn what_meta_adds_is_handed_on_and_the_clients_word_kept() {
    let (rig, key) = rig().await;
    let recording = json!({ "status": "ENABLED", "purpose": "training", "announcement_language": "en_GB" });
    let mut body = connect();
    body["to"] = Value::Null;
    body["recipient"] = json!("GB.13491208655302741918");
    body["recording"] = recording.clone();
    assert_eq!(act(&rig, &key, body.clone()).await.status, StatusCode::OK);
    let Ask::Connect { to, extras, .. } = &rig.asker.asked()[0] else { panic!("a connect") };
    assert_eq!(*to, Callee::UserId("GB.13491208655302741918".to_owned()));
    let handed: Value = serde_json::from_str(extras.recording.as_ref().unwrap()).unwrap();
    assert_eq!(handed, recording);
    body["recording"] = json!("yes");
    assert_eq!(act(&rig, &key, body).await.status, StatusCode::BAD_REQUEST);

    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    let mut accept = about("accept", Some(ANSWER));
    accept["biz_opaque_callback_data"] = json!("desk-7");
    accept["transcription"] = recording;
    assert_eq!(act(&rig, &key, accept).await.status, StatusCode::OK);
    assert_eq!(rig.until(State::Connected).await.correlation.as_deref(), Some("desk-7"));
    let Some(Ask::Accept { extras, .. }) = rig.asker.asked().pop() else { panic!("an accept") };
    assert!(extras.transcription.is_some() && extras.recording.is_none());
}

#[tokio::test]
async fn inbound_call_is_rejected() {
    let (rig, key) = rig().await;
    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    assert_eq!(act(&rig, &key, about("reject", None)).await.status, StatusCode::OK);
    assert_eq!(rig.asker.actions(), ["reject"]);
}

#[tokio::test]
async fn parameters_are_refused_as_meta_refuses_them() {
    let (rig, key) = rig().await;
    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    let with = |body: Value, field: &str, value: Value| {
        let mut body = body;
        body[field] = value;
        body
    };
    let session = |kind: &str, sdp: &str| json!({ "sdp_type": kind, "sdp": sdp });
    let cases = [
        (json!({}), "The parameter action is required."),
        (json!([]), "The body must be a JSON object."),
        (
            about("juggle", None),
            "The parameter action must be connect, pre_accept, accept, reject or terminate.",
        ),
        (
            with(connect(), "messaging_product", json!("sms")),
            "The parameter messaging_product must be whatsapp.",
        ),
        (with(connect(), "to", Value::Null), "The parameter to is required."),
        (with(connect(), "to", json!("12")), "The parameter to is not a phone number."),
        (with(connect(), "to", json!("112")), "Emergency services cannot be called through WhatsApp."),
        (with(connect(), "to", json!(1)), "The parameter to must be a string."),
        (with(connect(), "session", Value::Null), "The parameter session is required."),
        (with(connect(), "session", session("answer", OFFER)), "session.sdp_type must be offer."),
        (
            with(connect(), "biz_opaque_callback_data", json!("x".repeat(513))),
            "biz_opaque_callback_data must have at most 512 characters.",
        ),
        (about("accept", None), "The parameter session is required."),
        (about("pre_accept", None), "The parameter session is required."),
        (
            with(about("accept", None), "session", session("offer", ANSWER)),
            "session.sdp_type must be answer.",
        ),
        (with(about("reject", None), "call_id", Value::Null), "The parameter call_id is required."),
        (with(about("reject", None), "call_id", json!("wacid.B")), "The call id is unknown."),
    ];
    for (body, details) in cases {
        let answer = act(&rig, &key, body.clone()).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status.as_u16(), &error["code"]), (400, &json!(100)), "{body}: {}", answer.text);
        assert_eq!(error["error_data"]["details"], details, "{body}");
    }
    let broken = act(&rig, &key, with(connect(), "session", session("offer", META_OFFER))).await;
    assert_eq!(broken.status, StatusCode::OK, "an offer like Meta's own is fit");
    let text = rig.ask(Method::POST, PATH, &[("D360-API-KEY", &key)], None).await;
    insta::assert_json_snapshot!("d360_parameter", golden(&text));
}

#[tokio::test]
async fn what_whatsapp_refuses_is_passed_through() {
    let (rig, key) = rig().await;
    for (code, status) in [(138_006, 401), (138_012, 400), (138_003, 400), (138_005, 429), (131_000, 500)] {
        let message = format!("(#{code}) as Meta says");
        rig.asker.prepare(Err(Fault::Refused(MetaError { code, message: message.clone() })));
        let answer = act(&rig, &key, connect()).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status.as_u16(), &error["code"]), (status, &json!(code)), "{}", answer.text);
        assert_eq!(error["message"], message.as_str());
    }
}

#[tokio::test]
async fn key_selects_its_number_and_nothing_else() {
    let (rig, key) = rig().await;
    let whole = rig.key(Role::Owner, &["*"]).await;
    let none = rig.ask(Method::POST, PATH, &[], Some(&connect())).await;
    insta::assert_json_snapshot!("d360_key", golden(&none));
    for headers in [
        [("D360-API-KEY", "wab_live_sk_unknown")],
        [("D360-API-KEY", whole.as_str())],
        // The other faces' headers are not this one's.
        [("X-API-Key", whole.as_str())],
        [("X-Auth-Token", key.as_str())],
        [("Authorization", &format!("Bearer {key}"))],
    ] {
        let answer = rig.ask(Method::POST, PATH, &headers, Some(&connect())).await;
        assert_eq!((answer.status, answer.json()), (none.status, none.json()), "{headers:?}");
    }
    let viewer = rig.number_key(Role::Viewer, KeyMode::Live).await;
    let test = rig.number_key(Role::Owner, KeyMode::Test).await;
    for key in [viewer, test] {
        let answer = act(&rig, &key, connect()).await;
        assert_eq!((answer.status, &answer.json()["meta"]["httpCode"]), (StatusCode::FORBIDDEN, &json!(403)));
    }
    assert!(rig.asker.actions().is_empty());
    // A call of another company's number is as unknown as one that never was.
    rig.rings_at("206540352242922", "wacid.A").await;
    assert_eq!(rig.until(State::Queued).await.tenant, tenant(2));
    let foreign = act(&rig, &key, about("reject", None)).await;
    assert_eq!(foreign.json()["error"]["error_data"]["details"], "The call id is unknown.", "{META_ID}");
    for (method, path, status) in [(Method::GET, PATH, 405), (Method::POST, "/calling/nothing", 404)] {
        let answer = rig.ask(method, path, &[("D360-API-KEY", &key)], None).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["meta"]["success"]), (status, &json!(false)));
    }
}
