//! The log of events as clients read it, from the real binary: the stream and the agents' socket over restarts, and
//! pages while the log and the list of calls grow.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::agent::{Agent, sdp};
use crate::server::House;
use crate::stage::until;

const EVENTS: &str = "/api/v1/events";
const CALLS: &str = "/api/v1/whatsapp/calling/calls";

/// How long an event may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What an `EventSource` keeps: the last id it has seen, over as many connections as it takes.
struct Listener {
    http: reqwest::Client,
    url: String,
    key: String,
    reply: Option<reqwest::Response>,
    text: String,
    seen: Vec<String>,
}

impl Listener {
    fn new(house: &House) -> Self {
        let url = format!("{}{EVENTS}/stream?types=whatsapp.call.*", house.url());
        let (http, key) = (house.http.clone(), house.api_key.clone());
        Self { http, url, key, reply: None, text: String::new(), seen: Vec::new() }
    }

    async fn connect(&mut self) -> anyhow::Result<()> {
        let request = self.http.get(&self.url).header("X-API-Key", &self.key);
        let request = match self.seen.last() {
            Some(last) => request.header("Last-Event-ID", last),
            None => request,
        };
        self.text.clear();
        self.reply = Some(request.send().await?.error_for_status()?);
        Ok(())
    }

    /// Reads until an event of this name, or until the connection breaks off.
    async fn until(&mut self, name: Option<&str>) -> anyhow::Result<()> {
        tokio::time::timeout(PATIENCE, self.read(name)).await.with_context(|| format!("{name:?} in time"))?
    }

    async fn read(&mut self, name: Option<&str>) -> anyhow::Result<()> {
        loop {
            while let Some((frame, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| frame.lines().find_map(|line| line.strip_prefix(name));
                let (kind, id) = (field("event: "), field("id: "));
                let found = kind.is_some() && kind == name;
                ensure!(kind != Some("stream.reset"), "the log knows where we were");
                self.seen.extend(id.map(str::to_owned));
                self.text = rest.to_owned();
                if found {
                    return Ok(());
                }
            }
            let chunk = self.reply.as_mut().context("connected")?.chunk().await;
            match (chunk, name) {
                (Ok(Some(chunk)), _) => self.text.push_str(std::str::from_utf8(&chunk)?),
                (Ok(None) | Err(_), None) => return Ok(()),
                (broken, Some(name)) => anyhow::bail!("no {name}: {broken:?}"),
            }
        }
    }
}

async fn get(house: &House, path: &str) -> anyhow::Result<Value> {
    get_as(house, &house.api_key, path).await
}

async fn get_as(house: &House, key: &str, path: &str) -> anyhow::Result<Value> {
    let reply = house.http.get(format!("{}{path}", house.url())).bearer_auth(key).send().await?;
    Ok(reply.error_for_status()?.json().await?)
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().into_iter().flatten();
    rows.filter_map(|row| row["id"].as_str()).map(str::to_owned).collect()
}

/// Waits for the newest of so many calls to have a status; its id.
async fn newest(house: &House, count: usize, status: &str) -> anyhow::Result<String> {
    let row = until(status, async || {
        let rows = house.rows().await?;
        Ok((rows.len() == count && rows[0]["status"] == status).then(|| rows[0].clone()))
    });
    Ok(row.await?["id"].as_str().context("an id")?.to_owned())
}

async fn rings(house: &House, nth: usize) -> anyhow::Result<()> {
    let rings = house.http.post(format!("http://{}/control/calls", house.sim.addr()));
    let from = format!("+4477009001{nth:02}");
    rings.json(&json!({ "from": from })).send().await?.error_for_status()?;
    Ok(())
}

async fn act(house: &House, call: &str, action: &str) -> anyhow::Result<()> {
    let request =
        house.http.post(format!("{}{CALLS}/{call}/{action}", house.url())).bearer_auth(&house.api_key);
    request.json(&json!({})).send().await?.error_for_status()?;
    Ok(())
}

/// A customer calls, and the agent answers.
async fn talks(house: &House, agent: &mut Agent, nth: usize) -> anyhow::Result<String> {
    agent.command(json!({ "type": "presence.set", "status": "available" })).await?;
    rings(house, nth).await?;
    let incoming = agent.event("call.incoming", |_| true).await?;
    let call = incoming["call"]["id"].as_str().context("a call")?.to_owned();
    agent.command(json!({ "type": "call.accept", "call_id": call, "sdp": sdp("active") })).await?;
    newest(house, nth, "in_progress").await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_and_the_agents_socket_miss_and_repeat_nothing_over_a_kill_and_a_stop() {
    let mut house = House::start("relay").await.unwrap();
    let mut agent = house.agent().unwrap();
    agent.connect().await.unwrap();
    let mut listener = Listener::new(&house);
    listener.connect().await.unwrap();
    for nth in 1..=3 {
        let call = talks(&house, &mut agent, nth).await.unwrap();
        match nth {
            // The first is read to its end.
            1 => {}
            // Of the others the stream has read something, perhaps: then the server dies, or is stopped.
            2 => house.restart().await.unwrap(),
            _ => house.stop_and_start().await.unwrap(),
        }
        if nth > 1 {
            listener.until(None).await.unwrap();
        }
        // Nobody listens to the ends of the others.
        act(&house, &call, "terminate").await.unwrap();
        newest(&house, nth, "completed").await.unwrap();
        if nth > 1 {
            listener.connect().await.unwrap();
            agent.connect().await.unwrap();
        }
        listener.until(Some("whatsapp.call.completed")).await.unwrap();
        let ended = agent.event("call.ended", |_| true).await.unwrap();
        assert_eq!(ended["call"]["id"], call.as_str(), "each end once, and in their order");
    }

    let mut all = ids(&get(&house, &format!("{EVENTS}?type=whatsapp.call.*&limit=200")).await.unwrap());
    all.reverse();
    assert_eq!(listener.seen, all, "each once, in the order of the log");
}

/// Reads a list to its end, so many at a time; before each further page somebody calls.
async fn paged(
    house: &House,
    key: &str,
    path: &str,
    limit: u32,
    callers: Option<&Callers>,
) -> anyhow::Result<Vec<String>> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = get_as(house, key, &format!("{path}limit={limit}{cursor}")).await?;
        seen.extend(ids(&page));
        let pagination = &page["meta"]["pagination"];
        let Some(next) = pagination["cursor"].as_str() else {
            ensure!(pagination["has_more"] == false, "{pagination}");
            return Ok(seen);
        };
        cursor = format!("&cursor={next}");
        if let Some(callers) = callers {
            callers.one(house).await?;
        }
    }
}

/// Users, each with a phone of their own; the last digits are of those who wait.
#[derive(Default)]
struct Callers(AtomicUsize);

impl Callers {
    async fn one(&self, house: &House) -> anyhow::Result<()> {
        let nth = self.0.fetch_add(1, Ordering::Relaxed);
        let rings = house.http.post(format!("http://{}/control/calls", house.sim.addr()));
        rings.json(&json!({ "from": format!("+44770{nth:05}01") })).send().await?.error_for_status()?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_events_are_paged_without_repeat_or_gap_while_users_call() {
    let (house, callers) = (House::start("relay").await.unwrap(), Callers::default());
    for _ in 0..120 {
        callers.one(&house).await.unwrap();
    }
    let calls = format!("{CALLS}?");
    let events = format!("{EVENTS}?type=whatsapp.call.incoming&");
    // The log is searched a stretch at a time, so that a page of it may be short of what was asked for.
    let there = async |path: &str, count: usize| {
        let what = format!("{count} of {path}");
        until(&what, async || {
            Ok(Some(paged(&house, &house.api_key, path, 200, None).await?).filter(|all| all.len() >= count))
        })
        .await
    };
    there(&calls, 120).await.unwrap();
    there(&events, 120).await.unwrap();
    // Both lists at once, each under a key of its own that may ask for so many pages a minute; and each page of
    // either brings another call.
    let keys = house.keys("owner", 2).unwrap();
    let (rows, log) = tokio::try_join!(
        paged(&house, &keys[0], &calls, 7, Some(&callers)),
        paged(&house, &keys[1], &events, 7, Some(&callers))
    )
    .unwrap();
    let count = callers.0.load(Ordering::Relaxed);
    assert!((150..200).contains(&count), "{count} have called: the calls fit on a page");
    for (path, seen) in [(calls, rows), (events, log)] {
        let all = there(&path, count).await.unwrap();
        assert!(seen.len() >= 120, "{path}: {}", seen.len());
        let first = all.iter().position(|id| *id == seen[0]).unwrap();
        assert_eq!(seen, all[first..], "{path}: newest first, each once");
    }
}
