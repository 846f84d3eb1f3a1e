//! What the machine must have, how its lack is seen, and what brings it.
//!
//! `need` knows each thing, `machine` is asked, `plan` decides; only here is anything changed.

mod need;

mod machine;

mod plan;

#[cfg(test)]
mod tests;

use std::fs;

use anyhow::{Context, bail, ensure};

pub(crate) use self::need::Need;

use self::machine::{Machine, ThisMachine};
use crate::shell::{Step, answers, root};

/// Other people's programs in the house tests: a WebRTC stack, for a phone that shares no code with server or
/// simulator; a tester of REST interfaces; and the HTTP client of the providers' samples.
/// Versions are pinned, so that a release of theirs cannot turn a run red.
const PEERS: [&str; 5] =
    ["aiortc==1.16.0", "numpy==2.4.6", "websockets==17.4", "schemathesis==4.32.5", "requests==2.34.2"];

/// Installs what is missing with Debian's package manager, saying what and why.
pub(crate) fn install(needs: &[Need]) -> anyhow::Result<()> {
    let missing = plan::missing(&ThisMachine, needs);
    for need in &missing {
        eprintln!("==> {}", plan::line(*need));
    }
    for errand in plan::plan(&ThisMachine, &missing)? {
        Step::program(errand.why, errand.program).args(&errand.args).run()?;
    }
    for need in missing {
        let (why, remedy) = (need.why(), need.remedy());
        ensure!(need.is_there(&ThisMachine), "still missing after the installation: {why}{remedy}");
    }
    Ok(())
}

/// rustfmt and clippy, which minimal toolchains lack.
pub(crate) fn components() -> anyhow::Result<()> {
    for component in missing_components(&ThisMachine) {
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

fn missing_components(machine: &impl Machine) -> Vec<&'static str> {
    let there = |probe: &str| machine.answers("cargo", &[probe, "--version"]);
    [("fmt", "rustfmt"), ("clippy", "clippy")]
        .into_iter()
        .filter(|(probe, _)| !there(probe))
        .map(|(_, component)| component)
        .collect()
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
    Step::program("install other projects' programs for the tests", &python).args(&pip).args(&PEERS).run()?;
    Ok(fs::write(mark, wanted)?)
}
