//! Meta's door.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use offhook_core::call::State;
use serde_json::json;

use crate::rig::{APP_SECRET, Rig, signed};

const EMPTY: &str = r#"{"object":"whatsapp_business_account","entry":[]}"#;
/// The published test vector for [`APP_SECRET`] and [`EMPTY`].
const VECTOR: &str = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756";

async fn challenge(rig: &Rig, query: &str) -> (StatusCode, String) {
    let request = Request::get(format!("/webhooks/meta?{query}")).body(Body::empty()).unwrap();
    let answer = rig.send(request).await;
    assert!(answer.header("content-type").starts_with("text/plain"), "{query}");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    (answer.status, answer.text)
}

#[tokio::test]
async fn challenge_is_echoed_to_whoever_knows_the_token() {
    let rig = Rig::new().await;
    let right = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=my%20verify%20token";
    assert_eq!(challenge(&rig, right).await, (StatusCode::OK, "1158201444".into()));
    let turned = "hub.verify_token=my+verify+token&hub.challenge=1158201444&hub.mode=subscribe";
    assert_eq!(challenge(&rig, turned).await.0, StatusCode::OK);
    for wrong in [
        "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=other",
        "hub.mode=subscribe&hub.challenge=1&hub.challenge=2&hub.verify_token=my%20verify%20token",
        "hub.mode=subscribe&hub.challenge=%3Cscript%3Ealert(1)%3C/script%3E&hub.verify_token=my%20verify%20token",
        "hub.challenge=1158201444",
        "",
    ] {
        let (status, text) = challenge(&rig, wrong).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "{wrong}");
        assert!(!text.contains("script") && !text.contains("1158201444"), "{text}");
    }
}

#[tokio::test]
async fn both_addresses_take_signed_knocks() {
    let rig = Rig::new().await;
    for path in ["/webhooks/meta", "/api/v1/webhooks/whatsapp"] {
        let request =
            Request::post(path).header("x-hub-signature-256", VECTOR).body(Body::from(EMPTY)).unwrap();
        assert_eq!(rig.send(request).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn forged_knocks_are_refused_unread() {
    let rig = Rig::new().await;
    let spaced = r#"{"object": "whatsapp_business_account", "entry": []}"#;
    let other_app = "sha256=2ff48ad93b702ab2040e5d78d6c07549274fb2e739ecd649af3037518df3b94c";
    let mut changed = EMPTY.to_owned().into_bytes();
    changed[12] ^= 1;
    let forgeries: [(Option<&str>, &[u8]); 9] = [
        (None, EMPTY.as_bytes()),
        (Some(""), EMPTY.as_bytes()),
        (Some("sha256="), EMPTY.as_bytes()),
        (Some(&VECTOR[..60]), EMPTY.as_bytes()),
        (Some(VECTOR.strip_prefix("sha256=").unwrap()), EMPTY.as_bytes()),
        (Some("sha1=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12"), EMPTY.as_bytes()),
        (Some(other_app), EMPTY.as_bytes()),
        (Some(VECTOR), spaced.as_bytes()),
        (Some(VECTOR), &changed),
    ];
    for (signature, body) in forgeries {
        let mut request = Request::post("/webhooks/meta");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let answer = rig.send(request.body(Body::from(body.to_vec())).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{signature:?}");
    }
    assert!(rig.memory.calls().is_empty());
}

#[tokio::test]
async fn a_knock_is_acknowledged_only_when_it_is_durable() {
    let rig = Rig::new().await;
    let value = |wacid: &str| {
        json!({
            "messaging_product": "whatsapp",
            "metadata": { "display_phone_number": "15550100200", "phone_number_id": crate::rig::META_ID },
            "calls": [{ "id": wacid, "from": "447700900123", "to": "15550100200", "event": "connect",
                "timestamp": "1793610900", "direction": "USER_INITIATED",
                "session": { "sdp": crate::rig::META_OFFER, "sdp_type": "offer" } }],
        })
    };
    rig.memory.set_broken(true);
    assert_eq!(rig.knock(&value("wacid.A")).await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(rig.memory.calls().is_empty());
    rig.memory.set_broken(false);
    for _ in 0..3 {
        assert_eq!(rig.knock(&value("wacid.A")).await.status, StatusCode::OK);
    }
    rig.until(State::Queued).await;
    assert_eq!(rig.memory.calls().len(), 1);
}

#[tokio::test]
async fn one_bad_element_does_not_spoil_a_batch() {
    let rig = Rig::new().await;
    let mut changes: Vec<_> = (0..200)
        .map(|n| {
            json!({ "field": "calls", "value": {
                "messaging_product": "whatsapp",
                "metadata": { "display_phone_number": "15550100200", "phone_number_id": crate::rig::META_ID },
                "calls": [{ "id": format!("wacid.{n}"), "from": "447700900123", "to": "15550100200",
                    "event": "connect", "timestamp": "1793610900", "direction": "USER_INITIATED",
                    "session": { "sdp": crate::rig::META_OFFER, "sdp_type": "offer" } }],
            }})
        })
        .collect();
    changes[100] = json!({ "field": "calls", "value": { "calls": [{ "id": 7 }] } });
    let body = json!({ "object": "whatsapp_business_account", "entry": [{ "id": "1", "changes": changes }] });
    assert_eq!(rig.send(signed(&body.to_string())).await.status, StatusCode::OK);
    crate::rig::eventually(|| (rig.memory.calls().len() == 199).then_some(()), "199 calls").await;
}

#[tokio::test]
async fn bodies_have_a_size_and_are_never_unpacked() {
    let rig = Rig::new().await;
    let cap = 3 * 1024 * 1024;
    let padded = |size: usize| format!("{}{}", EMPTY, " ".repeat(size - EMPTY.len()));
    assert_eq!(rig.send(signed(&padded(cap))).await.status, StatusCode::OK);
    assert_eq!(rig.send(signed(&padded(cap + 1))).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    let mut packed = signed(EMPTY);
    packed.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(rig.send(packed).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn signed_nonsense_is_a_bad_request() {
    let rig = Rig::new().await;
    for body in ["", "not json", "\u{0}", &"[".repeat(100_000)] {
        assert_eq!(rig.send(signed(body)).await.status, StatusCode::BAD_REQUEST, "{:.20}", body);
    }
}

#[tokio::test]
async fn without_secrets_the_door_stays_shut() {
    let rig = Rig::configured(|config| config.app_secrets.clear()).await;
    assert_eq!(rig.send(signed(EMPTY)).await.status, StatusCode::FORBIDDEN);
    let rig = Rig::configured(|config| config.verify_token = None).await;
    assert_eq!(rig.send(signed(EMPTY)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(
        challenge(&rig, "hub.mode=subscribe&hub.challenge=1&hub.verify_token=").await.0,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn either_of_two_secrets_is_taken_while_one_replaces_the_other() {
    let rig = Rig::configured(|config| config.app_secrets = vec!["next".into(), APP_SECRET.into()]).await;
    assert_eq!(rig.send(signed(EMPTY)).await.status, StatusCode::OK);
}
