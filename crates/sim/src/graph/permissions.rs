//! `GET /{version}/{number}/call_permissions`.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::calls::callee;
use super::door::{Asked, Reply, authorize, serve};
use super::error::GraphError;
use crate::listener::Line;
use crate::permission::Grant;
use crate::world::World;

#[derive(Debug, Deserialize)]
pub(crate) struct Whom {
    user_wa_id: Option<String>,
    recipient: Option<String>,
}

pub(crate) async fn read(
    State(world): State<Arc<World>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    Query(whom): Query<Whom>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
) -> Response {
    let to = whom.user_wa_id.clone().or_else(|| whom.recipient.clone());
    let asked = Asked {
        action: "call_permissions".to_owned(),
        phone_number_id: phone_number_id.clone(),
        to,
        ..Asked::default()
    };
    serve(&world, &line, asked, async {
        match authorize(&world, &version, &phone_number_id, &headers) {
            Ok(_) => state(&world, &phone_number_id, &whom).unwrap_or_else(Reply::from),
            Err(error) => error.into(),
        }
    })
    .await
}

fn state(world: &World, phone_number_id: &str, whom: &Whom) -> Result<Reply, GraphError> {
    let (knobs, now) = (world.knobs(), world.clock.now_secs());
    if !world.consents.may_look_up(phone_number_id, now, knobs.permission_checks_per_second) {
        return Err(GraphError::throttled());
    }
    let user = callee(world, whom.user_wa_id.as_deref(), whom.recipient.as_deref())?;
    let starts_without = user.suffix.starts_without_permission() || user.suffix.is_uncallable();
    let (grant, requests, next_request, (connected, next_call)) =
        world.consents.with(phone_number_id, &user, |consent| {
            let next = consent.next_request(now, &knobs);
            (
                consent.grant(now, &knobs, starts_without),
                consent.requests(now),
                next,
                consent.connected_today(now),
            )
        });
    let mut permission = json!({"status": grant.word()});
    if let Grant::Temporary { until } = grant {
        permission["expiration_time"] = json!(until);
    }
    let mut day = limit("PT24H", knobs.permission_requests_per_day, requests.0);
    let mut week = limit("P7D", knobs.permission_requests_per_week, requests.1);
    if let Some(next) = next_request {
        let full = if requests.1 >= knobs.permission_requests_per_week { &mut week } else { &mut day };
        full["limit_expiration_time"] = json!(next);
    }
    // Whoever cannot be called cannot be asked either: no message reaches them.
    let reachable = !user.suffix.is_uncallable();
    let mut calls = limit("PT24H", knobs.connected_calls_per_day, connected);
    let has_calls_left = connected < knobs.connected_calls_per_day;
    if !has_calls_left {
        calls["limit_expiration_time"] = json!(next_call);
    }
    Ok(Reply::ok(json!({
        "messaging_product": "whatsapp",
        "permission": permission,
        "actions": [
            {
                "action_name": "send_call_permission_request",
                "can_perform_action": reachable && next_request.is_none() && grant != Grant::Permanent,
                "limits": [day, week],
            },
            {
                "action_name": "start_call",
                "can_perform_action": grant != Grant::None && has_calls_left,
                "limits": [calls],
            },
        ],
    })))
}

fn limit(period: &str, allowed: u32, used: u32) -> serde_json::Value {
    json!({"time_period": period, "max_allowed": allowed, "current_usage": used})
}
