//! What forwarding a packet costs, next to what the bare system calls and ciphers cost in the same run.
//!
//! `cargo bench -p offhook-media -- CALLS SECONDS CHURN` (300, 4 and 1,000 by default). The plane runs in its own thread, the
//! far ends of all calls in another. Delay is measured from the far end's send to the kernel's receive stamp, so
//! that the far ends' own laziness does not count. Churn is calls set up and ended again, to see what they leave
//! behind. Figures mean something in comparison within one run only.

#![expect(clippy::print_stdout, reason = "its output is what a bench is for")]

mod far_ends;
mod floor;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use offhook_media::{Plane, PlaneConfig};

use far_ends::FarEnds;

fn main() -> Result<()> {
    let numbers: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    let calls = numbers.first().copied().unwrap_or(300);
    let seconds = numbers.get(1).copied().unwrap_or(4);

    let churn = numbers.get(2).copied().unwrap_or(1_000);

    let floor = floor::measure(Duration::from_secs(2))?;
    println!("floor: {floor:.2} us of CPU per packet received, opened, sealed and sent");

    for tick_us in [250, 0] {
        let mut config = PlaneConfig::new("127.0.0.1:0".parse()?);
        config.tick = Duration::from_micros(tick_us);
        let (plane, notices) = Plane::start(config)?;
        let before = resident_kib()?;
        let mut ends = FarEnds::new(plane, notices)?;
        let started = now();
        ends.connect(calls)?;
        let setup = started.elapsed();
        let kib = (resident_kib()? - before) as f64 / calls as f64;
        // Let bridges settle before counting.
        ends.talk(Duration::from_secs(1))?;
        let counted = ends.plane.counters();
        let cpu = media_thread_ns()?;
        let report = ends.talk(Duration::from_secs(seconds as u64))?;
        let cpu = media_thread_ns()? - cpu;
        let after = ends.plane.counters();
        let forwarded = after.forwarded - counted.forwarded;
        let per_packet = cpu as f64 / 1_000.0 / forwarded as f64;
        println!(
            "tick {tick_us} us, {calls} calls: {forwarded} packets forwarded in {seconds} s, {per_packet:.2} us of CPU each \
             ({:.2} times the floor), {:.0} % of a core",
            per_packet / floor,
            cpu as f64 / 10_000_000.0 / seconds as f64
        );
        println!(
            "  delay p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms; said {}, heard {}, {:.3} % lost; refused by the system {}",
            report.delay_ms(0.5),
            report.delay_ms(0.99),
            report.delay_ms(0.999),
            report.said,
            report.heard,
            100.0 * (1.0 - report.heard as f64 / report.said as f64),
            after.send_refused
        );
        println!(
            "  set-up {:.0} calls/s both legs; {kib:.0} KiB resident per call, the far ends' two legs and sockets included",
            calls as f64 / setup.as_secs_f64()
        );
    }
    if churn > 0 {
        measure_churn(churn)?;
    }
    Ok(())
}

/// Sets calls up and ends them, fifty at a time.
fn measure_churn(calls: usize) -> Result<()> {
    let (plane, notices) = Plane::start(PlaneConfig::new("127.0.0.1:0".parse()?))?;
    let mut ends = FarEnds::new(plane, notices)?;
    // The first rounds fill what is kept for good: tables, buffers, the allocator's own.
    let mut marks = Vec::new();
    let started = now();
    for round in 1..=calls.div_ceil(50) {
        ends.connect(50)?;
        ends.hang_up()?;
        if round.is_multiple_of(calls.div_ceil(50).div_ceil(5)) {
            marks.push(format!("{} KiB", resident_kib()?));
        }
    }
    println!(
        "churn: {calls} calls came and went in {:.1} s; resident at each fifth: {}",
        started.elapsed().as_secs_f64(),
        marks.join(", ")
    );
    Ok(())
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// CPU time of the thread named like this, in nanoseconds.
fn thread_ns(name: &str) -> Result<u64> {
    for task in std::fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if std::fs::read_to_string(path.join("comm"))?.trim() == name {
            let text = std::fs::read_to_string(path.join("schedstat"))?;
            return Ok(text.split(' ').next().context("schedstat is empty")?.parse()?);
        }
    }
    anyhow::bail!("no thread named {name}")
}

fn media_thread_ns() -> Result<u64> {
    thread_ns("media")
}

fn resident_kib() -> Result<usize> {
    let text = std::fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).context("statm is short")?.parse()?;
    Ok(pages * 4)
}
