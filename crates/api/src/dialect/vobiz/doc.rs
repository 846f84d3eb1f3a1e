//! The face's own OpenAPI document. A handler with `#[utoipa::path]` is added here by one line.

use serde_json::json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{action, calls, channels, logs, webhooks};
use crate::docs::costume::{Costume, Failure, Of};

const ABOUT: &str = "The face for clients made for Vobiz. Paths are served under `/api/v1/messaging` and \
     `/v1/messaging`, with and without a slash at the end. What the provider documents is kept as it is documented; \
     docs/api/vobiz.md marks what is this server's own choice.";

#[derive(OpenApi)]
#[openapi(
    paths(
        calls::initiate,
        action::act,
        logs::list,
        channels::list,
        channels::add,
        channels::embedded_signup,
        channels::change,
        channels::remove,
        webhooks::create,
        webhooks::list,
        webhooks::remove,
    ),
    modifiers(&Credentials)
)]
struct Document;

/// How requests prove who they are from.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let header = |name: &str, about: &str| {
            SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)))
        };
        components.add_security_scheme("auth_id", header("X-Auth-ID", "The account: `MA_…`."));
        components.add_security_scheme("auth_token", header("X-Auth-Token", "Any API key of the account."));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
    }
}

const fn failure(status: &'static str, of: Of, what: &'static str) -> Failure {
    Failure { status, what, shapes: &["ErrorBody"], of }
}

const FAILURES: &[Failure] = &[
    failure("400", Of::Changes, "The request cannot be read"),
    failure("401", Of::All, "Unknown credentials"),
    failure("403", Of::All, "The key may not do this"),
    failure("404", Of::Those, "There is no such thing of yours"),
    failure("408", Of::Changes, "The body came too slowly"),
    failure("409", Of::Changes, "The `Idempotency-Key` is taken"),
    failure("413", Of::Changes, "The body is too large"),
    failure("415", Of::Changes, "The body is compressed"),
    failure("422", Of::Changes, "A field is wrong; `error.details.errors` names it"),
    failure("429", Of::All, "Too many requests; ask again after `Retry-After`"),
    failure("500", Of::All, "Something is wrong on the server's side"),
    failure("502", Of::Those, "WhatsApp failed, or gave no clear answer"),
    failure("503", Of::All, "The server cannot do this now; ask again after `Retry-After`"),
];

/// What the face's document is made of.
pub(crate) fn costume() -> Costume {
    Costume {
        title: "Offhook: the Vobiz face",
        about: ABOUT,
        part: Document::openapi(),
        security: json!([{ "auth_id": [], "auth_token": [] }, { "bearer": [] }]),
        failures: FAILURES,
    }
}
