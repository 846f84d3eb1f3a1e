//! `offhook bench contacts`: a file of contacts imported over HTTP, then searches and counts of segments over them.

use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::load::{self, Spans};
use super::past::{CODES, FIRST, LAST};
use super::scratch::Scratch;
use super::store::mint;
use crate::cli::say;
use crate::demo;
use crate::lifecycle::Server;
use crate::{door, telemetry, wiring};

/// Rows written into the connection at a time.
const AT_ONCE: u32 = 1_000;

/// How often the import and the memory are looked at.
const LOOK: Duration = Duration::from_millis(250);

/// Requests for counts a second; a key may make 60 writes a minute.
const COUNTS_RATE: u32 = 5;

/// Keys with which counts are asked for.
const KEYS: u32 = 10;

#[derive(Debug, Args)]
pub(crate) struct ContactsBench {
    /// Contacts in the file.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    contacts: u32,
    /// Searches a second; a company may ask 100 times.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=90))]
    rate: u32,
    /// Seconds of searches, and again of counts.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    #[command(flatten)]
    scratch: Scratch,
}

struct Imported {
    sent: Duration,
    whole: Duration,
    /// Resident memory in MiB: before, at a quarter of the way, and the most.
    memory: [u64; 3],
}

struct Measured {
    imported: Imported,
    again: Imported,
    searches: Spans,
    counts: Vec<Spans>,
    bytes: u64,
}

impl ContactsBench {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        self.report(&self.scratch.lend(self.measure()).await?)
    }

    async fn measure(&self) -> anyhow::Result<Measured> {
        let (config, seed) = demo::prepare(&self.scratch.data, None)?;
        let seeded = seed.plant(&config).await?;
        let store = wiring::open_memory(&config).await?.store;
        let keys = mint(&store, &seeded, self.rate.max(KEYS), "contacts:*").await;
        store.close().await;
        let listener = door::bind(config.http.listen)?;
        let server = Server::start(&config, listener, telemetry::idle_metrics()?).await?;
        let asked = self.ask(&server.url(), &keys?).await;
        server.stop().await;
        let (imported, again, searches, counts) = asked?;
        let bytes = config.database.url.sqlite_path().and_then(|path| std::fs::metadata(path).ok());
        Ok(Measured { imported, again, searches, counts, bytes: bytes.map_or(0, |file| file.len()) })
    }

    async fn ask(
        &self,
        url: &str,
        keys: &[String],
    ) -> anyhow::Result<(Imported, Imported, Spans, Vec<Spans>)> {
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let url = format!("{url}/api/v1/contacts");
        let imported = self.import(&http, &url, keys, "created").await?;
        let again = self.import(&http, &url, keys, "unchanged").await?;
        let answered = async |request: reqwest::RequestBuilder| {
            let answer = request.send().await?;
            let status = answer.status();
            let body = answer.bytes().await?;
            ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
            anyhow::Ok(())
        };
        let searches = load::run(self.rate, self.rate * self.seconds, 1, |place| {
            let words = search(place);
            let request = http.get(&url).query(&[("search", &*words), ("limit", "20")]);
            let request = answered(request.bearer_auth(&keys[place as usize % keys.len()]));
            async move { request.await.map(|()| 0) }
        });
        let searches = searches.await?.pop().context("one kind")?;
        let rules = rules();
        let counts = load::run(COUNTS_RATE, COUNTS_RATE * self.seconds, rules.len(), |place| {
            let kind = place as usize % rules.len();
            let body = json!({ "name": "Those", "rules": rules[kind].1 });
            let request = http.post(format!("{url}/segments/preview")).json(&body);
            let request = answered(request.bearer_auth(&keys[place as usize % KEYS as usize]));
            async move { request.await.map(|()| kind) }
        });
        Ok((imported, again, searches, counts.await?))
    }

    /// Sends the file and waits until it is read; every row must have come to what is expected.
    async fn import(
        &self,
        http: &reqwest::Client,
        url: &str,
        keys: &[String],
        expected: &str,
    ) -> anyhow::Result<Imported> {
        let (count, before, began) = (self.contacts, resident()?, Instant::now());
        let pieces = stream::iter((0..count.div_ceil(AT_ONCE)).map(move |piece| {
            let rows = piece * AT_ONCE..((piece + 1) * AT_ONCE).min(count);
            let head = if piece == 0 {
                "phone,email,first_name,last_name,lifecycle_stage,tags,metadata.plan\n"
            } else {
                ""
            };
            Ok::<_, std::convert::Infallible>(rows.fold(head.to_owned(), |text, place| text + &row(place)))
        }));
        let request = http.post(format!("{url}/import")).bearer_auth(&keys[0]);
        let request = request.header("content-type", "text/csv").body(reqwest::Body::wrap_stream(pieces));
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        let sent = began.elapsed();
        let id = answer["data"]["id"].as_str().context("an import has an id")?;
        let (mut quarter, mut most, mut look) = (None, before, 0);
        loop {
            // One key may look twice a second.
            look += 1;
            let request = http.get(format!("{url}/imports/{id}")).bearer_auth(&keys[look % keys.len()]);
            let import: Value = request.send().await?.error_for_status()?.json().await?;
            let import = &import["data"];
            let now = resident()?;
            most = most.max(now);
            if quarter.is_none() && import["processed"].as_u64() >= Some(u64::from(count / 4)) {
                quarter = Some(now);
            }
            match import["status"].as_str() {
                Some("completed") => {
                    ensure!(
                        import[expected].as_u64() == Some(u64::from(count)),
                        "the import came to {import}"
                    );
                    let memory = [before, quarter.unwrap_or(now), most];
                    return Ok(Imported { sent, whole: began.elapsed(), memory });
                }
                Some("failed") => anyhow::bail!("the import failed: {import}"),
                _ => sleep(LOOK).await,
            }
        }
    }

    fn report(&self, measured: &Measured) -> anyhow::Result<()> {
        let Measured { imported, again, searches, counts, bytes } = measured;
        let (machine, mib, rules) = (load::machine(), bytes / (1024 * 1024), rules());
        let rate = |it: &Imported| f64::from(self.contacts) / it.whole.as_secs_f64();
        let counted = || rules.iter().map(|(name, _)| *name).zip(counts);
        if self.scratch.json {
            let import = |it: &Imported| {
                json!({
                    "sent_ms": it.sent.as_millis(), "whole_ms": it.whole.as_millis(), "rows_per_second": rate(it),
                    "memory_mib": { "before": it.memory[0], "quarter": it.memory[1], "most": it.memory[2] },
                })
            };
            return say(json!({
                "contacts": self.contacts,
                "import": import(imported),
                "import_again": import(again),
                "file_mib": mib,
                "search": load::figures(searches),
                "segments": counted().map(|(name, spans)| (name, load::figures(spans))).collect::<std::collections::BTreeMap<_, _>>(),
                "machine": machine,
            }));
        }
        let import = |name: &str, it: &Imported| {
            let [before, quarter, most] = it.memory;
            format!(
                "{name}: {:.1} s, {:.0} rows a second (sent in {:.1} s); memory {before} MiB before, {quarter} MiB at a \
                 quarter, {most} MiB at most",
                it.whole.as_secs_f64(),
                rate(it),
                it.sent.as_secs_f64(),
            )
        };
        let counted: Vec<String> = counted().map(|(name, spans)| load::line(name, spans)).collect();
        say(format!(
            "{} contacts, {mib} MiB\n{}\n{}\n\n{}\n{}\n{}\n\nServer and load shared one process: {machine}. The database was SQLite in {}.",
            self.contacts,
            import("import", imported),
            import("again, unchanged", again),
            load::head(),
            load::line("search", searches),
            counted.join("\n"),
            self.scratch.data.display(),
        ))
    }
}

/// A row of the file: the same in every run.
fn row(place: u32) -> String {
    let mix = place.wrapping_mul(2_654_435_761);
    let of = |words: &[&'static str], turn: u32| words[(mix >> turn) as usize % words.len()];
    let (first, last) = (of(&FIRST, 3), of(&LAST, 9));
    let email = if place.is_multiple_of(3) { format!("p{place}@example.com") } else { String::new() };
    format!(
        "+{}{place:08},{email},{first},{last},{},{},{}\n",
        of(&CODES, 13),
        of(&["lead", "customer", "churned", "partner"], 17),
        of(&["", "vip", "vip;gold", "newsletter", "trial;newsletter"], 5),
        of(&["free", "pro", "enterprise"], 19),
    )
}

/// What is searched for: names, parts of numbers and addresses, two words, and nobody.
fn search(place: u32) -> String {
    let mix = place.wrapping_mul(2_654_435_761) >> 7;
    match place % 8 {
        0 => FIRST[mix as usize % FIRST.len()].to_owned(),
        1 => format!("{} {}", FIRST[mix as usize % FIRST.len()], LAST[mix as usize / 20 % LAST.len()]),
        2 => format!("{:06}", mix % 1_000_000),
        3 => format!("p{}@", mix % 1_000_000),
        4 => LAST[mix as usize % LAST.len()][..3].to_lowercase(),
        5 => format!("+{}{:04}", CODES[mix as usize % CODES.len()], mix % 10_000),
        6 => "nobody at all".to_owned(),
        _ => "example.com".to_owned(),
    }
}

fn rules() -> Vec<(&'static str, Value)> {
    vec![
        ("stage", json!({ "lifecycle_stage": "churned" })),
        ("tag", json!({ "tags": { "$contains": "vip" } })),
        ("metadata", json!({ "metadata.plan": "enterprise" })),
        ("stage and tag", json!({ "lifecycle_stage": "lead", "tags": { "$contains": "gold" } })),
        ("made since", json!({ "created_at": { "$gt": "2020-01-01T00:00:00Z" } })),
        ("name contains", json!({ "last_name": { "$contains": "wal" } })),
        (
            "stage or no address",
            json!({ "$or": [{ "lifecycle_stage": "partner" }, { "email": { "$exists": false } }] }),
        ),
    ]
}

/// Resident memory of this process in MiB.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1024)
}
