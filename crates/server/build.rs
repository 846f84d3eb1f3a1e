//! Builds the desk into `$OUT_DIR/desk`, from where it is embedded: `cargo build` is whole and never stale.
//!
//! Without npm, or with `OFFHOOK_SKIP_WEB=1`, a page of one line takes the desk's place.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the desk is made of; a change in any of them builds it anew.
const SOURCES: [&str; 10] = [
    "package-lock.json",
    "tsconfig.base.json",
    "apps/desk/index.html",
    "apps/desk/package.json",
    "apps/desk/public",
    "apps/desk/src",
    "apps/desk/tsconfig.json",
    "apps/desk/vite.config.ts",
    "packages/softphone/package.json",
    "packages/softphone/src",
];

const PAGE: &str =
    "<!doctype html><title>Offhook</title><p>This server was built without its desk: npm was missing.\n";

fn main() {
    let web = Path::new(&variable("CARGO_MANIFEST_DIR")).join("../../web");
    let out = PathBuf::from(variable("OUT_DIR")).join("desk");
    println!("cargo::rerun-if-env-changed=OFFHOOK_SKIP_WEB");
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", web.join(source).display());
    }
    fs::create_dir_all(&out).expect("Cargo's output folder can be written");
    if env::var_os("OFFHOOK_SKIP_WEB").is_some_and(|set| set != "0" && !set.is_empty()) {
        stand_in(&out);
    } else if Command::new("npm").arg("--version").output().is_ok_and(|asked| asked.status.success()) {
        install(&web);
        build(&web, &out);
    } else {
        println!(
            "cargo::warning=npm is missing: the server is built without its desk (cargo xtask demo installs it)"
        );
        stand_in(&out);
    }
}

/// An index page, unless an earlier build has left a better one.
fn stand_in(out: &Path) {
    let index = out.join("index.html");
    if !index.exists() {
        fs::write(index, PAGE).expect("Cargo's output folder can be written");
    }
}

/// `npm ci` takes long; it runs when the lock file is newer than what was installed from it.
fn install(web: &Path) {
    let age = |path: &str| fs::metadata(web.join(path)).and_then(|meta| meta.modified()).ok();
    let fresh = age("node_modules/.package-lock.json") >= age("package-lock.json");
    if !fresh {
        run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(web));
    }
}

fn build(web: &Path, out: &Path) {
    let out = out.to_str().expect("Cargo's output folder is named in UTF-8");
    let flags = [
        "run",
        "build",
        "--workspace",
        "@offhook/desk",
        "--",
        "--emptyOutDir",
        "--logLevel",
        "warn",
        "--outDir",
        out,
    ];
    run(Command::new("npm").args(flags).current_dir(web));
}

fn run(command: &mut Command) {
    let words = format!("{command:?}");
    let output = command.output().unwrap_or_else(|error| panic!("{words}: {error}"));
    assert!(
        output.status.success(),
        "{words} failed\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("Cargo sets {name} for build scripts"))
}
