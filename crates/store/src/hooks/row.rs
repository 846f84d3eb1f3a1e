//! Hooks and deliveries as rows.

use offhook_core::hook::{Attempt, Delivery, DeliveryState, Disabled, Dress, Health, Hook};
use offhook_core::id::{EventId, HookId, NumberId, TenantId};
use offhook_core::ports::StoreFault;
use offhook_core::time::Time;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::{Trouble, corrupt, field};

/// What a hook is read back from.
pub(super) const COLUMNS: &str = "id, tenant, url, dress, number_id, topics, description, active, disabled, \
     failures, failing_since, place, created_at, updated_at";

/// What a delivery is read back from, `d` being `deliveries` and `e` its entry.
pub(super) const DELIVERY: &str = "d.hook, d.n, d.id AS delivery, d.seq, d.name, d.thread, d.state, d.due_at, d.tries, \
     d.created_at, d.attempt, e.id AS event";

/// A hook's topics as they are stored.
pub(super) fn topics(hook: &Hook) -> Result<String, StoreFault> {
    let unwritable = |_| StoreFault::Corrupt("topics of a hook cannot be written as JSON".to_owned());
    serde_json::to_string(&hook.topics).map_err(unwritable)
}

/// Reads a hook back.
pub(super) fn hook(row: &AnyRow) -> Result<Hook, Trouble> {
    let id = HookId::parse(field(row, "id")?).ok_or_else(|| corrupt("hooks.id"))?;
    let wrong = |column: &str| corrupt(&format!("hooks.{column} of {id}"));
    let number = field::<Option<&str>, _>(row, "number_id")?;
    let disabled = field::<Option<&str>, _>(row, "disabled")?;
    let since = field::<Option<i64>, _>(row, "failing_since")?;
    Ok(Hook {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        url: field(row, "url")?,
        dress: Dress::parse(field(row, "dress")?).ok_or_else(|| wrong("dress"))?,
        number: number.map(|id| NumberId::parse(id).ok_or_else(|| wrong("number_id"))).transpose()?,
        topics: serde_json::from_str(field(row, "topics")?).map_err(|_| wrong("topics"))?,
        description: field(row, "description")?,
        active: field::<i64, _>(row, "active")? != 0,
        disabled: disabled.map(|why| Disabled::parse(why).ok_or_else(|| wrong("disabled"))).transpose()?,
        health: Health {
            failures: u32::try_from(field::<i64, _>(row, "failures")?).map_err(|_| wrong("failures"))?,
            since: since.map(Time::from_micros),
        },
        place: place_of(field(row, "place")?)?,
        created_at: Time::from_micros(field(row, "created_at")?),
        updated_at: Time::from_micros(field(row, "updated_at")?),
        id,
    })
}

/// Reads a delivery back.
pub(super) fn delivery(row: &AnyRow) -> Result<Delivery, Trouble> {
    let wrong = |column: &str| corrupt(&format!("deliveries.{column}"));
    let attempt = field::<Option<&str>, _>(row, "attempt")?;
    let last = attempt.map(serde_json::from_str::<Attempt>).transpose().map_err(|_| wrong("attempt"))?;
    Ok(Delivery {
        id: Uuid::parse_str(field(row, "delivery")?).map_err(|_| wrong("id"))?,
        hook: HookId::parse(field(row, "hook")?).ok_or_else(|| wrong("hook"))?,
        n: place_of(field(row, "n")?)?,
        event: EventId::parse(field(row, "event")?).ok_or_else(|| wrong("event"))?,
        seq: place_of(field(row, "seq")?)?,
        name: field(row, "name")?,
        thread: field(row, "thread")?,
        state: DeliveryState::parse(field(row, "state")?).ok_or_else(|| wrong("state"))?,
        tries: u32::try_from(field::<i64, _>(row, "tries")?).map_err(|_| wrong("tries"))?,
        created_at: Time::from_micros(field(row, "created_at")?),
        due_at: field::<Option<i64>, _>(row, "due_at")?.map(Time::from_micros),
        last,
    })
}

/// A place or number as the house counts them.
pub(super) fn place_of(stored: i64) -> Result<u64, Trouble> {
    u64::try_from(stored).map_err(|_| corrupt("a place in a log"))
}
