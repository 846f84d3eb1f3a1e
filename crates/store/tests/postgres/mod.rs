//! A throw-away PostgreSQL for tests: its own data folder, a random port on loopback, gone with the test.
//!
//! The server is told to stop when the thread that started it ends, however it ends, so start it on the
//! test's own thread and not on one of a pool's. `fsync` is off: what a cut of power leaves is not tested here.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// Nobody: PostgreSQL refuses to run as root.
const NOBODY: u32 = 65534;

/// Another program may take the port between our look and the server's start.
const TRIES: usize = 3;

/// What to do when something is missing.
const REMEDY: &str = "PostgreSQL is needed for this test; `cargo xtask test` installs it";

/// A running server.
pub(crate) struct Postgres {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    server: Child,
}

impl Postgres {
    /// Starts a server and waits until it takes connections.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    pub(crate) fn start() -> Self {
        let programs = programs();
        let folder =
            tempfile::Builder::new().prefix("offhook-postgres-").tempdir().expect("a temporary folder");
        if running_as_root() {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).expect("root may give its folders away");
        }
        let data = folder.path().join("data");
        let made = unprivileged(folder.path(), &programs.join("initdb"))
            .args(["-U", "app", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status();
        assert!(made.expect("setpriv runs").success(), "initdb failed");
        for _ in 0..TRIES {
            let port = free_port();
            if let Some(server) = launch(&programs, folder.path(), &data, port) {
                return Self { folder, programs, port, server };
            }
        }
        panic!("PostgreSQL does not start; its own words are above");
    }

    /// Makes an empty database and returns its URL.
    ///
    /// # Panics
    /// When it cannot be made.
    pub(crate) fn database(&self, name: &str) -> String {
        let port = self.port.to_string();
        let made = Command::new(self.programs.join("createdb"))
            .args(["-h", "127.0.0.1", "-p", &port, "-U", "app", name])
            .status();
        assert!(made.expect("createdb runs").success(), "createdb {name} failed");
        format!("postgres://app@127.0.0.1:{port}/{name}")
    }

    /// Stops the server at once, as a crash would: connections break and nothing is put in order.
    pub(crate) fn stop(&mut self) {
        let id = self.server.id().to_string();
        let told = Command::new("kill").args(["-QUIT", &id]).status();
        assert!(told.expect("kill runs").success(), "the server was not running");
        self.server.wait().expect("our own child");
    }

    /// Starts it again on the same port with the same data.
    ///
    /// # Panics
    /// When it does not start.
    pub(crate) fn restart(&mut self) {
        let data = self.folder.path().join("data");
        self.server = launch(&self.programs, self.folder.path(), &data, self.port).expect("it ran before");
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Nothing in the folder is worth an orderly end, but a server that is killed leaves shared memory behind.
        if matches!(self.server.try_wait(), Ok(None)) {
            self.stop();
        }
    }
}

/// The newest installed server's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect(REMEDY);
    let numbered = versions.filter_map(|entry| {
        let entry = entry.ok()?;
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let found = numbered.filter(|(_, programs)| programs.join("postgres").exists()).max();
    found.expect(REMEDY).1
}

/// Starts the server and reads its log until it is ready; `None` when it ends before.
fn launch(programs: &Path, folder: &Path, data: &Path, port: u16) -> Option<Child> {
    let mut server = unprivileged(folder, &programs.join("postgres"))
        .arg("-D")
        .arg(data)
        .args(["-p", &port.to_string(), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"])
        .arg("-c")
        .arg(format!("unix_socket_directories={}", folder.display()))
        .stderr(Stdio::piped())
        .spawn()
        .expect("setpriv runs");
    let mut log = BufReader::new(server.stderr.take().expect("it was piped"));
    let mut line = String::new();
    while log.read_line(&mut line).expect("the log is text") > 0 {
        if line.contains("database system is ready to accept connections") {
            std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
            return Some(server);
        }
        eprint!("postgres: {line}");
        line.clear();
    }
    server.wait().expect("our own child");
    None
}

/// A command that dies with us and is not root.
fn unprivileged(folder: &Path, program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    if running_as_root() {
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
    }
    command.args(["--pdeathsig", "QUIT"]).arg(program).current_dir(folder);
    command
}

fn running_as_root() -> bool {
    std::fs::metadata("/proc/self").expect("proc is mounted").uid() == 0
}

fn free_port() -> u16 {
    let probe = TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    probe.local_addr().expect("it is bound").port()
}
