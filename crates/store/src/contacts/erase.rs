//! Erasing a person: the contact, and whatever else in the database tells who they are.
//!
//! What there is to find is found before ([`super::traces`]); the transaction looks at what came meanwhile, and
//! then at nothing but rows it names.

use offhook_core::call::CallRecord;
use offhook_core::contact::Contact;
use offhook_core::contact::erase::Person;
use offhook_core::event::Event;
use offhook_core::id::{CallId, ContactId, TenantId};
use offhook_core::ports::{Contacts, Erasure, News, StoreFault};
use offhook_core::time::Time;
use sqlx::AnyConnection;

use super::groups::segments_of;
use super::text::{Text, Value};
use super::traces::Traces;
use super::write;
use crate::calls;
use crate::database::{Dialect, Trouble, corrupt, field};
use crate::log::{Entries, append};
use crate::store::Store;

/// What stands where Meta's words about a person stood.
const GONE: &str = "erased";

/// Tries, when the contact is changed meanwhile.
const TRIES: usize = 3;

pub(super) async fn erase(
    store: &Store,
    tenant: &TenantId,
    id: &ContactId,
    now: Time,
) -> Result<Erasure, StoreFault> {
    let database = store.database();
    let dialect = database.dialect();
    for _ in 0..TRIES {
        let Some(contact) = Contacts::load(store, tenant, id).await? else { return Ok(Erasure::Unknown) };
        let looking = async {
            let mut reader = database.reader().acquire().await?;
            obstacle(&mut reader, tenant, &Person::of(&contact)).await
        };
        if let Some(obstacle) = database.read(looking).await? {
            return Ok(obstacle);
        }
        let traces = Traces::find(store, tenant, Person::of(&contact)).await?;
        let write = database.write(move |tx| Box::pin(forget(tx, contact, traces, now, dialect))).await;
        match write {
            Err(StoreFault::Conflict) => {}
            Ok(done) => {
                if matches!(done, Erasure::Erased(_)) {
                    database.wipe().await;
                }
                return Ok(done);
            }
            Err(fault) => return Err(fault),
        }
    }
    Err(StoreFault::Conflict)
}

/// What is in the way, as far as it can be told without looking for long.
async fn obstacle(
    connection: &mut AnyConnection,
    tenant: &TenantId,
    person: &Person,
) -> Result<Option<Erasure>, Trouble> {
    let mut text = Text::new("SELECT 1 AS one FROM contact_imports WHERE tenant = ");
    text.value(tenant.as_str()).push(" AND state IN ('receiving', 'waiting', 'running') LIMIT 1");
    if text.query().fetch_optional(&mut *connection).await?.is_some() {
        return Ok(Some(Erasure::Importing));
    }
    let mut text = Text::new("SELECT 1 AS one FROM calls WHERE tenant = ");
    text.value(tenant.as_str()).push(&format!(" AND {} AND (contact_id IN (", calls::LIVE));
    text.values(person.contacts.iter().map(|id| Value::from(id.as_str()))).push(")");
    for (column, values) in [
        ("peer_phone", person.phones.iter().map(|it| Value::from(it.digits())).collect::<Vec<_>>()),
        ("peer_user_id", person.user_ids.iter().map(|it| Value::from(&**it)).collect()),
    ] {
        if !values.is_empty() {
            text.push(&format!(" OR {column} IN (")).values(values).push(")");
        }
    }
    text.push(") LIMIT 1");
    if text.query().fetch_optional(&mut *connection).await?.is_some() {
        return Ok(Some(Erasure::Busy));
    }
    Ok(None)
}

async fn forget(
    tx: &mut AnyConnection,
    contact: Contact,
    mut traces: Traces,
    now: Time,
    dialect: Dialect,
) -> Result<Erasure, Trouble> {
    let tenant = contact.tenant.clone();
    write::one_at_a_time(tx, tenant.as_str()).await?;
    let ids = serde_json::to_string(&[contact.id.as_str()]).map_err(|_| corrupt("ids"))?;
    let mut stored = write::stored(tx, &ids, dialect).await?;
    let Some(gone) = stored.remove(contact.id.as_str()).filter(|(_, stored)| stored.tenant == tenant) else {
        return Ok(Erasure::Unknown);
    };
    if gone.1.version != contact.version {
        return Err(StoreFault::Conflict.into());
    }
    if let Some(obstacle) = obstacle(tx, &tenant, &traces.person).await? {
        return Ok(obstacle);
    }
    let (calls, waiting) = traces.catch_up(tx).await?;
    if waiting || calls.iter().any(|call| !call.state.is_over()) {
        return Ok(Erasure::Busy);
    }
    let recorded = recorded(tx, &tenant, &calls).await?;
    if !recorded.is_empty() {
        return Ok(Erasure::Recorded(recorded));
    }
    leave_log(tx, &traces, &calls).await?;
    for mut call in calls {
        traces.person.leave_call(&mut call);
        calls::forget_party(tx, dialect, &call).await?;
    }
    leave_rest(tx, &traces).await?;
    let segments = segments_of(tx, tenant.as_str()).await?;
    let events = write::remove(tx, &gone, &segments, dialect).await?;
    Ok(Erasure::Erased(append(tx, Entries::of(&tenant, now, &events)?).await?))
}

/// Those of the calls that have recordings.
async fn recorded(
    tx: &mut AnyConnection,
    tenant: &TenantId,
    calls: &[CallRecord],
) -> Result<Vec<CallId>, Trouble> {
    let mut found = Vec::new();
    for call in calls {
        let sql = "SELECT 1 AS one FROM recordings WHERE tenant = $1 AND call_id = $2 AND state <> 'deleted' LIMIT 1";
        let query = sqlx::query(sql).bind(tenant.as_str().to_owned()).bind(call.id.as_str().to_owned());
        if query.fetch_optional(&mut *tx).await?.is_some() {
            found.push(call.id.clone());
        }
    }
    Ok(found)
}

async fn leave_log(tx: &mut AnyConnection, traces: &Traces, calls: &[CallRecord]) -> Result<(), Trouble> {
    let tenant = || traces.tenant.as_str().to_owned();
    let mut rows = Vec::new();
    for call in calls {
        let sql = "SELECT seq, body FROM events WHERE tenant = $1 AND call_id = $2";
        let query = sqlx::query(sql).bind(tenant()).bind(call.id.as_str().to_owned());
        rows.extend(query.fetch_all(&mut *tx).await?);
    }
    for seq in &traces.events {
        let sql = "SELECT seq, body FROM events WHERE tenant = $1 AND seq = $2";
        rows.extend(sqlx::query(sql).bind(tenant()).bind(*seq).fetch_all(&mut *tx).await?);
    }
    for row in rows {
        let seq: i64 = field(&row, "seq")?;
        // What cannot be read any more may tell anything.
        let left = match serde_json::from_str::<Event>(field(&row, "body")?) {
            Ok(event) => traces.person.leave_event(&event),
            Err(_) => Some(Event::Erased),
        };
        let Some(left) = left else { continue };
        let body = serde_json::to_string(&left).map_err(|_| corrupt("an event"))?;
        let sql = "UPDATE events SET body = $3 WHERE tenant = $1 AND seq = $2";
        sqlx::query(sql).bind(tenant()).bind(seq).bind(body).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn leave_rest(tx: &mut AnyConnection, traces: &Traces) -> Result<(), Trouble> {
    let news = News::Kept { why: GONE.to_owned() };
    let news = serde_json::to_string(&news).map_err(|_| corrupt("news"))?;
    for knock in &traces.knocks {
        let sql = "UPDATE inbox SET raw = '{}', news = $2 WHERE id = $1";
        sqlx::query(sql).bind(*knock).bind(news.clone()).execute(&mut *tx).await?;
    }
    for phone in &traces.person.phones {
        let sql = "DELETE FROM permissions WHERE tenant = $1 AND phone = $2 \
             AND number_id IN (SELECT id FROM numbers WHERE tenant = $1)";
        let query = sqlx::query(sql).bind(traces.tenant.as_str().to_owned()).bind(phone.digits().to_owned());
        query.execute(&mut *tx).await?;
    }
    for (hook, n) in &traces.deliveries {
        // The thread of a consent has the number in its name. What others still owe has lost its attempts.
        for sql in [
            "DELETE FROM deliveries WHERE hook = $1 AND n = $2 AND thread LIKE '%/%'",
            "UPDATE deliveries SET attempt = NULL WHERE hook = $1 AND n = $2",
        ] {
            sqlx::query(sql).bind(hook.clone()).bind(*n).execute(&mut *tx).await?;
        }
    }
    for name in &traces.claims {
        let sql = "DELETE FROM claims WHERE tenant = $1 AND name = $2";
        let query = sqlx::query(sql).bind(traces.tenant.as_str().to_owned()).bind(name.clone());
        query.execute(&mut *tx).await?;
    }
    for (import, line) in &traces.rejected {
        let sql =
            "UPDATE contact_import_rejected SET cells = '[]', reason = $3 WHERE import = $1 AND line = $2";
        sqlx::query(sql).bind(import.clone()).bind(*line).bind(GONE).execute(&mut *tx).await?;
    }
    Ok(())
}
