//! The face's part of the served OpenAPI document. A handler with `#[utoipa::path]` is added here by one line.

use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use super::{
    analytics, calls, contacts, control, estimate, events, export, numbers, permissions, place, recordings,
    settings, streams, switch, webhooks,
};

#[derive(OpenApi)]
#[openapi(
    paths(
        calls::list,
        analytics::figures,
        estimate::estimate,
        export::export,
        place::place,
        calls::one,
        control::act,
        recordings::of_call,
        recordings::erase,
        recordings::one,
        recordings::link,
        streams::invite,
        streams::secret,
        numbers::list,
        numbers::change,
        permissions::read,
        permissions::ask,
        switch::read,
        switch::enable,
        switch::disable,
        contacts::list::list,
        contacts::list::opted_out,
        contacts::one::create,
        contacts::one::one,
        contacts::one::change,
        contacts::one::amend,
        contacts::one::erase,
        contacts::one::add_tags,
        contacts::one::remove_tag,
        contacts::one::prefer,
        contacts::one::merge,
        contacts::history::activity,
        contacts::history::add_note,
        contacts::lists::all,
        contacts::lists::create,
        contacts::lists::one,
        contacts::lists::change,
        contacts::lists::remove,
        contacts::lists::members,
        contacts::lists::put_on,
        contacts::lists::take_off,
        contacts::segments::all,
        contacts::segments::create,
        contacts::segments::preview,
        contacts::segments::one,
        contacts::segments::change,
        contacts::segments::remove,
        contacts::segments::members,
        contacts::import::import,
        contacts::imports::all,
        contacts::imports::one,
        contacts::imports::rejected,
        contacts::export::export,
        webhooks::create,
        webhooks::list,
        webhooks::one,
        webhooks::change,
        webhooks::remove,
        webhooks::test,
        webhooks::rotate,
        webhooks::sent::replay,
        webhooks::sent::deliveries,
        events::list,
        events::one,
        events::stream::open,
        settings::keys::list,
        settings::keys::one,
        settings::keys::create,
        settings::keys::revoke,
        settings::rotate::rotate,
        settings::allowed::read,
        settings::allowed::replace,
        settings::people::list,
        settings::people::one,
        settings::people::add,
        settings::people::change,
        settings::people::remove,
        settings::audit::list,
    ),
    modifiers(&Credentials)
)]
pub(crate) struct Document;

/// How requests prove who they are from.
struct Credentials;

impl Modify for Credentials {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = ApiKeyValue::with_description("X-API-Key", "An API key: `wab_live_sk_…`.");
        components.add_security_scheme("api_key", SecurityScheme::ApiKey(ApiKey::Header(key)));
        components.add_security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)));
        let cookie = "The desk's session. Changes need the header `X-Requested-With: offhook` besides.";
        let cookie = ApiKeyValue::with_description("offhook", cookie);
        components.add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(cookie)));
    }
}
