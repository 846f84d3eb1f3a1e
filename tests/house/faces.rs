//! The providers' samples, with base URL and credentials changed, in shell, Python and Node: the files of
//! `docs/api/examples`. With a browser's sound they are played in `three_faces_carry_a_browsers_calls`.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent::sdp;
use crate::documented::check;
use crate::peers::python;
use crate::stage::{Stage, root, until};

/// A sample's language and how it is run.
const LANGUAGES: [&str; 3] = ["sh", "py", "mjs"];

/// Runs a sample and returns what it printed.
fn run(stage: &Stage, face: &str, sample: &str, language: &str, words: &[(&str, &str)]) -> Value {
    let program = match language {
        "sh" => Path::new("sh").to_path_buf(),
        "py" => python(),
        _ => Path::new("node").to_path_buf(),
    };
    let file = root().join(format!("docs/api/examples/{face}/{sample}.{language}"));
    let output = Command::new(program)
        .arg(&file)
        .env("VOBIZ_URL", format!("{}/api/v1/messaging", stage.say("/url")))
        .env("VOBIZ_AUTH_ID", stage.say("/account_id"))
        .env("VOBIZ_AUTH_TOKEN", stage.say("/api_key"))
        .env("VOBIZ_CHANNEL_ID", stage.say("/number/channel_id"))
        .env("D360_URL", stage.say("/url"))
        .env("D360_API_KEY", stage.say("/number/d360_api_key"))
        // Python writes no compiled files beside the samples.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("http_proxy")
        .env("no_proxy", "127.0.0.1")
        .envs(words.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let complained = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} failed\n{said}\n{complained}", file.display());
    if said.trim().is_empty() {
        return Value::Null;
    }
    serde_json::from_str(&said).unwrap_or_else(|_| panic!("{}: {said}", file.display()))
}

/// A customer's call from this number, which waits for an answer: WhatsApp's id of it.
async fn rings(stage: &Stage, from: &str) -> String {
    let call_in = json!({ "from": from, "to": stage.say("/number/phone_number_id") });
    stage.control(Method::POST, "/calls").json(&call_in).send().await.unwrap().error_for_status().unwrap();
    let waiting = until("a call that waits", async || {
        let rows: Value =
            stage.api(Method::GET, "/api/v1/whatsapp/calling/calls").send().await?.json().await?;
        let mut rows = rows["data"].as_array().context("rows")?.iter();
        Ok(rows.find(|row| row["from_phone"] == from && row["status"] == "queued").cloned())
    });
    waiting.await.unwrap()["meta_call_id"].as_str().unwrap().to_owned()
}

/// What the tests below run.
const SAMPLES: [(&str, &[&str]); 2] = [
    ("d360", &["action", "connect", "permission", "set-hours", "settings"]),
    ("vobiz", &["action", "channels", "initiate", "logs", "subscribe", "subscriptions", "unsubscribe"]),
];

#[test]
fn every_sample_is_there_in_every_language_and_run() {
    for (face, samples) in SAMPLES {
        let folder = std::fs::read_dir(root().join(format!("docs/api/examples/{face}"))).unwrap();
        let mut files: Vec<String> = folder
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with("README") && !name.starts_with(&format!("{face}.")))
            .collect();
        files.sort();
        let mut expected: Vec<String> = samples
            .iter()
            .flat_map(|sample| LANGUAGES.map(|language| format!("{sample}.{language}")))
            .collect();
        expected.sort();
        assert_eq!(files, expected, "{face}");
    }
}

fn written(folder: &tempfile::TempDir, name: &str, setup: &str) -> String {
    let path = folder.path().join(name);
    std::fs::write(&path, sdp(setup)).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_vobiz_run_after_changing_base_url_and_credentials() {
    let stage = Stage::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (offer, answer) = (written(&folder, "offer", "actpass"), written(&folder, "answer", "active"));
    for (nth, language) in LANGUAGES.into_iter().enumerate() {
        let run = |sample: &str, words: &[(&str, &str)]| run(&stage, "vobiz", sample, language, words);
        let to = format!("+4477009{nth}0001");
        let call = run("initiate", &[("TO", &to), ("SDP_FILE", &offer)]);
        assert_eq!((&call["to"], &call["status"]), (&json!(to), &json!("initiated")), "{language}");
        let id = call["call_id"].as_str().unwrap();
        let ended = run("action", &[("CALL_ID", id), ("ACTION", "terminate")]);
        assert_eq!(ended, json!({ "call_id": id, "action": "terminate", "success": true }), "{language}");

        let from = format!("+4477009{nth}0002");
        let wacid = rings(&stage, &from).await;
        for action in ["pre_accept", "accept"] {
            let done = run("action", &[("CALL_ID", &wacid), ("ACTION", action), ("SDP_FILE", &answer)]);
            assert_eq!(done["success"], true, "{language} {action}: {done}");
        }
        let logs = run("logs", &[("QUERY", "direction=inbound&status=accepted")]);
        assert_eq!(logs["items"][0]["meta_call_id"], wacid.as_str(), "{language}: {logs}");
        run("action", &[("CALL_ID", &wacid), ("ACTION", "terminate")]);
        let rejected = rings(&stage, &format!("+4477009{nth}0003")).await;
        run("action", &[("CALL_ID", &rejected), ("ACTION", "reject")]);
    }
    let logs = run(&stage, "vobiz", "logs", "sh", &[]);
    assert_eq!(logs["total"], 9, "{logs}");
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_vobizs_channels_and_webhooks_run_in_every_language() {
    let stage = Stage::start().unwrap();
    for language in LANGUAGES {
        let run = |sample: &str, words: &[(&str, &str)]| run(&stage, "vobiz", sample, language, words);
        let channels = run("channels", &[]);
        check("vobiz-channels", &channels);
        assert_eq!(channels["items"][0]["id"], stage.say("/number/channel_id"), "{language}: {channels}");
        let words =
            [("WEBHOOK_URL", "https://crm.example.com/vobiz"), ("WEBHOOK_SECRET", "a-secret-of-our-own")];
        let subscription = run("subscribe", &words);
        assert_eq!((&subscription["status"], &subscription["url"]), (&json!("active"), &json!(words[0].1)));
        check("vobiz-subscribed", &subscription);
        let id = subscription["id"].as_str().unwrap();
        let kept = |listed: &Value| {
            listed["items"].as_array().unwrap().iter().filter(|item| item["id"] == id).count()
        };
        assert_eq!(kept(&run("subscriptions", &[])), 1, "{language}");
        assert_eq!(run("unsubscribe", &[("WEBHOOK_ID", id)]), Value::Null, "{language}");
        assert_eq!(kept(&run("subscriptions", &[])), 0, "{language}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_360dialogs_permissions_and_settings_run_in_every_language() {
    let stage = Stage::start().unwrap();
    for (language, zone) in LANGUAGES.into_iter().zip(["Europe/Lisbon", "Asia/Tokyo", "America/Bogota"]) {
        let run = |sample: &str, words: &[(&str, &str)]| run(&stage, "d360", sample, language, words);
        for (to, may) in [("447700900001", true), ("447700900006", false)] {
            let permission = run("permission", &[("TO", to)]);
            check("d360-permission", &permission);
            let actions = permission["actions"].as_array().unwrap();
            let start = actions.iter().find(|action| action["action_name"] == "start_call").unwrap();
            assert_eq!(start["can_perform_action"], may, "{language} {to}: {permission}");
        }
        let done = run("set-hours", &[("TIMEZONE", zone)]);
        check("d360-success", &done);
        let settings = run("settings", &[]);
        check("d360-settings", &settings);
        assert_eq!(settings["calling"]["call_hours"]["timezone_id"], zone, "{language}: {settings}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_360dialog_run_after_changing_base_url_and_key() {
    let stage = Stage::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (offer, answer) = (written(&folder, "offer", "actpass"), written(&folder, "answer", "active"));
    let done = json!({ "messaging_product": "whatsapp", "success": true });
    for (nth, language) in LANGUAGES.into_iter().enumerate() {
        let run = |sample: &str, words: &[(&str, &str)]| run(&stage, "d360", sample, language, words);
        let to = format!("4477009{nth}0001");
        let call = run("connect", &[("TO", &to), ("SDP_FILE", &offer)]);
        let id = call["calls"][0]["id"].as_str().unwrap();
        assert!(id.starts_with("wacid."), "{language}: {call}");
        assert_eq!(run("action", &[("CALL_ID", id), ("ACTION", "terminate")]), done, "{language}");
        let wacid = rings(&stage, &format!("+4477009{nth}0002")).await;
        for action in ["pre_accept", "accept"] {
            let words = [("CALL_ID", wacid.as_str()), ("ACTION", action), ("SDP_FILE", &answer)];
            assert_eq!(run("action", &words), done, "{language} {action}");
        }
        assert_eq!(run("action", &[("CALL_ID", &wacid), ("ACTION", "terminate")]), done, "{language}");
        let rejected = rings(&stage, &format!("+4477009{nth}0003")).await;
        assert_eq!(run("action", &[("CALL_ID", &rejected), ("ACTION", "reject")]), done, "{language}");
    }
}
