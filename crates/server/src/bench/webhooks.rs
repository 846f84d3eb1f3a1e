//! `offhook bench webhooks`: signed webhooks against the real door, each durable before its 200.
//!
//! Calls of users nobody answers: one webhook begins a call, another a second later ends it. At the end every call
//! must be there, and over.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use aws_lc_rs::hmac;
use clap::Args;
use data_encoding::HEXLOWER;
use offhook_core::ports::{Clock, Figures, FiguresAsk, QUARTER_SECS, Stretch, Tally};
use offhook_core::time::Time;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::load::{self, Spans};
use super::scratch::Scratch;
use crate::cli::say;
use crate::clock::HouseClock;
use crate::config::Config;
use crate::demo::{self, Seeded};
use crate::lifecycle::Server;
use crate::{door, telemetry, wiring};

/// How long the server may take, after the last webhook, to deal with what it has acknowledged.
const AFTERWARDS: Duration = Duration::from_secs(600);

#[derive(Debug, Args)]
pub(crate) struct WebhooksBench {
    /// Webhooks a second.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    rate: u32,
    /// Seconds of load.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=3_600))]
    seconds: u32,
    #[command(flatten)]
    scratch: Scratch,
}

struct Measured {
    answered: Spans,
    /// From the last answer until every call was over.
    behind: Duration,
    calls: i64,
}

impl WebhooksBench {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.report(&self.scratch.lend(self.measure()).await?)
    }

    async fn measure(&self) -> anyhow::Result<Measured> {
        let (mut config, seed) = demo::prepare(&self.scratch.data, None)?;
        // Nobody answers these calls, so Meta is asked for nothing.
        config.whatsapp.graph_url = "http://127.0.0.1:9".parse()?;
        let secret = hmac::Key::new(hmac::HMAC_SHA256, seed.app_secret.as_bytes());
        let seeded = seed.plant(&config).await?;
        let listener = door::bind(config.http.listen)?;
        let server = Server::start(&config, listener, telemetry::idle_metrics()?).await?;
        let measured = match self.post(&server.url(), secret).await {
            Ok(answered) => self.settle(&config, &seeded, answered).await,
            Err(error) => Err(error),
        };
        server.stop().await;
        measured
    }

    async fn post(&self, url: &str, secret: hmac::Key) -> anyhow::Result<Spans> {
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let (door, clock) = (format!("{url}/webhooks/meta"), HouseClock::start());
        let ahead = self.ahead();
        let run = load::run(self.rate, self.count(), 1, |place| {
            let body = knock(place, ahead, self.count(), clock.now()).to_string();
            let tag = hmac::sign(&secret, body.as_bytes());
            let request = http
                .post(&door)
                .header("content-type", "application/json")
                .header("x-hub-signature-256", format!("sha256={}", HEXLOWER.encode(tag.as_ref())))
                .body(body);
            async move {
                let status = request.send().await?.status();
                ensure!(status.is_success(), "a webhook was answered with {status}");
                Ok(0)
            }
        });
        run.await?.pop().context("one kind")
    }

    /// Waits until every call is there and over, and says how long that took.
    async fn settle(&self, config: &Config, seeded: &Seeded, answered: Spans) -> anyhow::Result<Measured> {
        let (store, clock) = (wiring::open_memory(config).await?.store, HouseClock::start());
        let began = Instant::now();
        let wanted = i64::from(self.count() / 2);
        let counted = loop {
            let quarter = |secs: i64| Time::from_secs((secs.div_euclid(QUARTER_SECS)) * QUARTER_SECS);
            let now = clock.now().as_micros() / 1_000_000;
            let today = Stretch { from: quarter(now - 86_400), until: quarter(now + 86_400), ahead_secs: 0 };
            let ask = FiguresAsk { numbers: None, stretches: vec![today] };
            let days = store.by_day(&seeded.tenant.id, &ask).await?;
            let sum = days.iter().fold(Tally::default(), |sum, day| sum.plus(&day.tally));
            if sum.missed >= wanted {
                break sum;
            }
            if began.elapsed() > AFTERWARDS {
                bail!(
                    "of {wanted} calls {} are there and {} over: webhooks were lost",
                    sum.total,
                    sum.missed
                );
            }
            sleep(Duration::from_millis(100)).await;
        };
        store.close().await;
        ensure!(counted.total == wanted, "{} calls came of {wanted}", counted.total);
        Ok(Measured { answered, behind: began.elapsed(), calls: counted.total })
    }

    /// An even number of webhooks: each call has two.
    const fn count(&self) -> u32 {
        self.rate * self.seconds / 2 * 2
    }

    /// Calls that have begun when the first ends: those of about half a second.
    const fn ahead(&self) -> u32 {
        self.rate / 2
    }

    fn report(&self, measured: &Measured) -> anyhow::Result<()> {
        let Measured { answered, behind, calls } = measured;
        let machine = load::machine();
        if self.scratch.json {
            return say(json!({
                "rate": self.rate,
                "answer": load::figures(answered),
                "calls": calls,
                "lost": 0,
                "behind_ms": behind.as_millis(),
                "machine": machine,
            }));
        }
        say(format!(
            "{} webhooks a second for {} s, each on the disk before its answer; none lost\n\n{}\n{}\n\n\
             All {calls} calls were there and over {} ms after the last answer.\n\
             Server and load shared one process: {machine}. The database was SQLite in {}.",
            self.rate,
            self.seconds,
            load::head(),
            load::line("webhook to its answer", answered),
            behind.as_millis(),
            self.scratch.data.display(),
        ))
    }
}

/// The webhook at a place: calls begin in turn, and the one that began `ahead` calls ago ends.
fn knock(place: u32, ahead: u32, count: u32, now: Time) -> Value {
    let calls = count / 2;
    // The first `ahead` calls begin alone, the last `ahead` end alone; in between both take turns.
    let alone = ahead.min(calls);
    let (call, begins) = match place {
        _ if place < alone => (place, true),
        _ if place >= count - alone => (calls - (count - place), false),
        _ => {
            let step = place - alone;
            if step.is_multiple_of(2) { (alone + step / 2, true) } else { (step / 2, false) }
        }
    };
    let phone = format!("1555{:07}", call % 10_000_000);
    let mut news = json!({
        "id": format!("wacid.bench{call:010}"),
        "from": phone,
        "to": demo::NUMBER.trim_start_matches('+'),
        "event": if begins { "connect" } else { "terminate" },
        "direction": "USER_INITIATED",
        "timestamp": (now.as_micros() / 1_000_000).to_string(),
    });
    if begins {
        news["session"] = json!({ "sdp_type": "offer", "sdp": "v=0\r\n".repeat(120) });
    } else {
        news["status"] = json!("COMPLETED");
    }
    let metadata = json!({
        "display_phone_number": demo::NUMBER.trim_start_matches('+'),
        "phone_number_id": demo::PHONE_NUMBER_ID,
    });
    let contact = json!({ "profile": { "name": format!("User {call}") }, "wa_id": phone });
    let value = json!({ "metadata": metadata, "contacts": [contact], "calls": [news] });
    let change = json!({ "field": "calls", "value": value });
    json!({ "object": "whatsapp_business_account", "entry": [{ "id": demo::WABA_ID, "changes": [change] }] })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn every_call_begins_once_and_ends_once_afterwards() {
        for (count, ahead) in [(10, 2), (10, 5), (4, 100), (2_000, 500)] {
            let mut seen: BTreeMap<String, Vec<String>> = BTreeMap::new();
            for place in 0..count {
                let knock = knock(place, ahead, count, Time::default());
                let call = &knock["entry"][0]["changes"][0]["value"]["calls"][0];
                let word = |field: &str| call[field].as_str().unwrap().to_owned();
                seen.entry(word("id")).or_default().push(word("event"));
            }
            assert_eq!(seen.len(), count as usize / 2, "{count} {ahead}");
            assert!(seen.values().all(|events| *events == ["connect", "terminate"]), "{count} {ahead}");
        }
    }
}
