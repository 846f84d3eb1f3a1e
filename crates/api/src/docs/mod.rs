//! What the server says about itself: an OpenAPI document for each face, the page that browses them, a page for
//! every error code.
//!
//! Public: nothing here is anybody's data. No handler's shape lives here; each face describes its own.

pub(crate) mod document;

pub(crate) mod costume;

mod errors;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use serde_json::Value;
use url::Url;
use utoipa_swagger_ui::{Config, SwaggerUi, Url as Listed};

use crate::dialect::{d360, vobiz};
use crate::house::Shared;

/// Where the pages of error codes are.
pub(crate) const ERRORS: &str = "/docs/errors";

/// What the browsing page may do: its own files, requests to this server, the styles it sets on its elements.
const BROWSER_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'";

/// What the pages of errors may do: be read.
const PAGE_POLICY: &str = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Writes a document for a server with this address.
type Writer = fn(Option<&Url>) -> Value;

pub(crate) fn routes(public_url: Option<&Url>) -> Router<Shared> {
    let documents: [(&str, &str, Writer); 3] = [
        ("Offhook", "/openapi.json", document::document),
        ("Vobiz", "/openapi/vobiz.json", |url| costume::document(vobiz::costume(), url)),
        ("360dialog", "/openapi/360dialog.json", |url| costume::document(d360::costume(), url)),
    ];
    // The badge of another server's validator is left out: the page asks nobody but this server.
    let listed = documents.iter().map(|(name, path, _)| Listed::new(name, path));
    let config = Config::new(listed).validator_url("none");
    let mut router = Router::new();
    for (_, path, write) in documents {
        let public_url = public_url.cloned();
        // Written when somebody asks for the first time: who starts a server waits for calls.
        let document = Arc::new(LazyLock::new(move || write(public_url.as_ref()).to_string()));
        let json = move || async move {
            let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
            (headers, String::clone(&document))
        };
        router = router.route(path, get(json));
    }
    let browse: Router<Shared> = SwaggerUi::new("/docs").config(config).into();
    let browse = browse.layer(map_response(|response| guarded(response, BROWSER_POLICY)));
    let pages = Router::new()
        .route(ERRORS, get(errors::all))
        .route(&format!("{ERRORS}/style.css"), get(errors::style))
        .route(&format!("{ERRORS}/{{code}}"), get(errors::one))
        .layer(map_response(|response| guarded(response, PAGE_POLICY)));
    router.merge(browse).merge(pages)
}

async fn guarded(mut response: Response, policy: &'static str) -> Response {
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    response
}
