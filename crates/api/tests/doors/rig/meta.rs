//! What Meta posts, and how it signs.

use aws_lc_rs::hmac;
use axum::body::Body;
use axum::http::Request;
use data_encoding::HEXLOWER;
use offhook_core::time::Time;
use serde_json::{Value, json};

pub(crate) const APP_SECRET: &str = "test_app_secret";
pub(crate) const VERIFY_TOKEN: &str = "my verify token";

pub(crate) fn signed(body: &str) -> Request<Body> {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, APP_SECRET.as_bytes()), body.as_bytes());
    let signature = format!("sha256={}", HEXLOWER.encode(tag.as_ref()));
    let request = Request::post("/webhooks/meta").header("x-hub-signature-256", signature);
    request.header("content-type", "application/json").body(Body::from(body.to_owned())).unwrap()
}

pub(super) fn envelope(field: &str, value: &Value) -> String {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{ "id": "102290129340398", "changes": [{ "field": field, "value": value }] }],
    })
    .to_string()
}

pub(super) fn connect(meta_id: &str, wacid: &str, direction: &str, sdp: &str, at: Time) -> Value {
    let inbound = direction == "USER_INITIATED";
    let (from, to) = if inbound { (USER, BUSINESS) } else { (BUSINESS, USER) };
    json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": BUSINESS, "phone_number_id": meta_id },
        "contacts": [{ "profile": { "name": "Dana Reyes" }, "wa_id": USER }],
        "calls": [{
            "id": wacid, "from": from, "to": to, "event": "connect", "timestamp": seconds(at),
            "direction": direction,
            "session": { "sdp": sdp, "sdp_type": if inbound { "offer" } else { "answer" } },
        }],
    })
}

pub(super) fn status(meta_id: &str, wacid: &str, word: &str, at: Time) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": BUSINESS, "phone_number_id": meta_id },
        "statuses": [{
            "id": wacid, "timestamp": seconds(at), "type": "call", "status": word, "recipient_id": USER,
        }],
    })
}

pub(super) fn terminate(meta_id: &str, wacid: &str, direction: &str, talked: Option<u32>, at: Time) -> Value {
    let mut call = json!({
        "id": wacid, "from": USER, "to": BUSINESS, "event": "terminate", "direction": direction,
        "timestamp": seconds(at), "status": "COMPLETED",
    });
    if let Some(talked) = talked {
        call["start_time"] = json!((at.as_micros() / 1_000_000 - i64::from(talked)).to_string());
        call["end_time"] = json!(seconds(at));
        call["duration"] = json!(talked);
    }
    json!({
        "messaging_product": "whatsapp",
        "metadata": { "display_phone_number": BUSINESS, "phone_number_id": meta_id },
        "calls": [call],
    })
}

const USER: &str = "447700900123";
const BUSINESS: &str = "15550100200";

fn seconds(at: Time) -> String {
    (at.as_micros() / 1_000_000).to_string()
}
