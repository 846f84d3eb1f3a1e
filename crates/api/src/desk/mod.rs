//! The house's own REST: signing in and out, one's own password, and tickets for the agents' socket.
//!
//! It wears Orbit's envelope and errors, so that there is one native API.

mod login;

mod softphone;

use axum::Router;
use axum::routing::{get, post};
use utoipa::OpenApi;

use crate::dialect::orbit::{hang, wrong_method};
use crate::house::Shared;

/// This room's part of the served OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(login::sign_in, login::sign_out, login::me, login::change_password, softphone::issue))]
pub(crate) struct Document;

pub(crate) fn routes() -> Router<Shared> {
    let mut router = Router::new();
    router = hang(router, "/auth/login", &post(login::sign_in).fallback(wrong_method));
    router = hang(router, "/auth/logout", &post(login::sign_out).fallback(wrong_method));
    router = hang(router, "/auth/me", &get(login::me).fallback(wrong_method));
    router = hang(router, "/auth/password", &post(login::change_password).fallback(wrong_method));
    hang(router, "/softphone/tokens", &post(softphone::issue).fallback(wrong_method))
}
