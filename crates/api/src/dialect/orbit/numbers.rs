//! `GET …/whatsapp/calling/numbers` and `PATCH …/numbers/{phone_number_id}`: who carries the sound of a number's
//! calls. Ours, in Orbit's conventions.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::audit::{Deed, Object};
use offhook_core::house::{BusinessNumber, MediaMode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth;
use super::body::json_body;
use super::calls::only_number;
use super::error::ApiError;
use super::place::connection;
use super::shapes;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::audit::text;
use crate::manners::limits::Operation;
use crate::manners::principal::Right;

#[derive(Deserialize)]
struct Change {
    media_mode: MediaMode,
}

/// Lists the business numbers.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/numbers",
    tag = "Numbers",
    operation_id = "listNumbers",
    responses((status = 200, body = [shapes::NumberRow]))
)]
pub(super) async fn list(State(house): State<Shared>, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::List, Right::ReadCalls).await?;
    let answer = async {
        let numbers = house.directory.numbers_now(&entry.principal.tenant).await?;
        let seen =
            |number: &&BusinessNumber| only_number(&entry.principal).is_none_or(|only| *only == number.id);
        let reveal = entry.principal.role().sees_phones();
        Ok(Reply::page(numbers.iter().filter(seen).map(|number| row(&house, number, reveal)).collect(), None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Decides who carries the sound of a number's calls, from the next one on.
#[utoipa::path(
    patch,
    path = "/api/v1/whatsapp/calling/numbers/{phone_number_id}",
    tag = "Numbers",
    operation_id = "changeNumber",
    params(("phone_number_id" = String, Path, description = "Meta's id")),
    request_body = shapes::NumberChange,
    responses((status = 200, body = shapes::NumberRow))
)]
pub(super) async fn change(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let (parts, content) = request.into_parts();
    let entry =
        auth::enter(&house, &parts.method, &parts.headers, Operation::Control, Right::WriteNumbers).await?;
    let answer = async {
        let Ok(Path(id)) = id else { return Err(ApiError::connection_not_found()) };
        let number = connection(&house, &entry.principal, &id).await?;
        let before = number.media_mode;
        let Change { media_mode } = json_body(&parts.headers, content).await?;
        let set = house.ports.numbers.set_media_mode(&number.tenant, &number.id, media_mode).await?;
        let number = set.ok_or_else(ApiError::connection_not_found)?;
        let object = Object::new("number", number.id.as_str());
        let deed = Deed {
            object: Some(object),
            before: text(json!({ "media_mode": before })),
            after: text(json!({ "media_mode": number.media_mode })),
            ..house.audit.deed(&entry.principal, "number.changed")
        };
        house.audit.write(deed).await?;
        Ok(Reply::ok(row(&house, &number, true)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

fn row(house: &House, number: &BusinessNumber, reveal: bool) -> Value {
    json!({
        "id": number.id.as_str(),
        "phone_number_id": number.meta_id.as_str(),
        "waba_id": number.waba_id,
        "phone": if reveal { number.phone.reveal() } else { number.phone.to_string() },
        "media_mode": number.media_mode,
        "sandbox": house.config.sandbox || number.sandbox,
    })
}
