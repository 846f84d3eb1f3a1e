//! Connecting to a bot's address: judged, resolved once, and dialled as judged.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use offhook_core::call::table::{BotEnd, BotUrl};
use offhook_hooks::guard::{Guard, Unfit};
use tokio::time::timeout;
use tokio_tungstenite::client_async_tls_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::UrlError;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::protocol::{MOST_TEXT, ORBITS_NAME, SUBPROTOCOL};
use crate::wire::{Broken, Came, Sent, Wire};

/// From the order to an open socket. The customer hears nothing meanwhile.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// What the library keeps of a slow bot's messages besides our queue: about a second of sound.
const WRITE_BUFFER: usize = 32 * 1024;

/// Connects, showing this token. A bot that refuses the protocol's proper name is asked by the one Orbit uses.
///
/// # Errors
/// Why the bot is not there.
pub(crate) async fn dial(guard: &Guard, url: &BotUrl, token: &str) -> Result<Wire, BotEnd> {
    let both = async {
        match connect(guard, url, token, SUBPROTOCOL).await {
            Err(BotEnd::Refused) => connect(guard, url, token, ORBITS_NAME).await,
            other => other,
        }
    };
    timeout(CONNECTS_WITHIN, both).await.unwrap_or(Err(BotEnd::Unreachable))
}

async fn connect(
    guard: &Guard,
    url: &BotUrl,
    token: &str,
    subprotocol: &'static str,
) -> Result<Wire, BotEnd> {
    let target = guard.parse_socket(url.reveal()).map_err(unfit)?;
    let mut request = target.url().as_str().into_client_request().map_err(|_| BotEnd::Forbidden)?;
    let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| BotEnd::Forbidden)?;
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(subprotocol));
    request.headers_mut().insert(header::USER_AGENT, HeaderValue::from_static("offhook"));
    let stream = guard.dial(&target).await.map_err(unfit)?;
    // Frames of 20 ms are not to be collected.
    let _ = stream.set_nodelay(true);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MOST_TEXT))
        .max_frame_size(Some(MOST_TEXT))
        .write_buffer_size(0)
        .max_write_buffer_size(WRITE_BUFFER);
    let (socket, _) =
        client_async_tls_with_config(request, stream, Some(config), None).await.map_err(refused)?;
    let (outgoing, incoming) = socket.split();
    let outgoing =
        outgoing.sink_map_err(|error| Broken::from(&error)).with(async |sent| Ok::<_, Broken>(message(sent)));
    let incoming =
        incoming.filter_map(async |came| came.map(arrived).map_err(|error| Broken::from(&error)).transpose());
    Ok(Wire { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) })
}

fn unfit(why: Unfit) -> BotEnd {
    match why {
        Unfit::Unresolved | Unfit::Unreachable => BotEnd::Unreachable,
        Unfit::Malformed
        | Unfit::Scheme(_)
        | Unfit::Userinfo
        | Unfit::Fragment
        | Unfit::Port(_)
        | Unfit::Inside => BotEnd::Forbidden,
    }
}

fn refused(error: Error) -> BotEnd {
    match error {
        Error::Io(_) | Error::Url(UrlError::UnableToConnect(_)) => BotEnd::Unreachable,
        _ => BotEnd::Refused,
    }
}

fn arrived(message: Message) -> Option<Came> {
    match message {
        Message::Text(text) => Some(Came::Text(text.as_str().to_owned())),
        Message::Binary(bytes) => Some(Came::Binary(bytes)),
        Message::Ping(_) => Some(Came::Ping),
        Message::Pong(_) => Some(Came::Pong),
        Message::Close(frame) => Some(Came::Close(frame.map(|frame| frame.code.into()))),
        Message::Frame(_) => None,
    }
}

fn message(sent: Sent) -> Message {
    match sent {
        Sent::Text(text) => Message::text(text),
        Sent::Sound(bytes) => Message::Binary(bytes),
        Sent::Ping => Message::Ping(bytes::Bytes::new()),
        Sent::Close { code, reason } => {
            Message::Close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() }))
        }
    }
}
