//! `GET …/settings/audit`: what was done, newest first.

use axum::extract::{RawQuery, Request, State};
use data_encoding::HEXLOWER;
use offhook_core::audit::{AuditPage, Entry};
use offhook_core::house::Role;
use serde_json::Value;

use super::shown;
use super::wire::{AuditActor, AuditEntry, AuditObject};
use crate::dialect::orbit::auth;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};
use crate::manners::{moment, place};

/// Entries of a page when nothing is said, and at most (provider-apis.md 2.5).
const LIMIT: u32 = 25;
const MOST: u32 = 200;

const LONGEST_FILTER: usize = 128;

/// The audit log
///
/// Newest first. Developers see what they did themselves.
#[utoipa::path(get, path = "/api/v1/settings/audit", tag = "Settings", operation_id = "listAudit",
    params(
        ("limit" = Option<u32>, Query, description = "1 to 200 entries, 25 when not said", minimum = 1),
        ("cursor" = Option<String>, Query, description = "Where the last page said the list goes on"),
        ("actor" = Option<String>, Query, description = "Only what the person or key with this id did"),
        ("action" = Option<String>, Query, description = "Only this action, or with a dot at its end this area"),
    ),
    responses(
        (status = 200, body = [AuditEntry]),
    ))]
pub(crate) async fn list(State(house): State<Shared>, RawQuery(query): RawQuery, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::List, Right::ReadAudit).await?;
    let answer = page(&house, &entry.principal, query.as_deref().unwrap_or_default()).await;
    entry.leave(answer)
}

async fn page(house: &House, principal: &Principal, query: &str) -> Answer {
    let mut wanted = AuditPage { limit: LIMIT, ..AuditPage::default() };
    let mut cursor = None;
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let short = || {
            let fits = value.len() <= LONGEST_FILTER;
            fits.then(|| value.as_ref().to_owned())
                .ok_or_else(|| ApiError::invalid(&name, format!("take {LONGEST_FILTER} bytes at most")))
        };
        match name.as_ref() {
            "limit" => {
                let limit = value.parse::<u32>().ok().filter(|limit| *limit > 0);
                let limit = limit.ok_or_else(|| ApiError::invalid("limit", "a whole number from 1"))?;
                wanted.limit = limit.min(MOST);
            }
            "cursor" => cursor = Some(value.as_ref().to_owned()),
            "actor" => wanted.actor = Some(short()?),
            "action" => wanted.action = Some(short()?),
            _ => {}
        }
    }
    let own = principal.id();
    if principal.role() == Role::Developer && wanted.actor.get_or_insert_with(|| own.to_owned()) != own {
        return Ok(Reply::page(Vec::new(), None));
    }
    let filters = (wanted.actor.as_deref(), wanted.action.as_deref());
    let scope = format!("audit/{}/{filters:?}", principal.tenant);
    let secret = &house.config.cursor_secret;
    if let Some(text) = cursor {
        let before = place::open(secret, &scope, &text, house.now());
        wanted.before = Some(before.ok_or_else(ApiError::invalid_cursor)?);
    }
    let asked = AuditPage { limit: wanted.limit + 1, ..wanted.clone() };
    let mut entries = house.ports.audit.page(Some(&principal.tenant), &asked).await?;
    let more = entries.len() > wanted.limit as usize;
    entries.truncate(wanted.limit as usize);
    let last = entries.last().filter(|_| more);
    let cursor = last.map(|last| place::seal(secret, &scope, last.seq, house.now()));
    let whole = principal.role() == Role::Owner;
    Ok(Reply::page(entries.into_iter().map(|entry| shown(row(entry, whole))).collect(), cursor))
}

fn row(entry: Entry, whole: bool) -> AuditEntry {
    let Entry { seq, deed, address_hash, hash } = entry;
    let read =
        |text: Option<String>| text.map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
    AuditEntry {
        seq,
        at: moment::precise(deed.at),
        actor: AuditActor {
            kind: deed.actor.kind(),
            id: deed.actor.id().map(str::to_owned),
            name: deed.actor.name().map(str::to_owned),
        },
        action: deed.action,
        object: deed.object.map(|object| AuditObject { kind: object.kind, id: object.id }),
        before: read(deed.before),
        after: read(deed.after),
        request_id: deed.request_id,
        address_hash,
        address: deed.address.filter(|_| whole).map(|address| address.to_string()),
        hash: HEXLOWER.encode(&hash),
    }
}
