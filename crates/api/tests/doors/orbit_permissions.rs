//! Who may be called: asked, read and listed over REST, and what it does to placing calls.

use std::time::Duration;

use axum::http::StatusCode;
use offhook_core::call::Fault;
use offhook_core::house::{KeyMode, Role};
use offhook_core::meta::MetaError;
use offhook_core::permission::Told;
use offhook_core::ports::{Clock, PermissionAsk, Template};
use offhook_core::time::Time;
use serde_json::{Value, json};

use crate::rig::{Answered, META_ID, OFFER, Rig, USER, eventually, tenant};

const PATH: &str = "/api/v1/whatsapp/calling/permissions";
const CALLS: &str = "/api/v1/whatsapp/calling/calls";

fn wanted() -> Value {
    json!({ "phone_number_id": META_ID, "to": USER })
}

async fn ask(rig: &Rig, key: &str, body: &Value) -> Answered {
    rig.post(&format!("{PATH}/request"), key, body).await
}

async fn read(rig: &Rig, key: &str) -> Answered {
    let user = USER.trim_start_matches('+');
    rig.get(&format!("{PATH}?phone_number_id={META_ID}&to={user}"), key).await
}

async fn place(rig: &Rig, key: &str) -> Answered {
    rig.post(CALLS, key, &json!({ "to": USER, "from_phone_number_id": META_ID, "sdp_offer": OFFER })).await
}

/// The user's reply, as Meta tells it.
async fn replies(rig: &Rig, response: &str, until: Option<Time>) {
    let mut reply = json!({ "response": response, "response_source": "user_action" });
    if let Some(until) = until {
        reply["expiration_timestamp"] = json!((until.as_micros() / 1_000_000).to_string());
    }
    let at = rig.clock.now().as_micros() / 1_000_000;
    let value = json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": "15550100200", "phone_number_id": META_ID },
        "contacts": [{ "profile": { "name": "Dana Reyes" }, "wa_id": "447700900123" }],
        "messages": [{
            "from": "447700900123", "id": format!("wamid.{response}{at}"), "timestamp": at.to_string(),
            "type": "interactive",
            "interactive": { "type": "call_permission_reply", "call_permission_reply": reply },
        }],
    });
    assert_eq!(rig.knock_at("messages", &value).await.status, StatusCode::OK);
}

/// Waits until the consent stands so.
async fn until(rig: &Rig, state: &str) {
    let stands = || rig.memory.permissions().pop().filter(|one| one.standing.as_str() == state).map(drop);
    eventually(stands, state).await;
}

fn golden(answer: &Answered) -> Value {
    let mut body = answer.json();
    body["meta"]["request_id"] = json!("[request]");
    body
}

#[tokio::test]
async fn a_user_is_asked_and_their_reply_decides() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Agent, &["calls:*"]).await;
    let asked = ask(&rig, &key, &wanted()).await;
    assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.text);
    insta::assert_json_snapshot!("permission_requested", golden(&asked));

    let refused = place(&rig, &key).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let mut body = golden(&refused);
    body["error"]["details"]["call_id"] = json!("[call]");
    insta::assert_json_snapshot!("not_permitted", body);
    assert!(rig.asker.actions().is_empty(), "WhatsApp was not asked to place it");

    rig.clock.advance(Duration::from_secs(2));
    replies(&rig, "accept", Some(rig.clock.now() + Duration::from_secs(7 * 86_400))).await;
    until(&rig, "granted_temporary").await;
    insta::assert_json_snapshot!("permission_granted", golden(&read(&rig, &key).await));
    assert_eq!(place(&rig, &key).await.status, StatusCode::CREATED);

    rig.clock.advance(Duration::from_secs(2));
    replies(&rig, "reject", None).await;
    until(&rig, "revoked").await;
    assert_eq!(place(&rig, &key).await.code(), "WHATSAPP_CALLING_NO_PERMISSION");
}

#[tokio::test]
async fn asking_too_often_is_refused_with_the_time_to_wait() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    assert_eq!(ask(&rig, &key, &wanted()).await.status, StatusCode::ACCEPTED);
    let again = ask(&rig, &key, &wanted()).await;
    assert_eq!(again.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(again.header("retry-after"), "86400");
    insta::assert_json_snapshot!("permission_limit", golden(&again));
    assert_eq!(rig.asker.permissions().len(), 1);
}

#[tokio::test]
async fn what_whatsapp_says_to_a_request_has_codes_of_its_own() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    for (code, status, expected) in [
        (131_047, 422, "WHATSAPP_OUTSIDE_24H_WINDOW"),
        (138_011, 422, "WHATSAPP_OUTSIDE_24H_WINDOW"),
        (138_009, 429, "WHATSAPP_CALLING_PERMISSION_REQUEST_LIMIT"),
        (138_017, 409, "WHATSAPP_CALLING_PERMISSION_EXISTS"),
        (132_001, 422, "INVALID_TEMPLATE"),
        (190, 422, "WHATSAPP_CALLING_TOKEN_INVALID"),
        (131_000, 502, "WHATSAPP_CALLING_PROVIDER_ERROR"),
    ] {
        let error = MetaError { code, message: "no".to_owned() };
        rig.asker.refuses_to_ask(Some(Fault::Refused(error)));
        let mut body = wanted();
        body["to"] = json!(rig.stranger().reveal());
        let answer = ask(&rig, &key, &body).await;
        assert_eq!((answer.status.as_u16(), answer.code().as_str()), (status, expected), "{code}");
        assert_eq!(answer.json()["error"]["details"]["meta_code"], code);
        assert_eq!(answer.header("retry-after").is_empty(), status != 429, "{code}");
    }
}

#[tokio::test]
async fn requests_go_as_free_text_or_as_a_template() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let template = json!({ "name": "may_we_call", "language": "en_GB", "parameters": ["Dana"] });
    let mut texts = wanted();
    texts["body"] = json!("May we call you?");
    let mut templated = wanted();
    templated["to"] = json!("+447700900124");
    templated["template"] = template.clone();
    for body in [&texts, &templated] {
        assert_eq!(ask(&rig, &key, body).await.status, StatusCode::ACCEPTED);
    }
    let [text, by_template] = &rig.asker.permissions()[..] else { panic!("two requests") };
    assert_eq!((text.body.as_deref(), &text.template), (Some("May we call you?"), &None));
    let PermissionAsk { template: Some(Template { name, parameters, .. }), .. } = by_template else {
        panic!()
    };
    assert_eq!((name.as_str(), parameters.as_slice()), ("may_we_call", &["Dana".to_owned()][..]));

    let mut both = templated;
    both["body"] = json!("May we?");
    let nameless = json!({ "name": "", "language": "en" });
    for (field, body, code) in [
        ("template", both, "VALIDATION_ERROR"),
        (
            "body",
            json!({ "phone_number_id": META_ID, "to": USER, "body": "x".repeat(1025) }),
            "VALIDATION_ERROR",
        ),
        (
            "template.name",
            json!({ "phone_number_id": META_ID, "to": USER, "template": nameless }),
            "VALIDATION_ERROR",
        ),
        ("to", json!({ "phone_number_id": META_ID }), "MISSING_REQUIRED_FIELD"),
        ("to", json!({ "phone_number_id": META_ID, "to": "x" }), "INVALID_PHONE_NUMBER"),
        ("to", json!({ "phone_number_id": META_ID, "to": "112" }), "EMERGENCY_CALLING_NOT_SUPPORTED"),
        ("phone_number_id", json!({ "to": USER }), "MISSING_REQUIRED_FIELD"),
    ] {
        let answer = ask(&rig, &key, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.text);
        assert_eq!(
            (answer.code().as_str(), &answer.json()["error"]["details"]["field"]),
            (code, &json!(field))
        );
    }
    assert_eq!(rig.asker.permissions().len(), 2);
}

#[tokio::test]
async fn permissions_are_for_those_who_may_and_masked_for_those_who_may_not_see_numbers() {
    let rig = Rig::new().await;
    let owner = rig.key(Role::Owner, &["*"]).await;
    ask(&rig, &owner, &wanted()).await;
    for (role, may) in
        [(Role::Developer, true), (Role::Agent, true), (Role::Viewer, false), (Role::Billing, false)]
    {
        let key = rig.key(role, &["*"]).await;
        let seen = read(&rig, &key).await.json();
        assert_eq!(seen["data"]["state"], "requested", "{role:?}");
        assert_eq!(seen["data"]["to"] == USER, may, "{role:?} {seen}");
        let listed = rig.get(PATH, &key).await.json();
        let rows = listed["data"].as_array().unwrap();
        assert_eq!(rows.iter().any(|row| row["to"] == USER), may, "{role:?} {listed}");
        let mut other = wanted();
        other["to"] = json!(rig.stranger().reveal());
        assert_eq!(ask(&rig, &key, &other).await.status == StatusCode::ACCEPTED, may, "{role:?}");
    }
    let reader = rig.key(Role::Owner, &["calls:read"]).await;
    assert_eq!(ask(&rig, &reader, &wanted()).await.status, StatusCode::FORBIDDEN);
    let test = rig.key_of(tenant(1), Role::Owner, &["*"], KeyMode::Test).await;
    assert_eq!(ask(&rig, &test, &wanted()).await.code(), "WRONG_KEY_MODE");
    let theirs = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    assert_eq!(read(&rig, &theirs).await.status, StatusCode::NOT_FOUND);
    assert_eq!(rig.get(PATH, &theirs).await.json()["data"], json!([]));
}

#[tokio::test]
async fn lists_come_in_pages_and_by_state() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    for _ in 0..5 {
        rig.clock.advance(Duration::from_secs(1));
        let mut body = wanted();
        body["to"] = json!(rig.stranger().reveal());
        assert_eq!(ask(&rig, &key, &body).await.status, StatusCode::ACCEPTED);
    }
    let mut seen = Vec::new();
    let mut path = format!("{PATH}?state=requested&limit=2");
    for rows in [2, 2, 1] {
        let page = rig.get(&path, &key).await.json();
        let found = page["data"].as_array().unwrap();
        assert_eq!(found.len(), rows);
        seen.extend(found.iter().map(|row| row["to"].as_str().unwrap().to_owned()));
        let cursor = page["meta"]["pagination"]["cursor"].as_str().unwrap_or_default().to_owned();
        assert_eq!(cursor.is_empty(), rows == 1);
        path = format!("{PATH}?state=requested&limit=2&cursor={cursor}");
    }
    let distinct: std::collections::BTreeSet<&String> = seen.iter().collect();
    assert_eq!((seen.len(), distinct.len()), (5, 5));
    assert_eq!(rig.get(&format!("{PATH}?state=revoked"), &key).await.json()["data"], json!([]));
    for (query, code) in [
        ("state=maybe", "VALIDATION_ERROR"),
        ("limit=0", "VALIDATION_ERROR"),
        ("cursor=cur_x", "INVALID_CURSOR"),
        ("to=%2B447700900123", "MISSING_REQUIRED_FIELD"),
        ("phone_number_id=1&to=x", "INVALID_PHONE_NUMBER"),
    ] {
        assert_eq!(rig.get(&format!("{PATH}?{query}"), &key).await.code(), code, "{query}");
    }
    // A cursor of another list is none of this one's.
    let calls = rig.get(&format!("{CALLS}?cursor={}", path.rsplit('=').next().unwrap()), &key).await;
    assert_eq!(calls.status, StatusCode::OK, "an empty cursor is none");
}

#[tokio::test]
async fn whatsapps_own_limits_refuse_before_it_is_asked_to_place_a_call() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    rig.asker.permits(Told::Always, false);
    let limited = place(&rig, &key).await;
    assert_eq!(
        (limited.status, limited.code().as_str()),
        (StatusCode::TOO_MANY_REQUESTS, "WHATSAPP_CALLING_LIMIT_REACHED")
    );
    assert!(!limited.header("retry-after").is_empty());
    assert_eq!(limited.json()["error"]["details"]["permission"], "granted_permanent");
    assert!(rig.asker.actions().is_empty());
}

#[tokio::test]
async fn a_change_is_told_with_its_state_its_end_and_through_whom_it_came() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    assert_eq!(ask(&rig, &key, &wanted()).await.status, StatusCode::ACCEPTED);
    let until_then = rig.clock.now() + Duration::from_secs(3600);
    replies(&rig, "accept", Some(until_then)).await;
    until(&rig, "granted_temporary").await;
    let events = rig.get("/api/v1/events?type=whatsapp.call.permission_updated", &key).await.json();
    let told = |n: usize| {
        let data = &events["data"][n]["data"];
        let word = |field: &str| data[field].as_str().unwrap_or_default().to_owned();
        [word("status"), word("state"), word("source"), word("expires_at")]
    };
    assert_eq!(told(0)[..3], ["granted", "granted_temporary", "user_action"], "{events}");
    assert!(told(0)[3].ends_with('Z'), "{events}");
    assert_eq!(told(1)[..3], ["requested", "requested", "business"], "{events}");
}
