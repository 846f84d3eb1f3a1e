//! `/v1/configs/webhook`: where a number's webhooks go, in Meta's own words (provider-apis.md 4.7).
//!
//! The path, `url` and `headers` are the provider's; the answers, reading and removing are ours, and so is `secret`. A
//! number has one such address here: the newest of its webhooks in Meta's dress, of which the native interface may make
//! more.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use offhook_core::hook::{Credentials, Dress, Hook, HookSecret};
use offhook_core::ports::StoreFault;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::auth::{self, Entry};
use super::error::{BareBody, D360Error, GatewayBody};
use crate::dialect::orbit::webhooks::{MOST, NewWebhook, add, own_headers, own_secret, replace, take_away};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::Right;
use crate::manners::{body, random};

/// Largest body: an address and a few headers.
const BODY_CAP: usize = 64 * 1024;

/// What stands for the value of a header: it may be a secret.
const HIDDEN: &str = "****";

/// Where webhooks are to go.
#[derive(Deserialize, ToSchema)]
pub(crate) struct WebhookConfig {
    /// HTTPS on the Internet, unless the operator allows private networks.
    #[schema(example = "https://crm.example.com/whatsapp")]
    url: Option<String>,
    /// Sent with every webhook: how a receiver knows its sender here.
    headers: Option<BTreeMap<String, String>>,
    /// Signs the webhooks (`X-Hub-Signature-256`), 16 to 256 visible characters (our addition).
    secret: Option<String>,
}

/// Where webhooks go.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookShown {
    #[schema(example = "https://crm.example.com/whatsapp")]
    url: String,
    /// Their values are not shown.
    headers: BTreeMap<String, &'static str>,
}

/// It is done.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookRemoved {
    success: bool,
}

/// Sends the number's webhooks to an address, instead of the one before.
#[utoipa::path(
    post,
    path = "/v1/configs/webhook",
    tag = "360dialog",
    operation_id = "d360SetWebhook",
    request_body = WebhookConfig,
    responses(
        (status = 200, description = "Set", body = WebhookShown),
        (status = 400, description = "No address, or one that may not be called", body = GatewayBody),
        (status = 503, description = "The server cannot do this now", body = BareBody),
    )
)]
pub(crate) async fn set(
    State(house): State<Shared>,
    request: Request,
) -> Result<axum::Json<WebhookShown>, D360Error> {
    let (parts, content) = request.into_parts();
    let entry = auth::enter(&house, &parts.headers, Operation::Control, Right::WriteWebhooks).await?;
    let content = body::read(&parts.headers, content, BODY_CAP).await?;
    let wanted: WebhookConfig = body::json(&content)?;
    let wrong = |why: String| D360Error::gateway(StatusCode::BAD_REQUEST, why);
    let url = wanted.url.filter(|url| !url.is_empty()).ok_or_else(|| wrong("url is required".to_owned()))?;
    house.ports.hooks.carrier.check(&url).await.map_err(|why| wrong(format!("url: {why}")))?;
    let headers = own_headers(wanted.headers.unwrap_or_default());
    let headers = headers.map_err(|why| wrong(format!("headers: {why}")))?;
    let secret = match wanted.secret {
        Some(own) => Some(own_secret(&own).map_err(|why| wrong(format!("secret {why}")))?),
        None => None,
    };
    let shown = shown(url.clone(), &headers);
    match current(&house, &entry).await? {
        Some(hook) => change(&house, &entry, Hook { url, ..hook }, headers, secret).await?,
        None => make(&house, &entry, url, headers, secret).await?,
    }
    Ok(axum::Json(shown))
}

/// Where the number's webhooks go.
#[utoipa::path(
    get,
    path = "/v1/configs/webhook",
    tag = "360dialog",
    operation_id = "d360ReadWebhook",
    responses(
        (status = 200, description = "There", body = WebhookShown),
        (status = 404, description = "Nowhere", body = GatewayBody),
        (status = 503, description = "The server cannot do this now", body = BareBody),
    )
)]
pub(crate) async fn read(
    State(house): State<Shared>,
    request: Request,
) -> Result<axum::Json<WebhookShown>, D360Error> {
    let entry = auth::enter(&house, request.headers(), Operation::Read, Right::ReadWebhooks).await?;
    let hook = current(&house, &entry).await?.ok_or_else(D360Error::no_webhook)?;
    let credentials = house.ports.hooks.hooks.credentials(&hook.tenant, &hook.id).await?;
    let headers = credentials.ok_or_else(D360Error::no_webhook)?.headers;
    Ok(axum::Json(shown(hook.url, &headers)))
}

/// Sends the number's webhooks nowhere.
#[utoipa::path(
    delete,
    path = "/v1/configs/webhook",
    tag = "360dialog",
    operation_id = "d360RemoveWebhook",
    responses(
        (status = 200, description = "Removed", body = WebhookRemoved),
        (status = 404, description = "There was none", body = GatewayBody),
        (status = 503, description = "The server cannot do this now", body = BareBody),
    )
)]
pub(crate) async fn remove(
    State(house): State<Shared>,
    request: Request,
) -> Result<axum::Json<WebhookRemoved>, D360Error> {
    let entry = auth::enter(&house, request.headers(), Operation::Control, Right::WriteWebhooks).await?;
    let hook = current(&house, &entry).await?.ok_or_else(D360Error::no_webhook)?;
    match take_away(&house, &entry.principal, &hook).await? {
        true => Ok(axum::Json(WebhookRemoved { success: true })),
        false => Err(D360Error::no_webhook()),
    }
}

/// The number's address.
async fn current(house: &House, entry: &Entry) -> Result<Option<Hook>, StoreFault> {
    let hooks = house.ports.hooks.hooks.of_tenant(&entry.principal.tenant).await?;
    let ours = |hook: &Hook| hook.dress == Dress::Meta && hook.number.as_ref() == Some(&entry.number.id);
    Ok(hooks.into_iter().find(ours))
}

async fn make(
    house: &House,
    entry: &Entry,
    url: String,
    headers: Vec<(String, HookSecret)>,
    secret: Option<HookSecret>,
) -> Result<(), D360Error> {
    let topics = vec!["*".to_owned()];
    let number = Some(entry.number.id.clone());
    let new = NewWebhook { url, dress: Dress::Meta, number, topics, description: None };
    // One that nobody knows signs for nobody.
    let secret = secret.unwrap_or_else(|| HookSecret::new(random::webhook_secret()));
    let credentials = Credentials { headers, ..Credentials::new(secret) };
    match add(house, &entry.principal, new, credentials).await {
        Ok(_) => Ok(()),
        Err(StoreFault::Exists(_)) => {
            let message = format!("the company has {MOST} webhooks already: remove one first");
            Err(D360Error::gateway(StatusCode::BAD_REQUEST, message))
        }
        Err(fault) => Err(fault.into()),
    }
}

/// Whatever made the house give the address before up does not hold for this one.
async fn change(
    house: &House,
    entry: &Entry,
    hook: Hook,
    headers: Vec<(String, HookSecret)>,
    secret: Option<HookSecret>,
) -> Result<(), D360Error> {
    let known = house.ports.hooks.hooks.credentials(&hook.tenant, &hook.id).await?;
    let mut credentials = known.ok_or_else(D360Error::no_webhook)?;
    credentials.headers = headers;
    if let Some(secret) = secret.filter(|secret| *secret != credentials.secret) {
        credentials.rotate(secret, house.now());
    }
    let hook = Hook { active: true, updated_at: house.now(), ..hook };
    match replace(house, &entry.principal, &hook, &credentials).await? {
        true => Ok(()),
        false => Err(D360Error::no_webhook()),
    }
}

fn shown(url: String, headers: &[(String, HookSecret)]) -> WebhookShown {
    WebhookShown { url, headers: headers.iter().map(|(name, _)| (name.clone(), HIDDEN)).collect() }
}
