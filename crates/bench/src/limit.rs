//! How many calls a carrier carries: the number is doubled until a run is not clean, and then halved in on.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::carrier::{Carrier, Reporter};
use crate::machine::allow_files;
use crate::media::{cpu_us_per_packet, hang_up, percent};
use crate::order::{Plan, Talk};
use crate::stage::Stage;

/// Later than this at the 99th percentile, and calls do not count as carried.
const CLEAN_P99_MS: f64 = 10.0;
/// Far ends that say less than this of their frames ask less of the carrier than its number of calls would.
const KEPT: f64 = 0.98;
/// Runs of one number before it counts as too many. Other programs can spoil a run, but none can make one clean.
const RUNS: u32 = 3;
/// Steps between the last clean number and the first that was not.
const REFINED: u32 = 2;
const WARM_UP: Duration = Duration::from_secs(1);
const AT_A_TIME: usize = 32;

/// One number of calls, tried.
#[derive(Debug, Clone)]
pub struct Trial {
    /// Calls at a time.
    pub calls: usize,
    /// What came of it, or why nothing did.
    pub outcome: Result<Outcome, String>,
}

/// A run of a trial.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// What was said, heard, and how late.
    pub talk: Talk,
    /// Of one core, in percent.
    pub core_percent: f64,
    /// Of CPU, for a packet passed on.
    pub us_per_packet: f64,
    /// The generator's, of one core, in percent.
    pub far_ends_core_percent: f64,
    /// Share of their frames the far ends got round to saying.
    pub kept: f64,
    /// Share of the datagrams that came to another thread than their leg's.
    pub handed_over: f64,
    /// Everybody else's, of one core, in percent.
    pub others_percent: f64,
}

impl Trial {
    /// Nothing lost, all in time, and all of it asked for.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let clean = |outcome: &Outcome| {
            outcome.talk.said > 0
                && outcome.talk.heard == outcome.talk.said
                && outcome.talk.p99_ms <= CLEAN_P99_MS
                && outcome.kept >= KEPT
        };
        self.outcome.as_ref().is_ok_and(clean)
    }

    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        match &self.outcome {
            Err(why) => format!("{:>6} calls  not carried: {why}", self.calls),
            Ok(outcome) => format!(
                "{:>6} calls  {:>6.2} us a packet, {:>5.1} % of a core; p50 {:.2} ms, p99 {:.2} ms, {:.4} % lost, {:.0} % handed over; \
                 far ends {:.0} % and {:.1} % of their frames, others {:.0} %{}",
                self.calls,
                outcome.us_per_packet,
                outcome.core_percent,
                outcome.talk.p50_ms,
                outcome.talk.p99_ms,
                100.0 * outcome.talk.loss(),
                100.0 * outcome.handed_over,
                outcome.far_ends_core_percent,
                100.0 * outcome.kept,
                outcome.others_percent,
                if self.is_clean() { "" } else { "  <- not clean" },
            ),
        }
    }
}

/// What a search found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The largest number that was clean.
    pub calls: usize,
    /// Whether a larger one was tried and was not.
    pub is_limit: bool,
    /// Every trial on the way.
    pub trials: Vec<Trial>,
}

/// Searches for the largest clean number between `from` and `most`.
pub fn find(from: usize, most: usize, mut attempt: impl FnMut(usize) -> Trial) -> Found {
    let mut trials: Vec<Trial> = Vec::new();
    let mut is_clean = |calls| {
        (0..RUNS).any(|_| {
            trials.push(attempt(calls));
            trials.last().is_some_and(Trial::is_clean)
        })
    };
    let (mut good, mut bad) = (0, None);
    let mut calls = from;
    while bad.is_none() && calls <= most {
        if is_clean(calls) {
            good = calls;
            calls *= 2;
        } else {
            bad = Some(calls);
        }
    }
    let is_limit = bad.is_some();
    if let Some(mut bad) = bad {
        for _ in 0..REFINED {
            let between = usize::midpoint(good, bad);
            if between == good {
                break;
            }
            if is_clean(between) { good = between } else { bad = between }
        }
    }
    Found { calls: good, is_limit, trials }
}

/// Tries one number of calls.
pub fn attempt<C: Carrier>(
    calls: usize,
    duration: Duration,
    far_ends: &mut Command,
    carrier: impl FnOnce(Reporter) -> Result<C>,
) -> Trial {
    let run = || -> Result<Outcome> {
        // A carrier may well have a socket for each leg.
        allow_files()?;
        let mut stage = Stage::start(far_ends, carrier)?;
        stage.fulfil(Plan { alive: calls, at_a_time: AT_A_TIME, ..Plan::default() })?;
        stage.window(WARM_UP)?;
        let window = stage.window(duration)?;
        hang_up(&mut stage)?;
        Ok(Outcome {
            talk: window.talk,
            core_percent: percent(window.cpu_ns, window.seconds),
            us_per_packet: cpu_us_per_packet(&window),
            far_ends_core_percent: percent(window.far_ends_cpu_ns, window.seconds),
            kept: window.kept(calls),
            handed_over: window.traffic.handed_over as f64 / window.traffic.received.max(1) as f64,
            others_percent: percent(window.others_cpu_ns, window.seconds),
        })
    };
    Trial { calls, outcome: run().map_err(|error| format!("{error:#}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trial(calls: usize, holds: bool) -> Trial {
        let talk = Talk { said: 10, heard: if holds { 10 } else { 9 }, ..Talk::default() };
        let outcome = Outcome {
            talk,
            core_percent: 0.0,
            us_per_packet: 0.0,
            far_ends_core_percent: 0.0,
            kept: 1.0,
            handed_over: 0.0,
            others_percent: 0.0,
        };
        Trial { calls, outcome: Ok(outcome) }
    }

    fn tried(found: &Found) -> Vec<usize> {
        let mut tried: Vec<usize> = found.trials.iter().map(|trial| trial.calls).collect();
        tried.dedup();
        tried
    }

    #[test]
    fn the_limit_is_doubled_towards_and_halved_in_on() {
        let found = find(100, 4_000, |calls| trial(calls, calls <= 650));
        assert_eq!((found.calls, found.is_limit), (600, true));
        assert_eq!(tried(&found), [100, 200, 400, 800, 600, 700]);
    }

    #[test]
    fn a_carrier_without_a_limit_is_stopped_at_the_most() {
        let found = find(100, 500, |calls| trial(calls, true));
        assert_eq!((found.calls, found.is_limit), (400, false));
    }

    #[test]
    fn one_clean_run_among_disturbed_ones_is_enough() {
        let mut runs = 0;
        let found = find(100, 150, |calls| {
            runs += 1;
            trial(calls, runs == 3)
        });
        assert_eq!((found.calls, found.trials.len()), (100, 3));
    }

    #[test]
    fn a_carrier_that_carries_nothing_is_told_apart() {
        let failed = |calls| Trial { calls, outcome: Err("no".to_owned()) };
        let found = find(2, 500, failed);
        assert_eq!((found.calls, found.is_limit), (0, true));
    }
}
