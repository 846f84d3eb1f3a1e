//! People over REST, their sessions and sockets.

use std::time::Duration;

use axum::http::StatusCode;
use offhook_core::house::{Person, Role};
use serde_json::{Value, json};

use crate::rig::{Office, PASSWORD, Side};

const PEOPLE: &str = "/api/v1/settings/people";
const ME: &str = "/api/v1/auth/me";

fn path(person: &Person) -> String {
    format!("{PEOPLE}/{}", person.id.as_str())
}

async fn is_signed_in(office: &Office, side: &Side) -> bool {
    office.ask(side, "GET", ME, None).await.status == StatusCode::OK
}

#[tokio::test]
async fn a_person_is_added_changed_and_removed() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let body = json!({ "email": " Ada@Example.com ", "name": "Ada", "role": "agent" });
    let added = office.ask(&owner, "POST", PEOPLE, Some(body)).await;
    assert_eq!((added.status, added.header("cache-control")), (StatusCode::CREATED, "no-store"));
    let ada = added.json()["data"].clone();
    assert_eq!((&ada["email"], &ada["role"]), (&json!("ada@example.com"), &json!("agent")));
    let path = format!("{PEOPLE}/{}", ada["id"].as_str().unwrap());
    let session = office.page_with("ada@example.com", ada["password"].as_str().unwrap()).await.unwrap();
    assert!(is_signed_in(&office, &session).await);

    let shown = office.ask(&owner, "GET", &path, None).await;
    assert_eq!(
        shown.json()["data"],
        json!({ "id": ada["id"], "email": ada["email"], "name": "Ada", "role": "agent" })
    );
    let renamed = office.ask(&owner, "PATCH", &path, Some(json!({ "name": "Ada L." }))).await;
    assert_eq!(renamed.json()["data"]["name"], "Ada L.");
    assert!(is_signed_in(&office, &session).await, "a name ends no session");
    let promoted = office.ask(&owner, "PATCH", &path, Some(json!({ "role": "admin" }))).await;
    assert_eq!(promoted.json()["data"]["role"], "admin");
    assert!(!is_signed_in(&office, &session).await);
    let session = office.page_with("ada@example.com", ada["password"].as_str().unwrap()).await.unwrap();
    let reset = office.ask(&owner, "PATCH", &path, Some(json!({ "password": PASSWORD }))).await;
    assert_eq!(reset.status, StatusCode::OK);
    assert!(!is_signed_in(&office, &session).await);
    let session = office.page("ada@example.com").await;

    let people = office.ask(&owner, "GET", PEOPLE, None).await.json();
    assert_eq!(people["data"].as_array().unwrap().len(), 2);
    assert_eq!(office.ask(&owner, "DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert!(!is_signed_in(&office, &session).await);
    for (method, body) in [("GET", None), ("DELETE", None), ("PATCH", Some(json!({ "name": "x" })))] {
        assert_eq!(office.ask(&owner, method, &path, body).await.status, StatusCode::NOT_FOUND, "{method}");
    }
    let deeds = office.deeds().await;
    let told = |action: &str| deeds.iter().filter(|entry| entry.deed.action == action).count();
    assert_eq!((told("person.added"), told("person.changed"), told("person.removed")), (1, 3, 1));
    for entry in &deeds {
        let details = format!("{:?}{:?}", entry.deed.before, entry.deed.after);
        assert!(
            !details.contains(PASSWORD) && !details.contains(ada["password"].as_str().unwrap()),
            "{details}"
        );
    }
    assert!(office.is_whole().await);
}

#[tokio::test]
async fn a_body_that_breaks_a_rule_is_refused_with_the_field() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let body = |change: fn(&mut Value)| {
        let mut body = json!({ "email": "new@example.com", "name": "New", "role": "agent" });
        change(&mut body);
        Some(body)
    };
    for (body, code, field) in [
        (body(|it| it["email"] = Value::Null), "MISSING_REQUIRED_FIELD", "email"),
        (body(|it| it["email"] = json!("nobody")), "INVALID_EMAIL", "email"),
        (body(|it| it["email"] = json!("a b@example.com")), "INVALID_EMAIL", "email"),
        (body(|it| it["name"] = Value::Null), "MISSING_REQUIRED_FIELD", "name"),
        (body(|it| it["role"] = Value::Null), "MISSING_REQUIRED_FIELD", "role"),
        (body(|it| it["role"] = json!("root")), "VALIDATION_ERROR", "role"),
        (body(|it| it["password"] = json!("nine char")), "VALIDATION_ERROR", "password"),
        (body(|it| it["password"] = json!("aaaaaaaaaaaa")), "VALIDATION_ERROR", "password"),
    ] {
        let answer = office.ask(&owner, "POST", PEOPLE, body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNPROCESSABLE_ENTITY, code),
            "{}",
            answer.text
        );
        assert_eq!(answer.json()["error"]["details"]["field"], field);
    }
    let taken = office.ask(&owner, "POST", PEOPLE, body(|it| it["email"] = json!("Owner@example.com"))).await;
    assert_eq!((taken.status, taken.code().as_str()), (StatusCode::CONFLICT, "ALREADY_EXISTS"));
}

#[tokio::test]
async fn nobody_reaches_above_themselves_and_one_owner_stays() {
    let office = Office::new().await;
    let admin = office.person("admin@example.com", Role::Admin).await;
    let second = office.person("second@example.com", Role::Owner).await;
    let (owner, admins) = (office.page("owner@example.com").await, office.page("admin@example.com").await);
    for (method, path, body) in [
        ("POST", PEOPLE.to_owned(), Some(json!({ "email": "x@example.com", "name": "X", "role": "owner" }))),
        ("PATCH", path(&admin), Some(json!({ "role": "owner" }))),
        ("PATCH", path(&second), Some(json!({ "role": "agent" }))),
        ("PATCH", path(&second), Some(json!({ "password": PASSWORD }))),
        ("DELETE", path(&second), None),
    ] {
        let answer = office.ask(&admins, method, &path, body).await;
        assert_eq!(answer.code(), "INSUFFICIENT_PERMISSIONS", "{method} {path}");
    }
    assert_eq!(office.ask(&owner, "DELETE", &path(&second), None).await.status, StatusCode::NO_CONTENT);
    let people = office.ask(&owner, "GET", PEOPLE, None).await.json();
    let only = people["data"].as_array().unwrap().iter().find(|it| it["role"] == "owner").unwrap().clone();
    let only = format!("{PEOPLE}/{}", only["id"].as_str().unwrap());
    for (method, body) in [("DELETE", None), ("PATCH", Some(json!({ "role": "admin" })))] {
        let answer = office.ask(&owner, method, &only, body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::CONFLICT, "LAST_OWNER"), "{method}");
    }
    assert!(is_signed_in(&office, &owner).await);
}

#[tokio::test]
async fn people_of_another_company_are_not_there() {
    let office = Office::new().await;
    let stranger = office.person_of(crate::rig::tenant(2), "eve@example.com", Role::Agent).await;
    let owner = office.page("owner@example.com").await;
    for (method, body) in [("GET", None), ("DELETE", None), ("PATCH", Some(json!({ "name": "Mine" })))] {
        let answer = office.ask(&owner, method, &path(&stranger), body).await;
        assert_eq!((answer.status, answer.code().as_str()), (StatusCode::NOT_FOUND, "NOT_FOUND"), "{method}");
    }
    assert!(!office.ask(&owner, "GET", PEOPLE, None).await.text.contains("eve@example.com"));
}

#[tokio::test]
async fn a_person_takes_another_password_and_their_other_sessions_end() {
    let office = Office::new().await;
    office.person("ann@example.com", Role::Agent).await;
    let (here, there) = (office.page("ann@example.com").await, office.page("ann@example.com").await);
    let change = |current: &str, new: &str| Some(json!({ "current_password": current, "new_password": new }));
    let path = "/api/v1/auth/password";
    let wrong = office.ask(&here, "POST", path, change("guess", "another good one")).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let short = office.ask(&here, "POST", path, change(PASSWORD, "short")).await;
    assert_eq!(short.json()["error"]["details"]["field"], "new_password");
    let done = office.ask(&here, "POST", path, change(PASSWORD, "another good one")).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.text);
    assert!(is_signed_in(&office, &here).await && !is_signed_in(&office, &there).await);
    assert!(office.page_with("ann@example.com", PASSWORD).await.is_err());
    assert!(office.page_with("ann@example.com", "another good one").await.is_ok());
    let stranger = office.ask(&Side::Page("offhook=x".to_owned()), "POST", path, change(PASSWORD, "y")).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn owners_who_leave_their_desk_are_signed_out_and_agents_are_not() {
    let office = Office::new().await;
    office.person("ann@example.com", Role::Agent).await;
    let (owner, agent) = (office.page("owner@example.com").await, office.page("ann@example.com").await);
    let minutes = |n: u64| office.clock.advance(Duration::from_secs(n * 60));
    for _ in 0..3 {
        minutes(29);
        assert!(is_signed_in(&office, &owner).await, "whoever works stays");
    }
    minutes(31);
    assert!(!is_signed_in(&office, &owner).await);
    assert!(is_signed_in(&office, &agent).await);
    minutes(12 * 60);
    assert!(!is_signed_in(&office, &agent).await);
}

#[tokio::test]
async fn who_loses_a_right_loses_the_sockets_within_five_seconds() {
    let office = Office::new().await;
    let ann = office.person("ann@example.com", Role::Agent).await;
    let bob = office.person("bob@example.com", Role::Agent).await;
    let cat = office.person("cat@example.com", Role::Agent).await;
    office.person("dan@example.com", Role::Agent).await;
    let owner = office.page("owner@example.com").await;
    let address = office.serve().await;
    let mut sockets = Vec::new();
    let mut pages = Vec::new();
    for email in ["ann@example.com", "bob@example.com", "cat@example.com", "dan@example.com"] {
        let page = office.page(email).await;
        sockets.push(office.socket(address, &page, None).await);
        pages.push(page);
    }
    let elsewhere = office.page("dan@example.com").await;
    let mut elsewhere = office.socket(address, &elsewhere, None).await;

    assert_eq!(office.ask(&owner, "DELETE", &path(&ann), None).await.status, StatusCode::NO_CONTENT);
    let demoted = office.ask(&owner, "PATCH", &path(&bob), Some(json!({ "role": "viewer" }))).await;
    assert_eq!(demoted.status, StatusCode::OK);
    let reset = office.ask(&owner, "PATCH", &path(&cat), Some(json!({ "password": "a new good one" }))).await;
    assert_eq!(reset.status, StatusCode::OK);
    let out = office.ask(&pages[3], "POST", "/api/v1/auth/logout", None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    office.five_seconds().await;
    for (socket, why) in sockets.iter_mut().zip(["removed", "demoted", "password", "signed out"]) {
        let (code, said) = socket.closed().await;
        assert_eq!(code, 4403, "{why}: {said:?}");
        assert_eq!(said.last().unwrap()["reason"], "revoked", "{why}");
    }
    assert_eq!(
        elsewhere.command(json!({ "type": "ping" })).await["type"],
        "pong",
        "another session of Dan's"
    );
}

#[tokio::test]
async fn an_owner_who_is_at_work_on_a_socket_is_not_idle() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let address = office.serve().await;
    let mut socket = office.socket(address, &owner, None).await;
    let set = |status: &str| json!({ "type": "presence.set", "status": status });
    assert_eq!(socket.command(set("available")).await["type"], "ack");
    for _ in 0..3 {
        office.clock.advance(Duration::from_secs(20 * 60));
        office.until_seen_now(&owner, &mut socket).await;
    }
    assert!(is_signed_in(&office, &owner).await, "who can be called is there");
    office.clock.advance(Duration::from_secs(2 * 60));
    assert_eq!(socket.command(set("away")).await["type"], "ack");
    office.until_seen_now(&owner, &mut socket).await;
    office.clock.advance(Duration::from_secs(31 * 60));
    office.half_a_minute().await;
    assert_eq!(socket.closed().await.0, 4403, "nobody is there any more");
    assert!(!is_signed_in(&office, &owner).await);
}
