//! From `D360-API-KEY` to a principal and the one number its key is for.

use axum::http::HeaderMap;
use offhook_core::house::BusinessNumber;

use super::error::D360Error;
use crate::house::House;
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right};
use crate::manners::trace::Trace;

/// The header. Names of headers have no case.
const HEADER: &str = "d360-api-key";

/// A checked request.
pub(crate) struct Entry {
    pub(super) principal: Principal,
    pub(super) number: BusinessNumber,
}

/// Lets a request in: key, its number, allowances, then right. Keys of a whole company select no number and are as
/// unknown here as any other text; a test key's number is one of the sandbox.
pub(super) async fn enter(
    house: &House,
    headers: &HeaderMap,
    operation: Operation,
    right: Right,
) -> Result<Entry, D360Error> {
    let entry = identify(house, headers).await?;
    let principal = &entry.principal;
    let crowd = house.limits.crowd(&principal.tenant, principal.id()).and_then(|crowd| crowd.retry_in);
    if let Some(wait) = crowd.or_else(|| house.limits.count(operation, principal.id()).retry_in) {
        return Err(D360Error::slow_down(wait));
    }
    if !principal.may(right) {
        house.audit.refused(principal, right).await?;
        return Err(D360Error::forbidden(format!("this key needs {}", right.scope())));
    }
    if !house.reaches(principal, &entry.number) {
        return Err(D360Error::forbidden("test keys reach numbers of the sandbox only: use a live key"));
    }
    Ok(entry)
}

/// Who asks, and for which number.
pub(super) async fn identify(house: &House, headers: &HeaderMap) -> Result<Entry, D360Error> {
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
    house.note_use(&key_id).await;
    Ok(Entry { principal, number })
}
