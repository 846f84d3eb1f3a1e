//! The control API over HTTP, and the pages. Described in `CONTROL.md`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use data_encoding::BASE64;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::pages;
use super::{AnswerOptions, CallDetail, Control, ControlError, FaultPlan, PermissionChange, PlaceCall};
use crate::config::SimNumber;
use crate::phone::door;
use crate::phone::wire::WireView;
use crate::world::World;

/// Routes outside Graph.
pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/", get(pages::control))
        .route("/control.js", get(pages::control_js))
        .route("/style.css", get(pages::style))
        .route("/phone", get(pages::phone))
        .route("/phone.js", get(pages::phone_js))
        .route("/phone/ws", get(door::open))
        .route("/control/calls", get(calls).post(place))
        .route("/control/calls/{id}", get(call))
        .route("/control/calls/{id}/answer", post(answer))
        .route("/control/calls/{id}/decline", post(decline))
        .route("/control/calls/{id}/hangup", post(hang_up))
        .route("/control/calls/{id}/keys", post(keys))
        .route("/control/calls/{id}/wire", get(wire).post(inject))
        .route("/control/knobs", get(knobs).put(set_knobs))
        .route("/control/webhooks", get(webhooks))
        .route("/control/webhook-url", get(webhook_url).put(set_webhook_url))
        .route("/control/subscribe", post(subscribe))
        .route("/control/graph-log", get(graph_log))
        .route("/control/faults", get(faults).post(plan_fault).delete(clear_faults))
        .route("/control/permissions", get(permissions).post(change_permission))
        .route("/control/phones", get(phones))
        .route("/control/numbers", get(numbers).post(add_number))
        .route("/control/events", get(events))
        .route("/control/reset", post(reset))
}

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Invalid(_) | Self::Knobs(_) => StatusCode::BAD_REQUEST,
            Self::NotNow(_) | Self::Refused(_) => StatusCode::CONFLICT,
        };
        (status, Json(json!({"error": self.to_string()}))).into_response()
    }
}

type Answer<T> = Result<Json<T>, ControlError>;
type Sim = State<Arc<World>>;

async fn calls(State(world): Sim) -> impl IntoResponse {
    Json(Control::new(world).calls())
}

async fn place(State(world): Sim, body: Bytes) -> Result<(StatusCode, Json<CallDetail>), ControlError> {
    let call = Control::new(world).place_call(parse::<PlaceCall>(&body)?).await?;
    Ok((StatusCode::CREATED, Json(call)))
}

async fn call(State(world): Sim, Path(id): Path<String>) -> Answer<CallDetail> {
    Control::new(world).call(&id).map(Json)
}

async fn answer(State(world): Sim, Path(id): Path<String>, body: Bytes) -> Answer<CallDetail> {
    let options = if body.is_empty() { AnswerOptions::default() } else { parse(&body)? };
    Control::new(world).answer(&id, options).await.map(Json)
}

async fn decline(State(world): Sim, Path(id): Path<String>) -> Answer<CallDetail> {
    Control::new(world).decline(&id).await.map(Json)
}

async fn hang_up(State(world): Sim, Path(id): Path<String>) -> Answer<CallDetail> {
    Control::new(world).hang_up(&id).await.map(Json)
}

#[derive(Deserialize)]
struct Keys {
    keys: String,
}

async fn keys(State(world): Sim, Path(id): Path<String>, body: Bytes) -> Result<StatusCode, ControlError> {
    let keys: Keys = parse(&body)?;
    Control::new(world).press_keys(&id, &keys.keys).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn wire(State(world): Sim, Path(id): Path<String>) -> Answer<WireView> {
    Control::new(world).wire(&id).map(Json)
}

#[derive(Deserialize)]
struct Datagrams {
    datagrams: Vec<String>,
}

async fn inject(State(world): Sim, Path(id): Path<String>, body: Bytes) -> Result<StatusCode, ControlError> {
    let text: Datagrams = parse(&body)?;
    let decoded: Result<Vec<_>, _> =
        text.datagrams.iter().map(|text| BASE64.decode(text.as_bytes())).collect();
    let datagrams = decoded.map_err(|error| ControlError::Invalid(error.to_string()))?;
    Control::new(world).inject(&id, datagrams).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn knobs(State(world): Sim) -> impl IntoResponse {
    Json(Control::new(world).knobs())
}

async fn set_knobs(State(world): Sim, body: Bytes) -> Answer<crate::Knobs> {
    let patch: Value = parse(&body)?;
    Control::new(world).patch_knobs(&patch).map(Json)
}

async fn webhooks(State(world): Sim) -> impl IntoResponse {
    Json(Control::new(world).webhooks())
}

#[derive(Deserialize)]
struct WebhookUrl {
    url: Option<Url>,
}

async fn webhook_url(State(world): Sim) -> impl IntoResponse {
    Json(json!({"url": Control::new(world).webhook_url()}))
}

async fn set_webhook_url(State(world): Sim, body: Bytes) -> Answer<Value> {
    let wanted: WebhookUrl = parse(&body)?;
    let control = Control::new(world);
    control.set_webhook_url(wanted.url);
    Ok(Json(json!({"url": control.webhook_url()})))
}

async fn subscribe(State(world): Sim) -> Answer<super::SubscribeReport> {
    Control::new(world).subscribe().await.map(Json)
}

async fn graph_log(State(world): Sim) -> impl IntoResponse {
    Json(Control::new(world).graph_log())
}

async fn faults(State(world): Sim) -> impl IntoResponse {
    Json(json!({"faults": Control::new(world).faults()}))
}

async fn plan_fault(State(world): Sim, body: Bytes) -> Result<(StatusCode, Json<Value>), ControlError> {
    let control = Control::new(world);
    control.plan_fault(parse::<FaultPlan>(&body)?)?;
    Ok((StatusCode::CREATED, Json(json!({"faults": control.faults()}))))
}

async fn clear_faults(State(world): Sim) -> StatusCode {
    Control::new(world).clear_faults();
    StatusCode::NO_CONTENT
}

async fn permissions(State(world): Sim) -> impl IntoResponse {
    Json(Control::new(world).permissions())
}

async fn change_permission(State(world): Sim, body: Bytes) -> Answer<super::Consents> {
    let control = Control::new(world);
    control.change_permission(parse::<PermissionChange>(&body)?)?;
    Ok(Json(control.permissions()))
}

async fn phones(State(world): Sim) -> impl IntoResponse {
    Json(json!({"phones": Control::new(world).phones()}))
}

async fn numbers(State(world): Sim) -> impl IntoResponse {
    Json(json!({"numbers": Control::new(world).numbers()}))
}

async fn add_number(State(world): Sim, body: Bytes) -> Result<StatusCode, ControlError> {
    let number: SimNumber = parse(&body)?;
    if number.access_token.is_empty() || number.phone_number_id.is_empty() {
        return Err(ControlError::Invalid("access_token and phone_number_id are needed".to_owned()));
    }
    Control::new(world).add_number(number);
    Ok(StatusCode::CREATED)
}

#[derive(Deserialize)]
struct Since {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait_ms: u64,
}

async fn events(State(world): Sim, Query(since): Query<Since>) -> impl IntoResponse {
    Json(Control::new(world).events(since.after, Duration::from_millis(since.wait_ms)).await)
}

async fn reset(State(world): Sim) -> impl IntoResponse {
    let control = Control::new(world);
    control.reset().await;
    Json(json!({"after": control.newest_event()}))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ControlError> {
    serde_json::from_slice(body).map_err(|error| ControlError::Invalid(error.to_string()))
}
