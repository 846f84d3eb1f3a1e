//! Vobiz's face: the socket for live pages.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use offhook_core::call::{Reply, State};
use offhook_core::house::Role;
use offhook_core::id::Wacid;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::rig::{META_ANSWER, META_OFFER, OFFER, PATIENCE, Rig, USER};

const ACCOUNT: &str = "MA_ABCDEFGH";

struct Page(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Page {
    async fn open(
        address: SocketAddr,
        query: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = format!("ws://{address}/api/v1/messaging/ws{query}").into_client_request()?;
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).unwrap();
            request.headers_mut().insert(HeaderName::from_static(name), value);
        }
        Ok(Self(connect_async(request).await?.0))
    }

    /// The next message.
    async fn hear(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.0.next()).await.expect("something to hear").unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The status words until one comes, with what came with it.
    async fn until(&mut self, status: &str) -> (Vec<String>, Value) {
        let mut words = Vec::new();
        loop {
            let frame = self.hear().await;
            words.push(frame["data"]["status"].as_str().unwrap_or("-").to_owned());
            if frame["data"]["status"] == status {
                return (words, frame);
            }
        }
    }
}

#[tokio::test]
async fn live_page_is_told_of_calls_as_they_go() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let key = rig.key(Role::Developer, &["*"]).await;
    let headers = [("x-auth-id", ACCOUNT), ("x-auth-token", key.as_str())];
    let mut page = Page::open(address, "", &headers).await.unwrap();
    page.0.send(Message::text(json!({ "type": "ping" }).to_string())).await.unwrap();
    assert_eq!(page.hear().await["type"], "pong");

    rig.rings("wacid.A").await;
    let incoming = page.hear().await;
    assert_eq!(
        (&incoming["type"], &incoming["data"]["sdp_offer"]),
        (&json!("call.incoming"), &json!(META_OFFER))
    );
    insta::assert_json_snapshot!("vobiz_incoming", incoming);
    rig.terminates("wacid.A", "USER_INITIATED", None).await;
    let (_, missed) = page.until("missed").await;
    insta::assert_json_snapshot!("vobiz_status", missed);

    rig.asker.prepare(Ok(Reply::Placed(Wacid::new("wacid.P").unwrap())));
    let body =
        json!({ "channel_id": "00000000-0000-0000-0000-000000000001", "to": USER, "sdp_offer": OFFER });
    let placed = rig
        .ask(axum::http::Method::POST, "/api/v1/messaging/calls/whatsapp", &headers, Some(&body))
        .await
        .json();
    rig.until(State::Dialing).await;
    rig.remote_answer("wacid.P").await;
    let answered = loop {
        let frame = page.hear().await;
        assert_eq!(
            (&frame["data"]["status"], &frame["data"]["call_id"]),
            (&json!("initiated"), &placed["call_id"])
        );
        if !frame["data"]["sdp_answer"].is_null() {
            break frame;
        }
    };
    assert_eq!(answered["data"]["sdp_answer"], META_ANSWER);
    rig.status("wacid.P", "ACCEPTED").await;
    let (words, _) = page.until("accepted").await;
    assert_eq!(words, ["accepted"]);
}

#[tokio::test]
async fn token_comes_in_headers_in_the_address_or_as_a_subprotocol() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let key = rig.key(Role::Viewer, &["calls:read"]).await;
    let (bearer, listed) = (format!("Bearer {key}"), format!("vobiz.v1, {key}"));
    let query = format!("?token={key}");
    for (query, headers) in [
        ("", vec![("authorization", bearer.as_str())]),
        (query.as_str(), vec![]),
        ("", vec![("sec-websocket-protocol", listed.as_str())]),
    ] {
        let mut page = Page::open(address, query, &headers).await.unwrap();
        rig.rings(&format!("wacid.{}", rig.memory.calls().len())).await;
        let incoming = page.hear().await["data"].clone();
        assert_eq!((&incoming["from"], &incoming["sdp_offer"]), (&json!("+44770090****"), &Value::Null));
        assert_eq!(incoming["meta_call_id"], Value::Null, "it has the user's number inside");
    }
    for (query, headers) in
        [("", vec![]), ("?token=wab_live_sk_unknown", vec![]), ("", vec![("x-api-key", key.as_str())])]
    {
        let refused = Page::open(address, query, &headers).await.err();
        let Some(tungstenite::Error::Http(response)) = refused else { panic!("{query}: let in") };
        assert_eq!(response.status(), 401, "{query}");
    }
}

#[tokio::test]
async fn live_page_hears_a_goodbye_when_the_server_stops() {
    let rig = Rig::new().await;
    let address = rig.serve().await;
    let key = rig.key(Role::Developer, &["*"]).await;
    let mut page = Page::open(address, &format!("?token={key}"), &[]).await.unwrap();
    let (goodbye, ()) = tokio::join!(timeout(PATIENCE, page.0.next()), rig.sockets.goaway());
    let Some(Ok(Message::Close(Some(frame)))) = goodbye.unwrap() else { panic!("a goodbye") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1012, "shutdown"));
}
