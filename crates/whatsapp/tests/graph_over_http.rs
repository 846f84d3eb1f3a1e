//! The Graph client over real connections: what a server sees, and what broken ones do to it.

#![expect(clippy::unwrap_used, reason = "in a test, the place that broke is the best message")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;
use url::Url;

use offhook_core::call::table::BotUrl;
use offhook_core::call::{Ask, Fault, Reply};
use offhook_core::house::{BusinessNumber, MediaMode};
use offhook_core::id::{MetaNumberId, NumberId, TenantId, Wacid};
use offhook_core::meta::Extras;
use offhook_core::meta::MetaError;
use offhook_core::phone::Phone;
use offhook_core::ports::{Asker, NewNumber, Numbers, StoreFault};
use offhook_core::sdp::Sdp;
use offhook_whatsapp::{Graph, GraphConfig, Timeouts};

const PLACED: &str = include_str!("../fixtures/connect_reply.json");
const NO_PERMISSION: &str = include_str!("../fixtures/error_138006.json");

/// Numbers of which only the token is asked.
struct OneToken;

#[async_trait]
impl Numbers for OneToken {
    async fn add(&self, _: NewNumber) -> Result<BusinessNumber, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn by_meta_id(&self, _: &MetaNumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn load(&self, _: &TenantId, _: &NumberId) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn all(&self, _: &TenantId) -> Result<Vec<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn set_calling(
        &self,
        _: &TenantId,
        _: &NumberId,
        _: offhook_core::house::Calling,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn set_media_mode(
        &self,
        _: &TenantId,
        _: &NumberId,
        _: MediaMode,
    ) -> Result<Option<BusinessNumber>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn inbound_bot(&self, _: &NumberId) -> Result<Option<BotUrl>, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn set_inbound_bot(
        &self,
        _: &TenantId,
        _: &NumberId,
        _: Option<&BotUrl>,
    ) -> Result<bool, StoreFault> {
        unreachable!("the client reads tokens only")
    }
    async fn access_token(&self, _: &NumberId) -> Result<Option<String>, StoreFault> {
        Ok(Some("EAAtoken".to_owned()))
    }
}

fn number() -> BusinessNumber {
    BusinessNumber {
        id: NumberId::parse("num_0198c0de0000700080000000000000aa").unwrap(),
        tenant: TenantId::parse("ten_0198c0de0000700080000000000000bb").unwrap(),
        meta_id: MetaNumberId::parse("106540352242922").unwrap(),
        waba_id: "102290129340398".to_owned(),
        phone: Phone::parse("+15550100200").unwrap(),
        media_mode: MediaMode::Relay,
        calling: offhook_core::house::Calling::default(),
        sandbox: false,
        has_bot: false,
    }
}

fn connect() -> Ask {
    let to = Phone::parse("+447700900123").unwrap();
    let (to, extras) = (to.into(), Extras::default());
    Ask::Connect { to, offer: Sdp::new("v=0\r\n"), opaque: "wac_1".to_owned(), extras }
}

fn accept() -> Ask {
    Ask::Accept {
        wacid: Wacid::new("wacid.HBgM+/A==").unwrap(),
        answer: Sdp::new("v=0\r\n"),
        again: false,
        extras: Extras::default(),
    }
}

fn graph_at(base: &str, timeouts: Timeouts) -> Graph {
    // The server's binary does this first of all; another test of this binary may have been quicker.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let base_url = Url::parse(base).unwrap();
    Graph::new(
        GraphConfig { base_url, sandbox_url: None, api_version: "v25.0".to_owned(), timeouts },
        Arc::new(OneToken),
    )
    .unwrap()
}

#[derive(Debug)]
struct Seen {
    line: String,
    bearer: String,
    content_type: String,
    body: serde_json::Value,
}

type Answering = fn(usize) -> Response;

#[derive(Clone)]
struct Meta {
    seen: Arc<Mutex<Vec<Seen>>>,
    answering: Answering,
}

/// A server that remembers, and answers the n-th request with `answering(n)`.
async fn serve(answering: Answering) -> (String, Meta) {
    let meta = Meta { seen: Arc::default(), answering };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/", listener.local_addr().unwrap());
    let app = Router::new().fallback(take).with_state(meta.clone());
    TaskTracker::new().spawn(async move { axum::serve(listener, app).await });
    (base, meta)
}

async fn take(State(meta): State<Meta>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let header = |name: &str| parts.headers.get(name).map_or("", |v| v.to_str().unwrap()).to_owned();
    let seen = Seen {
        line: format!("{} {}", parts.method, parts.uri),
        bearer: header("authorization"),
        content_type: header("content-type"),
        body: serde_json::from_slice(&body).unwrap(),
    };
    let count = {
        let mut all = meta.seen.lock().unwrap();
        all.push(seen);
        all.len()
    };
    (meta.answering)(count)
}

async fn check(ask: Ask, answering: Answering, expected: Result<Reply, Fault>, posts: usize) {
    let (base, meta) = serve(answering).await;
    let reply = graph_at(&base, Timeouts::default()).ask(&number(), &ask).await;
    assert_eq!(reply, expected);
    assert_eq!(meta.seen.lock().unwrap().len(), posts);
}

#[tokio::test]
async fn a_request_carries_version_number_token_and_body() {
    let (base, meta) = serve(|_| PLACED.into_response()).await;
    let reply = graph_at(&format!("{base}below/"), Timeouts::default()).ask(&number(), &connect()).await;
    assert!(matches!(reply, Ok(Reply::Placed(_))), "{reply:?}");
    let seen = meta.seen.lock().unwrap();
    assert_eq!(seen[0].line, "POST /below/v25.0/106540352242922/calls");
    assert_eq!(seen[0].bearer, "Bearer EAAtoken");
    assert_eq!(seen[0].content_type, "application/json");
    assert_eq!(seen[0].body["session"]["sdp_type"], "offer");
    assert_eq!(seen[0].body["biz_opaque_callback_data"], "wac_1");
}

#[tokio::test]
async fn two_server_errors_cost_an_accept_two_repeats_and_a_connect_its_certainty() {
    let answering: Answering = |n| match n {
        1 | 2 => (StatusCode::INTERNAL_SERVER_ERROR, r#"{"error":{"code":2}}"#).into_response(),
        _ => r#"{"messaging_product":"whatsapp","success":true}"#.into_response(),
    };
    check(accept(), answering, Ok(Reply::Accepted), 3).await;
    check(connect(), answering, Err(Fault::Unclear), 1).await;
}

#[tokio::test]
async fn metas_error_comes_through_with_its_code_and_words() {
    let error = MetaError {
        code: 138_006,
        message: "There is no approved call permission from the recipient.".to_owned(),
    };
    let answering: Answering = |_| (StatusCode::UNAUTHORIZED, NO_PERMISSION).into_response();
    check(connect(), answering, Err(Fault::Refused(error)), 1).await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let answering: Answering =
        |_| (StatusCode::TEMPORARY_REDIRECT, [("location", "/elsewhere")]).into_response();
    check(connect(), answering, Err(Fault::Unclear), 1).await;
}

#[tokio::test]
async fn a_reply_larger_than_a_megabyte_is_not_read_to_its_end() {
    // Without an end: only a reader that stops gets through this.
    let answering: Answering = |_| {
        let chunk = Bytes::from(vec![b' '; 64 * 1024]);
        let endless = futures_util::stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        Body::from_stream(endless).into_response()
    };
    check(connect(), answering, Err(Fault::Unclear), 1).await;
}

#[tokio::test]
async fn a_page_instead_of_json_is_unclear() {
    check(connect(), |_| "<html>hello</html>".into_response(), Err(Fault::Unclear), 1).await;
    check(connect(), |_| StatusCode::NO_CONTENT.into_response(), Err(Fault::Unclear), 1).await;
}

/// A port on which the n-th request that arrives, over whichever connection, is answered with these bytes;
/// the connection is closed after an answer that is not whole. Returns the count of requests that came.
async fn raw(answers: &'static [&'static str]) -> (SocketAddr, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            while read_request(&mut stream).await {
                let answer = {
                    let mut count = counted.lock().unwrap();
                    *count += 1;
                    answers.get(*count - 1).copied().unwrap_or_default()
                };
                stream.write_all(answer.as_bytes()).await.unwrap();
                if !answer.ends_with('}') {
                    break;
                }
            }
        }
    });
    (address, count)
}

/// Reads one request with a body in JSON; false at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut bytes = Vec::new();
    loop {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(0) | Err(_) => return false,
            Ok(n) => bytes.extend_from_slice(&piece[..n]),
        }
        let text = String::from_utf8_lossy(&bytes);
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body);
        if body.is_some_and(|body| serde_json::from_str::<serde_json::Value>(body).is_ok()) {
            return true;
        }
    }
}

#[tokio::test]
async fn a_connection_that_breaks_after_the_request_is_unclear_and_not_replaced() {
    let broken: [&'static [&'static str]; 4] = [
        &[""],
        &["HTTP/1.1 200 OK\r\n"],
        &["HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{"],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"ca"],
    ];
    for answers in broken {
        let (address, count) = raw(answers).await;
        let graph = graph_at(&format!("http://{address}"), Timeouts::default());
        assert_eq!(graph.ask(&number(), &connect()).await, Err(Fault::Unclear), "{answers:?}");
        assert_eq!(*count.lock().unwrap(), 1, "{answers:?}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_closes_on_the_next_request_does_not_repeat_it() {
    const SUCCESS: &str = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"success\": true}";
    let (address, count) = raw(&[SUCCESS, ""]).await;
    let graph = graph_at(&format!("http://{address}"), Timeouts::default());
    assert_eq!(graph.ask(&number(), &accept()).await, Ok(Reply::Accepted));
    assert_eq!(graph.ask(&number(), &connect()).await, Err(Fault::Unclear));
    assert_eq!(*count.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let graph = graph_at(&format!("http://{address}"), Timeouts::default());
    assert_eq!(graph.ask(&number(), &connect()).await, Err(Fault::Unreachable));
}

#[tokio::test]
async fn a_host_that_never_finishes_tls_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    let timeouts = Timeouts { reach: Duration::from_millis(100), ..Timeouts::default() };
    assert_eq!(graph_at(&base, timeouts).ask(&number(), &connect()).await, Err(Fault::Unreachable));
}

#[tokio::test]
async fn a_host_that_speaks_no_tls_is_unreachable() {
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", plain.local_addr().unwrap());
    TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_eq!(
        graph_at(&base, Timeouts::default()).ask(&number(), &connect()).await,
        Err(Fault::Unreachable)
    );
}

#[tokio::test]
async fn a_host_that_takes_the_request_and_says_nothing_is_unclear() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let timeouts = Timeouts { once: Duration::from_millis(100), ..Timeouts::default() };
    assert_eq!(graph_at(&base, timeouts).ask(&number(), &connect()).await, Err(Fault::Unclear));
}
