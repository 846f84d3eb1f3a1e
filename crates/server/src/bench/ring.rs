//! `offhook bench ring`.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use hdrhistogram::Histogram;
use offhook_sim::{Control, Knobs, PlaceCall, SimConfig};
use serde_json::{Value, json};
use url::Url;

use super::agent::BenchAgent;
use super::scratch::Scratch;
use super::stopwatch::Stopwatch;
use crate::cli::say;
use crate::demo;
use crate::lifecycle::Server;
use crate::{door, telemetry};

/// Calls before the first that counts: they warm connections, caches and the processor.
const WARM_UP: u32 = 10;

#[derive(Debug, Args)]
pub(crate) struct Ring {
    /// Inbound calls to measure, one after the other.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    calls: u32,
    #[command(flatten)]
    scratch: Scratch,
}

/// Microseconds up to a minute, three digits exact.
struct Spans {
    ring: Histogram<u64>,
    answer: Histogram<u64>,
}

impl Ring {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.report(&self.scratch.lend(self.measure()).await?)
    }

    async fn measure(&self) -> anyhow::Result<Spans> {
        let (mut config, seed) = demo::prepare(&self.scratch.data, None)?;
        let listener = door::bind(config.http.listen)?;
        let stopwatch = Stopwatch::start(format!("http://{}/webhooks/meta", listener.local_addr()?)).await?;
        let sim = offhook_sim::start(SimConfig {
            webhook_url: Some(Url::parse(&format!("http://{}/", stopwatch.address))?),
            app_secret: seed.app_secret.clone(),
            verify_token: seed.verify_token.clone(),
            numbers: demo::sim_numbers(&seed.access_token),
            knobs: Knobs::default(),
            ..SimConfig::default()
        })
        .await?;
        config.whatsapp.graph_url = Url::parse(&format!("http://{}", sim.addr()))?;
        let seeded = seed.plant(&config).await?;
        let server = Server::start(&config, listener, telemetry::idle_metrics()?).await?;
        let person = seeded.people.first().context("the demo has people")?;
        let agent = BenchAgent::available(&server.url(), &seeded.api_key, person.as_str()).await;
        let measured = match agent {
            Ok(agent) => self.calls(agent, &sim.control(), &stopwatch).await,
            Err(error) => Err(error),
        };
        server.stop().await;
        sim.stop().await;
        stopwatch.stop().await;
        measured
    }

    async fn calls(
        &self,
        mut agent: BenchAgent,
        control: &Control,
        stopwatch: &Stopwatch,
    ) -> anyhow::Result<Spans> {
        let empty = || Histogram::<u64>::new_with_bounds(1, 60_000_000, 3);
        let mut spans = Spans { ring: empty()?, answer: empty()? };
        for place in 0..WARM_UP + self.calls {
            // Callers with endings that mean nothing to the simulator.
            let phone = format!("1555{:03}{:04}", place / 5_000, 1_000 + place % 5_000);
            stopwatch.watch(&phone);
            let call = control.place_call(PlaceCall::from(&format!("+{phone}"))).await?;
            let rung = agent.rung().await?;
            control.hang_up(&call.id).await?;
            agent.silenced().await?;
            let passed = stopwatch.take(&phone);
            let at = passed.at.context("the webhook passed the stopwatch")?;
            if place >= WARM_UP {
                spans.ring.saturating_record(micros(rung - at));
                spans.answer.saturating_record(micros(passed.answered.context("the webhook was answered")?));
            }
        }
        Ok(spans)
    }

    fn report(&self, spans: &Spans) -> anyhow::Result<()> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let build = if cfg!(debug_assertions) { "debug" } else { "release" };
        if self.scratch.json {
            return say(json!({
                "calls": self.calls,
                "cores": cores,
                "build": build,
                "webhook_to_ring_us": percentiles(&spans.ring),
                "webhook_to_answer_us": percentiles(&spans.answer),
            }));
        }
        say(format!(
            "{} inbound calls, one after the other, {build} build\n\n{:>24} {:>9} {:>9} {:>9} {:>9} {:>9}\n{}\n{}\n\n\
             Server, simulator, stopwatch and the agent's socket shared one process and {cores} cores;\n\
             the database was SQLite in {}, every commit on its disk. Other programs on this machine count too.",
            self.calls,
            "milliseconds",
            "min",
            "p50",
            "p90",
            "p99",
            "max",
            row("webhook to ring", &spans.ring),
            row("webhook to its answer", &spans.answer),
            self.scratch.data.display(),
        ))
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

/// min, p50, p90, p99, max.
fn steps(spans: &Histogram<u64>) -> [u64; 5] {
    let at = |quantile| spans.value_at_quantile(quantile);
    [spans.min(), at(0.5), at(0.9), at(0.99), spans.max()]
}

fn percentiles(spans: &Histogram<u64>) -> Value {
    let [min, p50, p90, p99, max] = steps(spans);
    json!({ "min": min, "p50": p50, "p90": p90, "p99": p99, "max": max })
}

fn row(name: &str, spans: &Histogram<u64>) -> String {
    let shown = |micros: u64| format!("{:>9}", format!("{}.{:02}", micros / 1_000, micros % 1_000 / 10));
    format!("{name:>24} {}", steps(spans).map(shown).join(" "))
}
