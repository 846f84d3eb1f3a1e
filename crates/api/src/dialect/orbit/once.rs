//! `Idempotency-Key` on everything that changes something (provider-apis.md 2.7), in this face's words.

use axum::http::{HeaderMap, Method};

use super::error::ApiError;
use super::{auth, wire};
use crate::house::House;
use crate::manners::limits::Allowance;
use crate::manners::once::AfterCrash;
use crate::manners::once::layer::{Face, No};
use crate::manners::principal::Principal;

/// What finds its call by its promise.
const PLACING: &str = "/v1/whatsapp/calling/calls";

pub(crate) struct Orbit;

impl Face for Orbit {
    type Refusal = ApiError;

    async fn who(house: &House, method: &Method, headers: &HeaderMap) -> Result<Principal, ApiError> {
        auth::identify(house, method, headers).await
    }

    /// Under one of the prefixes, and without the last slash.
    fn spelling(path: &str) -> String {
        let path = path.strip_prefix("/api").unwrap_or(path);
        path.strip_suffix('/').unwrap_or(path).to_owned()
    }

    fn after_crash(method: &Method, path: &str) -> AfterCrash {
        match *method {
            Method::POST if path == PLACING => AfterCrash::Resume,
            Method::PUT | Method::PATCH | Method::DELETE => AfterCrash::Repeat,
            _ => AfterCrash::Tell,
        }
    }

    fn refuse(no: No, allowance: Option<Allowance>) -> ApiError {
        let error = match no {
            No::BadName => {
                let message = "Idempotency-Key is 1 to 255 printable ASCII characters, given once";
                ApiError::invalid("Idempotency-Key", message)
            }
            No::BadBody(fault) => fault.into(),
            No::Reused => ApiError::key_reused(),
            No::Running => ApiError::still_running(),
            No::Unknown => ApiError::outcome_unknown(),
            No::TooOften => match allowance {
                Some(allowance) => return ApiError::rate_limited(allowance),
                None => ApiError::unavailable(),
            },
            No::Store(fault) => fault.into(),
        };
        match allowance {
            Some(allowance) => error.allowed(allowance),
            None => error,
        }
    }

    fn state(house: &House, headers: &mut HeaderMap, allowance: &Allowance) {
        wire::state(headers, allowance, house);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_path_are_one_request() {
        for path in ["/api/v1/x/y", "/v1/x/y", "/api/v1/x/y/", "/v1/x/y/"] {
            assert_eq!(Orbit::spelling(path), "/v1/x/y");
        }
    }
}
