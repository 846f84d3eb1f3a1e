//! Recordings through the whole binary: made in a call, cut by a kill or ended by a stop, announced, and heard
//! through their links with another decoder than the product's.

use std::process::Command;

use anyhow::Context;
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::bridge;
use crate::bridge_crash::{TOLD_WITHIN, taken};
use crate::server::House;
use crate::stage::{Stage, root, until};

const API: &str = "/api/v1/whatsapp/calling";

/// Where a server is, and its key.
pub(crate) struct Door {
    url: String,
    key: String,
    sim: String,
    http: reqwest::Client,
}

impl Door {
    fn of(stage: &Stage) -> anyhow::Result<Self> {
        let say = |pointer: &str| stage.say(pointer).to_owned();
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { url: say("/url"), key: say("/api_key"), sim: say("/sim_url"), http })
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.http.request(method, format!("{}{API}{path}", self.url));
        let reply = request.header("X-API-Key", &self.key).json(&body).send().await?;
        let (status, text) = (reply.status(), reply.text().await?);
        anyhow::ensure!(status.is_success(), "{path}: {status} {text}");
        Ok(serde_json::from_str::<Value>(&text)?["data"].clone())
    }

    /// The one simulated call.
    async fn phone(&self) -> anyhow::Result<Value> {
        let get = async |path: &str| -> anyhow::Result<Value> {
            Ok(self.http.get(format!("{}/control{path}", self.sim)).send().await?.json().await?)
        };
        let id = get("/calls").await?["calls"][0]["id"].as_str().context("a simulated call")?.to_owned();
        get(&format!("/calls/{id}")).await
    }

    /// Packets the user's phone has heard: fifty in a second, whatever is said.
    pub(crate) async fn packets(&self) -> anyhow::Result<u64> {
        self.phone().await?["heard"]["packets"].as_u64().context("packets")
    }

    /// Begins to record, or does what else is asked.
    pub(crate) async fn record(&self, call: &str, action: &str) -> anyhow::Result<Value> {
        self.ask(Method::POST, &format!("/calls/{call}/record"), json!({ "action": action })).await
    }

    /// Waits until the phone has heard for so long since `packets`; how many it has heard then.
    pub(crate) async fn after(&self, packets: u64, seconds: u64) -> anyhow::Result<u64> {
        until("sound to pass", async || {
            let now = self.packets().await?;
            Ok((now >= packets + 50 * seconds).then_some(now))
        })
        .await
    }

    /// Waits for the call's one recording to be in a state, and in storage.
    pub(crate) async fn recorded(&self, call: &str, state: &str) -> anyhow::Result<Value> {
        let mut row = Value::Null;
        let found = until("a recording", async || {
            let rows = self.ask(Method::GET, &format!("/calls/{call}/recordings"), json!({})).await?;
            row = rows[0].clone();
            Ok((row["state"] == state && row["stored"] == true).then(|| row.clone()))
        });
        let found = found.await;
        found.with_context(|| format!("it should be {state}: {row}"))
    }

    /// Waits for customers to be told that it can be heard.
    async fn told(&self, recording: &Value) -> anyhow::Result<()> {
        let id = recording["id"].as_str().context("an id")?;
        let url = format!("{}/api/v1/events?type=call.recording_ready&resource_id={id}", self.url);
        let told = until("an event", async || {
            let reply = self.http.get(&url).header("X-API-Key", &self.key).send().await?;
            let body: Value = reply.error_for_status()?.json().await?;
            Ok(body["data"].get(0).cloned())
        });
        let told = told.await?;
        anyhow::ensure!(told["data"]["recording_duration_ms"] == recording["length_ms"], "{told}");
        anyhow::ensure!(told["data"]["call_id"] == recording["call_id"], "{told}");
        Ok(())
    }

    /// What is in the user's part of a recording, as FFmpeg decodes it: length and loudness of a tone.
    async fn listen(&self, recording: &Value, hertz: u32) -> anyhow::Result<(f64, f64)> {
        let id = recording["id"].as_str().context("an id")?;
        let wanted = json!({ "what": "party-0", "expires_in": 60 });
        let link = self.ask(Method::POST, &format!("/recordings/{id}/link"), wanted).await?;
        let link = link["url"].as_str().context("a link")?;
        let url = if link.starts_with('/') { format!("{}{link}", self.url) } else { link.to_owned() };
        let sound = self.http.get(url).send().await?.error_for_status()?.bytes().await?;
        anyhow::ensure!(sound.starts_with(b"OggS"), "an Ogg file");
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), &sound)?;
        let decoded = Command::new(root().join("target/venv/bin/python"))
            .arg(root().join("crates/recording/tests/recording/decode.py"))
            .arg(hertz.to_string())
            .arg(file.path())
            .output()?;
        let complaint = String::from_utf8_lossy(&decoded.stderr);
        anyhow::ensure!(decoded.status.success(), "it does not decode: {complaint}");
        let heard: Value = serde_json::from_slice(&decoded.stdout)?;
        let number = |value: &Value| value.as_f64().context("a number");
        Ok((number(&heard["millis"])?, number(&heard["tones"][0])?))
    }
}

/// A server whose number carries its calls, a call of a user who plays 440 Hz that Ann has taken, and its id.
pub(crate) async fn mortal() -> anyhow::Result<(House, Door, Agent, String)> {
    let house = House::start("bridge").await?;
    let door = Door {
        url: house.url(),
        key: house.api_key.clone(),
        sim: format!("http://{}", house.sim.addr()),
        http: house.http.clone(),
    };
    let mut ann = house.agent()?;
    ann.connect().await?;
    let call = taken(&house, &mut ann, "+447700900002").await?;
    Ok((house, door, ann, call))
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_user_is_heard_in_the_file_behind_the_link() {
    let stage = Stage::start().unwrap();
    let door = Door::of(&stage).unwrap();
    let mut agent = stage.agent().unwrap();
    let call = bridge::taken(&stage, &mut agent).await.unwrap();
    let before = door.packets().await.unwrap();
    let began = door.record(&call, "start").await.unwrap();
    assert_eq!(began["recording"]["state"], "recording", "{began}");
    door.after(before, 3).await.unwrap();
    door.record(&call, "stop").await.unwrap();
    let row = door.recorded(&call, "complete").await.unwrap();
    assert_eq!(row["consent"]["announced_at"], Value::Null);
    let (millis, tone) = door.listen(&row, 440).await.unwrap();
    let length = row["length_ms"].as_f64().unwrap();
    assert!(length > 2_000.0 && (millis - length).abs() < 100.0, "{millis} ms of {row}");
    assert!(tone > 0.05, "440 Hz at {tone}");
    door.told(&row).await.unwrap();
    let (_, other) = door.listen(&row, 1_000).await.unwrap();
    assert!(other < tone / 10.0, "1000 Hz at {other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_before_the_user_was_told() {
    let settings = "[recordings]\nconsent = \"announce_inbound\"\nnotice = \"notice\"\n";
    let stage = Stage::with(settings).unwrap();
    let door = Door::of(&stage).unwrap();
    let mut agent = stage.agent().unwrap();
    let call = bridge::taken(&stage, &mut agent).await.unwrap();
    let began = door.record(&call, "start").await.unwrap();
    assert_eq!(began["recording"]["state"], "announcing", "{began}");
    let on = |event: &Value| event["call"]["table"]["recording"]["state"] == "recording";
    agent.event("call.changed", on).await.unwrap();
    let phone = door.phone().await.unwrap();
    let windows = phone["heard"]["windows"].as_array().unwrap();
    let told = windows.iter().filter(|it| (480.0..520.0).contains(&it["hz"].as_f64().unwrap_or_default()));
    assert!(told.count() >= 5, "half a second of the notice: {phone}");
    let before = door.packets().await.unwrap();
    door.after(before, 1).await.unwrap();
    door.record(&call, "stop").await.unwrap();
    let row = door.recorded(&call, "complete").await.unwrap();
    let at = |value: &Value| value.as_str().map(str::to_owned).unwrap_or_else(|| panic!("a time: {row}"));
    let (told_from, told_until) =
        (at(&row["consent"]["announced_at"]), at(&row["consent"]["announced_until"]));
    assert!(told_from < told_until && told_until <= at(&row["started_at"]), "{row}");
    let (_, tone) = door.listen(&row, 440).await.unwrap();
    assert!(tone > 0.05, "440 Hz at {tone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_of_a_killed_server_is_playable_and_lacks_at_most_its_last_second() {
    let (mut house, door, _ann, call) = mortal().await.unwrap();
    door.record(&call, "start").await.unwrap();
    let before = door.packets().await.unwrap();
    let killed = door.after(before, 4).await.unwrap();
    let phone = door.phone().await.unwrap()["id"].as_str().unwrap().to_owned();
    house.restart().await.unwrap();
    let ended = house.sim.control().wait_for(0, "call.ended", Some(&phone), TOLD_WITHIN).await;
    assert!(ended.is_some(), "WhatsApp is told soon after the restart");
    let row = door.recorded(&call, "truncated").await.unwrap();
    let spoken = (killed - before) * 20;
    assert!(row["length_ms"].as_u64().unwrap() + 1_000 >= spoken, "{spoken} ms were spoken: {row}");
    let (millis, tone) = door.listen(&row, 440).await.unwrap();
    assert!(millis + 1_000.0 >= spoken as f64 && tone > 0.05, "{millis} ms, 440 Hz at {tone}");
    let record = door.ask(Method::GET, &format!("/calls/{call}"), json!({})).await.unwrap();
    assert_eq!(record["end_reason"], "server_restarted", "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_of_a_server_that_stops_is_complete() {
    let (mut house, door, _ann, call) = mortal().await.unwrap();
    door.record(&call, "start").await.unwrap();
    let before = door.packets().await.unwrap();
    let stopped = door.after(before, 2).await.unwrap();
    house.stop_and_start().await.unwrap();
    let row = door.recorded(&call, "complete").await.unwrap();
    let spoken = (stopped - before) * 20;
    assert!(row["length_ms"].as_u64().unwrap() + 200 >= spoken, "{spoken} ms were spoken: {row}");
    let (millis, tone) = door.listen(&row, 440).await.unwrap();
    assert!(millis + 200.0 >= spoken as f64 && tone > 0.05, "{millis} ms, 440 Hz at {tone}");
    let record = door.ask(Method::GET, &format!("/calls/{call}"), json!({})).await.unwrap();
    assert_eq!(record["end_reason"], "server_restarted", "{record}");
}
