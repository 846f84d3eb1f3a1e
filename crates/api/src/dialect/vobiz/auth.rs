//! From `X-Auth-ID` and `X-Auth-Token`, or a bearer token, to a principal and its account.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, header};
use offhook_core::id::NumberId;
use offhook_core::ports::StoreFault;

use super::error::VobizError;
use crate::house::House;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};
use crate::manners::trace::Trace;

/// A checked request.
pub(super) struct Entry {
    pub(super) principal: Principal,
    /// `MA_…`
    pub(super) account: String,
    /// The numbers within reach, unless all of the account's are: a test key reaches those of the sandbox alone.
    within: Option<BTreeSet<NumberId>>,
}

impl Entry {
    /// Whether a number's calls are within reach.
    pub(super) fn reaches(&self, number: &NumberId) -> bool {
        self.within().is_none_or(|within| within.contains(number))
    }

    /// The numbers within reach; none when all of the account's are.
    pub(super) const fn within(&self) -> Option<&BTreeSet<NumberId>> {
        self.within.as_ref()
    }

    /// The one number the key was made for.
    pub(super) fn only_number(&self) -> Option<&NumberId> {
        self.principal.only_number()
    }

    /// Lets a request come to a number of the account. One that is not the key's is `missing` to it.
    pub(super) fn admit(&self, number: &NumberId, missing: fn() -> VobizError) -> Result<(), VobizError> {
        if self.only_number().is_some_and(|only| only != number) {
            return Err(missing());
        }
        if self.reaches(number) { Ok(()) } else { Err(VobizError::wrong_key_mode()) }
    }
}

/// Lets a request in: credential, allowances, then right.
pub(super) async fn enter(
    house: &House,
    headers: &HeaderMap,
    operation: Operation,
    right: Right,
) -> Result<Entry, VobizError> {
    let (principal, account) = identify(house, headers).await?;
    if let Some(allowance) = house.limits.crowd(&principal.tenant, principal.id()) {
        return Err(VobizError::rate_limited(&allowance));
    }
    let allowance = house.limits.count(operation, principal.id());
    if allowance.retry_in.is_some() {
        return Err(VobizError::rate_limited(&allowance));
    }
    if !principal.may(right) {
        house.audit.refused(&principal, right).await?;
        return Err(VobizError::forbidden(right.scope()));
    }
    let tried = principal.sandbox && !house.config.sandbox;
    if tried && !right.is_about_a_number() {
        return Err(VobizError::wrong_key_mode());
    }
    let only = principal.only_number().cloned();
    let within = match (tried, only) {
        (false, None) => None,
        (false, Some(only)) => Some(BTreeSet::from([only])),
        (true, only) => {
            let numbers = house.directory.numbers(&principal.tenant).await?;
            let sandbox = numbers.iter().filter(|number| number.sandbox).map(|number| number.id.clone());
            Some(sandbox.filter(|id| only.as_ref().is_none_or(|only| only == id)).collect())
        }
    };
    Ok(Entry { principal, account, within })
}

/// Who asks, and the id of their account.
pub(super) async fn identify(house: &House, headers: &HeaderMap) -> Result<(Principal, String), VobizError> {
    let stated = stated(headers).ok_or_else(VobizError::invalid_credentials)?;
    let key = house.ports.keys.check(stated.token, house.now()).await?;
    let key = key.ok_or_else(VobizError::invalid_credentials)?;
    let tenant = house.ports.tenants.load(&key.tenant).await?;
    let account = tenant.ok_or_else(VobizError::invalid_credentials)?.account_id;
    if stated.account.is_some_and(|id| id != account) {
        return Err(VobizError::invalid_credentials());
    }
    let (id, works) = (key.id.clone(), key.works_from(Trace::now().address));
    let principal = Principal::key(key);
    if !works {
        house.audit.violated(&principal, &id).await?;
        return Err(VobizError::invalid_credentials());
    }
    house.note_use(&id).await;
    Ok((principal, account))
}

/// Whether the credential of a request that was let in is still one.
pub(super) async fn still(house: &House, headers: &HeaderMap, right: Right) -> Result<bool, StoreFault> {
    let Some(stated) = stated(headers) else { return Ok(false) };
    let key = house.ports.keys.check(stated.token, house.now()).await?;
    Ok(key.is_some_and(|key| Principal::key(key).may(right)))
}

struct Stated<'a> {
    account: Option<&'a str>,
    token: &'a str,
}

/// The two headers count together: one alone is no credential, and a bearer token beside them is not looked at.
fn stated(headers: &HeaderMap) -> Option<Stated<'_>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if headers.contains_key("x-auth-id") || headers.contains_key("x-auth-token") {
        return Some(Stated { account: Some(text("x-auth-id")?), token: text("x-auth-token")? });
    }
    let (scheme, token) = text(header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| Stated { account: None, token: token.trim() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_headers_or_a_bearer_token_are_a_credential() {
        let check = |given: &[(&'static str, &str)], expected: Option<(Option<&str>, &str)>| {
            let mut headers = HeaderMap::new();
            for (name, value) in given {
                headers.insert(*name, value.parse().unwrap());
            }
            let stated = stated(&headers).map(|stated| (stated.account, stated.token));
            assert_eq!(stated, expected, "{given:?}");
        };
        check(&[("x-auth-id", "MA_A"), ("x-auth-token", "key")], Some((Some("MA_A"), "key")));
        check(&[("authorization", "Bearer key")], Some((None, "key")));
        check(&[("x-auth-id", "MA_A")], None);
        check(&[("x-auth-token", "key")], None);
        check(&[("x-auth-id", "MA_A"), ("authorization", "Bearer key")], None);
        check(&[("x-api-key", "key")], None);
    }
}
