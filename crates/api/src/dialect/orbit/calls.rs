//! `GET …/whatsapp/calling/calls` and `GET …/{id}`.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use offhook_core::call::table::Role as TableRole;
use offhook_core::call::{CallRecord, LegRecord};
use offhook_core::house::{BusinessNumber, MediaMode};
use offhook_core::id::{CallId, NumberId, RecordingId, UserId, Wacid};
use offhook_core::meta::Direction;
use offhook_core::ports::PageAfter;
use serde_json::{Value, json};

use super::auth;
use super::cursor::{self, Scope};
use super::error::ApiError;
use super::query::{self, ListQuery};
use super::row::{CallRow, Eyes};
use super::shapes;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right, Who};
use crate::ws;

/// Lists calls, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/calls",
    tag = "Calls",
    operation_id = "listCalls",
    params(
        ("status" = Option<String>, Query, description = "Any of `queued`, `ringing`, `in_progress`, \
            `completed`, `failed`, `missed`, with commas between them"),
        ("direction" = inline(Option<shapes::Direction>), Query),
        ("phone_number_id" = Option<String>, Query, description = "Of one business number: Meta's id"),
        ("waba_id" = Option<String>, Query, description = "Of one WhatsApp Business Account"),
        ("start" = Option<String>, Query, description = "Created from: a date (UTC) or an RFC 3339 time"),
        ("end" = Option<String>, Query, description = "Created before"),
        ("q" = Option<String>, Query, description = "Occurs in phone, contact name or conversation id; 1 to 100 \
            characters. Roles that see numbers masked do not search them"),
        ("limit" = Option<u32>, Query, minimum = 1, description = "25 unless given; 200 is taken for more"),
        ("cursor" = Option<String>, Query, description = "`meta.pagination.cursor` of the page before"),
    ),
    responses((status = 200, body = [CallRow]))
)]
pub(super) async fn list(State(house): State<Shared>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::List, Right::ReadCalls).await?;
    let answer = page(&house, &entry.principal, &pairs(query.as_deref())).await;
    entry.leave(answer)
}

/// Reads a call, by our id or WhatsApp's.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/calls/{id}",
    tag = "Calls",
    operation_id = "readCall",
    params(("id" = String, Path, description = "`wac_…`, or WhatsApp's `wacid.…`")),
    responses((status = 200, body = shapes::CallDetail))
)]
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
    let asked = Asked::of(house, principal, pairs).await?;
    let scope = Scope { tenant: &principal.tenant, filters: asked.query.signature.clone() };
    let secret = &house.config.cursor_secret;
    let open =
        |text: &String| cursor::open(secret, &scope, text, house.now()).ok_or_else(ApiError::invalid_cursor);
    let after = asked.query.cursor.as_ref().map(open).transpose()?;
    let from = PageAfter { after, limit: asked.query.limit };
    let page = house.ports.calls.list(&principal.tenant, &asked.query.filter, &from).await?;
    let last = page.calls.last().filter(|_| page.has_more);
    let cursor =
        last.map(|call| cursor::seal(secret, &scope, &(call.created_at, call.id.clone()), house.now()));
    let numbers = asked.numbers_of(house, principal, &page.calls).await?;
    let eyes = Eyes::of(principal);
    let rows = page.calls.iter().map(|call| value(&CallRow::of(call, number_of(call, &numbers), eyes)));
    Ok(Reply::page(rows.collect(), cursor))
}

/// A list as it was asked for, and the numbers it was read with.
pub(super) struct Asked {
    pub(super) query: ListQuery,
    pub(super) numbers: Arc<Vec<BusinessNumber>>,
}

impl Asked {
    pub(super) async fn of(
        house: &House,
        principal: &Principal,
        pairs: &[(String, String)],
    ) -> Result<Self, ApiError> {
        let read = |numbers: &[BusinessNumber]| {
            let (only, phones) = (only_number(principal), principal.role().sees_phones());
            let mut query = ListQuery::read(pairs, &query::Scope { numbers, only, phones })?;
            if principal.sandbox && !house.config.sandbox {
                query.among(numbers.iter().filter(|number| number.sandbox).map(|number| &number.id));
            }
            Ok::<_, ApiError>(query)
        };
        let numbers = house.directory.numbers(&principal.tenant).await?;
        let query = read(&numbers)?;
        // A number that is not known yet may be a minute old.
        if query.filter.numbers.as_ref().is_some_and(Vec::is_empty) {
            let numbers = house.directory.numbers_now(&principal.tenant).await?;
            return Ok(Self { query: read(&numbers)?, numbers });
        }
        Ok(Self { query, numbers })
    }

    /// Numbers among which every call's own is.
    pub(super) async fn numbers_of(
        &self,
        house: &House,
        principal: &Principal,
        calls: &[CallRecord],
    ) -> Result<Arc<Vec<BusinessNumber>>, ApiError> {
        match calls.iter().all(|call| number_of(call, &self.numbers).is_some()) {
            true => Ok(self.numbers.clone()),
            false => Ok(house.directory.numbers_now(&principal.tenant).await?),
        }
    }
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
    let call = call.filter(visible).ok_or_else(|| ApiError::not_found("no such call"))?;
    if principal.sandbox && !house.config.sandbox {
        let numbers = house.directory.numbers_now(&principal.tenant).await?;
        let reached = number_of(&call, &numbers).is_some_and(|number| house.reaches(principal, number));
        return if reached { Ok(call) } else { Err(ApiError::wrong_key_mode()) };
    }
    Ok(call)
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
    // What a client answers that takes the call with media of its own.
    let inbound = call.direction == Direction::Inbound && call.media_mode == MediaMode::Relay;
    let offer = call.facts.offer.as_ref().filter(|_| inbound && principal.role().may_call());
    let mut value = value(&CallRow::of(call, number, Eyes::of(principal)));
    value["sdp_answer"] = json!(answer);
    value["sdp_offer"] = json!(offer.map(|sdp| sdp.as_str()));
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

fn value(row: &CallRow) -> Value {
    serde_json::to_value(row).expect("rows are made of texts and numbers")
}
