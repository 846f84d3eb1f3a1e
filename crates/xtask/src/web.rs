//! The checks of the web packages.

use std::ffi::OsStr;
use std::fs;
use std::time::SystemTime;

use crate::shell::{Step, root, target};

/// Types, lints, format, unit tests, build and size.
pub(crate) fn check() -> anyhow::Result<()> {
    install()?;
    let web = root().join("web");
    for (script, why) in [
        ("check", "types, lints and format of the web packages"),
        ("test", "unit tests of the web packages"),
        ("build", "build of the web packages"),
        ("size", "size of the softphone"),
    ] {
        Step::program(why, "npm").args(&["run", script]).within(&web).run()?;
    }
    Ok(())
}

/// The softphone against itself, and the desk in every state, in Chromium.
pub(crate) fn check_in_browser() -> anyhow::Result<()> {
    Step::program("the softphone in Chromium", "npm")
        .args(&["run", "test:browser"])
        .within(root().join("web"))
        .run()?;
    // Made from the build that `check` left; the pictures stay for whoever wants to look.
    let pictures = target().join("screens");
    Step::program("the desk on phones and screens, looked at by axe", "npm")
        .args(&["run", "screens", "--workspace", "@offhook/desk", "--"].map(OsStr::new))
        .args(&[pictures])
        .within(root().join("web"))
        .run()
}

/// `npm ci`, when the lock file is newer than what was installed from it.
pub(crate) fn install() -> anyhow::Result<()> {
    let web = root().join("web");
    let age = |path: &str| fs::metadata(web.join(path)).and_then(|meta| meta.modified()).ok();
    if is_fresh(age("node_modules/.package-lock.json"), age("package-lock.json")) {
        return Ok(());
    }
    eprintln!("==> missing: the packages of web/package-lock.json, of which the desk is made (npm ci)");
    Step::program("install the web packages", "npm").args(&CI).within(web).run()
}

/// What is locked and nothing else; no package of ours needs an install script.
const CI: [&str; 4] = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];

/// Whether what was installed is as new as the lock file it came from.
fn is_fresh(installed: Option<SystemTime>, locked: Option<SystemTime>) -> bool {
    installed.is_some() && installed >= locked
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn web_packages_are_installed_when_they_are_missing_or_older_than_their_lock_file() {
        let old = SystemTime::UNIX_EPOCH;
        let new = old + Duration::from_secs(1);
        assert!(!is_fresh(None, Some(old)), "a fresh clone");
        assert!(!is_fresh(Some(old), Some(new)), "the lock file has changed");
        assert!(is_fresh(Some(new), Some(old)));
        assert!(is_fresh(Some(old), Some(old)));
    }
}
