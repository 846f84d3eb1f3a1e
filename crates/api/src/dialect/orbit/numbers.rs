//! `GET …/whatsapp/calling/numbers` and `PATCH …/numbers/{phone_number_id}`: who carries the sound of a number's
//! calls, and who takes those of its callers. Ours, in Orbit's conventions.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::audit::{Deed, Object};
use offhook_core::call::table::BotUrl;
use offhook_core::house::{BusinessNumber, MediaMode};
use serde::{Deserialize, Deserializer};
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
    media_mode: Option<MediaMode>,
    /// None when it is not said, and nobody when it is null.
    #[serde(default, deserialize_with = "said")]
    inbound_stream: Option<Option<String>>,
}

/// Tells null from nothing.
fn said<'de, D: Deserializer<'de>>(wire: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(wire).map(Some)
}

impl Change {
    /// The voice bot that is to take calls, if anything is said about it.
    fn bot(&self, house: &House, media_mode: MediaMode) -> Result<Option<Option<BotUrl>>, ApiError> {
        let Some(said) = &self.inbound_stream else { return Ok(None) };
        let Some(url) = said else { return Ok(Some(None)) };
        if media_mode != MediaMode::Bridge {
            let message =
                "only calls whose sound the server carries go to a voice bot: set 'media_mode' to bridge";
            return Err(ApiError::invalid("inbound_stream", message));
        }
        let bot = house.ports.bots.judge(url).map_err(|why| ApiError::invalid("inbound_stream", why))?;
        Ok(Some(Some(bot)))
    }
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
        let rows = numbers.iter().filter(seen).map(|number| row(&house, number, reveal)).collect();
        Ok(Reply::page(rows, None))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Decides who carries the sound of a number's calls, and who takes those of its callers, from the next one on.
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
        let wanted: Change = json_body(&parts.headers, content).await?;
        if wanted.media_mode.is_none() && wanted.inbound_stream.is_none() {
            return Err(ApiError::missing("media_mode"));
        }
        let media_mode = wanted.media_mode.unwrap_or(number.media_mode);
        let bot = wanted.bot(&house, media_mode)?;
        let (mut before, mut after) = (json!({}), json!({}));
        if wanted.media_mode.is_some() {
            (before["media_mode"], after["media_mode"]) = (json!(number.media_mode), json!(media_mode));
        }
        if let Some(bot) = &bot {
            // Whether, and not which: its address may carry a secret.
            (before["inbound"], after["inbound"]) = (json!(inbound(&number)), json!(taker(bot.is_some())));
            house.ports.numbers.set_inbound_bot(&number.tenant, &number.id, bot.as_ref()).await?;
        }
        let set = house.ports.numbers.set_media_mode(&number.tenant, &number.id, media_mode).await?;
        let number = set.ok_or_else(ApiError::connection_not_found)?;
        let deed = Deed {
            object: Some(Object::new("number", number.id.as_str())),
            before: text(before),
            after: text(after),
            ..house.audit.deed(&entry.principal, "number.changed")
        };
        house.audit.write(deed).await?;
        Ok(Reply::ok(row(&house, &number, true)))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Who takes a number's inbound calls.
fn inbound(number: &BusinessNumber) -> &'static str {
    taker(number.has_bot && number.media_mode == MediaMode::Bridge)
}

const fn taker(is_bot: bool) -> &'static str {
    if is_bot { "stream" } else { "agents" }
}

fn row(house: &House, number: &BusinessNumber, reveal: bool) -> Value {
    json!({
        "id": number.id.as_str(),
        "phone_number_id": number.meta_id.as_str(),
        "waba_id": number.waba_id,
        "phone": if reveal { number.phone.reveal() } else { number.phone.to_string() },
        "media_mode": number.media_mode,
        "inbound": inbound(number),
        "sandbox": house.config.sandbox || number.sandbox,
    })
}
