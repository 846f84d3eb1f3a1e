//! `offhook bench hooks`: events of calls on their way to customers' webhooks, two of which are out of order.
//!
//! Each call has a few events, one right after another. At the end every event must have come to every webhook that
//! answers, and those of a call in their order.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use clap::Args;
use offhook_core::event::Event;
use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::ports::Tenants;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::load::{self, Spans};
use super::scratch::Scratch;
use crate::cli::say;
use crate::demo;
use crate::lifecycle::Server;
use crate::{door, telemetry, wiring};

/// How long what is on its way after the last event may take.
const DRAIN: Duration = Duration::from_secs(60);

/// Events of a call.
const OF_A_CALL: u32 = 4;

#[derive(Debug, Args)]
pub(crate) struct Hooks {
    /// Events to arrive in a second, over all webhooks that answer.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: u32,
    /// Seconds of it.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=3600))]
    seconds: u32,
    /// Webhooks that answer. Besides them one has its port closed, and one never answers.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=48))]
    webhooks: u32,
    #[command(flatten)]
    scratch: Scratch,
}

/// The customers' side: what came, in the order in which it came.
#[derive(Default)]
struct Customers(Mutex<Vec<Came>>);

/// An event at a webhook.
#[derive(Debug, Clone)]
struct Came {
    webhook: String,
    call: Uuid,
    /// Its number: calls have theirs in their order.
    event: u128,
    at: Instant,
}

struct Measured {
    expected: usize,
    seconds: f64,
    counted: Counted,
}

/// What became of the events.
#[derive(Debug)]
struct Counted {
    arrived: usize,
    /// Deliveries of what was there already: a webhook is told at least once.
    repeated: usize,
    /// First deliveries that came after a later event of the same call.
    overtaken: usize,
    spans: Spans,
}

impl Hooks {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.report(&self.scratch.lend(self.measure()).await?)
    }

    async fn measure(&self) -> anyhow::Result<Measured> {
        let (config, seed) = demo::prepare(&self.scratch.data, None)?;
        let seeded = seed.plant(&config).await?;
        let tenant = {
            let memory = wiring::open_memory(&config).await?;
            let tenants = Tenants::all(&memory.store).await?;
            memory.store.close().await;
            tenants.into_iter().next().context("the demo has a tenant")?.id
        };
        let listener = door::bind(config.http.listen)?;
        let server = Server::start(&config, listener, telemetry::idle_metrics()?).await?;
        let measured = self.load(&server, &tenant, &seeded.api_key).await;
        server.stop().await;
        measured
    }

    async fn load(&self, server: &Server, tenant: &TenantId, key: &str) -> anyhow::Result<Measured> {
        let customers = Arc::new(Customers::default());
        let (halt, tasks) = (CancellationToken::new(), TaskTracker::new());
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/{name}", post(take)).route("/stuck", post(stuck));
        let router = router.with_state(customers.clone());
        let ending = halt.clone();
        tasks.spawn(async move {
            // A listener on loopback fails only with the whole bench.
            let _ = axum::serve(listener, router).with_graceful_shutdown(ending.cancelled_owned()).await;
        });
        let closed = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        let mut urls = vec![format!("http://{closed}/"), format!("{url}/stuck")];
        urls.extend((0..self.webhooks).map(|n| format!("{url}/{n}")));
        let http = reqwest::Client::builder().no_proxy().build()?;
        for url in urls {
            let body = json!({ "url": url, "events": ["*"] });
            let request = http.post(format!("{}/api/v1/webhooks", server.url())).bearer_auth(key);
            request.json(&body).send().await?.error_for_status()?;
        }

        let events = (self.rate * self.seconds).div_ceil(self.webhooks);
        let expected = events as usize * self.webhooks as usize;
        let began = Instant::now();
        // From when an event was due: a log that stalls is seen to stall.
        let due = |n: u32| began + Duration::from_secs(1) * self.webhooks * n / self.rate;
        for n in 0..events {
            sleep_until(due(n)).await;
            let recording = RecordingId::from_uuid(Uuid::from_u128(u128::from(n)));
            let call = CallId::from_uuid(Uuid::from_u128(u128::from(n / OF_A_CALL)));
            let event = Event::Recording { recording, call, length_ms: 1000, truncated: false };
            server.engine().note(tenant, event).await?;
        }
        let all_there = async {
            let mut looks = interval(Duration::from_millis(100));
            while customers.distinct() < expected {
                looks.tick().await;
            }
        };
        // What is late then is lost, and shows in the figures.
        let _ = timeout(DRAIN, all_there).await;
        let seconds = began.elapsed().as_secs_f64();
        halt.cancel();
        let came = std::mem::take(&mut *customers.lock());
        let counted = count(&came, |event| u32::try_from(event).map_or(began, due))?;
        Ok(Measured { expected, seconds, counted })
    }

    fn report(&self, measured: &Measured) -> anyhow::Result<()> {
        let Measured { expected, seconds, counted } = measured;
        let at = |quantile| counted.spans.value_at_quantile(quantile) as f64 / 1000.0;
        let [p50, p90, p99, max] = [at(0.5), at(0.9), at(0.99), at(1.0)];
        let (rate, lost) = (counted.arrived as f64 / seconds, expected - counted.arrived);
        let machine = load::machine();
        if self.scratch.json {
            return say(json!({
                "expected": expected, "arrived": counted.arrived, "lost": lost, "repeated": counted.repeated,
                "overtaken": counted.overtaken, "per_second": rate,
                "milliseconds": { "p50": p50, "p90": p90, "p99": p99, "max": max }, "machine": machine,
            }));
        }
        say(format!(
            "{} of {expected} deliveries arrived at {} webhooks in {seconds:.1} s, {rate:.0} a second, beside one \
             whose port is closed and one that never answers.\n\
             Lost {lost}, repeated {}, after a later event of the same call {}.\n\
             From when the event was due to its arrival, milliseconds: p50 {p50:.1}, p90 {p90:.1}, p99 {p99:.1}, \
             max {max:.1}.\n\
             Server and customers shared one process: {machine}. The database was SQLite in {}.",
            counted.arrived,
            self.webhooks,
            counted.repeated,
            counted.overtaken,
            self.scratch.data.display(),
        ))
    }
}

impl Customers {
    fn lock(&self) -> MutexGuard<'_, Vec<Came>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Events that are there, repetitions left out.
    fn distinct(&self) -> usize {
        let came = self.lock();
        came.iter().map(|came| (&came.webhook, came.event)).collect::<HashSet<_>>().len()
    }
}

fn count(came: &[Came], due: impl Fn(u128) -> Instant) -> anyhow::Result<Counted> {
    let (mut seen, mut newest) = (HashSet::new(), HashMap::new());
    let mut counted = Counted { arrived: 0, repeated: 0, overtaken: 0, spans: load::spans()? };
    for Came { webhook, call, event, at } in came {
        if !seen.insert((webhook, event)) {
            counted.repeated += 1;
            continue;
        }
        counted.arrived += 1;
        let span = at.duration_since(due(*event));
        counted.spans.saturating_record(u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1));
        let newest = newest.entry((webhook, call)).or_insert(event);
        if event < *newest {
            counted.overtaken += 1;
        }
        *newest = event.max(newest);
    }
    Ok(counted)
}

async fn take(
    State(customers): State<Arc<Customers>>,
    Path(webhook): Path<String>,
    body: Bytes,
) -> StatusCode {
    let at = Instant::now();
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    let recording = event["data"]["recording_id"].as_str().and_then(RecordingId::parse);
    let call = event["data"]["call_id"].as_str().and_then(CallId::parse);
    if let (Some(recording), Some(call)) = (recording, call) {
        let (call, event) = (call.uuid(), recording.uuid().as_u128());
        customers.lock().push(Came { webhook, call, event, at });
    }
    StatusCode::OK
}

async fn stuck() -> StatusCode {
    std::future::pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_repeated_and_overtaken_is_counted_by_webhook() {
        let at = Instant::now();
        let came = |webhook: &str, event: u128| {
            let call = Uuid::from_u128(event / u128::from(OF_A_CALL));
            Came { webhook: webhook.to_owned(), call, event, at }
        };
        let both = [came("a", 0), came("b", 1), came("a", 1), came("a", 0), came("b", 0), came("b", 4)];
        let counted = count(&both, |_| at).unwrap();
        assert_eq!((counted.arrived, counted.repeated, counted.overtaken), (5, 1, 1));
        assert_eq!(counted.spans.len(), 5);
    }
}
