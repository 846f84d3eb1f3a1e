//! `POST /{version}/{number}/messages`: call permission requests; other messages are accepted and forgotten.
//!
//! A template asks for permission when its name begins with `call_permission`: the simulator knows no definitions.

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

fn check_template(template: &Value) -> Result<(), GraphError> {
    let filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    if filled(&template["name"]) && filled(&template["language"]["code"]) {
        return Ok(());
    }
    Err(GraphError::parameter("template.name and template.language.code are required."))
}

fn message(world: &Arc<World>, phone_number_id: &str, body: &Value) -> Result<Reply, GraphError> {
    if body["messaging_product"] != json!("whatsapp") {
        return Err(GraphError::parameter("The parameter messaging_product is required."));
    }
    let user = callee(world, body["to"].as_str(), body["recipient"].as_str())?;
    let id = ids::wamid(&user.digits);
    let interactive = &body["interactive"];
    let free_form = body["type"] == json!("interactive");
    let template = body["type"] == json!("template");
    if free_form && !world.knobs().conversation_open {
        return Err(GraphError::outside_window());
    }
    if template {
        check_template(&body["template"])?;
    }
    let asks_freely = free_form && interactive["type"] == json!("call_permission_request");
    let asks_by_template =
        template && body["template"]["name"].as_str().is_some_and(|name| name.starts_with("call_permission"));
    if asks_freely || asks_by_template {
        if asks_freely && interactive["action"]["name"] != json!("call_permission_request") {
            return Err(GraphError::parameter("interactive.action.name must be call_permission_request."));
        }
        if asks_freely && (interactive.get("header").is_some() || interactive.get("footer").is_some()) {
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
