//! Health, readiness and metrics: what whoever runs the server looks at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use offhook_engine::Engine;
use offhook_media::{Figures, Switchboard};
use offhook_store::Store;
use serde_json::json;

use crate::config::secret::Secret;

/// What the three pages look at.
#[derive(Clone)]
pub(crate) struct Operations {
    pub(crate) store: Store,
    pub(crate) engine: Engine,
    pub(crate) board: Arc<Switchboard>,
    /// Set when the server begins to stop.
    pub(crate) stopping: Arc<AtomicBool>,
    pub(crate) metrics: PrometheusHandle,
    pub(crate) metrics_guard: MetricsGuard,
}

/// Who may read the metrics.
#[derive(Clone)]
pub(crate) enum MetricsGuard {
    /// Whoever sends this token.
    Token(Secret),
    /// Whoever is on this machine.
    Loopback,
    /// Nobody: behind a proxy everybody seems to be on this machine.
    Closed,
}

pub(crate) fn router(operations: Operations) -> Router {
    Router::new()
        .route("/healthz", get(async || (no_store(), "ok\n")))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(operations)
}

fn no_store() -> [(axum::http::HeaderName, &'static str); 1] {
    [(CACHE_CONTROL, "no-store")]
}

/// Whether calls should be sent here.
async fn ready(State(operations): State<Operations>) -> Response {
    let stopping = operations.stopping.load(Ordering::Acquire);
    let store = operations.store.check().await;
    if let Err(fault) = &store {
        tracing::warn!(error = %fault, "not ready: the store does not answer");
    }
    let ready = !stopping && store.is_ok();
    let word = |good: bool, bad: &'static str| if good { "ok" } else { bad };
    let body = json!({
        "ready": ready,
        "checks": { "store": word(store.is_ok(), "unavailable"), "engine": word(!stopping, "stopping") },
    });
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, no_store(), Json(body)).into_response()
}

async fn metrics(
    State(operations): State<Operations>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Response {
    if !operations.metrics_guard.admits(peer, &headers) {
        return (StatusCode::FORBIDDEN, "set http.metrics_token and send it as a bearer token\n")
            .into_response();
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of calls is far below 2^53")]
    metrics::gauge!("offhook_live_calls").set(operations.engine.live_calls() as f64);
    media(&operations.board.figures());
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (no_store(), kind, operations.metrics.render()).into_response()
}

/// The media plane counts by itself: a packet is no place for a metrics library.
fn media(figures: &Figures) {
    let totals = &figures.totals;
    for (name, value) in [
        ("offhook_media_datagrams_received_total", totals.received),
        ("offhook_media_datagrams_sent_total", totals.sent),
        ("offhook_media_packets_forwarded_total", totals.forwarded),
        ("offhook_media_packets_mixed_total", totals.mixed),
        ("offhook_media_mix_lost_total", totals.mix_lost),
        ("offhook_media_mix_corrupt_total", totals.mix_corrupt),
        ("offhook_media_tap_lost_total", totals.tap_lost),
        ("offhook_media_datagrams_unclaimed_total", totals.unclaimed),
        ("offhook_media_datagrams_refused_total", totals.send_refused),
        ("offhook_media_notices_lost_total", totals.notices_lost),
        ("offhook_media_legs_broken_total", totals.legs_broken),
        ("offhook_media_datagrams_handed_over_total", totals.handed_over),
        ("offhook_media_handover_lost_total", totals.handover_lost),
    ] {
        metrics::counter!(name).absolute(value);
    }
    for (reason, dropped) in &figures.drops {
        metrics::counter!("offhook_media_dropped_total", "reason" => *reason).absolute(*dropped);
    }
    #[expect(clippy::cast_precision_loss, reason = "a count of legs is far below 2^53")]
    metrics::gauge!("offhook_media_legs").set(totals.legs as f64);
}

impl MetricsGuard {
    fn admits(&self, peer: SocketAddr, headers: &HeaderMap) -> bool {
        match self {
            Self::Closed => false,
            Self::Loopback => peer.ip().is_loopback(),
            Self::Token(token) => {
                let sent = headers.get(AUTHORIZATION).map(axum::http::HeaderValue::as_bytes);
                let sent = sent.and_then(|sent| sent.strip_prefix(b"Bearer "));
                sent.is_some_and(|sent| {
                    aws_lc_rs::constant_time::verify_slices_are_equal(sent, token.expose().as_bytes()).is_ok()
                })
            }
        }
    }
}
