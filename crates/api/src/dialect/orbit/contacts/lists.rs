//! Lists of contacts and who is on them.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use offhook_core::contact::Edit;
use offhook_core::contact::segment::ContactList;
use offhook_core::id::{ContactId, ListId};
use offhook_core::ports::{ContactFilter, StoreFault};

use super::super::auth;
use super::super::body::json_body;
use super::super::error::ApiError;
use super::super::wire::{Answer, Reply};
use super::list::{Query, page};
use super::wire::{ContactBody, ListBody, ListInput, Members, MembersChanged, edit, json};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};

const LONGEST_NAME: usize = 120;
const LONGEST_DESCRIPTION: usize = 500;

/// Contacts put on a list with one request.
const MOST_MEMBERS: usize = 1000;

type Id = Result<Path<String>, PathRejection>;

fn absent() -> ApiError {
    ApiError::not_found("no such list")
}

async fn find(house: &House, principal: &Principal, id: Id) -> Result<ContactList, ApiError> {
    let id = id.ok().and_then(|Path(id)| ListId::parse(&id)).ok_or_else(absent)?;
    house.ports.groups.list(&principal.tenant, &id).await?.ok_or_else(absent)
}

/// A name of 1 to 120 characters.
pub(super) fn name(text: &str) -> Result<String, ApiError> {
    let text = text.trim();
    let fits = (1..=LONGEST_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let wrong =
        || ApiError::invalid("name", format!("field 'name' must have 1 to {LONGEST_NAME} characters"));
    if fits { Ok(text.to_owned()) } else { Err(wrong()) }
}

fn taken(fault: StoreFault) -> ApiError {
    match fault {
        StoreFault::Exists(_) => ApiError::name_taken("a list with this name exists already"),
        fault => fault.into(),
    }
}

/// Lists all lists, oldest first.
#[utoipa::path(get, path = "/api/v1/contacts/lists", tag = "Contacts", operation_id = "listLists", responses((status = 200, body = [ListBody])))]
pub(crate) async fn all(State(house): State<Shared>, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let lists = house.ports.groups.lists(&entry.principal.tenant).await?;
        Ok(Reply::page(lists.iter().map(ListBody::json).collect(), None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Makes a list.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/lists",
    tag = "Contacts",
    operation_id = "createList",
    request_body = ListInput,
    responses((status = 201, body = ListBody), (status = 409))
)]
pub(crate) async fn create(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let input: ListInput = json_body(headers, content).await?;
        let list = ContactList {
            id: ListId::from_uuid(house.ports.ids.next()),
            tenant: entry.principal.tenant.clone(),
            name: name(&input.name.ok_or_else(|| ApiError::missing("name"))?)?,
            description: described(edit(input.description), None)?,
            members: 0,
            created_at: house.now(),
        };
        house.ports.groups.put_list(&list).await.map_err(taken)?;
        Ok(Reply::created(ListBody::json(&list)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

fn described(edit: Edit<String>, before: Option<String>) -> Result<Option<String>, ApiError> {
    match edit {
        Edit::Keep => Ok(before),
        Edit::Clear => Ok(None),
        Edit::Set(text) if text.chars().count() <= LONGEST_DESCRIPTION && !text.contains('\0') => {
            Ok(Some(text))
        }
        Edit::Set(_) => {
            let why = format!("field 'description' must have at most {LONGEST_DESCRIPTION} characters");
            Err(ApiError::invalid("description", why))
        }
    }
}

/// Reads a list.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/lists/{id}",
    tag = "Contacts",
    operation_id = "getList",
    params(("id" = String, Path)),
    responses((status = 200, body = ListBody), (status = 404))
)]
pub(crate) async fn one(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = find(&house, &entry.principal, path).await.map(|list| Reply::ok(ListBody::json(&list)));
    entry.leave(answer)
}

/// Changes a list's name or description.
#[utoipa::path(
    put,
    path = "/api/v1/contacts/lists/{id}",
    tag = "Contacts",
    operation_id = "updateList",
    params(("id" = String, Path)),
    request_body = ListInput,
    responses((status = 200, body = ListBody), (status = 404), (status = 409))
)]
pub(crate) async fn change(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let before = find(&house, &entry.principal, path).await?;
        let input: ListInput = json_body(headers, content).await?;
        let list = ContactList {
            name: input.name.as_deref().map(name).transpose()?.unwrap_or(before.name),
            description: described(edit(input.description), before.description)?,
            ..before
        };
        house.ports.groups.put_list(&list).await.map_err(taken)?;
        Ok(Reply::ok(ListBody::json(&list)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Removes a list; its members stay contacts.
#[utoipa::path(
    delete,
    path = "/api/v1/contacts/lists/{id}",
    tag = "Contacts",
    operation_id = "deleteList",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404))
)]
pub(crate) async fn remove(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let list = find(&house, &entry.principal, path).await?;
        let gone = house.ports.groups.remove_list(&list.tenant, &list.id).await?;
        if gone { Ok(Reply::empty()) } else { Err(absent()) }
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Lists who is on a list.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/lists/{id}/members",
    tag = "Contacts",
    operation_id = "listMembers",
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
        let list = find(&house, &entry.principal, path).await?;
        let query = Query::read(query.as_deref(), &["cursor", "limit"])?;
        let filter = ContactFilter { list: Some(list.id.clone()), ..ContactFilter::default() };
        page(&house, &entry.principal, &query, list.id.as_str(), filter).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Puts contacts on a list. Those that are on it already stay, those that do not exist are passed over.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/lists/{id}/members",
    tag = "Contacts",
    operation_id = "addMembers",
    params(("id" = String, Path)),
    request_body = Members,
    responses((status = 200, body = MembersChanged), (status = 404))
)]
pub(crate) async fn put_on(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    moved(house, path, request, true).await
}

/// Takes contacts off a list.
#[utoipa::path(
    delete,
    path = "/api/v1/contacts/lists/{id}/members",
    tag = "Contacts",
    operation_id = "removeMembers",
    params(("id" = String, Path)),
    request_body = Members,
    responses((status = 200, body = MembersChanged), (status = 404))
)]
pub(crate) async fn take_off(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    moved(house, path, request, false).await
}

async fn moved(house: Shared, path: Id, request: Request, on: bool) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let list = find(&house, &entry.principal, path).await?;
        let Members { contact_ids } = json_body(headers, content).await?;
        if contact_ids.len() > MOST_MEMBERS {
            return Err(ApiError::invalid("contact_ids", format!("at most {MOST_MEMBERS} at a time")));
        }
        let who: Vec<ContactId> = contact_ids.iter().filter_map(|id| ContactId::parse(id)).collect();
        let groups = &house.ports.groups;
        let changed = match on {
            true => groups.put_on(&list.tenant, &list.id, &who).await?,
            false => groups.take_off(&list.tenant, &list.id, &who).await?,
        };
        let member_count = groups.list(&list.tenant, &list.id).await?.ok_or_else(absent)?.members;
        Ok(Reply::ok(json(&MembersChanged { changed, member_count })))
    };
    let answer = answer.await;
    entry.leave(answer)
}
