//! Webhooks over REST, and what they are told in each dress.

use axum::http::{Method, StatusCode};
use offhook_core::call::State;
use offhook_core::hook::Reply;
use offhook_core::house::{KeyMode, Role};
use offhook_core::ports::Parcel;
use serde_json::{Value, json};

use crate::rig::{META_ID, Rig, eventually, tenant};

const PATH: &str = "/api/v1/webhooks";
const URL: &str = "https://crm.example.com/in";

/// Makes a webhook and returns it.
async fn made(rig: &Rig, key: &str, body: Value) -> Value {
    let answer = rig.post(PATH, key, &body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.json()["data"].clone()
}

/// Everything that arrived at an address: names and bodies.
fn arrived(rig: &Rig, url: &str) -> Vec<(Parcel, Value)> {
    let here = rig.carrier.carried().into_iter().filter(|(parcel, ok)| *ok && parcel.url == url);
    here.map(|(parcel, _)| {
        let body = serde_json::from_slice(&parcel.dressed.body).unwrap();
        (parcel, body)
    })
    .collect()
}

async fn until_arrived(rig: &Rig, url: &str, name: &str) -> Value {
    let found =
        || arrived(rig, url).into_iter().find(|(parcel, _)| parcel.name == name).map(|(_, body)| body);
    eventually(found, &format!("{name} at {url}")).await
}

#[tokio::test]
async fn a_webhook_is_made_read_changed_and_removed() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Developer, &["webhooks:*"]).await;
    let webhook =
        made(&rig, &key, json!({ "url": URL, "events": ["whatsapp.call.*"], "description": "CRM" })).await;
    let id = webhook["id"].as_str().unwrap();
    assert!(id.starts_with("wh_"), "{webhook}");
    assert!(webhook["signing_secret"].as_str().unwrap().starts_with("whsec_"), "{webhook}");
    assert_eq!((&webhook["active"], &webhook["dress"]), (&json!(true), &json!("orbit")));

    let one = rig.get(&format!("{PATH}/{id}"), &key).await;
    assert_eq!(one.json()["data"]["url"], URL);
    assert!(!one.text.contains("whsec_"), "the secret is shown once");
    let list = rig.get(&format!("{PATH}/"), &key).await;
    assert_eq!(list.json()["data"].as_array().unwrap().len(), 1);
    assert!(!list.text.contains("whsec_"));

    let change = json!({ "active": false, "events": ["*"], "url": "https://other.example.com/" });
    let changed = rig.call("PUT", &format!("{PATH}/{id}"), &key, &change).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    let changed = changed.json()["data"].clone();
    assert_eq!((&changed["active"], &changed["events"]), (&json!(false), &json!(["*"])));
    assert_eq!(changed["description"], "CRM", "what is left out stays");

    let gone = rig.call("DELETE", &format!("{PATH}/{id}"), &key, &Value::Null).await;
    assert_eq!((gone.status, gone.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(rig.get(&format!("{PATH}/{id}"), &key).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_its_field() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let check = async |body: Value, code: &str, field: &str| {
        let answer = rig.post(PATH, &key, &body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
        assert_eq!(
            (answer.code().as_str(), &answer.json()["error"]["details"]["field"]),
            (code, &json!(field)),
            "{body}"
        );
        answer.json()["error"]["details"].clone()
    };
    check(json!({ "events": ["*"] }), "MISSING_REQUIRED_FIELD", "url").await;
    check(json!({ "url": URL }), "MISSING_REQUIRED_FIELD", "events").await;
    check(json!({ "url": "http://crm.example.com/", "events": ["*"] }), "INVALID_WEBHOOK_URL", "url").await;
    check(json!({ "url": URL, "events": [] }), "VALIDATION_ERROR", "events").await;
    check(json!({ "url": URL, "events": ["*"], "secret": "short" }), "VALIDATION_ERROR", "secret").await;
    check(
        json!({ "url": URL, "events": ["*"], "dress": "meta" }),
        "MISSING_REQUIRED_FIELD",
        "phone_number_id",
    )
    .await;
    check(json!({ "url": URL, "events": ["*"], "dress": "sms" }), "VALIDATION_ERROR", "dress").await;
    let foreign = json!({ "url": URL, "dress": "meta", "phone_number_id": "206540352242922" });
    check(foreign, "VALIDATION_ERROR", "phone_number_id").await;
    let headers = json!({ "url": URL, "events": ["*"], "headers": { "Host": "x" } });
    check(headers, "VALIDATION_ERROR", "headers").await;
    let unknown = json!({ "url": URL, "events": ["call.completed", "call.ended", "whatsapp.*"] });
    let details = check(unknown, "VALIDATION_ERROR", "events").await;
    assert_eq!(details["invalid_events"], json!(["call.ended"]));
}

#[tokio::test]
async fn webhooks_are_for_those_who_integrate_and_for_their_own_company() {
    let rig = Rig::new().await;
    let owner = rig.key(Role::Owner, &["*"]).await;
    let id =
        made(&rig, &owner, json!({ "url": URL, "events": ["*"] })).await["id"].as_str().unwrap().to_owned();
    let one = format!("{PATH}/{id}");
    for (role, scope) in
        [(Role::Agent, "*"), (Role::Viewer, "*"), (Role::Billing, "*"), (Role::Owner, "calls:*")]
    {
        let key = rig.key(role, &[scope]).await;
        for (method, path) in
            [("GET", PATH), ("GET", &one), ("DELETE", &one), ("POST", &format!("{one}/test"))]
        {
            let answer = rig.call(method, path, &key, &Value::Null).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{role:?} {method} {path}");
        }
    }
    let reader = rig.key(Role::Owner, &["webhooks:read"]).await;
    assert_eq!(rig.get(&one, &reader).await.status, StatusCode::OK);
    assert_eq!(rig.call("DELETE", &one, &reader, &Value::Null).await.status, StatusCode::FORBIDDEN);
    let stranger = rig.key_of(tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    for (method, rest) in [
        ("GET", ""),
        ("PUT", ""),
        ("DELETE", ""),
        ("POST", "/test"),
        ("POST", "/rotate-secret"),
        ("POST", "/replay"),
        ("GET", "/deliveries"),
    ] {
        let body = if method == "GET" || method == "DELETE" { Value::Null } else { json!({}) };
        let answer = rig.call(method, &format!("{one}{rest}"), &stranger, &body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {rest}: {}", answer.text);
    }
    assert_eq!(rig.get(PATH, &stranger).await.json()["data"], json!([]));
    // Meta's door is no webhook of anybody's.
    assert_eq!(rig.get(&format!("{PATH}/whatsapp/"), &owner).await.status, StatusCode::NOT_FOUND);
    assert_eq!(rig.get(&format!("{PATH}/whatsapp"), &owner).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_tenant_has_so_many_webhooks_and_no_more() {
    let rig = Rig::new().await;
    let mut last = None;
    for n in 0..51 {
        // Each key may make sixty a minute.
        let key = rig.key(Role::Owner, &["*"]).await;
        last = Some(rig.post(PATH, &key, &json!({ "url": format!("{URL}/{n}"), "events": ["*"] })).await);
    }
    let last = last.unwrap();
    assert_eq!((last.status, last.code().as_str()), (StatusCode::CONFLICT, "WEBHOOK_LIMIT_REACHED"));
}

#[tokio::test]
async fn a_call_is_told_under_its_names_with_phones_whole() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    made(&rig, &key, json!({ "url": URL, "events": ["*"] })).await;
    let voice = "https://voice.example.com/";
    made(&rig, &key, json!({ "url": voice, "events": ["call.*"] })).await;
    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    let incoming = until_arrived(&rig, URL, "whatsapp.call.incoming").await;
    assert_eq!(incoming["type"], "whatsapp.call.incoming");
    let data = &incoming["data"];
    assert_eq!((&data["from"], &data["to"]), (&json!("+447700900123"), &json!("+15550100200")));
    assert_eq!(
        (&data["direction"], &data["status"], &data["channel"]),
        (&json!("inbound"), &json!("queued"), &json!("whatsapp"))
    );
    assert_eq!((&data["phone_number_id"], &data["meta_call_id"]), (&json!(META_ID), &json!("wacid.A")));
    assert!(data["sdp_offer"].as_str().unwrap().starts_with("v=0"), "the client may carry the sound");

    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    let missed = until_arrived(&rig, URL, "whatsapp.call.missed").await;
    let failed = until_arrived(&rig, voice, "call.failed").await;
    assert_eq!(missed["data"], failed["data"], "one event under two names");
    assert_ne!(missed["id"], failed["id"]);
    assert_eq!(missed["data"]["status"], "missed");
    let names = |url| arrived(&rig, url).into_iter().map(|(parcel, _)| parcel.name).collect::<Vec<_>>();
    assert_eq!(names(URL), ["whatsapp.call.incoming", "whatsapp.call.missed"]);
    assert_eq!(names(voice), ["call.initiated", "call.failed"]);
}

#[tokio::test]
async fn vobiz_and_meta_are_told_what_meta_said() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let (vobiz, meta) = ("https://vobiz.example.com/", "https://d360.example.com/");
    let subscriptions = async |key: &str, method: Method, path: &str, body: Option<&Value>| {
        let headers = [("X-Auth-ID", "MA_ABCDEFGH"), ("X-Auth-Token", key)];
        rig.ask(method, &format!("/api/v1/messaging/webhooks{path}"), &headers, body).await
    };
    for (field, body) in [
        ("secret", json!({ "url": vobiz, "secret": "a secret of ours" })),
        ("secret", json!({ "url": vobiz })),
        ("url", json!({ "secret": "a-secret-of-ours" })),
    ] {
        let answer = subscriptions(&key, Method::POST, "", Some(&body)).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["details"]["errors"][0]["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{}",
            answer.text
        );
    }
    let body = json!({ "url": vobiz, "secret": "a-secret-of-ours" });
    let agent = rig.key(Role::Agent, &["*"]).await;
    let answer = subscriptions(&agent, Method::POST, "", Some(&body)).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "INSUFFICIENT_PERMISSIONS"));
    let answer = subscriptions("nobody", Method::GET, "", None).await;
    assert_eq!((answer.status, answer.code().as_str()), (StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS"));
    let answer = subscriptions(&key, Method::POST, "", Some(&body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let subscription = answer.json();
    assert_eq!((&subscription["status"], &subscription["secret"]), (&json!("active"), &Value::Null));
    made(
        &rig,
        &key,
        json!({ "url": meta, "dress": "meta", "phone_number_id": META_ID, "headers": { "X-Token": "t" } }),
    )
    .await;

    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    let terminate = until_arrived(&rig, vobiz, "call.terminate").await;
    let connect = until_arrived(&rig, vobiz, "call.connect").await;
    let names = arrived(&rig, vobiz).into_iter().map(|(parcel, _)| parcel.name).collect::<Vec<_>>();
    assert_eq!(names, ["call.connect", "call.terminate"]);
    let call = rig.memory.calls().pop().unwrap();
    for event in [&connect, &terminate] {
        assert_eq!(event["call_id"], call.id.uuid().to_string());
        assert_eq!(event["channel_id"], call.number.uuid().to_string());
        assert_eq!(event["account_id"].as_str().unwrap().get(..3), Some("MA_"));
        let value = &event["payload"]["entry"][0]["changes"][0]["value"];
        assert_eq!(
            (&value["calls"][0]["id"], &value["messaging_product"]),
            (&json!("wacid.A"), &json!("whatsapp"))
        );
    }
    let passed: Vec<Value> =
        eventually(|| Some(arrived(&rig, meta)).filter(|told| told.len() == 2), "Meta's words")
            .await
            .into_iter()
            .map(|(parcel, body)| {
                assert_eq!(parcel.headers[0].1.expose(), "t");
                body
            })
            .collect();
    assert_eq!(passed, [connect["payload"].clone(), terminate["payload"].clone()], "unchanged");

    let id = subscription["id"].as_str().unwrap();
    let list = subscriptions(&key, Method::GET, "/", None).await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "another dress's are not its business");
    let gone = subscriptions(&key, Method::DELETE, &format!("/{id}"), None).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let again = subscriptions(&key, Method::DELETE, &format!("/{id}"), None).await;
    assert_eq!((again.status, again.code().as_str()), (StatusCode::NOT_FOUND, "WEBHOOK_NOT_FOUND"));
}

#[tokio::test]
async fn a_test_arrives_and_is_in_the_log_of_deliveries() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    for (url, body) in [
        (URL, json!({ "url": URL, "events": ["call.completed"] })),
        ("https://v.example.com/", json!({ "url": "https://v.example.com/", "dress": "vobiz" })),
        (
            "https://m.example.com/",
            json!({ "url": "https://m.example.com/", "dress": "meta", "phone_number_id": META_ID }),
        ),
    ] {
        let id = made(&rig, &key, body).await["id"].as_str().unwrap().to_owned();
        let sent = rig.post(&format!("{PATH}/{id}/test"), &key, &json!({})).await;
        assert_eq!(sent.status, StatusCode::ACCEPTED, "{}", sent.text);
        until_arrived(&rig, url, "webhook.test").await;
        let path = format!("{PATH}/{id}/deliveries?state=delivered");
        let mut delivery = Value::Null;
        while delivery.is_null() {
            delivery = rig.get(&path, &rig.key(Role::Owner, &["*"]).await).await.json()["data"][0].clone();
        }
        assert_eq!((&delivery["event_type"], &delivery["success"]), (&json!("webhook.test"), &json!(true)));
        assert_eq!((&delivery["http_status"], &delivery["retry_count"]), (&json!(200), &json!(0)));
        assert_eq!(delivery["event_id"], sent.json()["data"]["event_id"]);
    }
    assert_eq!(arrived(&rig, URL).len(), 1, "a test is for the webhook that is tested");
}

#[tokio::test]
async fn deliveries_come_in_pages_by_state_and_go_again() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let webhook = made(&rig, &key, json!({ "url": URL, "events": ["whatsapp.call.incoming"] })).await;
    let one = format!("{PATH}/{}", webhook["id"].as_str().unwrap());
    rig.carrier.set_reply(URL, Reply::Failed { stay_away: None, gone: true });
    rig.rings("wacid.A").await;
    rig.until(State::Queued).await;
    let mut dead = Value::Null;
    while dead.is_null() {
        let key = rig.key(Role::Owner, &["*"]).await;
        dead = rig.get(&format!("{one}/deliveries?state=dead"), &key).await.json()["data"][0].clone();
    }
    assert_eq!((&dead["success"], &dead["http_status"]), (&json!(false), &json!(503)));
    let webhook = rig.get(&one, &key).await.json()["data"].clone();
    assert_eq!((&webhook["active"], &webhook["disabled_reason"]), (&json!(false), &json!("gone")));

    rig.carrier.set_reply(URL, Reply::Taken);
    assert_eq!(rig.call("PUT", &one, &key, &json!({ "active": true })).await.status, StatusCode::OK);
    let replay = async |body: Value| rig.post(&format!("{one}/replay"), &key, &body).await;
    let again = replay(json!({ "dead": true })).await;
    assert_eq!((again.status, &again.json()["data"]["deliveries"]), (StatusCode::ACCEPTED, &json!(1)));
    until_arrived(&rig, URL, "whatsapp.call.incoming").await;
    let event = dead["event_id"].as_str().unwrap();
    assert_eq!(replay(json!({ "event_id": event })).await.json()["data"]["deliveries"], 1);
    assert_eq!(replay(json!({ "since": "2020-01-01" })).await.json()["data"]["deliveries"], 0, "until now");
    assert_eq!(
        replay(json!({ "since": "2020-01-01", "until": "2030-01-01" })).await.json()["data"]["deliveries"],
        1
    );
    assert_eq!(replay(json!({ "event_id": "evt_1" })).await.status, StatusCode::NOT_FOUND);
    for nonsense in [
        json!({}),
        json!({ "dead": false }),
        json!({ "event_id": event, "dead": true }),
        json!({ "since": "x" }),
    ] {
        assert_eq!(replay(nonsense.clone()).await.status, StatusCode::UNPROCESSABLE_ENTITY, "{nonsense}");
    }
    eventually(|| (arrived(&rig, URL).len() == 3).then_some(()), "three in all").await;

    let first = rig.get(&format!("{one}/deliveries?limit=2"), &key).await.json();
    assert_eq!(first["data"].as_array().unwrap().len(), 2);
    let cursor = first["meta"]["pagination"]["cursor"].as_str().unwrap().to_owned();
    let second = rig.get(&format!("{one}/deliveries?limit=2&cursor={cursor}"), &key).await.json();
    assert_eq!(
        (second["data"].as_array().unwrap().len(), &second["meta"]["pagination"]["cursor"]),
        (1, &Value::Null)
    );
    let other = rig.get(&format!("{one}/deliveries?state=dead&cursor={cursor}"), &key).await;
    assert_eq!(other.code(), "INVALID_CURSOR");
    assert_eq!(
        rig.get(&format!("{one}/deliveries?state=lost"), &key).await.status,
        StatusCode::UNPROCESSABLE_ENTITY
    );
}

#[tokio::test]
async fn after_a_rotation_both_secrets_sign() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let webhook = made(&rig, &key, json!({ "url": URL, "events": ["*"] })).await;
    let one = format!("{PATH}/{}", webhook["id"].as_str().unwrap());
    let rotated = rig.call("POST", &format!("{one}/rotate-secret"), &key, &Value::Null).await;
    assert_eq!(rotated.status, StatusCode::OK, "{}", rotated.text);
    let rotated = rotated.json()["data"].clone();
    assert_eq!(rotated["previous_secret_expires_at"], "2026-11-03T09:15:00Z");
    rig.post(&format!("{one}/test"), &key, &json!({})).await;
    until_arrived(&rig, URL, "webhook.test").await;
    let secrets: Vec<String> =
        arrived(&rig, URL)[0].0.secrets.iter().map(|secret| secret.expose().to_owned()).collect();
    assert_eq!(
        secrets,
        [rotated["signing_secret"].as_str().unwrap(), webhook["signing_secret"].as_str().unwrap()]
    );
}

#[tokio::test]
async fn changes_of_webhooks_are_written_down_without_their_secrets() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Developer, &["*"]).await;
    let url = "https://crm.example.com/in/canary";
    let body = json!({ "url": url, "events": ["call.completed"], "secret": "canary-0123456789" });
    let id = made(&rig, &key, body).await["id"].as_str().unwrap().to_owned();
    let one = format!("{PATH}/{id}");
    rig.call("PUT", &one, &key, &json!({ "active": false })).await;
    rig.call("PUT", &one, &key, &json!({ "active": true })).await;
    rig.post(&format!("{one}/rotate-secret"), &key, &json!({ "secret": "canary-9876543210" })).await;
    rig.post(&format!("{one}/test"), &key, &json!({})).await;
    rig.post(&format!("{one}/replay"), &key, &json!({ "dead": true })).await;
    rig.call("DELETE", &one, &key, &Value::Null).await;
    let refused = rig.call("DELETE", &one, &key, &Value::Null).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    let deeds = rig.audit.deeds();
    let done: Vec<&str> = deeds.iter().map(|deed| deed.action.as_str()).collect();
    assert_eq!(
        done,
        [
            "webhook.created",
            "webhook.changed",
            "webhook.changed",
            "webhook.secret_rotated",
            "webhook.tested",
            "webhook.replayed",
            "webhook.removed",
        ]
    );
    assert!(deeds.iter().all(|deed| deed.object.as_ref().is_some_and(|it| it.id == id)), "{deeds:?}");
    let text = format!("{deeds:?}");
    assert!(text.contains("https://crm.example.com") && !text.contains("canary"), "{text}");
}
