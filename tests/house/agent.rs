//! An agent's page without a browser: the WebSocket conversation and an SDP that no media stands behind.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything may take to arrive. An agent's sound is awaited for 45 s.
const PATIENCE: Duration = Duration::from_secs(75);

/// A signed-in agent.
pub(crate) struct Agent {
    url: String,
    email: String,
    password: String,
    http: reqwest::Client,
    socket: Option<WebSocketStream<MaybeTlsStream<TcpStream>>>,
    seen: Option<u64>,
    commands: u32,
    /// Events and replies that came while something else was awaited.
    waiting: Vec<Value>,
}

impl Agent {
    pub(crate) fn new(url: &str, email: &str, password: &str) -> anyhow::Result<Self> {
        // The first caller installs it; the others find it installed.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        Ok(Self {
            url: url.to_owned(),
            email: email.to_owned(),
            password: password.to_owned(),
            http: reqwest::Client::builder().no_proxy().timeout(PATIENCE).build()?,
            socket: None,
            seen: None,
            commands: 0,
            waiting: Vec::new(),
        })
    }

    /// Signs in and opens the socket, resuming after what was seen. Returns the welcome.
    pub(crate) async fn connect(&mut self) -> anyhow::Result<Value> {
        let login = self
            .http
            .post(format!("{}/api/v1/auth/login", self.url))
            .header("X-Requested-With", "offhook")
            .json(&json!({ "email": self.email, "password": self.password }))
            .send()
            .await?
            .error_for_status()?;
        let cookie = login.headers().get("set-cookie").context("a session")?.to_str()?.to_owned();
        let cookie = cookie.split(';').next().context("a cookie")?.to_owned();
        let ticket: Value = self
            .http
            .post(format!("{}/api/v1/softphone/tokens", self.url))
            .header("X-Requested-With", "offhook")
            .header("Cookie", cookie)
            .json(&json!({}))
            .send()
            .await?
            .error_for_status()?
            .json()
            .await?;
        let mut request = format!("{}/ws", self.url.replacen("http", "ws", 1)).into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", "offhook.v1".parse()?);
        let (socket, _) = connect_async(request).await?;
        self.socket = Some(socket);
        let mut hello =
            json!({ "type": "hello", "token": ticket["data"]["token"], "device_id": "house-test" });
        if let Some(seen) = self.seen {
            hello["resume_after"] = json!(seen);
        }
        self.write(&hello).await?;
        let welcome = self.next_where("welcome", |message| message["type"] == "welcome").await?;
        if welcome["resumed"] != json!(true) {
            self.seen = welcome["seq"].as_u64();
        }
        Ok(welcome)
    }

    /// Sends a command and waits for its one reply.
    pub(crate) async fn command(&mut self, mut command: Value) -> anyhow::Result<Value> {
        self.commands += 1;
        let id = format!("c{}", self.commands);
        command["id"] = json!(id);
        self.write(&command).await?;
        self.next_where("a reply", |message| message["id"] == json!(id)).await
    }

    /// Waits for an event of a type, about a call when one is named, that satisfies `wanted`.
    pub(crate) async fn event(
        &mut self,
        kind: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Value> {
        let found = self
            .next_where(kind, |message| message["event"]["type"] == json!(kind) && wanted(&message["event"]))
            .await?;
        Ok(found["event"].clone())
    }

    /// Takes the bridged call that rings, and waits for the conversation; its id.
    pub(crate) async fn take_bridged(&mut self) -> anyhow::Result<String> {
        let incoming = self.event("call.incoming", |_| true).await?;
        anyhow::ensure!(incoming.get("sdp_offer").is_none(), "WhatsApp's offer is the server's: {incoming}");
        anyhow::ensure!(incoming["call"]["media"] == "bridge", "{incoming}");
        let id = incoming["call"]["id"].as_str().context("a call")?.to_owned();
        let accept = json!({ "type": "call.accept", "call_id": id, "sdp": sdp("actpass") });
        let ack = self.command(accept).await?;
        anyhow::ensure!(ack["sdp_answer"].as_str().is_some_and(|answer| answer.starts_with("v=0")), "{ack}");
        self.event("call.changed", |event| event["call"]["state"] == "connected").await?;
        Ok(id)
    }

    /// Waits for an event of either type.
    pub(crate) async fn either(&mut self, one: &str, other: &str) -> anyhow::Result<Value> {
        let wanted = |message: &Value| {
            let kind = message["event"]["type"].as_str();
            kind == Some(one) || kind == Some(other)
        };
        let found = self.next_where(&format!("{one} or {other}"), wanted).await?;
        Ok(found["event"].clone())
    }

    /// Waits for a message of a type.
    pub(crate) async fn message(&mut self, kind: &str) -> anyhow::Result<Value> {
        self.next_where(kind, |message| message["type"] == json!(kind)).await
    }

    async fn write(&mut self, message: &Value) -> anyhow::Result<()> {
        let socket = self.socket.as_mut().context("connected")?;
        Ok(socket.send(Message::text(message.to_string())).await?)
    }

    async fn next_where(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        if let Some(at) = self.waiting.iter().position(&wanted) {
            return Ok(self.waiting.remove(at));
        }
        let search = async {
            loop {
                let socket = self.socket.as_mut().context("connected")?;
                let frame = socket.next().await.context("the socket is open")??;
                let Message::Text(text) = frame else { continue };
                let message: Value = serde_json::from_str(&text)?;
                if message["type"] == "event" {
                    let seq = message["seq"].as_u64().context("events have a place")?;
                    if self.seen.is_some_and(|seen| seq <= seen) {
                        bail!("event {seq} came twice");
                    }
                    self.seen = Some(seq);
                }
                if wanted(&message) {
                    return Ok(message);
                }
                self.waiting.push(message);
            }
        };
        let found = tokio::time::timeout(PATIENCE, search).await;
        match found {
            Ok(found) => found,
            Err(_) => bail!("waited in vain for {what}; meanwhile: {:?}", self.waiting),
        }
    }
}

/// A complete SDP as a browser would make it, with a documentation fingerprint and nobody behind it.
pub(crate) fn sdp(setup: &str) -> String {
    let fingerprint = ["AB"; 32].join(":");
    [
        "v=0",
        "o=- 4611731400430051336 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE audio",
        "m=audio 50012 UDP/TLS/RTP/SAVPF 111 126",
        "c=IN IP4 127.0.0.1",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2130706431 127.0.0.1 50012 typ host",
        "a=ice-ufrag:canaryufrag",
        "a=ice-pwd:canarypasswordcanarypassword",
        &format!("a=fingerprint:sha-256 {fingerprint}"),
        &format!("a=setup:{setup}"),
        "a=mid:audio",
        "a=sendrecv",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=20;useinbandfec=1",
        "a=rtpmap:126 telephone-event/8000",
        "a=ssrc:330197644 cname:house",
    ]
    .map(|line| format!("{line}\r\n"))
    .concat()
}
