//! The providers' samples, with base URL and credentials changed, in shell, Python and Node: the files of
//! `docs/api/examples`. With a browser's sound they are played in `three_faces_carry_a_browsers_calls`.

use std::path::Path;
use std::process::Command;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent::sdp;
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
