//! A stage: `offhook demo` as a process of its own on free ports, with its simulator.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::agent::Agent;

/// How long the binary may take to say that it is ready.
const READY: Duration = Duration::from_secs(60);

/// A running demo. Its processes end with it, and its data with the folder.
pub(crate) struct Stage {
    child: Child,
    data: tempfile::TempDir,
    /// What `offhook demo --json` printed: addresses and credentials.
    pub(crate) ready: Value,
    http: reqwest::Client,
}

impl Stage {
    /// Builds the binary if it is not fresh and starts the demo on free ports.
    pub(crate) fn start() -> anyhow::Result<Self> {
        Self::start_by(demo()?, READY)
    }

    /// The same with further keys of the configuration, as a file has them.
    pub(crate) fn with(keys: &str) -> anyhow::Result<Self> {
        let data = tempfile::tempdir()?;
        let file = data.path().join("offhook.toml");
        std::fs::write(&file, keys)?;
        // The demo's own secrets come beside it.
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600))?;
        let mut command = demo()?;
        command.arg("--config").arg(file);
        Self::start_in(data, command, READY)
    }

    /// Starts the demo with a command that takes the demo's flags.
    pub(crate) fn start_by(command: Command, patience: Duration) -> anyhow::Result<Self> {
        Self::start_in(tempfile::tempdir()?, command, patience)
    }

    fn start_in(data: tempfile::TempDir, mut command: Command, patience: Duration) -> anyhow::Result<Self> {
        command.args(["--json", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0", "--data"]);
        let (child, ready) = launch(command.arg(data.path()), data.path(), patience)?;
        // The first caller installs it; the others find it installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { child, data, ready, http })
    }

    /// The demo's first agent.
    pub(crate) fn agent(&self) -> anyhow::Result<Agent> {
        Agent::new(self.say("/url"), self.say("/agents/0/email"), self.say("/agents/0/password"))
    }

    /// An address or credential by its path in the ready line.
    pub(crate) fn say(&self, pointer: &str) -> &str {
        let found = self.ready.pointer(pointer).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("the demo says {pointer}: {}", self.ready))
    }

    /// A request to the server with the demo's API key.
    pub(crate) fn api(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.say("/url")))
            .header("X-API-Key", self.say("/api_key"))
    }

    /// A request without credentials.
    pub(crate) fn bare(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.say("/url")))
    }

    /// A request to the simulator's control door.
    pub(crate) fn control(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}/control{path}", self.say("/sim_url")))
    }

    /// Ends the process as asked and returns all it has logged.
    pub(crate) fn stop(mut self) -> anyhow::Result<String> {
        terminate(&self.child);
        let status = wait(&mut self.child, Duration::from_secs(10))?;
        anyhow::ensure!(status.success(), "the demo ended with {status}");
        Ok(std::fs::read_to_string(self.data.path().join("stderr.log"))?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests have a parent").to_path_buf()
}

/// The `offhook` binary, built when it is not fresh. Tests of this package cannot name a binary of another,
/// so Cargo is asked; that takes a moment when nothing changed.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    // `cargo xtask test` has it built with the tests: Cargo would build it and half its libraries once more,
    // because features of test dependencies do not reach a binary that is built alone.
    if let Some(binary) = std::env::var_os("OFFHOOK_BINARY") {
        return Ok(PathBuf::from(binary));
    }
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--package", "offhook-server", "--bin", "offhook"])
        .current_dir(root())
        .status()?;
    anyhow::ensure!(status.success(), "the binary does not build");
    let own = std::env::current_exe()?;
    let folder = own.ancestors().nth(2).context("test binaries live in target/<profile>/deps")?;
    Ok(folder.join("offhook"))
}

fn demo() -> anyhow::Result<Command> {
    let mut command = Command::new(binary()?);
    command.arg("demo");
    Ok(command)
}

/// Runs a command that starts the demo, and waits for its ready line.
fn launch(command: &mut Command, data: &Path, patience: Duration) -> anyhow::Result<(Child, Value)> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(data.join("stderr.log"))?;
    let mut child = command
        .env("OFFHOOK_LOG__FILTER", "debug,hyper=info,h2=info,sqlx=info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()?;
    let stdout = child.stdout.take().context("piped above")?;
    let (send, ready) = mpsc::channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stdout);
        let mut line = String::new();
        if lines.read_line(&mut line).is_ok() {
            // The receiver may have given up.
            let _ = send.send(line);
        }
        // Whatever else it prints must not fill the pipe.
        let _ = lines.read_to_string(&mut String::new());
    });
    match ready.recv_timeout(patience) {
        Ok(line) if !line.is_empty() => Ok((child, serde_json::from_str(&line)?)),
        _ => {
            let _ = child.kill();
            let _ = child.wait();
            bail!("the demo did not start: {}", std::fs::read_to_string(data.join("stderr.log"))?);
        }
    }
}

/// Asks a process to end, as an operator would.
pub(crate) fn terminate(child: &Child) {
    let _ = Command::new("kill").arg("-TERM").arg(child.id().to_string()).status();
}

/// Waits for a process to end.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> anyhow::Result<std::process::ExitStatus> {
    #[expect(clippy::disallowed_methods, reason = "waits for a process, outside any runtime")]
    let began = Instant::now();
    while began.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    bail!("the process did not end within {limit:?}")
}

/// Asks again, a little less often than the list of calls may be asked for, until there is an answer.
pub(crate) async fn until<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let mut ticks = tokio::time::interval(Duration::from_millis(510));
    for _ in 0..90 {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ticks.tick().await;
    }
    bail!("waited in vain for {what}")
}
