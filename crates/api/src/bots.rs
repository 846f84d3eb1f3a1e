//! `GET /streams/{call_id}`: voice bots that connect to us (`docs/protocol/orbit-voice-1.0.md`), and where the doors
//! get voice bots from.
//!
//! The credential is an invitation to one call, or an API key that may control calls. Cookies are none: pages of the
//! desk have no business here.

use async_trait::async_trait;
use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use offhook_core::call::table::BotUrl;
use offhook_core::call::{Refusal, State as CallState};
use offhook_core::house::MediaMode;
use offhook_core::id::{CallId, StreamId, TenantId};
use offhook_core::time::Time;
use offhook_engine::EngineError;

use crate::dialect::orbit::auth;
use crate::dialect::orbit::error::ApiError;
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::Right;

/// The subprotocol's name, and the same as Orbit writes it, which most libraries refuse to send.
const SUBPROTOCOLS: [&str; 2] = ["orbit-voice-1.0", "orbit-voice/1.0"];

/// Longest message taken: a frame in base64 and its envelope have a tenth of it.
const MOST_BYTES: usize = 16 * 1024;

/// Connects voice bots.
#[async_trait]
pub trait BotDoor: Send + Sync {
    /// Judges the text of a bot's address.
    ///
    /// # Errors
    /// In words for whoever named it.
    fn judge(&self, url: &str) -> Result<BotUrl, String>;

    /// What a company's bots check our tokens with.
    fn secret(&self, tenant: &TenantId) -> String;

    /// Lets one bot connect to a call for a while.
    fn invite(&self, tenant: &TenantId, call: &CallId, takes_over: bool) -> Invited;

    /// Whom an invitation's text lets in now, if anybody.
    fn admit(&self, token: &str) -> Option<Guest>;

    /// Somebody who needs no invitation.
    fn guest(&self, tenant: &TenantId, call: &CallId) -> Guest;

    /// Gives a bot its place in the call and carries it until one side is done.
    async fn serve(&self, guest: Guest, socket: WebSocket);
}

/// An invitation.
#[derive(Debug, Clone)]
pub struct Invited {
    /// The connection it is good for.
    pub stream: StreamId,
    /// Its text.
    pub token: String,
    /// Until when.
    pub expires: Time,
}

/// A bot that may come in.
#[derive(Debug, Clone)]
pub struct Guest {
    /// Whose call.
    pub tenant: TenantId,
    /// Which.
    pub call: CallId,
    /// The connection's name.
    pub stream: StreamId,
    /// Whether it is to have the conversation.
    pub takes_over: bool,
}

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/streams/{call_id}", get(connect))
}

async fn connect(
    State(house): State<Shared>,
    Path(call): Path<String>,
    headers: HeaderMap,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let guest = match admit(&house, &headers, &call).await {
        Ok(guest) => guest,
        Err(error) => return error.into_response(),
    };
    let Ok(socket) = socket else {
        return ApiError::malformed("this is a WebSocket").into_response();
    };
    let socket = socket.protocols(SUBPROTOCOLS);
    if socket.selected_protocol().is_none() {
        return ApiError::malformed(format!("offer the subprotocol {}", SUBPROTOCOLS[0])).into_response();
    }
    let socket = socket.max_message_size(MOST_BYTES).max_frame_size(MOST_BYTES).write_buffer_size(0);
    let bots = house.ports.bots.clone();
    socket.on_upgrade(async move |socket: WebSocket| bots.serve(guest, socket).await)
}

async fn admit(house: &House, headers: &HeaderMap, call: &str) -> Result<Guest, ApiError> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let bearer = bearer.and_then(|text| text.split_once(' ')).map(|(_, token)| token.trim());
    let id = CallId::parse(call).ok_or_else(no_call)?;
    let guest = match bearer {
        Some(token) if token.starts_with("vbi_") => {
            let guest = house.ports.bots.admit(token).ok_or_else(ApiError::invalid_key)?;
            if guest.call == id { guest } else { return Err(no_call()) }
        }
        _ if !auth::states_key(headers) => return Err(ApiError::unauthorized()),
        _ => {
            let entry =
                auth::enter(house, &Method::GET, headers, Operation::Control, Right::WriteCalls).await?;
            let call = crate::dialect::orbit::visible(house, &entry.principal, call).await?;
            house.ports.bots.guest(&call.tenant, &call.id)
        }
    };
    let call = house.engine.load(&guest.tenant, &guest.call).await?.ok_or_else(no_call)?;
    match (call.media_mode, call.state) {
        (MediaMode::Relay, _) => Err(EngineError::Refused(Refusal::OtherMedia).into()),
        (MediaMode::Bridge, CallState::Connected) => Ok(guest),
        (MediaMode::Bridge, state) if state.is_over() => Err(EngineError::Refused(Refusal::CallEnded).into()),
        (MediaMode::Bridge, _) => Err(EngineError::Refused(Refusal::NotTalking).into()),
    }
}

fn no_call() -> ApiError {
    ApiError::not_found("no such call")
}
