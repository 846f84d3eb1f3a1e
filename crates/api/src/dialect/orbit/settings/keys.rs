//! `GET` and `POST …/settings/api-keys`, `GET` and `DELETE …/{id}`.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::request::Parts;
use offhook_core::audit::{Deed, Object};
use offhook_core::house::{ApiKey, KeyCard, KeyKind, KeyMode, Role};
use offhook_core::id::KeyId;
use offhook_core::ports::NewKey;
use offhook_core::right::{is_scope, scope_within};
use offhook_core::time::Time;

use super::allowed::read_nets;
use super::shown;
use super::wire::{ApiKeyView, Lifetime, MintedKey, NewApiKey};
use crate::dialect::orbit::auth::{self, Entry};
use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::place::connection;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::audit::text;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right, Who};

/// Keys of one tenant that work at the same time. A list of them is one page.
const MOST: usize = 200;

/// Keys that have ended are listed this much longer.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

const LONGEST_NAME: usize = 100;

const MOST_SCOPES: usize = 32;

pub(crate) type Id = Result<Path<String>, PathRejection>;

pub(super) async fn enter(house: &House, parts: &Parts, operation: Operation) -> Result<Entry, ApiError> {
    auth::enter(house, &parts.method, &parts.headers, operation, Right::ManageKeys).await
}

/// Keys
///
/// All keys that work, and those that ended in the last 30 days. Developers see their own.
#[utoipa::path(get, path = "/api/v1/settings/api-keys", tag = "Settings", operation_id = "listApiKeys", responses(
    (status = 200, body = [ApiKeyView]),
))]
pub(crate) async fn list(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::List).await?;
    let answer = async {
        let now = house.now();
        let ended = |card: &KeyCard| card.revoked_at.or(card.expires_at.filter(|at| *at <= now));
        let cards = house.ports.keys.all(&entry.principal.tenant).await?;
        let listed = cards.iter().filter(|card| {
            is_theirs(&entry.principal, card) && ended(card).is_none_or(|at| at + REMEMBERED > now)
        });
        Ok(Reply::page(listed.map(|card| shown(ApiKeyView::of(card, now))).collect(), None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// A key
#[utoipa::path(get, path = "/api/v1/settings/api-keys/{id}", tag = "Settings", operation_id = "readApiKey",
    params(("id" = String, Path, description = "The key")),
    responses(
        (status = 200, body = ApiKeyView),
    ))]
pub(crate) async fn one(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Read).await?;
    let answer = async {
        let card = find(&house, &entry.principal, id).await?;
        Ok(Reply::ok(shown(ApiKeyView::of(&card, house.now()))))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Make a key
///
/// Its value is in this answer and nowhere else.
#[utoipa::path(post, path = "/api/v1/settings/api-keys", tag = "Settings", operation_id = "createApiKey", request_body = NewApiKey, responses(
    (status = 201, body = MintedKey, headers(("cache-control" = String, description = "no-store"))),
))]
pub(crate) async fn create(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control).await?;
    let answer = async {
        let wanted: NewApiKey = json_body(&parts.headers, content).await?;
        let lifetime = wanted.expires_in.unwrap_or(Lifetime::Year);
        let key = read(&house, &entry.principal, wanted).await?;
        let now = house.now();
        let cards = house.ports.keys.all(&entry.principal.tenant).await?;
        if cards.iter().filter(|card| card.works_at(now)).count() >= MOST {
            return Err(ApiError::full(format!("there are {MOST} keys already: revoke some first")));
        }
        let expires_at = lifetime.days().map(|days| now + Duration::from_secs(days * 24 * 60 * 60));
        let minted = mint(&house, &entry.principal, key, expires_at, None, "api_key.created").await?;
        Ok(Reply::created(shown(minted)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Revoke a key
///
/// It stops working at once, and sockets that were opened with it close within five seconds.
#[utoipa::path(delete, path = "/api/v1/settings/api-keys/{id}", tag = "Settings", operation_id = "revokeApiKey",
    params(("id" = String, Path, description = "The key")),
    responses(
        (status = 204, description = "It is revoked"),
    ))]
pub(crate) async fn revoke(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control).await?;
    let answer = async {
        let card = find(&house, &entry.principal, id).await?;
        let now = house.now();
        let before = text(shown(ApiKeyView::of(&card, now)));
        let deed = Deed { before, ..deed(&house, &entry.principal, &card.key.id, "api_key.revoked") };
        let keys = &house.ports.keys;
        let revoked = keys.revoke(&entry.principal.tenant, &card.key.id, now, Some(deed)).await?;
        revoked.map(|_| Reply::empty()).ok_or_else(no_key)
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Makes the key with its deed.
pub(super) async fn mint(
    house: &House,
    principal: &Principal,
    key: ApiKey,
    expires_at: Option<Time>,
    replaces: Option<(KeyId, Time)>,
    action: &str,
) -> Result<MintedKey, ApiError> {
    let now = house.now();
    let made_by = Some(principal.id().to_owned());
    let card = KeyCard {
        key: key.clone(),
        made_by: made_by.clone(),
        created_at: now,
        expires_at,
        last_used_at: None,
        revoked_at: None,
    };
    let view = ApiKeyView::of(&card, now);
    let deed = Deed { after: text(shown(&view)), ..deed(house, principal, &key.id, action) };
    let new = NewKey { key, made_by, expires_at, replaces, at: now, deed: Some(deed) };
    let minted = house.ports.keys.mint(new).await?;
    Ok(MintedKey { key: minted.text, card: view })
}

pub(super) fn deed(house: &House, principal: &Principal, id: &KeyId, action: &str) -> Deed {
    Deed { object: Some(Object::new("api_key", id.as_str())), ..house.audit.deed(principal, action) }
}

/// The key that is asked for, when whoever asks may give all of it.
async fn read(house: &House, principal: &Principal, wanted: NewApiKey) -> Result<ApiKey, ApiError> {
    let name = name("name", wanted.name)?;
    let scopes =
        wanted.scopes.filter(|scopes| !scopes.is_empty()).ok_or_else(|| ApiError::missing("scopes"))?;
    if scopes.len() > MOST_SCOPES {
        return Err(ApiError::invalid("scopes", format!("take {MOST_SCOPES} scopes at most")));
    }
    if let Some(odd) = scopes.iter().position(|scope| !is_scope(scope)) {
        let message = "there is no such scope: they look like calls:read, calls:* or *";
        return Err(ApiError::invalid(&format!("scopes[{odd}]"), message));
    }
    let kind = wanted.kind.map_or(KeyKind::Secret, KeyKind::from);
    let mode = wanted.mode.map_or(KeyMode::Live, KeyMode::from);
    let role = match (wanted.role, kind) {
        (Some(role), _) => role.into(),
        (None, KeyKind::Secret) => principal.role(),
        (None, KeyKind::Public) => Role::Viewer,
    };
    if kind == KeyKind::Public && !Role::Viewer.reaches(role) {
        return Err(ApiError::invalid("role", "public keys are viewers or billing"));
    }
    if principal.sandbox && mode != KeyMode::Test {
        return Err(ApiError::wrong_key_mode());
    }
    let asked = read_nets(wanted.allowed_ips)?;
    let mut number = match wanted.phone_number_id {
        Some(meta_id) => Some(connection(house, principal, &meta_id).await?.id),
        None => None,
    };
    let mut allowed_ips = asked;
    if let Who::Key(own) = &principal.who {
        number = number.or_else(|| own.number.clone());
        if allowed_ips.is_empty() {
            allowed_ips.clone_from(&own.allowed_ips);
        }
    }
    let id = KeyId::from_uuid(house.ports.ids.next());
    let tenant = principal.tenant.clone();
    let key = ApiKey { id, tenant, role, scopes, mode, kind, number, allowed_ips, name };
    within(principal, &key)?;
    Ok(key)
}

/// Refuses a key that reaches further than whoever handles it.
pub(super) fn within(principal: &Principal, key: &ApiKey) -> Result<(), ApiError> {
    if !principal.role().reaches(key.role) {
        return Err(ApiError::insufficient(&format!("the role {}", key.role.as_str())));
    }
    let Who::Key(own) = &principal.who else { return Ok(()) };
    if let Some(scope) = key.scopes.iter().find(|scope| !scope_within(&own.scopes, scope)) {
        return Err(ApiError::insufficient(scope));
    }
    let other_number = own.number.is_some() && own.number != key.number;
    let inside = |net| own.allowed_ips.iter().any(|own| own.contains(net));
    let elsewhere =
        !own.allowed_ips.is_empty() && (key.allowed_ips.is_empty() || !key.allowed_ips.iter().all(inside));
    if other_number || elsewhere {
        return Err(ApiError::insufficient("a key without limits of its own"));
    }
    Ok(())
}

/// The key, if it is there for whoever asks and does not reach further than they do.
pub(super) async fn find(house: &House, principal: &Principal, id: Id) -> Result<KeyCard, ApiError> {
    let id = id.ok().and_then(|Path(id)| KeyId::parse(&id)).ok_or_else(no_key)?;
    let card = house.ports.keys.load(&principal.tenant, &id).await?;
    let card = card.filter(|card| is_theirs(principal, card)).ok_or_else(no_key)?;
    within(principal, &card.key)?;
    Ok(card)
}

/// Developers handle the keys they made, and a key itself; owners and admins all.
fn is_theirs(principal: &Principal, card: &KeyCard) -> bool {
    let mine = card.made_by.as_deref() == Some(principal.id()) || card.key.id.as_str() == principal.id();
    mine || principal.role() != Role::Developer
}

pub(super) fn no_key() -> ApiError {
    ApiError::not_found("no such key")
}

/// A name for people.
pub(super) fn name(field: &str, name: Option<String>) -> Result<String, ApiError> {
    let name = name.ok_or_else(|| ApiError::missing(field))?.trim().to_owned();
    let fits = (1..=LONGEST_NAME).contains(&name.chars().count());
    if fits && !name.contains(char::is_control) {
        Ok(name)
    } else {
        Err(ApiError::invalid(field, format!("names have 1 to {LONGEST_NAME} characters and no line breaks")))
    }
}

impl Lifetime {
    const fn days(self) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::Month => Some(30),
            Self::Quarter => Some(90),
            Self::Year => Some(365),
        }
    }
}
