//! Errors in 360dialog's three shapes (provider-apis.md 4.8): the gateway's for who may ask and how often, Meta's for
//! everything about a call, and a bare string when something is wrong on our side.

use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use offhook_core::call::{CallRecord, Fault, Refusal};
use offhook_core::dialling::Barred;
use offhook_core::meta::MetaError;
use offhook_core::permission::Reason;
use offhook_core::ports::StoreFault;
use offhook_engine::EngineError;
use offhook_whatsapp::sdp::SdpError;
use serde::Serialize;
use utoipa::ToSchema;

use super::wire::PRODUCT;
use crate::manners::body::{BodyFault, JsonFault};
use crate::manners::random;

/// Graph's code for a parameter that makes no sense (whatsapp-calling.md 7.2).
const PARAMETER: i64 = 100;

/// Graph's code for what went wrong without a reason that can be named.
const UNKNOWN: i64 = 131_000;

/// A failure.
#[derive(Debug)]
pub(crate) enum D360Error {
    /// The gateway's shape.
    Gateway { status: StatusCode, message: String, retry_after: Option<u64> },
    /// Meta's shape.
    Meta { status: StatusCode, code: i64, message: String, details: String },
    /// A bare string.
    Ours { status: StatusCode, message: &'static str },
}

/// What the gateway answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct GatewayBody {
    meta: GatewayMeta,
}

/// The gateway's words.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GatewayMeta {
    #[schema(example = 401)]
    http_code: u16,
    #[schema(example = "Invalid api key")]
    developer_message: String,
    #[schema(example = false)]
    success: bool,
}

/// What Meta answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct MetaBody {
    error: MetaWords,
}

/// Meta's words.
#[derive(Serialize, ToSchema)]
pub(crate) struct MetaWords {
    #[schema(example = "(#100) Invalid parameter")]
    message: String,
    #[serde(rename = "type")]
    #[schema(example = "OAuthException")]
    kind: &'static str,
    #[schema(example = 100)]
    code: i64,
    error_data: MetaData,
    fbtrace_id: String,
}

/// Meta's details.
#[derive(Serialize, ToSchema)]
pub(crate) struct MetaData {
    #[schema(example = "whatsapp")]
    messaging_product: &'static str,
    #[schema(example = "The parameter action is required.")]
    details: String,
}

/// What the server answers when something is wrong with it.
#[derive(Serialize, ToSchema)]
pub(crate) struct BareBody {
    #[schema(example = "the server cannot do this now: try again")]
    error: &'static str,
}

impl D360Error {
    pub(super) fn gateway(status: StatusCode, message: impl Into<String>) -> Self {
        Self::Gateway { status, message: message.into(), retry_after: None }
    }

    pub(super) fn invalid_key() -> Self {
        Self::gateway(StatusCode::UNAUTHORIZED, "Invalid api key")
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::gateway(StatusCode::FORBIDDEN, message)
    }

    pub(super) fn slow_down(wait: std::time::Duration) -> Self {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        Self::Gateway {
            status: StatusCode::TOO_MANY_REQUESTS,
            message: format!("Too many requests, try again in {seconds} s"),
            retry_after: Some(seconds),
        }
    }

    pub(super) fn still_running() -> Self {
        Self::Gateway {
            status: StatusCode::CONFLICT,
            message: "The request of this Idempotency-Key is being carried out: ask again for its answer"
                .to_owned(),
            retry_after: Some(1),
        }
    }

    pub(super) fn no_webhook() -> Self {
        Self::gateway(StatusCode::NOT_FOUND, "no webhook is set")
    }

    pub(super) fn not_found() -> Self {
        Self::gateway(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    pub(super) fn wrong_method(method: &Method) -> Self {
        Self::gateway(StatusCode::METHOD_NOT_ALLOWED, format!("{method} is not possible here"))
    }

    /// A parameter that is missing or makes no sense.
    pub(super) fn parameter(details: impl Into<String>) -> Self {
        Self::meta(PARAMETER, "Invalid parameter", details)
    }

    pub(super) fn invalid_sdp(why: &SdpError) -> Self {
        Self::meta(PARAMETER, "Invalid parameter", format!("session.sdp: {why}"))
    }

    /// A call that WhatsApp did not place.
    pub(super) fn not_placed(call: &CallRecord) -> Self {
        match call.facts.error() {
            Some(error) => Self::said(error),
            None => Self::unclear(),
        }
    }

    /// Nobody knows whether WhatsApp has acted.
    pub(super) fn unclear() -> Self {
        Self::meta(UNKNOWN, "Something went wrong", "WhatsApp's reply was unclear: look for its webhooks.")
    }

    /// What Meta said, as it said it.
    fn said(error: &MetaError) -> Self {
        Self::meta(error.code, "", error.message.clone())
    }

    fn meta(code: i64, message: &str, details: impl Into<String>) -> Self {
        let details = details.into();
        let message = if message.is_empty() { details.as_str() } else { message };
        let stated = message.starts_with("(#");
        let message = if stated { message.to_owned() } else { format!("(#{code}) {message}") };
        Self::Meta { status: status_of(code), code, message, details }
    }

    pub(super) const fn unavailable() -> Self {
        Self::Ours {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "the server cannot do this now: try again",
        }
    }

    const fn internal() -> Self {
        Self::Ours { status: StatusCode::INTERNAL_SERVER_ERROR, message: "something is wrong on our side" }
    }
}

/// The status Meta sends with a code (whatsapp-calling.md 7.2).
fn status_of(code: i64) -> StatusCode {
    match code {
        190 | 138_000 | 138_006 => StatusCode::UNAUTHORIZED,
        10 | 200..=299 => StatusCode::FORBIDDEN,
        4 | 613 | 80_007 | 130_429 | 138_002 | 138_005 => StatusCode::TOO_MANY_REQUESTS,
        1 | 2 | 131_000 | 138_004 | 138_007 => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::BAD_REQUEST,
    }
}

impl IntoResponse for D360Error {
    fn into_response(self) -> Response {
        match self {
            Self::Gateway { status, message, retry_after } => {
                let meta =
                    GatewayMeta { http_code: status.as_u16(), developer_message: message, success: false };
                let mut response = (status, axum::Json(GatewayBody { meta })).into_response();
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
            Self::Meta { status, code, message, details } => {
                let error = MetaWords {
                    message,
                    kind: "OAuthException",
                    code,
                    error_data: MetaData { messaging_product: PRODUCT, details },
                    fbtrace_id: random::hex(),
                };
                (status, axum::Json(MetaBody { error })).into_response()
            }
            Self::Ours { status, message } => {
                (status, axum::Json(BareBody { error: message })).into_response()
            }
        }
    }
}

impl From<StoreFault> for D360Error {
    fn from(fault: StoreFault) -> Self {
        match fault {
            StoreFault::Unavailable(_) | StoreFault::Conflict => Self::unavailable(),
            StoreFault::Exists(_) | StoreFault::Corrupt(_) => {
                tracing::error!(error = %fault, "a request failed on stored data");
                Self::internal()
            }
        }
    }
}

impl From<EngineError> for D360Error {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(refusal) => Self::parameter(refused(refusal)),
            EngineError::UnknownCall => Self::parameter("The call id is unknown."),
            EngineError::UnknownNumber => Self::invalid_key(),
            EngineError::Store(fault) => fault.into(),
            EngineError::Barred(Barred::TooFast { wait }) => Self::slow_down(wait),
            EngineError::Barred(barred) => Self::meta(barred_code(barred), "", barred.to_string()),
            EngineError::Denied(denied) => Self::meta(denied_code(denied.reason), "", denied.to_string()),
            EngineError::Meta(Fault::Refused(error)) => Self::said(&error),
            EngineError::Meta(Fault::Unreachable | Fault::Unclear) => Self::unclear(),
            EngineError::Sound(_) | EngineError::Stopping => Self::unavailable(),
        }
    }
}

/// Meta's code for what the house itself does not allow.
const fn barred_code(barred: Barred) -> i64 {
    match barred {
        Barred::TooFast { .. } => 138_005,
        Barred::NoToken => 190,
        Barred::CountryBlocked(_) => 138_013,
        Barred::RecipientCountry(_) | Barred::RecipientDenied => 138_001,
        Barred::NotEnabled => 138_000,
    }
}

/// Meta's code for what we foresee.
const fn denied_code(reason: Reason) -> i64 {
    match reason {
        Reason::NoPermission => 138_006,
        Reason::CallLimit => 138_012,
        Reason::AskLimit => 138_009,
        Reason::AlreadyPermanent => 138_017,
    }
}

fn refused(refusal: Refusal) -> String {
    match refusal {
        Refusal::AnswerMissing => "The parameter session is required.".to_owned(),
        Refusal::OtherMedia => {
            "The server carries the sound of this number's calls: make it a relayed number to answer them \
             yourself."
                .to_owned()
        }
        other => {
            let words = other.to_string();
            let mut letters = words.chars();
            let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
            format!("{first}{}.", letters.as_str())
        }
    }
}

impl From<BodyFault> for D360Error {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge(_) => Self::gateway(StatusCode::PAYLOAD_TOO_LARGE, fault.to_string()),
            BodyFault::Slow => Self::gateway(StatusCode::REQUEST_TIMEOUT, fault.to_string()),
            BodyFault::Encoded | BodyFault::Broken => Self::parameter(format!("{fault}.")),
        }
    }
}

impl From<JsonFault> for D360Error {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Malformed(place) => Self::parameter(format!("The body is {place}.")),
            JsonFault::Shape { path, .. } if path == "." => {
                Self::parameter("The body must be a JSON object.")
            }
            JsonFault::Shape { path, problem } => Self::parameter(format!("The parameter {path} {problem}.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metas_codes_come_with_metas_statuses() {
        for (code, status) in [(100, 400), (190, 401), (138_006, 401), (138_012, 400), (138_005, 429)] {
            let error = D360Error::said(&MetaError { code, message: format!("(#{code}) no") });
            let D360Error::Meta { status: given, message, .. } = error else { panic!("Meta's shape") };
            assert_eq!((given.as_u16(), message), (status, format!("(#{code}) no")));
        }
    }
}
