//! `POST /{version}/{number}/messages`: call permission requests; other messages are accepted and forgotten.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::calls::callee;
use super::door::{Asked, Reply, authorize, serve};
use super::error::GraphError;
use crate::ids;
use crate::listener::Line;
use crate::permission::RequestRefused;
use crate::world::World;
use crate::world::consents::PermissionRequest;
use crate::world::replies;

pub(crate) async fn send(
    State(world): State<Arc<World>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let to = body["to"].as_str().or(body["recipient"].as_str()).map(str::to_owned);
    let asked = Asked {
        action: "messages".to_owned(),
        phone_number_id: phone_number_id.clone(),
        to,
        ..Asked::default()
    };
    serve(&world, &line, asked, async {
        match authorize(&world, &version, &phone_number_id, &headers) {
            Ok(_) => message(&world, &phone_number_id, &body).unwrap_or_else(Reply::from),
            Err(error) => error.into(),
        }
    })
    .await
}

fn message(world: &Arc<World>, phone_number_id: &str, body: &Value) -> Result<Reply, GraphError> {
    if body["messaging_product"] != json!("whatsapp") {
        return Err(GraphError::parameter("The parameter messaging_product is required."));
    }
    let user = callee(world, body["to"].as_str(), body["recipient"].as_str())?;
    let id = ids::wamid(&user.digits);
    let interactive = &body["interactive"];
    if body["type"] == json!("interactive") && interactive["type"] == json!("call_permission_request") {
        if interactive["action"]["name"] != json!("call_permission_request") {
            return Err(GraphError::parameter("interactive.action.name must be call_permission_request."));
        }
        if interactive.get("header").is_some() || interactive.get("footer").is_some() {
            return Err(GraphError::parameter("A call permission request has neither header nor footer."));
        }
        let (now, knobs) = (world.clock.now_secs(), world.knobs());
        let without = user.suffix.starts_without_permission();
        world.consents.with(phone_number_id, &user, |consent| consent.ask(now, &knobs, without)).map_err(
            |refused| match refused {
                RequestRefused::TooMany => GraphError::too_many_requests(),
                RequestRefused::AlreadyPermanent => GraphError::permanent_permission(),
            },
        )?;
        let request = PermissionRequest {
            id: id.clone(),
            phone_number_id: phone_number_id.to_owned(),
            user: user.digits.clone(),
            text: interactive["body"]["text"].as_str().map(str::to_owned),
            at_ms: world.clock.now_ms(),
        };
        replies::request_arrives(world, request, &user);
    }
    let input = body["to"].as_str().unwrap_or_default();
    Ok(Reply::ok(json!({
        "messaging_product": "whatsapp",
        "contacts": [{"input": input, "wa_id": user.digits, "user_id": user.bsuid}],
        "messages": [{"id": id}],
    })))
}
