//! An agent's page without a browser: it notes when it is rung.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use offhook_api::ws::protocol::{AgentEvent, ClientMessage, Presence, SUBPROTOCOL, ServerMessage};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long a single thing may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) struct BenchAgent {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl BenchAgent {
    /// Opens the socket of a person, with a key's right, and takes calls.
    pub(super) async fn available(url: &str, api_key: &str, user_id: &str) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?;
        let asked = http
            .post(format!("{url}/api/v1/softphone/tokens"))
            .bearer_auth(api_key)
            .json(&serde_json::json!({ "user_id": user_id }));
        let ticket: Value = asked.send().await?.error_for_status()?.json().await?;
        let token = ticket["data"]["token"].as_str().context("a ticket")?.to_owned();
        let mut request = format!("{}/ws", url.replacen("http", "ws", 1)).into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse()?);
        let (mut socket, _) = connect_async(request).await?;
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_nodelay(true)?;
        }
        let mut agent = Self { socket };
        let hello = ClientMessage::Hello { token, device_id: "bench".to_owned(), resume_after: None };
        agent.send(&hello).await?;
        agent.until(|message| matches!(message, ServerMessage::Welcome { .. }).then_some(())).await?;
        let free = ClientMessage::SetPresence { id: "free".to_owned(), status: Presence::Available };
        agent.send(&free).await?;
        agent.until(|message| matches!(message, ServerMessage::Ack { .. }).then_some(())).await?;
        Ok(agent)
    }

    /// Waits for a ring and says when it came.
    pub(super) async fn rung(&mut self) -> anyhow::Result<Instant> {
        self.until(|message| match message {
            ServerMessage::Event { event: AgentEvent::Incoming { .. }, .. } => Some(Instant::now()),
            _ => None,
        })
        .await
    }

    /// Waits until the ring has stopped.
    pub(super) async fn silenced(&mut self) -> anyhow::Result<()> {
        self.until(|message| match message {
            ServerMessage::Event { event: AgentEvent::Silenced { .. }, .. } => Some(()),
            _ => None,
        })
        .await
    }

    async fn send(&mut self, message: &ClientMessage) -> anyhow::Result<()> {
        let text = serde_json::to_string(message)?;
        Ok(self.socket.send(Message::text(text)).await?)
    }

    async fn until<T>(&mut self, mut wanted: impl FnMut(&ServerMessage) -> Option<T>) -> anyhow::Result<T> {
        loop {
            let frame = timeout(PATIENCE, self.socket.next()).await.context("the server is silent")?;
            let Message::Text(text) = frame.context("the server closed the socket")?? else { continue };
            let message: ServerMessage = serde_json::from_str(&text)?;
            if let ServerMessage::Error { error, .. } = &message {
                bail!("the server says {}: {}", error.code, error.message);
            }
            ensure!(!matches!(message, ServerMessage::Goaway { .. }), "the server sends us away");
            if let Some(found) = wanted(&message) {
                return Ok(found);
            }
        }
    }
}
