//! Errors in Orbit's words: code, status, message, details (provider-apis.md 2.4).

use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use offhook_core::call::{CallRecord, EndReason, Fault, Refusal};
use offhook_core::dialling::Barred;
use offhook_core::id::ContactId;
use offhook_core::meta::MetaError;
use offhook_core::permission::Reason as DenialReason;
use offhook_core::phone::Country;
use offhook_core::ports::{SoundFault, StoreFault};
use offhook_engine::EngineError;
use offhook_whatsapp::sdp::SdpError;
use serde_json::{Value, json};
use url::Url;

use crate::docs::ERRORS;
use crate::manners::body::{BodyFault, JsonFault};
use crate::manners::limits::Allowance;

const CONNECTION_NOT_FOUND: &str = "WHATSAPP_CALLING_CONNECTION_NOT_FOUND";

/// Seconds to wait where a limit is reached and nobody knows for how long.
const A_WHILE: u64 = 10;

/// A failure before it is dressed.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    code: &'static str,
    status: StatusCode,
    message: String,
    details: Value,
    retry_after: Option<u64>,
    pub(super) allowance: Option<Box<Allowance>>,
}

impl ApiError {
    fn new(code: &'static str, status: StatusCode, message: impl Into<String>) -> Self {
        Self { code, status, message: message.into(), details: json!({}), retry_after: None, allowance: None }
    }

    fn with(mut self, details: Value) -> Self {
        self.details = details;
        self
    }

    /// Adds details to those there are.
    pub(super) fn beside(mut self, more: Value) -> Self {
        match (&mut self.details, more) {
            (Value::Object(details), Value::Object(more)) => details.extend(more),
            (details, more) => *details = more,
        }
        self
    }

    /// Says how long to wait, if that is known; an error of too many always says so.
    pub(super) fn until(self, wait: Option<std::time::Duration>) -> Self {
        match wait.map(seconds) {
            Some(seconds) => self.beside(json!({ "retry_after": seconds })).retry_after(seconds),
            None if self.status == StatusCode::TOO_MANY_REQUESTS => self.retry_after(A_WHILE),
            None => self,
        }
    }

    pub(super) fn is_connection_not_found(&self) -> bool {
        self.code == CONNECTION_NOT_FOUND
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn unauthorized() -> Self {
        Self::new("UNAUTHORIZED", StatusCode::UNAUTHORIZED, "send an API key in X-API-Key, or sign in")
    }

    pub(crate) fn wrong_password() -> Self {
        Self::new("UNAUTHORIZED", StatusCode::UNAUTHORIZED, "wrong e-mail address or password")
    }

    pub(crate) fn invalid_key() -> Self {
        Self::new("INVALID_API_KEY", StatusCode::UNAUTHORIZED, "this API key is unknown, revoked or expired")
    }

    pub(crate) fn insufficient(needed: &str) -> Self {
        let message = format!("this needs {needed}");
        Self::new("INSUFFICIENT_PERMISSIONS", StatusCode::FORBIDDEN, message)
            .with(json!({ "required": needed }))
    }

    pub(crate) fn forbidden(why: &str) -> Self {
        Self::new("FORBIDDEN", StatusCode::FORBIDDEN, why)
    }

    pub(crate) fn wrong_key_mode() -> Self {
        let message = "test mode reaches numbers of the sandbox only: take one of those, or a live key";
        Self::new("WRONG_KEY_MODE", StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new("NOT_FOUND", StatusCode::NOT_FOUND, what)
    }

    pub(crate) fn wrong_method(method: &Method) -> Self {
        let message = format!("{method} is not possible here");
        Self::new("METHOD_NOT_ALLOWED", StatusCode::METHOD_NOT_ALLOWED, message)
    }

    /// A field rule is broken.
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::new("VALIDATION_ERROR", StatusCode::UNPROCESSABLE_ENTITY, message)
            .with(json!({ "field": field }))
    }

    /// The request makes no sense before any field is looked at.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new("VALIDATION_ERROR", StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn missing(field: &str) -> Self {
        let message = format!("field '{field}' is required");
        Self::new("MISSING_REQUIRED_FIELD", StatusCode::UNPROCESSABLE_ENTITY, message)
            .with(json!({ "field": field }))
    }

    pub(crate) fn not_json() -> Self {
        let message = "send JSON with Content-Type: application/json";
        Self::new("VALIDATION_ERROR", StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub(crate) fn invalid_phone(field: &str) -> Self {
        let message = format!("field '{field}' is not E.164");
        Self::new("INVALID_PHONE_NUMBER", StatusCode::UNPROCESSABLE_ENTITY, message)
            .with(json!({ "field": field, "expected": "E.164" }))
    }

    pub(crate) fn invalid_email(field: &str) -> Self {
        let message = format!("field '{field}' is not an e-mail address");
        Self::new("INVALID_EMAIL", StatusCode::UNPROCESSABLE_ENTITY, message).with(json!({ "field": field }))
    }

    pub(crate) fn contact_exists(id: Option<&ContactId>) -> Self {
        let message = "a contact with this phone number or e-mail address exists already";
        Self::new("CONTACT_ALREADY_EXISTS", StatusCode::CONFLICT, message)
            .with(json!({ "contact_id": id.map(ContactId::as_str) }))
    }

    /// A file that is none of contacts.
    pub(crate) fn bad_file(message: impl Into<String>) -> Self {
        Self::new("INVALID_IMPORT_FILE", StatusCode::UNPROCESSABLE_ENTITY, message)
            .with(json!({ "field": "file" }))
    }

    pub(crate) fn too_many_imports(most: usize) -> Self {
        let message = format!("{most} imports are on their way already: wait until one is over");
        Self::new("TOO_MANY", StatusCode::CONFLICT, message)
    }

    /// A contact that cannot be erased now; `code` says why.
    pub(crate) fn contact_busy(code: &'static str, message: &str) -> Self {
        Self::new(code, StatusCode::CONFLICT, message)
    }

    pub(crate) fn name_taken(message: &str) -> Self {
        Self::new("NAME_TAKEN", StatusCode::CONFLICT, message).with(json!({ "field": "name" }))
    }

    pub(crate) fn emergency() -> Self {
        let message = "emergency services cannot be called through WhatsApp: use a telephone";
        Self::new("EMERGENCY_CALLING_NOT_SUPPORTED", StatusCode::UNPROCESSABLE_ENTITY, message)
            .with(json!({ "field": "to" }))
    }

    pub(crate) fn invalid_events(unknown: &[&str]) -> Self {
        let message = "there are no events of these names";
        Self::new("VALIDATION_ERROR", StatusCode::UNPROCESSABLE_ENTITY, message)
            .with(json!({ "field": "events", "invalid_events": unknown }))
    }

    pub(crate) fn invalid_webhook_url(why: &str) -> Self {
        Self::new("INVALID_WEBHOOK_URL", StatusCode::UNPROCESSABLE_ENTITY, why)
            .with(json!({ "field": "url" }))
    }

    pub(crate) fn too_many_webhooks(most: u32) -> Self {
        let message = format!("there are {most} webhooks already: remove one first");
        Self::new("WEBHOOK_LIMIT_REACHED", StatusCode::CONFLICT, message)
    }

    pub(crate) fn too_many_streams() -> Self {
        let message = "too many streams of events are open: close one first";
        Self::new("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS, message).retry_after(15)
    }

    pub(crate) fn invalid_cursor() -> Self {
        let message = "the cursor is malformed, expired, or of another list: start at the first page";
        Self::new("INVALID_CURSOR", StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn connection_not_found() -> Self {
        let message = "no business number of yours has this from_phone_number_id";
        Self::new(CONNECTION_NOT_FOUND, StatusCode::NOT_FOUND, message)
            .with(json!({ "field": "from_phone_number_id" }))
    }

    pub(crate) fn invalid_sdp(field: &str, why: &SdpError) -> Self {
        Self::new("WHATSAPP_CALLING_INVALID_SDP", StatusCode::UNPROCESSABLE_ENTITY, why.to_string())
            .with(json!({ "field": field }))
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new("CALL_STATE_CONFLICT", StatusCode::CONFLICT, message)
    }

    pub(crate) fn key_reused() -> Self {
        let message = "this Idempotency-Key was used for another request: take a fresh one";
        Self::new("IDEMPOTENCY_KEY_REUSED", StatusCode::CONFLICT, message)
    }

    pub(crate) fn still_running() -> Self {
        let message = "the request of this Idempotency-Key is being carried out: ask again for its answer";
        Self::new("IDEMPOTENCY_REQUEST_RUNNING", StatusCode::CONFLICT, message).retry_after(1)
    }

    pub(crate) fn outcome_unknown() -> Self {
        let message = "the server stopped while it carried out the request of this Idempotency-Key: \
                       look what became of it before you ask again under another key";
        Self::new("IDEMPOTENCY_OUTCOME_UNKNOWN", StatusCode::CONFLICT, message)
    }

    /// Something of this kind exists already.
    pub(crate) fn exists(field: &str, message: impl Into<String>) -> Self {
        Self::new("ALREADY_EXISTS", StatusCode::CONFLICT, message).with(json!({ "field": field }))
    }

    pub(crate) fn last_owner() -> Self {
        let message = "this is the only owner: make somebody else an owner first";
        Self::new("LAST_OWNER", StatusCode::CONFLICT, message)
    }

    /// There are as many as there may be.
    pub(crate) fn full(message: impl Into<String>) -> Self {
        Self::new("TOO_MANY", StatusCode::CONFLICT, message)
    }

    pub(crate) fn gone(message: impl Into<String>) -> Self {
        Self::new("GONE", StatusCode::GONE, message)
    }

    pub(crate) fn rate_limited(allowance: Allowance) -> Self {
        let wait = seconds(allowance.retry_in.unwrap_or_default());
        let details = json!({
            "retry_after": wait,
            "limit": allowance.limit,
            "window": format!("{}s", allowance.window.as_secs()),
        });
        let error = Self::new("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS, "slow down").with(details);
        Self { allowance: Some(Box::new(allowance)), ..error.retry_after(wait) }
    }

    pub(crate) fn too_many_tries(wait: std::time::Duration) -> Self {
        let wait = seconds(wait);
        Self::new("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS, "too many tries to sign in: wait a while")
            .with(json!({ "retry_after": wait }))
            .retry_after(wait)
    }

    pub(crate) fn too_many_sockets(wait: std::time::Duration) -> Self {
        let message = "too many connections of this address have not said who they are: wait a moment";
        Self::new("RATE_LIMITED", StatusCode::TOO_MANY_REQUESTS, message).retry_after(seconds(wait))
    }

    pub(crate) fn unavailable() -> Self {
        let message = "the server cannot do this now: try again";
        Self::new("SERVICE_UNAVAILABLE", StatusCode::SERVICE_UNAVAILABLE, message).retry_after(2)
    }

    fn internal() -> Self {
        Self::new("INTERNAL_ERROR", StatusCode::INTERNAL_SERVER_ERROR, "something is wrong on our side")
    }

    /// What became of a call that Meta did not place; none when it did or may have.
    pub(crate) fn not_placed(record: &CallRecord) -> Option<Self> {
        let reason = record.end_reason.filter(|_| record.state.is_over())?;
        let error = Self::by_reason(reason)?;
        let mut details = json!({ "call_id": record.id.as_str() });
        if let Some(MetaError { code, .. }) = record.facts.error() {
            details["meta_code"] = json!(code);
        }
        Some(error.with(details))
    }

    /// The error behind an end reason; none for endings of calls that did take place.
    pub(super) fn by_reason(reason: EndReason) -> Option<Self> {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        let (code, status, message) = match reason {
            EndReason::NoPermission => (
                "WHATSAPP_CALLING_NO_PERMISSION",
                unprocessable,
                "the recipient has not permitted calls: ask for permission first",
            ),
            EndReason::Unreachable => (
                "WHATSAPP_CALLING_RECIPIENT_UNREACHABLE",
                unprocessable,
                "this number cannot be called on WhatsApp",
            ),
            EndReason::CountryBlocked => (
                "WHATSAPP_CALLING_COUNTRY_BLOCKED",
                unprocessable,
                "WhatsApp does not let numbers of this country place calls",
            ),
            EndReason::NotEnabled => (
                "WHATSAPP_CALLING_NOT_ENABLED",
                unprocessable,
                "calling is not enabled on the business number",
            ),
            EndReason::TokenInvalid => (
                "WHATSAPP_CALLING_TOKEN_INVALID",
                unprocessable,
                "WhatsApp refused the access token of the business number: connect it again",
            ),
            EndReason::InvalidSdp => {
                ("WHATSAPP_CALLING_INVALID_SDP", unprocessable, "WhatsApp refused the SDP offer")
            }
            EndReason::LimitReached => (
                "WHATSAPP_CALLING_LIMIT_REACHED",
                StatusCode::TOO_MANY_REQUESTS,
                "a limit of WhatsApp's is reached",
            ),
            EndReason::Busy => (
                "WHATSAPP_CALLING_DUPLICATE_CALL",
                StatusCode::CONFLICT,
                "there is a call with this recipient already",
            ),
            EndReason::ProviderError | EndReason::MediaTimeout | EndReason::Unconfirmed => (
                "WHATSAPP_CALLING_PROVIDER_ERROR",
                StatusCode::BAD_GATEWAY,
                "WhatsApp did not place the call",
            ),
            EndReason::IceFailed
            | EndReason::DtlsFailed
            | EndReason::NoMediaFromWhatsapp
            | EndReason::AgentLost
            | EndReason::NoAgent
            | EndReason::BotLost
            | EndReason::ServerRestarted
            | EndReason::InternalError => return None,
            EndReason::LocalHangup
            | EndReason::RemoteHangup
            | EndReason::Declined
            | EndReason::AgentRejected
            | EndReason::NoAnswer
            | EndReason::CallerAbandoned
            | EndReason::Cancelled
            | EndReason::Late
            | EndReason::Stale => return None,
        };
        Some(Self::new(code, status, message))
    }

    /// The house does not let a call be placed, or calling be turned on.
    fn barred(barred: Barred) -> Self {
        let unprocessable = |code| Self::new(code, StatusCode::UNPROCESSABLE_ENTITY, barred.to_string());
        match barred {
            Barred::TooFast { wait } => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                Self::new("WHATSAPP_CALLING_LIMIT_REACHED", status, barred.to_string())
                    .with(json!({ "limit": "calls_per_minute" }))
                    .until(Some(wait))
            }
            Barred::NoToken => unprocessable("WHATSAPP_CALLING_TOKEN_INVALID"),
            Barred::CountryBlocked(country) => {
                unprocessable("WHATSAPP_CALLING_COUNTRY_BLOCKED").with(json!({ "country": country.as_str() }))
            }
            Barred::RecipientCountry(country) => unprocessable("WHATSAPP_CALLING_RECIPIENT_NOT_ALLOWED")
                .with(json!({ "field": "to", "country": country.as_ref().map(Country::as_str) })),
            Barred::RecipientDenied => {
                unprocessable("WHATSAPP_CALLING_RECIPIENT_NOT_ALLOWED").with(json!({ "field": "to" }))
            }
            Barred::NotEnabled => unprocessable("WHATSAPP_CALLING_NOT_ENABLED"),
        }
    }

    /// The user may not be asked now, as we foresee it or as Meta says.
    fn not_asked(reason: DenialReason, wait: Option<std::time::Duration>) -> Self {
        match reason {
            DenialReason::AlreadyPermanent => Self::new(
                "WHATSAPP_CALLING_PERMISSION_EXISTS",
                StatusCode::CONFLICT,
                "the recipient has permitted calls for good: call them",
            ),
            DenialReason::AskLimit | DenialReason::CallLimit | DenialReason::NoPermission => Self::new(
                "WHATSAPP_CALLING_PERMISSION_REQUEST_LIMIT",
                StatusCode::TOO_MANY_REQUESTS,
                "the recipient was asked as often as WhatsApp allows",
            )
            .until(wait),
        }
    }

    /// Meta's refusal of a message or a change of settings.
    fn refused_by_meta(code: i64) -> Option<Self> {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        Some(match code {
            138_009 => Self::not_asked(DenialReason::AskLimit, None),
            138_017 => Self::not_asked(DenialReason::AlreadyPermanent, None),
            131_047 | 138_011 => Self::new(
                "WHATSAPP_OUTSIDE_24H_WINDOW",
                unprocessable,
                "the recipient has not written or called within 24 hours: send a template",
            ),
            132_000..=132_999 => {
                Self::new("INVALID_TEMPLATE", unprocessable, "WhatsApp does not take this template")
                    .with(json!({ "field": "template" }))
            }
            _ => return None,
        })
    }

    /// States what is left of an allowance.
    pub(super) fn allowed(mut self, allowance: Allowance) -> Self {
        self.allowance = Some(Box::new(allowance));
        self
    }

    pub(super) const fn code(&self) -> &'static str {
        self.code
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn body(&self) -> Value {
        json!({
            "code": self.code,
            "message": self.message,
            "status": self.status.as_u16(),
            "details": self.details,
        })
    }

    /// The page about the code; relative unless the house knows how it is seen from outside.
    pub(super) fn docs_url(&self, public_url: Option<&Url>) -> String {
        let path = format!("{ERRORS}/{}", self.code);
        public_url.and_then(|base| base.join(&path).ok()).map_or(path, String::from)
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        headers
    }
}

fn seconds(wait: std::time::Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

impl From<StoreFault> for ApiError {
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

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Refused(Refusal::NotYours) => Self::forbidden("this call belongs to somebody else"),
            EngineError::Refused(Refusal::AnswerMissing) => Self::missing("sdp_answer"),
            EngineError::Refused(refusal) => {
                Self::conflict(refusal.to_string()).with(json!({ "reason": refusal.code() }))
            }
            EngineError::UnknownCall => Self::not_found("no such call"),
            EngineError::UnknownNumber => Self::connection_not_found(),
            EngineError::Store(fault) => fault.into(),
            EngineError::Barred(barred) => Self::barred(barred),
            // Times are told by whoever knows the clock; here only the reason is.
            EngineError::Denied(denied) => Self::not_asked(denied.reason, None),
            EngineError::Meta(Fault::Refused(error)) => {
                let reason = EndReason::from_meta_code(error.code);
                let known = Self::refused_by_meta(error.code).or_else(|| Self::by_reason(reason));
                known.unwrap_or_else(Self::internal).beside(json!({ "meta_code": error.code }))
            }
            EngineError::Meta(Fault::Unreachable | Fault::Unclear) => {
                Self::by_reason(EndReason::ProviderError).unwrap_or_else(Self::internal)
            }
            EngineError::Sound(SoundFault::BadOffer(why)) => Self::invalid("sdp_offer", why),
            EngineError::Sound(SoundFault::NoCapacity | SoundFault::NoLeg) | EngineError::Stopping => {
                Self::unavailable()
            }
        }
    }
}

impl From<BodyFault> for ApiError {
    fn from(fault: BodyFault) -> Self {
        let status = match fault {
            BodyFault::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            BodyFault::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            BodyFault::Slow => StatusCode::REQUEST_TIMEOUT,
            BodyFault::Broken => StatusCode::BAD_REQUEST,
        };
        Self::new("VALIDATION_ERROR", status, fault.to_string())
    }
}

impl From<JsonFault> for ApiError {
    fn from(fault: JsonFault) -> Self {
        match fault {
            JsonFault::Malformed(place) => Self::malformed(place),
            JsonFault::Shape { path, problem } => Self::invalid(&path, format!("field '{path}' {problem}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_metas_has_a_code_and_status_of_orbits() {
        let check = |meta_code: i64, code: &str, status: u16| {
            let reason = EndReason::from_meta_code(meta_code);
            let error = ApiError::by_reason(reason).unwrap();
            assert_eq!((error.code, error.status.as_u16()), (code, status), "{meta_code}");
        };
        check(138_006, "WHATSAPP_CALLING_NO_PERMISSION", 422);
        check(138_001, "WHATSAPP_CALLING_RECIPIENT_UNREACHABLE", 422);
        check(138_013, "WHATSAPP_CALLING_COUNTRY_BLOCKED", 422);
        check(138_000, "WHATSAPP_CALLING_NOT_ENABLED", 422);
        check(190, "WHATSAPP_CALLING_TOKEN_INVALID", 422);
        check(100, "WHATSAPP_CALLING_INVALID_SDP", 422);
        check(138_002, "WHATSAPP_CALLING_LIMIT_REACHED", 429);
        check(138_005, "WHATSAPP_CALLING_LIMIT_REACHED", 429);
        check(138_012, "WHATSAPP_CALLING_LIMIT_REACHED", 429);
        check(138_003, "WHATSAPP_CALLING_DUPLICATE_CALL", 409);
        check(131_000, "WHATSAPP_CALLING_PROVIDER_ERROR", 502);
    }
}
