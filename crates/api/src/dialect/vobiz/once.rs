//! `Idempotency-Key` on everything that changes something, in this face's words. The provider documents none; ours is
//! Orbit's (provider-apis.md 2.7).

use axum::http::{HeaderMap, Method};

use super::auth;
use super::error::{VobizError, Wrong};
use crate::house::House;
use crate::manners::limits::Allowance;
use crate::manners::once::AfterCrash;
use crate::manners::once::layer::{Face, No};
use crate::manners::principal::Principal;

/// What finds its call by its promise.
const PLACING: &str = "/v1/messaging/calls/whatsapp";

pub(crate) struct Vobiz;

impl Face for Vobiz {
    type Refusal = VobizError;

    async fn who(house: &House, _: &Method, headers: &HeaderMap) -> Result<Principal, VobizError> {
        auth::identify(house, headers).await.map(|(principal, _)| principal)
    }

    /// Under one of the prefixes, and without the last slash.
    fn spelling(path: &str) -> String {
        let path = path.strip_prefix("/api").unwrap_or(path);
        path.strip_suffix('/').unwrap_or(path).to_owned()
    }

    fn after_crash(method: &Method, path: &str) -> AfterCrash {
        match *method {
            Method::POST if path == PLACING => AfterCrash::Resume,
            Method::PUT | Method::DELETE => AfterCrash::Repeat,
            _ => AfterCrash::Tell,
        }
    }

    fn refuse(no: No, allowance: Option<Allowance>) -> VobizError {
        match no {
            No::BadName => {
                let message = "is 1 to 255 printable ASCII characters, given once";
                VobizError::invalid("Idempotency-Key", Wrong::Format, message)
            }
            No::BadBody(fault) => fault.into(),
            No::Reused => VobizError::key_reused(),
            No::Running => VobizError::still_running(),
            No::Unknown => VobizError::outcome_unknown(),
            No::TooOften => {
                allowance.map_or_else(VobizError::unavailable, |it| VobizError::rate_limited(&it))
            }
            No::Store(fault) => fault.into(),
        }
    }

    /// The face has no headers for it.
    fn state(_: &House, _: &mut HeaderMap, _: &Allowance) {}
}
