//! Pages of other origins: none may read an answer, unless the operator has listed its origin.
//!
//! Listed pages send a key of their own. Cookies are never let through: a session is for the server's own pages.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};
use url::Url;

/// How long a browser remembers what it was allowed.
const REMEMBERED: Duration = Duration::from_secs(60 * 60);

const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

const ASKED_WITH: [HeaderName; 7] = [
    header::AUTHORIZATION,
    header::CONTENT_TYPE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-test-mode"),
    HeaderName::from_static("idempotency-key"),
    HeaderName::from_static("last-event-id"),
];

const ANSWERED_WITH: [HeaderName; 6] = [
    header::RETRY_AFTER,
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-ratelimit-limit"),
    HeaderName::from_static("x-ratelimit-remaining"),
    HeaderName::from_static("x-ratelimit-reset"),
    HeaderName::from_static("idempotent-replayed"),
];

/// What listed pages may do; none when no origin is listed.
pub(crate) fn layer(listed: &[String]) -> Option<CorsLayer> {
    let origin =
        |text: &String| HeaderValue::try_from(Url::parse(text).ok()?.origin().ascii_serialization()).ok();
    let origins: Vec<HeaderValue> = listed.iter().filter_map(origin).filter(|it| it != "null").collect();
    if origins.is_empty() {
        return None;
    }
    let layer = CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods(METHODS)
        .allow_headers(ASKED_WITH)
        .expose_headers(ANSWERED_WITH)
        .max_age(REMEMBERED);
    Some(layer)
}
