//! The server killed between any two steps of a call. The simulator lives on, as WhatsApp would.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use offhook_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::agent::{Agent, sdp};
use crate::postgres::Postgres;
use crate::stage::{binary, until};

const BUSINESS: &str = "+15550100200";

/// A server of its own process and a simulator of ours.
struct House {
    binary: PathBuf,
    data: tempfile::TempDir,
    database: String,
    port: u16,
    sim: Sim,
    server: Option<Child>,
    http: reqwest::Client,
    api_key: String,
}

impl House {
    /// On SQLite.
    async fn start() -> anyhow::Result<Self> {
        Self::start_on("sqlite:offhook.db".to_owned()).await
    }

    async fn start_on(database: String) -> anyhow::Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let webhook_url = Some(format!("http://127.0.0.1:{port}/webhooks/meta").parse()?);
        let mut config = SimConfig { webhook_url, ..SimConfig::default() };
        config.knobs.answer_webhook_ms = 20;
        config.knobs.ringing_ms = 20;
        config.knobs.phone_answers_ms = 200;
        config.knobs.webhook_retry_ms = vec![200; 100];
        let sim = offhook_sim::start(config).await?;
        let mut house = Self {
            binary: binary()?,
            data: tempfile::tempdir()?,
            database,
            port,
            sim,
            server: None,
            http: reqwest::Client::builder().no_proxy().build()?,
            api_key: String::new(),
        };
        house.seed()?;
        house.serve().await?;
        Ok(house)
    }

    fn offhook(&self) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .env("OFFHOOK_HTTP__LISTEN", format!("127.0.0.1:{}", self.port))
            .env("OFFHOOK_MEDIA__UDP_LISTEN", "127.0.0.1:0")
            .env("OFFHOOK_DATABASE__URL", &self.database)
            .env("OFFHOOK_WHATSAPP__GRAPH_URL", format!("http://{}", self.sim.addr()))
            .env("OFFHOOK_WHATSAPP__APP_SECRET", "sim-app-secret")
            .env("OFFHOOK_WHATSAPP__VERIFY_TOKEN", "sim-verify-token")
            .current_dir(self.data.path())
            .stdin(Stdio::null());
        command
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.data.path(), name)
    }

    fn admin(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.offhook().arg("admin").args(arguments).arg("--json").output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success(), "admin {arguments:?}: {complaint}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn seed(&mut self) -> anyhow::Result<()> {
        std::fs::write(self.path("token"), "sim-access-token")?;
        std::fs::write(self.path("password"), "correct horse battery staple")?;
        let first = self.admin(&["init"])?;
        self.api_key = first["api_key"].as_str().context("an API key")?.to_owned();
        self.admin(&[
            "number",
            "add",
            "--phone-number-id",
            "106540352242922",
            "--waba-id",
            "102290129340398",
            "--display-phone",
            BUSINESS,
            "--access-token-file",
            "token",
            "--media-mode",
            "relay",
        ])?;
        let agent = ["agent", "create", "--email", "ann@example.test", "--name", "Ann"];
        self.admin(&[&agent[..], &["--password-file", "password"]].concat())?;
        Ok(())
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    async fn serve(&mut self) -> anyhow::Result<()> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path("log"))?;
        self.server = Some(self.offhook().arg("serve").stdout(log.try_clone()?).stderr(log).spawn()?);
        let ready = until("the server to be ready", async || {
            let reply = self.http.get(format!("{}/readyz", self.url())).send().await;
            Ok(reply.ok().filter(|reply| reply.status().is_success()))
        });
        let found = ready.await;
        found.with_context(|| std::fs::read_to_string(self.path("log")).unwrap_or_default())?;
        Ok(())
    }

    /// kill -9, start again, and the agent's page comes back.
    async fn crash(&mut self, agent: &mut Agent) -> anyhow::Result<()> {
        let mut server = self.server.take().context("running")?;
        server.kill()?;
        server.wait()?;
        self.serve().await?;
        agent.connect().await?;
        Ok(())
    }

    fn agent(&self) -> anyhow::Result<Agent> {
        Agent::new(&self.url(), "ann@example.test", "correct horse battery staple")
    }

    async fn control(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("http://{}/control{path}", self.sim.addr());
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    async fn rows(&self) -> anyhow::Result<Vec<Value>> {
        let url = format!("{}/api/v1/whatsapp/calling/calls", self.url());
        let reply = self.http.get(url).header("X-API-Key", &self.api_key).send().await?;
        let body: Value = reply.error_for_status()?.json().await?;
        Ok(body["data"].as_array().context("rows")?.clone())
    }

    /// Waits for the one row to be in a status.
    async fn row(&self, status: &str) -> anyhow::Result<Value> {
        let found = until("the row to end", async || {
            let rows = self.rows().await?;
            anyhow::ensure!(rows.len() <= 1, "one call has one row: {rows:?}");
            Ok(rows.into_iter().find(|row| row["status"] == json!(status)))
        });
        found.await.with_context(|| std::fs::read_to_string(self.path("log")).unwrap_or_default())
    }

    /// How often WhatsApp was asked for an action, and did it.
    async fn acted(&self, action: &str) -> anyhow::Result<u64> {
        Ok(self.control("/graph-log").await?["acted"][action].as_u64().unwrap_or(0))
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            // It may be gone already.
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

async fn outbound(mut house: House, kill_at: usize) -> anyhow::Result<()> {
    let mut agent = house.agent()?;
    agent.connect().await?;
    let place = json!({ "type": "call.place", "to": "+447700900002", "sdp": sdp("actpass") });
    let ack = agent.command(place).await?;
    let id = ack["call"]["id"].as_str().with_context(|| format!("a call: {ack}"))?.to_owned();
    if kill_at == 0 {
        house.crash(&mut agent).await?;
    }
    let next = agent.either("call.remote_answer", "call.ended").await?;
    if next["type"] == "call.ended" {
        // Killed before WhatsApp was asked: nobody can know that, so the call is not dialled again.
        anyhow::ensure!(kill_at == 0 && next["call"]["end_reason"] == "unconfirmed", "{next}");
        anyhow::ensure!(house.acted("connect").await? == 0, "a call WhatsApp knows of is adopted");
        return Ok(());
    }
    if kill_at == 1 {
        house.crash(&mut agent).await?;
    }
    agent.event("call.changed", |event| event["call"]["state"] == "connected").await?;
    if kill_at == 2 {
        house.crash(&mut agent).await?;
    }
    let ack = agent.command(json!({ "type": "call.hangup", "call_id": id })).await?;
    anyhow::ensure!(ack["type"] == "ack", "hanging up: {ack}");
    if kill_at == 3 {
        house.crash(&mut agent).await?;
    }
    let row = house.row("completed").await?;
    anyhow::ensure!(row["end_reason"] == "local_hangup", "{row}");
    anyhow::ensure!(house.acted("connect").await? == 1, "dialled once");
    Ok(())
}

async fn inbound(mut house: House, kill_at: usize) -> anyhow::Result<()> {
    let mut agent = house.agent()?;
    agent.connect().await?;
    agent.command(json!({ "type": "presence.set", "status": "available" })).await?;
    house
        .http
        .post(format!("http://{}/control/calls", house.sim.addr()))
        .json(&json!({ "from": "+447700900002" }))
        .send()
        .await?
        .error_for_status()?;
    let incoming = agent.event("call.incoming", |_| true).await?;
    let id = incoming["call"]["id"].as_str().context("a call")?.to_owned();
    if kill_at == 0 {
        house.crash(&mut agent).await?;
        agent.event("call.incoming", |event| event["call"]["id"] == json!(id)).await?;
    }
    let accept = json!({ "type": "call.accept", "call_id": id, "sdp": sdp("active") });
    let ack = agent.command(accept).await?;
    anyhow::ensure!(ack["type"] == "ack", "taking the call: {ack}");
    if kill_at == 1 {
        house.crash(&mut agent).await?;
    }
    until("the call to be connected", async || {
        Ok(house.rows().await?.into_iter().find(|row| row["status"] == "in_progress"))
    })
    .await?;
    if kill_at == 2 {
        house.crash(&mut agent).await?;
    }
    let ack = agent.command(json!({ "type": "call.hangup", "call_id": id })).await?;
    anyhow::ensure!(ack["type"] == "ack", "hanging up: {ack}");
    if kill_at == 3 {
        house.crash(&mut agent).await?;
    }
    let row = house.row("completed").await?;
    anyhow::ensure!(row["end_reason"] == "local_hangup", "{row}");
    anyhow::ensure!(house.acted("accept").await? == 1, "accepted once");
    Ok(())
}

macro_rules! kills {
    ($($name:ident: $call:ident at $step:literal),* $(,)?) => {
        $(#[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            $call(House::start().await.unwrap(), $step).await.unwrap();
        })*
    };
}

kills! {
    outbound_call_survives_a_kill_once_placed: outbound at 0,
    outbound_call_survives_a_kill_while_ringing: outbound at 1,
    outbound_call_survives_a_kill_in_conversation: outbound at 2,
    outbound_call_survives_a_kill_while_hanging_up: outbound at 3,
    inbound_call_survives_a_kill_while_ringing: inbound at 0,
    inbound_call_survives_a_kill_while_being_taken: inbound at 1,
    inbound_call_survives_a_kill_in_conversation: inbound at 2,
    inbound_call_survives_a_kill_while_hanging_up: inbound at 3,
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_postgresql_survive_kills_too() {
    let postgres = Postgres::start();
    let house = House::start_on(postgres.database("outbound")).await.unwrap();
    outbound(house, 1).await.unwrap();
    let house = House::start_on(postgres.database("inbound")).await.unwrap();
    inbound(house, 1).await.unwrap();
}

/// Killed while `connect` is in flight and WhatsApp has acted: the call is adopted, not dialled again.
#[tokio::test(flavor = "multi_thread")]
async fn call_whose_connect_was_in_flight_is_adopted_and_not_dialled_again() {
    let mut house = House::start().await.unwrap();
    let slow = json!({ "action": "connect", "fault": { "kind": "hang", "hold_ms": 2000, "acts": true } });
    let plan = house.http.post(format!("http://{}/control/faults", house.sim.addr())).json(&slow);
    plan.send().await.unwrap().error_for_status().unwrap();
    let mut agent = house.agent().unwrap();
    agent.connect().await.unwrap();
    let place = json!({ "type": "call.place", "to": "+447700900002", "sdp": sdp("actpass") });
    let ack = agent.command(place).await.unwrap();
    let id = ack["call"]["id"].as_str().unwrap().to_owned();
    let acted = house.sim.control().wait_for(0, "call.created", None, Duration::from_secs(10)).await;
    assert!(acted.is_some(), "WhatsApp places the call before the server dies");
    house.crash(&mut agent).await.unwrap();
    agent.event("call.changed", |event| event["call"]["state"] == "connected").await.unwrap();
    agent.command(json!({ "type": "call.hangup", "call_id": id })).await.unwrap();
    house.row("completed").await.unwrap();
    assert_eq!(house.acted("connect").await.unwrap(), 1);
}
