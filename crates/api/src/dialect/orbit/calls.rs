//! `GET …/whatsapp/calling/calls` and `GET …/{id}`.

use std::collections::BTreeSet;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use offhook_core::call::table::Role as TableRole;
use offhook_core::call::{CallRecord, LegRecord};
use offhook_core::house::{BusinessNumber, MediaMode};
use offhook_core::id::{CallId, NumberId, RecordingId, UserId, Wacid};
use offhook_core::meta::Direction;
use offhook_core::phone::Phone;
use offhook_core::ports::PageAfter;
use offhook_core::time::Time;
use serde_json::{Value, json};

use super::auth;
use super::cursor::{self, Scope};
use super::error::ApiError;
use super::query::ListQuery;
use super::status;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right, Who};
use crate::ws;

/// Pages read from the store for one page of an answer. A filter that the store does not know may leave few
/// rows of each; past this the client gets what there is, and a cursor to go on.
const ROUNDS: usize = 10;

/// The least duration that is billed, once a call was answered (provider-apis.md 2.9.1).
const BILLED_AT_LEAST: u32 = 60;

pub(super) async fn list(State(house): State<Shared>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::List, Right::ReadCalls).await?;
    let answer = page(&house, &entry.principal, &pairs(query.as_deref())).await;
    entry.leave(answer)
}

pub(super) async fn one(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Read, Right::ReadCalls).await?;
    let answer = match id {
        Ok(Path(id)) => whole(&house, &entry.principal, &id).await,
        Err(_) => Err(ApiError::not_found("no such call")),
    };
    entry.leave(answer)
}

/// The parameters of a query; bytes that are no text become marks that fit no value.
pub(super) fn pairs(query: Option<&str>) -> Vec<(String, String)> {
    let parsed = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    parsed.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

async fn page(house: &House, principal: &Principal, pairs: &[(String, String)]) -> Answer {
    let numbers = house.directory.numbers_now(&principal.tenant).await?;
    let mut query = ListQuery::read(pairs, &numbers)?;
    if let Some(number) = only_number(principal) {
        query.only(BTreeSet::from([number.clone()]));
    }
    let scope = Scope { tenant: &principal.tenant, filters: query.signature.clone() };
    let secret = &house.config.cursor_secret;
    let after = match &query.cursor {
        Some(text) => {
            Some(cursor::open(secret, &scope, text, house.now()).ok_or_else(ApiError::invalid_cursor)?)
        }
        None => None,
    };
    let (calls, last) = find(house, principal, &query, after).await?;
    let rows = calls.iter().map(|call| row(call, number_of(call, &numbers), principal.role().sees_phones()));
    let cursor = last.map(|last| cursor::seal(secret, &scope, &last, house.now()));
    Ok(Reply::page(rows.collect(), cursor))
}

type Place = (Time, CallId);

/// The calls of a page, and the place of the last one looked at when there may be more.
async fn find(
    house: &House,
    principal: &Principal,
    query: &ListQuery,
    mut after: Option<Place>,
) -> Result<(Vec<CallRecord>, Option<Place>), ApiError> {
    let wanted = query.limit as usize;
    let mut found = Vec::new();
    if query.is_hopeless() {
        return Ok((found, None));
    }
    for _ in 0..ROUNDS {
        let from = PageAfter { after: after.clone(), limit: query.limit };
        let page = house.ports.calls.list(&principal.tenant, &query.filter, &from).await?;
        let mut calls = page.calls.into_iter();
        for call in calls.by_ref() {
            after = Some((call.created_at, call.id.clone()));
            if query.admits(&call) {
                found.push(call);
            }
            if found.len() == wanted {
                break;
            }
        }
        let more = page.has_more || calls.len() > 0;
        if found.len() == wanted || !more {
            return Ok((found, after.filter(|_| more)));
        }
    }
    Ok((found, after))
}

async fn whole(house: &House, principal: &Principal, id: &str) -> Answer {
    let call = load(house, principal, id).await?;
    let numbers = house.directory.numbers(&principal.tenant).await?;
    Ok(Reply::ok(detailed(&call, number_of(&call, &numbers), principal)))
}

/// The call by our id or Meta's, if the caller may see it. Somebody else's is as absent as one that never was.
pub(super) async fn load(house: &House, principal: &Principal, id: &str) -> Result<CallRecord, ApiError> {
    let call = match (CallId::parse(id), Wacid::new(id)) {
        (Some(id), _) => house.engine.load(&principal.tenant, &id).await?.map(|call| (*call).clone()),
        (None, Some(wacid)) => house.ports.calls.find_wacid(&wacid).await?,
        (None, None) => None,
    };
    let visible = |call: &CallRecord| {
        call.tenant == principal.tenant && only_number(principal).is_none_or(|number| *number == call.number)
    };
    call.filter(visible).ok_or_else(|| ApiError::not_found("no such call"))
}

/// The one number a key is made for.
pub(super) fn only_number(principal: &Principal) -> Option<&NumberId> {
    match &principal.who {
        Who::Key(key) => key.number.as_ref(),
        Who::Person(_) => None,
    }
}

pub(super) fn number_of<'a>(call: &CallRecord, numbers: &'a [BusinessNumber]) -> Option<&'a BusinessNumber> {
    numbers.iter().find(|number| number.id == call.number)
}

/// A single call: the row, and what a client with media of its own needs.
pub(super) fn detailed(call: &CallRecord, number: Option<&BusinessNumber>, principal: &Principal) -> Value {
    let theirs = call.facts.answer.as_ref().filter(|_| call.direction == Direction::Outbound);
    let answer = theirs.filter(|_| principal.role().may_call()).map(|sdp| sdp.as_str());
    let mut value = row(call, number, principal.role().sees_phones());
    value["sdp_answer"] = json!(answer);
    value["media_mode"] = json!(call.media_mode);
    if call.media_mode == MediaMode::Bridge {
        value["bridge"] = bridge(call);
    }
    value
}

/// What is arranged at a bridged call, and how its legs went.
fn bridge(call: &CallRecord) -> Value {
    let table = &call.facts.table;
    let party =
        |(who, role): (&UserId, &TableRole)| json!({ "agent_id": who.as_str(), "role": role.as_str() });
    let leg = |leg: &LegRecord| json!({ "agent_id": leg.agent.as_ref().map(UserId::as_str), "quality": ws::quality(&leg.quality) });
    json!({
        "held": call.facts.held,
        "parties": table.seats.iter().map(party).collect::<Vec<_>>(),
        "muted": table.muted.iter().map(UserId::as_str).collect::<Vec<_>>(),
        "seeking": table.seek.is_some(),
        "parked_at": table.parked.as_ref().map(|parked| moment::whole(parked.at)),
        "playing": table.clip.as_ref().map(|playing| playing.clip.as_str()),
        "recordings": call.facts.recordings.iter().map(RecordingId::as_str).collect::<Vec<_>>(),
        "legs": call.facts.quality.iter().map(leg).collect::<Vec<_>>(),
    })
}

/// The recording of a row. Its files are asked for by their ids, which a single call has.
fn recording(call: &CallRecord) -> Value {
    let now = call.facts.table.recording.as_ref().map(|recording| recording.state.as_str());
    let done = if call.facts.recordings.is_empty() { "absent" } else { "done" };
    json!({ "state": now.unwrap_or(done), "url": null })
}

/// A row of the list (provider-apis.md 2.9.4). What is not known is null.
fn row(call: &CallRecord, number: Option<&BusinessNumber>, reveal: bool) -> Value {
    let show = |phone: &Phone| if reveal { phone.reveal() } else { phone.to_string() };
    let ours = number.map(|number| show(&number.phone));
    let theirs = call.facts.party.phone.as_ref().map(show);
    let (from, to) = match call.direction {
        Direction::Inbound => (theirs, ours),
        Direction::Outbound => (ours, theirs),
    };
    // Meta's id has the user's number inside, so those who see phones masked do not see it.
    let wacid = call.facts.wacid.as_ref().filter(|_| reveal).map(Wacid::as_str);
    let billed = call.state.is_over().then(|| call.duration_secs().map_or(0, |it| it.max(BILLED_AT_LEAST)));
    let error = call.end_reason.and_then(ApiError::by_reason).map(|error| error.code());
    json!({
        "id": call.id.as_str(),
        "meta_call_id": wacid,
        "waba_id": number.map(|number| number.waba_id.as_str()),
        "phone_number_id": number.map(|number| number.meta_id.as_str()),
        "direction": call.direction,
        "status": status::word(call),
        "end_reason": call.end_reason.map(|reason| reason.as_str()),
        "from_phone": from,
        "to_phone": to,
        "contact_id": null,
        "contact_name": call.facts.party.name,
        "conversation_id": call.conversation_id,
        "biz_opaque_callback_data": call.correlation,
        "agent_id": call.agent.as_ref().map(UserId::as_str),
        "queue_id": null,
        "started_at": moment::whole(call.created_at),
        "ringing_at": call.rang_at().map(moment::whole),
        "answered_at": call.answered_at().map(moment::whole),
        "ended_at": call.ended_at().map(moment::whole),
        "duration_seconds": call.duration_secs(),
        "billable_seconds": billed,
        "cost": null,
        "currency": null,
        "recording": recording(call),
        "error_code": error,
        "created_at": moment::whole(call.created_at),
        "updated_at": moment::whole(call.updated_at),
    })
}
