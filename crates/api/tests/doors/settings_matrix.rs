//! Every operation of settings × every role × persons and keys × tenants, from one table.

use axum::http::StatusCode;
use offhook_core::house::Role;
use offhook_core::right::Right;
use serde_json::{Value, json};

use crate::rig::{Answered, Office, tenant};

/// An operation: method, path (`{id}` is somebody else's thing), body, the right it needs, and the status of
/// whoever has it.
struct Operation(&'static str, &'static str, Option<Value>, Right, u16);

fn operations() -> Vec<Operation> {
    let key = json!({ "name": "K", "scopes": ["calls:read"], "role": "viewer" });
    let person = json!({ "email": "new@example.com", "name": "N", "role": "viewer", "password": "short" });
    let unknown_key = "/settings/api-keys/key_ffffffffffffffffffffffffffffffff";
    let unknown_person = "/settings/people/usr_ffffffffffffffffffffffffffffffff";
    let at = |path: &'static str| path;
    vec![
        Operation("GET", at("/settings/api-keys"), None, Right::ManageKeys, 200),
        Operation("POST", at("/settings/api-keys"), Some(key), Right::ManageKeys, 201),
        Operation("GET", unknown_key, None, Right::ManageKeys, 404),
        Operation("DELETE", unknown_key, None, Right::ManageKeys, 404),
        Operation(
            "POST",
            "/settings/api-keys/key_ffffffffffffffffffffffffffffffff/rotate",
            None,
            Right::ManageKeys,
            404,
        ),
        Operation(
            "GET",
            "/settings/api-keys/key_ffffffffffffffffffffffffffffffff/allowed-ips",
            None,
            Right::ManageKeys,
            404,
        ),
        Operation(
            "PATCH",
            "/settings/api-keys/key_ffffffffffffffffffffffffffffffff/allowed-ips",
            Some(json!({ "allowed_ips": [] })),
            Right::ManageKeys,
            404,
        ),
        Operation("GET", at("/settings/people"), None, Right::ManagePeople, 200),
        Operation("POST", at("/settings/people"), Some(person), Right::ManagePeople, 422),
        Operation("GET", unknown_person, None, Right::ManagePeople, 404),
        Operation("PATCH", unknown_person, Some(json!({ "name": "X" })), Right::ManagePeople, 404),
        Operation("DELETE", unknown_person, None, Right::ManagePeople, 404),
        Operation("GET", at("/settings/audit"), None, Right::ReadAudit, 200),
    ]
}

fn is_refused(answer: &Answered) -> bool {
    answer.status == StatusCode::FORBIDDEN && answer.code() == "INSUFFICIENT_PERMISSIONS"
}

#[tokio::test]
async fn every_operation_is_open_to_those_the_table_names_and_nobody_else() {
    let office = Office::new().await;
    for role in Role::ALL {
        office.person(&format!("{}.1@example.com", role.as_str()), role).await;
        let page = office.page(&format!("{}.1@example.com", role.as_str())).await;
        let key = office.key(role, &["*"]).await;
        for Operation(method, path, body, right, status) in operations() {
            for side in [&page, &key] {
                for prefix in ["/api/v1", "/v1"] {
                    let answer = office.ask(side, method, &format!("{prefix}{path}"), body.clone()).await;
                    let told = format!("{role:?} {method} {path}: {}", answer.text);
                    match right.of(role) {
                        true => assert_eq!(answer.status.as_u16(), status, "{told}"),
                        false => assert!(is_refused(&answer), "{told}"),
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn a_keys_scopes_narrow_its_role() {
    let office = Office::new().await;
    for Operation(method, path, body, right, status) in operations() {
        for scope in offhook_core::right::SCOPES {
            let key = office.key(Role::Owner, &[scope]).await;
            let answer = office.ask(&key, method, &format!("/api/v1{path}"), body.clone()).await;
            let told = format!("{scope} {method} {path}: {}", answer.text);
            match scope == right.scope() {
                // A key without the scope it wants to give away is refused later, and as rightly.
                true if method == "POST" && path.ends_with("api-keys") => {
                    assert!(is_refused(&answer), "{told}")
                }
                true => assert_eq!(answer.status.as_u16(), status, "{told}"),
                false => assert!(is_refused(&answer), "{told}"),
            }
        }
    }
}

#[tokio::test]
async fn nobody_comes_in_without_a_credential() {
    let office = Office::new().await;
    for Operation(method, path, body, ..) in operations() {
        let nobody = crate::rig::Side::Page(String::new());
        let answer = office.ask(&nobody, method, &format!("/api/v1{path}"), body).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn things_of_another_company_are_as_absent_as_things_that_never_were() {
    let office = Office::new().await;
    let owner = office.page("owner@example.com").await;
    let made = office
        .ask(&owner, "POST", "/api/v1/settings/api-keys", Some(json!({ "name": "K", "scopes": ["*"] })))
        .await;
    let key = made.json()["data"]["id"].as_str().unwrap().to_owned();
    let person = office.person("ann@example.com", Role::Agent).await;
    office.person_of(tenant(2), "eve@example.com", Role::Owner).await;
    let eve = office.page("eve@example.com").await;
    for (real, unreal) in [
        (key.as_str(), "key_ffffffffffffffffffffffffffffffff"),
        (person.id.as_str(), "usr_ffffffffffffffffffffffffffffffff"),
    ] {
        for Operation(method, path, body, ..) in operations().into_iter().filter(|it| it.1.contains(unreal)) {
            let path = format!("/api/v1{path}");
            let theirs = office.ask(&eve, method, &path.replace(unreal, real), body.clone()).await;
            let absent = office.ask(&eve, method, &path, body).await;
            assert_eq!(
                (theirs.status, &theirs.json()["error"]),
                (absent.status, &absent.json()["error"]),
                "{path}"
            );
            assert_eq!(theirs.status, StatusCode::NOT_FOUND, "{method} {path}");
        }
    }
    assert_eq!(office.ask(&eve, "GET", "/api/v1/settings/api-keys", None).await.json()["data"], json!([]));
    let log = office.ask(&eve, "GET", "/api/v1/settings/audit", None).await.json();
    assert_eq!(log["data"].as_array().unwrap().len(), 1, "their own sign-in: {log}");
}
