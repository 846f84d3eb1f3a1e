//! The audit log over REST, and what each door writes into it.

use axum::http::{Method, StatusCode};
use offhook_core::house::{KeyMode, Role};
use serde_json::{Value, json};

use crate::rig::{META_ID, OFFER, Office, PASSWORD, Rig};

const AUDIT: &str = "/api/v1/settings/audit";

#[tokio::test]
async fn what_is_done_is_written_down_with_who_and_from_where() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let body = json!({ "name": "CRM", "scopes": ["calls:read"] });
    let headers = [("peer", "198.51.100.7"), ("x-request-id", "req_mine")];
    let made = office.ask_with(&owner, "POST", "/api/v1/settings/api-keys", Some(body), &headers).await;
    let key = made.json()["data"].clone();
    let log = office.ask(&owner, "GET", AUDIT, None).await.json();
    let entry = &log["data"][0];
    assert_eq!((&entry["action"], &entry["seq"]), (&json!("api_key.created"), &json!(2)), "{entry}");
    assert_eq!(entry["actor"]["name"], "owner");
    assert_eq!(entry["object"], json!({ "type": "api_key", "id": key["id"] }));
    assert_eq!((&entry["request_id"], &entry["address"]), (&json!("req_mine"), &json!("198.51.100.7")));
    assert_eq!((&entry["before"], &entry["after"]["name"]), (&Value::Null, &json!("CRM")));
    assert_eq!(entry["address_hash"].as_str().unwrap().len(), 16);
    assert_eq!(entry["hash"].as_str().unwrap().len(), 64);
    assert!(!log.to_string().contains(&key["key"].as_str().unwrap()[12..]), "no secret: {log}");
    assert_eq!(log["data"][1]["action"], "session.opened");
}

#[tokio::test]
async fn admins_see_hashes_of_addresses_and_developers_their_own_acts() {
    let office = Office::new().await;
    for (email, role) in [("admin@example.com", Role::Admin), ("dev@example.com", Role::Developer)] {
        office.person(email, role).await;
    }
    let (admin, developer) = (office.page("admin@example.com").await, office.page("dev@example.com").await);
    let seen = office.ask(&admin, "GET", AUDIT, None).await.json();
    assert_eq!(seen["data"].as_array().unwrap().len(), 2);
    assert!(
        seen["data"][0]["address_hash"].is_string() && seen["data"][0].get("address").is_none(),
        "{seen}"
    );
    let own = office.ask(&developer, "GET", AUDIT, None).await.json();
    assert_eq!(own["data"].as_array().unwrap().len(), 1, "{own}");
    assert_eq!(own["data"][0]["actor"]["name"], "dev");
    let admins = seen["data"][1]["actor"]["id"].as_str().unwrap();
    let others = office.ask(&developer, "GET", &format!("{AUDIT}?actor={admins}"), None).await.json();
    assert_eq!(others["data"], json!([]));
}

#[tokio::test]
async fn the_log_is_read_in_pages_while_it_grows() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    for n in 0..6 {
        let body = json!({ "name": format!("key {n}"), "scopes": ["calls:read"] });
        office.ask(&owner, "POST", "/api/v1/settings/api-keys", Some(body)).await;
    }
    let mut seen = Vec::new();
    let mut path = format!("{AUDIT}?limit=2&action=api_key.");
    loop {
        let page = office.ask(&owner, "GET", &path, None).await.json();
        seen.extend(page["data"].as_array().unwrap().iter().map(|it| it["seq"].as_u64().unwrap()));
        let Some(cursor) = page["meta"]["pagination"]["cursor"].as_str() else { break };
        path = format!("{AUDIT}?limit=2&action=api_key.&cursor={cursor}");
        let body = json!({ "name": "one more", "scopes": ["calls:read"] });
        office.ask(&owner, "POST", "/api/v1/settings/api-keys", Some(body)).await;
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2]);
    let foreign = path.replace("action=api_key.", "action=person.");
    assert_eq!(office.ask(&owner, "GET", &foreign, None).await.code(), "INVALID_CURSOR");
    assert_eq!(office.ask(&owner, "GET", &format!("{AUDIT}?limit=0"), None).await.code(), "VALIDATION_ERROR");
}

#[tokio::test]
async fn refusals_are_written_down_where_they_belong() {
    let office = Office::new().await;
    let ann = office.person("ann@example.com", Role::Agent).await;
    assert!(office.page_with("ann@example.com", "guess").await.is_err());
    assert!(office.page_with("nobody@example.com", "guess").await.is_err());
    let page = office.page("ann@example.com").await;
    for _ in 0..3 {
        assert_eq!(office.ask(&page, "GET", AUDIT, None).await.code(), "INSUFFICIENT_PERMISSIONS");
    }
    office.ask(&page, "POST", "/api/v1/auth/logout", None).await;
    let actions = office.actions().await;
    assert_eq!(actions, ["session.refused", "session.opened", "right.refused", "session.closed"]);
    let deeds = office.deeds().await;
    assert_eq!(deeds[0].deed.object.as_ref().unwrap().id, ann.id.as_str());
    assert_eq!(deeds[2].deed.after.as_deref(), Some(r#"{"required":"audit:read"}"#));
    assert_eq!(office.house_actions().await, ["session.refused"], "a stranger's try");
    assert!(!format!("{deeds:?}").contains(PASSWORD));
}

#[tokio::test]
async fn calls_and_numbers_changed_over_rest_are_written_down() {
    let office = Office::new().await;
    let key = office.key(Role::Owner, &["*"]).await;
    let number = format!("/api/v1/whatsapp/calling/numbers/{META_ID}");
    let set = office.ask(&key, "PATCH", &number, Some(json!({ "media_mode": "bridge" }))).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let body = json!({ "to": "+447700900123", "from_phone_number_id": META_ID });
    let placed = office.ask(&key, "POST", "/api/v1/whatsapp/calling/calls", Some(body)).await;
    assert_eq!(placed.status, StatusCode::CREATED, "{}", placed.text);
    let call = placed.json()["data"]["id"].as_str().unwrap().to_owned();
    let over = format!("/api/v1/whatsapp/calling/calls/{call}/terminate");
    assert_eq!(office.ask(&key, "POST", &over, None).await.status, StatusCode::OK);
    let deeds = office.deeds().await;
    let told: Vec<_> = deeds.iter().map(|entry| entry.deed.action.as_str()).collect();
    assert_eq!(told, ["number.changed", "call.placed", "call.terminate"]);
    assert_eq!(deeds[0].deed.before.as_deref(), Some(r#"{"media_mode":"relay"}"#));
    assert_eq!(deeds[1].deed.object.as_ref().unwrap().id, call);
    assert!(!format!("{deeds:?}").contains("7700900123"), "no phone number");
}

#[tokio::test]
async fn what_agents_do_over_their_socket_is_noted() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let olga = rig.sign_in("olga@example.com").await;
    let issued = rig.page(Method::POST, "/api/v1/softphone/tokens", &olga, &json!({})).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.text);
    let mut ann = rig.agent(address, 1).await;
    let place = json!({ "type": "call.place", "to": "+447700900123", "sdp": OFFER });
    assert_eq!(ann.command(place).await["type"], "ack");
    let actions = rig.audit.actions();
    for action in ["softphone.ticket_issued", "call.placed"] {
        assert!(actions.contains(&action.to_owned()), "{action} in {actions:?}");
    }
    let told = format!("{:?}", rig.audit.deeds());
    assert!(!told.contains("447700900123"), "{told}");
}

#[tokio::test]
async fn numbers_switched_users_asked_and_bots_invited_are_noted() {
    let (rig, tell) = Rig::bridged().await;
    let address = rig.serve().await;
    let mut ann = rig.agent(address, 1).await;
    let call = rig.talks(&tell, &mut ann).await;
    let key = rig.key(Role::Owner, &["*"]).await;
    let done = async |path: &str, body: Value| {
        let answer = rig.post(path, &key, &body).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.text);
    };
    let calling = format!("/api/v1/whatsapp/connections/{META_ID}/calling");
    done(&format!("{calling}/enable"), json!({})).await;
    done(&format!("{calling}/disable"), json!({})).await;
    let ask = json!({ "phone_number_id": META_ID, "to": "+447700900199" });
    done("/api/v1/whatsapp/calling/permissions/request", ask).await;
    let call = format!("/api/v1/whatsapp/calling/calls/{}", call["id"].as_str().unwrap());
    done(&format!("{call}/streams"), json!({})).await;
    let d360 = rig.number_key(Role::Owner, KeyMode::Live).await;
    let settings = json!({ "calling": { "status": "ENABLED", "sip": { "servers": ["a-secret"] } } });
    let headers = [("d360-api-key", d360.as_str())];
    let set = rig.ask(Method::POST, "/calling/settings", &headers, Some(&settings)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let asked = json!({ "type": "permission.request", "to": "+447700900198" });
    assert_eq!(ann.command(asked).await["type"], "ack");
    let actions = rig.audit.actions();
    let expected = [
        "calling.enabled",
        "calling.disabled",
        "permission.requested",
        "call.stream_invited",
        "calling.enabled",
        "permission.requested",
    ];
    assert_eq!(actions, expected);
    let told = format!("{:?}", rig.audit.deeds());
    for secret in ["a-secret", "7700900199", "7700900198", "vbi_"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
}
