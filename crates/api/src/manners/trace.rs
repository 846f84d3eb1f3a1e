//! The request at hand: its id, and where it came from.
//!
//! A layer around all doors keeps them for the time of the request, so that whoever lets somebody in, counts
//! tries or writes an audit entry finds them without every handler handing them on. Outside a request there is
//! none; sockets take theirs along when they leave the request that opened them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use super::random;
use crate::house::Shared;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id of a client's that is used.
const LONGEST_REQUEST_ID: usize = 128;

/// Most addresses of a `X-Forwarded-For` that are looked at.
const HOPS: usize = 32;

tokio::task_local! {
    static NOW: Trace;
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    pub(crate) request_id: Arc<str>,
    /// Whoever asks, past the proxies that are trusted.
    pub(crate) address: Option<IpAddr>,
    /// Set when the request is one of test mode.
    sandbox: Arc<AtomicBool>,
}

impl Trace {
    /// The request at hand, or an empty one.
    pub(crate) fn now() -> Self {
        let none = || Self { request_id: Arc::from(""), address: None, sandbox: Arc::default() };
        NOW.try_with(Clone::clone).unwrap_or_else(|_| none())
    }

    /// Does something as a part of this request: what a socket does belongs to its upgrade.
    pub(crate) async fn follow<T>(self, work: impl Future<Output = T>) -> T {
        NOW.scope(self, work).await
    }

    /// Marks the answer as one of the sandbox.
    pub(crate) fn in_sandbox(&self) {
        self.sandbox.store(true, Ordering::Relaxed);
    }
}

/// The layer: gives every request its id and address, and marks answers to test keys.
pub(crate) async fn follow(State(house): State<Shared>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let address = peer.map(|peer| client(peer, request.headers(), &house.config.trusted_proxies));
    let request_id = Arc::from(request_id(request.headers()));
    let trace = Trace { request_id, address, sandbox: Arc::default() };
    let mut response = NOW.scope(trace.clone(), next.run(request)).await;
    if trace.sandbox.load(Ordering::Relaxed) {
        response.headers_mut().insert("x-orbit-env", HeaderValue::from_static("sandbox"));
    }
    response
}

/// The client's own id when it is fit for a header and a log, else a fresh one.
fn request_id(headers: &HeaderMap) -> String {
    let fit = |text: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
        !text.is_empty() && text.len() <= LONGEST_REQUEST_ID && text.bytes().all(plain)
    };
    let stated = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok()).filter(fit);
    stated.map_or_else(|| format!("req_{}", random::hex()), str::to_owned)
}

/// Who asks. Each trusted proxy tells whom it heard; whatever stands further left was written by strangers.
fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut client = peer.to_canonical();
    let stated: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("unreadable").split(','))
        .collect();
    for hop in stated.iter().rev().take(HOPS) {
        if !is_trusted(client) {
            break;
        }
        // A proxy that tells nonsense is the last one that is known.
        let Some(address) = address(hop.trim()) else { break };
        client = address.to_canonical();
    }
    client
}

/// An address, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    text.parse().ok().or_else(with_port).or_else(bracketed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_request_id_is_kept_only_when_it_is_harmless() {
        let check = |stated: &str, kept: bool| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_str(stated).unwrap());
            assert_eq!(request_id(&headers) == stated, kept, "{stated}");
        };
        check("req_7d1f", true);
        check("7f9c:1-2.x", true);
        check("+44 7700 900123", false);
        check("<script>", false);
        check(&"a".repeat(129), false);
        check("", false);
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let check = |peer: &str, forwarded: &[&str], trusted: &[&str], expected: &str| {
            let mut headers = HeaderMap::new();
            for value in forwarded {
                headers.append("x-forwarded-for", HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().unwrap()).collect();
            let found = client(peer.parse().unwrap(), &headers, &trusted);
            assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} says {forwarded:?}");
        };
        let inside = ["10.0.0.0/8", "::1/128"];
        check("203.0.113.9", &["198.51.100.7"], &[], "203.0.113.9");
        check("203.0.113.9", &["198.51.100.7"], &inside, "203.0.113.9");
        check("10.0.0.1", &["198.51.100.7"], &inside, "198.51.100.7");
        check("10.0.0.1", &[], &inside, "10.0.0.1");
        check("10.0.0.1", &["198.51.100.7, 203.0.113.9"], &inside, "203.0.113.9");
        check("10.0.0.1", &["198.51.100.7, 203.0.113.9, 10.1.1.1"], &inside, "203.0.113.9");
        check("10.0.0.1", &["198.51.100.7", "203.0.113.9"], &inside, "203.0.113.9");
        check("10.0.0.1", &["198.51.100.7, unknown"], &inside, "10.0.0.1");
        check("10.0.0.1", &["198.51.100.7, "], &inside, "10.0.0.1");
        check("10.0.0.1", &["é"], &inside, "10.0.0.1");
        check("10.0.0.1", &["10.0.0.2, 10.0.0.3"], &inside, "10.0.0.2");
        check("::1", &["[2001:db8::7]:4711"], &inside, "2001:db8::7");
        check("::1", &["198.51.100.7:4711"], &inside, "198.51.100.7");
        check("::ffff:10.0.0.1", &["::ffff:198.51.100.7"], &inside, "198.51.100.7");
    }
}
