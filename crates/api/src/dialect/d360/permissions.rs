//! `GET /calling/permissions/{user}`: whether a user may be called (provider-apis.md 4.3). Meta's own answer is passed
//! on, with whatever Meta adds to it.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::phone::Phone;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth;
use super::error::{BareBody, D360Error, GatewayBody, MetaBody};
use super::wire::MetasOwn;
use crate::house::Shared;
use crate::manners::limits::Operation;
use crate::manners::principal::Right;

/// Whether a user may be called and asked, as Meta says it.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionResponse {
    #[schema(example = "whatsapp")]
    messaging_product: String,
    permission: PermissionState,
    /// May be missing.
    actions: Option<Vec<PermissionAction>>,
}

/// What the user has granted.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionState {
    /// `no_permission`, `temporary` or `permanent`.
    #[schema(example = "temporary")]
    status: String,
    /// When a temporary one ends, Unix seconds.
    #[schema(example = 1_794_218_400)]
    expiration_time: Option<i64>,
}

/// Whether something may be done now.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionAction {
    #[schema(example = "start_call")]
    action_name: String,
    can_perform_action: bool,
    limits: Option<Vec<PermissionLimit>>,
}

/// How much of a limit is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct PermissionLimit {
    /// An ISO 8601 duration.
    #[schema(example = "PT24H")]
    time_period: String,
    #[schema(example = 100)]
    max_allowed: u32,
    #[schema(example = 3)]
    current_usage: u32,
    /// When a limit that is reached has room again, Unix seconds.
    limit_expiration_time: Option<i64>,
}

/// Whether a user may be called, asked of WhatsApp now.
#[utoipa::path(
    get,
    path = "/calling/permissions/{user}",
    tag = "360dialog",
    operation_id = "d360ReadPermission",
    params(("user" = String, Path, description = "The user's WhatsApp number, digits")),
    responses(
        (status = 200, description = "As WhatsApp answers", body = PermissionResponse),
        (status = 400, description = "WhatsApp, or this server in its words, refuses", body = MetaBody),
        (status = 401, description = "The key is unknown, or WhatsApp does not take the number's token", body = GatewayBody),
        (status = 403, description = "The key may not do this", body = GatewayBody),
        (status = 429, description = "Too many requests, of this server or of WhatsApp", body = GatewayBody),
        (status = 500, description = "WhatsApp's reply was unclear", body = MetaBody),
        (status = 503, description = "The server cannot do this now", body = BareBody),
    )
)]
pub(crate) async fn read(
    State(house): State<Shared>,
    user: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<MetasOwn, D360Error> {
    let entry = auth::enter(&house, request.headers(), Operation::Read, Right::ReadPermissions).await?;
    let phone = user.ok().and_then(|Path(user)| Phone::parse(&user).ok());
    let phone = phone.ok_or_else(|| {
        D360Error::parameter("The user is not a WhatsApp number: send digits with the country code.")
    })?;
    let number = &entry.number;
    let looked_up = house.engine.look_up_permission(&number.tenant, &number.id, &phone).await?;
    Ok(MetasOwn(looked_up.document))
}
