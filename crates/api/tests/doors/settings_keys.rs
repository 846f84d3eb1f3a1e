//! API keys over REST.

use std::time::Duration;

use axum::http::StatusCode;
use offhook_core::house::{KeyKind, Role};
use serde_json::{Value, json};

use crate::rig::{Office, Side};

const KEYS: &str = "/api/v1/settings/api-keys";
const CALLS: &str = "/api/v1/whatsapp/calling/calls";

fn wanted(change: impl FnOnce(&mut Value)) -> Option<Value> {
    let mut body = json!({ "name": "CRM", "scopes": ["calls:read"] });
    change(&mut body);
    Some(body)
}

async fn made(office: &Office, side: &Side, change: impl FnOnce(&mut Value)) -> Value {
    let answer = office.ask(side, "POST", KEYS, wanted(change)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    answer.json()["data"].clone()
}

fn side(made: &Value) -> Side {
    Side::Key(made["key"].as_str().unwrap().to_owned())
}

fn path(made: &Value) -> String {
    format!("{KEYS}/{}", made["id"].as_str().unwrap())
}

async fn works(office: &Office, key: &Side) -> bool {
    match office.ask(key, "GET", CALLS, None).await {
        answer if answer.status == StatusCode::OK => true,
        answer => {
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (StatusCode::UNAUTHORIZED, "INVALID_API_KEY")
            );
            false
        }
    }
}

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let body = json!({
        "name": " CRM ", "type": "secret", "scopes": ["calls:*"], "mode": "live", "expiresIn": "30d",
        "allowed_ips": ["203.0.113.0/24", "2001:db8:40::/48"], "role": "agent",
    });
    let answer = office.ask(&owner, "POST", KEYS, Some(body)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let made = answer.json()["data"].clone();
    let key = made["key"].as_str().unwrap();
    assert!(key.starts_with("wab_live_sk_"));
    assert_eq!(
        (&made["name"], &made["role"], &made["status"]),
        (&json!("CRM"), &json!("agent"), &json!("active"))
    );
    assert_eq!(made["expires_at"], "2026-12-02T09:15:00Z");
    assert_eq!(made["allowed_ips"], json!(["203.0.113.0/24", "2001:db8:40::/48"]));
    assert!(works(&office, &side(&made)).await);

    for path in [KEYS.to_owned(), path(&made)] {
        let shown = office.ask(&owner, "GET", &path, None).await;
        assert_eq!(shown.status, StatusCode::OK);
        assert!(!shown.text.contains(&key[12..]), "a key is shown once: {}", shown.text);
    }
    let listed = office.ask(&owner, "GET", KEYS, None).await.json();
    assert_eq!(listed["data"][0]["last_used_at"], "2026-11-02T09:15:00Z");
    assert_eq!(listed["meta"]["pagination"]["has_more"], false);
    assert!(office.is_whole().await);
}

#[tokio::test]
async fn a_body_that_breaks_a_rule_is_refused_with_the_field() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let many: Vec<String> = (0..51).map(|n| format!("198.51.100.{n}")).collect();
    type Change = Box<dyn FnOnce(&mut Value)>;
    let set = |field: &'static str, value: Value| -> Change { Box::new(move |body| body[field] = value) };
    let cases: Vec<(Change, &str, &str)> = vec![
        (set("name", Value::Null), "MISSING_REQUIRED_FIELD", "name"),
        (set("name", json!("  ")), "VALIDATION_ERROR", "name"),
        (set("name", json!("a\nb")), "VALIDATION_ERROR", "name"),
        (set("name", json!("x".repeat(101))), "VALIDATION_ERROR", "name"),
        (set("scopes", json!([])), "MISSING_REQUIRED_FIELD", "scopes"),
        (set("scopes", json!(["calls:read", "calls:erase"])), "VALIDATION_ERROR", "scopes[1]"),
        (set("type", json!("private")), "VALIDATION_ERROR", "type"),
        (set("mode", json!("demo")), "VALIDATION_ERROR", "mode"),
        (set("expiresIn", json!("2y")), "VALIDATION_ERROR", "expiresIn"),
        (set("allowed_ips", json!(["example.com"])), "VALIDATION_ERROR", "allowed_ips[0]"),
        (set("allowed_ips", json!(many)), "VALIDATION_ERROR", "allowed_ips"),
        (set("role", json!("root")), "VALIDATION_ERROR", "role"),
        (
            Box::new(|body| {
                body["type"] = json!("public");
                body["role"] = json!("agent");
            }),
            "VALIDATION_ERROR",
            "role",
        ),
    ];
    for (change, code, field) in cases {
        let answer = office.ask(&owner, "POST", KEYS, wanted(change)).await;
        let error = answer.json()["error"].clone();
        assert_eq!(
            (error["code"].as_str(), answer.status),
            (Some(code), StatusCode::UNPROCESSABLE_ENTITY),
            "{error}"
        );
        assert_eq!(error["details"]["field"], field, "{error}");
    }
    assert_eq!(office.ask(&owner, "GET", KEYS, None).await.json()["data"], json!([]));
}

#[tokio::test]
async fn nobody_makes_a_key_above_themselves() {
    let office = Office::new().await;
    office.person("admin@example.com", Role::Admin).await;
    office.person("dev@example.com", Role::Developer).await;
    let admin = office.page("admin@example.com").await;
    let developer = office.page("dev@example.com").await;
    let narrow = office.key(Role::Developer, &["settings:write", "calls:*"]).await;
    let bound = office
        .key_with(Role::Owner, &["*"], |key| key.allowed_ips = vec!["203.0.113.0/24".parse().unwrap()])
        .await;
    for (who, role, scope, ips, expected) in [
        (&admin, "admin", "*", None, true),
        (&admin, "owner", "calls:read", None, false),
        (&developer, "developer", "*", None, true),
        (&developer, "admin", "calls:read", None, false),
        (&narrow, "developer", "calls:write", None, true),
        (&narrow, "developer", "calls:*", None, true),
        (&narrow, "developer", "contacts:read", None, false),
        (&narrow, "viewer", "*", None, false),
        (&bound, "owner", "*", None, true),
        (&bound, "owner", "*", Some("203.0.113.128/25"), true),
        (&bound, "owner", "*", Some("203.0.0.0/16"), false),
    ] {
        let change = |body: &mut Value| {
            body["role"] = json!(role);
            body["scopes"] = json!([scope]);
            ips.into_iter().for_each(|ips| body["allowed_ips"] = json!([ips]));
        };
        let answer = office.ask(who, "POST", KEYS, wanted(change)).await;
        if expected {
            assert_eq!(answer.status, StatusCode::CREATED, "{role} {scope} {ips:?}: {}", answer.text);
        } else {
            let refused = (StatusCode::FORBIDDEN, "INSUFFICIENT_PERMISSIONS".to_owned());
            assert_eq!((answer.status, answer.code()), refused, "{role} {scope} {ips:?}: {}", answer.text);
        }
    }
    let inherited = made(&office, &bound, |_| {}).await;
    assert_eq!(inherited["allowed_ips"], json!(["203.0.113.0/24"]), "a bound key makes bound keys");
    let freed = office
        .ask(
            &bound,
            "PATCH",
            &format!("{}/allowed-ips", path(&inherited)),
            Some(json!({ "allowed_ips": null })),
        )
        .await;
    assert_eq!(freed.code(), "INSUFFICIENT_PERMISSIONS");
}

#[tokio::test]
async fn nobody_takes_over_a_key_above_themselves() {
    let office = Office::new().await;
    office.person("admin@example.com", Role::Admin).await;
    let (owner, admin) = (office.page("owner@example.com").await, office.page("admin@example.com").await);
    let owners = made(&office, &owner, |body| body["scopes"] = json!(["*"])).await;
    let rotate = format!("{}/rotate", path(&owners));
    let allowed = format!("{}/allowed-ips", path(&owners));
    for (method, path, body) in [
        ("DELETE", path(&owners), None),
        ("POST", rotate, Some(json!({}))),
        ("PATCH", allowed, Some(json!({ "allowed_ips": [] }))),
    ] {
        let answer = office.ask(&admin, method, &path, body).await;
        assert_eq!(answer.code(), "INSUFFICIENT_PERMISSIONS", "{method} {path}");
    }
    assert!(works(&office, &side(&owners)).await);
}

#[tokio::test]
async fn developers_see_the_keys_they_made() {
    let office = Office::new().await;
    office.person("dev@example.com", Role::Developer).await;
    let (owner, developer) = (office.page("owner@example.com").await, office.page("dev@example.com").await);
    let theirs = made(&office, &developer, |_| {}).await;
    let not_theirs = made(&office, &owner, |body| body["role"] = json!("viewer")).await;
    let ids = |answer: Value| {
        let rows = answer["data"].as_array().unwrap().clone();
        rows.into_iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let seen = ids(office.ask(&developer, "GET", KEYS, None).await.json());
    assert_eq!(seen, [theirs["id"].as_str().unwrap()]);
    assert_eq!(ids(office.ask(&owner, "GET", KEYS, None).await.json()).len(), 2);
    assert_eq!(office.ask(&developer, "GET", &path(&not_theirs), None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        office.ask(&developer, "DELETE", &path(&not_theirs), None).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(office.ask(&developer, "DELETE", &path(&theirs), None).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_key_ends_when_its_time_is_over() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let day = Duration::from_secs(24 * 60 * 60);
    let cases = [
        (json!("30d"), Some(30)),
        (json!("90d"), Some(90)),
        (Value::Null, Some(365)),
        (json!("never"), None),
    ];
    let mut keys = Vec::new();
    for (word, days) in cases {
        keys.push((made(&office, &owner, |body| body["expiresIn"] = word).await, days));
    }
    let mut passed = 0;
    for until in [30, 90, 365] {
        office.clock.advance(day * (until - passed) - Duration::from_secs(1));
        for (key, days) in &keys {
            assert_eq!(
                works(&office, &side(key)).await,
                days.is_none_or(|days| days >= until),
                "before {until}"
            );
        }
        office.clock.advance(Duration::from_secs(1));
        for (key, days) in &keys {
            assert_eq!(works(&office, &side(key)).await, days.is_none_or(|days| days > until), "at {until}");
        }
        passed = until;
    }
}

#[tokio::test]
async fn a_key_that_ends_soon_says_so() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let key = made(&office, &owner, |body| body["expiresIn"] = json!("30d")).await;
    for (days, soon, status) in
        [(0, false, "active"), (15, false, "active"), (2, true, "active"), (13, false, "expired")]
    {
        office.clock.advance(Duration::from_secs(days * 24 * 60 * 60));
        let owner = office.page("owner@example.com").await;
        let row = office.ask(&owner, "GET", &path(&key), None).await.json()["data"].clone();
        assert_eq!((&row["expires_soon"], &row["status"]), (&json!(soon), &json!(status)), "{row}");
    }
    assert!(!works(&office, &side(&key)).await);
}

#[tokio::test]
async fn a_replaced_key_goes_on_for_a_while() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let old = made(&office, &owner, |body| body["scopes"] = json!(["calls:read", "contacts:read"])).await;
    let body = Some(json!({ "overlap_seconds": 3600 }));
    let answer = office.ask(&owner, "POST", &format!("{}/rotate", path(&old)), body).await;
    assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let new = answer.json()["data"].clone();
    assert_eq!(new["replaces"], json!({ "id": old["id"], "works_until": "2026-11-02T10:15:00Z" }));
    for field in ["name", "role", "scopes", "mode", "type", "expires_at"] {
        assert_eq!(new[field], old[field], "{field}");
    }
    office.clock.advance(Duration::from_secs(3599));
    assert!(works(&office, &side(&old)).await && works(&office, &side(&new)).await);
    office.clock.advance(Duration::from_secs(1));
    assert!(!works(&office, &side(&old)).await && works(&office, &side(&new)).await);
    let owner = office.page("owner@example.com").await;
    let again = office.ask(&owner, "POST", &format!("{}/rotate", path(&old)), None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "what has ended is not replaced");
    let long = office
        .ask(&owner, "POST", &format!("{}/rotate", path(&new)), Some(json!({ "overlap_seconds": 604_801 })))
        .await;
    assert_eq!(long.json()["error"]["details"]["field"], "overlap_seconds");
}

#[tokio::test]
async fn the_list_of_addresses_is_as_the_provider_documents_it() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let key = made(&office, &owner, |_| {}).await;
    let path = format!("{}/allowed-ips", path(&key));
    let id = key["id"].clone();
    let listed = |list: Value| json!({ "id": id, "allowed_ips": list });
    assert_eq!(office.ask(&owner, "GET", &path, None).await.json()["data"], listed(Value::Null));
    for (sent, kept) in [
        (json!(["198.51.100.7", "2001:db8:40::/48"]), json!(["198.51.100.7", "2001:db8:40::/48"])),
        (json!(["192.0.2.1"]), json!(["192.0.2.1"])),
        (Value::Null, Value::Null),
        (json!(["192.0.2.1"]), json!(["192.0.2.1"])),
        (json!([]), Value::Null),
    ] {
        let answer = office.ask(&owner, "PATCH", &path, Some(json!({ "allowed_ips": sent }))).await;
        assert_eq!(
            (answer.status, &answer.json()["data"]),
            (StatusCode::OK, &listed(kept.clone())),
            "{sent}"
        );
        assert_eq!(office.ask(&owner, "GET", &path, None).await.json()["data"], listed(kept));
    }
    let empty = office.ask(&owner, "PATCH", &path, Some(json!({}))).await;
    assert_eq!(
        empty.status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "leaving it out clears nothing: {}",
        empty.text
    );
    let updates = office.actions().await.into_iter().filter(|it| it == "api_key.allowed_ips_updated").count();
    assert_eq!(updates, 5);
}

#[tokio::test]
async fn a_key_shown_from_elsewhere_is_no_key_and_written_down() {
    let office =
        Office::configured(|config| config.trusted_proxies = vec!["10.0.0.0/8".parse().unwrap()]).await;
    let owner = office.page("owner@example.com").await;
    let key = made(&office, &owner, |body| body["allowed_ips"] = json!(["198.51.100.7"])).await;
    let key = side(&key);
    for (peer, forwarded, let_in) in [
        ("198.51.100.7", None, true),
        ("::ffff:198.51.100.7", None, true),
        ("203.0.113.9", None, false),
        ("203.0.113.9", Some("198.51.100.7"), false),
        ("10.0.0.1", None, false),
        ("10.0.0.1", Some("198.51.100.7"), true),
        ("10.0.0.1", Some("203.0.113.9, 198.51.100.7, 10.9.9.9"), true),
        ("10.0.0.1", Some("198.51.100.7, 203.0.113.9"), false),
    ] {
        let mut headers = vec![("peer", peer)];
        headers.extend(forwarded.map(|forwarded| ("x-forwarded-for", forwarded)));
        let answer = office.ask_with(&key, "GET", CALLS, None, &headers).await;
        let expected = if let_in { StatusCode::OK } else { StatusCode::UNAUTHORIZED };
        assert_eq!(answer.status, expected, "{peer} {forwarded:?}");
        if !let_in {
            assert_eq!(answer.code(), "INVALID_API_KEY");
        }
    }
    let violations: Vec<_> = office
        .deeds()
        .await
        .into_iter()
        .filter(|entry| entry.deed.action == "api_key.allowed_ips_violation")
        .filter_map(|entry| Some(entry.deed.address?.to_string()))
        .collect();
    assert_eq!(violations, ["203.0.113.9", "10.0.0.1"], "once a minute for each address");
}

#[tokio::test]
async fn a_public_key_reads_masked_and_changes_nothing() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let public = made(&office, &owner, |body| {
        body["type"] = json!("public");
        body["scopes"] = json!(["*"]);
    })
    .await;
    assert!(public["key"].as_str().unwrap().starts_with("wab_live_pk_"));
    assert_eq!(public["role"], "viewer");
    let everything = office.key_with(Role::Owner, &["*"], |key| key.kind = KeyKind::Public).await;
    for key in [side(&public), everything] {
        let numbers = office.ask(&key, "GET", "/api/v1/whatsapp/calling/numbers", None).await;
        assert_eq!(numbers.status, StatusCode::OK);
        assert!(numbers.json()["data"][0]["phone"].as_str().unwrap().ends_with("****"), "{}", numbers.text);
        for (method, path) in
            [("POST", CALLS), ("POST", "/api/v1/softphone/tokens"), ("GET", KEYS), ("POST", KEYS)]
        {
            let answer = office.ask(&key, method, path, Some(json!({}))).await;
            assert_eq!(answer.code(), "INSUFFICIENT_PERMISSIONS", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_revoked_key_takes_its_sockets_with_it() {
    let office = Office::new().await;
    let ann = office.person("ann@example.com", Role::Agent).await;
    let owner = office.page("owner@example.com").await;
    let key = made(&office, &owner, |body| body["scopes"] = json!(["calls:write"])).await;
    let other = made(&office, &owner, |body| body["scopes"] = json!(["calls:write"])).await;
    let address = office.serve().await;
    let mut lost = office.socket(address, &side(&key), Some(&ann)).await;
    let mut kept = office.socket(address, &side(&other), Some(&ann)).await;
    assert_eq!(office.ask(&owner, "DELETE", &path(&key), None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(office.ask(&owner, "DELETE", &path(&key), None).await.status, StatusCode::NOT_FOUND);
    office.five_seconds().await;
    assert_eq!(lost.closed().await.0, 4403);
    assert_eq!(kept.command(json!({ "type": "ping" })).await["type"], "pong");
    assert!(!works(&office, &side(&key)).await);
}
