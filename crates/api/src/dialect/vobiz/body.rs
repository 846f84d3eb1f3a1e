//! JSON bodies and ids, with the face's errors.

use axum::body::Body;
use axum::http::{HeaderMap, header};
use offhook_core::phone::Phone;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::error::{VobizError, Wrong};
use crate::manners::{body, emergency};

/// Largest JSON body. An SDP is at most 64 KiB, and escaping at worst doubles it.
const BODY_CAP: usize = 256 * 1024;

/// Reads a JSON body of at most [`BODY_CAP`].
pub(super) async fn read<T: DeserializeOwned>(headers: &HeaderMap, content: Body) -> Result<T, VobizError> {
    let stated = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = stated.map(|text| text.split(';').next().unwrap_or(text).trim());
    let content = body::read(headers, content, BODY_CAP).await?;
    let json = media_type.is_some_and(|it| it.eq_ignore_ascii_case("application/json"));
    let absent = content.is_empty() && media_type.is_none();
    if !json && !absent {
        return Err(VobizError::bad_request("send JSON with Content-Type: application/json"));
    }
    Ok(body::json(&content)?)
}

/// A required field that is not empty.
pub(super) fn required<'a>(field: &str, value: Option<&'a str>) -> Result<&'a str, VobizError> {
    value.filter(|value| !value.is_empty()).ok_or_else(|| VobizError::missing(field))
}

/// A UUID in any of its spellings.
pub(super) fn uuid(field: &str, text: &str) -> Result<Uuid, VobizError> {
    Uuid::parse_str(text).map_err(|_| VobizError::invalid(field, Wrong::Format, "must be a UUID"))
}

/// A phone number that may be dialled.
pub(super) fn phone(field: &str, text: &str) -> Result<Phone, VobizError> {
    if emergency::is_emergency(text) {
        return Err(VobizError::emergency());
    }
    Phone::parse(text).map_err(|_| VobizError::invalid(field, Wrong::Format, "must be E.164"))
}

/// A text of the client's that is not too long.
pub(super) fn short(field: &str, text: Option<String>, most: usize) -> Result<Option<String>, VobizError> {
    match text {
        Some(text) if text.len() > most => {
            Err(VobizError::invalid(field, Wrong::Range, format!("must have at most {most} bytes")))
        }
        text => Ok(text),
    }
}
