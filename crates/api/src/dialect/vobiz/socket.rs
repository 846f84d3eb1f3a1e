//! `…/messaging/ws`: a socket for live pages, fed from the one event log (provider-apis.md 3.7; handshake and
//! payloads are ours). It tells and is asked nothing: who must miss nothing reads the webhooks or the logs.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, RawQuery, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use offhook_core::event::Announced;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, interval_at, timeout};

use super::auth::{self, Entry};
use super::error::VobizError;
use super::live::{self, Eyes};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::Right;
use crate::ws::{Full, Seat};

/// What a page that cannot set headers offers before its token.
const SUBPROTOCOL: &str = "vobiz.v1";

/// Between two signs of life of ours.
const PING_EVERY: Duration = Duration::from_secs(25);

/// After this long without any of theirs the other side is gone.
const SILENCE: Duration = Duration::from_secs(75);

/// How long a client may take to take a message.
const PATIENCE: Duration = Duration::from_secs(10);

/// Messages a client may send between two of our signs of life. It has nothing to say but `ping`.
const MOST_HEARD: u32 = 100;

/// Largest message of a client's.
const MOST_BYTES: usize = 4096;

#[derive(Deserialize)]
struct Said {
    #[serde(rename = "type")]
    kind: String,
}

pub(super) async fn upgrade(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    mut headers: HeaderMap,
    extensions: Extensions,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let offered = promote(&mut headers, query.as_deref());
    let entry = match auth::enter(&house, &headers, Operation::Ticket, Right::ReadCalls).await {
        Ok(entry) => entry,
        Err(error) => return error.into_response(),
    };
    let Ok(socket) = socket else { return VobizError::bad_request("this is a WebSocket").into_response() };
    let address = extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip());
    let mut seat = match house.sockets.seat(address) {
        Ok(seat) => seat,
        Err(Full::Server | Full::Address) => return VobizError::unavailable().into_response(),
    };
    seat.is_known();
    let socket = if offered { socket.protocols([SUBPROTOCOL]) } else { socket };
    socket
        .max_message_size(MOST_BYTES)
        .max_frame_size(MOST_BYTES)
        .on_upgrade(move |socket| serve(house, entry, headers, socket, seat))
}

/// Puts the token of a page, which cannot set headers, where those of programs are. Whether it came as a subprotocol.
fn promote(headers: &mut HeaderMap, query: Option<&str>) -> bool {
    let listed = headers.get(header::SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let mut offered = listed.unwrap_or_default().split(',').map(str::trim);
    let by_protocol = (offered.next() == Some(SUBPROTOCOL)).then(|| offered.next().map(str::to_owned));
    let by_query = || {
        let mut pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        pairs.find(|(name, _)| name == "token").map(|(_, token)| token.into_owned())
    };
    let token = by_protocol.clone().flatten().or_else(by_query);
    let bearer = token.and_then(|token| HeaderValue::from_str(&format!("Bearer {token}")).ok());
    if let Some(bearer) = bearer {
        headers.insert(header::AUTHORIZATION, bearer);
    }
    by_protocol.is_some()
}

async fn serve(house: Shared, entry: Entry, headers: HeaderMap, mut socket: WebSocket, seat: Seat) {
    let events = match house.engine.subscribe(&entry.principal.tenant).await {
        Ok((events, _)) => events,
        Err(fault) => {
            tracing::warn!(error = %fault, dialect = "vobiz", "a live page cannot be served");
            return;
        }
    };
    let (code, reason) = tokio::select! {
        biased;
        () = seat.leaving.cancelled() => (1012, "shutdown"),
        goodbye = talk(&house, &entry, &headers, &mut socket, events) => goodbye,
    };
    let goodbye = Message::Close(Some(CloseFrame { code, reason: reason.into() }));
    // Whoever is gone hears no goodbye.
    let _ = timeout(PATIENCE, socket.send(goodbye)).await;
}

/// Tells until there is a reason to stop: the code and the word of the goodbye.
async fn talk(
    house: &House,
    entry: &Entry,
    headers: &HeaderMap,
    socket: &mut WebSocket,
    mut events: Receiver<Announced>,
) -> (u16, &'static str) {
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    let (mut heard_at, mut heard) = (Instant::now(), 0);
    loop {
        let message = tokio::select! {
            said = socket.recv() => {
                (heard_at, heard) = (Instant::now(), heard + 1);
                match said {
                    _ if heard > MOST_HEARD => return (1008, "too many messages"),
                    Some(Ok(Message::Text(text))) => match serde_json::from_str::<Said>(&text) {
                        Ok(said) if said.kind == "ping" => {
                            let ts = moment::precise(house.now());
                            Message::text(json!({ "type": "pong", "ts": ts, "data": {} }).to_string())
                        }
                        Ok(_) | Err(_) => continue,
                    },
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return (1000, "bye"),
                    Some(Ok(_)) => continue,
                }
            }
            _ = ping.tick() => {
                if heard_at.elapsed() > SILENCE {
                    return (1001, "silence");
                }
                heard = 0;
                // A key that was revoked meanwhile hears no more.
                match auth::still(house, headers, Right::ReadCalls).await {
                    Ok(false) => return (4401, "credentials"),
                    Ok(true) | Err(_) => Message::Ping(Vec::new().into()),
                }
            }
            event = events.recv() => match event {
                Ok(event) => match dressed(house, entry, &event).await {
                    Some(text) => Message::text(text),
                    None => continue,
                },
                Err(RecvError::Lagged(_)) => return (1013, "too slow"),
                Err(RecvError::Closed) => return (1011, "internal"),
            },
        };
        match timeout(PATIENCE, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => return (1001, "gone"),
        }
    }
}

/// The event as this client may see it; none when it is not told.
async fn dressed(house: &House, entry: &Entry, event: &Announced) -> Option<String> {
    let id = live::concerns(&event.logged)?;
    let tenant = &entry.principal.tenant;
    let call = match &event.record {
        Some(record) => record.clone(),
        None => house.engine.load(tenant, id).await.ok().flatten()?,
    };
    if !entry.reaches(&call.number) {
        return None;
    }
    let numbers = house.directory.numbers(tenant).await.ok()?;
    let number = numbers.iter().find(|number| number.id == call.number);
    let role = entry.principal.role();
    let eyes = Eyes { phones: role.sees_phones(), sdp: role.may_call(), manners: house.config.vobiz };
    serde_json::to_string(&live::frame(&event.logged, &call, number, eyes)).ok()
}
