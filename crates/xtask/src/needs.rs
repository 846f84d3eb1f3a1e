//! What the machine must have, how its lack is seen, and what brings it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::shell::{Step, answers, root, said};

/// Oldest Node.js the web tools run on.
const NODE: (u32, u32) = (20, 19);
/// Oldest npm that reads the lock file.
const NPM: (u32, u32) = (10, 0);

/// The other WebRTC stack of the house tests: a phone that shares no code with server or simulator.
/// Versions are pinned, so that a release of theirs cannot turn a run red.
const PEERS: [&str; 3] = ["aiortc==1.16.0", "numpy==2.4.6", "websockets==17.4"];

/// Something the build or the tests rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    Compiler,
    Cmake,
    Node,
    Chromium,
    Postgres,
    Python,
    Coturn,
}

impl Need {
    fn is_there(self) -> bool {
        match self {
            Self::Compiler => answers("cc", &["--version"]) && answers("c++", &["--version"]),
            Self::Cmake => answers("cmake", &["--version"]),
            Self::Node => {
                version("node").is_some_and(|version| version >= NODE)
                    && version("npm").is_some_and(|version| version >= NPM)
            }
            Self::Chromium => Path::new("/usr/bin/chromium").exists(),
            Self::Postgres => postgres().is_some(),
            Self::Python => answers("python3", &["-c", "import venv, ensurepip"]),
            Self::Coturn => answers("turnserver", &["--version"]),
        }
    }

    /// Debian's packages for it.
    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Compiler => &["build-essential"],
            Self::Cmake => &["cmake"],
            Self::Node => &["nodejs", "npm"],
            Self::Chromium => &["chromium"],
            Self::Postgres => &["postgresql"],
            Self::Python => &["python3", "python3-venv"],
            Self::Coturn => &["coturn"],
        }
    }

    const fn why(self) -> &'static str {
        match self {
            Self::Compiler => "a C and C++ compiler, for the libraries of cryptography, SQLite and Opus",
            Self::Cmake => "CMake, which builds Opus",
            Self::Node => "Node.js 20.19 or newer with npm 10 or newer, which build the desk",
            Self::Chromium => "Chromium, in which the tests place and answer calls",
            Self::Postgres => "PostgreSQL, on which the tests of the store run beside SQLite",
            Self::Python => "Python with venv, for another project's WebRTC stack in the tests",
            Self::Coturn => "coturn, the TURN server that agents behind a firewall reach in the tests",
        }
    }
}

/// Installs what is missing with Debian's package manager, saying what and why.
pub(crate) fn install(needs: &[Need]) -> anyhow::Result<()> {
    let missing: Vec<Need> = needs.iter().copied().filter(|need| !need.is_there()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        eprintln!("==> missing: {} (package {})", need.why(), need.packages().join(", "));
    }
    ensure!(
        answers("apt-get", &["--version"]),
        "this machine has no apt-get; install the above by its own means and run this again"
    );
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages()).copied().collect();
    apt("refresh the list of packages", &["update", "--quiet"])?;
    let mut args = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
    args.extend(&packages);
    apt("install what is missing", &args)?;
    for need in missing {
        ensure!(need.is_there(), "still missing after the installation: {}{}", need.why(), remedy(need));
    }
    Ok(())
}

/// What to do when Debian's package is too old.
const fn remedy(need: Need) -> &'static str {
    match need {
        Need::Node => "; this Debian's is too old, take one from https://nodejs.org and put it first in PATH",
        _ => "",
    }
}

/// As root, or through sudo.
fn apt(why: &str, args: &[&str]) -> anyhow::Result<()> {
    let root = said("id", &["-u"]).as_deref() == Some("0");
    let (program, before): (&str, &[&str]) =
        if root { ("apt-get", &[]) } else { ("sudo", &["DEBIAN_FRONTEND=noninteractive", "apt-get"]) };
    ensure!(root || answers("sudo", &["--version"]), "run this as root, or install sudo: {why} needs it");
    Step::program(why, program).args(before).args(args).env("DEBIAN_FRONTEND", "noninteractive").run()
}

/// rustfmt and clippy, which minimal toolchains lack.
pub(crate) fn components() -> anyhow::Result<()> {
    for (probe, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if answers("cargo", &[probe, "--version"]) {
            continue;
        }
        eprintln!("==> missing: {component}, which checks the Rust sources");
        if !answers("rustup", &["--version"]) {
            bail!("{component} is missing and there is no rustup to add it");
        }
        Step::program("add a component of the toolchain", "rustup")
            .args(&["component", "add", component])
            .run()?;
    }
    Ok(())
}

pub(crate) fn has_nextest() -> bool {
    answers("cargo", &["nextest", "--version"])
}

/// Makes `target/venv` with the peers of the house tests.
pub(crate) fn python_peers() -> anyhow::Result<()> {
    let venv = root().join("target/venv");
    let python = venv.join("bin/python");
    let mark = venv.join("installed.txt");
    let wanted = PEERS.join("\n");
    if python.exists() && fs::read_to_string(&mark).is_ok_and(|have| have == wanted) {
        return Ok(());
    }
    let path = venv.to_str().context("the repository's folder is not named in UTF-8")?;
    Step::program("make a Python environment for the tests", "python3")
        .args(&["-m", "venv", "--clear", path])
        .run()?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    Step::program("install another project's WebRTC stack for the tests", &python)
        .args(&pip)
        .args(&PEERS)
        .run()?;
    Ok(fs::write(mark, wanted)?)
}

/// The newest installed server, as Debian lays them out.
fn postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions.filter_map(|entry| Some(entry.ok()?.path().join("bin/postgres"))).find(|path| path.exists())
}

fn version(program: &str) -> Option<(u32, u32)> {
    let said = said(program, &["--version"])?;
    let mut parts = said.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}
