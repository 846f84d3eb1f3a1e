//! Reading bodies: bounded in size, in time, and never unpacked.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How long a body may take. Meta and honest clients need well under a second; a client that sends a byte
/// now and then keeps a connection no longer than this.
const DEADLINE: Duration = Duration::from_secs(15);

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyFault {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("compressed bodies are not taken")]
    Encoded,
    #[error("the body did not arrive in time")]
    Slow,
    #[error("the body broke off")]
    Broken,
}

/// Memory for bodies of senders who have not proved themselves yet. Many large bodies at once wait for each
/// other instead of filling the machine; a sender who trickles holds only what it has sent.
pub(crate) struct Budget(Semaphore);

/// What a budget counts in.
const UNIT: usize = 1024;

impl Budget {
    pub(crate) fn of_bytes(bytes: usize) -> Self {
        Self(Semaphore::new(bytes / UNIT))
    }

    async fn take(&self, bytes: usize) -> Result<SemaphorePermit<'_>, BodyFault> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).map_err(|_| BodyFault::Broken)?;
        // A budget is never closed.
        self.0.acquire_many(units).await.map_err(|_| BodyFault::Broken)
    }
}

/// A body and its share of the budget.
pub(crate) struct Held<'a> {
    pub(crate) bytes: Bytes,
    _share: Option<SemaphorePermit<'a>>,
}

/// Reads a body of at most `cap` bytes.
pub(crate) async fn read(headers: &HeaderMap, body: Body, cap: usize) -> Result<Bytes, BodyFault> {
    read_within(None, headers, body, cap).await.map(|held| held.bytes)
}

/// Reads a body of at most `cap` bytes, within a budget.
pub(crate) async fn read_within<'a>(
    budget: Option<&'a Budget>,
    headers: &HeaderMap,
    body: Body,
    cap: usize,
) -> Result<Held<'a>, BodyFault> {
    let encoding = headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(BodyFault::Encoded);
    }
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: usize| length > cap) {
        return Err(BodyFault::TooLarge(cap));
    }
    timeout(DEADLINE, collect(budget, body, cap)).await.unwrap_or(Err(BodyFault::Slow))
}

async fn collect(budget: Option<&Budget>, body: Body, cap: usize) -> Result<Held<'_>, BodyFault> {
    let mut whole = BytesMut::new();
    let mut held: Option<SemaphorePermit<'_>> = None;
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|_| BodyFault::Broken)?;
        if whole.len() + chunk.len() > cap {
            return Err(BodyFault::TooLarge(cap));
        }
        if let Some(budget) = budget {
            let share = budget.take(chunk.len()).await?;
            match &mut held {
                Some(held) => held.merge(share),
                None => held = Some(share),
            }
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(Held { bytes: whole.freeze(), _share: held })
}

/// Why a body is not the JSON that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum JsonFault {
    /// Not JSON at all.
    Malformed(String),
    /// JSON, but the value at `path` has the wrong shape.
    Shape { path: String, problem: String },
}

/// Reads JSON and names the path of what is wrong. An empty body counts as `{}`.
pub(crate) fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, JsonFault> {
    let body = if body.is_empty() { b"{}" } else { body };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => JsonFault::Shape { path, problem: place_less(&inner) },
            _ => JsonFault::Malformed(place(&inner)),
        }
    })?;
    reader.end().map_err(|error| JsonFault::Malformed(place(&error)))?;
    Ok(value)
}

/// Where the text stops being JSON. The parser's own words can repeat the text, so they are left out.
fn place(error: &serde_json::Error) -> String {
    format!("not JSON at line {} column {}", error.line(), error.column())
}

/// What was expected, without the value that was found: it may be a phone number or an SDP.
fn place_less(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(words, _)| words);
    if text.starts_with("missing field ") {
        return text.to_owned();
    }
    let expected = text.rsplit_once("expected ").map(|(_, expected)| expected);
    expected.map_or_else(|| "has the wrong shape".to_owned(), |expected| format!("must be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Order {
        #[serde(default)]
        lines: Vec<Line>,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Line {
        count: u32,
    }

    #[test]
    fn wrong_shapes_are_named_by_path_without_their_value() {
        let fault = json::<Order>(br#"{"lines":[{"count":1},{"count":"+447700900123"}]}"#).unwrap_err();
        assert_eq!(fault, JsonFault::Shape { path: "lines[1].count".into(), problem: "must be u32".into() });
    }

    #[test]
    fn text_that_is_no_json_is_malformed() {
        for text in ["{", "{}x", "\u{1}", "nul"] {
            assert!(matches!(json::<Order>(text.as_bytes()), Err(JsonFault::Malformed(_))), "{text:?}");
        }
        assert_eq!(json::<Order>(b"").unwrap(), Order { lines: vec![] });
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_trickles_is_given_up() {
        let trickle = futures_util::stream::pending::<Result<Bytes, std::io::Error>>();
        let read = read(&HeaderMap::new(), Body::from_stream(trickle), 10).await;
        assert_eq!(read, Err(BodyFault::Slow));
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_share_a_budget_and_give_it_back() {
        let budget = Budget::of_bytes(10 * UNIT);
        let body = || Body::from(vec![b'x'; 8 * UNIT]);
        let headers = HeaderMap::new();
        let first = read_within(Some(&budget), &headers, body(), 8 * UNIT).await.unwrap();
        let second = read_within(Some(&budget), &headers, body(), 8 * UNIT).await;
        assert_eq!(second.err(), Some(BodyFault::Slow), "no room while the first is held");
        drop(first);
        assert!(read_within(Some(&budget), &headers, body(), 8 * UNIT).await.is_ok());
    }

    #[tokio::test]
    async fn a_body_longer_than_its_cap_is_refused_before_it_is_whole() {
        let endless =
            futures_util::stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"12345678")));
        let read = read(&HeaderMap::new(), Body::from_stream(endless), 1000).await;
        assert_eq!(read, Err(BodyFault::TooLarge(1000)));
    }
}
