//! Voice bots for the doors: the door's socket and names on one side, those of `voice` on the other.

use async_trait::async_trait;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{SinkExt, StreamExt};
use offhook_api::{BotDoor, Guest, Invited};
use offhook_core::call::table::BotUrl;
use offhook_core::id::{CallId, TenantId};
use offhook_voice::wire::{Broken, Came, Sent, Wire};
use offhook_voice::{Bots, token};
use tokio_tungstenite::tungstenite::Error;

/// See the module.
pub(crate) struct BotDesk {
    bots: Bots,
}

impl BotDesk {
    pub(crate) const fn new(bots: Bots) -> Self {
        Self { bots }
    }
}

#[async_trait]
impl BotDoor for BotDesk {
    fn judge(&self, url: &str) -> Result<BotUrl, String> {
        self.bots.judge(url).map_err(|why| why.to_string())
    }

    fn secret(&self, tenant: &TenantId) -> String {
        self.bots.secret(tenant)
    }

    fn invite(&self, tenant: &TenantId, call: &CallId, takes_over: bool) -> Invited {
        let guest = self.bots.guest(tenant, call, takes_over);
        let (token, expires) = self.bots.invite(&guest);
        Invited { stream: guest.stream, token, expires }
    }

    fn admit(&self, token: &str) -> Option<Guest> {
        self.bots.admit(token).map(guest)
    }

    fn guest(&self, tenant: &TenantId, call: &CallId) -> Guest {
        guest(self.bots.guest(tenant, call, false))
    }

    async fn serve(&self, guest: Guest, socket: WebSocket) {
        let Guest { tenant, call, stream, takes_over } = guest;
        self.bots.receive(token::Guest { tenant, call, stream, takes_over }, wire(socket)).await;
    }
}

fn guest(guest: token::Guest) -> Guest {
    let token::Guest { tenant, call, stream, takes_over } = guest;
    Guest { tenant, call, stream, takes_over }
}

/// The door's socket as `voice` knows one.
fn wire(socket: WebSocket) -> Wire {
    let (outgoing, incoming) = socket.split();
    let outgoing = outgoing.sink_map_err(broken).with(async |sent| Ok::<_, Broken>(message(sent)));
    let incoming = incoming.map(|came| came.map(arrived).map_err(broken));
    Wire { incoming: Box::pin(incoming), outgoing: Box::pin(outgoing) }
}

fn broken(error: axum::Error) -> Broken {
    error.into_inner().downcast_ref::<Error>().map_or(Broken::Gone, Broken::from)
}

fn arrived(message: Message) -> Came {
    match message {
        Message::Text(text) => Came::Text(text.as_str().to_owned()),
        Message::Binary(bytes) => Came::Binary(bytes),
        Message::Ping(_) => Came::Ping,
        Message::Pong(_) => Came::Pong,
        Message::Close(frame) => Came::Close(frame.map(|frame| frame.code)),
    }
}

fn message(sent: Sent) -> Message {
    match sent {
        Sent::Text(text) => Message::text(text),
        Sent::Sound(bytes) => Message::Binary(bytes),
        Sent::Ping => Message::Ping(bytes::Bytes::new()),
        Sent::Close { code, reason } => Message::Close(Some(CloseFrame { code, reason: reason.into() })),
    }
}
