//! `GET` and `POST /calling/settings`: a number's settings at WhatsApp (provider-apis.md 4.4, 4.5). Documents pass
//! through in both directions, with whatever Meta knows and we do not; Meta judges them.
//!
//! A key of this face is made for one number, so it switches that number's calling on and off whatever its role.

use axum::extract::{Request, State};
use offhook_core::audit::Object;
use offhook_core::ports::Document;
use offhook_whatsapp::settings;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth;
use super::error::{BareBody, D360Error, GatewayBody, MetaBody};
use super::wire::MetasOwn;
use crate::house::Shared;
use crate::manners::body;
use crate::manners::limits::Operation;
use crate::manners::principal::Right;

/// Largest change. Twenty holidays and the hours of a week are 3 KiB.
const BODY_CAP: usize = 64 * 1024;

/// A change of settings: only what changes. `call_hours` is replaced as a whole: without `holiday_schedule` the stored
/// holidays are gone.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsRequest {
    /// WhatsApp's calling object: `status`, `call_icon_visibility`, `call_icons`, `call_hours`,
    /// `callback_permission_status`, `sip`, `srtp_key_exchange_protocol`, `audio`, `voicemail`.
    #[schema(value_type = Object)]
    calling: Value,
}

/// A number's settings as WhatsApp answers them, passwords of SIP servers included.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsResponse {
    /// Absent while nothing was ever set.
    #[schema(value_type = Option<Object>)]
    calling: Option<Value>,
}

/// WhatsApp has taken a change.
#[derive(Serialize, ToSchema)]
pub(crate) struct SettingsDone {
    success: bool,
}

/// The number's settings, as they are at WhatsApp now.
#[utoipa::path(
    get,
    path = "/calling/settings",
    tag = "360dialog",
    operation_id = "d360ReadSettings",
    responses(
        (status = 200, description = "As WhatsApp answers", body = SettingsResponse),
        (status = 400, description = "WhatsApp refuses", body = MetaBody),
        (status = 401, description = "The key is unknown, or WhatsApp does not take the number's token", body = GatewayBody),
        (status = 403, description = "The key may not do this", body = GatewayBody),
        (status = 429, description = "Too many requests", body = GatewayBody),
        (status = 500, description = "WhatsApp's reply was unclear", body = MetaBody),
        (status = 503, description = "The server cannot do this now", body = BareBody),
    )
)]
pub(crate) async fn read(State(house): State<Shared>, request: Request) -> Result<MetasOwn, D360Error> {
    let entry = auth::enter(&house, request.headers(), Operation::Read, Right::WriteNumbers).await?;
    let number = &entry.number;
    let (_, known) = house.engine.settings(&number.tenant, &number.id, true).await?;
    Ok(MetasOwn(known.document))
}

/// Changes some of the number's settings. WhatsApp judges them, and tells of the change by webhook too.
#[utoipa::path(
    post,
    path = "/calling/settings",
    tag = "360dialog",
    operation_id = "d360WriteSettings",
    request_body = SettingsRequest,
    responses(
        (status = 200, description = "Done", body = SettingsDone),
        (status = 400, description = "WhatsApp, or this server in its words, refuses", body = MetaBody),
        (status = 401, description = "The key is unknown, or WhatsApp does not take the number's token", body = GatewayBody),
        (status = 403, description = "The key may not do this", body = GatewayBody),
        (status = 408, description = "The body did not arrive in time", body = GatewayBody),
        (status = 413, description = "The body is too large", body = GatewayBody),
        (status = 429, description = "Too many requests", body = GatewayBody),
        (status = 500, description = "WhatsApp's reply was unclear", body = MetaBody),
        (status = 503, description = "The server cannot do this now", body = BareBody),
    )
)]
pub(crate) async fn write(
    State(house): State<Shared>,
    request: Request,
) -> Result<axum::Json<SettingsDone>, D360Error> {
    let (parts, content) = request.into_parts();
    let entry = auth::enter(&house, &parts.headers, Operation::Control, Right::WriteNumbers).await?;
    let content = body::read(&parts.headers, content, BODY_CAP).await?;
    let change: Value = body::json(&content)?;
    if !change.get("calling").is_some_and(Value::is_object) {
        return Err(D360Error::parameter("The parameter calling is required."));
    }
    let calling = settings::switched(&change);
    let number = &entry.number;
    let document = Document::new(change.to_string());
    house.engine.change_settings(&number.tenant, &number.id, &document, calling).await?;
    let action = match calling {
        Some(true) => "calling.enabled",
        Some(false) => "calling.disabled",
        None => "calling.changed",
    };
    // Names only: among the values are passwords.
    let fields: Vec<_> = change["calling"].as_object().into_iter().flat_map(|it| it.keys()).collect();
    let object = Object::new("number", number.id.as_str());
    house.audit.record(&entry.principal, action, object, json!({ "fields": fields })).await?;
    Ok(axum::Json(SettingsDone { success: true }))
}
