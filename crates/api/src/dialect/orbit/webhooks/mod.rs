//! `…/webhooks`: customers' addresses that are told of events (provider-apis.md 2.11).
//!
//! Ours: `dress`, `phone_number_id`, `headers`, `rotate-secret`, `replay`, and what is refused with which
//! status. An id `whatsapp` cannot be: that path is Meta's door.

mod wire;

mod check;

mod deed;

pub(crate) mod sent;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::hook::Hook;
use offhook_core::id::{HookId, TenantId};
use serde::Serialize;
use serde_json::{Value, json};

use super::auth::{self, Entry};
use super::body::json_body;
use super::calls::only_number;
use super::error::ApiError;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::Right;

use check::{description, judge_events, judge_url, secret};
use deed::{make, noted, told};

pub(crate) use check::{own_headers, own_secret};
pub(crate) use deed::{MOST, NewWebhook, add, replace, take_away};
pub(crate) use wire::*;

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

/// A shape of ours as JSON.
pub(super) fn value<T: Serialize>(shape: &T) -> Value {
    serde_json::to_value(shape).expect("shapes are plain data with text keys")
}
