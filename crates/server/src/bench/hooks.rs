//! `offhook bench hooks`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use clap::Args;
use hdrhistogram::Histogram;
use offhook_core::event::Event;
use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::ports::Tenants;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use crate::cli::say;
use crate::demo;
use crate::lifecycle::Server;
use crate::{door, telemetry, wiring};

/// How long what is on its way after the last event may take.
const DRAIN: Duration = Duration::from_secs(60);

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
    /// Folder for the database of the run; it must not exist, and is removed afterwards.
    #[arg(long, default_value = ".offhook-bench", value_name = "FOLDER")]
    data: PathBuf,
    /// Print one line of JSON.
    #[arg(long)]
    json: bool,
}

/// The customers' side.
#[derive(Default)]
struct Customers {
    /// When each event was written.
    began: Mutex<HashMap<Uuid, Instant>>,
    arrived: Mutex<Vec<(Uuid, Instant)>>,
}

struct Measured {
    expected: usize,
    arrived: usize,
    seconds: f64,
    spans: Histogram<u64>,
}

impl Hooks {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        ensure!(!self.data.exists(), "{} exists; name another folder with --data", self.data.display());
        let measured = self.measure().await;
        // Whatever happened, the run leaves nothing behind.
        let _ = std::fs::remove_dir_all(&self.data);
        self.report(&measured?)
    }

    async fn measure(&self) -> anyhow::Result<Measured> {
        let (config, seed) = demo::prepare(&self.data, None)?;
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
        let mut ticks = interval(Duration::from_secs(1) * self.webhooks / self.rate);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let began = Instant::now();
        for n in 0..events {
            ticks.tick().await;
            let id = Uuid::from_u128(u128::from(n));
            let (recording, call) = (RecordingId::from_uuid(id), CallId::from_uuid(id));
            customers.began.lock().unwrap_or_else(PoisonError::into_inner).insert(id, Instant::now());
            let event = Event::Recording { recording, call, length_ms: 1000, truncated: false };
            server.engine().note(tenant, event).await?;
        }
        let all_there = async {
            let mut looks = interval(Duration::from_millis(5));
            while customers.count() < expected {
                looks.tick().await;
            }
        };
        // Those that are late show in the figures.
        let _ = timeout(DRAIN, all_there).await;
        let seconds = began.elapsed().as_secs_f64();
        halt.cancel();
        Ok(Measured { expected, arrived: customers.count(), seconds, spans: customers.spans()? })
    }

    fn report(&self, measured: &Measured) -> anyhow::Result<()> {
        let at = |quantile| measured.spans.value_at_quantile(quantile) as f64 / 1000.0;
        let [p50, p90, p99] = [at(0.5), at(0.9), at(0.99)];
        let max = measured.spans.max() as f64 / 1000.0;
        let rate = measured.arrived as f64 / measured.seconds;
        if self.json {
            let report = json!({
                "expected": measured.expected, "arrived": measured.arrived, "per_second": rate,
                "milliseconds": { "p50": p50, "p90": p90, "p99": p99, "max": max },
            });
            return say(report.to_string());
        }
        say(format!(
            "{} of {} deliveries arrived at {} webhooks in {:.1} s, {rate:.0} a second, beside one whose port is \
             closed and one that never answers.\n\
             From the event to its arrival, milliseconds: p50 {p50:.1}, p90 {p90:.1}, p99 {p99:.1}, max {max:.1}.\n\
             Server and customers shared one process; the database was SQLite, every write on its disk.",
            measured.arrived, measured.expected, self.webhooks, measured.seconds,
        ))
    }
}

impl Customers {
    fn count(&self) -> usize {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn spans(&self) -> anyhow::Result<Histogram<u64>> {
        let mut spans = Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)?;
        let began = self.began.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, at) in self.arrived.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let span = began.get(id).map_or(Duration::ZERO, |began| at.duration_since(*began));
            spans.saturating_record(u64::try_from(span.as_micros()).unwrap_or(u64::MAX).max(1));
        }
        Ok(spans)
    }
}

async fn take(State(customers): State<Arc<Customers>>, body: Bytes) -> StatusCode {
    let now = Instant::now();
    let event: Value = serde_json::from_slice(&body).unwrap_or_default();
    let id = event["data"]["recording_id"].as_str().and_then(RecordingId::parse);
    if let Some(id) = id {
        customers.arrived.lock().unwrap_or_else(PoisonError::into_inner).push((id.uuid(), now));
    }
    StatusCode::OK
}

async fn stuck() -> StatusCode {
    std::future::pending().await
}
