//! The Vobiz face (provider-apis.md section 3): channels, calls and their logs, webhooks behind `X-Auth-ID` and
//! `X-Auth-Token`.
//!
//! Quirks kept from the original: a placed call is answered without WhatsApp's SDP (3.3); a log row has an id of its
//! own besides the call's (3.5); a finished, answered call is shown as `accepted`, and its duration counts the ringing
//! (3.5, its only sample; both can be chosen otherwise); actions have one path and name their call in the body (3.4).
//! Not documented by the provider and chosen here: most error codes (3.9), the largest page, what `channel_id` may be
//! left out of, `hangup_cause` words, everything about the socket for live pages (3.7).

mod auth;

mod wire;

mod error;

mod body;

mod status;

mod calls;

mod action;

mod logs;

mod row;

mod channels;

mod once;

mod live;

mod socket;

pub(crate) mod event;

mod webhooks;

mod doc;

pub(crate) use doc::costume;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, any, delete, get, post, put};

use crate::house::Shared;
use crate::manners::once::layer::once;
use error::VobizError;
use once::Vobiz;

/// Where the face is served.
const PREFIXES: [&str; 2] = ["/api/v1/messaging", "/v1/messaging"];

/// What the provider's pages leave open and a house may decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VobizManners {
    /// The word for a call that was answered and is over.
    pub ended_answered: EndedAnswered,
    /// From when a call's duration counts.
    pub duration_basis: DurationBasis,
}

/// The word for a call that was answered and is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EndedAnswered {
    /// As in the provider's only sample.
    #[default]
    Accepted,
    /// As its list of words suggests.
    Terminated,
}

/// From when a call's duration counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DurationBasis {
    /// From its start, ringing included, as in the provider's only sample.
    #[default]
    Started,
    /// From the pick-up.
    Answered,
}

pub(crate) fn routes(house: &Shared) -> Router<Shared> {
    let mut router = Router::new();
    router = hang(router, "/calls/whatsapp", &post(calls::initiate).fallback(wrong_method));
    router = hang(router, "/calls/whatsapp/action", &post(action::act).fallback(wrong_method));
    router = hang(router, "/calls/whatsapp/logs", &get(logs::list).fallback(wrong_method));
    let channels = get(channels::list).post(channels::add).fallback(wrong_method);
    router = hang(router, "/channels/whatsapp", &channels);
    let signup = post(channels::embedded_signup).fallback(wrong_method);
    router = hang(router, "/channels/whatsapp/embedded-signup", &signup);
    let channel = put(channels::change).delete(channels::remove).fallback(wrong_method);
    router = hang(router, "/channels/whatsapp/{id}", &channel);
    let webhooks = get(webhooks::list).post(webhooks::create).fallback(wrong_method);
    router = hang(router, "/webhooks", &webhooks);
    router = hang(router, "/webhooks/{id}", &delete(webhooks::remove).fallback(wrong_method));
    router = hang(router, "/ws", &get(socket::upgrade).fallback(wrong_method));
    for prefix in PREFIXES {
        router = router.route(prefix, any(unknown)).route(&format!("{prefix}/{{*rest}}"), any(unknown));
    }
    // Answers are kept as they are written out, and what the layer itself says is written out after it.
    router
        .layer(from_fn_with_state(house.clone(), wire::dress))
        .layer(from_fn_with_state(house.clone(), once::<Vobiz>))
        .layer(from_fn_with_state(house.clone(), wire::dress))
}

/// Hangs a resource under every prefix, with and without a slash at its end.
fn hang(mut router: Router<Shared>, path: &str, methods: &MethodRouter<Shared>) -> Router<Shared> {
    for prefix in PREFIXES {
        router = router.route(&format!("{prefix}{path}"), methods.clone());
        router = router.route(&format!("{prefix}{path}/"), methods.clone());
    }
    router
}

async fn unknown() -> VobizError {
    VobizError::not_found("NOT_FOUND", "there is nothing at this path")
}

async fn wrong_method(request: Request) -> VobizError {
    VobizError::wrong_method(request.method())
}
