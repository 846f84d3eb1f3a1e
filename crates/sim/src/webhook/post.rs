//! The post office: takes letters, sends each copy when it is due, retries until somebody answers 200.
//!
//! First attempts of one call leave in order, unless a switch says otherwise; retries wait for nobody.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use url::Url;

use super::log::{WebhookAttempt, WebhookLog};
use super::schedule::{Manner, batch_step, copies};
use super::{body, json, sign};
use crate::clock::Clock;
use crate::events::EventLog;
use crate::knobs::Knobs;

/// Letters waiting for the office; a burst of a thousand calls fits.
const QUEUE: usize = 4_096;
/// POSTs on their way or waiting for a retry. More than that is lost, and said so.
const IN_FLIGHT: usize = 1_024;
/// A slow receiver does not hold up the next webhook of the call for longer than this.
const ORDER_PATIENCE: Duration = Duration::from_secs(2);

/// One change for one business account.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) waba_id: String,
    pub(crate) call: Option<String>,
    pub(crate) label: &'static str,
    pub(crate) field: &'static str,
    pub(crate) value: Value,
    pub(crate) manner: Manner,
    /// Told when the first attempt of the first copy is over.
    pub(crate) delivered: Option<oneshot::Sender<()>>,
}

/// What the office needs of the world.
pub(crate) struct Desk {
    pub(crate) url: RwLock<Option<Url>>,
    pub(crate) app_secret: String,
    pub(crate) log: WebhookLog,
    pub(crate) client: reqwest::Client,
    pub(crate) clock: Clock,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) knobs: Arc<RwLock<Knobs>>,
    pub(crate) events: Arc<EventLog>,
    in_flight: Arc<Semaphore>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

/// The way into the office.
#[derive(Clone, Debug)]
pub(crate) struct PostOffice {
    letters: mpsc::Sender<Letter>,
    pub(crate) desk: Arc<Desk>,
}

impl Desk {
    #[expect(clippy::too_many_arguments, reason = "wiring of one struct, in one place")]
    pub(crate) fn new(
        url: Option<Url>,
        app_secret: String,
        client: reqwest::Client,
        clock: Clock,
        tasks: TaskTracker,
        stop: CancellationToken,
        knobs: Arc<RwLock<Knobs>>,
        events: Arc<EventLog>,
    ) -> Self {
        let in_flight = Arc::new(Semaphore::new(IN_FLIGHT));
        let (url, log) = (RwLock::new(url), WebhookLog::default());
        Self { url, app_secret, log, client, clock, tasks, stop, knobs, events, in_flight }
    }

    fn knobs(&self) -> Knobs {
        self.knobs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn url(&self) -> Option<Url> {
        self.url.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl PostOffice {
    /// Opens the office.
    pub(crate) fn open(desk: Arc<Desk>) -> Self {
        let (letters, inbox) = mpsc::channel(QUEUE);
        let office =
            Office { desk: Arc::clone(&desk), due: Vec::new(), last_of_call: HashMap::new(), turn: 0 };
        desk.tasks.spawn(office.run(inbox));
        Self { letters, desk }
    }

    /// Takes a letter; a full office loses it and says so.
    pub(crate) fn send(&self, letter: Letter) {
        if let Err(refused) = self.letters.try_send(letter) {
            let letter = match refused {
                mpsc::error::TrySendError::Full(letter) | mpsc::error::TrySendError::Closed(letter) => letter,
            };
            self.desk.lost(&[letter.label], letter.call.as_deref(), "the queue is full");
        }
    }
}

impl Desk {
    fn lost(&self, labels: &[&'static str], call: Option<&str>, why: &str) {
        tracing::warn!(why, "a webhook is lost");
        self.events.push(self.clock.now_ms(), "webhook.lost", call, json!({"labels": labels, "why": why}));
    }
}

/// A copy of a letter with the moment it leaves.
#[derive(Debug)]
struct Copy {
    at: Instant,
    letter: Arc<Letter>,
    batched: bool,
    delivered: Option<oneshot::Sender<()>>,
}

struct Office {
    desk: Arc<Desk>,
    due: Vec<Copy>,
    last_of_call: HashMap<String, CancellationToken>,
    turn: u64,
}

impl Office {
    async fn run(mut self, mut inbox: mpsc::Receiver<Letter>) {
        let stop = self.desk.stop.clone();
        loop {
            let wake = self.due.iter().map(|copy| copy.at).min();
            tokio::select! {
                () = stop.cancelled() => return,
                letter = inbox.recv() => match letter {
                    Some(letter) => self.schedule(letter),
                    None => return,
                },
                () = tokio::time::sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
            }
            self.dispatch();
        }
    }

    fn schedule(&mut self, mut letter: Letter) {
        let knobs = self.desk.knobs();
        self.turn += 1;
        let step = batch_step(letter.manner, &knobs);
        let offsets = copies(letter.label, letter.manner, self.turn, &knobs);
        let mut delivered = letter.delivered.take();
        let letter = Arc::new(letter);
        let now = self.desk.clock.now_ms();
        for offset in offsets {
            let due = now + u64::try_from(offset.as_millis()).unwrap_or(u64::MAX);
            let due = step.map_or(due, |step| due.next_multiple_of(step));
            let at = self.desk.clock.instant_at(due);
            self.due.push(Copy {
                at,
                letter: Arc::clone(&letter),
                batched: step.is_some(),
                delivered: delivered.take(),
            });
        }
    }

    fn dispatch(&mut self) {
        let now = Instant::now();
        let mut ready: Vec<Copy> = Vec::new();
        let mut waiting = Vec::new();
        for copy in self.due.drain(..) {
            if copy.at <= now { ready.push(copy) } else { waiting.push(copy) }
        }
        self.due = waiting;
        let (mut batched, single): (Vec<_>, Vec<_>) = ready.into_iter().partition(|copy| copy.batched);
        for copy in single {
            self.deliver(vec![copy]);
        }
        // Newest first: a batch is out of order, too.
        batched.reverse();
        while let Some(first) = batched.first() {
            let waba = first.letter.waba_id.clone();
            let (batch, rest) = batched.into_iter().partition(|copy| copy.letter.waba_id == waba);
            self.deliver(batch);
            batched = rest;
        }
    }

    fn deliver(&mut self, batch: Vec<Copy>) {
        let labels: Vec<&'static str> = batch.iter().map(|copy| copy.letter.label).collect();
        let calls: Vec<String> = batch.iter().filter_map(|copy| copy.letter.call.clone()).collect();
        let Ok(permit) = Arc::clone(&self.desk.in_flight).try_acquire_owned() else {
            self.desk.lost(
                &labels,
                calls.first().map(String::as_str),
                "too many webhooks wait for an answer",
            );
            return;
        };
        self.turn += 1;
        let over = CancellationToken::new();
        let before = match &calls[..] {
            [call] => {
                let before = self.last_of_call.insert(call.clone(), over.clone());
                if labels == ["terminate"] {
                    self.last_of_call.remove(call);
                }
                before
            }
            _ => None,
        };
        let changes: Vec<Value> = batch
            .iter()
            .map(|copy| json!({"field": copy.letter.field, "value": copy.letter.value}))
            .collect();
        let waba = batch.first().map(|copy| copy.letter.waba_id.clone()).unwrap_or_default();
        let told = batch.into_iter().filter_map(|copy| copy.delivered).collect();
        let body = body::post(&waba, &changes, &self.desk.knobs());
        let post = Post { number: self.turn, desk: Arc::clone(&self.desk), labels, calls, body, over, told };
        self.desk.tasks.spawn(async move {
            if let Some(before) = before {
                // Out of patience is as good as in order.
                let _ = tokio::time::timeout(ORDER_PATIENCE, before.cancelled()).await;
            }
            let stop = post.desk.stop.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = post.run() => {}
            }
            drop(permit);
        });
    }
}

/// One POST until it is answered or given up.
struct Post {
    number: u64,
    desk: Arc<Desk>,
    labels: Vec<&'static str>,
    calls: Vec<String>,
    body: Value,
    over: CancellationToken,
    told: Vec<oneshot::Sender<()>>,
}

impl Post {
    async fn run(mut self) {
        let bytes = json::meta_bytes(&self.body);
        let mut attempt = 1;
        loop {
            let done = self.attempt(attempt, bytes.clone()).await;
            self.over.cancel();
            for told in self.told.drain(..) {
                let _ = told.send(());
            }
            if done {
                return;
            }
            let waits = self.desk.knobs().webhook_retry_ms;
            let Some(wait) = waits.get(attempt - 1) else {
                self.desk.lost(&self.labels, self.calls.first().map(String::as_str), "nobody answered 200");
                return;
            };
            tokio::time::sleep(Duration::from_millis(*wait)).await;
            attempt += 1;
        }
    }

    async fn attempt(&self, attempt: usize, bytes: Vec<u8>) -> bool {
        let desk = &self.desk;
        let knobs = desk.knobs();
        let at_ms = desk.clock.now_ms();
        let outcome = match desk.url() {
            None => Err("no webhook address is set".to_owned()),
            Some(url) => {
                let mut request = desk
                    .client
                    .post(url)
                    .timeout(Duration::from_millis(knobs.webhook_timeout_ms))
                    .header("Content-Type", "application/json")
                    .header("User-Agent", "facebookexternalua")
                    .header("X-Hub-Signature-256", sign::sha256(&desk.app_secret, &bytes));
                if knobs.sha1_signature {
                    request = request.header("X-Hub-Signature", sign::sha1(&desk.app_secret, &bytes));
                }
                let sent = request.body(bytes).send().await;
                sent.map(|answer| answer.status().as_u16()).map_err(|error| cause(&error))
            }
        };
        let took_ms = desk.clock.now_ms() - at_ms;
        let status = outcome.as_ref().ok().copied();
        let error = outcome.err();
        let data = json!({"labels": self.labels, "status": status, "error": error, "took_ms": took_ms, "attempt": attempt,
            "post": self.number});
        let event = if status == Some(200) { "webhook.delivered" } else { "webhook.failed" };
        desk.events.push(desk.clock.now_ms(), event, self.calls.first().map(String::as_str), data);
        desk.log.push(WebhookAttempt {
            post: self.number,
            calls: self.calls.clone(),
            labels: self.labels.iter().map(|label| (*label).to_owned()).collect(),
            attempt,
            at_ms,
            took_ms,
            status,
            error,
            body: self.body.clone(),
        });
        status == Some(200)
    }
}

fn cause(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        "no answer in time".to_owned()
    } else if error.is_connect() {
        "cannot connect".to_owned()
    } else {
        "the connection broke".to_owned()
    }
}
