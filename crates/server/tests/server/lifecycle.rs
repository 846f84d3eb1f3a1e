//! Starting and stopping.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;

use crate::program::{errors, offhook, private, run, serve};

/// Meta's door takes knocks.
const OPEN_DOOR: &str =
    "[whatsapp]\napp_secret = \"0123456789abcdef\"\nverify_token = \"0123456789abcdef\"\n";

/// A webhook that waits for leave to send its body.
const HALF_A_KNOCK: &str = "POST /webhooks/meta HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
    Expect: 100-continue\r\nContent-Length: 100\r\n\
    X-Hub-Signature-256: sha256=0000000000000000000000000000000000000000000000000000000000000000\r\n\r\n";

#[test]
fn a_second_server_on_the_same_data_is_refused_and_told_who_runs() {
    let folder = tempfile::tempdir().unwrap();
    let first = serve(folder.path(), &[]);
    let second = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    let holder = format!("process {}", first.child.id());
    assert!(errors(&second).contains(&holder), "{}", errors(&second));
}

#[test]
fn after_kill_nine_the_next_server_starts() {
    let folder = tempfile::tempdir().unwrap();
    drop(serve(folder.path(), &[]));
    let second = serve(folder.path(), &[]);
    assert!(second.get("/readyz", "").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_stop_ends_cleanly_and_lets_go_of_the_port() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = serve(folder.path(), &[]);
        server.signal(signal);
        server.logs_until("server stopped");
        assert!(server.child.wait().unwrap().success());
        assert!(TcpStream::connect(server.address).is_err());
    }
}

#[test]
fn a_stop_does_not_wait_for_a_client_that_never_finishes_its_request() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "offhook.toml", OPEN_DOOR);
    let mut server = serve(folder.path(), &[]);
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(HALF_A_KNOCK.as_bytes()).unwrap();
    // The server says "continue" once it waits for the body, which never comes whole.
    let mut answer = [0; 12];
    slow.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"HTTP/1.1 100");
    slow.write_all(b"half").unwrap();
    server.signal("TERM");
    server.logs_until("server stopped");
    assert!(server.child.wait().unwrap().success());
}

#[test]
fn a_second_signal_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    private(folder.path(), "offhook.toml", OPEN_DOOR);
    let mut server = serve(folder.path(), &[]);
    let mut slow = TcpStream::connect(server.address).unwrap();
    slow.write_all(HALF_A_KNOCK.as_bytes()).unwrap();
    slow.read_exact(&mut [0; 12]).unwrap();
    server.signal("TERM");
    server.logs_until("server stopping");
    server.signal("TERM");
    assert_eq!(server.child.wait().unwrap().code(), Some(1));
}

#[test]
fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(folder.path(), &["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains(&address), "{}", errors(&output));
}

#[test]
fn a_lost_master_key_is_told_in_words() {
    let folder = tempfile::tempdir().unwrap();
    drop(serve(folder.path(), &[]));
    std::fs::remove_file(folder.path().join("offhook.key")).unwrap();
    let output = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).contains("master key"), "{}", errors(&output));
}

#[test]
fn the_simulator_runs_alone_and_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = offhook(folder.path(), &["sim", "--listen", "127.0.0.1:0", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let ready: serde_json::Value = serde_json::from_str(&line).unwrap();
    let address = ready["graph_url"].as_str().unwrap().strip_prefix("http://").unwrap();
    let mut page = TcpStream::connect(address).unwrap();
    write!(page, "GET /phone HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    page.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    child.kill().unwrap();
    child.wait().unwrap();
}
