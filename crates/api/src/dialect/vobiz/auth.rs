//! From `X-Auth-ID` and `X-Auth-Token`, or a bearer token, to a principal and its account.

use axum::http::{HeaderMap, header};
use offhook_core::house::KeyMode;
use offhook_core::id::NumberId;
use offhook_core::ports::StoreFault;

use super::error::VobizError;
use crate::house::House;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right, Who};
use crate::manners::trace::Trace;

/// A checked request.
pub(super) struct Entry {
    pub(super) principal: Principal,
    /// `MA_…`
    pub(super) account: String,
}

impl Entry {
    /// Whether a number's calls are within reach: a key made for one number reaches that one.
    pub(super) fn reaches(&self, number: &NumberId) -> bool {
        self.only_number().is_none_or(|only| only == number)
    }

    pub(super) fn only_number(&self) -> Option<&NumberId> {
        match &self.principal.who {
            Who::Key(key) => key.number.as_ref(),
            Who::Person(_) => None,
        }
    }

    /// A test key must never make a phone ring.
    pub(super) fn must_be_real(&self) -> Result<(), VobizError> {
        match &self.principal.who {
            Who::Key(key) if key.mode == KeyMode::Test => Err(VobizError::wrong_key_mode()),
            Who::Key(_) | Who::Person(_) => Ok(()),
        }
    }
}

/// Lets a request in: credential, allowance, then right.
pub(super) async fn enter(
    house: &House,
    headers: &HeaderMap,
    operation: Operation,
    right: Right,
) -> Result<Entry, VobizError> {
    let stated = stated(headers).ok_or_else(VobizError::invalid_credentials)?;
    let key = house.ports.keys.check(stated.token, house.now()).await?;
    let key = key.ok_or_else(VobizError::invalid_credentials)?;
    let tenant = house.ports.tenants.load(&key.tenant).await?;
    let account = tenant.ok_or_else(VobizError::invalid_credentials)?.account_id;
    if stated.account.is_some_and(|id| id != account) {
        return Err(VobizError::invalid_credentials());
    }
    let (id, works) = (key.id.clone(), key.works_from(Trace::now().address));
    let entry = Entry { principal: Principal::key(key), account };
    if !works {
        house.audit.violated(&entry.principal, &id).await?;
        return Err(VobizError::invalid_credentials());
    }
    let allowance = house.limits.count(operation, entry.principal.id());
    if allowance.retry_in.is_some() {
        return Err(VobizError::rate_limited(&allowance));
    }
    if !entry.principal.may(right) {
        return Err(VobizError::forbidden(right.scope()));
    }
    Ok(entry)
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
