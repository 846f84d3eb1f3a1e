//! Meta's door: the challenge at set-up, and webhooks.
//!
//! Invariants: a body is looked at only after its signature, and answered with 200 only after everything in
//! it is durable. Whatever else happens, Meta sends it again.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use offhook_whatsapp::{challenge, signature, webhook};
use tokio::time::{Instant, timeout};

use crate::house::{House, Shared};
use crate::manners::body::{self, BodyFault};

/// Where Meta may be told to knock.
const PATHS: [&str; 2] = ["/webhooks/meta", "/api/v1/webhooks/whatsapp"];

/// Meta's largest webhook (whatsapp-calling.md 3).
const BODY_CAP: usize = 3 * 1024 * 1024;

/// How long storing may take, waiting for a turn included. Meta gives up after about twenty seconds.
const STORING: Duration = Duration::from_secs(15);

/// One line about refused knocks in this time; whoever forges them decides how many there are.
const QUIET: Duration = Duration::from_secs(10);

pub(crate) fn routes() -> Router<Shared> {
    PATHS.into_iter().fold(Router::new(), |router, path| router.route(path, get(confirm).post(knock)))
}

/// Refused knocks, counted between log lines.
pub(crate) struct Forgeries {
    lines: DefaultDirectRateLimiter,
    unsaid: AtomicU64,
}

impl Default for Forgeries {
    fn default() -> Self {
        let quota = Quota::with_period(QUIET).expect("the period is a positive constant");
        Self { lines: RateLimiter::direct(quota), unsaid: AtomicU64::new(0) }
    }
}

impl Forgeries {
    fn note(&self, why: &str) {
        let refused = self.unsaid.fetch_add(1, Ordering::Relaxed) + 1;
        if self.lines.check().is_ok() {
            self.unsaid.fetch_sub(refused, Ordering::Relaxed);
            tracing::warn!(webhook.refused = refused, "webhooks refused: {why}");
        }
    }
}

/// Meta asks whether we know the verify token, and wants its challenge back.
async fn confirm(State(house): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let Some(token) = &house.config.verify_token else {
        tracing::warn!("webhook challenge refused: whatsapp.verify_token is not configured");
        return plain(StatusCode::FORBIDDEN, "whatsapp.verify_token is not configured on this server".into());
    };
    match challenge::answer(url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()), token) {
        Ok(echo) => {
            tracing::info!("webhook challenge answered");
            plain(StatusCode::OK, echo)
        }
        Err(why) => {
            tracing::warn!(error = %why, "webhook challenge refused");
            plain(
                StatusCode::FORBIDDEN,
                "this is not the challenge of a webhook set up for this server".into(),
            )
        }
    }
}

async fn knock(State(house): State<Shared>, request: Request) -> Response {
    let began = Instant::now();
    let outcome = take_in(&house, request).await;
    let (status, word) = match outcome {
        Ok(()) => (StatusCode::OK, "ok"),
        Err(refused) => refused.told(),
    };
    metrics::counter!("offhook_webhooks_total", "outcome" => word).increment(1);
    metrics::histogram!("offhook_webhook_seconds").record(began.elapsed().as_secs_f64());
    plain(status, word.into())
}

/// Why a knock was not acknowledged.
enum Refused {
    NotConfigured,
    Body(BodyFault),
    Forged,
    Malformed,
    NotStored,
}

impl Refused {
    const fn told(&self) -> (StatusCode, &'static str) {
        match self {
            Self::NotConfigured => (StatusCode::FORBIDDEN, "not_configured"),
            Self::Body(BodyFault::TooLarge(_)) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Body(BodyFault::Encoded) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "compressed"),
            Self::Body(BodyFault::Slow) => (StatusCode::REQUEST_TIMEOUT, "slow"),
            Self::Body(BodyFault::Broken) => (StatusCode::BAD_REQUEST, "broken"),
            Self::Forged => (StatusCode::UNAUTHORIZED, "forged"),
            Self::Malformed => (StatusCode::BAD_REQUEST, "malformed"),
            Self::NotStored => (StatusCode::SERVICE_UNAVAILABLE, "not_stored"),
        }
    }
}

async fn take_in(house: &House, request: Request) -> Result<(), Refused> {
    let (parts, content) = request.into_parts();
    // The signature is the door's lock, the token only its bell: half a set-up is none.
    if house.config.app_secrets.is_empty() || house.config.verify_token.is_none() {
        house.forgeries.note("whatsapp.app_secret and whatsapp.verify_token must both be configured");
        return Err(Refused::NotConfigured);
    }
    let received_at = house.now();
    let held = body::read_within(Some(&house.strangers), &parts.headers, content, BODY_CAP).await;
    let held = held.map_err(Refused::Body)?;
    let content = &held.bytes;
    let stated = parts.headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    if signature::verify(&house.config.app_secrets, stated, content).is_err() {
        house.forgeries.note("the signature is not made with whatsapp.app_secret");
        return Err(Refused::Forged);
    }
    let knocks = webhook::read(content, received_at).map_err(|why| {
        tracing::warn!(error = %why, "a signed webhook makes no sense");
        Refused::Malformed
    })?;
    let store =
        async {
            let _turn = house.knocks.acquire().await.ok()?;
            house.engine.take_in(&knocks).await.inspect_err(|fault| {
            tracing::error!(error = %fault, "a webhook could not be stored: WhatsApp will send it again");
        })
        .ok()
        };
    let stored = timeout(STORING, store).await.ok().flatten().ok_or(Refused::NotStored)?;
    tracing::debug!(webhook.new = stored, webhook.elements = knocks.len(), "webhook stored");
    Ok(())
}

fn plain(status: StatusCode, text: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (status, headers, text).into_response()
}
