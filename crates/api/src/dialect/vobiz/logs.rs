//! `GET …/calls/whatsapp/logs`: pages of calls by number, with totals (provider-apis.md 3.5).

use axum::Json;
use axum::extract::{RawQuery, Request, State};
use offhook_core::id::NumberId;
use offhook_core::meta::Direction;
use offhook_core::ports::{PageAt, PageFilter};
use serde::Serialize;
use utoipa::ToSchema;

use super::VobizManners;
use super::auth::{self, Entry};
use super::body;
use super::error::{VobizError, Wrong};
use super::row::{CallLog, View, row};
use super::status;
use super::wire::ErrorBody;
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::Right;

/// Rows of a page unless the client says otherwise, and at most.
const ROWS: u32 = 25;
const MOST_ROWS: u32 = 100;

/// A page of the logs, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct CallLogs {
    items: Vec<CallLog>,
    /// On all pages.
    #[schema(example = 12)]
    total: u64,
    #[schema(example = 1)]
    page: u32,
    #[schema(example = 25)]
    limit: u32,
    #[schema(example = false)]
    has_more: bool,
}

/// What was asked for.
struct Wanted {
    filter: PageFilter,
    at: PageAt,
    sdp: bool,
}

/// Lists calls, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/messaging/calls/whatsapp/logs",
    tag = "Vobiz",
    operation_id = "vobizListCalls",
    params(
        ("page" = Option<u32>, Query, description = "From 1"),
        ("limit" = Option<u32>, Query, description = "25 unless given; 100 is taken for more"),
        ("direction" = Option<String>, Query, description = "`inbound` or `outbound`"),
        ("status" = Option<String>, Query, description = "One of the status words"),
        ("channel_id" = Option<String>, Query, description = "Of one channel (our addition)"),
        ("include" = Option<String>, Query, description = "`sdp`: with descriptions and candidates (our addition)"),
    ),
    responses(
        (status = 200, description = "A page", body = CallLogs),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 422, description = "A parameter is wrong", body = ErrorBody),
        (status = 429, description = "Too many requests", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    State(house): State<Shared>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Result<Json<CallLogs>, VobizError> {
    let entry = auth::enter(&house, request.headers(), Operation::List, Right::ReadCalls).await?;
    let wanted = read(query.as_deref().unwrap_or_default(), house.config.vobiz)?;
    Ok(Json(page(&house, &entry, wanted).await?))
}

async fn page(house: &House, entry: &Entry, mut wanted: Wanted) -> Result<CallLogs, VobizError> {
    let tenant = &entry.principal.tenant;
    if let Some(within) = entry.within() {
        match &wanted.filter.number {
            Some(number) if within.contains(number) => {}
            // A number out of reach: nothing is there for this key.
            Some(_) => wanted.filter.kinds = Some(Vec::new()),
            None if within.is_empty() => wanted.filter.kinds = Some(Vec::new()),
            None if within.len() == 1 => wanted.filter.number = within.first().cloned(),
            None => {
                let message = "is required: a test key reads the logs of one sandbox channel at a time";
                return Err(VobizError::invalid("channel_id", Wrong::Missing, message));
            }
        }
    }
    let found = house.ports.call_pages.numbered(tenant, &wanted.filter, &wanted.at).await?;
    let channels = house.ports.channels.channels(tenant).await?;
    let role = entry.principal.role();
    let rows = found.calls.iter().map(|call| {
        let channel = channels.iter().find(|channel| channel.number.id == call.number);
        let view = View {
            account: &entry.account,
            ours: channel.map(|channel| &channel.number.phone),
            reveal: role.sees_phones(),
            sdp: wanted.sdp && role.may_call(),
            manners: house.config.vobiz,
        };
        row(call, &view)
    });
    let PageAt { page, limit } = wanted.at;
    let seen = u64::from(page) * u64::from(limit);
    Ok(CallLogs { items: rows.collect(), total: found.total, page, limit, has_more: seen < found.total })
}

fn read(query: &str, manners: VobizManners) -> Result<Wanted, VobizError> {
    let mut wanted =
        Wanted { filter: PageFilter::default(), at: PageAt { page: 1, limit: ROWS }, sdp: false };
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if value.is_empty() {
            continue;
        }
        match name.as_ref() {
            "page" => wanted.at.page = count("page", &value)?,
            "limit" => wanted.at.limit = count("limit", &value)?.min(MOST_ROWS),
            "direction" => {
                wanted.filter.direction = Some(match value.as_ref() {
                    "inbound" => Direction::Inbound,
                    "outbound" => Direction::Outbound,
                    _ => return Err(format("direction", "must be inbound or outbound")),
                });
            }
            "status" => {
                if !status::WORDS.contains(&value.as_ref()) {
                    return Err(format("status", &format!("must be one of {}", status::WORDS.join(", "))));
                }
                wanted.filter.kinds = Some(status::kinds(&value, manners));
            }
            "channel_id" => {
                wanted.filter.number = Some(NumberId::from_uuid(body::uuid("channel_id", &value)?))
            }
            "include" if value == "sdp" => wanted.sdp = true,
            "include" => return Err(format("include", "must be sdp")),
            // Not known: left alone, as the provider leaves alone what it does not know.
            _ => {}
        }
    }
    Ok(wanted)
}

fn format(field: &str, message: &str) -> VobizError {
    VobizError::invalid(field, Wrong::Format, message)
}

/// A whole number from 1. One that does not fit is large all the same.
fn count(field: &str, text: &str) -> Result<u32, VobizError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format(field, "must be a whole number"));
    }
    match text.parse::<u32>().unwrap_or(u32::MAX) {
        0 => Err(VobizError::invalid(field, Wrong::Range, "must be at least 1")),
        count => Ok(count),
    }
}
