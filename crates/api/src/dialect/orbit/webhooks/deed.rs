//! Webhooks made, changed and removed, by this face and by others: with a word in the audit log, and one to the lane.

use offhook_core::audit::Object;
use offhook_core::hook::{Credentials, Dress, Health, Hook, HookSecret};
use offhook_core::id::HookId;
use offhook_core::ports::{NewHook, StoreFault};
use serde_json::{Value, json};
use url::Url;

use super::super::error::ApiError;
use super::check::{description, judge_events, judge_url, number, own_headers, secret};
use super::wire::CreateWebhook;
use crate::house::House;
use crate::manners::principal::Principal;

/// Webhooks of a tenant. Each has a lane of its own; more of them would be a fan-out of somebody else's.
pub(crate) const MOST: u32 = 50;

/// Makes a webhook as it was asked for.
pub(super) async fn make(
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
pub(super) async fn noted(
    house: &House,
    principal: &Principal,
    action: &str,
    hook: &Hook,
    details: Value,
) -> Result<(), StoreFault> {
    house.audit.record(principal, action, Object::new("webhook", hook.id.as_str()), details).await
}

/// A webhook as the audit log tells it. Paths and queries of addresses may be secrets.
pub(super) fn told(hook: &Hook) -> Value {
    let origin = Url::parse(&hook.url).map(|url| url.origin().ascii_serialization()).ok();
    json!({ "origin": origin, "dress": hook.dress.as_str(), "events": hook.topics, "active": hook.active })
}
