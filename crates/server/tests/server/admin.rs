//! Setting up a house from the command line, with and without a server running on it.

use std::path::Path;

use crate::program::{errors, json, private, run, serve};

fn init(folder: &Path) -> serde_json::Value {
    json(folder, &["admin", "init", "--json"])
}

#[test]
fn an_empty_database_becomes_a_house_with_an_owner_a_number_a_key_and_an_agent() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let house = init(folder);
    assert!(house["tenant_id"].as_str().unwrap().starts_with("ten_"));
    assert!(house["account_id"].as_str().unwrap().starts_with("MA_"));
    assert!(house["api_key"].as_str().unwrap().starts_with("wab_live_sk_"));
    assert!(house["owner"]["password"].as_str().unwrap().len() >= 20);

    private(folder, "token", "metas-access-token\n");
    let number = json(
        folder,
        &[
            "admin",
            "number",
            "add",
            "--phone-number-id",
            "106540352242922",
            "--waba-id",
            "102290129340398",
            "--display-phone",
            "+15550100200",
            "--access-token-file",
            "token",
            "--media-mode",
            "relay",
            "--json",
        ],
    );
    assert!(number["number_id"].as_str().unwrap().starts_with("num_"));
    assert_eq!(number["channel_id"].as_str().unwrap().len(), 36);
    assert!(number["d360_api_key"].as_str().is_some_and(|key| !key.is_empty()));

    let set = ["--phone-number-id", "106540352242922", "--media-mode", "bridge", "--json"];
    let set = json(folder, &[&["admin", "number", "set"][..], &set].concat());
    assert_eq!((&set["number_id"], &set["media_mode"]), (&number["number_id"], &"bridge".into()));
    let nothing = run(folder, &["admin", "number", "set", "--phone-number-id", "106540352242922"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", errors(&nothing));

    let key = json(
        folder,
        &["admin", "key", "create", "--role", "viewer", "--scopes", "calls:read", "--mode", "test", "--json"],
    );
    assert!(key["key_id"].as_str().unwrap().starts_with("key_"));
    assert!(key["api_key"].as_str().unwrap().starts_with("wab_test_sk_"));

    private(folder, "password", "correct horse battery\n");
    let agent = ["--email", "Carla@Example.com", "--name", "Carla", "--password-file", "password", "--json"];
    let made = json(folder, &[&["admin", "agent", "create"][..], &agent].concat());
    assert!(made["agent_id"].as_str().unwrap().starts_with("usr_"));

    let again = run(folder, &[&["admin", "agent", "create"][..], &agent].concat());
    assert_eq!(again.status.code(), Some(1));
    assert!(errors(&again).contains("exists already"), "{}", errors(&again));
}

#[test]
fn a_second_init_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let again = run(folder.path(), &["admin", "init", "--json"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(errors(&again).contains("has a tenant already"), "{}", errors(&again));
}

#[test]
fn before_init_the_way_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["admin", "key", "create", "--role", "owner"]);
    assert!(errors(&output).contains("offhook admin init"), "{}", errors(&output));
}

#[test]
fn mistakes_are_named_by_their_flag() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    init(folder);
    private(folder, "token", "metas-access-token\n");
    let number = |id, phone, file| {
        let flags = [
            "--phone-number-id",
            id,
            "--waba-id",
            "1",
            "--display-phone",
            phone,
            "--access-token-file",
            file,
        ];
        errors(&run(folder, &[&["admin", "number", "add"][..], &flags].concat()))
    };
    assert!(number("abc", "+15550100200", "token").contains("--phone-number-id"));
    assert!(number("1", "12", "token").contains("--display-phone"));
    assert!(number("1", "+15550100200", "nowhere").contains("--access-token-file"));
    let key =
        |scopes| errors(&run(folder, &["admin", "key", "create", "--role", "owner", "--scopes", scopes]));
    assert!(key("calls").contains("--scopes"));
    private(folder, "password", "short\n");
    let agent = ["admin", "agent", "create", "--email", "a@b", "--name", "A", "--password-file", "password"];
    assert!(errors(&run(folder, &agent)).contains("--password-file"));
}

#[test]
fn a_key_made_while_the_server_runs_opens_its_doors() {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path());
    let server = serve(folder.path(), &[]);
    let key = json(folder.path(), &["admin", "key", "create", "--role", "viewer", "--json"]);
    let calls = "/api/v1/whatsapp/calling/calls";
    let with = server.get(calls, &format!("X-API-Key: {}\r\n", key["api_key"].as_str().unwrap()));
    assert!(with.starts_with("HTTP/1.1 200"), "{with}");
    let without = server.get(calls, "");
    assert!(without.starts_with("HTTP/1.1 401"), "{without}");
}
