//! A user's reply to a permission request (whatsapp-calling.md 3.7), among other messages.

use std::time::Duration;

use serde_json::value::RawValue;

use offhook_core::meta::PermissionReply;

use super::call::Around;
use super::party::{phone, user_id};
use super::pick::{fields, flag, text, time};
use super::{Why, key, word};

/// How long a temporary grant lasts when Meta leaves out when it ends.
const TEMPORARY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Reads one element of `messages`.
pub(super) fn message(raw: &RawValue, around: &Around<'_>) -> Result<(PermissionReply, String), Why> {
    let [id, kind, stamp, from, from_id, interactive] =
        fields(raw, &["id", "type", "timestamp", "from", "from_user_id", "interactive"])
            .ok_or(Why::Plain("messages: not an object"))?;
    let kind = text(kind).unwrap_or_default();
    let inner = interactive.filter(|_| kind.eq_ignore_ascii_case("interactive"));
    let inner = inner.and_then(|inner| fields(inner, &["type", "call_permission_reply"]));
    let Some([inner_kind, Some(reply)]) = inner else { return Err(Why::Word("messages", word(&kind))) };
    if !text(inner_kind).is_some_and(|kind| kind.eq_ignore_ascii_case("call_permission_reply")) {
        return Err(Why::Word("messages", word(&kind)));
    }
    let [response, permanent, expires, source] =
        fields(reply, &["response", "is_permanent", "expiration_timestamp", "response_source"])
            .ok_or(Why::Plain("messages: call_permission_reply is not an object"))?;
    let granted = match text(response).unwrap_or_default().to_ascii_lowercase().as_str() {
        "accept" => true,
        "reject" => false,
        _ => return Err(Why::Plain("messages: unknown answer to a permission request")),
    };
    let at = time(stamp).unwrap_or(around.received_at);
    let is_temporary = granted && !flag(permanent);
    let reply = PermissionReply {
        number: around.number.clone(),
        party: around.company.user(phone(from), user_id(from_id)),
        at,
        granted,
        expires_at: is_temporary.then(|| time(expires).unwrap_or(at + TEMPORARY)),
        automatic: text(source).is_some_and(|source| source.eq_ignore_ascii_case("automatic")),
    };
    let message = id.map_or_else(|| raw.get(), RawValue::get);
    let key = key::of_permission(&reply, message, stamp.map_or("", RawValue::get));
    Ok((reply, key))
}
