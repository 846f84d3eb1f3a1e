//! A customer's server: what webhooks are sent to, and how their signatures are checked by other people's code.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// A customer's server: keeps everything that comes, by path. `/stuck` never answers.
#[derive(Clone, Default)]
pub(crate) struct Customer {
    seen: Arc<Mutex<Vec<Seen>>>,
    /// While it hangs it takes requests and answers none; so many are waiting.
    hangs: Arc<watch::Sender<Option<usize>>>,
    /// It says that it is gone for good.
    gone: Arc<AtomicBool>,
}

/// A delivery that was answered with 200.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    headers: HeaderMap,
    pub(crate) raw: Bytes,
}

/// A secret that is the same text to every way of reading it.
pub(crate) const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

impl Customer {
    pub(crate) async fn open(&self, tasks: &TaskTracker) -> anyhow::Result<String> {
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
        if customer.gone.load(Ordering::Relaxed) {
            return StatusCode::GONE;
        }
        let waits = |waiting: &mut Option<usize>| waiting.as_mut().map(|waiting| *waiting += 1).is_some();
        if customer.hangs.send_if_modified(waits) {
            let mut hangs = customer.hangs.subscribe();
            // The house may be gone before: then this is dropped, and was never answered.
            hangs.wait_for(Option::is_none).await.unwrap();
        }
        customer.seen.lock().unwrap().push(Seen { path, headers, raw });
        StatusCode::OK
    }

    /// From now on nothing is answered.
    pub(crate) fn hang(&self) {
        self.hangs.send_replace(Some(0));
    }

    /// Waits until so many requests wait.
    pub(crate) async fn until_waiting(&self, count: usize) {
        let mut hangs = self.hangs.subscribe();
        hangs.wait_for(|waiting| waiting.is_some_and(|waiting| waiting >= count)).await.unwrap();
    }

    /// From now on everything is answered.
    pub(crate) fn recover(&self) {
        self.hangs.send_replace(None);
    }

    /// From now on everything is answered with 410, or no longer.
    pub(crate) fn go(&self, gone: bool) {
        self.gone.store(gone, Ordering::Relaxed);
    }

    /// What came to a path, repetitions and all.
    pub(crate) fn came(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|seen| seen.path == path).cloned().collect()
    }

    /// What came to a path, repetitions left out: the event's id, its headers and its body.
    pub(crate) fn told(&self, path: &str) -> Vec<Seen> {
        let mut ids = HashSet::new();
        let seen = self.seen.lock().unwrap();
        let mut fresh = |seen: &&Seen| seen.path == path && ids.insert(seen.header("webhook-id").to_owned());
        seen.iter().filter(|seen| fresh(seen)).cloned().collect()
    }
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }

    /// As a customer's server would write it down.
    pub(crate) fn as_logged(&self) -> Value {
        let headers =
            self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers: HashMap<&str, &str> = headers.collect();
        json!({ "headers": headers, "body": String::from_utf8_lossy(&self.raw) })
    }

    /// As the customer's own code does it, in every dress.
    pub(crate) fn verify(&self, secret: &str) {
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
