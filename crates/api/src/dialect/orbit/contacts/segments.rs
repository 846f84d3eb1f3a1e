//! Segments: rules, and whom they admit.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use offhook_core::contact::segment::Segment;
use offhook_core::id::SegmentId;

use super::super::auth;
use super::super::body::json_body;
use super::super::error::ApiError;
use super::super::wire::{Answer, Reply};
use super::list::{Query, of_segment};
use super::lists::name;
use super::rules;
use super::wire::{ContactBody, Preview, SegmentBody, SegmentInput, json};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};

/// Segments of a company. Every change of a contact asks each of them.
const MOST_SEGMENTS: usize = 200;

/// Contacts shown with a preview.
const SHOWN: u32 = 25;

type Id = Result<Path<String>, PathRejection>;

fn absent() -> ApiError {
    ApiError::not_found("no such segment")
}

async fn find(house: &House, principal: &Principal, id: Id) -> Result<Segment, ApiError> {
    let id = id.ok().and_then(|Path(id)| SegmentId::parse(&id)).ok_or_else(absent)?;
    house.ports.groups.segment(&principal.tenant, &id).await?.ok_or_else(absent)
}

/// Lists all segments, oldest first, with how many belong now.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/segments",
    tag = "Contacts",
    operation_id = "listSegments",
    responses((status = 200, body = [SegmentBody]))
)]
pub(crate) async fn all(State(house): State<Shared>, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let segments = house.ports.groups.segments(&entry.principal.tenant).await?;
        Ok(Reply::page(segments.iter().map(SegmentBody::json).collect(), None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Makes a segment.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/segments",
    tag = "Contacts",
    operation_id = "createSegment",
    request_body = SegmentInput,
    responses((status = 201, body = SegmentBody))
)]
pub(crate) async fn create(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let input: SegmentInput = json_body(headers, content).await?;
        let written = input.rules.ok_or_else(|| ApiError::missing("rules"))?;
        let tenant = entry.principal.tenant.clone();
        let segment = Segment {
            id: SegmentId::from_uuid(house.ports.ids.next()),
            name: name(&input.name.ok_or_else(|| ApiError::missing("name"))?)?,
            rule: rules::read(&written)?,
            written: written.to_string(),
            count: 0,
            created_at: house.now(),
            tenant,
        };
        if house.ports.groups.segments(&segment.tenant).await?.len() >= MOST_SEGMENTS {
            return Err(ApiError::invalid(
                "name",
                format!("there are {MOST_SEGMENTS} segments: remove one first"),
            ));
        }
        let segment = house.ports.groups.add_segment(&segment).await?;
        Ok(Reply::created(SegmentBody::json(&segment)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Tells whom rules would admit, without keeping them.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/segments/preview",
    tag = "Contacts",
    operation_id = "previewSegment",
    request_body = SegmentInput,
    responses((status = 200, body = Preview))
)]
pub(crate) async fn preview(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let input: SegmentInput = json_body(headers, content).await?;
        let rule = rules::read(&input.rules.ok_or_else(|| ApiError::missing("rules"))?)?;
        let crowd = house.ports.contacts.crowd(&entry.principal.tenant, &rule, SHOWN).await?;
        let reveal = entry.principal.role().sees_phones();
        let contacts = crowd.newest.iter().map(|contact| ContactBody::of(contact, reveal)).collect();
        Ok(Reply::ok(json(&Preview { contact_count: crowd.count, contacts })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Reads a segment.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/segments/{id}",
    tag = "Contacts",
    operation_id = "getSegment",
    params(("id" = String, Path)),
    responses((status = 200, body = SegmentBody), (status = 404))
)]
pub(crate) async fn one(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = find(&house, &entry.principal, path).await.map(|it| Reply::ok(SegmentBody::json(&it)));
    entry.leave(answer)
}

/// Changes a segment's name or rules.
#[utoipa::path(
    put,
    path = "/api/v1/contacts/segments/{id}",
    tag = "Contacts",
    operation_id = "updateSegment",
    params(("id" = String, Path)),
    request_body = SegmentInput,
    responses((status = 200, body = SegmentBody), (status = 404))
)]
pub(crate) async fn change(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let before = find(&house, &entry.principal, path).await?;
        let input: SegmentInput = json_body(headers, content).await?;
        let mut segment =
            Segment { name: input.name.as_deref().map(name).transpose()?.unwrap_or(before.name), ..before };
        if let Some(written) = input.rules {
            segment.rule = rules::read(&written)?;
            segment.written = written.to_string();
        }
        let segment = house.ports.groups.change_segment(&segment).await?.ok_or_else(absent)?;
        Ok(Reply::ok(SegmentBody::json(&segment)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Removes a segment; contacts are untouched.
#[utoipa::path(
    delete,
    path = "/api/v1/contacts/segments/{id}",
    tag = "Contacts",
    operation_id = "deleteSegment",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404))
)]
pub(crate) async fn remove(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let segment = find(&house, &entry.principal, path).await?;
        let gone = house.ports.groups.remove_segment(&segment.tenant, &segment.id).await?;
        if gone { Ok(Reply::empty()) } else { Err(absent()) }
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Lists whom a segment admits now.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/segments/{id}/contacts",
    tag = "Contacts",
    operation_id = "listSegmentContacts",
    params(("id" = String, Path), ("cursor" = Option<String>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = [ContactBody]), (status = 404))
)]
pub(crate) async fn members(
    State(house): State<Shared>,
    path: Id,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let segment = find(&house, &entry.principal, path).await?;
        let query = Query::read(query.as_deref(), &["cursor", "limit"])?;
        of_segment(&house, &entry.principal, &query, &segment).await
    };
    let answer = answer.await;
    entry.leave(answer)
}
