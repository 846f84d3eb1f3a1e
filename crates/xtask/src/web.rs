//! The checks of the web packages.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use crate::shell::{Step, root};

/// Types, lints, format, unit tests, build and size.
pub(crate) fn check() -> anyhow::Result<()> {
    let web = root().join("web");
    install(&web)?;
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

/// The softphone against itself, in Chromium.
pub(crate) fn check_in_browser() -> anyhow::Result<()> {
    Step::program("the softphone in Chromium", "npm")
        .args(&["run", "test:browser"])
        .within(root().join("web"))
        .run()
}

/// `npm ci`, when the lock file is newer than what was installed from it.
fn install(web: &Path) -> anyhow::Result<()> {
    let age = |path: &str| fs::metadata(web.join(path)).and_then(|meta| meta.modified()).ok();
    let installed: Option<SystemTime> = age("node_modules/.package-lock.json");
    if installed.is_some() && installed >= age("package-lock.json") {
        return Ok(());
    }
    let args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    Step::program("install the web packages", "npm").args(&args).within(web).run()
}
