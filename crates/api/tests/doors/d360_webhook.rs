//! 360dialog's `/v1/configs/webhook`, and what goes to the address.

use axum::http::{Method, StatusCode};
use offhook_core::house::{KeyMode, Role};
use offhook_core::ports::Clock;
use serde_json::{Value, json};

use crate::rig::{Answered, META_ID, Rig, eventually, number, tenant};

const PATH: &str = "/v1/configs/webhook";
const URL: &str = "https://crm.example.com/whatsapp";

async fn ask(rig: &Rig, key: &str, method: Method, body: Option<&Value>) -> Answered {
    rig.ask(method, PATH, &[("D360-API-KEY", key)], body).await
}

/// What arrived at an address: names, bodies, and the values of the customer's own headers.
fn arrived(rig: &Rig, url: &str) -> Vec<(String, Value, Vec<String>)> {
    let here = rig.carrier.carried().into_iter().filter(|(parcel, ok)| *ok && parcel.url == url);
    here.map(|(parcel, _)| {
        let body = serde_json::from_slice(&parcel.dressed.body).unwrap();
        let headers = parcel.headers.iter().map(|(_, value)| value.expose().to_owned()).collect();
        (parcel.name, body, headers)
    })
    .collect()
}

#[tokio::test]
async fn a_numbers_webhooks_go_where_its_key_says_in_metas_own_words() {
    let rig = Rig::new().await;
    let key = rig.number_key(Role::Developer, KeyMode::Live).await;
    let none = ask(&rig, &key, Method::GET, None).await;
    assert_eq!((none.status, &none.json()["meta"]["httpCode"]), (StatusCode::NOT_FOUND, &json!(404)));
    let wanted = json!({ "url": URL, "headers": { "Authorization": "Bearer theirs" } });
    let set = ask(&rig, &key, Method::POST, Some(&wanted)).await;
    let shown = json!({ "url": URL, "headers": { "authorization": "****" } });
    assert_eq!((set.status, set.json()), (StatusCode::OK, shown.clone()));
    assert_eq!(ask(&rig, &key, Method::GET, None).await.json(), shown);

    rig.rings("wacid.A").await;
    let settings = json!({
        "timestamp": (rig.clock.now().as_micros() / 1_000_000).to_string(), "type": "phone_number_settings",
        "phone_number_settings": { "phone_number_id": META_ID, "calling": { "status": "DISABLED" } },
    });
    assert_eq!(rig.knock_at("account_settings_update", &settings).await.status, StatusCode::OK);
    let told = eventually(|| Some(arrived(&rig, URL)).filter(|told| told.len() == 2), "two webhooks").await;
    let change = |told: &Value| told["entry"][0]["changes"][0].clone();
    for (name, body, headers) in &told {
        assert_eq!(
            (change(body)["field"].as_str(), &headers[..]),
            (Some(name.as_str()), &["Bearer theirs".to_owned()][..])
        );
    }
    let passed = told.iter().find(|(name, ..)| name == "account_settings_update").unwrap();
    assert_eq!(change(&passed.1)["value"], settings, "unchanged");

    // The next address takes the place of this one.
    let next = "https://other.example.com/";
    let set = ask(&rig, &key, Method::POST, Some(&json!({ "url": next }))).await;
    assert_eq!((set.status, set.json()), (StatusCode::OK, json!({ "url": next, "headers": {} })));
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    eventually(|| arrived(&rig, next).pop(), "a webhook at the next address").await;
    assert_eq!(arrived(&rig, URL).len(), 2);
    let owner = rig.key(Role::Owner, &["*"]).await;
    let hooks = rig.get("/api/v1/webhooks", &owner).await.json()["data"].clone();
    assert_eq!((hooks.as_array().unwrap().len(), &hooks[0]["phone_number_id"]), (1, &json!(META_ID)));

    let gone = ask(&rig, &key, Method::DELETE, None).await;
    assert_eq!((gone.status, gone.json()), (StatusCode::OK, json!({ "success": true })));
    assert_eq!(ask(&rig, &key, Method::DELETE, None).await.status, StatusCode::NOT_FOUND);
    let actions = rig.audit.actions();
    assert_eq!(actions, ["webhook.created", "webhook.changed", "webhook.removed"], "{actions:?}");
    assert!(!format!("{:?}", rig.audit.deeds()).contains("Bearer theirs"));
}

#[tokio::test]
async fn an_address_is_judged_and_is_for_those_who_integrate() {
    let rig = Rig::new().await;
    let key = rig.number_key(Role::Owner, KeyMode::Live).await;
    for wrong in [
        json!({}),
        json!({ "url": "http://crm.example.com/" }),
        json!({ "url": URL, "headers": { "Host": "elsewhere" } }),
        json!({ "url": URL, "secret": "short" }),
    ] {
        let answer = ask(&rig, &key, Method::POST, Some(&wrong)).await;
        assert_eq!(
            (answer.status, &answer.json()["meta"]["success"]),
            (StatusCode::BAD_REQUEST, &json!(false)),
            "{wrong}"
        );
    }
    let agent = rig.number_key(Role::Agent, KeyMode::Live).await;
    assert_eq!(ask(&rig, &agent, Method::GET, None).await.status, StatusCode::FORBIDDEN);
    let test = rig.number_key(Role::Owner, KeyMode::Test).await;
    assert_eq!(ask(&rig, &test, Method::GET, None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(ask(&rig, "nobody", Method::GET, None).await.status, StatusCode::UNAUTHORIZED);

    // Another company's number has an address of its own.
    assert_eq!(ask(&rig, &key, Method::POST, Some(&json!({ "url": URL }))).await.status, StatusCode::OK);
    let theirs = number(2, tenant(2), "206540352242922", "+15550100300").id;
    let theirs = rig.key_for(theirs, tenant(2), Role::Owner, &["*"], KeyMode::Live).await;
    assert_eq!(ask(&rig, &theirs, Method::GET, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask(&rig, &theirs, Method::DELETE, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask(&rig, &key, Method::GET, None).await.status, StatusCode::OK);
}
