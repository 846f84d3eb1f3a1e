//! JSON bodies, with the face's errors.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::manners::body;

/// Largest JSON body. An SDP is at most 64 KiB, and escaping at worst doubles it.
const BODY_CAP: usize = 256 * 1024;

/// Reads a JSON body of at most [`BODY_CAP`].
pub(crate) async fn json_body<T: DeserializeOwned>(
    headers: &HeaderMap,
    content: Body,
) -> Result<T, ApiError> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = stated.map(|text| text.split(';').next().unwrap_or(text).trim());
    let content = body::read(headers, content, BODY_CAP).await?;
    let json = media_type.is_some_and(|it| it.eq_ignore_ascii_case("application/json"));
    let absent = content.is_empty() && media_type.is_none();
    if !json && !absent {
        return Err(ApiError::not_json());
    }
    Ok(body::json(&content)?)
}
