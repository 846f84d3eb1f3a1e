//! One attempt against real servers on loopback.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Mutex, OnceLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use offhook_core::hook::HookSecret;
use offhook_core::ports::Dressed;
use offhook_core::time::Time;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::*;
use crate::guard::Names;

fn provider() {
    static INSTALLED: OnceLock<()> = OnceLock::new();
    // Another test of this program may have been first.
    INSTALLED.get_or_init(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
}

fn carrier() -> Https {
    provider();
    Https::new(Guard::new(true)).unwrap()
}

fn parcel(url: &str, dress: Dress) -> Parcel {
    Parcel {
        url: url.to_owned(),
        dress,
        delivery: Uuid::from_u128(7),
        tries: 0,
        at: Time::from_secs(1_793_610_900),
        name: "call.completed".to_owned(),
        secrets: vec![HookSecret::new("whsec_AQID".to_owned())],
        headers: vec![
            ("x-token".to_owned(), HookSecret::new("s3cret".to_owned())),
            ("webhook-id".to_owned(), HookSecret::new("forged".to_owned())),
        ],
        dressed: Dressed { id: "evt_1".to_owned(), body: b"{}".to_vec() },
    }
}

type Seen = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A server that answers as told. Its address, and what it saw.
async fn server(tasks: &TaskTracker, answer: fn() -> Response) -> (String, Seen) {
    let seen = Seen::default();
    let handler = async move |State(seen): State<Seen>, headers: HeaderMap, body: Bytes| {
        seen.lock().unwrap().push((headers, body));
        answer()
    };
    let router = Router::new().route("/", post(handler)).with_state(seen.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    tasks.spawn(async move { axum::serve(listener, router).await });
    (address, seen)
}

async fn check(answer: fn() -> Response, status: u16, reply: Reply) -> Receipt {
    let (tasks, carrier) = (TaskTracker::new(), carrier());
    let (url, _) = server(&tasks, answer).await;
    let receipt = carrier.carry(&parcel(&url, Dress::Orbit)).await;
    assert_eq!((receipt.status, receipt.reply), (Some(status), reply), "{receipt:?}");
    receipt
}

const FAILED: Reply = Reply::Failed { stay_away: None, gone: false };

#[tokio::test]
async fn any_2xx_is_taken_and_nothing_else() {
    check(|| "ok".into_response(), 200, Reply::Taken).await;
    check(|| StatusCode::ACCEPTED.into_response(), 202, Reply::Taken).await;
    check(|| StatusCode::NO_CONTENT.into_response(), 204, Reply::Taken).await;
    check(|| StatusCode::BAD_REQUEST.into_response(), 400, FAILED).await;
    check(|| StatusCode::INTERNAL_SERVER_ERROR.into_response(), 500, FAILED).await;
    check(|| StatusCode::GONE.into_response(), 410, Reply::Failed { stay_away: None, gone: true }).await;
    let away = Reply::Failed { stay_away: Some(Duration::from_secs(900)), gone: false };
    check(|| (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "900")]).into_response(), 429, away).await;
}

#[tokio::test]
async fn a_redirect_is_a_failure_and_is_not_followed() {
    let (tasks, carrier) = (TaskTracker::new(), carrier());
    let (inner, seen) = server(&tasks, || "secret".into_response()).await;
    static INNER: OnceLock<String> = OnceLock::new();
    INNER.set(inner).unwrap();
    let (url, _) = server(&tasks, || {
        (StatusCode::TEMPORARY_REDIRECT, [("location", INNER.get().unwrap().clone())]).into_response()
    })
    .await;
    let receipt = carrier.carry(&parcel(&url, Dress::Orbit)).await;
    assert_eq!(receipt.reply, FAILED);
    assert!(receipt.error.unwrap().contains("redirects are not followed"));
    assert!(seen.lock().unwrap().is_empty(), "nobody went there");
}

#[tokio::test]
async fn an_endless_answer_is_read_no_further_than_it_is_kept() {
    let receipt = check(
        || {
            let endless =
                futures_util::stream::repeat_with(|| Ok::<_, io::Error>(Bytes::from(vec![b'x'; 4096])));
            (StatusCode::BAD_GATEWAY, axum::body::Body::from_stream(endless)).into_response()
        },
        502,
        FAILED,
    )
    .await;
    assert_eq!(receipt.response_body.unwrap().len(), ANSWER_KEPT);
}

#[tokio::test]
async fn the_customers_own_headers_go_along_and_are_not_shown() {
    let (tasks, carrier) = (TaskTracker::new(), carrier());
    let (url, seen) = server(&tasks, || "ok".into_response()).await;
    let receipt = carrier.carry(&parcel(&url, Dress::Orbit)).await;
    let (headers, body) = seen.lock().unwrap()[0].clone();
    assert_eq!(&body[..], b"{}");
    assert_eq!(headers["x-token"], "s3cret");
    assert_eq!(headers["webhook-id"], "evt_1", "none of them stands for ours");
    assert_eq!(headers["user-agent"], "Devotel-Webhooks/1.0");
    assert_eq!(headers["content-type"], "application/json; charset=utf-8");
    assert!(!format!("{receipt:?}").contains("s3cret"));
    assert!(receipt.request_headers.iter().any(|(name, _)| name == "x-devotel-signature"));
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_told_in_words() {
    let tasks = TaskTracker::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut some = [0; 16];
            let _ = stream.read(&mut some).await;
            let _ = stream.write_all(b"HTTP/1.1 2").await;
        }
    });
    let receipt = carrier().carry(&parcel(&url, Dress::Orbit)).await;
    assert_eq!((receipt.status, receipt.reply), (None, FAILED));
    assert!(!receipt.error.unwrap().contains("127.0.0.1"), "no address");
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_told() {
    provider();
    let tasks = TaskTracker::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::new(config);
    tasks.spawn_blocking(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut connection = rustls::ServerConnection::new(config).unwrap();
        // It fails: that is the test.
        let _ = connection.complete_io(&mut stream);
    });
    let receipt = carrier().carry(&parcel(&format!("https://localhost:{port}/"), Dress::Orbit)).await;
    let error = receipt.error.unwrap();
    assert!(error.starts_with("TLS: "), "{error}");
}

/// A resolver that says what it likes.
struct Told(HashMap<&'static str, IpAddr>);

#[async_trait]
impl Names for Told {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.get(name).map(|ip| vec![*ip]).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[tokio::test]
async fn names_are_judged_where_they_are_dialled() {
    provider();
    let tasks = TaskTracker::new();
    let (url, seen) = server(&tasks, || "ok".into_response()).await;
    let port = url::Url::parse(&url).unwrap().port().unwrap();
    let names = || {
        let map = [("crm.example.com", "127.0.0.1"), ("cloud.example.com", "169.254.169.254")];
        Arc::new(Told(map.into_iter().map(|(name, ip)| (name, ip.parse().unwrap())).collect()))
    };
    let open = Https::new(Guard::with_names(true, names())).unwrap();
    let there = parcel(&format!("http://crm.example.com:{port}/"), Dress::Meta);
    assert_eq!(open.carry(&there).await.reply, Reply::Taken);
    let cloud = open.carry(&parcel("https://cloud.example.com/", Dress::Meta)).await;
    assert!(cloud.error.unwrap().contains("not the Internet"));

    let closed = Https::new(Guard::with_names(false, names())).unwrap();
    let refused = closed.carry(&parcel("https://crm.example.com/", Dress::Meta)).await;
    assert!(refused.error.unwrap().contains("not the Internet"));
    assert!(closed.check("https://crm.example.com/").await.unwrap_err().contains("not the Internet"));
    assert_eq!(closed.check("https://unknown.example.com/").await, Ok(()));
    assert!(closed.check("https://127.0.0.1/").await.is_err());
    let literal = closed.carry(&parcel("https://127.0.0.1/", Dress::Meta)).await;
    assert!(literal.error.unwrap().contains("not the Internet"));
    assert_eq!(seen.lock().unwrap().len(), 1);
}
