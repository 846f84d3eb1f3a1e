//! The listening socket: TLS or plain, with deadlines against slow senders.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{HeaderName, HeaderValue, Request, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum_server::Handle;
use axum_server::accept::NoDelayAcceptor;
use axum_server::tls_rustls::{RustlsAcceptor, RustlsConfig};
use hyper_util::rt::TokioTimer;
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::{RequestBodyTimeoutLayer, TimeoutLayer};

use crate::config::BadConfig;
use crate::config::sections::Http;

/// From the first byte of a connection to the end of a request's headers (F24).
const HEADERS: Duration = Duration::from_secs(10);
/// Between two pieces of a body (F24).
const BODY: Duration = Duration::from_secs(15);
/// For a whole answer. Placing a call waits up to twelve seconds for Meta's word.
const ANSWER: Duration = Duration::from_secs(30);
/// Streams of one HTTP/2 connection; a browser opens a handful.
const STREAMS: u32 = 128;

/// Opens the port of `[http]`.
///
/// # Errors
/// When the address is taken or not ours.
pub fn bind(listen: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(listen).with_context(|| format!("cannot listen on {listen}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Wraps all doors in what they share.
pub(crate) fn shared(router: Router) -> Router {
    let nosniff = (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    router
        .layer(RequestBodyTimeoutLayer::new(BODY))
        .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, ANSWER))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(axum::middleware::from_fn(count))
        .layer(SetResponseHeaderLayer::if_not_present(nosniff.0, nosniff.1))
}

/// Reads certificate and key, when HTTPS is configured.
///
/// # Errors
/// [`BadConfig`] when they cannot be read or do not belong together.
pub(crate) async fn tls(http: &Http) -> Result<Option<RustlsConfig>, BadConfig> {
    let (Some(cert), Some(key)) = (&http.tls_cert_file, &http.tls_key_file) else { return Ok(None) };
    let wrong =
        |error: std::io::Error| BadConfig::new(format!("http.tls_cert_file, http.tls_key_file: {error}"));
    RustlsConfig::from_pem_file(cert, key).await.map(Some).map_err(wrong)
}

/// Serves until the handle says stop.
pub(crate) async fn serve(
    tls: Option<RustlsConfig>,
    listener: TcpListener,
    handle: Handle<SocketAddr>,
    router: Router,
) -> anyhow::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let server = axum_server::from_tcp(listener)?.acceptor(NoDelayAcceptor::new()).handle(handle);
    if let Some(tls) = tls {
        let encrypted = |plain| RustlsAcceptor::new(tls).handshake_timeout(HEADERS).acceptor(plain);
        let mut server = server.map(encrypted);
        limit(server.http_builder());
        server.serve(service).await?;
    } else {
        let mut server = server;
        limit(server.http_builder());
        server.serve(service).await?;
    }
    Ok(())
}

fn limit(builder: &mut hyper_util::server::conn::auto::Builder<hyper_util::rt::TokioExecutor>) {
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .keep_alive_timeout(HEADERS);
}

/// Counts and times every answer by its route, never by its address: addresses carry ids.
async fn count(request: Request<Body>, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "desk".to_owned(), |route| route.as_str().to_owned());
    let method = method_word(request.method());
    let began = Instant::now();
    let response = next.run(request).await;
    let status = response.status().as_str().to_owned();
    metrics::counter!("offhook_http_requests_total", "method" => method, "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("offhook_http_request_seconds", "route" => route).record(began.elapsed());
    response
}

/// Strangers may invent methods; labels must stay few.
fn method_word(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The text of a panic may carry data; it goes to the log by the panic hook, not to the client.
fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response {
    metrics::counter!("offhook_panics_total").increment(1);
    let body = r#"{"error":{"code":"INTERNAL_ERROR","message":"something went wrong here","status":500,"details":{}}}"#;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}
