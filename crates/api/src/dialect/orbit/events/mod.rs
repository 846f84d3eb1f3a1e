//! `…/events`: what happened, from the one log (provider-apis.md 2.12). Read only.
//!
//! Second names of events (`call.…`) are told to those who ask for them by `type`.

pub(crate) mod stream;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use offhook_core::event::{Event, Logged};
use offhook_core::id::{CallId, EventId, NumberId};
use offhook_core::ports::{LogStretch, StoreFault};
use offhook_core::time::Time;

use super::auth;
use super::calls::{only_number, pairs};
use super::cursor::{self, Scope};
use super::error::ApiError;
use super::event::{self, OrbitEvent, View};
use super::query::{Pairs, limit_of};
use super::webhooks::value;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};

/// Entries read at a time, and reads for one page: a filter may leave few entries of many. Past this the
/// client gets what there is, and a cursor to go on.
const ENTRIES: u32 = 500;
const ROUNDS: usize = 10;

/// Parameters that narrow the history, in the order a cursor signs them.
const FILTERS: [&str; 4] = ["type", "since", "until", "resource_id"];

/// Who reads, and what they want to read.
pub(super) struct Reader {
    view: View,
    only: Option<NumberId>,
    /// Names, beginnings that end in `.*`, or `*`.
    topics: Vec<String>,
}

impl Reader {
    pub(super) fn of(principal: &Principal, topics: Option<&str>) -> Self {
        let role = principal.role();
        let topics = topics.unwrap_or("*").split(',').map(str::trim).filter(|topic| !topic.is_empty());
        Self {
            view: View {
                phones: role.sees_phones(),
                sdp: role.may_call(),
                costs: principal.may(Right::ReadCosts),
            },
            only: only_number(principal).cloned(),
            topics: topics.map(str::to_owned).collect(),
        }
    }

    /// The events an entry is to this reader.
    pub(super) async fn told(&self, house: &House, logged: &Logged) -> Result<Vec<OrbitEvent>, StoreFault> {
        let mut told = Vec::new();
        for name in self.names(&logged.event) {
            let only = self.only.as_ref();
            told.extend(house.ports.hooks.wardrobe.orbit(logged, name, self.view, only).await?);
        }
        Ok(told)
    }

    fn names(&self, event: &Event) -> impl Iterator<Item = &'static str> + use<> {
        let first = event::name(event);
        let second = first.and_then(event::second_name).filter(|name| self.hears(name, true));
        first.filter(|name| self.hears(name, false)).into_iter().chain(second)
    }

    fn hears(&self, name: &str, second: bool) -> bool {
        self.topics.iter().any(|topic| {
            let beginning = topic.strip_suffix('*').filter(|rest| rest.ends_with('.'));
            (topic == "*" && !second)
                || topic == name
                || beginning.is_some_and(|beginning| name.starts_with(beginning))
        })
    }
}

/// Lists events, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "Events",
    operation_id = "listEvents",
    params(
        ("type" = Option<String>, Query, description = "Names, beginnings that end in `.*`, or `*`, with commas between"),
        ("since" = Option<String>, Query, description = "Written at or after: a date or an RFC 3339 time"),
        ("until" = Option<String>, Query, description = "Written before"),
        ("resource_id" = Option<String>, Query, description = "Of this call, recording, agent, webhook"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 25 unless stated"),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = inline(Vec<OrbitEvent>)))
)]
pub(crate) async fn list(State(house): State<Shared>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::List, Right::ReadEvents).await?;
    let answer = page(&house, &entry.principal, &pairs(query.as_deref())).await;
    entry.leave(answer)
}

/// Reads an event.
#[utoipa::path(
    get,
    path = "/api/v1/events/{id}",
    tag = "Events",
    operation_id = "readEvent",
    params(("id" = String, Path)),
    responses((status = 200, body = OrbitEvent))
)]
pub(crate) async fn one(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Read, Right::ReadEvents).await?;
    let answer = async {
        let id = id.ok().and_then(|Path(id)| EventId::parse(&id)).ok_or_else(no_event)?;
        let reader = Reader::of(&entry.principal, Some("*,call.*"));
        let logged = find(&house, &entry.principal, &id).await?.ok_or_else(no_event)?;
        let told = reader.told(&house, &logged).await?;
        told.iter()
            .find(|event| event.id == id.as_str())
            .map(|event| Reply::ok(value(event)))
            .ok_or_else(no_event)
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// The entry behind an event's id, of its first or second name.
async fn find(house: &House, principal: &Principal, id: &EventId) -> Result<Option<Logged>, StoreFault> {
    let events = &house.ports.events;
    match events.find_event(&principal.tenant, id).await? {
        Some(logged) => Ok(Some(logged)),
        None => events.find_event(&principal.tenant, &event::second_id(id)).await,
    }
}

async fn page(house: &House, principal: &Principal, pairs: &[(String, String)]) -> Answer {
    let pairs = Pairs(pairs);
    let reader = Reader::of(principal, pairs.find("type")?);
    let unknown: Vec<&str> =
        reader.topics.iter().map(String::as_str).filter(|it| !event::knows(it)).collect();
    if !unknown.is_empty() {
        return Err(ApiError::invalid_events(&unknown));
    }
    let resource = pairs.find("resource_id")?;
    let call = resource.and_then(CallId::parse);
    let scope =
        Scope { tenant: &principal.tenant, filters: format!("events {}", pairs.signature_of(&FILTERS)?) };
    let (secret, now) = (&house.config.cursor_secret, house.now());
    // A cursor holds an instant and an id; here the instant is the place in the log.
    let mut before = match pairs.find("cursor")? {
        Some(text) => {
            let (seq, _) = cursor::open(secret, &scope, text, now).ok_or_else(ApiError::invalid_cursor)?;
            u64::try_from(seq.as_micros()).ok()
        }
        None => None,
    };
    let wanted = limit_of(&pairs)? as usize;
    let (since, until) = (pairs.time("since")?, pairs.time("until")?);
    let mut told = Vec::new();
    let mut more = true;
    for _ in 0..ROUNDS {
        let stretch = LogStretch {
            before,
            since,
            until,
            call: call.clone(),
            newest_first: true,
            limit: ENTRIES,
            after: None,
        };
        let entries = house.ports.events.history(&principal.tenant, &stretch).await?;
        more = entries.len() == ENTRIES as usize;
        let last = entries.len();
        for (at, logged) in entries.into_iter().enumerate() {
            before = Some(logged.seq);
            if call.is_some() || resource.is_none_or(|id| concerns(&logged.event, id)) {
                told.extend(reader.told(house, &logged).await?.iter().map(value));
            }
            if told.len() >= wanted {
                more |= at + 1 < last;
                break;
            }
        }
        if told.len() >= wanted || !more {
            break;
        }
    }
    let cursor = before.filter(|_| more).map(|seq| {
        let seq = Time::from_micros(i64::try_from(seq).unwrap_or(i64::MAX));
        cursor::seal(secret, &scope, &(seq, CallId::from_uuid(uuid::Uuid::nil())), now)
    });
    Ok(Reply::page(told, cursor))
}

/// Whether an entry is about something else than a call with this id.
fn concerns(event: &Event, id: &str) -> bool {
    match event {
        Event::Recording { recording, .. } => recording.as_str() == id,
        Event::Presence { person, .. } => person.as_str() == id,
        Event::Hook { hook, .. } => hook.as_str() == id,
        Event::Contact { contact, .. } => contact.as_str() == id,
        Event::Import { import, .. } => import.as_str() == id,
        _ => false,
    }
}

fn no_event() -> ApiError {
    ApiError::not_found("no such event")
}
