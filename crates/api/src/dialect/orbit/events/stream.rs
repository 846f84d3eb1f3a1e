//! `…/events/stream`: events as they happen, as Server-Sent Events (provider-apis.md 2.12).
//!
//! A client that comes back says with `Last-Event-ID` where it was and misses nothing; if the log does not know
//! that id it is told so with `stream.reset`. Browsers' `EventSource` cannot set headers: for them `token` in
//! the query stands for the key's header. Queries are not logged.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::sse::{Event as Frame, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use offhook_core::event::{Announced, Logged};
use offhook_core::id::{EventId, TenantId};
use offhook_core::ports::StoreFault;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use super::super::auth;
use super::super::calls::pairs;
use super::super::error::ApiError;
use super::super::event::{self, OrbitEvent};
use super::super::query::Pairs;
use super::Reader;
use super::find;
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::principal::Right;
use crate::manners::trace::Trace;

/// How often a quiet stream says that it lives (provider-apis.md 2.12).
const PING: Duration = Duration::from_secs(15);

/// How often the credential is looked at again: whoever loses their rights loses the stream.
const AGAIN: Duration = Duration::from_secs(15);

/// Entries read from the log at a time.
const PAGE: u32 = 200;

/// Streams of one tenant. A stream costs a few KiB and a look at each event.
const MOST_OF_ONE: usize = 50;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// The open streams, by tenant.
#[derive(Clone, Default)]
pub(crate) struct Streams(Arc<Mutex<HashMap<TenantId, usize>>>);

impl Streams {
    /// A place for one more; none when the tenant has enough.
    fn enter(&self, tenant: &TenantId) -> Option<Seat> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(tenant.clone()).or_default();
        if *count >= MOST_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Seat { streams: self.clone(), tenant: tenant.clone() })
    }
}

/// One open stream, counted until it is dropped.
struct Seat {
    streams: Streams,
    tenant: TenantId,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.tenant);
            }
        }
    }
}

/// Streams events as they happen.
#[utoipa::path(
    get,
    path = "/api/v1/events/stream",
    tag = "Events",
    operation_id = "streamEvents",
    params(
        ("types" = Option<String>, Query, description = "Names, beginnings that end in `.*`, or `*`, with commas between"),
        ("token" = Option<String>, Query, description = "An API key, for clients that cannot set headers"),
        ("last_event_id" = Option<String>, Query, description = "As the header, for clients that cannot set it"),
        ("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen")
    ),
    responses((status = 200, description = "Frames of `id`, `event` and `data`, which is an event", body = String, content_type = "text/event-stream"))
)]
pub(crate) async fn open(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let mut headers = request.headers().clone();
    let pairs = pairs(query.as_deref());
    let pairs = Pairs(&pairs);
    if let Some(token) = pairs.find("token")? {
        let key = HeaderValue::from_str(token).map_err(|_| ApiError::invalid_key())?;
        headers.insert(API_KEY, key);
    }
    let entry = auth::enter(&house, &Method::GET, &headers, Operation::List, Right::ReadEvents).await?;
    let topics = match pairs.find("types")? {
        Some(topics) => Some(topics),
        None => pairs.find("type")?,
    };
    let reader = Reader::of(&entry.principal, topics);
    let unknown: Vec<&str> =
        reader.topics.iter().map(String::as_str).filter(|it| !event::knows(it)).collect();
    if !unknown.is_empty() {
        return Err(ApiError::invalid_events(&unknown));
    }
    let tenant = entry.principal.tenant.clone();
    let seat = house.streams.enter(&tenant).ok_or_else(ApiError::too_many_streams)?;
    let (receiver, head) = house.engine.subscribe(&tenant).await?;
    let seen = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok()).filter(|id| !id.is_empty());
    let seen = seen.or(pairs.find("last_event_id")?);
    let mut ready = VecDeque::new();
    let (place, behind) = match seen {
        None => (head, None),
        Some(id) => match EventId::parse(id) {
            Some(id) => match find(&house, &entry.principal, &id).await? {
                // Of an entry with two names the client may have seen the first only.
                Some(logged) => (logged.seq - 1, Some(id)),
                None => {
                    ready.push_back(reset());
                    (head, None)
                }
            },
            None => {
                ready.push_back(reset());
                (head, None)
            }
        },
    };
    let feed = Feed {
        house,
        tenant,
        reader,
        headers,
        receiver,
        place,
        behind,
        ready,
        checked: Instant::now(),
        trace: Trace::now(),
        _seat: seat,
    };
    let mut response =
        Sse::new(feed.frames()).keep_alive(KeepAlive::new().interval(PING).text("ping")).into_response();
    // Proxies that hold answers back would hold events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// One client's stream.
struct Feed {
    house: Shared,
    tenant: TenantId,
    reader: Reader,
    headers: HeaderMap,
    receiver: broadcast::Receiver<Announced>,
    /// The last place in the log that was told.
    place: u64,
    /// The last event the client saw, until it has been passed.
    behind: Option<EventId>,
    ready: VecDeque<Frame>,
    checked: Instant,
    /// The request that opened it: a key may work from some addresses only.
    trace: Trace,
    _seat: Seat,
}

impl Feed {
    fn frames(self) -> impl Stream<Item = Result<Frame, Infallible>> {
        stream::unfold(self, |mut feed| async move { feed.next().await.map(|frame| (Ok(frame), feed)) })
    }

    /// The next frame; none when the stream is over. The client comes back and misses nothing.
    async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            let read = self.read().await.inspect_err(|fault| {
                tracing::warn!(error = %fault, "a stream of events ends: the log cannot be read");
            });
            if read.ok()? {
                continue;
            }
            self.wait().await?;
        }
    }

    /// Tells what is in the log after the place. Whether there was anything.
    async fn read(&mut self) -> Result<bool, StoreFault> {
        let page = self.house.ports.events.after(&self.tenant, self.place, PAGE).await?;
        for logged in &page {
            self.tell(logged).await?;
        }
        Ok(!page.is_empty())
    }

    async fn tell(&mut self, logged: &Logged) -> Result<(), StoreFault> {
        let mut told = self.reader.told(&self.house, logged).await?;
        if let Some(seen) = self.behind.take() {
            let passed =
                told.iter().position(|event| event.id == seen.as_str()).map_or(told.len(), |at| at + 1);
            told.drain(..passed);
        }
        self.ready.extend(told.iter().map(frame));
        self.place = logged.seq;
        Ok(())
    }

    /// Waits until there is something to tell; none when the client has no right to it any more.
    async fn wait(&mut self) -> Option<()> {
        loop {
            let news = tokio::select! {
                news = self.receiver.recv() => news,
                () = tokio::time::sleep_until(self.checked + AGAIN) => {
                    self.check().await?;
                    continue;
                }
            };
            match news {
                Ok(announced) if announced.logged.seq <= self.place => {}
                Ok(announced) if announced.logged.seq == self.place + 1 => {
                    return self.tell(&announced.logged).await.ok();
                }
                Ok(_) | Err(RecvError::Lagged(_)) => return Some(()),
                Err(RecvError::Closed) => return None,
            }
        }
    }

    /// Whether the credential is still good for this.
    async fn check(&mut self) -> Option<()> {
        let identify = auth::identify(&self.house, &Method::GET, &self.headers);
        let principal = self.trace.clone().follow(identify).await.ok()?;
        self.checked = Instant::now();
        (principal.tenant == self.tenant && principal.may(Right::ReadEvents)).then_some(())
    }
}

fn frame(event: &OrbitEvent) -> Frame {
    let data = serde_json::to_string(event).expect("events are plain data with text keys");
    Frame::default().id(&event.id).event(event.kind).data(data)
}

/// The client was somewhere the log does not know: it starts anew.
fn reset() -> Frame {
    Frame::default().event("stream.reset").data("{}")
}
