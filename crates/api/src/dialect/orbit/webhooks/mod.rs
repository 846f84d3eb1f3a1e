//! `…/webhooks`: customers' addresses that are told of events (provider-apis.md 2.11).
//!
//! Ours: `dress`, `phone_number_id`, `headers`, `rotate-secret`, `replay`, and what is refused with which
//! status. An id `whatsapp` cannot be: that path is Meta's door.

mod wire;

use std::collections::BTreeMap;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, Request, State};
use offhook_core::audit::Object;
use offhook_core::hook::{Credentials, Delivery, DeliveryState, Dress, Health, Hook, HookSecret};
use offhook_core::house::BusinessNumber;
use offhook_core::id::{CallId, EventId, HookId, TenantId};
use offhook_core::ports::{NewHook, StoreFault};
use offhook_core::time::Time;
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

use super::auth::{self, Entry};
use super::body::json_body;
use super::calls::{only_number, pairs};
use super::cursor::{self, Scope};
use super::error::ApiError;
use super::event;
use super::query::{Pairs, limit_of};
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};
use crate::manners::{moment, random};

pub(crate) use wire::*;

/// Webhooks of a tenant. Each has a lane of its own; more of them would be a fan-out of somebody else's.
pub(crate) const MOST: u32 = 50;

/// Names one webhook may ask for, and headers it may have.
const MOST_EVENTS: usize = 100;
const MOST_HEADERS: usize = 20;

/// Lengths of secrets of a customer's own.
const SECRET: std::ops::RangeInclusive<usize> = 16..=256;

/// Longest description and longest value of a header.
const LONGEST_TEXT: usize = 1000;

/// What a request's own headers are; a customer's cannot stand for them.
const RESERVED: [&str; 8] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "user-agent",
    "te",
    "upgrade",
];

type Id = Result<Path<String>, PathRejection>;

/// Makes a webhook.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks",
    tag = "Webhooks",
    operation_id = "createWebhook",
    request_body = CreateWebhook,
    responses((status = 201, body = CreatedWebhook))
)]
pub(crate) async fn create(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::WriteWebhooks).await?;
    let answer = async {
        let wanted: CreateWebhook = json_body(&parts.headers, content).await?;
        let (hook, secret) = make(&house, &entry.principal, wanted).await?;
        let numbers = house.directory.numbers(&hook.tenant).await?;
        let signing_secret = secret.expose().to_owned();
        let created = CreatedWebhook { webhook: Webhook::of(&hook, &numbers), signing_secret };
        Ok(Reply::created(value(&created)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Lists webhooks, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks",
    tag = "Webhooks",
    operation_id = "listWebhooks",
    responses((status = 200, body = inline(Vec<Webhook>)))
)]
pub(crate) async fn list(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::List, Right::ReadWebhooks).await?;
    let answer = async {
        let tenant = &entry.principal.tenant;
        let numbers = house.directory.numbers(tenant).await?;
        let hooks = house.ports.hooks.hooks.of_tenant(tenant).await?;
        // A tenant has a few dozen at most: one page.
        Ok(Reply::page(hooks.iter().map(|hook| value(&Webhook::of(hook, &numbers))).collect(), None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Reads a webhook.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}",
    tag = "Webhooks",
    operation_id = "readWebhook",
    params(("id" = String, Path)),
    responses((status = 200, body = Webhook))
)]
pub(crate) async fn one(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Read, Right::ReadWebhooks).await?;
    let answer = async { shown(&house, &find(&house, &entry.principal.tenant, id).await?).await };
    let answer = answer.await;
    entry.leave(answer)
}

/// Changes a webhook. What is left out stays as it is.
#[utoipa::path(
    put,
    path = "/api/v1/webhooks/{id}",
    tag = "Webhooks",
    operation_id = "changeWebhook",
    params(("id" = String, Path)),
    request_body = ChangeWebhook,
    responses((status = 200, body = Webhook))
)]
pub(crate) async fn change(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::WriteWebhooks).await?;
    let answer = async {
        let tenant = &entry.principal.tenant;
        let mut hook = find(&house, tenant, id).await?;
        let wanted: ChangeWebhook = json_body(&parts.headers, content).await?;
        if let Some(url) = wanted.url {
            judge_url(&house, &url).await?;
            hook.url = url;
        }
        if let Some(events) = wanted.events {
            hook.topics = judge_events(events)?;
        }
        if let Some(text) = wanted.description {
            hook.description = description(Some(text))?;
        }
        hook.active = wanted.active.unwrap_or(hook.active);
        hook.updated_at = house.now();
        if !house.ports.hooks.hooks.change(&hook).await? {
            return Err(no_webhook());
        }
        house.engine.hook_changed(tenant, &hook.id);
        noted(&house, &entry.principal, "webhook.changed", &hook, told(&hook)).await?;
        let stored = house.ports.hooks.hooks.find(tenant, &hook.id).await?.ok_or_else(no_webhook)?;
        shown(&house, &stored).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Removes a webhook. What is on its way to it is not sent any more.
#[utoipa::path(
    delete,
    path = "/api/v1/webhooks/{id}",
    tag = "Webhooks",
    operation_id = "removeWebhook",
    params(("id" = String, Path)),
    responses((status = 204))
)]
pub(crate) async fn remove(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::WriteWebhooks).await?;
    let answer = async {
        let hook = find(&house, &entry.principal.tenant, id).await?;
        match take_away(&house, &entry.principal, &hook).await? {
            true => Ok(Reply::empty()),
            false => Err(no_webhook()),
        }
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Sends the event `webhook.test` to a webhook.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/test",
    tag = "Webhooks",
    operation_id = "testWebhook",
    params(("id" = String, Path)),
    responses((status = 202, body = TestSent))
)]
pub(crate) async fn test(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::WriteWebhooks).await?;
    let answer = async {
        let hook = find(&house, &entry.principal.tenant, id).await?;
        let event_id = house.engine.test_hook(&hook).await?.to_string();
        let details = json!({ "event_id": &event_id });
        noted(&house, &entry.principal, "webhook.tested", &hook, details).await?;
        Ok(Reply::accepted(value(&TestSent { event_id, kind: "webhook.test" })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Makes a new signing secret. For a day requests carry a signature of the old one as well.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/rotate-secret",
    tag = "Webhooks",
    operation_id = "rotateWebhookSecret",
    params(("id" = String, Path)),
    request_body = Option<RotateSecret>,
    responses((status = 200, body = RotatedSecret))
)]
pub(crate) async fn rotate(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::WriteWebhooks).await?;
    let answer = async {
        let hook = find(&house, &entry.principal.tenant, id).await?;
        let wanted: RotateSecret = match parts.headers.get("content-type") {
            Some(_) => json_body(&parts.headers, content).await?,
            None => RotateSecret::default(),
        };
        let hooks = &house.ports.hooks.hooks;
        let fresh = secret(wanted.secret)?;
        let mut credentials = hooks.credentials(&hook.tenant, &hook.id).await?.ok_or_else(no_webhook)?;
        credentials.rotate(fresh.clone(), house.now());
        if !hooks.set_credentials(&hook.tenant, &hook.id, &credentials).await? {
            return Err(no_webhook());
        }
        house.engine.hook_changed(&hook.tenant, &hook.id);
        noted(&house, &entry.principal, "webhook.secret_rotated", &hook, Value::Null).await?;
        let until = credentials.previous.map_or_else(|| house.now(), |(_, until)| until);
        let previous_secret_expires_at = moment::whole(until);
        let signing_secret = fresh.expose().to_owned();
        Ok(Reply::ok(value(&RotatedSecret { signing_secret, previous_secret_expires_at })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Sends events again.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/replay",
    tag = "Webhooks",
    operation_id = "replayWebhook",
    params(("id" = String, Path)),
    request_body = Replay,
    responses((status = 202, body = Replayed))
)]
pub(crate) async fn replay(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::WriteWebhooks).await?;
    let answer = async {
        let hook = find(&house, &entry.principal.tenant, id).await?;
        let wanted: Replay = json_body(&parts.headers, content).await?;
        let what = again(&house, &hook, wanted).await?;
        let replayed = house.engine.replay(&hook, what).await?;
        let details = json!({ "deliveries": replayed.count });
        noted(&house, &entry.principal, "webhook.replayed", &hook, details).await?;
        let rest_since = replayed.rest_since.map(moment::precise);
        Ok(Reply::accepted(value(&Replayed { deliveries: replayed.count, rest_since })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Lists what was, is and will be sent to a webhook, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}/deliveries",
    tag = "Webhooks",
    operation_id = "listWebhookDeliveries",
    params(
        ("id" = String, Path),
        ("state" = Option<String>, Query, description = "`due`, `waiting`, `delivered` or `dead`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 25 unless stated"),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = inline(Vec<DeliveryRow>)))
)]
pub(crate) async fn deliveries(
    State(house): State<Shared>,
    id: Id,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::List, Right::ReadWebhooks).await?;
    let answer = async {
        let hook = find(&house, &entry.principal.tenant, id).await?;
        page(&house, &hook, &pairs(query.as_deref())).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn page(house: &House, hook: &Hook, pairs: &[(String, String)]) -> Answer {
    let pairs = Pairs(pairs);
    let state =
        match pairs.find("state")? {
            Some(word) => Some(DeliveryState::parse(word).ok_or_else(|| {
                ApiError::invalid("state", "'state' is one of due, waiting, delivered, dead")
            })?),
            None => None,
        };
    let filters = format!("deliveries {} {}", hook.id, state.map_or("", DeliveryState::as_str));
    let scope = Scope { tenant: &hook.tenant, filters };
    let (secret, now) = (&house.config.cursor_secret, house.now());
    // A cursor holds an instant and an id; here the instant is the delivery's number.
    let before = match pairs.find("cursor")? {
        Some(text) => {
            let (n, _) = cursor::open(secret, &scope, text, now).ok_or_else(ApiError::invalid_cursor)?;
            u64::try_from(n.as_micros()).ok()
        }
        None => None,
    };
    let limit = limit_of(&pairs)?;
    let page = house.ports.hooks.deliveries.deliveries(&hook.tenant, &hook.id, state, before, limit).await?;
    let last = page.deliveries.last().filter(|_| page.has_more);
    let cursor = last.map(|last| {
        let n = Time::from_micros(i64::try_from(last.n).unwrap_or(i64::MAX));
        cursor::seal(secret, &scope, &(n, CallId::from_uuid(last.id)), now)
    });
    let rows = page.deliveries.iter().map(|delivery| value(&DeliveryRow::of(delivery, hook.dress)));
    Ok(Reply::page(rows.collect(), cursor))
}

async fn enter(
    house: &House,
    request: &axum::http::request::Parts,
    operation: Operation,
    right: Right,
) -> Result<Entry, ApiError> {
    let entry = auth::enter(house, &request.method, &request.headers, operation, right).await?;
    if only_number(&entry.principal).is_some() {
        return Err(ApiError::forbidden("this key is made for one number: webhooks are the company's"));
    }
    Ok(entry)
}

/// Makes a webhook as it was asked for.
async fn make(
    house: &House,
    principal: &Principal,
    wanted: CreateWebhook,
) -> Result<(Hook, HookSecret), ApiError> {
    let tenant = &principal.tenant;
    let url = wanted.url.ok_or_else(|| ApiError::missing("url"))?;
    let dress = wanted.dress.as_deref().map_or(Some(Dress::Orbit), Dress::parse);
    let dress = dress.ok_or_else(|| ApiError::invalid("dress", "'dress' is orbit, vobiz or meta"))?;
    let topics = match wanted.events {
        Some(events) => judge_events(events)?,
        // Meta's own webhooks have no names to choose from.
        None if dress.passes_on() => vec!["*".to_owned()],
        None => return Err(ApiError::missing("events")),
    };
    let number = match wanted.phone_number_id.as_deref() {
        Some(id) => Some(number(house, tenant, id).await?.id),
        None if dress == Dress::Meta => return Err(ApiError::missing("phone_number_id")),
        None => None,
    };
    judge_url(house, &url).await?;
    let secret = secret(wanted.secret)?;
    let headers = wanted.headers.unwrap_or_default();
    let headers = own_headers(headers).map_err(|why| ApiError::invalid("headers", why))?;
    let description = description(wanted.description)?;
    let new = NewWebhook { url, dress, number, topics, description };
    let credentials = Credentials { headers, ..Credentials::new(secret.clone()) };
    let added = add(house, principal, new, credentials).await;
    let hook = added.map_err(|fault| match fault {
        StoreFault::Exists(_) => ApiError::too_many_webhooks(MOST),
        fault => fault.into(),
    })?;
    Ok((hook, secret))
}

/// What a webhook is made of, checked.
pub(crate) struct NewWebhook {
    pub(crate) url: String,
    pub(crate) dress: Dress,
    pub(crate) number: Option<offhook_core::id::NumberId>,
    pub(crate) topics: Vec<String>,
    pub(crate) description: Option<String>,
}

/// Adds a webhook whose parts were checked. [`StoreFault::Exists`] when there are [`MOST`] already.
pub(crate) async fn add(
    house: &House,
    principal: &Principal,
    new: NewWebhook,
    credentials: Credentials,
) -> Result<Hook, StoreFault> {
    let tenant = &principal.tenant;
    let now = house.now();
    let hook = Hook {
        id: HookId::from_uuid(house.ports.ids.next()),
        tenant: tenant.clone(),
        url: new.url,
        dress: new.dress,
        number: new.number,
        topics: new.topics,
        description: new.description,
        active: true,
        disabled: None,
        health: Health::default(),
        place: 0,
        created_at: now,
        updated_at: now,
    };
    let hook = house.ports.hooks.hooks.add(NewHook { hook, credentials }, MOST).await?;
    house.engine.hook_changed(tenant, &hook.id);
    noted(house, principal, "webhook.created", &hook, told(&hook)).await?;
    Ok(hook)
}

/// Changes where a webhook is and what it is signed and sent with. Whether it was there.
pub(crate) async fn replace(
    house: &House,
    principal: &Principal,
    hook: &Hook,
    credentials: &Credentials,
) -> Result<bool, StoreFault> {
    let hooks = &house.ports.hooks.hooks;
    let there =
        hooks.change(hook).await? && hooks.set_credentials(&hook.tenant, &hook.id, credentials).await?;
    if there {
        house.engine.hook_changed(&hook.tenant, &hook.id);
        noted(house, principal, "webhook.changed", hook, told(hook)).await?;
    }
    Ok(there)
}

/// Removes a webhook. Whether it was there.
pub(crate) async fn take_away(house: &House, principal: &Principal, hook: &Hook) -> Result<bool, StoreFault> {
    if !house.ports.hooks.hooks.remove(&hook.tenant, &hook.id).await? {
        return Ok(false);
    }
    house.engine.hook_changed(&hook.tenant, &hook.id);
    noted(house, principal, "webhook.removed", hook, Value::Null).await?;
    Ok(true)
}

/// Writes a change of a webhook into the audit log.
async fn noted(
    house: &House,
    principal: &Principal,
    action: &str,
    hook: &Hook,
    details: Value,
) -> Result<(), StoreFault> {
    house.audit.record(principal, action, Object::new("webhook", hook.id.as_str()), details).await
}

/// A webhook as the audit log tells it. Paths and queries of addresses may be secrets.
fn told(hook: &Hook) -> Value {
    let origin = Url::parse(&hook.url).map(|url| url.origin().ascii_serialization()).ok();
    json!({ "origin": origin, "dress": hook.dress.as_str(), "events": hook.topics, "active": hook.active })
}

/// Whether the address may be dialled.
async fn judge_url(house: &House, url: &str) -> Result<(), ApiError> {
    house.ports.hooks.carrier.check(url).await.map_err(|why| ApiError::invalid_webhook_url(&why))
}

/// A secret of the customer's own, or a fresh one.
fn secret(own: Option<String>) -> Result<HookSecret, ApiError> {
    let Some(own) = own else { return Ok(HookSecret::new(random::webhook_secret())) };
    own_secret(&own).map_err(|why| ApiError::invalid("secret", format!("'secret' {why}")))
}

/// A secret of the customer's own, or what is wrong with it.
pub(crate) fn own_secret(own: &str) -> Result<HookSecret, String> {
    let plain = own.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && SECRET.contains(&own.len()) {
        return Ok(HookSecret::new(own.to_owned()));
    }
    let (least, most) = (SECRET.start(), SECRET.end());
    Err(format!("is {least} to {most} visible ASCII characters without blanks"))
}

fn judge_events(events: Vec<String>) -> Result<Vec<String>, ApiError> {
    if events.is_empty() || events.len() > MOST_EVENTS {
        return Err(ApiError::invalid("events", format!("'events' has 1 to {MOST_EVENTS} names, or \"*\"")));
    }
    let unknown: Vec<&str> = events.iter().map(String::as_str).filter(|name| !event::knows(name)).collect();
    if unknown.is_empty() { Ok(events) } else { Err(ApiError::invalid_events(&unknown)) }
}

fn description(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.len() > LONGEST_TEXT => {
            Err(ApiError::invalid("description", format!("'description' has at most {LONGEST_TEXT} bytes")))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

/// Headers of a customer's own, or what is wrong with them.
pub(crate) fn own_headers(headers: BTreeMap<String, String>) -> Result<Vec<(String, HookSecret)>, String> {
    if headers.len() > MOST_HEADERS {
        return Err(format!("at most {MOST_HEADERS} headers"));
    }
    headers.into_iter().map(header).collect()
}

fn header((name, value): (String, String)) -> Result<(String, HookSecret), String> {
    let name = name.to_ascii_lowercase();
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let named = (1..=64).contains(&name.len()) && name.bytes().all(fit) && !RESERVED.contains(&name.as_str());
    let plain = value.len() <= LONGEST_TEXT && value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if !named || !plain {
        return Err("a header cannot be sent so, or is not yours to set".to_owned());
    }
    Ok((name, HookSecret::new(value)))
}

async fn number(house: &House, tenant: &TenantId, meta_id: &str) -> Result<BusinessNumber, ApiError> {
    let numbers = house.directory.numbers_now(tenant).await?;
    let found = numbers.iter().find(|number| number.meta_id.as_str() == meta_id).cloned();
    found.ok_or_else(|| ApiError::invalid("phone_number_id", "no business number of yours has this id"))
}

async fn again(house: &House, hook: &Hook, wanted: Replay) -> Result<offhook_engine::Replay, ApiError> {
    use offhook_engine::Replay as Again;
    let time = |name: &str, text: &str| {
        moment::read(text).ok_or_else(|| ApiError::invalid(name, format!("'{name}' is no RFC 3339 time")))
    };
    match wanted {
        Replay { event_id: Some(id), since: None, until: None, delivery_id: None, dead: None } => {
            let id = EventId::parse(&id).ok_or_else(|| ApiError::not_found("no such event"))?;
            let events = &house.ports.events;
            // A second name's id is one bit from the first's.
            for id in [id.clone(), event::second_id(&id)] {
                if events.find_event(&hook.tenant, &id).await?.is_some() {
                    return Ok(Again::Event(id));
                }
            }
            Err(ApiError::not_found("no such event"))
        }
        Replay { event_id: None, since: Some(since), until, delivery_id: None, dead: None } => {
            let since = time("since", &since)?;
            let until = until.map_or_else(|| Ok(house.now()), |until| time("until", &until))?;
            Ok(Again::Between(since, until))
        }
        Replay { event_id: None, since: None, until: None, delivery_id: Some(id), dead: None } => {
            let id = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("no such delivery"))?;
            Ok(Again::Dead(Some(id)))
        }
        Replay { event_id: None, since: None, until: None, delivery_id: None, dead: Some(true) } => {
            Ok(Again::Dead(None))
        }
        _ => {
            let message = "say one of event_id, since (with until), delivery_id, or dead: true";
            Err(ApiError::invalid("event_id", message))
        }
    }
}

/// The webhook of a path. Somebody else's is as absent as one that never was.
async fn find(house: &House, tenant: &TenantId, id: Id) -> Result<Hook, ApiError> {
    let id = id.ok().and_then(|Path(id)| HookId::parse(&id)).ok_or_else(no_webhook)?;
    house.ports.hooks.hooks.find(tenant, &id).await?.ok_or_else(no_webhook)
}

fn no_webhook() -> ApiError {
    ApiError::not_found("no such webhook")
}

async fn shown(house: &House, hook: &Hook) -> Answer {
    let numbers = house.directory.numbers(&hook.tenant).await?;
    Ok(Reply::ok(value(&Webhook::of(hook, &numbers))))
}

/// The id under which a delivery's event is told.
fn told_id(delivery: &Delivery, dress: Dress) -> String {
    let second = dress == Dress::Orbit && event::SECOND_NAMES.contains(&delivery.name.as_str());
    if second { event::second_id(&delivery.event).to_string() } else { delivery.event.to_string() }
}

/// A shape of ours as JSON.
pub(super) fn value<T: Serialize>(shape: &T) -> Value {
    serde_json::to_value(shape).expect("shapes are plain data with text keys")
}
