//! Load at a steady rate: requests begin when they are due, whether those before have been answered or not, and
//! their time counts from when they were due. A server that stalls is seen to stall.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use hdrhistogram::Histogram;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::TaskTracker;

/// Requests under way. A server that is this far behind has failed, and the load must not fill the memory.
const MOST: usize = 4_000;

/// Microseconds up to a minute, three digits exact.
pub(super) type Spans = Histogram<u64>;

pub(super) fn spans() -> anyhow::Result<Spans> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

/// Makes `count` requests, `rate` of them a second, and files each request's time under its kind.
pub(super) async fn run<F, A>(rate: u32, count: u32, kinds: usize, request: F) -> anyhow::Result<Vec<Spans>>
where
    F: Fn(u32) -> A,
    A: Future<Output = anyhow::Result<usize>> + Send + 'static,
{
    let mut filed = (0..kinds).map(|_| spans()).collect::<anyhow::Result<Vec<_>>>()?;
    let (tell, mut told) = mpsc::channel(MOST);
    let (tasks, room) = (TaskTracker::new(), Arc::new(Semaphore::new(MOST)));
    let began = Instant::now();
    let mut collect = |told: &mut mpsc::Receiver<anyhow::Result<(usize, Duration)>>| {
        while let Ok(answer) = told.try_recv() {
            let (kind, span) = answer?;
            filed[kind].saturating_record(u64::try_from(span.as_micros()).unwrap_or(u64::MAX));
        }
        anyhow::Ok(())
    };
    for place in 0..count {
        let due = began + Duration::from_secs(1) * place / rate;
        sleep_until(due).await;
        collect(&mut told)?;
        let permit =
            room.clone().try_acquire_owned().context("the server is thousands of requests behind")?;
        let (tell, request) = (tell.clone(), request(place));
        tasks.spawn(async move {
            let answer = request.await.map(|kind| (kind, due.elapsed()));
            // Nobody listens any more once the run has failed.
            let _ = tell.send(answer).await;
            drop(permit);
        });
    }
    drop(tell);
    tasks.close();
    tasks.wait().await;
    collect(&mut told)?;
    let done: u64 = filed.iter().map(Histogram::len).sum();
    ensure!(done == u64::from(count), "{} requests were never answered", u64::from(count) - done);
    Ok(filed)
}

/// p50, p99 and the longest, in microseconds.
pub(super) fn figures(spans: &Spans) -> Value {
    json!({
        "requests": spans.len(),
        "p50_us": spans.value_at_quantile(0.5),
        "p99_us": spans.value_at_quantile(0.99),
        "max_us": spans.max(),
    })
}

/// The same as a line of a table.
pub(super) fn line(name: &str, spans: &Spans) -> String {
    let shown = |micros: u64| format!("{:>9}", format!("{}.{:02}", micros / 1_000, micros % 1_000 / 10));
    let steps = [spans.value_at_quantile(0.5), spans.value_at_quantile(0.99), spans.max()].map(shown);
    format!("{name:>28} {:>9} {}", spans.len(), steps.join(" "))
}

/// The head of that table.
pub(super) fn head() -> String {
    format!("{:>28} {:>9} {:>9} {:>9} {:>9}", "milliseconds", "requests", "p50", "p99", "max")
}

/// What shared the machine: cores, build, and how busy it was.
pub(super) fn machine() -> Value {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split(' ').take(3).collect();
    json!({ "cores": cores, "build": build, "load": load.join(" ") })
}
