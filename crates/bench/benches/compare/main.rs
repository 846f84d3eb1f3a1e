//! The media plane next to the `webrtc` crate's own API, in one run: the same far ends, the same calls, one core each.
//!
//! `cargo bench -p offhook-bench` (see `-- --help`). For both, the number of calls is doubled until packets are
//! lost or the 99th percentile of the delay passes 10 ms, and then halved in on. The far ends run in a second
//! process: this program again.

#![expect(clippy::print_stdout, reason = "its output is what a bench is for")]

mod theirs;

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use offhook_bench::carrier::OurPlane;
use offhook_bench::limit::{self, Found, Trial};

use theirs::Theirs;

#[derive(Parser)]
struct Flags {
    /// Calls to begin with.
    #[arg(long, default_value_t = 62)]
    from: usize,
    /// Calls to try at most.
    #[arg(long, default_value_t = 2_000)]
    most: usize,
    /// How long each number of calls talks.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Play the far ends.
    #[arg(long, hide = true)]
    far_ends: bool,
    /// Cargo says this to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    if flags.far_ends {
        return offhook_bench::far_ends::run();
    }
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let far_ends = || {
        let mut command = Command::new(&program);
        command.arg("--far-ends");
        command
    };
    let duration = Duration::from_secs(flags.seconds);

    println!("webrtc {}, two PeerConnections a call, on_track to write_rtp, one thread", theirs::VERSION);
    let theirs = search(&flags, |calls| limit::attempt(calls, duration, &mut far_ends(), Theirs::start));
    println!("\nthe media plane, one thread");
    let tick = Duration::from_micros(250);
    let ours = search(&flags, |calls| {
        limit::attempt(calls, duration, &mut far_ends(), |reporter| OurPlane::start(calls, 1, tick, reporter))
    });

    println!(
        "\ncalls on one core without loss and with p99 within 10 ms: webrtc {}{}, the media plane {}{}: {:.1} times",
        theirs.calls,
        or_more(&theirs),
        ours.calls,
        or_more(&ours),
        ours.calls as f64 / theirs.calls.max(1) as f64,
    );
    println!("{}", offhook_bench::report::Shared::now()?.line());
    Ok(())
}

fn or_more(found: &Found) -> &'static str {
    if found.is_limit { "" } else { " or more" }
}

fn search(flags: &Flags, mut attempt: impl FnMut(usize) -> Trial) -> Found {
    limit::find(flags.from, flags.most, |calls| {
        let trial = attempt(calls);
        println!("{}", trial.line());
        trial
    })
}
