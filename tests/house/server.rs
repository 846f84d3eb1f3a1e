//! A server that can be killed: `offhook serve` as a process of its own, with one business number and some agents.
//! The simulator lives in the test, as WhatsApp would live on.

use std::io::Read;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use offhook_sim::{Sim, SimConfig};
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::stage::{binary, terminate, until, wait};

const BUSINESS: &str = "+15550100200";

/// Who may sign in; all have the same password.
pub(crate) const AGENTS: [(&str, &str); 3] =
    [("ann@example.test", "Ann"), ("ben@example.test", "Ben"), ("cid@example.test", "Cid")];

/// A server of its own process and a simulator of ours.
pub(crate) struct House {
    binary: PathBuf,
    data: tempfile::TempDir,
    database: String,
    port: u16,
    pub(crate) sim: Sim,
    server: Option<Child>,
    pub(crate) http: reqwest::Client,
    pub(crate) api_key: String,
    /// The account's id, for Vobiz's clients.
    pub(crate) account_id: String,
    /// The number's credentials: `channel_id` for Vobiz's clients, `d360_api_key` for 360dialog's.
    pub(crate) number: Value,
}

impl House {
    /// On SQLite, with one number whose calls are carried in this way.
    pub(crate) async fn start(media_mode: &str) -> anyhow::Result<Self> {
        Self::start_on("sqlite:offhook.db".to_owned(), media_mode).await
    }

    pub(crate) async fn start_on(database: String, media_mode: &str) -> anyhow::Result<Self> {
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
            account_id: String::new(),
            number: Value::Null,
        };
        house.seed(media_mode)?;
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
            .env("OFFHOOK_WEBHOOKS__ALLOW_PRIVATE_TARGETS", "true")
            .current_dir(self.data.path())
            .stdin(Stdio::null());
        command
    }

    /// Where everything it writes is.
    pub(crate) fn folder(&self) -> &Path {
        self.data.path()
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::join(self.data.path(), name)
    }

    pub(crate) fn admin(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let output = self.offhook().arg("admin").args(arguments).arg("--json").output()?;
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        anyhow::ensure!(output.status.success(), "admin {arguments:?}: {complaint}");
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    fn seed(&mut self, media_mode: &str) -> anyhow::Result<()> {
        std::fs::write(self.path("token"), "sim-access-token")?;
        std::fs::write(self.path("password"), "correct horse battery staple")?;
        let first = self.admin(&["init"])?;
        self.api_key = first["api_key"].as_str().context("an API key")?.to_owned();
        self.account_id = first["account_id"].as_str().context("an account")?.to_owned();
        self.number = self.admin(&[
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
            media_mode,
        ])?;
        for (email, name) in AGENTS {
            let agent = ["agent", "create", "--email", email, "--name", name];
            self.admin(&[&agent[..], &["--password-file", "password"]].concat())?;
        }
        Ok(())
    }

    /// Fresh keys of a role.
    pub(crate) fn keys(&self, role: &str, count: usize) -> anyhow::Result<Vec<String>> {
        let make = |_| {
            let made = self.admin(&["key", "create", "--role", role])?;
            Ok(made["api_key"].as_str().context("a key")?.to_owned())
        };
        (0..count).map(make).collect()
    }

    pub(crate) fn url(&self) -> String {
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

    /// Starts a second server on the same database, elsewhere; how it ended, and what it said.
    pub(crate) fn second(&self) -> anyhow::Result<(std::process::ExitStatus, String)> {
        let elsewhere = tempfile::tempdir()?;
        let mut second = self.offhook();
        second.env("OFFHOOK_HTTP__LISTEN", "127.0.0.1:0").current_dir(elsewhere.path());
        // The key that fits the database is beside the first.
        second.env("OFFHOOK_SECURITY__MASTER_KEY_FILE", self.path("offhook.key"));
        let mut second = second.arg("serve").stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
        let status = wait(&mut second, Duration::from_secs(20))?;
        let mut words = String::new();
        second.stderr.take().context("it was piped")?.read_to_string(&mut words)?;
        Ok((status, words))
    }

    /// Stopped as an operator would, and started again.
    pub(crate) async fn stop_and_start(&mut self) -> anyhow::Result<()> {
        let mut server = self.server.take().context("running")?;
        terminate(&server);
        let status = wait(&mut server, Duration::from_secs(10))?;
        anyhow::ensure!(status.success(), "the server ended with {status}");
        self.serve().await
    }

    /// kill -9, and start again.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<()> {
        let mut server = self.server.take().context("running")?;
        server.kill()?;
        server.wait()?;
        self.serve().await
    }

    /// kill -9, start again, and the agent's page comes back.
    pub(crate) async fn crash(&mut self, agent: &mut Agent) -> anyhow::Result<()> {
        self.restart().await?;
        agent.connect().await?;
        Ok(())
    }

    /// The running server.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        Ok(self.server.as_ref().context("running")?.id())
    }

    pub(crate) fn agent(&self) -> anyhow::Result<Agent> {
        self.agent_called(AGENTS[0].0)
    }

    pub(crate) fn agent_called(&self, email: &str) -> anyhow::Result<Agent> {
        Agent::new(&self.url(), email, "correct horse battery staple")
    }

    pub(crate) async fn control(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("http://{}/control{path}", self.sim.addr());
        Ok(self.http.get(url).send().await?.error_for_status()?.json().await?)
    }

    pub(crate) async fn rows(&self) -> anyhow::Result<Vec<Value>> {
        let url = format!("{}/api/v1/whatsapp/calling/calls", self.url());
        let reply = self.http.get(url).header("X-API-Key", &self.api_key).send().await?;
        let body: Value = reply.error_for_status()?.json().await?;
        Ok(body["data"].as_array().context("rows")?.clone())
    }

    /// Waits for the one row to be in a status.
    pub(crate) async fn row(&self, status: &str) -> anyhow::Result<Value> {
        let found = until("the row to end", async || {
            let rows = self.rows().await?;
            anyhow::ensure!(rows.len() <= 1, "one call has one row: {rows:?}");
            Ok(rows.into_iter().find(|row| row["status"] == json!(status)))
        });
        found.await.with_context(|| std::fs::read_to_string(self.path("log")).unwrap_or_default())
    }

    /// How often WhatsApp was asked for an action, and did it.
    pub(crate) async fn acted(&self, action: &str) -> anyhow::Result<u64> {
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
