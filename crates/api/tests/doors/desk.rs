//! Signing in and out, and tickets.

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use offhook_core::house::{KeyMode, Role};
use serde_json::{Value, json};

use crate::rig::{PASSWORD, Rig, tenant, user};

#[tokio::test]
async fn signing_in_gives_a_session_until_signing_out() {
    let rig = Rig::new().await;
    let cookie = rig.sign_in("Ann@Example.com ").await;
    let me = rig.page(Method::GET, "/api/v1/auth/me", &cookie, &Value::Null).await;
    assert_eq!(me.status, StatusCode::OK);
    let agent = json!({ "id": user(1).as_str(), "name": "Ann", "email": "ann@example.com", "role": "agent" });
    assert_eq!(me.json()["data"]["agent"], agent);
    let out = rig.page(Method::POST, "/api/v1/auth/logout", &cookie, &Value::Null).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    let me = rig.page(Method::GET, "/api/v1/auth/me", &cookie, &Value::Null).await;
    assert_eq!((me.status, me.code().as_str()), (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"));
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts_and_other_hosts() {
    for (secure, name) in [(false, "offhook="), (true, "__Host-offhook=")] {
        let rig = Rig::configured(|config| config.cookie_secure = secure).await;
        let body = json!({ "email": "ann@example.com", "password": PASSWORD });
        let answer = rig.page(Method::POST, "/api/v1/auth/login", "", &body).await;
        let cookie = answer.header("set-cookie");
        assert!(cookie.starts_with(name), "{cookie}");
        for part in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=43200"] {
            assert!(cookie.contains(part), "{part} in {cookie}");
        }
        assert_eq!(cookie.contains("Secure"), secure);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let rig = Rig::new().await;
    let old = rig.sign_in("ann@example.com").await;
    let body = json!({ "email": "bob@example.com", "password": PASSWORD });
    let answer = rig.page(Method::POST, "/api/v1/auth/login", &old, &body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let me = rig.page(Method::GET, "/api/v1/auth/me", &old, &Value::Null).await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_ends_after_twelve_hours() {
    let rig = Rig::new().await;
    let cookie = rig.sign_in("ann@example.com").await;
    rig.clock.advance(std::time::Duration::from_secs(12 * 60 * 60));
    let me = rig.page(Method::GET, "/api/v1/auth/me", &cookie, &Value::Null).await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn wrong_passwords_and_unknown_people_are_answered_alike_and_limited() {
    let rig = Rig::new().await;
    for email in ["ann@example.com", "nobody@example.com"] {
        let body = json!({ "email": email, "password": "guess" });
        for _ in 0..5 {
            let answer = rig.page(Method::POST, "/api/v1/auth/login", "", &body).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
            assert_eq!(answer.json()["error"]["message"], "wrong e-mail address or password");
        }
        let answer = rig.page(Method::POST, "/api/v1/auth/login", "", &body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
        assert!(answer.header("retry-after").parse::<u64>().unwrap() > 60);
    }
    let right = json!({ "email": "ann@example.com", "password": PASSWORD });
    let answer = rig.page(Method::POST, "/api/v1/auth/login", "", &right).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "even the right one, until the time is over");
}

#[tokio::test]
async fn requests_from_other_pages_change_nothing() {
    let rig = Rig::new().await;
    let cookie = rig.sign_in("ann@example.com").await;
    let forged = |origin: &str, marked: bool| {
        let mut request = Request::post("/api/v1/softphone/tokens").header("cookie", cookie.clone());
        request = request.header("host", "127.0.0.1:8080").header("content-type", "application/json");
        request = request.header("origin", origin);
        if marked {
            request = request.header("x-requested-with", "offhook");
        }
        request.body(Body::from("{}")).unwrap()
    };
    let own = "http://127.0.0.1:8080";
    assert_eq!(rig.send(forged(own, true)).await.status, StatusCode::CREATED);
    for request in [forged(own, false), forged("https://evil.example", true), forged("null", true)] {
        let answer = rig.send(request).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::FORBIDDEN, "FORBIDDEN"));
    }
    let body = json!({ "email": "ann@example.com", "password": PASSWORD }).to_string();
    let login = Request::post("/api/v1/auth/login").header("origin", "https://evil.example");
    let login = login.header("content-type", "application/json").body(Body::from(body)).unwrap();
    assert_eq!(rig.send(login).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn people_get_tickets_for_themselves_and_keys_for_people_of_their_tenant() {
    let rig = Rig::new().await;
    let cookie = rig.sign_in("ann@example.com").await;
    let path = "/api/v1/softphone/tokens";
    let mine = rig.page(Method::POST, path, &cookie, &json!({})).await;
    assert_eq!(mine.status, StatusCode::CREATED, "{}", mine.text);
    assert_eq!(mine.json()["data"]["agent"], json!({ "id": user(1).as_str(), "name": "Ann" }));
    assert_eq!(mine.json()["data"]["expires_at"], "2026-11-02T09:16:00Z");
    let bobs = rig.page(Method::POST, path, &cookie, &json!({ "user_id": user(2).as_str() })).await;
    assert_eq!(bobs.status, StatusCode::FORBIDDEN);

    let key = rig.key(Role::Developer, &["calls:write"]).await;
    let ask = |id: Value| json!({ "user_id": id });
    assert_eq!(rig.post(path, &key, &ask(json!(user(2).as_str()))).await.status, StatusCode::CREATED);
    assert_eq!(rig.post(path, &key, &json!({})).await.code(), "MISSING_REQUIRED_FIELD");
    assert_eq!(rig.post(path, &key, &ask(json!(user(5).as_str()))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(rig.post(path, &key, &ask(json!("ann"))).await.status, StatusCode::NOT_FOUND);
    let vera = rig.post(path, &key, &ask(json!(user(3).as_str()))).await;
    assert_eq!((vera.status, vera.code().as_str()), (StatusCode::FORBIDDEN, "INSUFFICIENT_PERMISSIONS"));
}

#[tokio::test]
async fn those_who_may_not_call_get_no_ticket() {
    let rig = Rig::new().await;
    let viewer = rig.sign_in("vera@example.com").await;
    let answer = rig.page(Method::POST, "/api/v1/softphone/tokens", &viewer, &json!({})).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    for (role, scopes) in [(Role::Viewer, &["*"][..]), (Role::Owner, &["calls:read"]), (Role::Owner, &[])] {
        let key = rig.key_of(tenant(1), role, scopes, KeyMode::Live).await;
        let answer =
            rig.post("/api/v1/softphone/tokens", &key, &json!({ "user_id": user(1).as_str() })).await;
        assert_eq!(answer.code(), "INSUFFICIENT_PERMISSIONS", "{role:?} {scopes:?}");
    }
}
