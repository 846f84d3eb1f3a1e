//! Running other programs, with a line before and a time after each.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// One program run for one reason.
pub(crate) struct Step {
    why: String,
    command: Command,
}

impl Step {
    /// A program.
    pub(crate) fn program(why: &str, program: impl AsRef<OsStr>) -> Self {
        Self { why: why.to_owned(), command: Command::new(program) }
    }

    /// Cargo, the one that runs us.
    pub(crate) fn cargo(why: &str, args: &[&str]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        Self::program(why, cargo).args(args)
    }

    pub(crate) fn args<S: AsRef<OsStr>>(mut self, args: &[S]) -> Self {
        self.command.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn within(mut self, folder: impl AsRef<Path>) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Becomes it: signals reach it alone, and its exit code is ours. Returns only when that fails.
    pub(crate) fn become_it(mut self) -> anyhow::Error {
        eprintln!("==> {}: {}", self.why, shown(&self.command));
        let error = self.command.exec();
        anyhow::Error::new(error).context(shown(&self.command))
    }

    /// Runs it to the end; what it prints is shown, beside our own words: standard output belongs to what
    /// is run last, which may be a server that tells a program where it listens.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        eprintln!("==> {}: {}", self.why, shown(&self.command));
        let began = now();
        let status = self
            .command
            .stdout(std::io::stderr())
            .status()
            .with_context(|| format!("{}: {}", self.why, shown(&self.command)))?;
        ensure!(status.success(), "{} failed ({status}): {}", self.why, shown(&self.command));
        let took = began.elapsed();
        if took > Duration::from_secs(5) {
            eprintln!("    {} took {} s", self.why, took.as_secs());
        }
        Ok(())
    }
}

/// Whether a program runs and is content.
pub(crate) fn answers(program: &str, args: &[&str]) -> bool {
    let quiet =
        |command: &mut Command| command.stdin(Stdio::null()).output().is_ok_and(|o| o.status.success());
    quiet(Command::new(program).args(args))
}

/// What a program prints, without the line end; none when it is missing or fails.
pub(crate) fn said(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The repository.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(2).expect("this crate lives two folders down").to_path_buf()
}

/// Where Cargo builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// A program Cargo has built.
pub(crate) fn built(name: &str) -> PathBuf {
    target().join("debug").join(name)
}

#[expect(clippy::disallowed_methods, reason = "times other programs, outside any runtime")]
fn now() -> Instant {
    Instant::now()
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let mut words = vec![program.file_name().unwrap_or_default().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}
