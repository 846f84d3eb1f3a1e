//! The face's own OpenAPI document. A handler with `#[utoipa::path]` is added here by one line.

use serde_json::json;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{calls, permissions, settings, webhook};
use crate::docs::costume::{Costume, Failure, Of};

const ABOUT: &str = "The face for clients made for 360dialog: WhatsApp's own shapes behind one key, which selects one \
     business number. What the provider documents is kept as it is documented; docs/api/360dialog.md marks what is \
     this server's own choice.";

#[derive(OpenApi)]
#[openapi(
    paths(
        calls::act,
        permissions::read,
        settings::read,
        settings::write,
        webhook::set,
        webhook::read,
        webhook::remove,
    ),
    modifiers(&Credentials)
)]
struct Document;

/// How requests prove who they are from.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = ApiKeyValue::with_description("D360-API-KEY", "A key that was made for one number.");
        components.add_security_scheme("d360_api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
    }
}

/// The gateway speaks of who may ask and how often, Meta of calls; a bare text is ours.
const FAILURES: &[Failure] = &[
    Failure {
        status: "400",
        what: "The request cannot be read, or WhatsApp refuses",
        shapes: &["MetaBody", "GatewayBody"],
        of: Of::Changes,
    },
    Failure {
        status: "401",
        what: "The key is unknown, or WhatsApp does not take the number's token",
        shapes: &["GatewayBody", "MetaBody"],
        of: Of::All,
    },
    Failure {
        status: "403",
        what: "The key may not do this, or WhatsApp does not let the number do it",
        shapes: &["GatewayBody", "MetaBody"],
        of: Of::All,
    },
    Failure { status: "404", what: "Nothing there", shapes: &["GatewayBody"], of: Of::Those },
    Failure { status: "408", what: "The body came too slowly", shapes: &["GatewayBody"], of: Of::Changes },
    Failure {
        status: "409",
        what: "The `Idempotency-Key` is taken",
        shapes: &["GatewayBody"],
        of: Of::Changes,
    },
    Failure { status: "413", what: "The body is too large", shapes: &["GatewayBody"], of: Of::Changes },
    Failure {
        status: "429",
        what: "Too many requests, of this server or of WhatsApp",
        shapes: &["GatewayBody", "MetaBody"],
        of: Of::All,
    },
    Failure {
        status: "500",
        what: "WhatsApp's reply was unclear, or something is wrong on the server's side",
        shapes: &["MetaBody", "BareBody"],
        of: Of::All,
    },
    Failure { status: "503", what: "The server cannot do this now", shapes: &["BareBody"], of: Of::All },
];

/// What the face's document is made of.
pub(crate) fn costume() -> Costume {
    Costume {
        title: "Offhook: the 360dialog face",
        about: ABOUT,
        part: Document::openapi(),
        security: json!([{ "d360_api_key": [] }]),
        failures: FAILURES,
    }
}
