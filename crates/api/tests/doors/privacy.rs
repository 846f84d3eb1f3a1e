//! Nothing private reaches the logs, even at their most talkative.

use std::io;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Method, Request};
use offhook_core::call::State;
use offhook_core::house::Role;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::rig::{ANSWER, META_ID, OFFER, PASSWORD, Rig, USER, connect_raw};

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Page {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn logs_have_no_phones_no_sdp_no_secrets_and_no_addresses() {
    let page = Page::default();
    // Our own crates; what libraries say at this level is switched off in the server.
    let filter = "offhook_api=trace,offhook_engine=trace,offhook_core=trace,offhook_whatsapp=trace";
    let subscriber = tracing_subscriber::fmt().with_writer(page.clone()).with_env_filter(filter).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let rig = Rig::new().await;
    let address = rig.serve().await;
    let cookie = rig.sign_in("ann@example.com").await;
    let wrong = json!({ "email": "ann@example.com", "password": "SECRETGUESS" });
    rig.page(Method::POST, "/api/v1/auth/login", "", &wrong).await;
    rig.page(Method::POST, "/api/v1/softphone/tokens", &cookie, &json!({})).await;
    let key = rig.key(Role::Owner, &["*"]).await;
    rig.get("/api/v1/whatsapp/calling/calls?q=447700900123", &key).await;
    rig.get("/api/v1/whatsapp/calling/calls/wacid.HBgMNDQ3NzAwOTAwMTIzFQ==", &key).await;
    let body = json!({ "to": USER, "from_phone_number_id": META_ID, "sdp_offer": OFFER });
    rig.post("/api/v1/whatsapp/calling/calls", &key, &body).await;
    let mut ann = rig.agent(address, 1).await;
    rig.rings("wacid.HBgMNDQ3NzAwOTAwMTIzFQ==").await;
    let ring = ann.event("call.incoming").await;
    ann.accept(&ring["call"], "v=0 SECRETPASSWORD").await;
    ann.accept(&ring["call"], ANSWER).await;
    rig.until(State::Connected).await;
    ann.command(json!({ "type": "permission.request", "to": USER })).await;
    ann.say_text("SECRETNONSENSE +447700900123".into()).await;
    ann.closed().await;
    let mut stranger = connect_raw(address).await;
    stranger.say(&json!({ "type": "hello", "token": "TICKET_SECRET_X", "device_id": "d" })).await;
    stranger.closed().await;
    let forged = Request::post("/webhooks/meta").header("x-hub-signature-256", "sha256=SECRETSIGNATURE");
    rig.send(forged.body(Body::from("447700900123")).unwrap()).await;
    rig.send(Request::get("/webhooks/meta?hub.verify_token=SECRETTOKEN").body(Body::empty()).unwrap()).await;
    rig.memory.set_broken(true);
    rig.knock(&Value::Null).await;

    let text = String::from_utf8(page.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains("agent connected") && text.contains("call is connected"),
        "the logs were looked at"
    );
    for private in [
        "447700900123",
        "7700900",
        "15550100200",
        "SECRET",
        "wacid.",
        "192.0.2.7",
        "127.0.0.1",
        "ice-",
        PASSWORD,
        "Dana",
    ] {
        let line = text.lines().find(|line| line.contains(private));
        assert_eq!(line, None, "{private} is in the logs");
    }
}
