//! Connecting to a bot's address: judged, resolved once, and dialled as judged.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use offhook_core::call::table::{BotEnd, BotUrl};
use offhook_hooks::guard::{Guard, Unfit};
use tokio::time::timeout;
use tokio_tungstenite::client_async_tls_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};

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
    let (socket, _) = client_async_tls_with_config(request, stream, Some(config), None)
        .await
        .map_err(|_| BotEnd::Refused)?;
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use async_trait::async_trait;
    use offhook_hooks::guard::Names;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    /// A resolver whose names all lead here.
    struct Here;

    #[async_trait]
    impl Names for Here {
        async fn lookup(&self, _: &str) -> io::Result<Vec<IpAddr>> {
            Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)])
        }
    }

    async fn check(allow_private: bool, url: &str, expected: BotEnd) {
        let guard = Guard::with_names(allow_private, Arc::new(Here));
        let dialled = dial(&guard, &BotUrl::new(url).unwrap(), "token").await;
        assert_eq!(dialled.err(), Some(expected), "{url}");
    }

    #[tokio::test]
    async fn addresses_that_lead_inside_are_not_dialled_whatever_their_names_say() {
        for url in ["wss://bot.example.com/", "wss://127.0.0.1/", "wss://localhost/", "ws://bot.example.com/"]
        {
            check(false, url, BotEnd::Forbidden).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bot_that_says_nothing_is_not_there_after_five_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let began = tokio::time::Instant::now();
        check(true, &format!("ws://{}/", listener.local_addr().unwrap()), BotEnd::Unreachable).await;
        assert!(began.elapsed() <= Duration::from_millis(5_100), "{:?}", began.elapsed());
    }

    #[tokio::test]
    async fn what_speaks_neither_tls_nor_websocket_refuses() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let rude = async {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(b"220 this is a mail server\r\n").await.unwrap();
            }
        };
        let dialling = async {
            check(true, &format!("wss://{address}/"), BotEnd::Refused).await;
            check(true, &format!("ws://{address}/"), BotEnd::Refused).await;
        };
        tokio::select! {
            () = dialling => {}
            () = rude => {}
        }
    }
}
