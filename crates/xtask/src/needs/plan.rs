//! What would be done about what is missing. Nothing here changes the machine.

use thiserror::Error;

use super::machine::Machine;
use super::need::Need;

/// A command that is to be run, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Errand {
    pub(crate) why: &'static str,
    pub(crate) program: &'static str,
    pub(crate) args: Vec<&'static str>,
}

/// Why nothing can be installed here.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Stuck {
    /// Not Debian or a child of it.
    #[error("this machine has no apt-get; install {0} by its own means and run this again")]
    NoApt(String),
    /// Not root, and no way to become it.
    #[error("installing {0} needs root: run this as root, or install sudo")]
    NoRoot(String),
}

/// Which of the needs the machine lacks, in their order.
pub(crate) fn missing(machine: &impl Machine, needs: &[Need]) -> Vec<Need> {
    needs.iter().copied().filter(|need| !need.is_there(machine)).collect()
}

/// The line that tells a person of a lack.
pub(crate) fn line(need: Need) -> String {
    format!("missing: {} (package {})", need.why(), need.packages().join(", "))
}

/// The commands that bring what is missing.
pub(crate) fn plan(machine: &impl Machine, missing: &[Need]) -> Result<Vec<Errand>, Stuck> {
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages()).copied().collect();
    if !machine.answers("apt-get", &["--version"]) {
        return Err(Stuck::NoApt(packages.join(", ")));
    }
    let root = machine.said("id", &["-u"]).as_deref() == Some("0");
    if !root && !machine.answers("sudo", &["--version"]) {
        return Err(Stuck::NoRoot(packages.join(", ")));
    }
    let install = [&["install", "--yes", "--quiet", "--no-install-recommends"], packages.as_slice()].concat();
    Ok(vec![
        apt(root, "refresh the list of packages", &["update", "--quiet"]),
        apt(root, "install what is missing", &install),
    ])
}

/// As root, or through sudo, which passes no environment on by itself.
fn apt(root: bool, why: &'static str, args: &[&'static str]) -> Errand {
    let (program, before): (_, &[_]) = if root { ("env", &[]) } else { ("sudo", &["env"]) };
    let args = [before, &["DEBIAN_FRONTEND=noninteractive", "apt-get"], args].concat();
    Errand { why, program, args }
}
