//! Customers' webhooks from the real binary: signed in every dress, in order, over a kill, whoever else is dead.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::agent::sdp;
use crate::server::House;
use crate::stage::until;

/// A customer's server: keeps everything that comes, by path. `/stuck` never answers.
#[derive(Clone, Default)]
struct Customer {
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone)]
struct Seen {
    path: String,
    headers: HeaderMap,
    raw: Bytes,
}

impl Customer {
    async fn open(&self, tasks: &TaskTracker) -> anyhow::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().route("/{path}", post(Self::take)).with_state(self.clone());
        tasks.spawn(async move { axum::serve(listener, router).await });
        Ok(url)
    }

    async fn take(
        State(customer): State<Self>,
        Path(path): Path<String>,
        headers: HeaderMap,
        raw: Bytes,
    ) -> StatusCode {
        if path == "stuck" {
            std::future::pending::<()>().await;
        }
        customer.seen.lock().unwrap().push(Seen { path, headers, raw });
        StatusCode::OK
    }

    /// What came to a path, repetitions left out: the event's id, its headers and its body.
    fn told(&self, path: &str) -> Vec<Seen> {
        let mut ids = HashSet::new();
        let seen = self.seen.lock().unwrap();
        let mut fresh = |seen: &&Seen| seen.path == path && ids.insert(seen.header("webhook-id").to_owned());
        seen.iter().filter(|seen| fresh(seen)).cloned().collect()
    }
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    /// As the customer's own code does it, in every dress.
    fn verify(&self, secret: &str) {
        let standard = standardwebhooks::Webhook::new(secret).unwrap();
        standard.verify(&self.raw, &self.headers).expect("Standard Webhooks");
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let sign = |parts: &[&[u8]]| HEXLOWER.encode(hmac::sign(&key, &parts.concat()).as_ref());
        let bare = sign(&[&self.raw]);
        match self.path.as_str() {
            "orbit" => {
                let stated = self.header("x-devotel-signature");
                let (time, rest) = stated.split_once(',').expect("a time and a value");
                let time = time.strip_prefix("t=").expect("a time");
                assert_eq!(rest, format!("v1={}", sign(&[time.as_bytes(), b".", &self.raw])));
                assert_eq!(self.header("x-devotel-event-id"), self.json()["id"]);
                assert_eq!(self.header("x-devotel-event-type"), self.json()["type"]);
            }
            "vobiz" => {
                assert_eq!(self.header("x-webhook-signature"), bare);
                assert_eq!(self.header("x-webhook-event"), self.json()["event_type"]);
            }
            "meta" => {
                assert_eq!(self.header("x-hub-signature-256"), format!("sha256={bare}"));
                assert_eq!(self.header("x-shared"), "between us");
            }
            other => panic!("nobody verifies {other}"),
        }
    }
}

/// A secret that is the same text to every way of reading it.
const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

async fn made(house: &House, path: &str, body: Value) -> anyhow::Result<Value> {
    let request = house.http.post(format!("{}{path}", house.url())).bearer_auth(&house.api_key);
    let reply = request.json(&body).send().await?;
    let status = reply.status();
    let text = reply.text().await?;
    anyhow::ensure!(status.is_success(), "{body}: {status} {text}");
    Ok(serde_json::from_str(&text)?)
}

/// What every dress tells of one inbound call that an agent takes and ends.
async fn told_of_a_call(kill: bool) -> anyhow::Result<()> {
    let (tasks, customer) = (TaskTracker::new(), Customer::default());
    let url = customer.open(&tasks).await?;
    let mut house = House::start("relay").await?;
    let hooks = "/api/v1/webhooks";
    // A closed port and a server that never answers, first in line.
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    made(&house, hooks, json!({ "url": format!("http://{closed}/"), "events": ["*"] })).await?;
    made(&house, hooks, json!({ "url": format!("{url}/stuck"), "events": ["*"] })).await?;
    let orbit = json!({ "url": format!("{url}/orbit"), "events": ["whatsapp.call.*"], "secret": SECRET });
    made(&house, hooks, orbit).await?;
    let vobiz = json!({ "url": format!("{url}/vobiz"), "secret": SECRET });
    made(&house, "/api/v1/messaging/webhooks", vobiz).await?;
    let meta = json!({
        "url": format!("{url}/meta"), "dress": "meta", "phone_number_id": "106540352242922", "secret": SECRET,
        "headers": { "X-Shared": "between us" },
    });
    made(&house, hooks, meta).await?;

    let mut agent = house.agent()?;
    agent.connect().await?;
    agent.command(json!({ "type": "presence.set", "status": "available" })).await?;
    let rings = house.http.post(format!("http://{}/control/calls", house.sim.addr()));
    rings.json(&json!({ "from": "+447700900002" })).send().await?.error_for_status()?;
    let incoming = agent.event("call.incoming", |_| true).await?;
    let id = incoming["call"]["id"].as_str().context("a call")?.to_owned();
    agent.command(json!({ "type": "call.accept", "call_id": id, "sdp": sdp("active") })).await?;
    until("the call to be connected", async || {
        Ok(house.rows().await?.into_iter().find(|row| row["status"] == "in_progress"))
    })
    .await?;
    if kill {
        house.crash(&mut agent).await?;
    }
    agent.command(json!({ "type": "call.hangup", "call_id": id })).await?;
    house.row("completed").await?;

    let last = |path: &'static str, wanted: fn(&Seen) -> bool| {
        let customer = customer.clone();
        until("the call's end to be told", async move || {
            Ok(Some(customer.told(path)).filter(|told| told.iter().any(wanted)))
        })
    };
    let orbit =
        last("orbit", |seen| seen.header("x-devotel-event-type") == "whatsapp.call.completed").await?;
    let vobiz = last("vobiz", |seen| seen.header("x-webhook-event") == "call.terminate").await?;
    let meta = last("meta", |seen| seen.raw.windows(9).any(|some| some == b"terminate")).await?;
    orbit.iter().chain(&vobiz).chain(&meta).for_each(|seen| seen.verify(SECRET));

    let names: Vec<&str> = orbit.iter().map(|seen| seen.header("x-devotel-event-type")).collect();
    let milestones = [
        "whatsapp.call.incoming",
        "whatsapp.call.agent_ringing",
        "whatsapp.call.answered",
        "whatsapp.call.completed",
    ];
    let order: Vec<&str> = names.iter().copied().filter(|name| milestones.contains(name)).collect();
    assert_eq!(order, milestones, "each once and in order: {names:?}");
    for event in &orbit {
        assert_eq!(
            (&event.json()["data"]["call_id"], &event.json()["data"]["from"]),
            (&json!(id), &json!("+447700900002"))
        );
    }
    let kinds: Vec<&str> = vobiz.iter().map(|seen| seen.header("x-webhook-event")).collect();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"call.connect"), Some(&"call.terminate")), "{kinds:?}");
    let payloads: Vec<Value> = vobiz.iter().map(|seen| seen.json()["payload"].clone()).collect();
    let passed: Vec<Value> = meta.iter().map(Seen::json).collect();
    assert_eq!(payloads, passed, "both are Meta's own words");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn customers_of_every_dress_are_told_of_a_call_in_order_beside_a_dead_and_a_stuck_one() {
    told_of_a_call(false).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_server_had_not_told_is_told_by_the_next() {
    told_of_a_call(true).await.unwrap();
}
