//! Meta's Graph API, as far as calling needs it.
//!
//! What lives here: paths, bearer tokens, Meta's rules and error bodies. What a call does with an action is decided
//! by `call::machine`. Every request passes through `door::serve`, which counts it and lets planned faults happen.

mod calls;
mod door;
mod error;
mod messages;
mod number;
mod permissions;
mod settings;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::world::World;

/// The routes under `/{version}`.
pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/{version}/{number}", get(number::read))
        .route("/{version}/{number}/calls", post(calls::act))
        .route("/{version}/{number}/call_permissions", get(permissions::read))
        .route("/{version}/{number}/settings", get(settings::read).post(settings::write))
        .route("/{version}/{number}/messages", post(messages::send))
        .route(
            "/{version}/{number}/subscribed_apps",
            get(number::subscribed_apps).post(number::subscribe_app),
        )
}
