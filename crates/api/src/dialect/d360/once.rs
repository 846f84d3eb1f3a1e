//! `Idempotency-Key` on everything that changes something, in the gateway's words. The provider documents none; ours is
//! Orbit's (provider-apis.md 2.7).

use axum::http::{HeaderMap, Method, StatusCode};

use super::auth;
use super::error::D360Error;
use crate::house::House;
use crate::manners::limits::Allowance;
use crate::manners::once::AfterCrash;
use crate::manners::once::layer::{Face, No};
use crate::manners::principal::Principal;

/// All actions share a path. One that places a call finds it by its promise; the others are carried out anew, and
/// their call knows what was done.
const ACTIONS: &str = "/calling/calls";

pub(crate) struct D360;

impl Face for D360 {
    type Refusal = D360Error;

    async fn who(house: &House, _: &Method, headers: &HeaderMap) -> Result<Principal, D360Error> {
        auth::identify(house, headers).await.map(|entry| entry.principal)
    }

    fn spelling(path: &str) -> String {
        path.strip_suffix('/').unwrap_or(path).to_owned()
    }

    fn after_crash(_: &Method, path: &str) -> AfterCrash {
        // Settings that are set twice are set.
        if path == ACTIONS { AfterCrash::Resume } else { AfterCrash::Repeat }
    }

    fn refuse(no: No, allowance: Option<Allowance>) -> D360Error {
        match no {
            No::BadName => D360Error::gateway(
                StatusCode::BAD_REQUEST,
                "Idempotency-Key is 1 to 255 printable ASCII characters, given once",
            ),
            No::BadBody(fault) => fault.into(),
            No::Reused => D360Error::gateway(
                StatusCode::CONFLICT,
                "This Idempotency-Key was used for another request: take a fresh one",
            ),
            No::Running => D360Error::still_running(),
            No::Unknown => D360Error::gateway(
                StatusCode::CONFLICT,
                "The server stopped while it carried out the request of this Idempotency-Key: look what became of \
                 it before you ask again under another key",
            ),
            No::TooOften => match allowance.and_then(|allowance| allowance.retry_in) {
                Some(wait) => D360Error::slow_down(wait),
                None => D360Error::unavailable(),
            },
            No::Store(fault) => fault.into(),
        }
    }

    /// The face has no headers for it.
    fn state(_: &House, _: &mut HeaderMap, _: &Allowance) {}
}
