//! Stands between the simulator and the server: notes when a webhook about a phone passes, and when the
//! server has answered it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A running stopwatch.
pub(super) struct Stopwatch {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    halt: CancellationToken,
    tasks: TaskTracker,
}

struct Shared {
    http: reqwest::Client,
    server: String,
    passed: Mutex<HashMap<String, Passed>>,
}

/// The first webhook about a phone.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Passed {
    pub(super) at: Option<Instant>,
    /// Until the server's answer.
    pub(super) answered: Option<Duration>,
}

impl Stopwatch {
    /// Passes everything on to `server`, an address with a path.
    pub(super) async fn start(server: String) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build()?;
        let shared = Arc::new(Shared { http, server, passed: Mutex::default() });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (halt, tasks) = (CancellationToken::new(), TaskTracker::new());
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let ending = halt.clone();
        tasks.spawn(async move {
            // A listener on loopback fails only with the whole bench.
            let _ = axum::serve(listener, router).with_graceful_shutdown(ending.cancelled_owned()).await;
        });
        Ok(Self { address, shared, halt, tasks })
    }

    /// Watches for the first webhook that speaks of a phone.
    pub(super) fn watch(&self, digits: &str) {
        self.shared.lock().insert(digits.to_owned(), Passed::default());
    }

    /// What was seen of a phone; it is forgotten with that.
    pub(super) fn take(&self, digits: &str) -> Passed {
        self.shared.lock().remove(digits).unwrap_or_default()
    }

    pub(super) async fn stop(self) {
        self.halt.cancel();
        self.tasks.close();
        // Connections kept alive by the other side end with the process.
        let _ = tokio::time::timeout(Duration::from_secs(1), self.tasks.wait()).await;
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Passed>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn first_about(&self, body: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(body).ok()?;
        let mut passed = self.lock();
        let (digits, seen) =
            passed.iter_mut().find(|(digits, seen)| seen.at.is_none() && text.contains(*digits))?;
        seen.at = Some(Instant::now());
        Some(digits.clone())
    }
}

async fn pass(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let about = shared.first_about(&body);
    let began = Instant::now();
    let mut request = shared.http.post(&shared.server).body(body);
    for (name, value) in
        headers.iter().filter(|(name, _)| !matches!(name.as_str(), "host" | "content-length"))
    {
        request = request.header(name, value);
    }
    let status = request.send().await.map_or(StatusCode::BAD_GATEWAY, |answer| answer.status());
    if let Some(digits) = about
        && let Some(seen) = shared.lock().get_mut(&digits)
    {
        seen.answered = Some(began.elapsed());
    }
    status
}
