//! A call as a row of the logs (provider-apis.md 3.5).

use aws_lc_rs::digest;
use offhook_core::call::CallRecord;
use offhook_core::meta::Direction;
use offhook_core::phone::Phone;
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use offhook_whatsapp::sdp::{self, Candidate};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use uuid::{Builder, Uuid};

use super::status;
use super::{DurationBasis, VobizManners};
use crate::manners::moment;

/// A call of the logs. What is not known is left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallLog {
    /// The row's own id; the call's is in `metadata.call_id`.
    #[schema(example = "e6f70819-2031-4b4c-95d6-e7f809102233")]
    id: String,
    #[schema(example = "MA_XXXXXXXX")]
    account_id: String,
    #[schema(example = "3f1c9b7e-2d4a-4f6b-9c8e-0a1b2c3d4e5f")]
    channel_id: String,
    /// WhatsApp's id of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "wacid.HBgM…")]
    meta_call_id: Option<String>,
    /// `inbound` or `outbound`.
    #[schema(example = "outbound")]
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+911140001234")]
    from_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "+919876543210")]
    to_number: Option<String>,
    /// `initiated`, `ringing`, `pre_accepted`, `accepted`, `rejected`, `terminated`, `failed` or `missed`.
    #[schema(example = "accepted")]
    status: &'static str,
    #[schema(example = "voice")]
    call_type: &'static str,
    /// With `include=sdp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    offer_sdp: Option<String>,
    /// With `include=sdp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    answer_sdp: Option<String>,
    /// The candidates of both descriptions, with `include=sdp`.
    #[serde(skip_serializing_if = "Option::is_none")]
    ice_candidates: Option<IceCandidates>,
    #[schema(example = "2026-03-25T14:00:00Z")]
    started_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-25T14:00:04Z")]
    answered_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026-03-25T14:03:05Z")]
    ended_at: Option<String>,
    /// Once the call is over; 0 when it was never answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 185)]
    duration_seconds: Option<u64>,
    /// Why the call ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "remote_hangup")]
    hangup_cause: Option<&'static str>,
    /// `call_id`, and what was sent with the call.
    #[schema(value_type = Object)]
    metadata: Value,
    #[schema(example = "2026-03-25T14:00:00Z")]
    created_at: String,
    #[schema(example = "2026-03-25T14:03:05Z")]
    updated_at: String,
}

/// The candidates of a call's descriptions.
#[derive(Serialize, ToSchema)]
pub(crate) struct IceCandidates {
    offer: Vec<IceCandidate>,
    answer: Vec<IceCandidate>,
}

/// A candidate.
#[derive(Serialize, ToSchema)]
pub(crate) struct IceCandidate {
    #[schema(example = "1")]
    foundation: String,
    #[schema(example = 1)]
    component: u16,
    #[schema(example = "udp")]
    protocol: String,
    #[schema(example = 2_122_260_223)]
    priority: u32,
    #[schema(example = "192.0.2.7")]
    address: String,
    #[schema(example = 50000)]
    port: u16,
    #[serde(rename = "type")]
    #[schema(example = "host")]
    kind: String,
}

impl From<Candidate> for IceCandidate {
    fn from(it: Candidate) -> Self {
        let Candidate { foundation, component, transport, priority, address, port, kind } = it;
        Self { foundation, component, protocol: transport, priority, address, port, kind }
    }
}

/// What a row needs besides its call.
pub(super) struct View<'a> {
    pub(super) account: &'a str,
    /// The business number, if it is known.
    pub(super) ours: Option<&'a Phone>,
    /// Whether numbers are shown whole.
    pub(super) reveal: bool,
    /// Whether descriptions are shown.
    pub(super) sdp: bool,
    pub(super) manners: VobizManners,
}

pub(super) fn row(call: &CallRecord, view: &View<'_>) -> CallLog {
    let show = |phone: &Phone| if view.reveal { phone.reveal() } else { phone.to_string() };
    let (ours, theirs) = (view.ours.map(show), call.facts.party.phone.as_ref().map(show));
    let (direction, from_number, to_number) = match call.direction {
        Direction::Inbound => ("inbound", theirs, ours),
        Direction::Outbound => ("outbound", ours, theirs),
    };
    let text = |sdp: &Option<Sdp>| sdp.as_ref().filter(|_| view.sdp).map(|sdp| sdp.as_str().to_owned());
    let (offer_sdp, answer_sdp) = (text(&call.facts.offer), text(&call.facts.answer));
    let read = |text: &Option<String>| -> Vec<IceCandidate> {
        text.iter().flat_map(|text| sdp::candidates(text)).map(IceCandidate::from).collect()
    };
    let described = offer_sdp.is_some() || answer_sdp.is_some();
    let ice_candidates =
        described.then(|| IceCandidates { offer: read(&offer_sdp), answer: read(&answer_sdp) });
    CallLog {
        id: row_id(call.id.uuid()).to_string(),
        account_id: view.account.to_owned(),
        channel_id: call.number.uuid().to_string(),
        // Meta's id has the user's number inside, so those who see phones masked do not see it.
        meta_call_id: call.facts.wacid.as_ref().filter(|_| view.reveal).map(|id| id.as_str().to_owned()),
        direction,
        from_number,
        to_number,
        status: status::word(call, view.manners),
        call_type: "voice",
        offer_sdp,
        answer_sdp,
        ice_candidates,
        started_at: moment::whole(call.created_at),
        answered_at: call.answered_at().map(moment::whole),
        ended_at: call.ended_at().map(moment::whole),
        duration_seconds: duration(call, view.manners.duration_basis),
        hangup_cause: call.end_reason.map(|reason| reason.as_str()),
        metadata: metadata(call),
        created_at: moment::whole(call.created_at),
        updated_at: moment::whole(call.updated_at),
    }
}

/// The row's own id: always the same for one call, and never the call's.
fn row_id(call: Uuid) -> Uuid {
    let mut text = b"vobiz call log ".to_vec();
    text.extend(call.as_bytes());
    let hash = digest::digest(&digest::SHA256, &text);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_ref()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

/// Whole seconds between the shown times, so that a row adds up.
pub(super) fn duration(call: &CallRecord, basis: DurationBasis) -> Option<u64> {
    let ended = call.ended_at()?;
    let Some(answered) = call.answered_at() else { return Some(0) };
    let second = |at: Time| at.as_micros().div_euclid(1_000_000);
    match basis {
        DurationBasis::Started => Some(u64::try_from(second(ended) - second(call.created_at)).unwrap_or(0)),
        DurationBasis::Answered => {
            let between = u64::try_from(second(ended) - second(answered)).unwrap_or(0);
            Some(call.duration_secs().map_or(between, u64::from))
        }
    }
}

fn metadata(call: &CallRecord) -> Value {
    let said = call.facts.metadata.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let mut fields: Map<String, Value> = said.unwrap_or_default();
    if let Some(correlation) = &call.correlation {
        fields.entry("biz_opaque_callback_data").or_insert_with(|| json!(correlation));
    }
    fields.insert("call_id".to_owned(), json!(call.id.uuid().to_string()));
    Value::Object(fields)
}
