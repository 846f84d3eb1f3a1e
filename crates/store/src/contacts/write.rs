//! Writing contacts, one or thousands, in a handful of statements: rows go in as JSON, so that a statement's
//! cost is shared by all of them. Segments' counts and the total follow in the same transaction.

use std::collections::HashMap;

use offhook_core::contact::Contact;
use offhook_core::contact::plan::plan;
use offhook_core::contact::segment::Segment;
use offhook_core::event::Event;
use offhook_core::ports::StoreFault;
use sqlx::{AnyConnection, AssertSqlSafe};

use super::groups::segments_of;
use super::row::{COLUMNS, Row, contact, many};
use super::text::each_text;
use crate::calls::search;
use crate::database::{Dialect, Trouble, taken};

const INSERT: &str = "INSERT INTO contacts (id, tenant, version, phone, email, first_name, last_name, profile_name, \
     country_code, lifecycle_stage, created_at, updated_at, names, searched, facts) ";

const OR_UPDATE: &str = " ON CONFLICT (id) DO UPDATE SET version = excluded.version, phone = excluded.phone, \
     email = excluded.email, first_name = excluded.first_name, last_name = excluded.last_name, \
     profile_name = excluded.profile_name, country_code = excluded.country_code, \
     lifecycle_stage = excluded.lifecycle_stage, created_at = excluded.created_at, \
     updated_at = excluded.updated_at, names = excluded.names, searched = excluded.searched, facts = excluded.facts";

/// What two contacts of a company may not share.
const SHARED: &str = "a contact with this phone number, address or user id";

/// What is written, and what of it is told.
pub(super) struct Batch {
    contacts: Vec<Contact>,
    ids: String,
    rows: String,
    many: String,
}

impl Batch {
    /// Contacts of one tenant.
    pub(super) fn of(contacts: &[Contact]) -> Result<Self, StoreFault> {
        let unwritable = |_| StoreFault::Corrupt("contacts cannot be written as JSON".to_owned());
        let rows = contacts.iter().map(Row::of).collect::<Result<Vec<_>, _>>()?;
        let many: Vec<_> = contacts.iter().flat_map(many).collect();
        let ids: Vec<&str> = contacts.iter().map(|contact| contact.id.as_str()).collect();
        Ok(Self {
            ids: serde_json::to_string(&ids).map_err(unwritable)?,
            rows: serde_json::to_string(&rows).map_err(unwritable)?,
            many: serde_json::to_string(&many).map_err(unwritable)?,
            contacts: contacts.to_vec(),
        })
    }
}

/// Keeps changes of a tenant's contacts and segments apart from one another, so that counts stay exact.
pub(super) async fn one_at_a_time(tx: &mut AnyConnection, tenant: &str) -> Result<(), Trouble> {
    let sql = "UPDATE logs SET head = head WHERE tenant = $1";
    sqlx::query(sql).bind(tenant.to_owned()).execute(tx).await?;
    Ok(())
}

/// What became of a write.
#[derive(Default)]
pub(super) struct Written {
    /// What there is to tell.
    pub(super) events: Vec<Event>,
    /// Whether calls are to be found by another name now.
    pub(super) renamed: bool,
}

/// Writes the contacts, all or none.
pub(super) async fn write(
    tx: &mut AnyConnection,
    batch: Batch,
    dialect: Dialect,
) -> Result<Written, Trouble> {
    let Some(first) = batch.contacts.first() else { return Ok(Written::default()) };
    let tenant = first.tenant.as_str().to_owned();
    one_at_a_time(tx, &tenant).await?;
    let before = stored(tx, &batch.ids, dialect).await?;
    for contact in &batch.contacts {
        let known = before.get(contact.id.as_str());
        let theirs = known.is_none_or(|(_, known)| known.tenant == contact.tenant);
        let follows = known.map_or(0, |(_, known)| known.version) + 1 == contact.version;
        if !theirs || !follows {
            return Err(StoreFault::Conflict.into());
        }
    }
    let clash = || taken(SHARED);
    if !before.is_empty() {
        forget_values(tx, &batch.ids, &before, dialect).await?;
    }
    sqlx::query(AssertSqlSafe(format!("{INSERT}{}{OR_UPDATE}", rows(dialect))))
        .bind(batch.rows)
        .execute(&mut *tx)
        .await
        .map_err(clash())?;
    sqlx::query(AssertSqlSafe(values(dialect))).bind(batch.many).execute(&mut *tx).await.map_err(clash())?;
    one_owner(tx, &batch.ids, &batch.contacts, dialect).await?;
    index(tx, &batch.ids, dialect).await?;

    let segments = segments_of(tx, &tenant).await?;
    let (mut events, mut moved) = (Vec::new(), HashMap::<String, i64>::new());
    let mut renamed = false;
    for contact in &batch.contacts {
        let known = before.get(contact.id.as_str()).map(|(_, known)| known);
        let own = |contact: &Contact| (contact.facts.first_name.clone(), contact.facts.last_name.clone());
        if known.is_some_and(|known| own(known) != own(contact)) {
            renamed = true;
            search::rename(tx, &tenant, contact.id.as_str()).await?;
        }
        let plan = plan(known, Some(contact), &segments);
        for step in plan.moves {
            *moved.entry(step.segment.as_str().to_owned()).or_default() += if step.joined { 1 } else { -1 };
        }
        events.extend(plan.events);
    }
    move_counts(tx, moved).await?;
    let new = batch.contacts.len() - before.len();
    add_to_total(tx, &tenant, i64::try_from(new).unwrap_or(i64::MAX)).await?;
    Ok(Written { events, renamed })
}

/// Removes a contact's rows. What is told of it is for the caller to say.
pub(super) async fn remove(
    tx: &mut AnyConnection,
    (place, gone): &(i64, Contact),
    segments: &[Segment],
    dialect: Dialect,
) -> Result<Vec<Event>, Trouble> {
    if dialect == Dialect::Sqlite {
        sqlx::query("DELETE FROM contacts_search WHERE rowid = $1").bind(*place).execute(&mut *tx).await?;
    }
    for sql in [
        "DELETE FROM contact_values WHERE contact = $1",
        "DELETE FROM contact_list_members WHERE contact = $1",
        "DELETE FROM contact_notes WHERE contact = $1",
        "DELETE FROM contacts WHERE place = $1",
    ] {
        sqlx::query(sql).bind(*place).execute(&mut *tx).await?;
    }
    let plan = plan(Some(gone), None, segments);
    move_counts(tx, plan.moves.into_iter().map(|step| (step.segment.as_str().to_owned(), -1)).collect())
        .await?;
    add_to_total(tx, gone.tenant.as_str(), -1).await?;
    Ok(plan.events)
}

/// The contacts with these ids, by id, with their places.
pub(super) async fn stored(
    tx: &mut AnyConnection,
    ids: &str,
    dialect: Dialect,
) -> Result<HashMap<String, (i64, Contact)>, Trouble> {
    let sql = format!("SELECT {COLUMNS} FROM contacts c WHERE c.id IN ({})", each_text(dialect));
    let found = sqlx::query(AssertSqlSafe(sql)).bind(ids.to_owned()).fetch_all(tx).await?;
    let pair = |row| contact(row).map(|(place, contact)| (contact.id.as_str().to_owned(), (place, contact)));
    found.iter().map(pair).collect()
}

/// Refuses a number that is the first of one contact and a further one of another: what is unique in each of two
/// tables is not in both.
async fn one_owner(
    tx: &mut AnyConnection,
    ids: &str,
    contacts: &[Contact],
    dialect: Dialect,
) -> Result<(), Trouble> {
    let each = each_text(dialect);
    // CROSS JOIN keeps SQLite from reading all further numbers for each contact.
    let mut questions = vec![format!(
        "SELECT 1 AS one FROM contacts c CROSS JOIN contact_values v WHERE c.id IN ({each}) \
         AND v.tenant = c.tenant AND v.field = 'tel' AND v.text = c.phone LIMIT 1"
    )];
    if contacts.iter().any(|contact| !contact.facts.other_phones.is_empty()) {
        questions.push(format!(
            "SELECT 1 AS one FROM contacts m CROSS JOIN contact_values v CROSS JOIN contacts c \
             WHERE m.id IN ({each}) AND v.contact = m.place AND v.field = 'tel' \
             AND c.tenant = v.tenant AND c.phone = v.text LIMIT 1"
        ));
    }
    for sql in questions {
        let query = sqlx::query(AssertSqlSafe(sql)).bind(ids.to_owned());
        if query.fetch_optional(&mut *tx).await?.is_some() {
            return Err(StoreFault::Exists(SHARED).into());
        }
    }
    Ok(())
}

async fn forget_values(
    tx: &mut AnyConnection,
    ids: &str,
    before: &HashMap<String, (i64, Contact)>,
    dialect: Dialect,
) -> Result<(), Trouble> {
    let each = each_text(dialect);
    let sql = format!(
        "DELETE FROM contact_values WHERE contact IN (SELECT place FROM contacts WHERE id IN ({each}))"
    );
    sqlx::query(AssertSqlSafe(sql)).bind(ids.to_owned()).execute(&mut *tx).await?;
    if dialect == Dialect::Sqlite {
        for (place, _) in before.values() {
            sqlx::query("DELETE FROM contacts_search WHERE rowid = $1")
                .bind(*place)
                .execute(&mut *tx)
                .await?;
        }
    }
    Ok(())
}

/// PostgreSQL's index follows by itself.
async fn index(tx: &mut AnyConnection, ids: &str, dialect: Dialect) -> Result<(), Trouble> {
    if dialect == Dialect::Sqlite {
        let sql = "INSERT INTO contacts_search (rowid, searched) \
             SELECT place, searched FROM contacts WHERE id IN (SELECT value FROM json_each($1))";
        sqlx::query(sql).bind(ids.to_owned()).execute(tx).await?;
    }
    Ok(())
}

async fn move_counts(tx: &mut AnyConnection, moved: HashMap<String, i64>) -> Result<(), Trouble> {
    for (segment, by) in moved.into_iter().filter(|(_, by)| *by != 0) {
        let sql = "UPDATE contact_segments SET members = members + $2 WHERE id = $1";
        sqlx::query(sql).bind(segment).bind(by).execute(&mut *tx).await?;
    }
    Ok(())
}

async fn add_to_total(tx: &mut AnyConnection, tenant: &str, by: i64) -> Result<(), Trouble> {
    let sql = "INSERT INTO contact_totals (tenant, total) VALUES ($1, $2) \
         ON CONFLICT (tenant) DO UPDATE SET total = contact_totals.total + $2";
    sqlx::query(sql).bind(tenant.to_owned()).bind(by).execute(tx).await?;
    Ok(())
}

/// The rows of a batch, out of its JSON. The condition that is always true keeps SQLite from reading
/// `ON CONFLICT` as part of a join.
fn rows(dialect: Dialect) -> String {
    const NAMES: [&str; 15] = [
        "id",
        "tenant",
        "version",
        "phone",
        "email",
        "first_name",
        "last_name",
        "profile_name",
        "country_code",
        "lifecycle_stage",
        "created_at",
        "updated_at",
        "names",
        "searched",
        "facts",
    ];
    match dialect {
        Dialect::Sqlite => {
            let column = |name: &str| format!("value ->> '{name}'");
            format!("SELECT {} FROM json_each($1) WHERE true", NAMES.map(column).join(", "))
        }
        Dialect::Postgres => {
            let typed = |name: &str| {
                let kind =
                    if ["version", "created_at", "updated_at"].contains(&name) { "bigint" } else { "text" };
                format!("{name} {kind}")
            };
            let (names, typed) = (NAMES.join(", "), NAMES.map(typed).join(", "));
            format!("SELECT {names} FROM json_to_recordset($1::json) AS r ({typed}) WHERE true")
        }
    }
}

fn values(dialect: Dialect) -> String {
    let from = match dialect {
        Dialect::Sqlite => {
            "SELECT c.place, v.value ->> 'tenant', v.value ->> 'field', v.value ->> 'kind', v.value ->> 'text', \
             CAST(v.value ->> 'number' AS REAL) FROM json_each($1) v JOIN contacts c ON c.id = v.value ->> 'contact'"
        }
        Dialect::Postgres => {
            "SELECT c.place, v.tenant, v.field, v.kind, v.text, v.number FROM json_to_recordset($1::json) AS \
             v (contact text, tenant text, field text, kind text, text text, number double precision) \
             JOIN contacts c ON c.id = v.contact"
        }
    };
    format!("INSERT INTO contact_values (contact, tenant, field, kind, text, number) {from}")
}
