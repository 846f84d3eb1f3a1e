//! What happened with a contact: calls, consent to be called, and what people wrote down.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use offhook_core::contact::timeline::{Entry, Note, What};
use offhook_core::event::Consent;
use offhook_core::id::CallId;
use offhook_core::meta::Direction;
use offhook_core::time::Time;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::body::json_body;
use super::super::error::ApiError;
use super::super::wire::{Answer, Reply};
use super::super::{auth, cursor};
use super::list::Query;
use super::wire::json;
use super::{absent, contact_id};
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Right, Who};

/// Longest note.
const LONGEST_NOTE: usize = 4000;

/// Entries of a page.
const PAGE: u32 = 50;

/// Something that happened with a contact.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActivityBody {
    /// `call.completed`, `call.missed`, `call.failed`, `call.declined`, `call.in_progress`, `permission.requested`,
    /// `permission.granted`, `permission.refused`, `permission.expired`, or `note`.
    #[serde(rename = "type")]
    #[schema(example = "call.completed")]
    kind: String,
    /// `whatsapp` for calls and permissions; null for notes.
    #[schema(required)]
    channel: Option<&'static str>,
    /// Null: messages are not this server's.
    #[schema(required)]
    message_id: Option<String>,
    #[schema(required)]
    call_id: Option<String>,
    /// `inbound` or `outbound` for calls.
    #[schema(required)]
    direction: Option<Hand>,
    /// A note's text.
    #[schema(required)]
    text: Option<String>,
    /// Who wrote it.
    #[schema(required)]
    author_id: Option<String>,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// From whose hand.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Hand {
    Inbound,
    Outbound,
}

/// A note to write down.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NoteInput {
    #[schema(min_length = 1, max_length = 4000)]
    text: String,
}

fn body(entry: &Entry) -> ActivityBody {
    let empty = ActivityBody {
        kind: "note".to_owned(),
        channel: None,
        message_id: None,
        call_id: None,
        direction: None,
        text: None,
        author_id: None,
        timestamp: moment::whole(entry.at),
    };
    match &entry.what {
        What::Call { call, state, direction } => ActivityBody {
            kind: format!("call.{}", super::super::status::activity(*state)),
            channel: Some("whatsapp"),
            call_id: Some(call.as_str().to_owned()),
            direction: Some(match direction {
                Direction::Inbound => Hand::Inbound,
                Direction::Outbound => Hand::Outbound,
            }),
            ..empty
        },
        What::Consent { consent, .. } => ActivityBody {
            kind: format!("permission.{}", word(*consent)),
            channel: Some("whatsapp"),
            ..empty
        },
        What::Note(note) => ActivityBody {
            text: Some(note.text.clone()),
            author_id: note.author.as_ref().map(|author| author.as_str().to_owned()),
            ..empty
        },
    }
}

const fn word(consent: Consent) -> &'static str {
    match consent {
        Consent::Requested => "requested",
        Consent::Granted => "granted",
        Consent::Refused => "refused",
        Consent::Expired => "expired",
    }
}

/// Lists what happened with a contact, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/{id}/activity",
    tag = "Contacts",
    operation_id = "listActivity",
    params(("id" = String, Path), ("cursor" = Option<String>, Query)),
    responses((status = 200, body = [ActivityBody]), (status = 404))
)]
pub(crate) async fn activity(
    State(house): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let id = contact_id(path.map(|Path(id)| id))?;
        let query = Query::read(query.as_deref(), &["cursor", "limit"])?;
        let tenant = &entry.principal.tenant;
        let scope = cursor::Scope { tenant, filters: format!("activity/{id}") };
        let secret = &house.config.cursor_secret;
        let before = match query.text("cursor") {
            Some(text) => {
                Some(cursor::open(secret, &scope, text, house.now()).ok_or_else(ApiError::invalid_cursor)?.0)
            }
            None => None,
        };
        let entries = house.ports.contacts.timeline(tenant, &id, before, PAGE).await?.ok_or_else(absent)?;
        let more = entries.len() >= PAGE as usize;
        let nobody = CallId::from_uuid(Default::default());
        let last: Option<Time> = entries.last().map(|entry| entry.at).filter(|_| more);
        let cursor = last.map(|at| cursor::seal(secret, &scope, &(at, nobody), house.now()));
        Ok(Reply::page(entries.iter().map(|entry| json(&body(entry))).collect(), cursor))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Writes something down about a contact.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/{id}/notes",
    tag = "Contacts",
    operation_id = "addNote",
    params(("id" = String, Path)),
    request_body = NoteInput,
    responses((status = 201, body = ActivityBody), (status = 404))
)]
pub(crate) async fn add_note(
    State(house): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let id = contact_id(path.map(|Path(id)| id))?;
        let NoteInput { text } = json_body(headers, content).await?;
        let text = text.trim().to_owned();
        if text.is_empty() || text.chars().count() > LONGEST_NOTE || text.contains('\0') {
            return Err(ApiError::invalid(
                "text",
                format!("field 'text' must have 1 to {LONGEST_NOTE} characters"),
            ));
        }
        let author = match &entry.principal.who {
            Who::Person(person) => Some(person.id.clone()),
            Who::Key(_) => None,
        };
        let note = Note { id: house.ports.ids.next().simple().to_string(), author, text };
        let noted = Entry { at: house.now(), what: What::Note(note) };
        let kept = house.ports.contacts.add_note(&entry.principal.tenant, &id, &noted).await?;
        if kept { Ok(Reply::created(json(&body(&noted)))) } else { Err(absent()) }
    };
    let answer = answer.await;
    entry.leave(answer)
}
