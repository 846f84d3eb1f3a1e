//! The desk's files, embedded in the binary.

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use data_encoding::HEXLOWER;
use rust_embed::{Embed, EmbeddedFile};
use tower_http::compression::CompressionLayer;

/// What `build.rs` built.
#[derive(Embed)]
#[folder = "$OUT_DIR/desk"]
struct Files;

/// Names in this folder carry a hash of their content.
const HASHED: &str = "assets/";

/// Roots of paths that belong to doors: what is unknown under them is not a page of the desk.
const DOORS: [&str; 7] = ["api", "v1", "webhooks", "ws", "calling", "streams", "metrics"];

/// Serves the desk at every path no door has taken.
pub(crate) fn router() -> Router {
    Router::new().fallback(serve).layer(CompressionLayer::new())
}

async fn serve(method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let root = path.split('/').next().unwrap_or_default();
    if DOORS.contains(&root) || !matches!(method, Method::GET | Method::HEAD) {
        return nothing_here();
    }
    if let Some(file) = Files::get(path) {
        let cache = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
        return send(file, path, cache, &headers);
    }
    // A missing file stays missing; everything else is a page, and the desk routes it.
    let page = (!path.starts_with(HASHED)).then(|| Files::get("index.html")).flatten();
    page.map_or_else(nothing_here, |file| send(file, "index.html", "no-cache", &headers))
}

fn send(file: EmbeddedFile, path: &str, cache: &'static str, headers: &HeaderMap) -> Response {
    let tag = format!("\"{}\"", HEXLOWER.encode(&file.metadata.sha256_hash()[..16]));
    let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits in quotes");
    let known = headers.get(IF_NONE_MATCH).is_some_and(|known| known == tag);
    let mut response =
        if known { StatusCode::NOT_MODIFIED.into_response() } else { file.data.into_response() };
    let kind = file.metadata.mimetype();
    let kind = if kind.starts_with("text/") { format!("{kind}; charset=utf-8") } else { kind.to_owned() };
    let kind = HeaderValue::from_str(&kind).expect("kinds of files are plain ASCII");
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, kind);
    out.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    out.insert(ETAG, tag);
    if path.ends_with(".html") {
        for (name, value) in PAGE_HEADERS {
            out.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// What a page may do: its own files and its own server, the microphone, nobody's frame.
const PAGE_HEADERS: [(&str, &str); 3] = [
    (
        "content-security-policy",
        "default-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; \
         media-src 'self' blob: data:; object-src 'none'; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'",
    ),
    ("permissions-policy", "microphone=(self), camera=(), geolocation=()"),
    ("referrer-policy", "no-referrer"),
];

fn nothing_here() -> Response {
    let body = serde_json::json!({ "error": {
        "code": "NOT_FOUND", "message": "there is nothing at this address", "status": 404, "details": {}
    } });
    (StatusCode::NOT_FOUND, axum::Json(body)).into_response()
}
