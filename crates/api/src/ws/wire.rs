//! One socket: frames in with their limits, messages out through a bounded queue, and the goodbye.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::num::NonZeroU32;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::{Instant, timeout, timeout_at};

use super::protocol::{ErrorView, GoawayReason, ServerMessage, close};
use super::words;
use crate::manners::random;

/// Largest frame taken: an SDP of 64 KiB would not be sensible either.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// Messages and bytes that may wait for a client that reads slowly (fault F78). Beyond, it is cheaper for
/// both to come back and resume.
const QUEUE: usize = 256;
const QUEUE_BYTES: usize = 1024 * 1024;

/// A queue this long leaves room for what cannot wait: replies and news.
const ROOM: usize = 128;

/// Nothing heard for this long: the peer is gone. Clients ping every 25 s.
const IDLE: Duration = Duration::from_secs(60);

/// Messages a second, and at once (fault F79). A person makes one or two.
const PER_SECOND: NonZeroU32 = NonZeroU32::new(100).expect("not zero");
const AT_ONCE: NonZeroU32 = NonZeroU32::new(200).expect("not zero");

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// Spread of the clients' return after a restart, so that they do not come all at once (fault F80).
const RETURN_AT_LEAST_MS: u32 = 500;
const RETURN_SPREAD_MS: u32 = 4500;

/// RFC 6455's own codes that we use.
mod standard {
    pub(super) const PROTOCOL: u16 = 1002;
    pub(super) const TOO_LARGE: u16 = 1009;
    pub(super) const INTERNAL: u16 = 1011;
}

/// What a WebSocket is to this module.
pub(super) trait Socket:
    Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Unpin + Send
{
}

impl<S> Socket for S where
    S: Stream<Item = Result<Message, axum::Error>> + Sink<Message, Error = axum::Error> + Unpin + Send
{
}

/// Why a connection ends, and what is said last.
#[derive(Debug)]
pub(super) struct Farewell {
    /// For logs and counters.
    pub(super) word: &'static str,
    code: Option<u16>,
    last: Option<Box<ServerMessage>>,
    /// What waits is of no use any more.
    forget_queue: bool,
}

impl Farewell {
    /// The peer has left.
    pub(super) const fn gone() -> Self {
        Self { word: "gone", code: None, last: None, forget_queue: true }
    }

    pub(super) fn protocol(message: impl Into<String>) -> Self {
        Self::with_error("protocol", close::PROTOCOL, words::error("protocol", message, None))
    }

    pub(super) fn unauthorized(error: ErrorView) -> Self {
        Self::with_error("unauthorized", close::UNAUTHORIZED, error)
    }

    /// Something failed here; the client loses nothing by coming back.
    pub(super) const fn internal() -> Self {
        Self { word: "internal", code: Some(standard::INTERNAL), last: None, forget_queue: false }
    }

    pub(super) fn slow() -> Self {
        let farewell = Self::goaway("slow_consumer", GoawayReason::SlowConsumer);
        Self { forget_queue: true, ..farewell }
    }

    pub(super) fn shutdown() -> Self {
        Self::goaway("shutdown", GoawayReason::Shutdown)
    }

    /// The person may not take calls any more, or what their ticket was given for has ended.
    pub(super) fn revoked() -> Self {
        Self { code: Some(close::REVOKED), ..Self::goaway("revoked", GoawayReason::Revoked) }
    }

    /// The person has more connections than one can use.
    pub(super) fn crowd() -> Self {
        Self::with_error("too_many_connections", close::FLOOD, words::too_many_connections())
    }

    fn idle() -> Self {
        let error = words::error("idle", "Nothing was heard for a minute.", None);
        Self::with_error("idle", close::IDLE, error)
    }

    fn flood() -> Self {
        let error = words::error("flood", "More than 100 messages a second.", None);
        Self { forget_queue: true, ..Self::with_error("flood", close::FLOOD, error) }
    }

    const fn too_large() -> Self {
        Self { word: "too_large", code: Some(standard::TOO_LARGE), last: None, forget_queue: false }
    }

    const fn broken() -> Self {
        Self { word: "broken", code: Some(standard::PROTOCOL), last: None, forget_queue: false }
    }

    fn with_error(word: &'static str, code: u16, error: ErrorView) -> Self {
        let last = Some(Box::new(ServerMessage::Error { id: None, error }));
        Self { word, code: Some(code), last, forget_queue: false }
    }

    fn goaway(word: &'static str, reason: GoawayReason) -> Self {
        let reconnect_after_ms = RETURN_AT_LEAST_MS + random::below(RETURN_SPREAD_MS);
        let last = Some(Box::new(ServerMessage::Goaway { reason, reconnect_after_ms }));
        Self { word, code: Some(close::GOAWAY), last, forget_queue: false }
    }
}

pub(super) struct Wire<S> {
    socket: S,
    queue: VecDeque<Message>,
    queued_bytes: usize,
    /// Whether something was given to the socket since it was last flushed.
    dirty: bool,
    flood: DefaultDirectRateLimiter,
    heard_at: Instant,
}

impl<S: Socket> Wire<S> {
    pub(super) fn new(socket: S) -> Self {
        let flood = RateLimiter::direct(Quota::per_second(PER_SECOND).allow_burst(AT_ONCE));
        Self {
            socket,
            queue: VecDeque::new(),
            queued_bytes: 0,
            dirty: false,
            flood,
            heard_at: Instant::now(),
        }
    }

    /// Whether there is room for more than replies and news.
    pub(super) fn has_room(&self) -> bool {
        self.queue.len() < ROOM && self.queued_bytes < QUEUE_BYTES / 2
    }

    /// Puts a message in the queue; it leaves while [`Wire::hear`] is waited for.
    pub(super) fn say(&mut self, message: &ServerMessage) -> Result<(), Farewell> {
        let frame = encode(message);
        self.queued_bytes += size(&frame);
        self.queue.push_back(frame);
        // A single message always fits: a snapshot may be large, and coming back would not make it smaller.
        let fits = self.queue.len() <= QUEUE && (self.queued_bytes <= QUEUE_BYTES || self.queue.len() == 1);
        if fits { Ok(()) } else { Err(Farewell::slow()) }
    }

    /// The next text, while the queue is written out. Dropping the future loses nothing.
    pub(super) async fn hear(&mut self) -> Result<String, Farewell> {
        loop {
            if let Some(text) = self.turn(false).await? {
                return Ok(text);
            }
        }
    }

    /// The same; for those who have more to say also none, as soon as there is room for it.
    pub(super) async fn turn(&mut self, has_more: bool) -> Result<Option<String>, Farewell> {
        loop {
            let until = self.heard_at + IDLE;
            let frame = timeout_at(until, poll_fn(|cx| self.poll(has_more, cx))).await;
            let Some(frame) = frame.map_err(|_| Farewell::idle())?? else { return Ok(None) };
            self.heard_at = Instant::now();
            if self.flood.check().is_err() {
                return Err(Farewell::flood());
            }
            match frame {
                Message::Text(text) if text.len() > MOST_BYTES => return Err(Farewell::too_large()),
                Message::Text(text) => return Ok(Some(text.as_str().to_owned())),
                Message::Binary(_) => return Err(Farewell::protocol("send text frames")),
                Message::Close(_) => return Err(Farewell::gone()),
                // Answered by the socket itself.
                Message::Ping(_) | Message::Pong(_) => {}
            }
        }
    }

    /// Says goodbye and waits, for a moment, until the peer has heard it.
    pub(super) async fn close(mut self, farewell: Farewell) {
        let Some(code) = farewell.code else { return };
        if farewell.forget_queue {
            self.queue.clear();
        }
        self.queue.extend(farewell.last.as_deref().map(encode));
        self.queue.push_back(Message::Close(Some(CloseFrame { code, reason: farewell.word.into() })));
        // A peer that does not listen is left without.
        let _ = timeout(GOODBYE, async {
            // Its own close frame ends the stream. Dropping the connection earlier could take our last words back.
            while poll_fn(|cx| self.poll(false, cx)).await.is_ok() {}
        })
        .await;
    }

    fn poll(&mut self, has_more: bool, cx: &mut Context<'_>) -> Poll<Result<Option<Message>, Farewell>> {
        if let Poll::Ready(Err(_)) = self.poll_write(cx) {
            return Poll::Ready(Err(Farewell::gone()));
        }
        if has_more && self.has_room() {
            return Poll::Ready(Ok(None));
        }
        match ready!(self.socket.poll_next_unpin(cx)) {
            Some(Ok(frame)) => Poll::Ready(Ok(Some(frame))),
            Some(Err(error)) => Poll::Ready(Err(unreadable(&error))),
            None => Poll::Ready(Err(Farewell::gone())),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), axum::Error>> {
        while !self.queue.is_empty() {
            ready!(self.socket.poll_ready_unpin(cx))?;
            if let Some(frame) = self.queue.pop_front() {
                self.queued_bytes = self.queued_bytes.saturating_sub(size(&frame));
                self.dirty = true;
                self.socket.start_send_unpin(frame)?;
            }
        }
        if self.dirty {
            ready!(self.socket.poll_flush_unpin(cx))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }
}

fn encode(message: &ServerMessage) -> Message {
    let text = serde_json::to_string(message).expect("messages are plain data");
    Message::Text(text.into())
}

fn size(frame: &Message) -> usize {
    match frame {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    }
}

/// The socket tells its errors in words only; the tests hold it to them.
fn unreadable(error: &axum::Error) -> Farewell {
    let text = error.to_string();
    if text.contains("too long") || text.contains("limit exceeded") {
        return Farewell::too_large();
    }
    if text.contains("rotocol") || text.contains("UTF-8") { Farewell::broken() } else { Farewell::gone() }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;

    /// A peer that says nothing and takes as many frames as it is told to.
    struct Peer {
        takes: usize,
        taken: Vec<Message>,
    }

    impl Stream for Peer {
        type Item = Result<Message, axum::Error>;

        fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Pending
        }
    }

    impl Sink<Message> for Peer {
        type Error = axum::Error;

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            if self.taken.len() < self.takes { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        fn start_send(mut self: Pin<&mut Self>, frame: Message) -> Result<(), Self::Error> {
            self.taken.push(frame);
            Ok(())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }
    }

    fn wire(takes: usize) -> Wire<Peer> {
        Wire::new(Peer { takes, taken: vec![] })
    }

    fn message(bytes: usize) -> ServerMessage {
        ServerMessage::Pong { id: "x".repeat(bytes) }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_a_slow_peer_is_bounded_in_messages_and_bytes() {
        let mut wire_1 = wire(0);
        let fitting = (0..1000).take_while(|_| wire_1.say(&message(1)).is_ok()).count();
        assert_eq!(fitting, QUEUE);
        let mut wire_2 = wire(0);
        let fitting = (0..1000).take_while(|_| wire_2.say(&message(100_000)).is_ok()).count();
        assert_eq!(fitting, 10);
        assert!(wire(0).say(&message(5_000_000)).is_ok(), "a large snapshot");
    }

    #[tokio::test(start_paused = true)]
    async fn those_with_more_to_say_are_told_when_there_is_room() {
        let mut busy = wire(0);
        for _ in 0..=ROOM {
            busy.say(&message(1)).unwrap();
        }
        assert!(timeout(Duration::from_secs(1), busy.turn(true)).await.is_err(), "no room");
        busy.socket.takes = 10;
        assert!(matches!(busy.turn(true).await, Ok(None)));
    }
}
