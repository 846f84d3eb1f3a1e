//! `offhook bench media`, and the far ends it calls itself again for.

use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, value_parser};
use offhook_bench::media::{self, Settings};
use offhook_bench::soak;

use crate::cli::say;

/// The hidden subcommand that plays the far ends.
pub(super) const FAR_ENDS: &str = "far-ends";

#[derive(Debug, Args)]
pub(crate) struct Media {
    /// Bridged calls at a time.
    #[arg(long, default_value_t = 1_000, value_parser = value_parser!(u32).range(1..=4_000))]
    calls: u32,
    /// Threads of the plane; 0 is what the server takes.
    #[arg(long, default_value_t = 1, value_parser = value_parser!(u32).range(0..=32))]
    shards: u32,
    /// How long packets are counted.
    #[arg(long, default_value_t = 10, value_parser = value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// How often the plane looks at a busy socket, in microseconds; 0 for at once.
    #[arg(long, default_value_t = 250, value_parser = value_parser!(u64).range(0..=20_000))]
    tick_us: u64,
    /// Calls being set up at a time.
    #[arg(long, default_value_t = 32, value_parser = value_parser!(u32).range(1..=1_000))]
    at_a_time: u32,
    /// Calls that come and go afterwards, to see what they leave behind; twice `--calls` when not given.
    #[arg(long, value_parser = value_parser!(u64).range(0..=1_000_000))]
    churn: Option<u64>,
    /// Instead of all that: calls coming and going for so long, and the memory they take.
    #[arg(long, value_name = "MINUTES", value_parser = value_parser!(u64).range(1..=1_440))]
    soak: Option<u64>,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

impl Media {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        // Nothing else runs here, so that the figures are the plane's.
        tokio::task::spawn_blocking(move || self.measure()).await?
    }

    fn measure(&self) -> anyhow::Result<()> {
        let settings = Settings {
            calls: self.calls as usize,
            shards: self.shards as usize,
            duration: Duration::from_secs(self.seconds),
            tick: Duration::from_micros(self.tick_us),
            at_a_time: self.at_a_time as usize,
            churn: self.churn.unwrap_or(2 * u64::from(self.calls)),
        };
        let program = std::env::current_exe().context("this program cannot find itself")?;
        let mut far_ends = Command::new(program);
        far_ends.args(["bench", FAR_ENDS]);
        let Some(minutes) = self.soak else {
            let report = media::run(&settings, &mut far_ends)?;
            return if self.json { say(serde_json::to_string(&report)?) } else { say(report.text()) };
        };
        let soaked = soak::run(&settings, Duration::from_secs(60 * minutes), &mut far_ends, |point| {
            if self.json { Ok(()) } else { say(point.line()) }
        })?;
        if self.json { say(serde_json::to_string(&soaked)?) } else { say(soaked.text()) }
    }
}

/// Plays far ends until standard input ends.
pub(super) async fn far_ends() -> anyhow::Result<()> {
    tokio::task::spawn_blocking(offhook_bench::far_ends::run).await?
}
