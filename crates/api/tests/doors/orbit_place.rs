//! Placing calls over REST.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use offhook_core::call::{Ask, Fault, Reply, State};
use offhook_core::house::{KeyMode, Role};
use offhook_core::id::Wacid;
use offhook_core::meta::MetaError;
use serde_json::{Value, json};

use crate::rig::{Answered, META_ANSWER, META_ID, OFFER, Rig, USER, tenant};

const PATH: &str = "/api/v1/whatsapp/calling/calls";

fn wanted() -> Value {
    json!({
        "to": USER, "from_phone_number_id": META_ID, "sdp_offer": OFFER,
        "biz_opaque_callback_data": "ticket-88", "conversation_id": "conv_33",
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = wanted();
    body[field] = value;
    body
}

fn without(field: &str) -> Value {
    let mut body = wanted();
    body.as_object_mut().unwrap().remove(field);
    body
}

/// A body with the parts that differ from run to run taken out.
fn golden(answer: &Answered) -> Value {
    let mut body = answer.json();
    assert_eq!(body["meta"]["request_id"], answer.header("x-request-id"));
    body["meta"]["request_id"] = json!("[request]");
    body
}

#[tokio::test]
async fn a_placed_call_is_answered_as_orbit_answers() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Developer, &["calls:write"]).await;
    let answer = rig.post(PATH, &key, &wanted()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    insta::assert_json_snapshot!("placed", golden(&answer));
    assert_eq!(answer.header("x-ratelimit-limit"), "60");
    assert_eq!(answer.header("x-ratelimit-remaining"), "59");
    assert!(answer.header("x-ratelimit-reset").parse::<i64>().unwrap() > 1_793_610_900);
    let Ask::Connect { to, offer, opaque, .. } = &rig.asker.asked()[0] else { panic!("a connect") };
    assert_eq!((to.phone().unwrap().reveal().as_str(), offer.as_str()), (USER, OFFER));
    assert_ne!(opaque, "ticket-88", "the client's correlation is ours to echo, not Meta's");
}

#[tokio::test]
async fn all_spellings_of_the_path_work_without_redirects() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let to_another = || with("to", json!(rig.stranger().reveal()));
    for prefix in ["/api/v1", "/v1"] {
        for slash in ["", "/"] {
            let path = format!("{prefix}/whatsapp/calling/calls{slash}");
            assert_eq!(rig.post(&path, &key, &to_another()).await.status, StatusCode::CREATED, "{path}");
        }
    }
    let bearer = Request::post(PATH).header("authorization", format!("Bearer {key}"));
    let bearer = bearer.header("content-type", "application/json; charset=utf-8");
    let answer = rig.send(bearer.body(Body::from(to_another().to_string())).unwrap()).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    for nowhere in ["/api/v1/nothing", "/v1", "/api/whatsapp/calling/calls", "/api/v2/x"] {
        let answer = rig.get(nowhere, &key).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::NOT_FOUND, "NOT_FOUND"),
            "{nowhere}"
        );
    }
    let put = Request::put(PATH).body(Body::empty()).unwrap();
    let answer = rig.send(put).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED")
    );
}

/// A request for a call whose sound the server carries, and one more field.
fn bridged(field: &str, value: Value) -> Value {
    let mut body = without("sdp_offer");
    body[field] = value;
    body
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let cases = [
        (without("to"), 422, "MISSING_REQUIRED_FIELD", json!("to")),
        (without("from_phone_number_id"), 422, "MISSING_REQUIRED_FIELD", json!("from_phone_number_id")),
        (with("connect_to", json!({ "queue": "default" })), 422, "VALIDATION_ERROR", json!("connect_to")),
        (
            bridged("connect_to", json!({ "agent": "usr_1" })),
            422,
            "VALIDATION_ERROR",
            json!("connect_to.agent"),
        ),
        (
            bridged("connect_to", json!({ "queue": "vip" })),
            422,
            "VALIDATION_ERROR",
            json!("connect_to.queue"),
        ),
        (
            bridged("connect_to", json!({ "announcement": "absent" })),
            422,
            "VALIDATION_ERROR",
            json!("connect_to.announcement"),
        ),
        (
            bridged("connect_to", json!({ "stream": "http://bot.example" })),
            422,
            "VALIDATION_ERROR",
            json!("connect_to.stream"),
        ),
        (bridged("connect_to", json!("me")), 422, "VALIDATION_ERROR", json!("connect_to")),
        (with("sdp_offer", json!("v=0")), 422, "WHATSAPP_CALLING_INVALID_SDP", json!("sdp_offer")),
        (with("sdp_offer", json!({})), 422, "VALIDATION_ERROR", json!("sdp_offer")),
        (with("to", json!("+99")), 422, "INVALID_PHONE_NUMBER", json!("to")),
        (with("to", json!(447_700_900_123_u64)), 422, "VALIDATION_ERROR", json!("to")),
        (with("to", json!("911")), 422, "EMERGENCY_CALLING_NOT_SUPPORTED", json!("to")),
        (with("to", json!("1 1 2")), 422, "EMERGENCY_CALLING_NOT_SUPPORTED", json!("to")),
        (
            with("biz_opaque_callback_data", json!("é".repeat(257))),
            422,
            "VALIDATION_ERROR",
            json!("biz_opaque_callback_data"),
        ),
        (with("recording", json!({ "enabled": true })), 422, "VALIDATION_ERROR", json!("recording")),
        (
            with("from_phone_number_id", json!("999")),
            404,
            "WHATSAPP_CALLING_CONNECTION_NOT_FOUND",
            json!("from_phone_number_id"),
        ),
        (
            with("from_phone_number_id", json!("206540352242922")),
            404,
            "WHATSAPP_CALLING_CONNECTION_NOT_FOUND",
            json!("from_phone_number_id"),
        ),
    ];
    for (body, status, code, field) in cases {
        let answer = rig.post(PATH, &key, &body).await;
        let error = &answer.json()["error"];
        assert_eq!((answer.status.as_u16(), &error["code"]), (status, &json!(code)), "{body}");
        assert_eq!((&error["details"]["field"], &error["status"]), (&field, &json!(status)), "{body}");
        let text = &answer.text;
        assert!(!text.contains("447700900123"), "errors do not repeat phone numbers: {text}");
    }
    assert!(rig.asker.actions().is_empty());
    assert!(rig.memory.calls().is_empty());
}

#[tokio::test]
async fn an_error_is_shaped_as_orbit_shapes_it() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let answer = rig.post(PATH, &key, &with("to", json!("+99"))).await;
    insta::assert_json_snapshot!("error", golden(&answer));
}

#[tokio::test]
async fn bodies_that_are_no_json_are_bad_requests() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let check = async |kind: &str, body: String, status: u16| {
        let request = Request::post(PATH).header("x-api-key", &key).header("content-type", kind);
        let answer = rig.send(request.body(Body::from(body)).unwrap()).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, "VALIDATION_ERROR"));
    };
    check("application/json", "{".into(), 400).await;
    check("application/json", "[]".into(), 422).await;
    check("application/x-www-form-urlencoded", "to=1".into(), 415).await;
    check("application/json", format!("{{\"to\":\"{}\"}}", "1".repeat(256 * 1024)), 413).await;
}

#[tokio::test]
async fn what_meta_refuses_is_said_in_orbits_codes() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let cases = [
        (138_006, 422, "WHATSAPP_CALLING_NO_PERMISSION"),
        (138_001, 422, "WHATSAPP_CALLING_RECIPIENT_UNREACHABLE"),
        (138_013, 422, "WHATSAPP_CALLING_COUNTRY_BLOCKED"),
        (138_000, 422, "WHATSAPP_CALLING_NOT_ENABLED"),
        (190, 422, "WHATSAPP_CALLING_TOKEN_INVALID"),
        (100, 422, "WHATSAPP_CALLING_INVALID_SDP"),
        (138_012, 429, "WHATSAPP_CALLING_LIMIT_REACHED"),
        (138_003, 409, "WHATSAPP_CALLING_DUPLICATE_CALL"),
        (131_000, 502, "WHATSAPP_CALLING_PROVIDER_ERROR"),
    ];
    for (meta_code, status, code) in cases {
        rig.asker.prepare(Err(Fault::Refused(MetaError { code: meta_code, message: "no".into() })));
        // What Meta said of one user is remembered.
        let answer = rig.post(PATH, &key, &with("to", json!(rig.stranger().reveal()))).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, code));
        let details = &answer.json()["error"]["details"];
        assert_eq!(details["meta_code"], meta_code);
        let listed = rig.get(&format!("{PATH}/{}", details["call_id"].as_str().unwrap()), &key).await.json();
        assert_eq!(
            (&listed["data"]["status"], &listed["data"]["error_code"]),
            (&json!("failed"), &json!(code))
        );
    }
    rig.asker.prepare(Err(Fault::Unreachable));
    let answer = rig.post(PATH, &key, &wanted()).await;
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (502, "WHATSAPP_CALLING_PROVIDER_ERROR"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_undecided_after_the_wait_is_queued() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    rig.asker.prepare(Err(Fault::Unclear));
    let answer = rig.post(PATH, &key, &wanted()).await;
    assert_eq!((answer.status, &answer.json()["data"]["status"]), (StatusCode::CREATED, &json!("queued")));
    assert_eq!(rig.asker.actions(), ["connect"], "never dialled twice");
}

#[tokio::test]
async fn the_answer_of_whatsapp_and_the_end_are_there_to_fetch_by_either_id() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    rig.asker.prepare(Ok(Reply::Placed(Wacid::new("wacid.HBg/M+DQ==").unwrap())));
    let placed = rig.post(PATH, &key, &wanted()).await.json();
    let id = placed["data"]["id"].as_str().unwrap();
    rig.remote_answer("wacid.HBg/M+DQ==").await;
    rig.status("wacid.HBg/M+DQ==", "ACCEPTED").await;
    rig.until(State::Connected).await;
    for id in [id, "wacid.HBg%2FM%2BDQ%3D%3D"] {
        let call = rig.get(&format!("{PATH}/{id}"), &key).await;
        assert_eq!(call.status, StatusCode::OK, "{id}");
        let call = &call.json()["data"];
        assert_eq!((&call["status"], &call["sdp_answer"]), (&json!("in_progress"), &json!(META_ANSWER)));
    }
    let viewer = rig.key(Role::Viewer, &["calls:read"]).await;
    let seen = rig.get(&format!("{PATH}/{id}"), &viewer).await.json();
    assert_eq!(seen["data"]["sdp_answer"], Value::Null);
    let ended = rig.post(&format!("{PATH}/{id}/terminate"), &key, &json!({})).await;
    assert_eq!((ended.status, &ended.json()["data"]["status"]), (StatusCode::OK, &json!("in_progress")));
    assert_eq!(rig.asker.actions(), ["connect", "terminate"]);
}

#[tokio::test]
async fn only_a_waiting_inbound_call_can_be_rejected() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    rig.rings("wacid.A").await;
    let call = rig.until(State::Queued).await;
    let act = async |action: &str| rig.post(&format!("{PATH}/{}/{action}", call.id), &key, &json!({})).await;
    assert_eq!(act("accept").await.code(), "MISSING_REQUIRED_FIELD");
    assert_eq!(act("juggle").await.code(), "NOT_FOUND");
    assert_eq!(act("hold").await.code(), "CALL_STATE_CONFLICT");
    assert_eq!(act("reject").await.status, StatusCode::OK);
    rig.until(State::Ending).await;
    assert_eq!(rig.asker.actions(), ["reject"]);
    let again = act("reject").await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::CONFLICT, "CALL_STATE_CONFLICT"));
}

#[tokio::test]
async fn credentials_roles_and_scopes_are_checked() {
    let rig = Rig::new().await;
    let none = rig.send(Request::post(PATH).body(Body::from("{}")).unwrap()).await;
    assert_eq!((none.status, none.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"));
    let unknown = rig.post(PATH, "wab_live_sk_unknown", &wanted()).await;
    assert_eq!((unknown.status, unknown.code().as_str()), (StatusCode::UNAUTHORIZED, "INVALID_API_KEY"));
    for (role, scopes) in [
        (Role::Viewer, &["*"][..]),
        (Role::Billing, &["calls:write"]),
        (Role::Owner, &["calls:read"]),
        (Role::Owner, &["webhooks:write"]),
        (Role::Owner, &[]),
    ] {
        let key = rig.key(role, scopes).await;
        let answer = rig.post(PATH, &key, &wanted()).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::FORBIDDEN, "INSUFFICIENT_PERMISSIONS")
        );
    }
    let test = rig.key_of(tenant(1), Role::Owner, &["*"], KeyMode::Test).await;
    let answer = rig.post(PATH, &test, &wanted()).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "WRONG_KEY_MODE"));
    let live = rig.key(Role::Owner, &["*"]).await;
    let marked = Request::post(PATH).header("x-api-key", live).header("x-test-mode", "true");
    let marked = marked.header("content-type", "application/json").body(Body::from(wanted().to_string()));
    assert_eq!(rig.send(marked.unwrap()).await.code(), "WRONG_KEY_MODE");
    assert!(rig.asker.actions().is_empty());
}

#[tokio::test]
async fn a_key_is_judged_alone_even_beside_a_session() {
    let rig = Rig::new().await;
    let cookie = rig.sign_in("olga@example.com").await;
    let request = Request::get(PATH).header("cookie", cookie).header("x-api-key", "wab_live_sk_unknown");
    let answer = rig.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.code(), "INVALID_API_KEY");
}

#[tokio::test]
async fn a_signed_in_agent_places_calls_that_are_theirs() {
    let rig = Rig::new().await;
    let (ann, bob) = (rig.sign_in("ann@example.com").await, rig.sign_in("bob@example.com").await);
    let placed = rig.page(Method::POST, PATH, &ann, &wanted()).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let path = format!("{PATH}/{}/terminate", placed.json()["data"]["id"].as_str().unwrap());
    let answer = rig.page(Method::POST, &path, &bob, &json!({})).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    assert_eq!(rig.page(Method::POST, &path, &ann, &json!({})).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_sixty_first_call_of_a_minute_waits() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let mut refused = None;
    for _ in 0..80 {
        let answer = rig.post(PATH, &key, &json!({})).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a limit");
    let error = &refused.json()["error"];
    assert_eq!((&error["code"], &error["details"]["window"]), (&json!("RATE_LIMITED"), &json!("60s")));
    assert_eq!((&error["details"]["limit"], refused.header("retry-after")), (&json!(60), "1"));
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
}

#[tokio::test]
async fn a_key_that_asks_too_fast_waits_a_second() {
    let rig = Rig::configured(|config| config.rates = offhook_api::Rates::of_company(100)).await;
    let (key, other) = (rig.key(Role::Owner, &["*"]).await, rig.key(Role::Owner, &["*"]).await);
    let mut refused = None;
    for _ in 0..100 {
        let answer = rig.get(PATH, &key).await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("a limit");
    let details = &refused.json()["error"]["details"];
    assert_eq!((&details["limit"], &details["window"]), (&json!(20), &json!("1s")));
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(rig.get(PATH, &other).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_request_id_is_kept_or_made() {
    let rig = Rig::new().await;
    let request = Request::get(PATH).header("x-request-id", "req_mine");
    let answer = rig.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(
        (answer.header("x-request-id"), &answer.json()["meta"]["request_id"]),
        ("req_mine", &json!("req_mine"))
    );
    let answer = rig.get(PATH, "nobody").await;
    assert!(answer.header("x-request-id").starts_with("req_"));
}

#[tokio::test]
async fn a_database_that_cannot_write_is_a_503_and_nothing_is_dialled() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    rig.memory.set_broken(true);
    tokio::time::pause();
    let answer = rig.post(PATH, &key, &wanted()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "2"));
    assert!(rig.asker.actions().is_empty());
}
