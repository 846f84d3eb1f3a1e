//! `…/whatsapp/connections/{phoneNumberId}/calling`: whether calling is on for a number, and switching it
//! (provider-apis.md 2.9.2). Switching on and its answer are the provider's; off and the read-back are ours.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::audit::Object;
use offhook_core::house::BusinessNumber;
use offhook_core::time::Time;
use offhook_whatsapp::settings;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::auth;
use super::error::ApiError;
use super::place::connection;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::Right;

/// Whether calling is on for a number.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallingView {
    /// Meta's id of the number.
    #[schema(example = "470011223344556")]
    phone_number_id: String,
    calling_enabled: bool,
    /// The number's country; null where the numbering plans do not tell.
    #[schema(required, example = "PT")]
    country_code: Option<String>,
    /// When calling was last switched, here or at WhatsApp; null while nobody has.
    #[schema(required, example = "2026-11-02T09:20:00Z")]
    updated_at: Option<String>,
}

/// The same, with WhatsApp's own settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallingDetail {
    #[serde(flatten)]
    view: CallingView,
    /// WhatsApp's `calling` object as it is now, without SIP passwords.
    #[schema(value_type = Object)]
    settings: Value,
}

type Id = Result<Path<String>, PathRejection>;

/// Turns calling on for a number.
#[utoipa::path(
    post,
    path = "/api/v1/whatsapp/connections/{phone_number_id}/calling/enable",
    tag = "Numbers",
    operation_id = "enableCalling",
    params(("phone_number_id" = String, Path, description = "Meta's id")),
    responses((status = 200, body = CallingView))
)]
pub(super) async fn enable(state: State<Shared>, id: Id, request: Request) -> Answer {
    switch(state, id, request, true).await
}

/// Turns calling off for a number.
#[utoipa::path(
    post,
    path = "/api/v1/whatsapp/connections/{phone_number_id}/calling/disable",
    tag = "Numbers",
    operation_id = "disableCalling",
    params(("phone_number_id" = String, Path, description = "Meta's id")),
    responses((status = 200, body = CallingView))
)]
pub(super) async fn disable(state: State<Shared>, id: Id, request: Request) -> Answer {
    switch(state, id, request, false).await
}

/// Whether calling is on for a number, with WhatsApp's settings as they are now.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/connections/{phone_number_id}/calling",
    tag = "Numbers",
    operation_id = "readCalling",
    params(("phone_number_id" = String, Path, description = "Meta's id")),
    responses((status = 200, body = CallingDetail))
)]
pub(super) async fn read(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Read, Right::WriteNumbers).await?;
    let answer = async {
        let number = found(&house, &entry, id).await?;
        let (number, known) = house.engine.settings(&number.tenant, &number.id, false).await?;
        let settings = settings::calling_without_secrets(&known.document).unwrap_or(Value::Null);
        let view = view(&number, number.calling.at);
        let detail = CallingDetail { view, settings };
        Ok(Reply::ok(serde_json::to_value(detail).expect("plain fields always serialize")))
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn switch(State(house): State<Shared>, id: Id, request: Request, on: bool) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Control, Right::EnableCalling).await?;
    let answer = async {
        let number = found(&house, &entry, id).await?;
        let change = settings::switch(on);
        let number = house.engine.change_settings(&number.tenant, &number.id, &change, Some(on)).await?;
        let action = if on { "calling.enabled" } else { "calling.disabled" };
        let object = Object::new("number", number.id.as_str());
        house.audit.record(&entry.principal, action, object, Value::Null).await?;
        let view = view(&number, number.calling.at.or(Some(house.now())));
        Ok(Reply::ok(serde_json::to_value(view).expect("plain fields always serialize")))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Here the provider answers a number of somebody else's as any path that leads nowhere.
async fn found(house: &House, entry: &auth::Entry, id: Id) -> Result<BusinessNumber, ApiError> {
    let nowhere = || ApiError::not_found("no business number of yours has this id");
    let Ok(Path(id)) = id else { return Err(nowhere()) };
    match connection(house, &entry.principal, &id).await {
        Err(error) if error.is_connection_not_found() => Err(nowhere()),
        found => found,
    }
}

fn view(number: &BusinessNumber, at: Option<Time>) -> CallingView {
    CallingView {
        phone_number_id: number.meta_id.as_str().to_owned(),
        calling_enabled: number.calling.enabled,
        country_code: number.phone.country().map(String::from),
        updated_at: at.map(moment::whole),
    }
}
