//! `…/messaging/webhooks`: Vobiz's subscriptions (provider-apis.md 3.6). No filter, no update; the secret is the
//! client's own and never shown.

use axum::Json;
use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use offhook_core::hook::{Credentials, Dress, Hook};
use offhook_core::id::HookId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::dialect::orbit::auth::{Entry, enter};
use crate::dialect::orbit::body::json_body;
use crate::dialect::orbit::error::ApiError;
use crate::dialect::orbit::webhooks::{NewWebhook, add, judge_url, secret, take_away};
use crate::dialect::orbit::wrong_method;
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::Right;

/// Where the face is served.
const PREFIXES: [&str; 2] = ["/api/v1/messaging", "/v1/messaging"];

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

pub(crate) fn routes() -> Router<Shared> {
    let all = get(list).post(create).fallback(wrong_method);
    let one = delete(remove).fallback(wrong_method);
    PREFIXES.into_iter().fold(Router::new(), |router, prefix| {
        router
            .route(&format!("{prefix}/webhooks"), all.clone())
            .route(&format!("{prefix}/webhooks/"), all.clone())
            .route(&format!("{prefix}/webhooks/{{id}}"), one.clone())
            .route(&format!("{prefix}/webhooks/{{id}}/"), one.clone())
    })
}

/// Subscribes an address to Meta's webhooks about calls, in Vobiz's envelope.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/webhooks",
    tag = "Vobiz webhooks",
    operation_id = "vobizCreateWebhook",
    request_body = CreateSubscription,
    responses((status = 201, body = Subscription))
)]
pub(crate) async fn create(State(house): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts.method, &parts.headers, Operation::Control, Right::WriteHooks).await?;
    let wanted: CreateSubscription = json_body(&parts.headers, content).await?;
    let url = wanted.url.ok_or_else(|| ApiError::missing("url"))?;
    let own = wanted.secret.ok_or_else(|| ApiError::missing("secret"))?;
    judge_url(&house, &url).await?;
    let topics = vec!["*".to_owned()];
    let new = NewWebhook { url, dress: Dress::Vobiz, number: None, topics, description: None };
    let hook = add(&house, &entry.principal.tenant, new, Credentials::new(secret(Some(own))?)).await?;
    Ok((StatusCode::CREATED, Json(subscription(&hook))).into_response())
}

/// Lists subscriptions.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/webhooks",
    tag = "Vobiz webhooks",
    operation_id = "vobizListWebhooks",
    responses((status = 200, body = Subscriptions))
)]
pub(crate) async fn list(State(house): State<Shared>, request: Request) -> Result<Response, ApiError> {
    let entry = enter(&house, request.method(), request.headers(), Operation::List, Right::ReadHooks).await?;
    let items = theirs(&house, &entry).await?.iter().map(subscription).collect();
    Ok(Json(Subscriptions { items }).into_response())
}

/// Ends a subscription.
#[utoipa::path(
    delete,
    path = "/api/v1/messaging/webhooks/{id}",
    tag = "Vobiz webhooks",
    operation_id = "vobizRemoveWebhook",
    params(("id" = String, Path)),
    responses((status = 204))
)]
pub(crate) async fn remove(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let (method, headers) = (request.method(), request.headers());
    let entry = enter(&house, method, headers, Operation::Control, Right::WriteHooks).await?;
    let id = id.ok().and_then(|Path(id)| Uuid::parse_str(&id).ok()).map(HookId::from_uuid);
    let hooks = theirs(&house, &entry).await?;
    let hook = hooks.into_iter().find(|hook| Some(&hook.id) == id.as_ref());
    take_away(&house, &hook.ok_or_else(|| ApiError::not_found("no such webhook"))?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The subscriptions this face made: those of another dress are none of its business.
async fn theirs(house: &House, entry: &Entry) -> Result<Vec<Hook>, ApiError> {
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
