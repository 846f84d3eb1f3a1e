//! An agent's page, as far as its socket goes.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::PATIENCE;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) struct Agent {
    pub(crate) socket: Socket,
    pub(crate) welcome: Value,
    /// Events that came while something else was waited for.
    events: Vec<Value>,
    sent: u32,
}

async fn open(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Socket, tungstenite::Error> {
    let mut request = format!("ws://{address}/ws").into_client_request()?;
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert(HeaderName::from_static(name), value);
    }
    Ok(connect_async(request).await?.0)
}

const SUBPROTOCOL: (&str, &str) = ("sec-websocket-protocol", "offhook.v1");

/// A socket before its hello.
pub(crate) async fn connect_raw(address: SocketAddr) -> Agent {
    let socket = open(address, &[SUBPROTOCOL]).await.unwrap();
    Agent { socket, welcome: Value::Null, events: vec![], sent: 0 }
}

/// The status of a refused upgrade; 101 when it was not refused.
pub(crate) async fn refused_upgrade(address: SocketAddr, headers: &[(&'static str, &str)]) -> u16 {
    match open(address, headers).await {
        Ok(_) => 101,
        Err(tungstenite::Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

impl Agent {
    pub(crate) async fn connect(address: SocketAddr, ticket: &str, resume_after: Option<u64>) -> Self {
        let mut agent = connect_raw(address).await;
        let mut hello = json!({ "type": "hello", "token": ticket, "device_id": "tab" });
        if let Some(seq) = resume_after {
            hello["resume_after"] = json!(seq);
        }
        agent.say(&hello).await;
        agent.welcome = agent.hear().await.expect("a welcome");
        assert_eq!(agent.welcome["type"], "welcome", "{}", agent.welcome);
        agent
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.say_text(message.to_string()).await;
    }

    pub(crate) async fn say_text(&mut self, text: String) {
        // A socket that the server has closed takes no more; what it said shows when it is read.
        let _ = self.socket.send(Message::text(text)).await;
    }

    /// The next message, or the code the socket was closed with.
    pub(crate) async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            let frame = timeout(PATIENCE, self.socket.next()).await.expect("something to hear");
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(frame))) => {
                    // Our own close frame, as a browser answers.
                    let _ = self.socket.flush().await;
                    return Err(frame.map_or(1005, |frame| frame.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// The code the socket is closed with, and what was said before.
    pub(crate) async fn closed(&mut self) -> (u16, Vec<Value>) {
        let mut said = Vec::new();
        loop {
            match self.hear().await {
                Ok(message) => said.push(message),
                Err(code) => return (code, said),
            }
        }
    }

    /// Sends a command and returns its reply. Events that come first are kept.
    pub(crate) async fn command(&mut self, mut command: Value) -> Value {
        self.sent += 1;
        let id = format!("c{}", self.sent);
        command["id"] = json!(id);
        self.say(&command).await;
        loop {
            let message = self.hear().await.expect("a reply");
            if message["id"] == id.as_str() {
                return message;
            }
            self.events.push(message);
        }
    }

    /// The next event of a type, skipping others.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            let message = if self.events.is_empty() {
                self.hear().await.unwrap_or_else(|code| panic!("closed with {code} before {kind}"))
            } else {
                self.events.remove(0)
            };
            if message["event"]["type"] == kind {
                return message["event"].clone();
            }
        }
    }

    /// Everything that happened so far. A change of presence marks the place in the log; it is left out.
    pub(crate) async fn events_so_far(&mut self) -> Vec<Value> {
        let status = self.command(json!({ "type": "presence.set", "status": "available" })).await;
        assert_eq!(status["type"], "ack", "{status}");
        let mut events = std::mem::take(&mut self.events);
        loop {
            let message = self.hear().await.expect("the mark");
            if message["event"]["type"] == "presence.changed" {
                return events;
            }
            events.push(message);
        }
    }

    pub(crate) async fn accept(&mut self, call: &Value, sdp: &str) -> Value {
        self.command(json!({ "type": "call.accept", "call_id": call["id"], "sdp": sdp })).await
    }
}
