//! `…/messaging/webhooks`: Vobiz's subscriptions (provider-apis.md 3.6). No filter, no update; the secret is the
//! client's own and never shown.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use offhook_core::hook::{Credentials, Dress, Hook};
use offhook_core::id::HookId;
use offhook_core::ports::StoreFault;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{self, Entry};
use super::body::{self, required};
use super::error::{VobizError, Wrong};
use super::wire::ErrorBody;
use crate::dialect::orbit::webhooks::{MOST, NewWebhook, add, own_secret, take_away};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::Right;

/// A subscription to make.
#[derive(Deserialize, ToSchema)]
pub(crate) struct CreateSubscription {
    #[schema(example = "https://crm.example.com/vobiz")]
    url: Option<String>,
    secret: Option<String>,
}

/// A subscription.
#[derive(Serialize, ToSchema)]
pub(crate) struct Subscription {
    #[schema(value_type = String, example = "0192f0c1-a2b3-74d5-a6e7-f8091a2b3c4d")]
    id: Uuid,
    url: String,
    /// `active` or `inactive`.
    status: &'static str,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    updated_at: String,
}

/// All subscriptions.
#[derive(Serialize, ToSchema)]
pub(crate) struct Subscriptions {
    items: Vec<Subscription>,
}

/// Subscribes an address to Meta's webhooks about calls, in this face's envelope.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/webhooks",
    tag = "Vobiz",
    operation_id = "vobizCreateWebhook",
    request_body = CreateSubscription,
    responses(
        (status = 201, description = "Subscribed", body = Subscription),
        (status = 400, description = "No JSON", body = ErrorBody),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 409, description = "There are too many webhooks", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is compressed", body = ErrorBody),
        (status = 422, description = "A field is wrong, or the address may not be called", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn create(
    State(house): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Subscription>), VobizError> {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts.headers, Operation::Control, Right::WriteWebhooks).await?;
    let wanted: CreateSubscription = body::read(&parts.headers, content).await?;
    let url = required("url", wanted.url.as_deref())?.to_owned();
    let secret = own_secret(required("secret", wanted.secret.as_deref())?);
    let secret = secret.map_err(|why| VobizError::invalid("secret", Wrong::Format, why))?;
    let judged = house.ports.hooks.carrier.check(&url).await;
    judged.map_err(|why| VobizError::invalid("url", Wrong::Format, why))?;
    let topics = vec!["*".to_owned()];
    let new = NewWebhook { url, dress: Dress::Vobiz, number: None, topics, description: None };
    let added = add(&house, &entry.principal, new, Credentials::new(secret)).await;
    let hook = added.map_err(|fault| match fault {
        StoreFault::Exists(_) => VobizError::too_many_webhooks(MOST),
        fault => fault.into(),
    })?;
    Ok((StatusCode::CREATED, Json(subscription(&hook))))
}

/// Lists subscriptions.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/webhooks",
    tag = "Vobiz",
    operation_id = "vobizListWebhooks",
    responses(
        (status = 200, description = "All of them", body = Subscriptions),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(house): State<Shared>,
    request: Request,
) -> Result<Json<Subscriptions>, VobizError> {
    let entry = enter(&house, request.headers(), Operation::List, Right::ReadWebhooks).await?;
    let items = theirs(&house, &entry).await?.iter().map(subscription).collect();
    Ok(Json(Subscriptions { items }))
}

/// Ends a subscription.
#[utoipa::path(
    delete,
    path = "/api/v1/messaging/webhooks/{id}",
    tag = "Vobiz",
    operation_id = "vobizRemoveWebhook",
    params(("id" = String, Path, description = "The subscription")),
    responses(
        (status = 204, description = "Ended"),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 404, description = "No such subscription", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn remove(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<StatusCode, VobizError> {
    let entry = enter(&house, request.headers(), Operation::Control, Right::WriteWebhooks).await?;
    let id = id.ok().and_then(|Path(id)| Uuid::parse_str(&id).ok()).map(HookId::from_uuid);
    let hooks = theirs(&house, &entry).await?;
    let hook = hooks.into_iter().find(|hook| Some(&hook.id) == id.as_ref());
    let hook = hook.ok_or_else(VobizError::no_webhook)?;
    match take_away(&house, &entry.principal, &hook).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(VobizError::no_webhook()),
    }
}

/// Subscriptions are the whole account's: keys of one number and test keys have none.
async fn enter(
    house: &House,
    headers: &HeaderMap,
    operation: Operation,
    right: Right,
) -> Result<Entry, VobizError> {
    let entry = auth::enter(house, headers, operation, right).await?;
    match entry.only_number() {
        Some(_) => Err(VobizError::forbidden("a key of the whole account")),
        None => Ok(entry),
    }
}

/// The subscriptions this face made: those of another dress are none of its business.
async fn theirs(house: &House, entry: &Entry) -> Result<Vec<Hook>, StoreFault> {
    let mut hooks = house.ports.hooks.hooks.of_tenant(&entry.principal.tenant).await?;
    hooks.retain(|hook| hook.dress == Dress::Vobiz);
    Ok(hooks)
}

fn subscription(hook: &Hook) -> Subscription {
    Subscription {
        id: hook.id.uuid(),
        url: hook.url.clone(),
        status: if hook.active { "active" } else { "inactive" },
        created_at: moment::whole(hook.created_at),
        updated_at: moment::whole(hook.updated_at),
    }
}
