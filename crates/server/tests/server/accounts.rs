//! Keys, people and the audit log from the command line.

use serde_json::{Value, json};

use crate::program::{errors, json as answer, private, run, serve};

fn init(folder: &std::path::Path) -> Value {
    answer(folder, &["admin", "init", "--json"])
}

fn sign_in(server: &crate::program::Running, email: &str, password: &str) -> bool {
    let body = json!({ "email": email, "password": password }).to_string();
    server.post("/api/v1/auth/login", "Content-Type: application/json\r\n", &body).starts_with("HTTP/1.1 200")
}

#[test]
fn keys_are_listed_and_revoked_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    init(folder);
    let server = serve(folder, &[]);
    let made =
        answer(folder, &["admin", "key", "create", "--role", "viewer", "--name", "Wall board", "--json"]);
    let (id, key) = (made["key_id"].as_str().unwrap(), made["api_key"].as_str().unwrap());
    let calls = || server.get("/api/v1/whatsapp/calling/calls", &format!("X-API-Key: {key}\r\n"));
    assert!(calls().starts_with("HTTP/1.1 200"));
    let listed = answer(folder, &["admin", "key", "list", "--json"]);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 2);
    let row = listed["keys"].as_array().unwrap().iter().find(|row| row["key_id"] == id).unwrap();
    assert_eq!(
        (&row["name"], &row["role"], &row["status"]),
        (&"Wall board".into(), &"viewer".into(), &"active".into())
    );
    assert!(row["last_used_at"].is_i64(), "{row}");
    assert!(!listed.to_string().contains(&key[12..]), "a key is shown once");

    let revoked = answer(folder, &["admin", "key", "revoke", id, "--json"]);
    assert_eq!(revoked, json!({ "key_id": id, "status": "revoked" }));
    assert!(calls().starts_with("HTTP/1.1 401"));
    assert!(errors(&run(folder, &["admin", "key", "revoke", id])).contains("no such key"));
    assert!(errors(&run(folder, &["admin", "key", "revoke", "key_1"])).contains("key list"));
}

#[test]
fn a_house_whose_owner_is_locked_out_gets_its_owner_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let house = init(folder);
    let server = serve(folder, &[]);
    let (email, old) =
        (house["owner"]["email"].as_str().unwrap(), house["owner"]["password"].as_str().unwrap());
    assert!(sign_in(&server, email, old));
    let reset = answer(folder, &["admin", "reset-owner", "--json"]);
    assert_eq!(reset["owner"]["email"], email);
    let new = reset["owner"]["password"].as_str().unwrap();
    assert!(!sign_in(&server, email, old) && sign_in(&server, email, new));

    private(folder, "password", "a long enough one\n");
    let other =
        ["admin", "reset-owner", "--email", "new@example.com", "--password-file", "password", "--json"];
    assert_eq!(answer(folder, &other)["owner"], json!({ "email": "new@example.com", "password": null }));
    assert!(sign_in(&server, "new@example.com", "a long enough one"));
    let people = answer(folder, &["admin", "agent", "list", "--json"]);
    let roles: Vec<_> = people["agents"].as_array().unwrap().iter().map(|row| row["role"].clone()).collect();
    assert_eq!(roles, ["owner", "owner"]);
}

#[test]
fn what_the_operator_does_is_written_down_and_can_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    init(folder);
    answer(folder, &["admin", "key", "create", "--role", "viewer", "--json"]);
    answer(folder, &["admin", "reset-owner", "--json"]);
    let log = answer(folder, &["admin", "audit", "list", "--json"]);
    let actions: Vec<_> =
        log["entries"].as_array().unwrap().iter().map(|row| row["action"].clone()).collect();
    assert_eq!(actions, ["person.owner_reset", "api_key.created", "api_key.created", "person.added"]);
    assert_eq!(log["entries"][0]["actor"]["type"], "operator");
    let checked = answer(folder, &["admin", "audit", "verify", "--json"]);
    assert_eq!((&checked["whole"], &checked["logs"][0]["entries"]), (&json!(true), &json!(4)), "{checked}");
    assert_eq!(checked["logs"][0]["hash"], log["entries"][0]["hash"]);
}
