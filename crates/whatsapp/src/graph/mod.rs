//! The Graph client: requests about calls, and requests for permission.
//!
//! Here: what is sent, how long it may take, what is sent again, and what a reply means. Not here: which
//! request to send when (`core`), and when to try a whole request once more (`engine`).
//!
//! Invariant: a request that could place a second call or send a second message is written to Meta's
//! connection at most once. Meta has no idempotency (whatsapp-calling.md 1.1), so only a request that
//! certainly never left us is reported as unreachable; everything else that is not an answer is unclear.

mod shape;

mod error;

mod wire;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use backon::{ExponentialBuilder, Retryable};
use http::HeaderValue;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use offhook_core::call::{Ask, Fault, Reply};
use offhook_core::house::BusinessNumber;
use offhook_core::meta::MetaError;
use offhook_core::ports::{Asker, Numbers, PermissionAsk};

use error::{GraphError, Trouble};
use wire::{Answer, Broken, Request, Wire};

/// Where the Graph API is, and how long it may take.
#[derive(Debug, Clone)]
pub struct GraphConfig {
    /// `https://graph.facebook.com`, or the simulator's address.
    pub base_url: Url,
    /// The simulator that numbers of the sandbox are connected to. Without one they reach nothing.
    pub sandbox_url: Option<Url>,
    /// A Graph version such as `v25.0`.
    pub api_version: String,
    /// How long things may take.
    pub timeouts: Timeouts,
}

/// How long the parts of a request may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// Name, TCP and TLS. Shorter than an attempt, so that a host which does not answer counts as
    /// unreachable and not as unclear.
    pub reach: Duration,
    /// One attempt of a request that may be repeated.
    pub attempt: Duration,
    /// The one attempt of a request that may not.
    pub once: Duration,
    /// All attempts and the pauses between them.
    pub overall: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            reach: Duration::from_secs(2),
            // Meta answers in well under a second; more would leave no room for the repeats in `overall`.
            attempt: Duration::from_secs(3),
            // A slow reply to `connect` is worth waiting for: without it the call is in doubt.
            once: Duration::from_secs(8),
            // The promise of the port; the call machine waits a little longer than this.
            overall: Duration::from_secs(10),
        }
    }
}

/// Why the client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum GraphSetupError {
    /// The base address has no host, is not HTTP, or carries a query or credentials.
    #[error("whatsapp.graph_url must be an http or https address without credentials and query")]
    BaseUrl,
    /// The version is not of the form `v25.0`.
    #[error("whatsapp.api_version must look like v25.0")]
    Version,
    /// TLS cannot be set up: no root certificates, for example.
    #[error("the HTTPS client cannot be set up: {0}")]
    Client(String),
}

/// Asks Meta, over one pool of connections for all numbers.
pub struct Graph {
    config: GraphConfig,
    numbers: Arc<dyn Numbers>,
    wire: Box<dyn Wire>,
}

impl Graph {
    /// A client that takes each number's token from `numbers` when it is needed.
    ///
    /// # Errors
    /// [`GraphSetupError`] when the address or version is malformed or TLS cannot be set up.
    ///
    /// # Panics
    /// When the process has installed no rustls provider yet.
    pub fn new(config: GraphConfig, numbers: Arc<dyn Numbers>) -> Result<Self, GraphSetupError> {
        let wire = wire::Https::new(config.timeouts.reach)?;
        Self::over(config, numbers, Box::new(wire))
    }

    fn over(
        config: GraphConfig,
        numbers: Arc<dyn Numbers>,
        wire: Box<dyn Wire>,
    ) -> Result<Self, GraphSetupError> {
        let plain = |base: &Url| {
            matches!(base.scheme(), "http" | "https")
                && base.has_host()
                && base.username().is_empty()
                && base.password().is_none()
                && base.query().is_none()
                && base.fragment().is_none()
        };
        if !plain(&config.base_url) || !config.sandbox_url.as_ref().is_none_or(plain) {
            return Err(GraphSetupError::BaseUrl);
        }
        let digits = |part: &str| (1..=3).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        let version = config.api_version.strip_prefix('v').and_then(|rest| rest.split_once('.'));
        if !version.is_some_and(|(major, minor)| digits(major) && digits(minor)) {
            return Err(GraphSetupError::Version);
        }
        Ok(Self { config, numbers, wire })
    }

    /// A request for the number, with its token.
    async fn prepare(
        &self,
        number: &BusinessNumber,
        action: &'static str,
        door: &'static str,
        body: Vec<u8>,
    ) -> Result<Request, Fault> {
        let looked_up = timeout(self.config.timeouts.overall, self.numbers.access_token(&number.id)).await;
        let token = match looked_up {
            Ok(Ok(token)) => token,
            Ok(Err(fault)) => {
                tracing::error!(action, number.id = %number.id, %fault, "access token cannot be read");
                return Err(Fault::Unreachable);
            }
            Err(_) => {
                tracing::error!(action, number.id = %number.id, "access token cannot be read in time");
                return Err(Fault::Unreachable);
            }
        };
        let bearer = token.and_then(|token| HeaderValue::try_from(format!("Bearer {token}")).ok());
        let Some(mut bearer) = bearer else {
            tracing::warn!(action, number.id = %number.id, "the number has no usable access token");
            return Err(Fault::Refused(MetaError {
                code: error::TOKEN_INVALID,
                message: "no usable access token is stored for this number".to_owned(),
            }));
        };
        bearer.set_sensitive(true);
        let base =
            if number.sandbox { self.config.sandbox_url.as_ref() } else { Some(&self.config.base_url) };
        let Some(base) = base else {
            tracing::warn!(action, number.id = %number.id, "a number of the sandbox, and no simulator is configured");
            return Err(Fault::Unreachable);
        };
        let mut url = base.clone();
        url.path_segments_mut().expect("checked: the base address has a host").pop_if_empty().extend([
            self.config.api_version.as_str(),
            number.meta_id.as_str(),
            door,
        ]);
        Ok(Request { action, number: number.id.clone(), url, bearer, body: body.into() })
    }

    /// Sends what must not be sent twice.
    async fn once<T>(&self, request: &Request, read: fn(&[u8]) -> Option<T>) -> Result<T, Fault> {
        self.attempt(request, self.config.timeouts.once, read).await.map_err(|trouble| match trouble {
            Trouble::NotSent => Fault::Unreachable,
            Trouble::Said(error) if error.is_refusal_of_once() => Fault::Refused(error.for_people()),
            Trouble::Said(_) | Trouble::Lost | Trouble::Nonsense { .. } => Fault::Unclear,
        })
    }

    /// Sends what may be sent again, until there is a verdict or no time.
    async fn repeatedly(&self, ask: &Ask, request: &Request, deadline: Instant) -> Result<(), Fault> {
        // Whether Meta may have acted on an earlier attempt: then "already" is an echo of our own success.
        let in_doubt = AtomicBool::new(matches!(ask, Ask::Accept { again: true, .. }));
        let attempt = || async {
            let left = deadline.saturating_duration_since(Instant::now());
            self.attempt(request, left.min(self.config.timeouts.attempt), shape::success).await
        };
        // 0.2, 0.5, 1 and 2 s in the middle of the jitter, which adds up to as much again.
        let pauses = ExponentialBuilder::new()
            .with_min_delay(Duration::from_millis(150))
            .with_factor(2.4)
            .with_max_delay(Duration::from_millis(1_500))
            .with_max_times(4)
            .with_jitter();
        let outcome = attempt
            .retry(pauses)
            .sleep(tokio::time::sleep)
            .when(Trouble::is_worth_repeating)
            .adjust(|trouble: &Trouble, pause| {
                let pause = pause?.max(trouble.wanted_pause());
                (Instant::now() + pause < deadline).then_some(pause)
            })
            .notify(|trouble: &Trouble, _| {
                if trouble.leaves_doubt() {
                    in_doubt.store(true, Ordering::Relaxed);
                }
            })
            .await;
        let in_doubt = in_doubt.into_inner();
        match outcome {
            Ok(()) => Ok(()),
            Err(Trouble::Said(error)) if in_doubt && error.is_echo_of(ask) => Ok(()),
            // A repeat that was throttled says nothing about the attempt before it.
            Err(Trouble::Said(error)) if in_doubt && error.is_throttling() => Err(Fault::Unclear),
            Err(Trouble::Said(error)) if error.is_refusal() => Err(Fault::Refused(error.for_people())),
            Err(Trouble::NotSent) if !in_doubt => Err(Fault::Unreachable),
            Err(_) => Err(Fault::Unclear),
        }
    }

    /// One attempt, logged and counted.
    async fn attempt<T>(
        &self,
        request: &Request,
        limit: Duration,
        read: fn(&[u8]) -> Option<T>,
    ) -> Result<T, Trouble> {
        let started = Instant::now();
        let answer = timeout_at(started + limit, self.wire.post(request)).await;
        let spent = started.elapsed();
        let status = answer.as_ref().ok().and_then(|a| a.as_ref().ok()).map(|a| a.status.as_u16());
        let result = match answer {
            Ok(Ok(answer)) => understand(&answer, read),
            Ok(Err(Broken::NotSent)) => Err(Trouble::NotSent),
            Ok(Err(Broken::Lost)) | Err(_) => Err(Trouble::Lost),
        };
        note(request, status, result.as_ref().err(), spent);
        result
    }
}

#[async_trait]
impl Asker for Graph {
    async fn ask(&self, number: &BusinessNumber, ask: &Ask) -> Result<Reply, Fault> {
        let deadline = Instant::now() + self.config.timeouts.overall;
        let request = self.prepare(number, ask.action(), "calls", shape::call(ask)).await?;
        match ask {
            Ask::Connect { .. } => self.once(&request, shape::placed).await.map(Reply::Placed),
            Ask::PreAccept { .. } => {
                self.repeatedly(ask, &request, deadline).await.map(|()| Reply::PreAccepted)
            }
            Ask::Accept { .. } => self.repeatedly(ask, &request, deadline).await.map(|()| Reply::Accepted),
            Ask::Reject { .. } | Ask::Terminate { .. } => {
                self.repeatedly(ask, &request, deadline).await.map(|()| Reply::Ended)
            }
        }
    }

    async fn ask_permission(&self, number: &BusinessNumber, ask: &PermissionAsk) -> Result<(), Fault> {
        // A repeat would be a second message, and the user's limit is one a day (whatsapp-calling.md 5.2).
        let request =
            self.prepare(number, "ask_permission", "messages", shape::permission_request(ask)).await?;
        self.once(&request, shape::message_sent).await
    }
}

fn understand<T>(answer: &Answer, read: fn(&[u8]) -> Option<T>) -> Result<T, Trouble> {
    if answer.status.is_success() {
        return read(&answer.body).ok_or(Trouble::Nonsense { status: answer.status });
    }
    let error = GraphError::read(answer);
    Err(error.map_or(Trouble::Nonsense { status: answer.status }, |error| Trouble::Said(Box::new(error))))
}

/// One line and two numbers per request. Nothing of its content: it names people.
fn note(request: &Request, status: Option<u16>, trouble: Option<&Trouble>, spent: Duration) {
    let action = request.action;
    let outcome = trouble.map_or("ok", Trouble::word);
    metrics::counter!("offhook_graph_requests_total", "action" => action, "outcome" => outcome).increment(1);
    metrics::histogram!("offhook_graph_request_seconds", "action" => action).record(spent.as_secs_f64());
    let said = match trouble {
        Some(Trouble::Said(error)) => Some(error),
        _ => None,
    };
    let duration_ms = u64::try_from(spent.as_millis()).unwrap_or(u64::MAX);
    if trouble.is_none() {
        tracing::info!(
            action, outcome, number.id = %request.number, http.status = status, duration_ms,
            "graph request answered"
        );
        return;
    }
    tracing::warn!(
        action, outcome, number.id = %request.number, http.status = status,
        meta.code = said.map(|e| e.code),
        meta.subcode = said.and_then(|e| e.subcode),
        meta.fbtrace_id = said.and_then(|e| e.fbtrace_id.as_deref()),
        duration_ms,
        "graph request failed"
    );
}
