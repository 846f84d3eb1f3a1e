//! Agents that reach nothing but a TURN server: a real coturn, and Chromium that may use relayed addresses only.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::browser;
use crate::stage::Stage;

/// Longer than any password the server takes for one.
const SECRET: &str = "canary-of-the-river";

/// Another program may take the port between our look and coturn's start.
const TRIES: usize = 3;

/// A STUN binding request (RFC 8489 section 5), which needs no credentials.
const BINDING_REQUEST: [u8; 20] = *b"\x00\x01\x00\x00\x21\x12\xa4\x42listening?..";

const ASK_AGAIN: Duration = Duration::from_millis(100);

/// A running coturn.
struct Coturn {
    server: Child,
    port: u16,
    /// Its files, which go with it.
    _folder: TempDir,
}

impl Coturn {
    /// Starts it with its flags for credentials, and waits until it listens.
    fn start(credentials: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..TRIES {
            let port = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if let Some(server) = launch(&folder, port, credentials) {
                return Self { server, port, _folder: folder };
            }
        }
        panic!("coturn does not start; its own words are above");
    }

    /// A configuration with this server and further keys.
    fn configuration(&self, keys: &str) -> String {
        format!("[media]\nturn_urls = [\"turn:127.0.0.1:{}\"]\n{keys}\n", self.port)
    }
}

impl Drop for Coturn {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Starts coturn and waits until it answers; `None` when it ends before.
fn launch(folder: &TempDir, port: u16, credentials: &[&str]) -> Option<Child> {
    let path = |name: &str| folder.path().join(name).display().to_string();
    // It goes with the thread that started it, however that ends.
    let mut server = Command::new("setpriv")
        .args(["--pdeathsig", "KILL", "turnserver", "-n", "--no-cli", "--no-tls", "--no-dtls"])
        .args(["--listening-ip", "127.0.0.1", "--listening-port", &port.to_string()])
        .args(["--relay-ip", "127.0.0.1", "--allow-loopback-peers", "--realm", "offhook.test"])
        .args([
            "--userdb",
            &path("db"),
            "--pidfile",
            &path("pid"),
            "--log-file",
            &path("log"),
            "--simple-log",
        ])
        .args(credentials)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("setpriv runs");
    let asking = UdpSocket::bind("127.0.0.1:0").unwrap();
    asking.connect(("127.0.0.1", port)).unwrap();
    asking.set_read_timeout(Some(ASK_AGAIN)).unwrap();
    while let Ok(None) = server.try_wait() {
        // Refused while nobody listens; then the wait for an answer is short.
        if asking.send(&BINDING_REQUEST).is_ok() && asking.recv(&mut [0; 512]).is_ok() {
            return Some(server);
        }
    }
    eprintln!("coturn: {}", std::fs::read_to_string(path("log")).unwrap_or_default());
    None
}

/// Plays the scenario with these keys, and reads the server's log for what must not stand in it.
fn heard_through(coturn: &Coturn, keys: &str) {
    let stage = Stage::with(&coturn.configuration(keys)).unwrap();
    browser::play_on(&stage, "agent_behind_a_firewall_is_heard_through_turn", None);
    let log = stage.stop().unwrap();
    assert!(log.contains("call.id"), "the log tells of the calls: {log}");
    let line = log.lines().find(|line| line.contains("canary"));
    assert!(line.is_none(), "a credential stands in the log: {}", line.unwrap_or_default());
}

#[test]
fn agent_behind_turn_with_a_shared_secret_is_heard() {
    let coturn = Coturn::start(&["--use-auth-secret", "--static-auth-secret", SECRET]);
    heard_through(&coturn, &format!("turn_secret = \"{SECRET}\""));
}

#[test]
fn agent_behind_turn_with_one_name_for_all_is_heard() {
    let coturn = Coturn::start(&["--lt-cred-mech", "--user", &format!("pages:{SECRET}")]);
    heard_through(&coturn, &format!("turn_username = \"pages\"\nturn_password = \"{SECRET}\""));
}
