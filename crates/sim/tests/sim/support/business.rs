//! The business's webhook door: checks signatures, keeps every change, wakes whoever waits for one.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use bytes::Bytes;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

pub(crate) const SECRET: &str = "sim-app-secret";
const PATIENCE: Duration = Duration::from_secs(20);

/// One change of one POST.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    /// Number of the POST, from 0.
    pub(crate) post: usize,
    pub(crate) field: String,
    pub(crate) value: Value,
    pub(crate) raw: String,
}

impl Webhook {
    /// `connect`, `RINGING`, `terminate`, `call_permission_reply`, …
    pub(crate) fn label(&self) -> String {
        let value = &self.value;
        let found = [
            &value["calls"][0]["event"],
            &value["statuses"][0]["status"],
            &value["messages"][0]["interactive"]["type"],
        ];
        found.iter().find_map(|word| word.as_str()).unwrap_or(&self.field).to_owned()
    }

    pub(crate) fn call(&self) -> &Value {
        &self.value["calls"][0]
    }
}

#[derive(Debug)]
struct State_ {
    kept: Mutex<Vec<Webhook>>,
    posts: Mutex<usize>,
    // Statuses to answer the next POSTs with, before 200.
    answers: Mutex<Vec<u16>>,
    count: watch::Sender<usize>,
}

/// The door and what came in.
#[derive(Clone, Debug)]
pub(crate) struct Inbox {
    state: Arc<State_>,
    pub(crate) addr: SocketAddr,
}

impl Inbox {
    pub(crate) async fn open(tasks: &TaskTracker) -> Self {
        let state = Arc::new(State_ {
            kept: Mutex::default(),
            posts: Mutex::default(),
            answers: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let app = Router::new().route("/hook", post(receive).get(verify)).with_state(Arc::clone(&state));
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { state, addr }
    }

    /// The next POSTs are answered with these statuses.
    pub(crate) fn answer_next(&self, statuses: &[u16]) {
        *self.state.answers.lock().unwrap() = statuses.to_vec();
    }

    /// Everything so far.
    pub(crate) fn all(&self) -> Vec<Webhook> {
        self.state.kept.lock().unwrap().clone()
    }

    /// Labels of everything so far.
    pub(crate) fn labels(&self) -> Vec<String> {
        self.all().iter().map(Webhook::label).collect()
    }

    /// The first webhook with this label, as soon as it is there.
    pub(crate) async fn wait(&self, label: &str) -> Webhook {
        self.wait_nth(label, 0).await
    }

    /// The webhook with this label after `skip` others with the same.
    pub(crate) async fn wait_nth(&self, label: &str, skip: usize) -> Webhook {
        let mut count = self.state.count.subscribe();
        let found = || self.all().into_iter().filter(|hook| hook.label() == label).nth(skip);
        let wait = async {
            loop {
                if let Some(hook) = found() {
                    return hook;
                }
                count.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(hook) => hook,
            Err(_) => panic!("no {label} webhook; there were {:?}", self.labels()),
        }
    }
}

async fn receive(State(state): State<Arc<State_>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let signature = headers["x-hub-signature-256"].to_str().unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let expected = data_encoding::HEXLOWER.encode(hmac::sign(&key, &body).as_ref());
    assert_eq!(signature, format!("sha256={expected}"));
    assert_eq!(headers["user-agent"], "facebookexternalua");
    let status = {
        let mut answers = state.answers.lock().unwrap();
        if answers.is_empty() { 200 } else { answers.remove(0) }
    };
    if status == 200 {
        let raw = String::from_utf8(body.to_vec()).unwrap();
        let parsed: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(parsed["object"], "whatsapp_business_account");
        let number = {
            let mut posts = state.posts.lock().unwrap();
            *posts += 1;
            *posts - 1
        };
        for change in parsed["entry"][0]["changes"].as_array().unwrap() {
            let field = change["field"].as_str().unwrap().to_owned();
            let hook = Webhook { post: number, field, value: change["value"].clone(), raw: raw.clone() };
            state.kept.lock().unwrap().push(hook);
        }
        state.count.send_modify(|count| *count += 1);
    }
    StatusCode::from_u16(status).unwrap()
}

async fn verify(Query(query): Query<Vec<(String, String)>>) -> Result<String, StatusCode> {
    let get = |key: &str| query.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone());
    if get("hub.mode").as_deref() == Some("subscribe")
        && get("hub.verify_token").as_deref() == Some("sim-verify-token")
    {
        get("hub.challenge").ok_or(StatusCode::BAD_REQUEST)
    } else {
        Err(StatusCode::FORBIDDEN)
    }
}
