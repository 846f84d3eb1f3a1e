//! The door of the socket: who may open one at all.

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};

use super::conversation;
use super::greeting::HELLO;
use super::protocol::SUBPROTOCOL;
use super::sockets::Full;
use super::wire::MOST_BYTES;
use crate::dialect::orbit::error::ApiError;
use crate::house::Shared;
use crate::manners::origin::Verdict;
use crate::manners::trace::Trace;

/// What the socket keeps of a slow client's messages besides our queue.
const WRITE_BUFFER: usize = 16 * 1024;

pub(super) async fn upgrade(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let cookies = headers.contains_key(header::COOKIE);
    match house.origin(&headers) {
        Verdict::Known => {}
        Verdict::Absent if !cookies => {}
        Verdict::Absent | Verdict::Foreign => {
            return ApiError::forbidden("sockets are opened by our own pages or by programs without cookies")
                .into_response();
        }
    }
    if query.is_some_and(|query| !query.is_empty()) {
        return ApiError::malformed("the ticket belongs in the hello, never in the address").into_response();
    }
    let Ok(socket) = socket else {
        return ApiError::malformed("this is a WebSocket").into_response();
    };
    let socket = socket.protocols([SUBPROTOCOL]);
    if socket.selected_protocol().is_none() {
        return ApiError::malformed(format!("offer the subprotocol {SUBPROTOCOL}")).into_response();
    }
    let trace = Trace::now();
    let seat = match house.sockets.seat(trace.address) {
        Ok(seat) => seat,
        Err(Full::Server) => return ApiError::unavailable().into_response(),
        Err(Full::Address) => {
            metrics::counter!("offhook_agent_sockets_refused_total", "why" => "address").increment(1);
            return ApiError::too_many_sockets(HELLO).into_response();
        }
    };
    // The largest message is twice the largest we take, so that a little too much gets a clean goodbye.
    let socket = socket.max_message_size(2 * MOST_BYTES).max_frame_size(2 * MOST_BYTES);
    socket
        .write_buffer_size(WRITE_BUFFER)
        .on_upgrade(move |socket: WebSocket| conversation::serve(house, socket, seat, trace))
}
