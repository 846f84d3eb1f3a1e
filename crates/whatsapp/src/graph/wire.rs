//! One HTTP exchange with Meta, and whether a failed one may have reached it.

use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use offhook_core::id::NumberId;

use super::GraphSetupError;

/// Largest reply read. Meta's are under 1 KB; a megabyte is room for any error page.
const MAX_REPLY: usize = 1024 * 1024;

/// Idle connections are given up before Meta or a NAT in between would do so: a `connect` written to a
/// connection that is just being closed is a call in doubt.
const MAX_IDLE: Duration = Duration::from_secs(20);

/// A request on behalf of a number: a POST of JSON, or a GET.
pub(super) struct Request {
    pub(super) method: Method,
    /// For logs and counters.
    pub(super) action: &'static str,
    /// For logs.
    pub(super) number: NumberId,
    pub(super) url: Url,
    /// The `Authorization` header, marked sensitive.
    pub(super) bearer: HeaderValue,
    pub(super) body: Bytes,
}

/// A reply whose body came whole, or was cut for its size.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Empty when the body was larger than we read.
    pub(super) body: Bytes,
}

/// An exchange without an answer.
pub(super) enum Broken {
    /// No byte of the request left: name, connection or TLS failed.
    NotSent,
    /// It may have reached Meta.
    Lost,
}

/// Carries requests. The tests' one has a memory and a plan of faults.
#[async_trait]
pub(super) trait Wire: Send + Sync {
    async fn send(&self, request: &Request) -> Result<Answer, Broken>;
}

/// HTTPS through reqwest.
pub(super) struct Https(reqwest::Client);

impl Https {
    pub(super) fn new(reach: Duration) -> Result<Self, GraphSetupError> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("offhook/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(reach)
            .pool_idle_timeout(MAX_IDLE)
            .tcp_nodelay(true)
            // A repeat after a time-out must not wait on the same dead connection: HTTP/1.1 closes the
            // connection of an abandoned request, HTTP/2 keeps it.
            .http1_only()
            // What is sent again, and when, is decided in one place, above.
            .retry(reqwest::retry::never())
            // A redirect would carry token and SDP to somebody else, and the request a second time.
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .build()
            .map_err(|error| GraphSetupError::Client(error.without_url().to_string()))?;
        Ok(Self(client))
    }
}

#[async_trait]
impl Wire for Https {
    async fn send(&self, request: &Request) -> Result<Answer, Broken> {
        let bare = self
            .0
            .request(request.method.clone(), request.url.clone())
            .header(header::AUTHORIZATION, request.bearer.clone())
            .header(header::ACCEPT, "application/json");
        let whole = match request.method {
            Method::GET => bare,
            _ => bare.header(header::CONTENT_TYPE, "application/json").body(request.body.clone()),
        };
        let sent = whole.send().await;
        let mut response = match sent {
            Ok(response) => response,
            Err(error) if error.is_connect() || error.is_builder() => return Err(Broken::NotSent),
            Err(_) => return Err(Broken::Lost),
        };
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(|_| Broken::Lost)? {
            if body.len() + chunk.len() > MAX_REPLY {
                body.clear();
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status: response.status(), headers: response.headers().clone(), body: body.freeze() })
    }
}
