//! Voice bots on bridged calls: what a bot hears and says over its socket, how it hands over, and what becomes of the
//! call when it misbehaves.

use std::time::Duration;

use anyhow::{Context, bail};
use futures_util::stream::SplitSink;
use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, accept_hdr_async, connect_async};

use crate::agent::{Agent, sdp};
use crate::bridge::{CALLS, act, placed, simulated};
use crate::stage::{Stage, root, until};

/// How long anything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(60);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Where bots are called.
struct Lair {
    listener: TcpListener,
    url: String,
    /// The name of the protocol its bots insist on.
    protocol: &'static str,
}

impl Lair {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}/voice?key=secret", listener.local_addr().unwrap());
        Self { listener, url, protocol: "orbit-voice-1.0" }
    }

    fn connect_to(&self) -> Option<Value> {
        Some(json!({ "stream": self.url }))
    }

    /// The next bot that is called.
    async fn bot(&self) -> Bot {
        loop {
            if let Some(bot) = self.answer().await {
                return bot;
            }
        }
    }

    async fn answer(&self) -> Option<Bot> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.unwrap().unwrap();
        let (told, mut asked) = mpsc::channel(1);
        #[expect(clippy::result_large_err, reason = "the library's signature")]
        let look = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
            let header = |name: &str| request.headers().get(name).map(|it| it.to_str().unwrap().to_owned());
            told.try_send((request.uri().to_string(), header("authorization"))).unwrap();
            if header("sec-websocket-protocol").as_deref() != Some(self.protocol) {
                return Err(ErrorResponse::new(Some("another protocol".to_owned())));
            }
            response.headers_mut().insert("sec-websocket-protocol", self.protocol.parse().unwrap());
            Ok(response)
        };
        let socket = accept_hdr_async(MaybeTlsStream::Plain(stream), look).await.ok()?;
        let (uri, token) = asked.recv().await.unwrap();
        assert_eq!(uri, "/voice?key=secret");
        Some(Bot::of(socket, token))
    }
}

/// A bot: what it hears is kept, what it says is a tone or nothing.
struct Bot {
    /// What was shown to it.
    token: Option<String>,
    sink: SplitSink<Socket, Message>,
    came: mpsc::Receiver<Message>,
    /// Messages that came while something else was awaited.
    messages: Vec<Value>,
    heard: Vec<i16>,
    closed: Option<CloseFrame>,
    _reader: JoinHandle<()>,
}

impl Bot {
    fn of(socket: Socket, token: Option<String>) -> Self {
        let (sink, mut stream) = socket.split();
        let (send, came) = mpsc::channel(100_000);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            while let Some(Ok(message)) = stream.next().await {
                if send.send(message).await.is_err() {
                    return;
                }
            }
        });
        #[expect(clippy::disallowed_methods, reason = "a test's bot ends with its test")]
        let reader = tokio::spawn(async move { while tasks.join_next().await.is_some() {} });
        let (messages, heard) = (Vec::new(), Vec::new());
        Self { token, sink, came, messages, heard, closed: None, _reader: reader }
    }

    async fn send(&mut self, message: Value) {
        self.sink.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Takes what comes; false when nothing will any more.
    async fn take(&mut self) -> anyhow::Result<bool> {
        let message = timeout(PATIENCE, self.came.recv()).await.context("anything")?;
        match message {
            Some(Message::Text(text)) => self.messages.push(serde_json::from_str(&text)?),
            Some(Message::Binary(bytes)) => {
                anyhow::ensure!(bytes.len() == 640, "a frame of {} bytes", bytes.len());
                let samples = bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
                self.heard.extend(samples);
            }
            Some(Message::Close(frame)) => self.closed = frame,
            Some(_) => {}
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Waits for a message.
    async fn message(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let search = async {
            loop {
                if let Some(at) = self.messages.iter().position(&wanted) {
                    return Ok(self.messages.remove(at));
                }
                if !self.take().await? {
                    bail!("closed with {:?} before {what}; meanwhile {:?}", self.closed, self.messages);
                }
            }
        };
        timeout(PATIENCE, search).await.with_context(|| format!("waited in vain for {what}"))?
    }

    async fn kind(&mut self, kind: &str) -> Value {
        self.message(kind, |message| message["type"] == kind).await.unwrap()
    }

    /// Waits for the end of the connection: code and reason.
    async fn end(&mut self) -> (u16, String) {
        while self.take().await.unwrap() {}
        let closed = self.closed.take().expect("a close with a code");
        (closed.code.into(), closed.reason.to_string())
    }

    /// Says a tone and listens, for so many frames of 20 ms.
    async fn talk(&mut self, hz: f32, frames: usize) {
        let mut ticks = interval(Duration::from_millis(20));
        let mut n = 0;
        while n < frames {
            tokio::select! {
                _ = ticks.tick() => {
                    self.sink.send(Message::Binary(tone(hz, n))).await.unwrap();
                    n += 1;
                }
                open = self.take() => assert!(open.unwrap(), "closed with {:?}: {:?}", self.closed, self.messages),
            }
        }
    }

    /// Says a tone until it hears another one. How soon that is, is the machine's affair.
    async fn talk_until_heard(&mut self, says: f32, hears: f32) {
        for _ in 0..PATIENCE.as_secs() {
            self.talk(says, 50).await;
            if self.loudness(hears) > 0.1 {
                return;
            }
        }
        panic!("the bot does not hear {hears} Hz: {}", self.loudness(hears));
    }

    /// How loud a tone is in the newest quarter of a second heard; 1 is full scale. In longer stretches a tone that
    /// once broke off is out of step with itself, and weakens.
    fn loudness(&self, hz: f32) -> f32 {
        let newest = &self.heard[self.heard.len().saturating_sub(4_000)..];
        let (mut sine, mut cosine) = (0.0, 0.0);
        for (n, sample) in newest.iter().enumerate() {
            let (s, c) = (std::f32::consts::TAU * hz / 16_000.0 * n as f32).sin_cos();
            (sine, cosine) = (sine + f32::from(*sample) * s, cosine + f32::from(*sample) * c);
        }
        2.0 * f32::hypot(sine, cosine) / newest.len().max(1) as f32 / 32_768.0
    }
}

/// The `n`th 20 ms of a tone.
fn tone(hz: f32, n: usize) -> Bytes {
    let turn = std::f32::consts::TAU * hz / 16_000.0;
    let sample = |k: usize| (8_000.0 * (turn * (n * 320 + k) as f32).sin()) as i16;
    (0..320).flat_map(|k| sample(k).to_le_bytes()).collect::<Vec<u8>>().into()
}

/// The call as the API shows it.
async fn call(stage: &Stage, id: &str) -> Value {
    let answer = stage.api(Method::GET, &format!("{CALLS}/{id}")).send().await.unwrap();
    answer.json::<Value>().await.unwrap()["data"].clone()
}

/// A bridged call to this number that is connected to a bot, and the bot.
async fn with_bot(stage: &Stage, lair: &Lair, to: &str) -> (String, Bot) {
    let id = placed(stage, to, lair.connect_to()).await["id"].as_str().unwrap().to_owned();
    (id, lair.bot().await)
}

async fn available(stage: &Stage) -> Agent {
    let mut agent = stage.agent().unwrap();
    agent.connect().await.unwrap();
    agent.command(json!({ "type": "presence.set", "status": "available" })).await.unwrap();
    agent
}

/// Waits until the simulated phone hears a tone.
async fn phone_hears(stage: &Stage, hz: std::ops::Range<f64>) {
    until("the tone at the phone", async || {
        let heard = simulated(stage).await?["heard"]["now_hz"].as_f64().unwrap_or_default();
        Ok(hz.contains(&heard).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bot_and_phone_hear_each_other_and_the_bot_hangs_up() {
    let (stage, lair) = (Stage::start().unwrap(), Lair::open().await);
    let (id, mut bot) = with_bot(&stage, &lair, "+447700900002").await;
    let started = bot.kind("session.started").await;
    assert_eq!((&started["call_id"], &started["direction"]), (&json!(id), &json!("outbound")));
    assert_eq!((&started["to"], &started["metadata"]["owner"]), (&json!("+447700900002"), &json!(true)));
    let audio = json!({ "encoding": "pcm_s16le", "sample_rate": 16_000, "channels": 1, "frame_ms": 20 });
    assert_eq!(started["audio"], audio);
    assert!(bot.token.as_ref().is_some_and(|token| token.starts_with("Bearer ey")), "a JWT");
    act(&stage, &id, "record", json!({})).await;
    bot.talk_until_heard(1_000.0, 440.0).await;
    // What it says is louder than a fifth.
    assert!(bot.loudness(1_000.0) < 0.05, "the bot does not hear itself: {}", bot.loudness(1_000.0));
    let listening = phone_hears(&stage, 980.0..1_020.0);
    tokio::select! {
        () = listening => {}
        () = bot.talk(1_000.0, 3_000) => panic!("the phone hears nothing"),
    }
    // What was said before a mark has been heard when the mark is reached; what is cleared never is.
    bot.send(json!({ "type": "audio.mark", "name": "said" })).await;
    assert_eq!(bot.kind("audio.mark_reached").await["name"], "said");
    for n in 0..500 {
        bot.sink.send(Message::Binary(tone(700.0, n))).await.unwrap();
    }
    bot.send(json!({ "type": "audio.mark", "name": "never" })).await;
    bot.send(json!({ "type": "interrupt.cancel" })).await;
    let cancelled = bot.kind("interrupt").await;
    assert!(cancelled["kind"] == "cancel" && cancelled["played_ms"].as_u64() > Some(1_000), "{cancelled}");
    let quality = bot.kind("quality").await;
    // How good, is the machine's affair.
    assert!((1.0..=5.0).contains(&quality["mos"].as_f64().unwrap()), "{quality}");
    bot.send(json!({ "type": "ping" })).await;
    bot.kind("pong").await;
    bot.send(json!({ "type": "dtmf.send", "digits": "42#" })).await;
    until("the keys at the phone", async || {
        Ok((simulated(&stage).await?["heard"]["keys"] == "42#").then_some(()))
    })
    .await
    .unwrap();
    assert_eq!(call(&stage, &id).await["bridge"]["stream"]["owner"], true);
    bot.send(json!({ "type": "call.hangup" })).await;
    let ended = bot.kind("session.ended").await;
    assert_eq!(ended["reason"], "hung_up");
    assert_eq!(bot.end().await.0, 1_000);
    assert!(bot.messages.iter().all(|message| message["name"] != "never"), "{:?}", bot.messages);
    until("the end", async || Ok((call(&stage, &id).await["end_reason"] == "local_hangup").then_some(())))
        .await
        .unwrap();
    until("the recording", async || {
        let path = format!("{CALLS}/{id}/recordings");
        let answer = stage.api(Method::GET, &path).send().await?.json::<Value>().await?;
        let recording = &answer["data"][0];
        let kinds: Vec<_> = recording["parties"].as_array().context("parties")?.iter().collect();
        assert_eq!(kinds.iter().map(|party| &party["kind"]).collect::<Vec<_>>(), ["customer", "bot"]);
        Ok((recording["state"] == "complete" && recording["length_ms"].as_u64() > Some(2_000)).then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bot_of_orbits_is_told_keys_and_gives_the_call_to_an_agent() {
    let stage = Stage::start().unwrap();
    let lair = Lair { protocol: "orbit-voice/1.0", ..Lair::open().await };
    let (id, mut bot) = with_bot(&stage, &lair, "+447700900011").await;
    for digit in ["1", "2", "3", "#"] {
        assert_eq!(bot.kind("dtmf").await["digit"], digit);
    }
    // Nobody is there yet: the bot goes on until somebody is.
    bot.send(json!({ "type": "handoff.request" })).await;
    assert_eq!(bot.kind("handoff.status").await["status"], "searching");
    bot.send(json!({ "type": "handoff.request" })).await;
    let refused = bot.kind("handoff.status").await;
    assert_eq!((&refused["status"], &refused["code"]), (&json!("refused"), &json!("already_seeking")));
    bot.send(json!({ "type": "handoff.cancel" })).await;
    assert_eq!(bot.kind("handoff.status").await["status"], "not_found");
    let mut ada = available(&stage).await;
    bot.send(json!({ "type": "handoff.request" })).await;
    assert_eq!(bot.kind("handoff.status").await["status"], "searching");
    let incoming = ada.event("call.incoming", |_| true).await.unwrap();
    assert_eq!(incoming["call"]["id"], json!(id));
    // It talks while the agent rings.
    bot.talk(600.0, 20).await;
    let accept = json!({ "type": "call.accept", "call_id": id, "sdp": sdp("actpass") });
    let ack = ada.command(accept).await.unwrap();
    assert_eq!(ack["call"]["agent"]["name"], "Ada", "{ack}");
    assert_eq!(bot.kind("handoff.status").await["status"], "accepted");
    assert_eq!(bot.kind("interrupt").await["kind"], "takeover");
    assert_eq!(bot.kind("session.ended").await["reason"], "handed_off");
    assert_eq!(bot.end().await.0, 1_000);
    let record = call(&stage, &id).await;
    assert_eq!((&record["status"], &record["bridge"]["stream"]), (&json!("in_progress"), &Value::Null));
    assert_eq!(record["bridge"]["streams"][0]["end"], "handed_off");
}

#[tokio::test(flavor = "multi_thread")]
async fn agents_ring_when_a_bot_dies_or_cannot_be_reached() {
    let (stage, lair) = (Stage::start().unwrap(), Lair::open().await);
    let mut ada = available(&stage).await;
    let (id, bot) = with_bot(&stage, &lair, "+447700900001").await;
    drop(bot);
    let incoming = ada.event("call.incoming", |_| true).await.unwrap();
    assert_eq!((&incoming["call"]["id"], &incoming["call"]["state"]), (&json!(id), &json!("connected")));
    assert_eq!(call(&stage, &id).await["bridge"]["streams"][0]["end"], "broke");
    act(&stage, &id, "terminate", json!({})).await;

    let nobody = { Lair::open().await.url };
    let id = placed(&stage, "+447700900002", Some(json!({ "stream": nobody }))).await["id"].clone();
    let incoming = ada.event("call.incoming", |event| event["call"]["id"] == id).await.unwrap();
    assert_eq!(incoming["call"]["state"], "connected");
    assert_eq!(call(&stage, id.as_str().unwrap()).await["bridge"]["streams"][0]["end"], "unreachable");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_of_a_number_meet_its_bot_until_the_number_is_given_back_to_people() {
    let (stage, lair) = (Stage::start().unwrap(), Lair::open().await);
    let mut ada = available(&stage).await;
    let number = stage.say("/bridged_number/phone_number_id");
    let give = async |to: Value| {
        let path = format!("/api/v1/whatsapp/calling/numbers/{number}");
        let change = json!({ "inbound_stream": to });
        let answer = stage.api(Method::PATCH, &path).json(&change).send().await.unwrap();
        answer.error_for_status().unwrap().json::<Value>().await.unwrap()["data"]["inbound"].clone()
    };
    let ring = async || {
        let call = json!({ "from": "+447700900002", "to": number });
        stage.control(Method::POST, "/calls").json(&call).send().await.unwrap().error_for_status().unwrap();
    };
    assert_eq!(give(json!(lair.url)).await, "stream");
    ring().await;
    let mut bot = lair.bot().await;
    let started = bot.kind("session.started").await;
    assert_eq!((&started["direction"], &started["from"]), (&json!("inbound"), &json!("+447700900002")));
    let met = started["call_id"].clone();
    bot.talk_until_heard(1_000.0, 440.0).await;
    tokio::select! {
        () = phone_hears(&stage, 980.0..1_020.0) => {}
        () = bot.talk(1_000.0, 3_000) => panic!("the phone hears nothing"),
    }
    bot.send(json!({ "type": "call.hangup" })).await;
    assert_eq!(bot.kind("session.ended").await["reason"], "hung_up");
    let ended =
        async || Ok((call(&stage, met.as_str().unwrap()).await["status"] == "completed").then_some(()));
    until("the end", ended).await.unwrap();

    assert_eq!(give(Value::Null).await, "agents");
    ring().await;
    let first = ada.event("call.incoming", |_| true).await.unwrap();
    assert_ne!(first["call"]["id"], met, "nobody rang while the bot talked");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bots_are_closed_with_a_reason_and_the_call_goes_on() {
    let (stage, lair) = (Stage::start().unwrap(), Lair::open().await);
    let (id, mut bot) = with_bot(&stage, &lair, "+447700900002").await;
    // A minute of sound at once: half of it waits, the rest is dropped and said so.
    for n in 0..3_000 {
        bot.sink.send(Message::Binary(tone(1_000.0, n))).await.unwrap();
    }
    assert_eq!(bot.kind("error").await["code"], "audio_overflow");
    phone_hears(&stage, 980.0..1_020.0).await;
    bot.send(json!({ "type": "say", "text": "hello" })).await;
    assert_eq!(bot.message("unknown", |it| it["code"] == "unknown_type").await.unwrap()["type"], "error");
    bot.sink.send(Message::Binary(vec![0; 641].into())).await.unwrap();
    let (code, reason) = bot.end().await;
    assert!(code == 1_003 && reason.contains("640"), "{code} {reason}");

    for (message, code) in [
        (Message::text("this is no JSON"), 1_007),
        (Message::text("x".repeat(100_000)), 1_009),
        (Message::Binary(vec![0; 1_000_000].into()), 1_009),
    ] {
        let again = json!({ "url": lair.url, "take_over": true });
        let acting = stage.api(Method::POST, &format!("{CALLS}/{id}/stream")).json(&again).send();
        let (acted, mut bot) = tokio::join!(acting, lair.bot());
        assert_eq!(acted.unwrap().status(), 200);
        bot.kind("session.started").await;
        // It may be closed in the middle of it.
        let _ = bot.sink.send(message).await;
        assert_eq!(bot.end().await.0, code);
    }
    until("the record of it", async || {
        let record = call(&stage, &id).await;
        assert_eq!(record["status"], "in_progress");
        let streams = record["bridge"]["streams"].as_array().context("streams")?;
        assert_eq!(streams.len(), 4);
        Ok(streams.iter().all(|stream| stream["end"] == "violation").then_some(()))
    })
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bot_connects_by_itself_with_an_invitation_that_is_good_once() {
    let stage = Stage::start().unwrap();
    let mut ada = available(&stage).await;
    let id = placed(&stage, "+447700900002", None).await["id"].as_str().unwrap().to_owned();
    ada.event("call.incoming", |_| true).await.unwrap();
    let invite = || stage.api(Method::POST, &format!("{CALLS}/{id}/streams")).send();
    let answer = invite().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let invitation = answer.json::<Value>().await.unwrap()["data"].clone();
    let connect = async |id: &str, header: &'static str, token: &str| {
        let url = format!("{}/streams/{id}", stage.say("/url").replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("sec-websocket-protocol", "orbit-voice-1.0".parse().unwrap());
        request.headers_mut().insert(header, token.parse().unwrap());
        connect_async(request).await.map(|(socket, _)| Bot::of(socket, None))
    };
    let bearer = format!("Bearer {}", invitation["token"].as_str().unwrap());
    assert!(connect("wac_00000000000000000000000000000001", "authorization", &bearer).await.is_err());
    assert!(connect(&id, "authorization", &format!("{bearer}x")).await.is_err(), "forged");
    let mut bot = connect(&id, "authorization", &bearer).await.unwrap();
    assert_eq!(bot.kind("session.started").await["session_id"], invitation["id"]);
    bot.talk_until_heard(1_000.0, 440.0).await;
    let mut twice = connect(&id, "authorization", &bearer).await.unwrap();
    assert_eq!(twice.kind("error").await["code"], "bot_there");
    assert_eq!(twice.end().await.0, 1_008);
    let dismissed = act(&stage, &id, "stop-stream", json!({})).await;
    assert_eq!(dismissed["bridge"]["stream"], Value::Null);
    assert_eq!(bot.kind("session.ended").await["reason"], "removed");
    let mut again = connect(&id, "authorization", &bearer).await.unwrap();
    assert_eq!(again.kind("error").await["code"], "no_bot");
    // A key that may control calls needs no invitation.
    let mut keyed = connect(&id, "x-api-key", stage.say("/api_key")).await.unwrap();
    keyed.kind("session.started").await;
    act(&stage, &id, "terminate", json!({})).await;
    assert_eq!(keyed.kind("session.ended").await["reason"], "call_over");
    assert!(connect(&id, "x-api-key", stage.say("/api_key")).await.is_err(), "the call is over");
}

#[tokio::test(flavor = "multi_thread")]
async fn example_of_the_documentation_echoes() {
    let python = root().join("target/venv/bin/python");
    assert!(python.exists(), "no websockets here: `cargo xtask test` installs it");
    let stage = Stage::start().unwrap();
    let page = std::fs::read_to_string(root().join("docs/protocol/orbit-voice-1.0.md")).unwrap();
    let example =
        page.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let secret = stage.api(Method::GET, "/api/v1/whatsapp/calling/streams/secret").send().await.unwrap();
    let secret = secret.json::<Value>().await.unwrap()["data"]["secret"].as_str().unwrap().to_owned();
    let port = Lair::open().await.listener.local_addr().unwrap().port();
    let mut child = tokio::process::Command::new(python)
        .args(["-u", "-c", example])
        .env("PORT", port.to_string())
        .env("OFFHOOK_STREAM_SECRET", secret)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    until("the example listens", async || Ok(TcpStream::connect(("127.0.0.1", port)).await.ok()))
        .await
        .unwrap();
    let url = format!("ws://127.0.0.1:{port}/");
    let id = placed(&stage, "+447700900002", Some(json!({ "stream": url }))).await["id"].clone();
    // The phone's own tone comes back to it.
    phone_hears(&stage, 425.0..455.0).await;
    act(&stage, id.as_str().unwrap(), "terminate", json!({})).await;
    child.kill().await.unwrap();
}
