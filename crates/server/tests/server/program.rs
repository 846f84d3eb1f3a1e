//! Running the binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The program, with no configuration from outside the test.
pub(crate) fn offhook(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_offhook"));
    command.args(args).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("OFFHOOK_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to the end.
pub(crate) fn run(folder: &Path, args: &[&str]) -> Output {
    offhook(folder, args).output().unwrap()
}

/// Runs it to a good end and reads the line of JSON it prints.
pub(crate) fn json(folder: &Path, args: &[&str]) -> Value {
    let output = run(folder, args);
    assert!(output.status.success(), "{}", errors(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

pub(crate) fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Writes a file only its owner can read.
pub(crate) fn private(folder: &Path, name: &str, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = std::fs::OpenOptions::new();
    let mut file =
        options.write(true).create(true).truncate(true).mode(0o600).open(folder.join(name)).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// A server that runs until it is dropped.
pub(crate) struct Running {
    pub(crate) child: Child,
    pub(crate) address: SocketAddr,
    lines: BufReader<std::process::ChildStderr>,
}

/// Starts `offhook serve` on a free port and waits until it says that it is ready.
pub(crate) fn serve(folder: &Path, args: &[&str]) -> Running {
    let mut all = vec!["serve", "--listen", "127.0.0.1:0"];
    all.extend(args);
    let mut command = offhook(folder, &all);
    command.env("OFFHOOK_LOG__FORMAT", "json").env("OFFHOOK_MEDIA__UDP_LISTEN", "127.0.0.1:0");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap());
    let mut running = Running { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), lines };
    let said = running.logs_until("\"server ready\"");
    let entry: Value = serde_json::from_str(said.lines().next_back().unwrap()).unwrap();
    running.address.set_port(u16::try_from(entry["http.port"].as_u64().unwrap()).unwrap());
    running
}

impl Running {
    /// One request by hand; the whole answer as text.
    pub(crate) fn get(&self, path: &str, header: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{header}\r\n", self.address)
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// The same with a body.
    pub(crate) fn post(&self, path: &str, header: &str, body: &str) -> String {
        let length = body.len();
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {length}\r\n{header}\r\n{body}",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// What it logs until a message contains `words`.
    pub(crate) fn logs_until(&mut self, words: &str) -> String {
        let mut said = String::new();
        while !said.contains(words) {
            assert_ne!(self.lines.read_line(&mut said).unwrap(), 0, "the server ended: {said}");
        }
        said
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent =
            Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
