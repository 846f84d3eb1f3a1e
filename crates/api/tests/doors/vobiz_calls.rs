//! Vobiz's face: placing calls, acting on them, and the logs.

use axum::http::{Method, StatusCode};
use offhook_api::{DurationBasis, EndedAnswered, VobizManners};
use offhook_core::call::{Ask, Fault, Reply, State};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::Wacid;
use offhook_core::meta::MetaError;
use serde_json::{Value, json};

use crate::rig::{
    ANSWER, Answered, META_ANSWER, META_OFFER, OFFER, OTHER_ANSWER, Rig, USER, eventually, tenant,
};

const CALLS: &str = "/api/v1/messaging/calls/whatsapp";
const ACCOUNT: &str = "MA_ABCDEFGH";
const CHANNEL: &str = "00000000-0000-0000-0000-000000000001";

struct Client {
    rig: Rig,
    key: String,
}

impl Client {
    async fn new() -> Self {
        Self::of(Rig::new().await).await
    }

    async fn of(rig: Rig) -> Self {
        let key = rig.key(Role::Developer, &["*"]).await;
        Self { rig, key }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answered {
        let headers = [("X-Auth-ID", ACCOUNT), ("X-Auth-Token", self.key.as_str())];
        self.rig.ask(method, path, &headers, body).await
    }

    async fn place(&self, body: &Value) -> Answered {
        self.ask(Method::POST, CALLS, Some(body)).await
    }

    async fn act(&self, id: &str, action: &str, sdp: Option<&str>) -> Answered {
        let mut body = json!({ "channel_id": CHANNEL, "call_id": id, "action": action });
        if let Some(sdp) = sdp {
            body["sdp"] = json!(sdp);
        }
        self.ask(Method::POST, &format!("{CALLS}/action"), Some(&body)).await
    }

    async fn logs(&self, query: &str) -> Value {
        let answer = self.ask(Method::GET, &format!("{CALLS}/logs?{query}"), None).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    }
}

fn wanted() -> Value {
    json!({ "channel_id": CHANNEL, "to": USER, "sdp_offer": OFFER })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = wanted();
    body[field] = value;
    body
}

/// A body without what differs from run to run.
fn golden(answer: &Answered) -> Value {
    let mut body = answer.json();
    if let Some(id) = body.get_mut("requestId") {
        assert_eq!(id.as_str(), Some(answer.header("x-request-id")));
        *id = json!("[request]");
    }
    body
}

#[tokio::test]
async fn placed_call_is_answered_as_vobiz_answers() {
    let client = Client::new().await;
    let answer = client.place(&wanted()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    insta::assert_json_snapshot!("vobiz_placed", golden(&answer));
    let Ask::Connect { to, offer, .. } = &client.rig.asker.asked()[0] else { panic!("a connect") };
    assert_eq!((to.phone().unwrap().reveal().as_str(), offer.as_str()), (USER, OFFER));
    let call = client.rig.until(State::Dialing).await;
    assert_eq!(answer.json()["call_id"], call.id.uuid().to_string());
    for prefix in ["/api/v1/messaging", "/v1/messaging"] {
        for slash in ["", "/"] {
            let path = format!("{prefix}/calls/whatsapp/logs{slash}");
            assert_eq!(client.ask(Method::GET, &path, None).await.status, StatusCode::OK, "{path}");
        }
    }
}

#[tokio::test]
async fn wrong_fields_are_named_in_vobizs_body() {
    let client = Client::new().await;
    for (body, status, code, field) in [
        (with("channel_id", Value::Null), 422, "VALIDATION_ERROR", "channel_id"),
        (with("channel_id", json!("one")), 422, "VALIDATION_ERROR", "channel_id"),
        (with("to", Value::Null), 422, "VALIDATION_ERROR", "to"),
        (with("to", json!("98")), 422, "VALIDATION_ERROR", "to"),
        (with("to", json!(98)), 422, "VALIDATION_ERROR", "to"),
        (with("metadata", json!("x")), 422, "VALIDATION_ERROR", "metadata"),
        (with("metadata", json!({ "x": "y".repeat(5000) })), 422, "VALIDATION_ERROR", "metadata"),
        (with("to", json!("112")), 422, "EMERGENCY_CALLING_NOT_SUPPORTED", ""),
        (with("sdp_offer", json!("v=0")), 422, "INVALID_SDP", ""),
        (with("sdp_offer", Value::Null), 400, "BAD_REQUEST", ""),
        (with("channel_id", json!("00000000-0000-0000-0000-000000000002")), 404, "CHANNEL_NOT_FOUND", ""),
        (json!([]), 400, "BAD_REQUEST", ""),
    ] {
        let answer = client.place(&body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code), "{body}");
        let error = &answer.json()["error"]["details"]["errors"][0];
        assert_eq!(error["field"].as_str().unwrap_or_default(), field, "{}", answer.text);
    }
    insta::assert_json_snapshot!("vobiz_error", golden(&client.place(&with("to", json!("98"))).await));
    assert!(client.rig.asker.actions().is_empty());
}

#[tokio::test]
async fn what_whatsapp_refuses_is_said_in_vobizs_codes() {
    let client = Client::new().await;
    for (meta_code, status, code) in [
        (138_006, 422, "CALL_PERMISSION_REQUIRED"),
        (138_013, 422, "COUNTRY_BLOCKED"),
        (138_000, 422, "CALLING_NOT_ENABLED"),
        (138_012, 429, "CALL_LIMIT_REACHED"),
        (138_003, 409, "CALL_STATE_CONFLICT"),
        (131_000, 502, "META_ERROR"),
    ] {
        client.rig.asker.prepare(Err(Fault::Refused(MetaError { code: meta_code, message: "no".into() })));
        let answer = client.place(&wanted()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
        assert_eq!(answer.json()["error"]["details"]["meta_code"], meta_code);
    }
    let failed = client.logs("status=failed").await;
    assert_eq!((&failed["total"], &failed["items"][5]["hangup_cause"]), (&json!(6), &json!("no_permission")));
}

#[tokio::test]
async fn credentials_are_vobizs_own() {
    let client = Client::new().await;
    let (rig, key) = (&client.rig, client.key.as_str());
    let logs = format!("{CALLS}/logs");
    let ask = async |headers: &[(&str, &str)]| rig.ask(Method::GET, &logs, headers, None).await;
    let none = ask(&[]).await;
    assert_eq!(none.status, StatusCode::UNAUTHORIZED);
    insta::assert_json_snapshot!("vobiz_credentials", golden(&none));
    let bearer = format!("Bearer {key}");
    let theirs = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    for headers in [
        vec![("X-Auth-ID", ACCOUNT)],
        vec![("X-Auth-Token", key)],
        vec![("X-Auth-ID", "MA_OTHERONE"), ("X-Auth-Token", key)],
        vec![("X-Auth-ID", ACCOUNT), ("X-Auth-Token", "wab_live_sk_unknown")],
        vec![("X-Auth-ID", "MA_OTHERONE"), ("Authorization", bearer.as_str())],
        // The other faces' headers are not this one's.
        vec![("X-API-Key", key)],
        vec![("D360-API-KEY", key)],
    ] {
        let answer = ask(&headers).await;
        assert_eq!((answer.status, answer.code().as_str()), (none.status, "INVALID_CREDENTIALS"));
    }
    for headers in [vec![("x-auth-id", ACCOUNT), ("x-auth-token", key)], vec![("Authorization", &bearer)]] {
        assert_eq!(ask(&headers).await.status, StatusCode::OK, "{headers:?}");
    }
    let viewer = rig.key(Role::Viewer, &["*"]).await;
    let test = rig.key_of(tenant(1), Role::Owner, &["*"], KeyMode::Test).await;
    for (key, code) in [(viewer, "INSUFFICIENT_PERMISSIONS"), (test, "WRONG_KEY_MODE")] {
        let headers = [("X-Auth-ID", ACCOUNT), ("X-Auth-Token", key.as_str())];
        let answer = rig.ask(Method::POST, CALLS, &headers, Some(&wanted())).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, code));
    }
    // Another company's call is as unknown as one that never was.
    let placed = client.place(&wanted()).await.json();
    let foreign = Client { rig: client.rig, key: theirs };
    let answer = foreign.act(placed["call_id"].as_str().unwrap(), "terminate", None).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "CALL_NOT_FOUND"));
    assert_eq!(foreign.logs("").await["total"], 0);
    for (method, path, status) in [(Method::PUT, CALLS, 405), (Method::GET, "/api/v1/messaging/nothing", 404)]
    {
        let answer = foreign.ask(method, path, None).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (status, &json!("error")), "{path}");
    }
}

#[tokio::test]
async fn inbound_call_goes_through_all_actions_and_repetitions_are_answered_alike() {
    let client = Client::new().await;
    client.rig.rings("wacid.A").await;
    let call = client.rig.until(State::Queued).await;
    let uuid = call.id.uuid().to_string();
    for (id, action, sdp, status, shown) in [
        (uuid.as_str(), "pre_accept", None, 422, "ringing"),
        ("wacid.A", "pre_accept", Some(ANSWER), 200, "pre_accepted"),
        ("wacid.A", "pre_accept", Some(ANSWER), 200, "pre_accepted"),
        (&uuid, "accept", Some(OTHER_ANSWER), 409, "pre_accepted"),
        (&uuid, "accept", None, 200, "accepted"),
        (&uuid, "accept", Some(ANSWER), 200, "accepted"),
        (&uuid, "pre_accept", Some(ANSWER), 200, "accepted"),
        (&uuid, "reject", None, 409, "accepted"),
        ("wacid.A", "terminate", None, 200, "accepted"),
        ("wacid.A", "terminate", None, 200, "accepted"),
    ] {
        let answer = client.act(id, action, sdp).await;
        assert_eq!(answer.status.as_u16(), status, "{action}: {}", answer.text);
        assert_eq!(client.logs("").await["items"][0]["status"], shown, "{action}");
        if status == 409 {
            assert_eq!(answer.code(), "CALL_STATE_CONFLICT");
        }
    }
    insta::assert_json_snapshot!("vobiz_action", golden(&client.act("wacid.A", "terminate", None).await));
    assert_eq!(client.rig.asker.actions(), ["pre_accept", "accept", "terminate"]);
    client.rig.terminates("wacid.A", "USER_INITIATED", Some(3)).await;
    client.rig.until(State::Completed).await;
    assert_eq!(client.act(&uuid, "terminate", None).await.status, StatusCode::OK, "within ten seconds");
    client.rig.clock.advance(std::time::Duration::from_secs(11));
    let late = client.act(&uuid, "terminate", None).await;
    assert_eq!((late.status, late.code().as_str()), (StatusCode::CONFLICT, "CALL_STATE_CONFLICT"));
}

#[tokio::test]
async fn inbound_call_is_rejected_once_and_unknown_calls_and_actions_are_told() {
    let client = Client::new().await;
    client.rig.rings("wacid.A").await;
    client.rig.until(State::Queued).await;
    for _ in 0..2 {
        assert_eq!(client.act("wacid.A", "reject", None).await.status, StatusCode::OK);
    }
    assert_eq!(client.rig.asker.actions(), ["reject"]);
    assert_eq!(client.act("wacid.B", "reject", None).await.code(), "CALL_NOT_FOUND");
    assert_eq!(client.act("wacid.A", "juggle", None).await.code(), "VALIDATION_ERROR");
    let path = format!("{CALLS}/action");
    let without = json!({ "call_id": "wacid.A", "action": "reject" });
    assert_eq!(client.ask(Method::POST, &path, Some(&without)).await.status, StatusCode::OK);
    let other = json!({ "channel_id": CHANNEL.replace('1', "9"), "call_id": "wacid.A", "action": "reject" });
    assert_eq!(client.ask(Method::POST, &path, Some(&other)).await.code(), "CHANNEL_NOT_FOUND");
}

#[tokio::test]
async fn outbound_call_is_cancelled_and_cannot_be_accepted() {
    let client = Client::new().await;
    client.rig.asker.prepare(Ok(Reply::Placed(Wacid::new("wacid.P").unwrap())));
    let id = client.place(&wanted()).await.json()["call_id"].as_str().unwrap().to_owned();
    let refused = client.act(&id, "accept", Some(ANSWER)).await;
    assert_eq!((refused.status, refused.code().as_str()), (StatusCode::CONFLICT, "CALL_STATE_CONFLICT"));
    client.rig.status("wacid.P", "RINGING").await;
    client.rig.until(State::Ringing).await;
    assert_eq!(client.act(&id, "terminate", None).await.status, StatusCode::OK);
    client.rig.terminates("wacid.P", "BUSINESS_INITIATED", None).await;
    client.rig.until(State::Missed).await;
    let row = client.logs("status=terminated").await["items"][0].clone();
    assert_eq!((&row["status"], &row["hangup_cause"]), (&json!("terminated"), &json!("cancelled")));
    assert_eq!(row["duration_seconds"], 0);
}

/// An outbound call of three minutes, answered four seconds after its start.
async fn talked(client: &Client) {
    client.rig.asker.prepare(Ok(Reply::Placed(Wacid::new("wacid.T").unwrap())));
    let body = with("metadata", json!({ "ticket": 88 }));
    assert_eq!(client.place(&body).await.status, StatusCode::CREATED);
    client.rig.remote_answer("wacid.T").await;
    client.rig.status("wacid.T", "RINGING").await;
    client.rig.clock.advance(std::time::Duration::from_secs(4));
    client.rig.status("wacid.T", "ACCEPTED").await;
    client.rig.until(State::Connected).await;
    client.rig.clock.advance(std::time::Duration::from_secs(181));
    client.rig.terminates("wacid.T", "BUSINESS_INITIATED", Some(181)).await;
    client.rig.until(State::Completed).await;
}

#[tokio::test]
async fn finished_call_is_logged_with_every_field() {
    let client = Client::new().await;
    talked(&client).await;
    let plain = client.logs("page=1&limit=25&direction=outbound&status=accepted").await;
    insta::assert_json_snapshot!("vobiz_logs", plain);
    let whole = client.logs("include=sdp").await["items"][0].clone();
    assert_eq!((&whole["offer_sdp"], &whole["answer_sdp"]), (&json!(OFFER), &json!(META_ANSWER)));
    insta::assert_json_snapshot!("vobiz_candidates", whole["ice_candidates"]);
    let viewer = client.rig.key(Role::Viewer, &["calls:read"]).await;
    let viewer = Client { rig: client.rig, key: viewer };
    let seen = viewer.logs("include=sdp").await;
    let row = &seen["items"][0];
    assert_eq!((&row["to_number"], &row["from_number"]), (&json!("+44770090****"), &json!("+1555010****")));
    assert!(row.get("offer_sdp").is_none() && row.get("ice_candidates").is_none(), "{row}");
    assert!(!seen.to_string().contains("wacid"), "{seen}");
}

#[tokio::test]
async fn house_decides_what_the_pages_leave_open() {
    let manners =
        VobizManners { ended_answered: EndedAnswered::Terminated, duration_basis: DurationBasis::Answered };
    let client = Client::of(Rig::configured(|config| config.vobiz = manners).await).await;
    talked(&client).await;
    let row = client.logs("status=terminated").await["items"][0].clone();
    assert_eq!((&row["status"], &row["duration_seconds"]), (&json!("terminated"), &json!(181)));
    assert_eq!(client.logs("status=accepted").await["total"], 0);
}

#[tokio::test]
async fn pages_add_up_and_wrong_parameters_are_named() {
    let client = Client::new().await;
    for nth in 0..7 {
        client.rig.rings(&format!("wacid.{nth}")).await;
        let memory = &client.rig.memory;
        eventually(|| (memory.calls().len() > nth).then_some(()), "the call").await;
        client.rig.clock.advance(std::time::Duration::from_secs(1));
    }
    let mut seen = Vec::new();
    for (page, has_more, rows) in [(1, true, 3), (2, true, 3), (3, false, 1), (4, false, 0)] {
        let logs = client.logs(&format!("page={page}&limit=3&direction=inbound&status=ringing")).await;
        assert_eq!((&logs["total"], &logs["has_more"]), (&json!(7), &json!(has_more)), "{page}");
        let items = logs["items"].as_array().unwrap();
        assert_eq!(items.len(), rows);
        seen.extend(items.iter().map(|row| row["meta_call_id"].as_str().unwrap().to_owned()));
    }
    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"].map(|nth| format!("wacid.{nth}")));
    assert_eq!(client.logs("direction=outbound").await["total"], 0);
    assert_eq!(client.logs("limit=1000").await["limit"], 100);
    assert_eq!(client.logs(&format!("channel_id={CHANNEL}&nonsense=1")).await["total"], 7);
    for wrong in ["page=0", "page=x", "limit=0", "limit=-1", "direction=up", "status=done", "include=all"] {
        let answer = client.ask(Method::GET, &format!("{CALLS}/logs?{wrong}"), None).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "VALIDATION_ERROR"), "{wrong}");
        let field = wrong.split('=').next().unwrap();
        assert_eq!(answer.json()["error"]["details"]["errors"][0]["field"], field);
    }
    assert_eq!(META_OFFER, client.logs("include=sdp").await["items"][0]["offer_sdp"]);
}
