//! Recordings through the whole binary: made in a call, cut by a kill or ended by a stop, announced, and heard
//! through their links with another decoder than the product's.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use offhook_sim::{Sim, SimConfig};
use reqwest::Method;
use serde_json::{Value, json};

use crate::agent::{Agent, sdp};
use crate::bridge;
use crate::stage::{Stage, binary, root, terminate, until, wait};

const API: &str = "/api/v1/whatsapp/calling";

/// WhatsApp must know within this that a call is over whose server was killed.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// Where a server is, and its key.
struct Door {
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
    async fn packets(&self) -> anyhow::Result<u64> {
        self.phone().await?["heard"]["packets"].as_u64().context("packets")
    }

    /// Begins to record, or does what else is asked.
    async fn record(&self, call: &str, action: &str) -> anyhow::Result<Value> {
        self.ask(Method::POST, &format!("/calls/{call}/record"), json!({ "action": action })).await
    }

    /// Waits until the phone has heard for so long since `packets`; how many it has heard then.
    async fn after(&self, packets: u64, seconds: u64) -> anyhow::Result<u64> {
        until("sound to pass", async || {
            let now = self.packets().await?;
            Ok((now >= packets + 50 * seconds).then_some(now))
        })
        .await
    }

    /// Waits for the call's one recording to be in a state, and in storage.
    async fn recorded(&self, call: &str, state: &str) -> anyhow::Result<Value> {
        let mut row = Value::Null;
        let found = until("a recording", async || {
            let rows = self.ask(Method::GET, &format!("/calls/{call}/recordings"), json!({})).await?;
            row = rows[0].clone();
            Ok((row["state"] == state && row["stored"] == true).then(|| row.clone()))
        });
        let found = found.await;
        found.with_context(|| format!("it should be {state}: {row}"))
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

/// A server that can be killed, with a number whose calls it carries, and a simulator that lives on.
struct Mortal {
    data: tempfile::TempDir,
    sim: Sim,
    port: u16,
    server: Option<Child>,
    door: Door,
}

impl Mortal {
    async fn start() -> anyhow::Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let url = format!("http://127.0.0.1:{port}");
        let webhook_url = Some(format!("{url}/webhooks/meta").parse()?);
        let mut config = SimConfig { webhook_url, ..SimConfig::default() };
        config.knobs.webhook_retry_ms = vec![200; 100];
        let sim = offhook_sim::start(config).await?;
        let door = Door {
            url,
            key: String::new(),
            sim: format!("http://{}", sim.addr()),
            http: reqwest::Client::builder().no_proxy().build()?,
        };
        let mut house = Self { data: tempfile::tempdir()?, sim, port, server: None, door };
        let write = |name: &str, text: &str| std::fs::write(house.data.path().join(name), text);
        write("token", "sim-access-token")?;
        write("password", "correct horse battery staple")?;
        let first = house.admin("init")?;
        house.admin(
            "number add --phone-number-id 106540352242922 --waba-id 102290129340398 \
             --display-phone +15550100200 --access-token-file token --media-mode bridge",
        )?;
        house.admin("agent create --email ann@example.test --name Ann --password-file password")?;
        first["api_key"].as_str().context("an API key")?.clone_into(&mut house.door.key);
        house.serve().await?;
        Ok(house)
    }

    fn offhook(&self) -> anyhow::Result<Command> {
        let mut command = Command::new(binary()?);
        command
            .env("OFFHOOK_HTTP__LISTEN", format!("127.0.0.1:{}", self.port))
            .env("OFFHOOK_MEDIA__UDP_LISTEN", "127.0.0.1:0")
            .env("OFFHOOK_DATABASE__URL", "sqlite:offhook.db")
            .env("OFFHOOK_WHATSAPP__GRAPH_URL", &self.door.sim)
            .env("OFFHOOK_WHATSAPP__APP_SECRET", "sim-app-secret")
            .env("OFFHOOK_WHATSAPP__VERIFY_TOKEN", "sim-verify-token")
            .current_dir(self.data.path())
            .stdin(Stdio::null());
        Ok(command)
    }

    fn admin(&self, arguments: &str) -> anyhow::Result<Value> {
        let output =
            self.offhook()?.arg("admin").args(arguments.split_whitespace()).arg("--json").output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success(), "admin {arguments}: {complaint}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        let log = self.data.path().join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        self.server = Some(self.offhook()?.arg("serve").stdout(file.try_clone()?).stderr(file).spawn()?);
        let ready = until("the server to be ready", async || {
            let reply = self.door.http.get(format!("{}/readyz", self.door.url)).send().await;
            Ok(reply.ok().filter(|reply| reply.status().is_success()))
        });
        let found = ready.await;
        found.with_context(|| std::fs::read_to_string(&log).unwrap_or_default())?;
        Ok(())
    }

    /// A call of a user who plays 440 Hz, taken by Ann; its id.
    async fn taken(&self) -> anyhow::Result<(Agent, String)> {
        let mut ann = Agent::new(&self.door.url, "ann@example.test", "correct horse battery staple")?;
        ann.connect().await?;
        ann.command(json!({ "type": "presence.set", "status": "available" })).await?;
        let call_in = json!({ "from": "+447700900002" });
        let calls = format!("{}/control/calls", self.door.sim);
        self.door.http.post(calls).json(&call_in).send().await?.error_for_status()?;
        let incoming = ann.event("call.incoming", |_| true).await?;
        let id = incoming["call"]["id"].as_str().context("a call")?.to_owned();
        let ack = ann.command(json!({ "type": "call.accept", "call_id": id, "sdp": sdp("actpass") })).await?;
        anyhow::ensure!(ack["type"] == "ack", "{ack}");
        ann.event("call.changed", |event| event["call"]["state"] == "connected").await?;
        Ok((ann, id))
    }
}

impl Drop for Mortal {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It may be gone already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// A demo with settings of its own, and the folder they are in.
fn stage_with(settings: &str) -> anyhow::Result<(Stage, tempfile::TempDir)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("offhook.toml");
    std::fs::write(&file, settings)?;
    // The demo's own secrets come beside it.
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
    let file: &Path = &file;
    let stage = Stage::with(&["--config", file.to_str().context("a path of text")?])?;
    Ok((stage, folder))
}

fn agent_of(stage: &Stage) -> anyhow::Result<Agent> {
    Agent::new(stage.say("/url"), stage.say("/agents/0/email"), stage.say("/agents/0/password"))
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_user_is_heard_in_the_file_behind_the_link() {
    let stage = Stage::start().unwrap();
    let door = Door::of(&stage).unwrap();
    let mut agent = agent_of(&stage).unwrap();
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
    let (_, other) = door.listen(&row, 1_000).await.unwrap();
    assert!(other < tone / 10.0, "1000 Hz at {other}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_recorded_before_the_user_was_told() {
    let settings = "[recordings]\nconsent = \"announce_inbound\"\nnotice = \"notice\"\n";
    let (stage, _folder) = stage_with(settings).unwrap();
    let door = Door::of(&stage).unwrap();
    let mut agent = agent_of(&stage).unwrap();
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
    let mut house = Mortal::start().await.unwrap();
    let (_ann, call) = house.taken().await.unwrap();
    house.door.record(&call, "start").await.unwrap();
    let before = house.door.packets().await.unwrap();
    let killed = house.door.after(before, 4).await.unwrap();
    let phone = house.door.phone().await.unwrap()["id"].as_str().unwrap().to_owned();
    let mut server = house.server.take().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    house.serve().await.unwrap();
    let ended = house.sim.control().wait_for(0, "call.ended", Some(&phone), TOLD_WITHIN).await;
    assert!(ended.is_some(), "WhatsApp is told soon after the restart");
    let row = house.door.recorded(&call, "truncated").await.unwrap();
    let spoken = (killed - before) * 20;
    assert!(row["length_ms"].as_u64().unwrap() + 1_000 >= spoken, "{spoken} ms were spoken: {row}");
    let (millis, tone) = house.door.listen(&row, 440).await.unwrap();
    assert!(millis + 1_000.0 >= spoken as f64 && tone > 0.05, "{millis} ms, 440 Hz at {tone}");
    let record = house.door.ask(Method::GET, &format!("/calls/{call}"), json!({})).await.unwrap();
    assert_eq!(record["end_reason"], "server_restarted", "{record}");
}

#[tokio::test(flavor = "multi_thread")]
async fn recording_of_a_server_that_stops_is_complete() {
    let mut house = Mortal::start().await.unwrap();
    let (_ann, call) = house.taken().await.unwrap();
    house.door.record(&call, "start").await.unwrap();
    let before = house.door.packets().await.unwrap();
    let stopped = house.door.after(before, 2).await.unwrap();
    let mut server = house.server.take().unwrap();
    terminate(&server);
    assert!(wait(&mut server, Duration::from_secs(10)).unwrap().success());
    house.serve().await.unwrap();
    let row = house.door.recorded(&call, "complete").await.unwrap();
    let spoken = (stopped - before) * 20;
    assert!(row["length_ms"].as_u64().unwrap() + 200 >= spoken, "{spoken} ms were spoken: {row}");
    let (millis, tone) = house.door.listen(&row, 440).await.unwrap();
    assert!(millis + 200.0 >= spoken as f64 && tone > 0.05, "{millis} ms, 440 Hz at {tone}");
    let record = house.door.ask(Method::GET, &format!("/calls/{call}"), json!({})).await.unwrap();
    assert_eq!(record["end_reason"], "server_restarted", "{record}");
}
