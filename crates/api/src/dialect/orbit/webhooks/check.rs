//! What a webhook may be: its address, names of events, secret, headers.

use std::collections::BTreeMap;

use offhook_core::hook::HookSecret;
use offhook_core::house::BusinessNumber;
use offhook_core::id::TenantId;

use super::super::error::ApiError;
use super::super::event;
use crate::house::House;
use crate::manners::random;

/// Names one webhook may ask for, and headers it may have.
const MOST_EVENTS: usize = 100;
const MOST_HEADERS: usize = 20;

/// Lengths of secrets of a customer's own.
const SECRET: std::ops::RangeInclusive<usize> = 16..=256;

/// Longest description and longest value of a header.
const LONGEST_TEXT: usize = 1000;

/// What a request's own headers are; a customer's cannot stand for them.
const RESERVED: [&str; 8] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "user-agent",
    "te",
    "upgrade",
];

/// Whether the address may be dialled.
pub(super) async fn judge_url(house: &House, url: &str) -> Result<(), ApiError> {
    house.ports.hooks.carrier.check(url).await.map_err(|why| ApiError::invalid_webhook_url(&why))
}

/// A secret of the customer's own, or a fresh one.
pub(super) fn secret(own: Option<String>) -> Result<HookSecret, ApiError> {
    let Some(own) = own else { return Ok(HookSecret::new(random::webhook_secret())) };
    own_secret(&own).map_err(|why| ApiError::invalid("secret", format!("'secret' {why}")))
}

/// A secret of the customer's own, or what is wrong with it.
pub(crate) fn own_secret(own: &str) -> Result<HookSecret, String> {
    let plain = own.bytes().all(|byte| byte.is_ascii_graphic());
    if plain && SECRET.contains(&own.len()) {
        return Ok(HookSecret::new(own.to_owned()));
    }
    let (least, most) = (SECRET.start(), SECRET.end());
    Err(format!("is {least} to {most} visible ASCII characters without blanks"))
}

pub(super) fn judge_events(events: Vec<String>) -> Result<Vec<String>, ApiError> {
    if events.is_empty() || events.len() > MOST_EVENTS {
        return Err(ApiError::invalid("events", format!("'events' has 1 to {MOST_EVENTS} names, or \"*\"")));
    }
    let unknown: Vec<&str> = events.iter().map(String::as_str).filter(|name| !event::knows(name)).collect();
    if unknown.is_empty() { Ok(events) } else { Err(ApiError::invalid_events(&unknown)) }
}

pub(super) fn description(text: Option<String>) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.len() > LONGEST_TEXT => {
            Err(ApiError::invalid("description", format!("'description' has at most {LONGEST_TEXT} bytes")))
        }
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

/// Headers of a customer's own, or what is wrong with them.
pub(crate) fn own_headers(headers: BTreeMap<String, String>) -> Result<Vec<(String, HookSecret)>, String> {
    if headers.len() > MOST_HEADERS {
        return Err(format!("at most {MOST_HEADERS} headers"));
    }
    headers.into_iter().map(header).collect()
}

fn header((name, value): (String, String)) -> Result<(String, HookSecret), String> {
    let name = name.to_ascii_lowercase();
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let named = (1..=64).contains(&name.len()) && name.bytes().all(fit) && !RESERVED.contains(&name.as_str());
    let plain = value.len() <= LONGEST_TEXT && value.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if !named || !plain {
        return Err("a header cannot be sent so, or is not yours to set".to_owned());
    }
    Ok((name, HookSecret::new(value)))
}

pub(super) async fn number(
    house: &House,
    tenant: &TenantId,
    meta_id: &str,
) -> Result<BusinessNumber, ApiError> {
    let numbers = house.directory.numbers_now(tenant).await?;
    let found = numbers.iter().find(|number| number.meta_id.as_str() == meta_id).cloned();
    found.ok_or_else(|| ApiError::invalid("phone_number_id", "no business number of yours has this id"))
}
