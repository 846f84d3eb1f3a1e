//! Orbit's Contacts API (provider-apis.md 2.10), under `/api/v1/contacts` and `/v1/contacts`.
//!
//! Quirks kept from the original: `PUT` changes only what it names, and merges metadata; `optouts`, `lists` and
//! `segments` are words where an id could be. Ours: merging, notes, members of lists, changing and previewing
//! segments, import and export.

pub(super) mod wire;

pub(super) mod rules;

pub(super) mod list;

pub(super) mod one;

mod erasure;

pub(super) mod history;

pub(super) mod lists;

pub(super) mod segments;

pub(super) mod import;

pub(super) mod imports;

pub(super) mod export;

use axum::Router;
use axum::routing::{delete, get, post, put};
use offhook_core::id::ContactId;
use offhook_engine::ContactError;

use super::error::ApiError;
use super::{hang, wrong_method};
use crate::house::Shared;

pub(super) fn routes(mut router: Router<Shared>) -> Router<Shared> {
    router = hang(router, "/contacts", &get(list::list).post(one::create).fallback(wrong_method));
    router = hang(router, "/contacts/optouts", &get(list::opted_out).fallback(wrong_method));
    router = hang(router, "/contacts/merge", &post(one::merge).fallback(wrong_method));
    router = hang(router, "/contacts/import", &post(import::import).fallback(wrong_method));
    router = hang(router, "/contacts/imports", &get(imports::all).fallback(wrong_method));
    router = hang(router, "/contacts/imports/{id}", &get(imports::one).fallback(wrong_method));
    router = hang(router, "/contacts/imports/{id}/rejected", &get(imports::rejected).fallback(wrong_method));
    router = hang(router, "/contacts/export", &get(export::export).fallback(wrong_method));
    router = hang(router, "/contacts/lists", &get(lists::all).post(lists::create).fallback(wrong_method));
    router = hang(
        router,
        "/contacts/lists/{id}",
        &get(lists::one).put(lists::change).delete(lists::remove).fallback(wrong_method),
    );
    router = hang(
        router,
        "/contacts/lists/{id}/members",
        &get(lists::members).post(lists::put_on).delete(lists::take_off).fallback(wrong_method),
    );
    router =
        hang(router, "/contacts/segments", &get(segments::all).post(segments::create).fallback(wrong_method));
    router = hang(router, "/contacts/segments/preview", &post(segments::preview).fallback(wrong_method));
    router = hang(
        router,
        "/contacts/segments/{id}",
        &get(segments::one).put(segments::change).delete(segments::remove).fallback(wrong_method),
    );
    router = hang(router, "/contacts/segments/{id}/contacts", &get(segments::members).fallback(wrong_method));
    router = hang(
        router,
        "/contacts/{id}",
        &get(one::one).put(one::change).patch(one::amend).delete(one::erase).fallback(wrong_method),
    );
    router = hang(router, "/contacts/{id}/tags", &post(one::add_tags).fallback(wrong_method));
    router = hang(router, "/contacts/{id}/tags/{tag}", &delete(one::remove_tag).fallback(wrong_method));
    router = hang(router, "/contacts/{id}/preferences", &put(one::prefer).fallback(wrong_method));
    router = hang(router, "/contacts/{id}/activity", &get(history::activity).fallback(wrong_method));
    router = hang(router, "/contacts/{id}/notes", &post(history::add_note).fallback(wrong_method));
    router
}

/// A contact's id from a path; one that is malformed is as absent as one that never was.
fn contact_id(id: Result<String, impl Sized>) -> Result<ContactId, ApiError> {
    id.ok().as_deref().and_then(ContactId::parse).ok_or_else(absent)
}

fn absent() -> ApiError {
    ApiError::not_found("no such contact")
}

impl From<ContactError> for ApiError {
    fn from(error: ContactError) -> Self {
        match error {
            ContactError::Field(problem) => wire::field(&problem),
            ContactError::Taken(id) => Self::contact_exists(id.as_ref()),
            ContactError::Unknown => absent(),
            ContactError::Store(fault) => fault.into(),
        }
    }
}
