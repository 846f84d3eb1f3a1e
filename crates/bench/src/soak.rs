//! The run of `offhook bench media --soak`: calls coming and going for minutes, and what that leaves behind.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::carrier::OurPlane;
use crate::machine::{Shared, resident_kib};
use crate::media::{Settings, hang_up, percent};
use crate::now;
use crate::order::Plan;
use crate::stage::Stage;

/// Every call lives about this long: short enough that a soak of minutes sees thousands.
const LIFE: Duration = Duration::from_secs(20);
/// A point of the series each.
const STEP: Duration = Duration::from_secs(10);
/// The first fifth fills tables and the allocator's own; the slope is that of the rest.
const WARM_UP: f64 = 0.2;

/// One point of the series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Seconds since all calls were up.
    pub seconds: f64,
    /// Legs carried at that moment.
    pub legs: u64,
    /// Resident memory of the plane's process.
    pub resident_kib: u64,
    /// Of one core, in percent, since the point before.
    pub core_percent: f64,
    /// Delay since the point before, 99th percentile.
    pub p99_ms: f64,
    /// Packets said and not heard since the point before.
    pub lost: u64,
}

impl Point {
    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { seconds, legs, resident_kib, core_percent, p99_ms, lost } = self;
        format!(
            "{seconds:>7.0} s  {legs:>5} legs  {resident_kib:>8} KiB  {core_percent:>5.1} % of a core  \
             p99 {p99_ms:>7.2} ms  {lost} lost"
        )
    }
}

/// What a soak found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Soaked {
    /// Calls at a time.
    pub calls: usize,
    /// Calls replaced a minute.
    pub replaced_per_minute: f64,
    /// The series.
    pub points: Vec<Point>,
    /// KiB a minute, by least squares over all but the first fifth.
    pub kib_per_minute: f64,
    /// The same, for one call replaced.
    pub bytes_per_call: f64,
    /// Resident memory before the first call, and after the last one.
    pub idle_kib: [u64; 2],
    /// Packets said and not heard.
    pub lost: u64,
    /// Packets said.
    pub said: u64,
    /// What shared the machine.
    pub shared: Shared,
}

impl Soaked {
    /// What follows the series, for people.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "\n{} calls at a time, {:.0} replaced a minute: {:+.1} KiB a minute after the first fifth, {:+.0} bytes a call\n\
             without calls {} KiB before and {} KiB after; {} of {} packets lost\n{}",
            self.calls,
            self.replaced_per_minute,
            self.kib_per_minute,
            self.bytes_per_call,
            self.idle_kib[0],
            self.idle_kib[1],
            self.lost,
            self.said,
            self.shared.line()
        )
    }
}

/// Soaks for so long, telling each point as it comes.
///
/// # Errors
/// If the plane or the far ends cannot go on.
pub fn run(
    settings: &Settings,
    duration: Duration,
    far_ends: &mut Command,
    mut tell: impl FnMut(&Point) -> Result<()>,
) -> Result<Soaked> {
    let &Settings { calls, shards, tick, at_a_time, .. } = settings;
    let mut stage = Stage::start(far_ends, |reporter| OurPlane::start(calls, shards, tick, reporter))?;
    let before = resident_kib()?;
    stage.fulfil(Plan { alive: calls, at_a_time, ..Plan::default() })?;
    let end_every_us = Some(LIFE.as_micros() as u64 / calls as u64);
    stage.plan(Plan { alive: calls, at_a_time, total: None, end_every_us })?;

    let started = now();
    let (mut points, mut said, mut others_ns) = (Vec::new(), 0, 0);
    while started.elapsed() < duration {
        let left = duration.saturating_sub(started.elapsed());
        let window = stage.window(STEP.min(left).max(Duration::from_millis(100)))?;
        said += window.talk.said;
        others_ns += window.others_cpu_ns;
        let point = Point {
            seconds: started.elapsed().as_secs_f64(),
            legs: stage.traffic().legs,
            resident_kib: resident_kib()?,
            core_percent: percent(window.cpu_ns, window.seconds),
            p99_ms: window.talk.p99_ms,
            lost: window.talk.said - window.talk.heard,
        };
        tell(&point)?;
        points.push(point);
    }
    let seconds = started.elapsed().as_secs_f64();
    hang_up(&mut stage)?;
    let replaced_per_minute = 60.0 * calls as f64 / LIFE.as_secs_f64();
    let kib_per_minute = 60.0 * slope(&points);
    Ok(Soaked {
        calls,
        replaced_per_minute,
        kib_per_minute,
        bytes_per_call: 1_024.0 * kib_per_minute / replaced_per_minute,
        idle_kib: [before, resident_kib()?],
        lost: points.iter().map(|point| point.lost).sum(),
        points,
        said,
        shared: Shared::look(Some(percent(others_ns, seconds)))?,
    })
}

/// KiB a second by least squares.
fn slope(points: &[Point]) -> f64 {
    let points = &points[(points.len() as f64 * WARM_UP) as usize..];
    let mean = |of: fn(&Point) -> f64| points.iter().map(of).sum::<f64>() / points.len().max(1) as f64;
    let (x, y) = (mean(|p| p.seconds), mean(|p| p.resident_kib as f64));
    let over: f64 = points.iter().map(|p| (p.seconds - x) * (p.resident_kib as f64 - y)).sum();
    let under: f64 = points.iter().map(|p| (p.seconds - x).powi(2)).sum();
    if under == 0.0 { 0.0 } else { over / under }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(seconds: f64, resident_kib: u64) -> Point {
        Point { seconds, legs: 0, resident_kib, core_percent: 0.0, p99_ms: 0.0, lost: 0 }
    }

    #[test]
    fn the_slope_is_that_of_all_but_the_first_fifth() {
        let mut points: Vec<Point> = (0..10).map(|n| point(f64::from(n), 500 + 3 * n as u64)).collect();
        points[0].resident_kib = 9;
        points[1].resident_kib = 9_999;
        assert!((slope(&points) - 3.0).abs() < 1e-9, "{}", slope(&points));
        assert!(slope(&[]) == 0.0 && slope(&[point(1.0, 5)]) == 0.0);
    }
}
