//! The 360dialog face (provider-apis.md section 4): Meta's own shapes behind one header, `D360-API-KEY`, which
//! selects one business number.
//!
//! Quirks kept from the original: no version and no number in the path (4.1); errors come in three shapes, the
//! gateway's, Meta's and a bare string (4.8); calls are named by Meta's ids only. Not documented by the provider and
//! chosen here: all five actions where its reference names four (8, row 24), `messaging_product` may be left out
//! (4.2), too many requests are 429 where it says 400 (4.8), `accept` may leave out an SDP that `pre_accept` has sent,
//! permissions are only read (4.3), settings come with the passwords of SIP servers (4.4).

pub(super) mod wire;

pub(super) mod error;

pub(super) mod auth;

mod once;

mod calls;

pub(crate) mod event;

mod permissions;

mod settings;

mod webhook;

mod doc;

pub(crate) use doc::costume;

use axum::Router;
use axum::extract::Request;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::house::Shared;
use crate::manners::once::layer::once;
use error::D360Error;
use once::D360;

pub(crate) fn routes(house: &Shared) -> Router<Shared> {
    let mut router = Router::new();
    router = hang(router, "/calling/calls", &post(calls::act).fallback(wrong_method));
    router = hang(router, "/calling/permissions/{user}", &get(permissions::read).fallback(wrong_method));
    let settings = get(settings::read).post(settings::write).fallback(wrong_method);
    router = hang(router, "/calling/settings", &settings);
    let webhook = get(webhook::read).post(webhook::set).delete(webhook::remove).fallback(wrong_method);
    router = hang(router, "/v1/configs/webhook", &webhook);
    router = router.route("/calling/{*rest}", axum::routing::any(unknown));
    router.layer(from_fn_with_state(house.clone(), once::<D360>))
}

/// Hangs a resource with and without a slash at its end.
fn hang(router: Router<Shared>, path: &str, methods: &MethodRouter<Shared>) -> Router<Shared> {
    router.route(path, methods.clone()).route(&format!("{path}/"), methods.clone())
}

async fn unknown() -> D360Error {
    D360Error::not_found()
}

async fn wrong_method(request: Request) -> D360Error {
    D360Error::wrong_method(request.method())
}
