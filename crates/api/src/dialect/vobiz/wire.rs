//! Bare objects on success, the platform's error body otherwise (provider-apis.md 3.9).
//!
//! Handlers return their own shapes or a [`VobizError`]; [`dress`], a layer around all of them, writes errors out with
//! the time and the id of the request.

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::error::VobizError;
use crate::dialect::orbit::wire::RequestId;
use crate::house::Shared;
use crate::manners::moment;

/// Every error of the face.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    #[schema(example = "error")]
    status: &'static str,
    error: ErrorWords,
    #[schema(example = "2026-11-02T10:00:00.000Z")]
    timestamp: String,
    #[schema(example = "req_a1")]
    request_id: String,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorWords {
    #[schema(example = "VALIDATION_ERROR")]
    code: &'static str,
    #[schema(example = "request is not valid")]
    message: String,
    /// For `VALIDATION_ERROR`, `errors` names each field.
    #[schema(value_type = Object)]
    details: Value,
}

/// An error on its way out, before [`dress`] has seen it.
#[derive(Clone)]
struct Undressed(Box<VobizError>);

impl IntoResponse for VobizError {
    fn into_response(self) -> Response {
        let mut response = Response::default();
        response.extensions_mut().insert(Undressed(Box::new(self)));
        response
    }
}

/// Writes errors out.
pub(super) async fn dress(State(house): State<Shared>, request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let mut response = next.run(request).await;
    let Some(Undressed(error)) = response.extensions_mut().remove::<Undressed>() else { return response };
    let (status, retry_after) = (error.status, error.retry_after);
    let words = ErrorWords { code: error.code, message: error.message, details: error.details };
    let timestamp = moment::precise(house.now());
    let body = ErrorBody { status: "error", error: words, timestamp, request_id: id };
    let mut response = (status, axum::Json(body)).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
