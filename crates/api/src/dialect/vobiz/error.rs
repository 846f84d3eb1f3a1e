//! Errors in Vobiz's words: code, message, details (provider-apis.md 3.9).

use axum::http::{Method, StatusCode};
use offhook_core::call::{CallRecord, EndReason, Fault, Refusal};
use offhook_core::dialling::Barred;
use offhook_core::meta::MetaError;
use offhook_core::permission::Reason;
use offhook_core::ports::StoreFault;
use offhook_engine::EngineError;
use offhook_whatsapp::sdp::SdpError;
use serde_json::{Value, json};

use crate::manners::body::{BodyFault, JsonFault};
use crate::manners::limits::{Allowance, WINDOW};

/// A failure before it is dressed.
#[derive(Debug, Clone)]
pub(crate) struct VobizError {
    pub(super) code: &'static str,
    pub(super) status: StatusCode,
    pub(super) message: String,
    pub(super) details: Value,
    pub(super) retry_after: Option<u64>,
}

/// What is wrong with a field, in the platform's words.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrong {
    Missing,
    Format,
    Range,
}

impl Wrong {
    const fn code(self) -> &'static str {
        match self {
            Self::Missing => "REQUIRED",
            Self::Format => "INVALID_FORMAT",
            Self::Range => "OUT_OF_RANGE",
        }
    }
}

impl VobizError {
    fn new(code: &'static str, status: StatusCode, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: json!({}), retry_after: None }
    }

    fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    pub(super) fn invalid_credentials() -> Self {
        let message = "send X-Auth-ID and X-Auth-Token of an account, or a bearer token";
        Self::new("INVALID_CREDENTIALS", StatusCode::UNAUTHORIZED, message)
    }

    pub(super) fn forbidden(needed: &str) -> Self {
        let message = format!("this needs {needed}");
        Self::new("INSUFFICIENT_PERMISSIONS", StatusCode::FORBIDDEN, message)
            .with(json!({ "required": needed }))
    }

    pub(super) fn wrong_key_mode() -> Self {
        let message = "test keys cannot do this: use a live key";
        Self::new("WRONG_KEY_MODE", StatusCode::FORBIDDEN, message)
    }

    pub(super) fn rate_limited(allowance: &Allowance) -> Self {
        let wait = seconds(allowance.retry_in.unwrap_or_default());
        let details = json!({
            "limitType": format!("requests per {} s", WINDOW.as_secs()),
            "limit": allowance.limit,
            "current": allowance.limit - allowance.remaining,
            "retryAfter": wait,
        });
        let error = Self::new("RATE_LIMIT_EXCEEDED", StatusCode::TOO_MANY_REQUESTS, "slow down");
        Self { retry_after: Some(wait), ..error.with(details) }
    }

    pub(super) fn not_found(code: &'static str, what: &str) -> Self {
        Self::new(code, StatusCode::NOT_FOUND, what)
    }

    pub(super) fn no_channel() -> Self {
        Self::not_found("CHANNEL_NOT_FOUND", "your account has no such channel")
    }

    pub(super) fn no_call() -> Self {
        Self::not_found("CALL_NOT_FOUND", "your account has no such call")
    }

    pub(super) fn wrong_method(method: &Method) -> Self {
        let message = format!("{method} is not possible here");
        Self::new("METHOD_NOT_ALLOWED", StatusCode::METHOD_NOT_ALLOWED, message)
    }

    /// The request makes no sense before any field is looked at.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new("BAD_REQUEST", StatusCode::BAD_REQUEST, message)
    }

    /// A field rule is broken. Values are not repeated: they may be phone numbers or tokens.
    pub(super) fn invalid(field: &str, wrong: Wrong, message: impl Into<String>) -> Self {
        let error = json!({ "field": field, "message": message.into(), "code": wrong.code() });
        Self::new("VALIDATION_ERROR", StatusCode::UNPROCESSABLE_ENTITY, "request is not valid")
            .with(json!({ "errors": [error] }))
    }

    pub(super) fn missing(field: &str) -> Self {
        Self::invalid(field, Wrong::Missing, "is required")
    }

    pub(super) fn invalid_sdp(field: &str, why: &SdpError) -> Self {
        Self::new("INVALID_SDP", StatusCode::UNPROCESSABLE_ENTITY, why.to_string())
            .with(json!({ "field": field }))
    }

    pub(super) fn emergency() -> Self {
        let message = "emergency services cannot be called through WhatsApp: use a telephone";
        Self::new("EMERGENCY_CALLING_NOT_SUPPORTED", StatusCode::UNPROCESSABLE_ENTITY, message)
            .with(json!({ "field": "to" }))
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new("CALL_STATE_CONFLICT", StatusCode::CONFLICT, message)
    }

    pub(super) fn channel_exists() -> Self {
        Self::new("CHANNEL_EXISTS", StatusCode::CONFLICT, "this WhatsApp number is connected already")
    }

    pub(super) fn channel_busy() -> Self {
        Self::new(
            "CHANNEL_BUSY",
            StatusCode::CONFLICT,
            "there are live calls on this channel: end them first",
        )
    }

    pub(super) fn key_reused() -> Self {
        let message = "this Idempotency-Key was used for another request: take a fresh one";
        Self::new("IDEMPOTENCY_KEY_REUSED", StatusCode::CONFLICT, message)
    }

    pub(super) fn still_running() -> Self {
        let message = "the request of this Idempotency-Key is being carried out: ask again for its answer";
        let error = Self::new("IDEMPOTENCY_REQUEST_RUNNING", StatusCode::CONFLICT, message);
        Self { retry_after: Some(1), ..error }
    }

    pub(super) fn outcome_unknown() -> Self {
        let message = "the server stopped while it carried out the request of this Idempotency-Key: \
                       look what became of it before you ask again under another key";
        Self::new("IDEMPOTENCY_OUTCOME_UNKNOWN", StatusCode::CONFLICT, message)
    }

    pub(super) fn no_webhook() -> Self {
        Self::not_found("WEBHOOK_NOT_FOUND", "your account has no such webhook")
    }

    pub(super) fn too_many_webhooks(most: u32) -> Self {
        let message = format!("there are {most} webhooks already: remove one first");
        Self::new("WEBHOOK_LIMIT_REACHED", StatusCode::CONFLICT, message)
    }

    pub(super) fn unsupported(code: &'static str, message: &str) -> Self {
        Self::new(code, StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    pub(super) fn unavailable() -> Self {
        let message = "the server cannot do this now: try again";
        let error = Self::new("SERVICE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, message);
        Self { retry_after: Some(2), ..error }
    }

    fn internal() -> Self {
        Self::new("INTERNAL_ERROR", StatusCode::INTERNAL_SERVER_ERROR, "something is wrong on our side")
    }

    /// What became of a call that Meta did not place; none when it did or may have.
    pub(super) fn not_placed(call: &CallRecord) -> Option<Self> {
        let reason = call.end_reason.filter(|_| call.state.is_over())?;
        let mut details = json!({ "call_id": call.id.uuid().to_string() });
        if let Some(MetaError { code, .. }) = call.facts.error() {
            details["meta_code"] = json!(code);
        }
        Some(Self::by_reason(reason)?.with(details))
    }

    /// The error behind an end reason; none for endings of calls that did take place.
    fn by_reason(reason: EndReason) -> Option<Self> {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        let (code, status, message) = match reason {
            EndReason::NoPermission => {
                ("CALL_PERMISSION_REQUIRED", unprocessable, "the recipient has not permitted calls")
            }
            EndReason::Unreachable => {
                ("RECIPIENT_UNREACHABLE", unprocessable, "this number cannot be called on WhatsApp")
            }
            EndReason::CountryBlocked => (
                "COUNTRY_BLOCKED",
                unprocessable,
                "WhatsApp does not let numbers of this country place calls",
            ),
            EndReason::NotEnabled => {
                ("CALLING_NOT_ENABLED", unprocessable, "calling is not enabled on this channel")
            }
            EndReason::TokenInvalid => {
                ("CHANNEL_TOKEN_INVALID", unprocessable, "WhatsApp refused the access token of this channel")
            }
            EndReason::InvalidSdp => ("INVALID_SDP", unprocessable, "WhatsApp refused the SDP"),
            EndReason::LimitReached => {
                ("CALL_LIMIT_REACHED", StatusCode::TOO_MANY_REQUESTS, "a limit of WhatsApp's is reached")
            }
            EndReason::Busy => {
                ("CALL_STATE_CONFLICT", StatusCode::CONFLICT, "there is a call with this recipient already")
            }
            EndReason::ProviderError | EndReason::MediaTimeout | EndReason::Unconfirmed => {
                ("META_ERROR", StatusCode::BAD_GATEWAY, "WhatsApp did not do it")
            }
            _ => return None,
        };
        Some(Self::new(code, status, message))
    }

    /// The house does not let a call be placed.
    fn barred(barred: Barred) -> Self {
        let code = match barred {
            Barred::TooFast { wait } => {
                let wait = seconds(wait);
                let error =
                    Self::new("CALL_LIMIT_REACHED", StatusCode::TOO_MANY_REQUESTS, barred.to_string())
                        .with(json!({ "limitType": "calls_per_minute", "retryAfter": wait }));
                return Self { retry_after: Some(wait), ..error };
            }
            Barred::NoToken => "CHANNEL_TOKEN_INVALID",
            Barred::CountryBlocked(_) => "COUNTRY_BLOCKED",
            Barred::RecipientCountry(_) | Barred::RecipientDenied => "RECIPIENT_NOT_ALLOWED",
            Barred::NotEnabled => "CALLING_NOT_ENABLED",
        };
        Self::new(code, StatusCode::UNPROCESSABLE_ENTITY, barred.to_string())
    }

    /// What we foresee WhatsApp would refuse.
    fn denied(reason: Reason) -> Self {
        let reason = match reason {
            Reason::NoPermission => EndReason::NoPermission,
            Reason::CallLimit | Reason::AskLimit => EndReason::LimitReached,
            Reason::AlreadyPermanent => return Self::conflict("the recipient has permitted calls for good"),
        };
        Self::by_reason(reason).unwrap_or_else(Self::internal)
    }
}

fn seconds(wait: std::time::Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<StoreFault> for VobizError {
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

impl From<EngineError> for VobizError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(Refusal::AnswerMissing) => Self::missing("sdp"),
            EngineError::Refused(refusal) => {
                Self::conflict(refusal.to_string()).with(json!({ "reason": refusal.code() }))
            }
            EngineError::UnknownCall => Self::no_call(),
            EngineError::UnknownNumber => Self::no_channel(),
            EngineError::Store(fault) => fault.into(),
            EngineError::Barred(barred) => Self::barred(barred),
            EngineError::Denied(denied) => Self::denied(denied.reason),
            EngineError::Meta(Fault::Refused(error)) => {
                let known = Self::by_reason(EndReason::from_meta_code(error.code));
                known.unwrap_or_else(Self::internal).with(json!({ "meta_code": error.code }))
            }
            EngineError::Meta(Fault::Unreachable | Fault::Unclear) => {
                Self::by_reason(EndReason::ProviderError).unwrap_or_else(Self::internal)
            }
            EngineError::Sound(_) | EngineError::Stopping => Self::unavailable(),
        }
    }
}

impl From<BodyFault> for VobizError {
    fn from(fault: BodyFault) -> Self {
        let status = match fault {
            BodyFault::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyFault::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyFault::Slow => StatusCode::REQUEST_TIMEOUT,
            BodyFault::Broken => StatusCode::BAD_REQUEST,
        };
        Self::new("BAD_REQUEST", status, fault.to_string())
    }
}

impl From<JsonFault> for VobizError {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Malformed(place) => Self::bad_request(place),
            JsonFault::Shape { path, .. } if path == "." => {
                Self::bad_request("the body must be a JSON object")
            }
            JsonFault::Shape { path, problem } => Self::invalid(&path, Wrong::Format, problem),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_metas_has_a_code_of_the_face() {
        for (meta_code, code, status) in [
            (138_006, "CALL_PERMISSION_REQUIRED", 422),
            (138_013, "COUNTRY_BLOCKED", 422),
            (138_000, "CALLING_NOT_ENABLED", 422),
            (100, "INVALID_SDP", 422),
            (138_012, "CALL_LIMIT_REACHED", 429),
            (131_000, "META_ERROR", 502),
        ] {
            let error = VobizError::by_reason(EndReason::from_meta_code(meta_code)).unwrap();
            assert_eq!((error.code, error.status.as_u16()), (code, status), "{meta_code}");
        }
    }
}
