//! What every answer of the native face has, whoever asks: limits in its headers, and a door for listed pages.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, StatusCode};
use offhook_core::house::Role;

use crate::rig::{Answered, Rig};

const PATH: &str = "/api/v1/whatsapp/calling/calls";
const PAGE: &str = "https://shop.example";

async fn listing() -> Rig {
    Rig::configured(|config| config.allowed_origins = vec![format!("{PAGE}/")]).await
}

async fn preflight(rig: &Rig, origin: &str) -> Answered {
    let request = Request::builder().method(Method::OPTIONS).uri(PATH).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    let request = request.header("access-control-request-headers", "x-api-key,idempotency-key,content-type");
    rig.send(request.body(Body::empty()).unwrap()).await
}

async fn read(rig: &Rig, origin: &str, key: &str) -> Answered {
    let request = Request::get(PATH).header("origin", origin).header("x-api-key", key);
    rig.send(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_listed_page_may_ask_and_read() {
    let rig = listing().await;
    let key = rig.key(Role::Viewer, &["calls:read"]).await;
    let asked = preflight(&rig, PAGE).await;
    assert!(asked.status.is_success());
    assert_eq!(asked.header("access-control-allow-origin"), PAGE);
    for name in ["x-api-key", "idempotency-key", "content-type"] {
        assert!(asked.header("access-control-allow-headers").contains(name), "{name}");
    }
    for key in [key.as_str(), "wab_live_pk_unknown"] {
        let answer = read(&rig, PAGE, key).await;
        assert_eq!(answer.header("access-control-allow-origin"), PAGE, "errors can be read too");
        assert!(answer.header("access-control-expose-headers").contains("x-request-id"));
        assert_eq!(answer.header("access-control-allow-credentials"), "", "a session is for our own pages");
        assert!(answer.header("vary").contains("origin"));
    }
}

#[tokio::test]
async fn no_other_page_may() {
    let check = async |rig: &Rig, origin: &str| {
        let key = rig.key(Role::Viewer, &["calls:read"]).await;
        assert_eq!(preflight(rig, origin).await.header("access-control-allow-origin"), "", "{origin}");
        assert_eq!(read(rig, origin, &key).await.header("access-control-allow-origin"), "", "{origin}");
    };
    let rig = listing().await;
    for origin in ["https://evil.example", "http://shop.example", "https://shop.example.evil.example", "null"]
    {
        check(&rig, origin).await;
    }
    check(&Rig::new().await, PAGE).await;
    assert_eq!(preflight(&Rig::new().await, PAGE).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

async fn stranger(rig: &Rig, address: &str) -> Answered {
    let mut request =
        Request::get(PATH).header("x-api-key", "wab_live_sk_guess").body(Body::empty()).unwrap();
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    rig.send(request).await
}

#[tokio::test]
async fn every_answer_states_a_limit_and_those_who_guess_keys_reach_it() {
    let rig = Rig::new().await;
    let key = rig.key(Role::Owner, &["*"]).await;
    for answer in [
        rig.get(PATH, &key).await,
        rig.get("/api/v1/nothing", &key).await,
        rig.get(&format!("{PATH}/wac_1"), &key).await,
        rig.send(Request::put(PATH).body(Body::empty()).unwrap()).await,
        rig.send(Request::post("/api/v1/auth/login").body(Body::empty()).unwrap()).await,
    ] {
        for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
            assert!(answer.header(name).parse::<i64>().is_ok(), "{name}: {}", answer.text);
        }
    }
    let first = stranger(&rig, "192.0.2.1:4000").await;
    assert_eq!((first.status, first.header("x-ratelimit-limit")), (StatusCode::UNAUTHORIZED, "120"));
    let mut last = first;
    for port in 1..200 {
        last = stranger(&rig, &format!("192.0.2.1:{port}")).await;
    }
    assert_eq!((last.status, last.code().as_str()), (StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED"));
    assert!(!last.header("retry-after").is_empty());
    assert_eq!(stranger(&rig, "192.0.2.2:4000").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(rig.get(PATH, &key).await.status, StatusCode::OK, "a good key is not in their way");
}
