//! One contact: making, reading, changing, tagging, merging, erasing.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::contact::{Change, Channel, edit};
use offhook_core::id::ContactId;

use super::super::auth;
use super::super::body::json_body;
use super::super::error::ApiError;
use super::super::wire::{Answer, Reply};
use super::wire::{ContactBody, ContactInput, Merge, Preferences, Preferred, Tagged, Tags, json};
use super::{absent, contact_id, erasure};
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::principal::Right;

/// Contacts merged into one at a time.
const MOST_DUPLICATES: usize = 50;

type Id = Result<Path<String>, PathRejection>;

fn id(id: Id) -> Result<ContactId, ApiError> {
    contact_id(id.map(|Path(id)| id))
}

/// Makes a contact.
#[utoipa::path(
    post,
    path = "/api/v1/contacts",
    tag = "Contacts",
    operation_id = "createContact",
    request_body = ContactInput,
    responses((status = 201, body = ContactBody), (status = 409, description = "A contact with this phone number or e-mail address exists"))
)]
pub(crate) async fn create(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let input: ContactInput = json_body(headers, content).await?;
        let contact = house.engine.add_contact(&entry.principal.tenant, input.change()).await?;
        Ok(Reply::created(ContactBody::json(&contact, entry.principal.role().sees_phones())))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Reads a contact.
#[utoipa::path(
    get,
    path = "/api/v1/contacts/{id}",
    tag = "Contacts",
    operation_id = "getContact",
    params(("id" = String, Path)),
    responses((status = 200, body = ContactBody), (status = 404))
)]
pub(crate) async fn one(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::ReadContacts, Right::ReadContacts).await?;
    let answer = async {
        let found = house.ports.contacts.load(&entry.principal.tenant, &id(path)?).await?;
        let contact = found.ok_or_else(absent)?;
        Ok(Reply::ok(ContactBody::json(&contact, entry.principal.role().sees_phones())))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Changes what is named, and nothing else.
#[utoipa::path(
    put,
    path = "/api/v1/contacts/{id}",
    tag = "Contacts",
    operation_id = "updateContact",
    params(("id" = String, Path)),
    request_body = ContactInput,
    responses((status = 200, body = ContactBody), (status = 404), (status = 409))
)]
pub(crate) async fn change(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let id = id(path)?;
        let change = json_body::<ContactInput>(headers, content).await?.change();
        let edit = |facts: &_| change.clone().apply(facts);
        let contact = house.engine.change_contact(&entry.principal.tenant, &id, edit).await?;
        Ok(Reply::ok(ContactBody::json(&contact, entry.principal.role().sees_phones())))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// The same as `PUT`, which the provider has.
#[utoipa::path(
    patch,
    path = "/api/v1/contacts/{id}",
    tag = "Contacts",
    operation_id = "patchContact",
    params(("id" = String, Path)),
    request_body = ContactInput,
    responses((status = 200, body = ContactBody), (status = 404), (status = 409))
)]
pub(crate) async fn amend(state: State<Shared>, path: Id, request: Request) -> Answer {
    change(state, path, request).await
}

/// Erases a contact and what is kept of the person: `docs/privacy.md`.
#[utoipa::path(
    delete,
    path = "/api/v1/contacts/{id}",
    tag = "Contacts",
    operation_id = "deleteContact",
    params(("id" = String, Path)),
    responses((status = 204), (status = 404), (status = 409, description = "They are in a call, or an import is being read"))
)]
pub(crate) async fn erase(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::WriteContacts, Right::EraseContacts).await?;
    let answer = async {
        let id = id(path)?;
        erasure::erase(&house, &entry.principal, &id).await?;
        Ok(Reply::empty())
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Adds tags; those that are there already stay.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/{id}/tags",
    tag = "Contacts",
    operation_id = "addTags",
    params(("id" = String, Path)),
    request_body = Tags,
    responses((status = 200, body = Tagged), (status = 404))
)]
pub(crate) async fn add_tags(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let id = id(path)?;
        let Tags { tags } = json_body(headers, content).await?;
        let add = |facts: &offhook_core::contact::Facts| {
            let mut facts = facts.clone();
            edit::add_tags(&mut facts, &tags).map(|()| facts)
        };
        let contact = house.engine.change_contact(&entry.principal.tenant, &id, add).await?;
        Ok(Reply::ok(json(&Tagged { id: contact.id.as_str().to_owned(), tags: contact.facts.tags })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Removes a tag, also when it is not there.
#[utoipa::path(
    delete,
    path = "/api/v1/contacts/{id}/tags/{tag}",
    tag = "Contacts",
    operation_id = "removeTag",
    params(("id" = String, Path), ("tag" = String, Path)),
    responses((status = 204), (status = 404))
)]
pub(crate) async fn remove_tag(
    State(house): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let Path((id, tag)) = path.map_err(|_| absent())?;
        let id = contact_id(Ok::<_, ()>(id))?;
        let remove = |facts: &offhook_core::contact::Facts| {
            let mut facts = facts.clone();
            facts.tags.retain(|there| *there != tag);
            Ok(facts)
        };
        house.engine.change_contact(&entry.principal.tenant, &id, remove).await?;
        Ok(Reply::empty())
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Says which channels may be used.
#[utoipa::path(
    put,
    path = "/api/v1/contacts/{id}/preferences",
    tag = "Contacts",
    operation_id = "setPreferences",
    params(("id" = String, Path)),
    request_body = Preferences,
    responses((status = 200, body = Preferred), (status = 404))
)]
pub(crate) async fn prefer(State(house): State<Shared>, path: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let id = id(path)?;
        let Preferences { preferences } = json_body(headers, content).await?;
        let change = Change { preferences, ..Change::default() };
        let contact = house
            .engine
            .change_contact(&entry.principal.tenant, &id, |facts| change.clone().apply(facts))
            .await?;
        let preferences =
            contact.facts.preferences.iter().map(|(channel, on)| (Channel::as_str(*channel), *on));
        Ok(Reply::ok(json(&Preferred {
            id: contact.id.as_str().to_owned(),
            preferences: preferences.collect(),
        })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Makes one contact of several.
#[utoipa::path(
    post,
    path = "/api/v1/contacts/merge",
    tag = "Contacts",
    operation_id = "mergeContacts",
    request_body = Merge,
    responses((status = 200, body = ContactBody), (status = 404))
)]
pub(crate) async fn merge(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry =
        auth::enter(&house, &parts.method, headers, Operation::WriteContacts, Right::WriteContacts).await?;
    let answer = async {
        let Merge { primary_id, duplicate_ids } = json_body(headers, content).await?;
        let primary = ContactId::parse(&primary_id).ok_or_else(absent)?;
        if duplicate_ids.is_empty() || duplicate_ids.len() > MOST_DUPLICATES {
            return Err(ApiError::invalid(
                "duplicate_ids",
                format!("1 to {MOST_DUPLICATES} contacts are merged at a time"),
            ));
        }
        let mut others = Vec::new();
        for id in &duplicate_ids {
            let id = ContactId::parse(id).ok_or_else(absent)?;
            if id != primary && !others.contains(&id) {
                others.push(id);
            }
        }
        let contact = house.engine.merge_contacts(&entry.principal.tenant, &primary, &others).await?;
        Ok(Reply::ok(ContactBody::json(&contact, entry.principal.role().sees_phones())))
    };
    let answer = answer.await;
    entry.leave(answer)
}
