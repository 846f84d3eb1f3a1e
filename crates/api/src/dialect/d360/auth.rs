//! From `D360-API-KEY` to a principal and the one number its key is for.

use axum::http::HeaderMap;
use offhook_core::house::{BusinessNumber, KeyMode};

use super::error::D360Error;
use crate::house::House;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right, Who};
use crate::manners::trace::Trace;

/// The header. Names of headers have no case.
const HEADER: &str = "d360-api-key";

/// A checked request.
pub(crate) struct Entry {
    pub(super) principal: Principal,
    pub(super) number: BusinessNumber,
}

/// Lets a request in: key, its number, allowance, then right. Keys of a whole company select no number and are as
/// unknown here as any other text.
pub(super) async fn enter(
    house: &House,
    headers: &HeaderMap,
    operation: Operation,
    right: Right,
) -> Result<Entry, D360Error> {
    let stated = headers.get(HEADER).and_then(|value| value.to_str().ok());
    let stated = stated.ok_or_else(D360Error::invalid_key)?;
    let key = house.ports.keys.check(stated, house.now()).await?.ok_or_else(D360Error::invalid_key)?;
    let id = key.number.clone().ok_or_else(D360Error::invalid_key)?;
    let number = house.ports.numbers.load(&key.tenant, &id).await?.ok_or_else(D360Error::invalid_key)?;
    let (key_id, works) = (key.id.clone(), key.works_from(Trace::now().address));
    let principal = Principal::key(key);
    if !works {
        house.audit.violated(&principal, &key_id).await?;
        return Err(D360Error::invalid_key());
    }
    if let Some(wait) = house.limits.count(operation, principal.id()).retry_in {
        return Err(D360Error::slow_down(wait));
    }
    if !principal.may(right) {
        return Err(D360Error::forbidden(format!("this key needs {}", right.scope())));
    }
    Ok(Entry { principal, number })
}

/// A test key must never make a phone ring.
pub(super) fn real(principal: &Principal) -> Result<(), D360Error> {
    match &principal.who {
        Who::Key(key) if key.mode == KeyMode::Test => {
            Err(D360Error::forbidden("test keys place no calls in this version: use a live key"))
        }
        Who::Key(_) | Who::Person(_) => Ok(()),
    }
}
