//! The number itself, and which app is subscribed: enough for a client that checks its set-up.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};

use super::door::{Asked, Reply, authorize, serve};
use super::error::GraphError;
use crate::config::SimNumber;
use crate::listener::Line;
use crate::world::World;

pub(crate) async fn read(
    State(world): State<Arc<World>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
) -> Response {
    serve(&world, &line, asked(&phone_number_id), async {
        match authorize(&world, &version, &phone_number_id, &headers) {
            Ok(number) => Reply::ok(described(&number)),
            Err(error) => error.into(),
        }
    })
    .await
}

pub(crate) async fn subscribed_apps(
    State(world): State<Arc<World>>,
    Path((_, waba_id)): Path<(String, String)>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
) -> Response {
    serve(&world, &line, asked(&waba_id), async {
        let app = json!({"whatsapp_business_api_data": {"id": "1234567890", "name": "Simulated app"}});
        business(&world, &waba_id, &headers).map_or_else(Reply::from, |()| Reply::ok(json!({"data": [app]})))
    })
    .await
}

pub(crate) async fn subscribe_app(
    State(world): State<Arc<World>>,
    Path((_, waba_id)): Path<(String, String)>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
) -> Response {
    serve(&world, &line, asked(&waba_id), async {
        business(&world, &waba_id, &headers)
            .map_or_else(Reply::from, |()| Reply::ok(json!({"success": true})))
    })
    .await
}

fn asked(id: &str) -> Asked {
    Asked { action: "number".to_owned(), phone_number_id: id.to_owned(), ..Asked::default() }
}

fn business(world: &World, waba_id: &str, headers: &HeaderMap) -> Result<(), GraphError> {
    let number = world.numbers().into_iter().find(|number| number.waba_id == waba_id);
    let number = number.ok_or_else(|| GraphError::no_object(waba_id))?;
    authorize(world, "v25.0", &number.phone_number_id, headers).map(|_| ())
}

fn described(number: &SimNumber) -> Value {
    json!({
        "id": number.phone_number_id,
        "display_phone_number": number.display_phone,
        "verified_name": "Simulated business",
        "quality_rating": "GREEN",
        "code_verification_status": "VERIFIED",
        "platform_type": "CLOUD_API",
        "health_status": {
            "can_send_message": "AVAILABLE",
            "entities": [
                {"entity_type": "PHONE_NUMBER", "id": number.phone_number_id, "can_send_message": "AVAILABLE"},
                {"entity_type": "WABA", "id": number.waba_id, "can_send_message": "AVAILABLE"},
            ],
        },
    })
}
