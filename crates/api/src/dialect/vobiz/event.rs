//! How Vobiz dresses an event (provider-apis.md 3.6): an envelope around Meta's whole webhook.
//!
//! Ours: `call_id` and `channel_id` beside `payload`, because Meta's object knows neither; and the name
//! `webhook.test`.

use offhook_core::event::{Event, HookEvent, KnockKind, Logged};
use offhook_core::id::{CallId, NumberId};
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::manners::moment;

#[derive(Serialize)]
struct Envelope<'a> {
    event_id: Uuid,
    event_type: &'a str,
    account_id: &'a str,
    occurred_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    call_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_id: Option<Uuid>,
    payload: &'a RawValue,
}

/// The name of an event; none when Vobiz has none for it.
pub(crate) const fn name(event: &Event) -> Option<&'static str> {
    match event {
        Event::Knock { what, .. } => match what {
            KnockKind::Connect => Some("call.connect"),
            KnockKind::Status => Some("call.status_change"),
            KnockKind::Terminate => Some("call.terminate"),
            KnockKind::Permission => Some("message.inbound"),
            KnockKind::Settings => None,
        },
        Event::Hook { what: HookEvent::Tested, .. } => Some("webhook.test"),
        _ => None,
    }
}

/// The body. `payload` is Meta's webhook; none of a test.
pub(crate) fn body(logged: &Logged, name: &str, account: &str, payload: Option<&str>) -> Option<Vec<u8>> {
    let (call, number): (Option<&CallId>, Option<&NumberId>) = (logged.event.call(), logged.event.number());
    let envelope = Envelope {
        event_id: logged.id.uuid(),
        event_type: name,
        account_id: account,
        occurred_at: moment::whole(logged.at),
        call_id: call.map(CallId::uuid),
        channel_id: number.map(NumberId::uuid),
        payload: serde_json::from_str(payload.unwrap_or("{}")).ok()?,
    };
    serde_json::to_vec(&envelope).ok()
}
