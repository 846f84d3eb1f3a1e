//! The Orbit face (provider-apis.md section 2): calls over REST with `X-API-Key`.
//!
//! The house's own REST (sign-in, softphone tickets) wears the same envelope and errors.
//!
//! Quirks kept from the original: paths work under `/api/v1` and `/v1`, with and without a trailing slash,
//! and never redirect (2.1); `rejected` calls are listed as `failed` (7.4); a page may ask for more than it
//! gets, `limit` is clamped (2.5). Not documented by the provider and chosen here: status and shape of the
//! answer to a placed call, most `WHATSAPP_CALLING_*` codes, single calls and their actions.

pub(crate) mod wire;

pub(crate) mod error;

pub(crate) mod body;

pub(crate) mod auth;

pub(crate) mod once;

mod status;

mod cursor;

mod query;

mod row;

mod calls;

mod analytics;

mod estimate;

mod download;

mod export;

mod control;

mod numbers;

mod place;

mod recordings;

mod contacts;
mod streams;

mod permissions;

mod switch;

pub(crate) mod event;

pub(crate) mod webhooks;

pub(crate) mod events;

mod settings;

pub(crate) mod shapes;

pub(crate) mod doc;

use axum::Router;
use axum::extract::Request;
use axum::routing::{MethodRouter, any, get, patch, post};

use crate::house::Shared;
use error::ApiError;
use wire::Answer;

/// Where the face is served.
const PREFIXES: [&str; 2] = ["/api/v1", "/v1"];

pub(crate) fn routes() -> Router<Shared> {
    let calls = get(calls::list).post(place::place).fallback(wrong_method);
    let one = get(calls::one).fallback(wrong_method);
    let action = post(control::act).fallback(wrong_method);
    let of_call = get(recordings::of_call).delete(recordings::erase).fallback(wrong_method);
    let recording = get(recordings::one).fallback(wrong_method);
    let link = post(recordings::link).fallback(wrong_method);
    let analytics = get(analytics::figures).fallback(wrong_method);
    let estimate = get(estimate::estimate).fallback(wrong_method);
    let export = get(export::export).fallback(wrong_method);
    let numbers = get(numbers::list).fallback(wrong_method);
    let number = patch(numbers::change).fallback(wrong_method);
    let streams = post(streams::invite).fallback(wrong_method);
    let secret = get(streams::secret).fallback(wrong_method);
    let mut router = settings::routes();
    router = hang(router, "/whatsapp/calling/calls/{id}/streams", &streams);
    router = hang(router, "/whatsapp/calling/streams/secret", &secret);
    let permissions = get(permissions::read).fallback(wrong_method);
    let ask = post(permissions::ask).fallback(wrong_method);
    let calling = get(switch::read).fallback(wrong_method);
    let (enable, disable) = (post(switch::enable), post(switch::disable));
    router = hang(router, "/whatsapp/calling/permissions", &permissions);
    router = hang(router, "/whatsapp/calling/permissions/request", &ask);
    router = hang(router, "/whatsapp/connections/{phone_number_id}/calling", &calling);
    router = hang(
        router,
        "/whatsapp/connections/{phone_number_id}/calling/enable",
        &enable.fallback(wrong_method),
    );
    router = hang(
        router,
        "/whatsapp/connections/{phone_number_id}/calling/disable",
        &disable.fallback(wrong_method),
    );
    let webhooks = get(webhooks::list).post(webhooks::create).fallback(wrong_method);
    let webhook = get(webhooks::one).put(webhooks::change).delete(webhooks::remove);
    router = hang(router, "/webhooks", &webhooks);
    router = hang(router, "/webhooks/{id}", &webhook.fallback(wrong_method));
    router = hang(router, "/webhooks/{id}/test", &post(webhooks::test).fallback(wrong_method));
    router = hang(router, "/webhooks/{id}/rotate-secret", &post(webhooks::rotate).fallback(wrong_method));
    router = hang(router, "/webhooks/{id}/replay", &post(webhooks::sent::replay).fallback(wrong_method));
    router =
        hang(router, "/webhooks/{id}/deliveries", &get(webhooks::sent::deliveries).fallback(wrong_method));
    router = hang(router, "/events", &get(events::list).fallback(wrong_method));
    router = hang(router, "/events/stream", &get(events::stream::open).fallback(wrong_method));
    router = hang(router, "/events/{id}", &get(events::one).fallback(wrong_method));
    router = hang(router, "/whatsapp/calling/numbers", &numbers);
    router = hang(router, "/whatsapp/calling/numbers/{phone_number_id}", &number);
    router = hang(router, "/whatsapp/calling/calls/{id}/recordings", &of_call);
    router = hang(router, "/whatsapp/calling/recordings/{id}", &recording);
    router = hang(router, "/whatsapp/calling/recordings/{id}/link", &link);
    router = hang(router, "/whatsapp/calling/analytics", &analytics);
    router = hang(router, "/whatsapp/calling/estimate", &estimate);
    router = hang(router, "/whatsapp/calling/calls/export", &export);
    router = hang(router, "/whatsapp/calling/calls", &calls);
    router = hang(router, "/whatsapp/calling/calls/{id}", &one);
    router = hang(router, "/whatsapp/calling/calls/{id}/{action}", &action);
    router = contacts::routes(router);
    for prefix in ["/api", "/v1"] {
        // What the face does not know is answered in its words, not with the desk's page.
        router = router.route(prefix, any(unknown)).route(&format!("{prefix}/{{*rest}}"), any(unknown));
    }
    router
}

/// Hangs a resource under every prefix, with and without a slash at its end.
pub(crate) fn hang(mut router: Router<Shared>, path: &str, methods: &MethodRouter<Shared>) -> Router<Shared> {
    for prefix in PREFIXES {
        router = router.route(&format!("{prefix}{path}"), methods.clone());
        router = router.route(&format!("{prefix}{path}/"), methods.clone());
    }
    router
}

/// The call by our id or Meta's, if the caller may see it.
pub(crate) use calls::load as visible;

async fn unknown() -> Answer {
    Err(ApiError::not_found("there is nothing at this path"))
}

pub(crate) async fn wrong_method(request: Request) -> Answer {
    Err(ApiError::wrong_method(request.method()))
}
