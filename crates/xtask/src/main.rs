//! The two set-up commands of the repository, and what belongs to them.
//!
//! `cargo xtask demo` and `cargo xtask test` install what they need and say what and why. Nothing here is
//! part of the product.

mod needs;

mod shell;

mod web;

use std::process::ExitCode;

use anyhow::bail;

use crate::needs::Need;
use crate::shell::Step;

const HELP: &str = "\
cargo xtask demo [flags of offhook demo]   install what the build needs, build, run server and simulator
cargo xtask test                           install what the tests need, run every check and test there is
cargo xtask install                        install what the tests need, and stop there
cargo xtask check                          the checks alone: format, lints, web
cargo xtask bench                          how long agents wait, and how many bridged calls a core carries
cargo xtask generate                       write generated files anew: configuration page, protocol types, operations";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    let command = words.next().unwrap_or_default();
    let rest: Vec<String> = words.collect();
    match run(&command, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, rest: &[String]) -> anyhow::Result<()> {
    std::env::set_current_dir(shell::root())?;
    match command {
        "demo" => demo(rest),
        "test" => {
            install()?;
            checks()?;
            web::check_in_browser()?;
            tests()
        }
        "install" => install(),
        "check" => {
            needs::install(&Need::BUILD)?;
            needs::components()?;
            checks()
        }
        "bench" => bench(),
        "generate" => generate(),
        "" | "help" | "--help" | "-h" => {
            eprintln!("{HELP}");
            Ok(())
        }
        other => bail!("there is no {other}\n{HELP}"),
    }
}

/// What every check and test there is takes.
fn install() -> anyhow::Result<()> {
    needs::install(&Need::TESTS)?;
    needs::components()?;
    web::install()?;
    needs::python_peers()
}

fn demo(flags: &[String]) -> anyhow::Result<()> {
    needs::install(&Need::BUILD)?;
    web::install()?;
    Step::cargo("build the server and its desk", &["build", "--locked", "--package", "offhook-server"])
        .run()?;
    Err(Step::program("run the demo", shell::built("offhook")).args(&["demo"]).args(flags).become_it())
}

/// What needs no server and no browser. The format first: it fails within a second.
fn checks() -> anyhow::Result<()> {
    Step::cargo("format of the Rust sources", &["fmt", "--all", "--check"]).run()?;
    web::check()?;
    let lints = ["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"];
    Step::cargo("lints of the Rust sources", &lints).run()
}

/// The tests come last, so that their summary is what stands at the end.
fn tests() -> anyhow::Result<()> {
    let binary = shell::built("offhook");
    if needs::has_nextest() {
        let all = ["nextest", "run", "--locked", "--workspace", "--no-fail-fast"];
        return Step::cargo("all tests", &all).env("OFFHOOK_BINARY", binary).run();
    }
    let most = ["test", "--locked", "--workspace", "--exclude", "offhook-tests"];
    Step::cargo("the tests of each crate", &most).run()?;
    // Browsers and whole servers need the machine to themselves.
    let house = ["test", "--locked", "--package", "offhook-tests", "--", "--test-threads=1"];
    Step::cargo("the tests of the whole", &house).env("OFFHOOK_BINARY", binary).run()
}

/// Built as it is shipped: a debug build would measure the compiler.
fn bench() -> anyhow::Result<()> {
    needs::install(&Need::BUILD)?;
    needs::install(&[Need::Chromium])?;
    web::install()?;
    let build = ["build", "--locked", "--release", "--package", "offhook-server"];
    Step::cargo("build the server as it is shipped", &build).run()?;
    let binary = shell::target().join("release/offhook");
    Step::program("webhook to ring, over sockets", &binary).args(&["bench", "ring"]).run()?;
    Step::program("bridged calls through the media plane", &binary).args(&["bench", "media"]).run()?;
    Step::program("webhook to ring, and answer to first audio, in Chromium", "node")
        .args(&["e2e/bench.mjs".as_ref(), binary.as_os_str()])
        .within(shell::root().join("web"))
        .run()
}

fn generate() -> anyhow::Result<()> {
    needs::install(&[Need::Compiler, Need::Cmake])?;
    let tests = |package, filter| ["test", "--locked", "--package", package, filter];
    Step::cargo("types of the agents' protocol", &tests("offhook-api", "typescript"))
        .env("OFFHOOK_GENERATE", "1")
        .run()?;
    Step::cargo("who may ask for what", &tests("offhook-api", "who_is_let_in"))
        .env("OFFHOOK_GENERATE", "1")
        .run()?;
    Step::cargo("the configuration page", &tests("offhook-server", "configuration_page"))
        .env("OFFHOOK_GENERATE", "1")
        .env("OFFHOOK_SKIP_WEB", "1")
        .run()
}
