//! How Orbit dresses an event: its names, and the body of a webhook (provider-apis.md 2.9.7, 2.11).
//!
//! The provider does not document the names of WhatsApp's calls; ours begin with `whatsapp.call.`. Events that
//! its voice product has too go by a second name, `call.…`, for clients that were made for it: those who ask
//! for a second name get it, with an id of its own; `*` is every event once, under its first name.

use offhook_core::bill::{Bill, billable};
use offhook_core::call::{CallRecord, Glance};
use offhook_core::contact::Facts;
use offhook_core::event::{CallEvent, ContactEvent, Event, HookEvent, Logged};
use offhook_core::house::{BusinessNumber, MediaMode};
use offhook_core::id::{ContactId, EventId, HookId, UserId};
use offhook_core::meta::Direction;
use offhook_core::permission::{Source, Standing};
use offhook_core::phone::Phone;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::contacts::wire::told;
use super::status;
use crate::manners::moment;

/// First names.
pub(crate) const NAMES: [&str; 33] = [
    "whatsapp.call.initiated",
    "whatsapp.call.incoming",
    "whatsapp.call.ringing",
    "whatsapp.call.connected_sdp",
    "whatsapp.call.answered",
    "whatsapp.call.declined",
    "whatsapp.call.missed",
    "whatsapp.call.completed",
    "whatsapp.call.failed",
    "whatsapp.call.recording_ready",
    "whatsapp.call.transcript_ready",
    "whatsapp.call.permission_updated",
    "whatsapp.call.agent_ringing",
    "whatsapp.call.agent_joined",
    "whatsapp.call.agent_left",
    "whatsapp.call.transferred",
    "whatsapp.call.held",
    "whatsapp.call.resumed",
    "whatsapp.call.parked",
    "whatsapp.call.dtmf",
    "whatsapp.call.updated",
    "contact.created",
    "contact.updated",
    "contact.deleted",
    "contact.merged",
    "contact.opted_in",
    "contact.opted_out",
    "contact.segment_changed",
    "contact.import_completed",
    "contact.import_failed",
    "agent.presence_updated",
    "webhook.test",
    "webhook.disabled",
];

/// Names of the voice product that some events have besides.
pub(crate) const SECOND_NAMES: [&str; 6] = [
    "call.initiated",
    "call.ringing",
    "call.answered",
    "call.completed",
    "call.failed",
    "call.recording_ready",
];

/// Names of the provider's catalogue that clients may subscribe to and that are not sent from here (yet).
const NAMES_ELSEWHERE: [&str; 8] = [
    "contact.recertification_due",
    "message.created",
    "message.sent",
    "message.delivered",
    "message.failed",
    "message.read",
    "message.received",
    "message.replied",
];

/// Largest data of an event (provider-apis.md 2.11).
const DATA_CAP: usize = 256 * 1024;

/// What is left of data that was too large.
const IDENTIFIERS: [&str; 8] = [
    "call_id",
    "meta_call_id",
    "phone_number_id",
    "waba_id",
    "contact_id",
    "conversation_id",
    "recording_id",
    "webhook_id",
];

/// An event as webhooks, the history and the stream tell it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct OrbitEvent {
    /// The same over all repetitions.
    #[schema(example = "evt_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    pub(crate) id: String,
    /// Its name.
    #[serde(rename = "type")]
    #[schema(example = "whatsapp.call.completed")]
    pub(crate) kind: &'static str,
    /// When it happened.
    #[schema(format = DateTime, example = "2026-11-02T09:02:12.125Z")]
    pub(crate) created_at: String,
    /// What happened, by kind; a call's is the call as it was then.
    #[schema(value_type = Object)]
    pub(crate) data: Value,
    /// Present when `data` was larger than 256 KiB and holds identifiers only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) truncated: Option<bool>,
}

/// What the reader may see.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View {
    /// Phone numbers whole.
    pub(crate) phones: bool,
    /// SDP.
    pub(crate) sdp: bool,
    /// What calls cost.
    pub(crate) costs: bool,
}

impl View {
    /// Everything: for the company's own server.
    pub(crate) const WHOLE: Self = Self { phones: true, sdp: true, costs: true };
}

/// What an entry is told with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Around<'a> {
    pub(crate) number: Option<&'a BusinessNumber>,
    pub(crate) call: Option<&'a CallRecord>,
}

/// The first name of an event; none for what is the house's own business.
pub(crate) const fn name(event: &Event) -> Option<&'static str> {
    let name = match event {
        Event::Call { what, .. } => match what {
            CallEvent::Initiated => "whatsapp.call.initiated",
            CallEvent::Incoming => "whatsapp.call.incoming",
            CallEvent::Rang { .. } => "whatsapp.call.agent_ringing",
            CallEvent::Ringing => "whatsapp.call.ringing",
            CallEvent::RemoteAnswer => "whatsapp.call.connected_sdp",
            CallEvent::Answered => "whatsapp.call.answered",
            CallEvent::Joined { .. } => "whatsapp.call.agent_joined",
            CallEvent::Left { .. } => "whatsapp.call.agent_left",
            CallEvent::Transferred { .. } => "whatsapp.call.transferred",
            CallEvent::Held => "whatsapp.call.held",
            CallEvent::Resumed => "whatsapp.call.resumed",
            CallEvent::Parked => "whatsapp.call.parked",
            CallEvent::Digit { .. } => "whatsapp.call.dtmf",
            CallEvent::Completed => "whatsapp.call.completed",
            CallEvent::Declined => "whatsapp.call.declined",
            CallEvent::Missed => "whatsapp.call.missed",
            CallEvent::Failed => "whatsapp.call.failed",
            CallEvent::Corrected => "whatsapp.call.updated",
            _ => return None,
        },
        Event::Permission { .. } => "whatsapp.call.permission_updated",
        Event::Contact { what, .. } => match what {
            ContactEvent::Created => "contact.created",
            ContactEvent::Updated => "contact.updated",
            ContactEvent::Deleted => "contact.deleted",
            ContactEvent::Merged { .. } => "contact.merged",
            ContactEvent::OptedIn { .. } => "contact.opted_in",
            ContactEvent::OptedOut { .. } => "contact.opted_out",
            ContactEvent::SegmentChanged { .. } => "contact.segment_changed",
        },
        Event::Import { completed: true, .. } => "contact.import_completed",
        Event::Import { completed: false, .. } => "contact.import_failed",
        Event::Presence { .. } => "agent.presence_updated",
        Event::Recording { .. } => "whatsapp.call.recording_ready",
        Event::Hook { what: HookEvent::Tested, .. } => "webhook.test",
        Event::Hook { what: HookEvent::Disabled, .. } => "webhook.disabled",
        _ => return None,
    };
    Some(name)
}

/// The second name of an event. Its voice product knows one way for a call to end without a conversation.
pub(crate) fn second_name(first: &str) -> Option<&'static str> {
    match first {
        "whatsapp.call.initiated" | "whatsapp.call.incoming" => Some("call.initiated"),
        "whatsapp.call.ringing" => Some("call.ringing"),
        "whatsapp.call.answered" => Some("call.answered"),
        "whatsapp.call.completed" => Some("call.completed"),
        "whatsapp.call.failed" | "whatsapp.call.missed" | "whatsapp.call.declined" => Some("call.failed"),
        "whatsapp.call.recording_ready" => Some("call.recording_ready"),
        _ => None,
    }
}

/// Whether an event can be subscribed to under this name, or this beginning of names.
pub(crate) fn knows(topic: &str) -> bool {
    let mut all = NAMES.iter().chain(&SECOND_NAMES).chain(&NAMES_ELSEWHERE);
    match topic.strip_suffix('*') {
        Some("") => true,
        Some(beginning) => beginning.ends_with('.') && all.any(|name| name.starts_with(beginning)),
        None => all.any(|name| *name == topic),
    }
}

/// The id an entry has under its second name: another event to those who know events by their ids.
pub(crate) fn second_id(id: &EventId) -> EventId {
    EventId::from_uuid(Uuid::from_u128(id.uuid().as_u128() ^ 1))
}

/// Tells an entry under one of its names.
pub(crate) fn tell(logged: &Logged, name: &'static str, around: Around<'_>, view: View) -> OrbitEvent {
    let id = if self::name(&logged.event) == Some(name) { logged.id.clone() } else { second_id(&logged.id) };
    let (data, truncated) = capped(data(&logged.event, around, view));
    OrbitEvent { id: id.to_string(), kind: name, created_at: moment::precise(logged.at), data, truncated }
}

fn data(event: &Event, around: Around<'_>, view: View) -> Value {
    let number = json!({
        "phone_number_id": around.number.map(|number| number.meta_id.as_str()),
        "waba_id": around.number.map(|number| number.waba_id.as_str()),
    });
    match event {
        Event::Call { call, what, glance, .. } => {
            let told = glance.as_deref().cloned().or_else(|| around.call.map(Glance::of));
            let mut data = told.map_or_else(|| json!({}), |glance| of_call(&glance, around.number, view));
            data["call_id"] = json!(call.as_str());
            details(&mut data, what, around.call.filter(|_| view.sdp));
            data
        }
        Event::Recording { recording, call, length_ms, truncated } => {
            let glance = around.call.map(Glance::of);
            let mut data = glance.map_or_else(|| json!({}), |glance| of_call(&glance, around.number, view));
            data["call_id"] = json!(call.as_str());
            data["recording_id"] = json!(recording.as_str());
            data["recording_duration_ms"] = json!(length_ms);
            data["recording_truncated"] = json!(truncated);
            data
        }
        Event::Permission { phone, consent, state, expires_at, source, .. } => {
            let mut data = number;
            data["channel"] = json!("whatsapp");
            data["phone"] = json!(show(phone, view));
            data["status"] = json!(consent);
            data["state"] = json!(state.map(Standing::as_str));
            data["expires_at"] = json!(expires_at.map(moment::whole));
            data["source"] = json!(source.map(Source::as_str));
            data
        }
        Event::Contact { contact, what, facts } => of_contact(contact, what, facts.as_deref(), view),
        Event::Import { import, counts, .. } => {
            let mut data = json!(counts);
            data["import_id"] = json!(import.as_str());
            data
        }
        Event::Presence { person, presence } => json!({ "agent_id": person.as_str(), "presence": presence }),
        Event::Hook { hook, what } => of_hook(hook, *what),
        // Told in Meta's own words, to those who want them; and nothing is left to tell.
        Event::Knock { .. } | Event::Erased => json!({}),
    }
}

/// A contact as it was then, under the names of its resource, and what happened to it.
fn of_contact(id: &ContactId, what: &ContactEvent, facts: Option<&Facts>, view: View) -> Value {
    let mut data = facts.map_or_else(|| json!({}), |facts| told(facts, view.phones));
    data["contact_id"] = json!(id.as_str());
    match what {
        ContactEvent::Merged { gone } => data["merged_contact_id"] = json!(gone.as_str()),
        ContactEvent::OptedIn { channel } | ContactEvent::OptedOut { channel } => {
            data["channel"] = json!(channel.as_str());
        }
        ContactEvent::SegmentChanged { segment, joined } => {
            data["segment_id"] = json!(segment.as_str());
            data["joined"] = json!(joined);
        }
        ContactEvent::Created | ContactEvent::Updated | ContactEvent::Deleted => {}
    }
    data
}

fn of_hook(hook: &HookId, what: HookEvent) -> Value {
    let message = match what {
        HookEvent::Tested => "a test: nothing has happened",
        HookEvent::Disabled => "nothing is sent to this webhook any more, until it is made active again",
    };
    json!({ "webhook_id": hook.as_str(), "message": message })
}

/// The common data of a call's events.
fn of_call(glance: &Glance, number: Option<&BusinessNumber>, view: View) -> Value {
    let ours = number.map(|number| show(&number.phone, view));
    let theirs = glance.party.phone.as_ref().map(|phone| show(phone, view));
    let (from, to) = match glance.direction {
        Direction::Inbound => (theirs, ours),
        Direction::Outbound => (ours, theirs),
    };
    // Meta's id has the user's number inside, so those who see phones masked do not see it.
    let wacid = glance.wacid.as_ref().filter(|_| view.phones).map(|wacid| wacid.as_str());
    let bill = glance.bill.as_ref().filter(|_| glance.ended_at.is_some());
    let billed =
        glance.ended_at.map(|_| bill.map_or_else(|| billable(glance.duration_secs), |it| it.billable_secs));
    let seen = bill.filter(|_| view.costs);
    json!({
        "call_id": null,
        "meta_call_id": wacid,
        "phone_number_id": number.map(|number| number.meta_id.as_str()),
        "waba_id": number.map(|number| number.waba_id.as_str()),
        "channel": "whatsapp",
        "direction": glance.direction,
        "status": status::of(glance.state, glance.answered_at.is_some()),
        "end_reason": glance.end_reason.map(|reason| reason.as_str()),
        "from": from,
        "to": to,
        "contact_id": glance.party.contact.as_ref().map(|contact| contact.id.as_str()),
        "contact_name": glance.party.shown(),
        "conversation_id": glance.conversation_id,
        "biz_opaque_callback_data": glance.correlation,
        "agent_id": glance.agent.as_ref().map(UserId::as_str),
        "media_mode": glance.media_mode,
        "meta_error_code": glance.error_code,
        "duration_seconds": glance.duration_secs,
        "billable_seconds": billed,
        "cost": seen.and_then(|bill| bill.cost).map(|cost| cost.to_string()),
        "currency": seen.and_then(Bill::currency).map(|currency| currency.as_str()),
        "started_at": moment::whole(glance.created_at),
        "ringing_at": glance.rang_at.map(moment::whole),
        "answered_at": glance.answered_at.map(moment::whole),
        "ended_at": glance.ended_at.map(moment::whole),
    })
}

/// What one kind of event tells besides. `call` is there for those who may see SDP.
fn details(data: &mut Value, what: &CallEvent, call: Option<&CallRecord>) {
    match what {
        CallEvent::Rang { agents } => {
            data["agent_ids"] = json!(agents.iter().map(UserId::as_str).collect::<Vec<_>>());
        }
        CallEvent::Joined { agent } | CallEvent::Left { agent, .. } => {
            data["agent_id"] = json!(agent.as_str());
            if let CallEvent::Left { why, .. } = what {
                data["reason"] = json!(why);
            }
        }
        CallEvent::Transferred { to } => data["agent_id"] = json!(to.as_str()),
        CallEvent::Digit { key } => data["digit"] = json!(key),
        CallEvent::Incoming => {
            // A client that carries sound of its own answers this.
            let relayed = call.filter(|call| call.media_mode == MediaMode::Relay);
            if let Some(offer) = relayed.and_then(|call| call.facts.offer.as_ref()) {
                data["sdp_offer"] = json!(offer.as_str());
            }
        }
        CallEvent::RemoteAnswer => {
            let relayed = call.filter(|call| call.media_mode == MediaMode::Relay);
            if let Some(answer) = relayed.and_then(|call| call.facts.answer.as_ref()) {
                data["sdp_answer"] = json!(answer.as_str());
            }
        }
        _ => {}
    }
}

fn show(phone: &Phone, view: View) -> String {
    if view.phones { phone.reveal() } else { phone.to_string() }
}

/// Data that fits, or its identifiers.
fn capped(data: Value) -> (Value, Option<bool>) {
    let bytes = data.to_string().len();
    if bytes <= DATA_CAP {
        return (data, None);
    }
    let mut rest = Map::new();
    rest.insert("_truncated".to_owned(), json!(true));
    rest.insert("_original_bytes".to_owned(), json!(bytes));
    for name in IDENTIFIERS {
        if let Some(value) = data.get(name).filter(|value| value.to_string().len() <= 1024) {
            rest.insert(name.to_owned(), value.clone());
        }
    }
    (Value::Object(rest), Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_names_of_the_catalogue_or_their_beginnings() {
        for topic in
            ["*", "whatsapp.call.*", "call.*", "call.completed", "whatsapp.call.missed", "contact.created"]
        {
            assert!(knows(topic), "{topic}");
        }
        for topic in ["", "call", "call*", "calls.*", "whatsapp.call.ended", "Call.completed", ".*", "* "] {
            assert!(!knows(topic), "{topic}");
        }
    }

    #[test]
    fn every_second_name_belongs_to_a_first_one() {
        let seconds: Vec<_> = NAMES.iter().filter_map(|name| second_name(name)).collect();
        assert!(SECOND_NAMES.iter().all(|name| seconds.contains(name)), "{seconds:?}");
        assert!(seconds.iter().all(|name| SECOND_NAMES.contains(name)), "{seconds:?}");
        let id = EventId::from_uuid(Uuid::from_u128(8));
        assert_ne!(second_id(&id), id);
        assert_eq!(second_id(&second_id(&id)), id);
    }

    #[test]
    fn data_that_is_too_large_keeps_its_identifiers() {
        let small = json!({ "call_id": "wac_1" });
        assert_eq!(capped(small.clone()), (small, None));
        let (rest, truncated) = capped(json!({ "call_id": "wac_1", "sdp_offer": "x".repeat(DATA_CAP) }));
        assert_eq!((rest["call_id"].as_str(), truncated), (Some("wac_1"), Some(true)));
        assert!(rest["_original_bytes"].as_u64().unwrap() > 262_144 && rest.get("sdp_offer").is_none());
    }
}
