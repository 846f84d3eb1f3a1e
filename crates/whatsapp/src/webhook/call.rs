//! Elements of `calls` and `statuses` (whatsapp-calling.md 3.2 to 3.5).

use serde_json::value::RawValue;

use offhook_core::id::{MetaNumberId, Wacid};
use offhook_core::meta::{Direction, MetaError, MetaEvent, MetaEventKind, Terminate};
use offhook_core::phone::Phone;
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;

use super::party::{Company, phone, user_id};
use super::pick::{elements, fields, integer, short_text, text, time, words};
use super::{Why, key, word};
use crate::sdp;

/// Longest correlation taken; Meta's limit is 512.
const MAX_OPAQUE: usize = 1_024;

/// Longest text of an error's taken.
const MAX_MESSAGE: usize = 500;

/// What an element is read against.
pub(super) struct Around<'a> {
    pub(super) number: &'a MetaNumberId,
    pub(super) company: &'a Company<'a>,
    /// `value.errors`.
    pub(super) errors: Option<&'a RawValue>,
    pub(super) received_at: Time,
}

/// Reads one element of `calls`: the event, its key, and whether it used the change's own errors.
pub(super) fn call(raw: &RawValue, around: &Around<'_>) -> Result<(MetaEvent, String), Why> {
    let [id, event, stamp, direction, from, to, from_id, to_id, opaque, session, connection] = fields(
        raw,
        &[
            "id",
            "event",
            "timestamp",
            "direction",
            "from",
            "to",
            "from_user_id",
            "to_user_id",
            "biz_opaque_callback_data",
            "session",
            "connection",
        ],
    )
    .ok_or(Why::Plain("calls: not an object"))?;
    let wacid = wacid(id)?;
    let at = time(stamp).unwrap_or(around.received_at);
    let event = text(event).unwrap_or_default();
    let kind = if event.eq_ignore_ascii_case("connect") {
        MetaEventKind::Connect { sdp: description(session, connection) }
    } else if event.eq_ignore_ascii_case("terminate") {
        MetaEventKind::Terminate(end(raw, at, around))
    } else {
        return Err(Why::Word("calls", word(&event)));
    };
    let ours = around.company.phone.as_ref();
    let (from, to) = (phone(from), phone(to));
    let (from_id, to_id) = (user_id(from_id), user_id(to_id));
    let direction = self::direction(direction).or_else(|| by_numbers(ours, from.as_ref(), to.as_ref())).or(
        match (&from_id, &to_id) {
            (Some(_), None) => Some(Direction::Inbound),
            (None, Some(_)) => Some(Direction::Outbound),
            _ => by_description(session),
        },
    );
    // Some samples have the two swapped; our own number is never the user's.
    let not_ours = |phone: &Option<Phone>| phone.is_some() && phone.as_ref() != ours;
    let (user, other) = match direction {
        Some(Direction::Outbound) => (to, from),
        Some(Direction::Inbound) | None => (from, to),
    };
    let (user_id, other_id) = match direction {
        Some(Direction::Outbound) => (to_id, from_id),
        Some(Direction::Inbound) | None => (from_id, to_id),
    };
    let user =
        if not_ours(&user) { user } else { other.filter(|phone| Some(phone) != ours && ours.is_some()) };
    let event = MetaEvent {
        wacid,
        number: around.number.clone(),
        at,
        direction,
        opaque: short_text(opaque, MAX_OPAQUE),
        party: around.company.user(user, user_id.or(other_id)),
        kind,
    };
    let key = key::of_call(&event, stamp.map_or("", RawValue::get));
    Ok((event, key))
}

/// Reads one element of `statuses`: always of an outbound call.
pub(super) fn status(raw: &RawValue, around: &Around<'_>) -> Result<(MetaEvent, String), Why> {
    let [id, kind, status, stamp, recipient, recipient_id, opaque] = fields(
        raw,
        &[
            "id",
            "type",
            "status",
            "timestamp",
            "recipient_id",
            "recipient_user_id",
            "biz_opaque_callback_data",
        ],
    )
    .ok_or(Why::Plain("statuses: not an object"))?;
    if let Some(kind) = text(kind).filter(|kind| !kind.eq_ignore_ascii_case("call")) {
        return Err(Why::Word("statuses", word(&kind)));
    }
    let said = text(status).unwrap_or_default();
    let kind = match said.to_ascii_uppercase().as_str() {
        "RINGING" => MetaEventKind::Ringing,
        "ACCEPTED" => MetaEventKind::Accepted,
        "REJECTED" => MetaEventKind::Rejected,
        _ => return Err(Why::Word("statuses", word(&said))),
    };
    let event = MetaEvent {
        wacid: wacid(id)?,
        number: around.number.clone(),
        at: time(stamp).unwrap_or(around.received_at),
        direction: Some(Direction::Outbound),
        opaque: short_text(opaque, MAX_OPAQUE),
        party: around.company.user(phone(recipient), user_id(recipient_id)),
        kind,
    };
    let key = key::of_call(&event, stamp.map_or("", RawValue::get));
    Ok((event, key))
}

fn wacid(raw: Option<&RawValue>) -> Result<Wacid, Why> {
    text(raw).and_then(Wacid::new).ok_or(Why::Plain("calls: no usable id"))
}

fn direction(raw: Option<&RawValue>) -> Option<Direction> {
    match text(raw)?.to_ascii_uppercase().as_str() {
        "USER_INITIATED" | "INCOMING" => Some(Direction::Inbound),
        "BUSINESS_INITIATED" | "OUTGOING" => Some(Direction::Outbound),
        _ => None,
    }
}

fn by_numbers(ours: Option<&Phone>, from: Option<&Phone>, to: Option<&Phone>) -> Option<Direction> {
    let ours = Some(ours?);
    match (from == ours, to == ours) {
        (false, true) => Some(Direction::Inbound),
        (true, false) => Some(Direction::Outbound),
        _ => None,
    }
}

/// Meta offers to us and answers to us, so the kind of its description tells who called.
fn by_description(session: Option<&RawValue>) -> Option<Direction> {
    let [kind] = fields(session?, &["sdp_type"])?;
    let kind = text(kind)?;
    if kind.eq_ignore_ascii_case("offer") {
        Some(Direction::Inbound)
    } else if kind.eq_ignore_ascii_case("answer") {
        Some(Direction::Outbound)
    } else {
        None
    }
}

/// The description in `session`, or in the older `connection` when there is no session (1.6). One that
/// cannot be used is counted and left out: the call itself must not be lost with it.
fn description(session: Option<&RawValue>, connection: Option<&RawValue>) -> Option<Sdp> {
    let written = match session {
        Some(session) => fields(session, &["sdp"]).and_then(|[sdp]| text(sdp)),
        None => older(connection?),
    };
    let taken = written.and_then(|text| sdp::check_remote(&text).ok());
    if taken.is_none() {
        metrics::counter!("offhook_webhook_sdp_unreadable_total").increment(1);
        tracing::warn!("a webhook's session description cannot be read");
    }
    taken
}

fn older(connection: &RawValue) -> Option<String> {
    let [webrtc] = fields(connection, &["webrtc"])?;
    let [wrapped] = fields(webrtc?, &["sdp"])?;
    let wrapped = text(wrapped)?;
    let inner: Box<RawValue> = serde_json::from_str(&wrapped).ok()?;
    let [sdp] = fields(&inner, &["sdp"])?;
    text(sdp)
}

fn end(raw: &RawValue, at: Time, around: &Around<'_>) -> Terminate {
    let read = fields(raw, &["status", "start_time", "end_time", "duration", "errors"]);
    let [status, start, end, duration, errors] = read.unwrap_or_default();
    let has_failed = text(status).is_some_and(|status| status.eq_ignore_ascii_case("failed"));
    // The change's errors are this call's when it is the only one, or says that it failed.
    let shared = around.errors.filter(|_| has_failed || around.company.is_single);
    let unexplained =
        || MetaError { code: 0, message: "the call failed; WhatsApp gave no reason".to_owned() };
    let error = first_error(errors).or_else(|| first_error(shared)).or_else(|| has_failed.then(unexplained));
    Terminate {
        at,
        started_at: time(start),
        ended_at: time(end),
        duration_secs: integer(duration).and_then(|secs| u32::try_from(secs).ok()),
        error,
    }
}

/// The first error with a code; everything else of it may be missing (3.5).
fn first_error(raw: Option<&RawValue>) -> Option<MetaError> {
    let (errors, _) = elements(raw, &mut 8);
    errors.into_iter().find_map(|error| {
        let [code, title, message, data] = fields(error, &["code", "title", "message", "error_data"])?;
        let details = data.and_then(|data| fields(data, &["details"])).and_then(|[details]| details);
        let said = [details, message, title].into_iter().find_map(|part| words(part, MAX_MESSAGE));
        let message = said.unwrap_or_else(|| "WhatsApp gave no reason".to_owned());
        Some(MetaError { code: integer(code)?, message })
    })
}
