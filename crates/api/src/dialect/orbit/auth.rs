//! From headers to a principal, its rights and its allowance.

use axum::http::{HeaderMap, Method, header};

use super::error::ApiError;
use super::wire::Answer;
use crate::house::House;
use crate::manners::limits::{Allowance, Operation};
use crate::manners::principal::{Principal, Right};
use crate::manners::session;
use crate::manners::trace::Trace;

/// A checked request on its way through a handler.
pub(crate) struct Entry {
    pub(crate) principal: Principal,
    pub(super) allowance: Allowance,
}

impl Entry {
    /// Marks the answer with what remains of the allowance.
    pub(crate) fn leave(self, answer: Answer) -> Answer {
        match answer {
            Ok(mut reply) => {
                reply.allowance = Some(self.allowance);
                Ok(reply)
            }
            Err(mut error) => {
                error.allowance = Some(Box::new(self.allowance));
                Err(error)
            }
        }
    }
}

/// Lets a request in: credential, allowances, then right.
pub(crate) async fn enter(
    house: &House,
    method: &Method,
    headers: &HeaderMap,
    operation: Operation,
    right: Right,
) -> Result<Entry, ApiError> {
    let principal = identify(house, method, headers).await?;
    if let Some(allowance) = house.limits.crowd(&principal.tenant, principal.id()) {
        return Err(ApiError::rate_limited(allowance));
    }
    let allowance = house.limits.count(operation, principal.id());
    if allowance.retry_in.is_some() {
        return Err(ApiError::rate_limited(allowance));
    }
    let entry = Entry { principal, allowance };
    let mut refusal = if !entry.principal.may(right) {
        house.audit.refused(&entry.principal, right).await?;
        ApiError::insufficient(right.scope())
    } else if entry.principal.sandbox && !house.config.sandbox && !right.is_about_a_number() {
        ApiError::wrong_key_mode()
    } else {
        return Ok(entry);
    };
    refusal.allowance = Some(Box::new(allowance));
    Err(refusal)
}

/// Who asks. A request that states a key is judged by the key alone: cookies are then ignored.
pub(crate) async fn identify(
    house: &House,
    method: &Method,
    headers: &HeaderMap,
) -> Result<Principal, ApiError> {
    let mut principal = match stated_key(headers) {
        Some(stated) => program(house, stated).await?,
        None => visitor(house, method, headers).await?,
    };
    let marked = headers.get("x-test-mode").is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"true"));
    principal.sandbox |= marked;
    if principal.sandbox {
        Trace::now().in_sandbox();
    }
    Ok(principal)
}

/// The holder of a key.
async fn program(house: &House, stated: Option<&str>) -> Result<Principal, ApiError> {
    let key = match stated {
        Some(text) => house.ports.keys.check(text, house.now()).await?,
        None => None,
    };
    let key = key.ok_or_else(ApiError::invalid_key)?;
    let id = key.id.clone();
    let works = key.works_from(Trace::now().address);
    let principal = Principal::key(key);
    if !works {
        house.audit.violated(&principal, &id).await?;
        return Err(ApiError::invalid_key());
    }
    house.note_use(&id).await;
    Ok(principal)
}

/// Whoever has a session.
async fn visitor(house: &House, method: &Method, headers: &HeaderMap) -> Result<Principal, ApiError> {
    let person = session::person(house, headers).await?.ok_or_else(ApiError::unauthorized)?;
    if !method.is_safe() && !session::meant(house, headers) {
        return Err(ApiError::forbidden(
            "requests with a session cookie need the header X-Requested-With: offhook and our own origin",
        ));
    }
    Ok(Principal::person(person))
}

/// Whether a request states a key, readable or not.
pub(crate) fn states_key(headers: &HeaderMap) -> bool {
    stated_key(headers).is_some()
}

/// The key a request states: none at all, or one that may be unreadable.
fn stated_key(headers: &HeaderMap) -> Option<Option<&str>> {
    if let Some(value) = headers.get("x-api-key") {
        return Some(value.to_str().ok());
    }
    let value = headers.get(header::AUTHORIZATION)?;
    let text = value.to_str().ok();
    Some(text.and_then(|text| {
        let (scheme, key) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &'static str, value: &str, expected: Option<Option<&str>>) {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        assert_eq!(stated_key(&headers), expected, "{name}: {value}");
    }

    #[test]
    fn keys_are_taken_from_either_header() {
        check("x-api-key", "wab_live_sk_1", Some(Some("wab_live_sk_1")));
        check("authorization", "Bearer wab_live_sk_1", Some(Some("wab_live_sk_1")));
        check("authorization", "bearer  wab_live_sk_1", Some(Some("wab_live_sk_1")));
        check("authorization", "Basic YTpi", Some(None));
        check("authorization", "wab_live_sk_1", Some(None));
        check("cookie", "offhook=1", None);
    }
}
