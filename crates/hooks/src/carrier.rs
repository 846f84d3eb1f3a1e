//! One attempt: the address judged, the body signed and sent, the answer read as far as it is kept.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use offhook_core::hook::{Dress, Reply};
use offhook_core::ports::{Carrier, Parcel, Receipt};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::SocketAddr;
use tokio::time::{Instant, timeout};

use crate::guard::{Guard, Unfit};
use crate::sign;

/// Most of an answer that is read. Receivers say `ok`; what says more is an error page or a trap.
const ANSWER_CAP: usize = 8 * 1024;

/// Most of it that is kept for the customer to look at.
const ANSWER_KEPT: usize = 1024;

/// Most headers of an answer that are kept, and most of each.
const HEADERS_KEPT: usize = 32;
const HEADER_KEPT: usize = 256;

/// How long a connection may take to be made.
const CONNECTING: Duration = Duration::from_secs(10);

/// Connections to one customer that are kept between events, and for how long.
const IDLE: usize = 8;
const IDLE_FOR: Duration = Duration::from_secs(30);

/// What customers' servers know us by.
const AGENT: &str = concat!("Offhook-Webhooks/", env!("CARGO_PKG_VERSION"));

/// What Orbit's clients expect.
const ORBIT_AGENT: &str = "Devotel-Webhooks/1.0";

/// Why nothing can be carried at all.
#[derive(Debug, thiserror::Error)]
#[error("no client for customers' addresses: {0}")]
pub struct SetupError(String);

/// Carries over HTTPS.
pub struct Https {
    guard: Guard,
    client: reqwest::Client,
}

impl Https {
    /// A carrier that dials only what the guard admits.
    ///
    /// # Errors
    /// [`SetupError`] when TLS cannot be set up.
    pub fn new(guard: Guard) -> Result<Self, SetupError> {
        Self::built(guard, reqwest::Client::builder())
    }

    fn built(guard: Guard, builder: reqwest::ClientBuilder) -> Result<Self, SetupError> {
        let client = builder
            .dns_resolver(Arc::new(Guarded(guard.clone())))
            .connect_timeout(CONNECTING)
            .pool_max_idle_per_host(IDLE)
            .pool_idle_timeout(IDLE_FOR)
            .tcp_nodelay(true)
            .http1_only()
            // When to try again is decided elsewhere.
            .retry(reqwest::retry::never())
            // A redirect leads where nobody has judged.
            .redirect(reqwest::redirect::Policy::none())
            // A proxy would dial for us what the guard would not.
            .no_proxy()
            .referer(false)
            .build()
            .map_err(|error| SetupError(error.without_url().to_string()))?;
        Ok(Self { guard, client })
    }

    async fn attempt(&self, parcel: &Parcel, headers: HeaderMap) -> Result<Answered, String> {
        // Addresses written as numbers never come to the resolver: they are judged here.
        let target = self.guard.parse(&parcel.url).map_err(|unfit| unfit.to_string())?;
        let request =
            self.client.post(target.url().clone()).headers(headers).body(parcel.dressed.body.clone());
        let response = request.send().await.map_err(|error| told(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok(Answered { status, headers, body: beginning(response).await })
    }
}

/// What came back.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

#[async_trait]
impl Carrier for Https {
    async fn check(&self, url: &str) -> Result<(), String> {
        let target = self.guard.parse(url).map_err(|unfit| unfit.to_string())?;
        match self.guard.resolve(&target).await {
            // A name may be known only later; it is judged whenever it is dialled.
            Ok(_) | Err(Unfit::Unresolved) => Ok(()),
            Err(unfit) => Err(unfit.to_string()),
        }
    }

    async fn carry(&self, parcel: &Parcel) -> Receipt {
        let (headers, shown) = request_headers(parcel);
        let began = Instant::now();
        let answered = timeout(patience(parcel.dress), self.attempt(parcel, headers)).await;
        let took = began.elapsed();
        let answered = answered
            .unwrap_or_else(|_| Err(format!("no answer within {} s", patience(parcel.dress).as_secs())));
        match answered {
            Ok(answered) => judge(answered, took, shown),
            Err(why) => Receipt {
                reply: Reply::Failed { stay_away: None, gone: false },
                took,
                status: None,
                error: Some(why),
                request_headers: shown,
                response_headers: Vec::new(),
                response_body: None,
            },
        }
    }
}

/// How long a customer may take: what each provider promises (provider-apis.md 2.11, 3.6).
const fn patience(dress: Dress) -> Duration {
    match dress {
        Dress::Orbit | Dress::Meta => Duration::from_secs(30),
        Dress::Vobiz => Duration::from_secs(5),
    }
}

/// The headers of a request, and the same as the customer may read them later.
fn request_headers(parcel: &Parcel) -> (HeaderMap, Vec<(String, String)>) {
    let (agent, kind) = match parcel.dress {
        Dress::Orbit => (ORBIT_AGENT, "application/json; charset=utf-8"),
        Dress::Vobiz | Dress::Meta => (AGENT, "application/json"),
    };
    let mut map = HeaderMap::new();
    let mut shown = Vec::new();
    for (name, value) in &parcel.headers {
        let parsed = (HeaderName::try_from(name.as_str()), HeaderValue::try_from(value.expose()));
        if let (Ok(name), Ok(mut value)) = parsed {
            value.set_sensitive(true);
            shown.push((name.as_str().to_owned(), "…".to_owned()));
            map.insert(name, value);
        }
    }
    let ours = [("content-type", kind.to_owned()), ("user-agent", agent.to_owned())];
    // After the customer's own, so that none of those can stand for one of ours.
    for (name, value) in ours.into_iter().chain(sign::headers(parcel)) {
        if let Ok(stated) = HeaderValue::try_from(value.as_str()) {
            map.insert(HeaderName::from_static(name), stated);
            shown.retain(|(known, _)| known != name);
            shown.push((name.to_owned(), value));
        }
    }
    (map, shown)
}

fn judge(answered: Answered, took: Duration, request_headers: Vec<(String, String)>) -> Receipt {
    let Answered { status, headers, body } = answered;
    let taken = status.is_success();
    let error = match () {
        () if taken => None,
        () if status.is_redirection() => {
            Some(format!("status {}: redirects are not followed", status.as_u16()))
        }
        () => Some(format!("status {}", status.as_u16())),
    };
    let reply = match taken {
        true => Reply::Taken,
        false => Reply::Failed { stay_away: stay_away(status, &headers), gone: status == StatusCode::GONE },
    };
    let kept = &body[..body.len().min(ANSWER_KEPT)];
    Receipt {
        reply,
        took,
        status: Some(status.as_u16()),
        error,
        request_headers,
        response_headers: readable(&headers),
        response_body: (!taken && !kept.is_empty()).then(|| String::from_utf8_lossy(kept).into_owned()),
    }
}

/// How long a customer asks us to stay away, in seconds. A date would need a calendar, and nobody sends one.
fn stay_away(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let asks = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let stated = headers.get(header::RETRY_AFTER).filter(|_| asks)?.to_str().ok()?;
    stated.trim().parse().ok().map(Duration::from_secs)
}

/// Headers of an answer as the customer may read them. Cookies are nobody's business.
fn readable(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = headers.iter().filter(|(name, _)| *name != header::SET_COOKIE).take(HEADERS_KEPT);
    let text = |value: &HeaderValue| {
        let bytes = &value.as_bytes()[..value.len().min(HEADER_KEPT)];
        String::from_utf8_lossy(bytes).into_owned()
    };
    shown.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The beginning of an answer. The rest is not read: the connection is closed with it.
async fn beginning(mut response: reqwest::Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < ANSWER_CAP {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_CAP - body.len())]),
            // The status is the answer; a body that breaks off changes nothing.
            Ok(None) | Err(_) => break,
        }
    }
    body
}

/// What went wrong, in words for the customer and without the address.
fn told(error: &reqwest::Error) -> String {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(known) = cause {
        if let Some(unfit) = known.downcast_ref::<Unfit>() {
            return unfit.to_string();
        }
        if let Some(tls) = known.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref)
            && let text = tls.to_string()
            && (text.contains("certificate") || text.contains("handshake") || text.contains("peer"))
        {
            return format!("TLS: {text}");
        }
        cause = known.source();
    }
    let what = match () {
        () if error.is_timeout() => "no answer in time",
        () if error.is_connect() => "no connection",
        () if error.is_request() => "the connection broke off",
        () => "the request failed",
    };
    what.to_owned()
}

/// The resolver behind the client: names are judged where they are looked up.
struct Guarded(Guard);

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.0.clone();
        Box::pin(async move {
            let found = guard.resolve_name(name.as_str()).await?;
            // The port is the client's to add.
            let addresses: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests;
