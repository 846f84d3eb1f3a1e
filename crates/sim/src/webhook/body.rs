//! The shapes of webhooks: call events, call statuses, permission replies, changed settings.

use serde_json::{Map, Value, json};

use crate::call::words::{Direction, Failure, Notice, Status};
use crate::config::SimNumber;
use crate::knobs::Knobs;
use crate::world::users::User;

/// Who and what a call webhook is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) number: &'a SimNumber,
    pub(crate) user: &'a User,
    pub(crate) wacid: &'a str,
    pub(crate) direction: Direction,
    pub(crate) opaque: Option<&'a str>,
    pub(crate) deeplink_payload: Option<&'a str>,
    pub(crate) cta_payload: Option<&'a str>,
}

/// The `value` of a webhook about a call, and the word by which logs know it.
pub(crate) fn call(
    subject: Subject<'_>,
    notice: &Notice,
    knobs: &Knobs,
    now_secs: u64,
) -> (&'static str, Value) {
    let mut value = envelope(subject.number, subject.user, knobs);
    let label = match notice {
        Notice::Status(status) => {
            let word = status_word(*status);
            value.insert("statuses".to_owned(), json!([status_item(subject, word, knobs, now_secs)]));
            word
        }
        Notice::Connect { sdp } => {
            let mut item = call_item(subject, "connect", knobs, now_secs);
            let kind = if subject.direction == Direction::User { "offer" } else { "answer" };
            item.insert("session".to_owned(), json!({"sdp": sdp, "sdp_type": kind}));
            if knobs.legacy_connection {
                let inner = json!({"sdp": sdp, "type": kind}).to_string();
                item.insert("connection".to_owned(), json!({"webrtc": {"sdp": inner}}));
            }
            value.insert("calls".to_owned(), json!([item]));
            "connect"
        }
        Notice::Terminate { answered, failure } => {
            let mut item = call_item(subject, "terminate", knobs, now_secs);
            item.insert("status".to_owned(), json!(end_word(failure.is_some(), knobs)));
            if let Some(span) = answered {
                let (start, end) = (span.start / 1_000, span.end / 1_000);
                item.insert("start_time".to_owned(), json!(start.to_string()));
                item.insert("end_time".to_owned(), json!(end.to_string()));
                item.insert("duration".to_owned(), json!(end - start));
            }
            if let Some(failure) = failure {
                let errors = json!([failure_item(*failure, knobs)]);
                item.insert("errors".to_owned(), errors.clone());
                value.insert("errors".to_owned(), errors);
            }
            value.insert("calls".to_owned(), json!([item]));
            "terminate"
        }
    };
    (label, Value::Object(value))
}

/// A user's answer about permission; `context` is the wamid or wacid it refers to.
pub(crate) fn permission_reply(
    number: &SimNumber,
    user: &User,
    wamid: &str,
    reply: &PermissionReply<'_>,
    knobs: &Knobs,
    now_secs: u64,
) -> Value {
    let mut value = envelope(number, user, &Knobs { drop_contacts: false, ..knobs.clone() });
    let mut said = json!({"response": if reply.granted { "accept" } else { "reject" }});
    said["response_source"] = json!(if reply.automatic { "automatic" } else { "user_action" });
    if reply.granted {
        said["is_permanent"] = json!(reply.until.is_none());
        if let Some(until) = reply.until {
            said["expiration_timestamp"] = json!(until.to_string());
        }
    }
    let mut message = json!({
        "from": user.shown(knobs), "from_user_id": user.bsuid, "id": wamid, "timestamp": now_secs.to_string(),
        "type": "interactive",
        "interactive": {"type": "call_permission_reply", "call_permission_reply": said},
    });
    if let Some(context) = reply.context {
        message["context"] = json!({"from": user.shown(knobs), "id": context});
    }
    value.insert("messages".to_owned(), json!([message]));
    Value::Object(value)
}

/// What a user said about calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PermissionReply<'a> {
    pub(crate) granted: bool,
    /// Unix seconds; none for a permanent permission.
    pub(crate) until: Option<u64>,
    pub(crate) automatic: bool,
    pub(crate) context: Option<&'a str>,
}

/// Settings of a number changed.
pub(crate) fn settings_update(number: &SimNumber, calling: &Value, now_secs: u64) -> Value {
    let mut told = Map::new();
    for key in ["status", "call_icon_visibility", "callback_permission_status", "srtp_key_exchange_protocol"]
    {
        if let Some(value) = calling.get(key) {
            told.insert(key.to_owned(), value.clone());
        }
    }
    json!({
        "messaging_product": "whatsapp", "timestamp": now_secs.to_string(), "type": "phone_number_settings",
        "phone_number_settings": {"phone_number_id": number.phone_number_id, "calling": told},
    })
}

/// A call event that no documentation knows.
pub(crate) fn unknown_event(subject: Subject<'_>, knobs: &Knobs, now_secs: u64) -> Value {
    let mut value = envelope(subject.number, subject.user, knobs);
    let item = call_item(subject, "call_mood_changed", knobs, now_secs);
    value.insert("calls".to_owned(), json!([item]));
    Value::Object(value)
}

/// A whole POST of several changes to one business account.
pub(crate) fn post(waba_id: &str, changes: &[Value], knobs: &Knobs) -> Value {
    let mut body = json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": waba_id, "changes": changes}],
    });
    if knobs.unknown_keys {
        body["entry"][0]["x_trace"] = json!({"hops": [1, 2, 3]});
        body["x_schema"] = json!("2027-01");
    }
    body
}

fn envelope(number: &SimNumber, user: &User, knobs: &Knobs) -> Map<String, Value> {
    let mut value = Map::new();
    value.insert("messaging_product".to_owned(), json!("whatsapp"));
    let metadata =
        json!({"display_phone_number": number.digits(), "phone_number_id": number.phone_number_id});
    value.insert("metadata".to_owned(), metadata);
    if !knobs.drop_contacts {
        let mut contact = json!({
            "profile": {"name": user.name}, "user_id": user.bsuid, "parent_user_id": user.parent_bsuid,
            "wa_id": user.shown(knobs),
        });
        if knobs.bsuid_only {
            contact["profile"]["username"] = json!("sim.user");
        }
        value.insert("contacts".to_owned(), json!([contact]));
    }
    if knobs.unknown_keys {
        value.insert("x_future".to_owned(), json!(null));
    }
    value
}

fn call_item(subject: Subject<'_>, event: &str, knobs: &Knobs, now_secs: u64) -> Map<String, Value> {
    let (user, business) = (subject.user, subject.number.digits());
    let mut item = Map::new();
    let mut put = |key: &str, value: Value| {
        item.insert(key.to_owned(), value);
    };
    put("id", json!(subject.wacid));
    match subject.direction {
        Direction::User => {
            put("from", json!(user.shown(knobs)));
            put("from_user_id", json!(user.bsuid));
            put("from_parent_user_id", json!(user.parent_bsuid));
            put("to", json!(business));
            put("direction", json!("USER_INITIATED"));
        }
        Direction::Business => {
            put("from", json!(business));
            put("to", json!(user.shown(knobs)));
            put("to_user_id", json!(user.bsuid));
            put("direction", json!("BUSINESS_INITIATED"));
        }
    }
    put("event", json!(event));
    put("timestamp", json!(now_secs.to_string()));
    if let Some(opaque) = subject.opaque {
        put("biz_opaque_callback_data", json!(opaque));
    }
    if let Some(payload) = subject.deeplink_payload {
        put("deeplink_payload", json!(payload));
    }
    if let Some(payload) = subject.cta_payload {
        put("cta_payload", json!(payload));
    }
    item
}

fn status_item(subject: Subject<'_>, word: &str, knobs: &Knobs, now_secs: u64) -> Value {
    let mut item = json!({
        "id": subject.wacid, "timestamp": now_secs.to_string(), "type": "call", "status": word,
        "recipient_id": subject.user.shown(knobs), "recipient_user_id": subject.user.bsuid,
    });
    if let Some(opaque) = subject.opaque {
        item["biz_opaque_callback_data"] = json!(opaque);
    }
    item
}

fn failure_item(failure: Failure, knobs: &Knobs) -> Value {
    let mut error = json!({
        "code": failure.code, "message": failure.title, "error_data": {"details": failure.details},
    });
    if knobs.error_href {
        error["href"] = json!("https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/");
    } else {
        error["title"] = json!(failure.title);
    }
    error
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Ringing => "RINGING",
        Status::Accepted => "ACCEPTED",
        Status::Rejected => "REJECTED",
    }
}

fn end_word(failed: bool, knobs: &Knobs) -> &'static str {
    match (failed, knobs.capitalised_status) {
        (false, false) => "COMPLETED",
        (true, false) => "FAILED",
        (false, true) => "Completed",
        (true, true) => "Failed",
    }
}
