//! `offhook bench store`: lists, searches and figures over many calls, asked for over HTTP.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use offhook_core::house::{ApiKey, Role};
use offhook_core::id::KeyId;
use offhook_core::ports::{Clock, Ids, Keys, NewKey};
use offhook_store::Store;
use serde_json::json;
use tokio::time::Instant;

use super::load::{self, Spans};
use super::past::Past;
use super::scratch::Scratch;
use crate::cli::say;
use crate::clock::{HouseClock, HouseIds};
use crate::demo::{self, Seeded};
use crate::lifecycle::Server;
use crate::{door, telemetry, wiring};

/// Calls written in one transaction.
const AT_ONCE: u32 = 1_000;

/// Keys: one may list 120 times a minute and ask for figures 60 times, so each does so once a second at most.
const KEYS: u32 = 20;

/// Requests for figures a second.
const FIGURES_RATE: u32 = 10;

/// Kinds of requests.
const LIST: usize = 0;
const SEARCH: usize = 1;

#[derive(Debug, Args)]
pub(crate) struct StoreBench {
    /// Calls in the database, over the last year.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    calls: u32,
    /// Requests a second.
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    /// Seconds of load, and again of figures.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    #[command(flatten)]
    scratch: Scratch,
}

struct Measured {
    fill: Duration,
    listed: Vec<Spans>,
    figures: Spans,
    bytes: u64,
}

impl StoreBench {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.report(&self.scratch.lend(self.measure()).await?)
    }

    async fn measure(&self) -> anyhow::Result<Measured> {
        let (mut config, seed) = demo::prepare(&self.scratch.data, None)?;
        config.http.company_requests_per_second = (self.rate * 2).max(100);
        let seeded = seed.plant(&config).await?;
        let store = wiring::open_memory(&config).await?.store;
        let began = Instant::now();
        let filled = self.fill(&store, &seeded).await;
        let (fill, keys) = (began.elapsed(), mint(&store, &seeded, self.rate.max(KEYS), "calls:read").await);
        store.close().await;
        filled?;
        let bytes = config.database.url.sqlite_path().and_then(|path| std::fs::metadata(path).ok());
        let listener = door::bind(config.http.listen)?;
        let server = Server::start(&config, listener, telemetry::idle_metrics()?).await?;
        let asked = self.ask(&server.url(), &keys?).await;
        server.stop().await;
        let (listed, figures) = asked?;
        Ok(Measured { fill, listed, figures, bytes: bytes.map_or(0, |file| file.len()) })
    }

    async fn fill(&self, store: &Store, seeded: &Seeded) -> anyhow::Result<()> {
        let mut past = Past::of(seeded, HouseClock::start().now(), self.calls);
        let mut place = 0;
        while place < self.calls {
            let until = (place + AT_ONCE).min(self.calls);
            let calls: Vec<_> = (place..until).map(|place| past.call(place)).collect();
            store.bring_in(&calls).await?;
            place = until;
        }
        Ok(())
    }

    async fn ask(&self, url: &str, keys: &[String]) -> anyhow::Result<(Vec<Spans>, Spans)> {
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let get = |path: String, place: u32, kind: usize| {
            let key = &keys[place as usize % keys.len()];
            let request = http.get(format!("{url}/api/v1/whatsapp/calling/{path}")).bearer_auth(key);
            async move {
                let answer = request.send().await?;
                let status = answer.status();
                let body = answer.bytes().await?;
                ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
                Ok(kind)
            }
        };
        let listed = load::run(self.rate, self.rate * self.seconds, 2, |place| {
            let (query, kind) = question(place);
            get(format!("calls?{query}"), place, kind)
        });
        let listed = listed.await?;
        let figures = load::run(FIGURES_RATE, FIGURES_RATE * self.seconds, 1, |place| {
            let zone = ["UTC", "Europe/Lisbon", "America/New_York", "Asia/Kathmandu"][place as usize % 4];
            get(format!("analytics?days=365&timezone={zone}"), place, 0)
        });
        Ok((listed, figures.await?.pop().context("one kind")?))
    }

    fn report(&self, measured: &Measured) -> anyhow::Result<()> {
        let Measured { fill, listed, figures, bytes } = measured;
        let (machine, mib) = (load::machine(), bytes / (1024 * 1024));
        if self.scratch.json {
            return say(json!({
                "calls": self.calls,
                "rate": self.rate,
                "fill_ms": fill.as_millis(),
                "file_mib": mib,
                "list": load::figures(&listed[LIST]),
                "search": load::figures(&listed[SEARCH]),
                "analytics_365_days": load::figures(figures),
                "machine": machine,
            }));
        }
        say(format!(
            "{} calls, written in {} s, {mib} MiB; {} lists and searches a second for {} s, figures after that\n\n\
             {}\n{}\n{}\n{}\n\nServer and load shared one process: {machine}. The database was SQLite in {}.",
            self.calls,
            fill.as_secs(),
            self.rate,
            self.seconds,
            load::head(),
            load::line("list", &listed[LIST]),
            load::line("search", &listed[SEARCH]),
            load::line("analytics over 365 days", figures),
            self.scratch.data.display(),
        ))
    }
}

/// The query of a request: every filter, alone and with others, at the newest end and far back.
fn question(place: u32) -> (String, usize) {
    const LISTS: [&str; 8] = [
        "",
        "status=missed",
        "status=failed&direction=outbound",
        "status=completed,in_progress",
        "direction=inbound&limit=50",
        "phone_number_id=106540352242922",
        "status=queued,ringing",
        "waba_id=102290129340398&status=missed&direction=inbound",
    ];
    const SEARCHES: [&str; 12] = [
        "q=rui",
        "q=rui%20faria",
        "q=m%C3%BCller",
        "q=351910",
        "q=77",
        "q=a",
        "q=zq",
        "q=conv_77",
        "q=maria&status=missed",
        "q=silva&direction=outbound",
        "q=no+such+name",
        "q=4155550",
    ];
    // Half of all begin at a day of the last year.
    let back = match place % 2 {
        0 => String::new(),
        _ => format!("&end={}", super::past::day(place.wrapping_mul(2_654_435_761) % 365)),
    };
    let (of, kind) = match place / 2 % 2 {
        0 => (LISTS[place as usize / 4 % LISTS.len()], LIST),
        _ => (SEARCHES[place as usize / 4 % SEARCHES.len()], SEARCH),
    };
    (format!("{of}{back}"), kind)
}

/// Keys with a scope.
pub(super) async fn mint(
    store: &Store,
    seeded: &Seeded,
    count: u32,
    scope: &str,
) -> anyhow::Result<Vec<String>> {
    let clock = HouseClock::start();
    let ids = HouseIds::new(clock);
    let mut keys = Vec::new();
    for _ in 0..count {
        let id = KeyId::from_uuid(ids.next());
        let key = ApiKey {
            scopes: vec![scope.to_owned()],
            ..ApiKey::new(id, seeded.tenant.id.clone(), Role::Developer)
        };
        keys.push(Keys::mint(store, NewKey::of(key, clock.now())).await?.text);
    }
    Ok(keys)
}
