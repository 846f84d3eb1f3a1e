//! Looking up the names and numbers that a view needs.

use offhook_core::call::CallRecord;
use offhook_core::id::{TenantId, UserId};
use offhook_core::ports::StoreFault;

use super::arrange;
use super::view::{self, Cast};
use crate::manners::directory::Directory;

/// Everybody a view of the call names.
fn named(record: &CallRecord) -> impl Iterator<Item = &UserId> {
    record.agent.iter().chain(arrange::named(&record.facts.table))
}

/// The cast of some calls and people of one tenant.
pub(super) async fn cast<'a>(
    directory: &Directory,
    tenant: &TenantId,
    records: impl IntoIterator<Item = &'a CallRecord> + Send,
    people: impl IntoIterator<Item = &'a UserId> + Send,
) -> Result<Cast, StoreFault> {
    let records: Vec<&CallRecord> = records.into_iter().collect();
    let mut cast = Cast::default();
    let people: Vec<&UserId> =
        people.into_iter().chain(records.iter().flat_map(|record| named(record))).collect();
    for person in people {
        if let Some(name) = directory.name(tenant, person).await? {
            cast.names.insert(person.clone(), name);
        }
    }
    let mut numbers = directory.numbers(tenant).await?;
    let known = |record: &&CallRecord| numbers.iter().any(|number| number.id == record.number);
    if !records.iter().all(known) {
        numbers = directory.numbers_now(tenant).await?;
    }
    let needed = numbers.iter().filter(|number| records.iter().any(|record| record.number == number.id));
    cast.numbers = needed.map(|number| (number.id.clone(), view::number(number))).collect();
    Ok(cast)
}
