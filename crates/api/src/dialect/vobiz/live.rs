//! What happens to calls, dressed for live pages (provider-apis.md 3.7; the payloads are ours).

use offhook_core::call::{CallRecord, Deadline};
use offhook_core::event::{CallEvent, Event, Logged};
use offhook_core::house::BusinessNumber;
use offhook_core::id::CallId;
use offhook_core::phone::Phone;
use serde::Serialize;

use super::row::duration;
use super::{VobizManners, status};
use crate::manners::moment;

/// A message to a live page.
#[derive(Serialize)]
pub(super) struct Frame {
    #[serde(rename = "type")]
    kind: &'static str,
    ts: String,
    data: Data,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Incoming(Incoming),
    Status(Status),
}

#[derive(Serialize)]
struct Incoming {
    call_id: String,
    meta_call_id: Option<String>,
    channel_id: String,
    from: Option<String>,
    from_name: Option<String>,
    to: Option<String>,
    sdp_offer: Option<String>,
    expires_at: String,
}

#[derive(Serialize)]
struct Status {
    call_id: String,
    meta_call_id: Option<String>,
    channel_id: String,
    direction: offhook_core::meta::Direction,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sdp_answer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hangup_cause: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_seconds: Option<u64>,
}

/// For whom a frame is made.
#[derive(Clone, Copy)]
pub(super) struct Eyes {
    /// They see numbers whole.
    pub(super) phones: bool,
    /// They see descriptions.
    pub(super) sdp: bool,
    pub(super) manners: VobizManners,
}

/// The call an event is about, if a live page is told of it.
pub(super) fn concerns(logged: &Logged) -> Option<&CallId> {
    let Event::Call { call, what, .. } = &logged.event else { return None };
    let told = matches!(
        what,
        CallEvent::Incoming
            | CallEvent::Initiated
            | CallEvent::Dialing
            | CallEvent::Ringing
            | CallEvent::RemoteAnswer
            | CallEvent::Claimed
            | CallEvent::Answered
            | CallEvent::Ending
            | CallEvent::Completed
            | CallEvent::Declined
            | CallEvent::Missed
            | CallEvent::Failed
            | CallEvent::Corrected
    );
    told.then_some(call)
}

/// An event of a call in the face's words.
pub(super) fn frame(
    logged: &Logged,
    call: &CallRecord,
    number: Option<&BusinessNumber>,
    eyes: Eyes,
) -> Frame {
    let what = match &logged.event {
        Event::Call { what, .. } => Some(what),
        _ => None,
    };
    let show = |phone: &Phone| if eyes.phones { phone.reveal() } else { phone.to_string() };
    let call_id = call.id.uuid().to_string();
    // Meta's id has the user's number inside.
    let meta_call_id = call.facts.wacid.as_ref().filter(|_| eyes.phones).map(|id| id.as_str().to_owned());
    let channel_id = call.number.uuid().to_string();
    let ts = moment::precise(logged.at);
    if what == Some(&CallEvent::Incoming) {
        let offer = call.facts.offer.as_ref().filter(|_| eyes.sdp);
        let data = Data::Incoming(Incoming {
            call_id,
            meta_call_id,
            channel_id,
            from: call.facts.party.phone.as_ref().map(show),
            from_name: call.facts.party.name.clone(),
            to: number.map(|number| show(&number.phone)),
            sdp_offer: offer.map(|sdp| sdp.as_str().to_owned()),
            expires_at: moment::whole(call.created_at + Deadline::Answer.wait()),
        });
        return Frame { kind: "call.incoming", ts, data };
    }
    let answer = call.facts.answer.as_ref().filter(|_| eyes.sdp && what == Some(&CallEvent::RemoteAnswer));
    let data = Data::Status(Status {
        call_id,
        meta_call_id,
        channel_id,
        direction: call.direction,
        status: status::word(call, eyes.manners),
        sdp_answer: answer.map(|sdp| sdp.as_str().to_owned()),
        hangup_cause: call.end_reason.map(|reason| reason.as_str()),
        duration_seconds: duration(call, eyes.manners.duration_basis),
    });
    Frame { kind: "call.status", ts, data }
}
