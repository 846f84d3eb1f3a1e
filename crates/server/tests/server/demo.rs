//! `offhook demo`, once and again.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::program::{errors, offhook, private, run};

struct Demo {
    child: Child,
    ready: Value,
}

impl Demo {
    fn start(folder: &Path) -> Self {
        let args =
            ["demo", "--json", "--listen", "127.0.0.1:0", "--sim-listen", "127.0.0.1:0", "--data", "data"];
        let mut child = offhook(folder, &args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, ready: serde_json::from_str(&line).unwrap() }
    }

    fn stop(mut self) -> Value {
        Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(self.child.wait().unwrap().success());
        self.ready.take()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_keeps_its_logins_and_key_from_one_start_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let first = Demo::start(folder.path()).stop();
    let second = Demo::start(folder.path()).stop();
    for same in ["api_key", "agents", "tenant_id", "number"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert_eq!(first["agents"].as_array().unwrap().len(), 2);
    let mode = std::fs::metadata(folder.path().join("data/demo.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_demo_whose_database_was_deleted_is_planted_anew() {
    let folder = tempfile::tempdir().unwrap();
    let first = Demo::start(folder.path()).stop();
    for name in ["offhook.db", "offhook.db-wal", "offhook.db-shm"] {
        let _ = std::fs::remove_file(folder.path().join("data").join(name));
    }
    let second = Demo::start(folder.path()).stop();
    assert_eq!(first["agents"], second["agents"]);
    assert_ne!(first["api_key"], second["api_key"]);
}

#[test]
fn the_sample_call_is_placed() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path());
    let body = std::fs::read_to_string(folder.path().join("data/call.json")).unwrap();
    let address = demo.ready["url"].as_str().unwrap().strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /api/v1/whatsapp/calling/calls HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         X-API-Key: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        demo.ready["api_key"].as_str().unwrap(),
        body.len(),
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    demo.stop();
}

#[test]
fn a_demo_meets_no_real_configuration_by_chance() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("offhook.toml"), "[nonsense]\n").unwrap();
    Demo::start(folder.path()).stop();
}

#[test]
fn a_demo_takes_no_database_from_the_file_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "url", "sqlite:real.db\n");
    for (keys, word) in
        [("[database]\nurl_file = \"url\"\n", "database.url_file"), ("[media]\nturn_url = 1\n", "turn_url")]
    {
        private(folder.path(), "keys.toml", keys);
        let output = run(folder.path(), &["demo", "--json", "--data", "data", "--config", "keys.toml"]);
        assert_eq!(output.status.code(), Some(78), "{}", errors(&output));
        assert!(errors(&output).contains(word), "{}", errors(&output));
    }
    assert!(!folder.path().join("real.db").exists());
}
