//! The run of `offhook bench media`: floor, calls, floor again, calls coming and going.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use crate::carrier::OurPlane;
use crate::machine::{Shared, resident_kib};
use crate::order::{Plan, SetUp};
use crate::report::{Churn, Cpu, Floor, Generator, Memory, Packets, Report};
use crate::stage::{Stage, Window};

/// Bridges settle, and the far ends spread out over the frame, before anything is counted.
const WARM_UP: Duration = Duration::from_secs(1);
/// Marks of memory over the churn.
const FIFTHS: u64 = 5;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Calls at a time.
    pub calls: usize,
    /// How long packets are counted.
    pub duration: Duration,
    /// Threads of the plane; zero is what the server would take.
    pub shards: usize,
    /// How often a busy socket is looked at.
    pub tick: Duration,
    /// Calls being set up at a time.
    pub at_a_time: usize,
    /// Calls that come and go afterwards.
    pub churn: u64,
}

impl Settings {
    fn floor_duration(&self) -> Duration {
        self.duration.min(Duration::from_secs(2))
    }
}

/// Measures; `far_ends` leads to [`crate::far_ends::run`].
///
/// # Errors
/// If the plane or the far ends cannot go on.
pub fn run(settings: &Settings, far_ends: &mut Command) -> Result<Report> {
    let &Settings { calls, shards, duration, tick, at_a_time, .. } = settings;
    let most = calls.max(4 * at_a_time);
    let mut stage = Stage::start(far_ends, |reporter| OurPlane::start(most, shards, tick, reporter))?;
    let floor_before = stage.floor(calls, settings.floor_duration())?;

    let before_kib = resident_kib()?;
    let set_up = stage.fulfil(Plan { alive: calls, at_a_time, ..Plan::default() })?;
    stage.window(WARM_UP)?;
    let with_calls_kib = resident_kib()?;
    let window = stage.window(duration)?;
    let kib = with_calls_kib.saturating_sub(before_kib);
    let memory = Memory { before_kib, with_calls_kib, kib_per_call: kib as f64 / calls as f64 };

    hang_up(&mut stage)?;
    let floor_after = stage.floor(calls, settings.floor_duration())?;
    let churn = churn(&mut stage, settings)?;

    let per_packet = cpu_us_per_packet(&window);
    let us_per_packet = f64::midpoint(floor_before, floor_after);
    let core_percent = percent(window.cpu_ns, window.seconds);
    let talk = window.talk;
    Ok(Report {
        calls,
        shards: stage.carrier().shards(),
        seconds: window.seconds,
        tick_us: tick.as_micros() as u64,
        set_up,
        talk,
        loss: talk.loss(),
        packets: Packets {
            in_per_second: window.traffic.received as f64 / window.seconds,
            out_per_second: window.traffic.sent as f64 / window.seconds,
            forwarded_per_second: window.traffic.forwarded as f64 / window.seconds,
            refused: window.traffic.refused,
            handed_over_per_second: window.traffic.handed_over as f64 / window.seconds,
            handover_lost: window.traffic.handover_lost,
        },
        cpu: Cpu {
            core_percent,
            core_percent_per_call: core_percent / calls as f64,
            us_per_packet: per_packet,
        },
        floor: Floor {
            us_per_packet,
            before_us: floor_before,
            after_us: floor_after,
            ratio: per_packet / us_per_packet,
        },
        memory,
        churn,
        far_ends: Generator {
            core_percent: percent(window.far_ends_cpu_ns, window.seconds),
            kept: window.kept(calls),
            behind_ms: talk.behind_ms,
        },
        shared: Shared::look(Some(percent(window.others_cpu_ns, window.seconds)))?,
    })
}

/// Ends every call.
pub(crate) fn hang_up<C: crate::carrier::Carrier>(stage: &mut Stage<C>) -> Result<SetUp> {
    let ended = stage.fulfil(Plan { total: Some(0), end_every_us: Some(0), ..Plan::default() })?;
    stage.settle()?;
    Ok(ended)
}

fn churn(stage: &mut Stage<OurPlane>, settings: &Settings) -> Result<Churn> {
    let mut marks = Vec::new();
    let mut set_up = SetUp::default();
    for n in 0..FIFTHS {
        let calls = settings.churn * (n + 1) / FIFTHS - settings.churn * n / FIFTHS;
        let fifth = stage.fulfil(Plan {
            // Those that have fallen silent stay a moment, and take nobody's place.
            alive: 4 * settings.at_a_time,
            at_a_time: settings.at_a_time,
            total: Some(calls),
            end_every_us: Some(0),
        })?;
        stage.settle()?;
        marks.push(resident_kib()?);
        set_up = add(&set_up, &fifth);
    }
    let grown = marks[marks.len() - 1] as f64 - marks[0] as f64;
    let after_first = settings.churn - settings.churn / FIFTHS;
    let bytes_per_call = if after_first == 0 { 0.0 } else { grown * 1_024.0 / after_first as f64 };
    Ok(Churn { set_up, resident_kib: marks, bytes_per_call })
}

/// Means over all calls; of percentiles too, which is near enough for fifths of one run.
fn add(a: &SetUp, b: &SetUp) -> SetUp {
    let calls = a.calls + b.calls;
    if calls == 0 {
        return *a;
    }
    let (of_a, of_b) = (a.calls as f64 / calls as f64, b.calls as f64 / calls as f64);
    let mean = |a: f64, b: f64| a * of_a + b * of_b;
    SetUp {
        calls,
        per_second: mean(a.per_second, b.per_second),
        p50_ms: mean(a.p50_ms, b.p50_ms),
        p99_ms: mean(a.p99_ms, b.p99_ms),
        first_sound_p50_ms: mean(a.first_sound_p50_ms, b.first_sound_p50_ms),
        first_sound_p99_ms: mean(a.first_sound_p99_ms, b.first_sound_p99_ms),
    }
}

/// Microseconds of this process's CPU for one packet passed on.
pub(crate) fn cpu_us_per_packet(window: &Window) -> f64 {
    window.cpu_ns as f64 / 1_000.0 / window.traffic.forwarded.max(1) as f64
}

/// Of one core.
pub(crate) fn percent(ns: u64, seconds: f64) -> f64 {
    ns as f64 / 10_000_000.0 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn far_ends_that_end_at_once_end_the_run_with_a_reason() {
        let settings = Settings {
            calls: 1,
            shards: 1,
            duration: Duration::from_millis(1),
            tick: Duration::ZERO,
            at_a_time: 1,
            churn: 0,
        };
        let error = run(&settings, &mut Command::new("true")).unwrap_err();
        assert!(format!("{error:#}").contains("far ends"), "{error:#}");
    }

    #[test]
    fn means_are_weighted_by_calls() {
        let of = |calls, p50_ms| SetUp { calls, p50_ms, ..SetUp::default() };
        let sum = add(&add(&SetUp::default(), &of(1, 10.0)), &of(3, 50.0));
        assert_eq!((sum.calls, sum.p50_ms), (4, 40.0));
        assert_eq!(add(&SetUp::default(), &SetUp::default()), SetUp::default());
    }
}
