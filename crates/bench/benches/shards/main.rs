//! The media plane on one thread and on several, in turns: the same far ends, the same calls.
//!
//! `cargo bench -p offhook-bench --bench shards` (see `-- --help`). What it compares is the CPU a packet costs: how
//! much of it is added by passing datagrams from the thread that received them to the one that has their call. How
//! many calls several threads carry takes as many free cores, and some for the far ends.

#![expect(clippy::print_stdout, reason = "its output is what a bench is for")]

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Parser;
use offhook_bench::carrier::OurPlane;
use offhook_bench::limit::{self, Outcome};

#[derive(Parser)]
struct Flags {
    /// Calls at a time.
    #[arg(long, default_value_t = 400)]
    calls: usize,
    /// Threads to compare.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2])]
    shards: Vec<usize>,
    /// Turns of each.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long packets are counted.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often a busy socket is looked at, in microseconds; 0 for at once.
    #[arg(long, default_value_t = 250)]
    tick_us: u64,
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
    let (duration, tick) = (Duration::from_secs(flags.seconds), Duration::from_micros(flags.tick_us));
    let mut costs: Vec<Vec<f64>> = vec![Vec::new(); flags.shards.len()];
    for _ in 0..flags.rounds {
        for (shards, costs) in flags.shards.iter().zip(&mut costs) {
            let mut far_ends = Command::new(&program);
            far_ends.arg("--far-ends");
            let trial = limit::attempt(flags.calls, duration, &mut far_ends, |reporter| {
                OurPlane::start(flags.calls, *shards, tick, reporter)
            });
            println!("{shards:>2} threads {}", trial.line());
            if let Ok(Outcome { us_per_packet, .. }) = trial.outcome {
                costs.push(us_per_packet);
            }
        }
    }
    println!();
    let medians: Vec<Option<f64>> = costs.into_iter().map(median).collect();
    for (shards, cost) in flags.shards.iter().zip(&medians) {
        if let (Some(cost), Some(first)) = (cost, medians[0]) {
            println!("{shards:>2} threads {cost:.2} us a packet, {:.2} times the first", cost / first);
        }
    }
    println!("{}", offhook_bench::report::Shared::now()?.line());
    Ok(())
}

fn median(mut of: Vec<f64>) -> Option<f64> {
    of.sort_by(f64::total_cmp);
    of.get(of.len() / 2).copied()
}
