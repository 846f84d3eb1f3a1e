//! `…/settings/…`: API keys, people and the audit log (provider-apis.md 2.2).
//!
//! Documented by the provider: making a key, and its list of allowed addresses. The rest is ours in Orbit's
//! conventions. Invariant: nobody makes, changes or takes over anything above themselves: a role, a scope, a key
//! of another, an owner.

mod wire;

pub(super) mod keys;

pub(super) mod allowed;

pub(super) mod rotate;

pub(super) mod people;

pub(super) mod audit;

use axum::Router;
use axum::routing::{get, post};
use serde::Serialize;
use serde_json::Value;

use super::{hang, wrong_method};
use crate::house::Shared;

pub(crate) fn routes() -> Router<Shared> {
    let keys = get(keys::list).post(keys::create).fallback(wrong_method);
    let key = get(keys::one).delete(keys::revoke).fallback(wrong_method);
    let rotation = post(rotate::rotate).fallback(wrong_method);
    let allowed = get(allowed::read).patch(allowed::replace).fallback(wrong_method);
    let people = get(people::list).post(people::add).fallback(wrong_method);
    let person = get(people::one).patch(people::change).delete(people::remove).fallback(wrong_method);
    let audit = get(audit::list).fallback(wrong_method);
    let mut router = Router::new();
    router = hang(router, "/settings/api-keys", &keys);
    router = hang(router, "/settings/api-keys/{id}", &key);
    router = hang(router, "/settings/api-keys/{id}/rotate", &rotation);
    router = hang(router, "/settings/api-keys/{id}/allowed-ips", &allowed);
    router = hang(router, "/settings/people", &people);
    router = hang(router, "/settings/people/{id}", &person);
    hang(router, "/settings/audit", &audit)
}

/// A shape of ours as the envelope takes it.
fn shown(shape: impl Serialize) -> Value {
    serde_json::to_value(shape).expect("shapes of ours have text keys")
}
