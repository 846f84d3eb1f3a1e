//! What was, is and will be sent to a webhook, and sending it again.

use axum::extract::{RawQuery, Request, State};
use offhook_core::hook::{Delivery, DeliveryState, Dress, Hook};
use offhook_core::id::{CallId, EventId};
use offhook_core::time::Time;
use serde_json::json;
use uuid::Uuid;

use super::super::body::json_body;
use super::super::calls::pairs;
use super::super::cursor::{self, Scope};
use super::super::error::ApiError;
use super::super::event;
use super::super::query::{Pairs, limit_of};
use super::super::wire::{Answer, Reply};
use super::deed::noted;
use super::wire::{DeliveryRow, Replay, Replayed};
use super::{Id, enter, find, value};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::Right;

/// Sends events again.
#[utoipa::path(
    post,
    path = "/api/v1/webhooks/{id}/replay",
    tag = "Webhooks",
    operation_id = "replayWebhook",
    params(("id" = String, Path)),
    request_body = Replay,
    responses((status = 202, body = Replayed))
)]
pub(crate) async fn replay(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::WriteWebhooks).await?;
    let answer = async {
        let hook = find(&house, &entry.principal.tenant, id).await?;
        let wanted: Replay = json_body(&parts.headers, content).await?;
        let what = again(&house, &hook, wanted).await?;
        let replayed = house.engine.replay(&hook, what).await?;
        let details = json!({ "deliveries": replayed.count });
        noted(&house, &entry.principal, "webhook.replayed", &hook, details).await?;
        let rest_since = replayed.rest_since.map(moment::precise);
        Ok(Reply::accepted(value(&Replayed { deliveries: replayed.count, rest_since })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Lists what was, is and will be sent to a webhook, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/webhooks/{id}/deliveries",
    tag = "Webhooks",
    operation_id = "listWebhookDeliveries",
    params(
        ("id" = String, Path),
        ("state" = Option<String>, Query, description = "`due`, `waiting`, `delivered` or `dead`"),
        ("limit" = Option<u32>, Query, description = "1 to 200, 25 unless stated"),
        ("cursor" = Option<String>, Query)
    ),
    responses((status = 200, body = inline(Vec<DeliveryRow>)))
)]
pub(crate) async fn deliveries(
    State(house): State<Shared>,
    id: Id,
    RawQuery(query): RawQuery,
    request: Request,
) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::List, Right::ReadWebhooks).await?;
    let answer = async {
        let hook = find(&house, &entry.principal.tenant, id).await?;
        page(&house, &hook, &pairs(query.as_deref())).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn page(house: &House, hook: &Hook, pairs: &[(String, String)]) -> Answer {
    let pairs = Pairs(pairs);
    let state =
        match pairs.find("state")? {
            Some(word) => Some(DeliveryState::parse(word).ok_or_else(|| {
                ApiError::invalid("state", "'state' is one of due, waiting, delivered, dead")
            })?),
            None => None,
        };
    let filters = format!("deliveries {} {}", hook.id, state.map_or("", DeliveryState::as_str));
    let scope = Scope { tenant: &hook.tenant, filters };
    let (secret, now) = (&house.config.cursor_secret, house.now());
    // A cursor holds an instant and an id; here the instant is the delivery's number.
    let before = match pairs.find("cursor")? {
        Some(text) => {
            let (n, _) = cursor::open(secret, &scope, text, now).ok_or_else(ApiError::invalid_cursor)?;
            u64::try_from(n.as_micros()).ok()
        }
        None => None,
    };
    let limit = limit_of(&pairs)?;
    let page = house.ports.hooks.deliveries.deliveries(&hook.tenant, &hook.id, state, before, limit).await?;
    let last = page.deliveries.last().filter(|_| page.has_more);
    let cursor = last.map(|last| {
        let n = Time::from_micros(i64::try_from(last.n).unwrap_or(i64::MAX));
        cursor::seal(secret, &scope, &(n, CallId::from_uuid(last.id)), now)
    });
    let rows = page.deliveries.iter().map(|delivery| value(&DeliveryRow::of(delivery, hook.dress)));
    Ok(Reply::page(rows.collect(), cursor))
}

async fn again(house: &House, hook: &Hook, wanted: Replay) -> Result<offhook_engine::Replay, ApiError> {
    use offhook_engine::Replay as Again;
    let time = |name: &str, text: &str| {
        moment::read(text).ok_or_else(|| ApiError::invalid(name, format!("'{name}' is no RFC 3339 time")))
    };
    match wanted {
        Replay { event_id: Some(id), since: None, until: None, delivery_id: None, dead: None } => {
            let id = EventId::parse(&id).ok_or_else(|| ApiError::not_found("no such event"))?;
            let events = &house.ports.events;
            // A second name's id is one bit from the first's.
            for id in [id.clone(), event::second_id(&id)] {
                if events.find_event(&hook.tenant, &id).await?.is_some() {
                    return Ok(Again::Event(id));
                }
            }
            Err(ApiError::not_found("no such event"))
        }
        Replay { event_id: None, since: Some(since), until, delivery_id: None, dead: None } => {
            let since = time("since", &since)?;
            let until = until.map_or_else(|| Ok(house.now()), |until| time("until", &until))?;
            Ok(Again::Between(since, until))
        }
        Replay { event_id: None, since: None, until: None, delivery_id: Some(id), dead: None } => {
            let id = Uuid::parse_str(&id).map_err(|_| ApiError::not_found("no such delivery"))?;
            Ok(Again::Dead(Some(id)))
        }
        Replay { event_id: None, since: None, until: None, delivery_id: None, dead: Some(true) } => {
            Ok(Again::Dead(None))
        }
        _ => {
            let message = "say one of event_id, since (with until), delivery_id, or dead: true";
            Err(ApiError::invalid("event_id", message))
        }
    }
}

/// The id under which a delivery's event is told.
pub(super) fn told_id(delivery: &Delivery, dress: Dress) -> String {
    let second = dress == Dress::Orbit && event::SECOND_NAMES.contains(&delivery.name.as_str());
    if second { event::second_id(&delivery.event).to_string() } else { delivery.event.to_string() }
}
