//! `GET …/whatsapp/calling/estimate`: what a call would cost. Ours.

use axum::extract::{RawQuery, Request, State};
use offhook_core::bill::{Bill, FLOOR_SECS, PULSE_SECS};
use offhook_core::meta::Direction;
use offhook_core::phone::Phone;
use serde::Serialize;
use utoipa::ToSchema;

use super::auth;
use super::calls::{only_number, pairs};
use super::error::ApiError;
use super::query::Pairs;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};

/// Longest call that is estimated: WhatsApp ends none so late.
const LONGEST_SECS: u32 = 24 * 60 * 60;

/// What a call would cost if it were answered now.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Estimate {
    /// E.164, the last four digits masked for the role billing.
    to: String,
    from_phone_number_id: String,
    /// The row of the price list that fits best: a prefix, a country or `*`; null when none does.
    #[schema(required, example = "351")]
    destination: Option<String>,
    #[schema(required, example = "USD")]
    currency: Option<String>,
    #[schema(required, example = "0.0205")]
    per_minute: Option<String>,
    duration_seconds: u32,
    billable_seconds: u32,
    minimum_seconds: u32,
    /// What the house would charge.
    #[schema(required, example = "0.0205")]
    cost: Option<String>,
    provider_pulse_seconds: u32,
    /// What WhatsApp would charge.
    #[schema(required, example = "0.0205")]
    provider_cost: Option<String>,
}

/// Estimates what a call would cost.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/estimate",
    tag = "Calls",
    operation_id = "estimateCall",
    params(
        ("to" = String, Query, description = "E.164"),
        ("from_phone_number_id" = String, Query, description = "Meta's id of the business number"),
        ("duration_seconds" = Option<u32>, Query, minimum = 0, maximum = 86400, description = "60 unless given"),
    ),
    responses((status = 200, body = Estimate))
)]
pub(super) async fn estimate(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Read, Right::ReadCosts).await?;
    let answer = look_up(&house, &entry.principal, &pairs(query.as_deref())).await;
    entry.leave(answer)
}

async fn look_up(house: &House, principal: &Principal, pairs: &[(String, String)]) -> Answer {
    let pairs = Pairs(pairs);
    let to = pairs.find("to")?.ok_or_else(|| ApiError::missing("to"))?;
    // A plus that was not escaped arrives as a blank.
    let to = Phone::parse(to).map_err(|_| ApiError::invalid_phone("to"))?;
    let from =
        pairs.find("from_phone_number_id")?.ok_or_else(|| ApiError::missing("from_phone_number_id"))?;
    let duration_seconds = pairs.find("duration_seconds")?.map_or(Ok(FLOOR_SECS), seconds)?;
    let numbers = house.directory.numbers_now(&principal.tenant).await?;
    let mine = only_number(principal);
    let number = numbers
        .iter()
        .find(|number| number.meta_id.as_str() == from && mine.is_none_or(|only| number.id == *only))
        .ok_or_else(ApiError::connection_not_found)?;
    let found = house.config.prices.find(Direction::Outbound, Some(&to), house.now());
    let bill = match found {
        Some((_, rate)) => Bill::by(rate.clone(), Direction::Outbound, Some(duration_seconds)),
        None => Bill::without_rate(false, Some(duration_seconds)),
    };
    Ok(Reply::of(&Estimate {
        to: if principal.role().sees_phones() { to.reveal() } else { to.to_string() },
        from_phone_number_id: number.meta_id.as_str().to_owned(),
        destination: found.map(|(destination, _)| destination.as_str().to_owned()),
        currency: bill.currency().map(|currency| currency.as_str().to_owned()),
        per_minute: found.map(|(_, rate)| rate.per_minute.to_string()),
        duration_seconds,
        billable_seconds: bill.billable_secs,
        minimum_seconds: FLOOR_SECS,
        cost: bill.cost.map(|cost| cost.to_string()),
        provider_pulse_seconds: PULSE_SECS,
        provider_cost: bill.provider_cost.map(|cost| cost.to_string()),
    }))
}

fn seconds(text: &str) -> Result<u32, ApiError> {
    let seconds = text.parse().ok().filter(|seconds| *seconds <= LONGEST_SECS);
    seconds.ok_or_else(|| ApiError::invalid("duration_seconds", "'duration_seconds' is 0 to 86400"))
}
