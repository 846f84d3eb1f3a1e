//! What happened with a contact: calls, consent to be called and notes, as one list.

use offhook_core::call::State;
use offhook_core::contact::timeline::{Entry, Note, What};
use offhook_core::id::{CallId, ContactId, TenantId, UserId};
use offhook_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool, AssertSqlSafe};

use super::text::{Text, Value};
use crate::calls::direction;
use crate::database::{Trouble, corrupt, field};
use crate::permissions;

const PLACE: &str = "SELECT place FROM contacts WHERE tenant = $1 AND id = $2";

async fn place(reader: &AnyPool, tenant: &TenantId, id: &ContactId) -> Result<Option<i64>, Trouble> {
    let query = sqlx::query(PLACE).bind(tenant.as_str().to_owned()).bind(id.as_str().to_owned());
    query.fetch_optional(reader).await?.map(|row| field(&row, "place")).transpose()
}

pub(super) async fn calls(
    reader: &AnyPool,
    tenant: &TenantId,
    id: &ContactId,
) -> Result<Option<Vec<CallId>>, Trouble> {
    if place(reader, tenant, id).await?.is_none() {
        return Ok(None);
    }
    let sql = "SELECT id FROM calls WHERE tenant = $1 AND contact_id = $2";
    let query = sqlx::query(sql).bind(tenant.as_str().to_owned()).bind(id.as_str().to_owned());
    let rows = query.fetch_all(reader).await?;
    let read = |row: &AnyRow| CallId::parse(field(row, "id")?).ok_or_else(|| corrupt("calls.id"));
    rows.iter().map(read).collect::<Result<_, _>>().map(Some)
}

pub(super) async fn page(
    reader: &AnyPool,
    tenant: &TenantId,
    id: &ContactId,
    before: Option<Time>,
    limit: u32,
) -> Result<Option<Vec<Entry>>, Trouble> {
    let Some(place) = place(reader, tenant, id).await? else { return Ok(None) };
    let before = before.map_or(i64::MAX, Time::as_micros);
    let mut text = Text::new(
        "SELECT created_at AS at, id, state, direction, NULL AS author, NULL AS text FROM calls WHERE tenant = ",
    );
    text.value(tenant.as_str()).push(" AND contact_id = ").value(id.as_str());
    text.push(" AND created_at < ").value(Value::Number(before));
    text.push(" UNION ALL SELECT at, id, NULL, NULL, author, text FROM contact_notes WHERE contact = ");
    text.value(Value::Number(place)).push(" AND at < ").value(Value::Number(before));
    text.push(&format!(" ORDER BY at DESC, id DESC LIMIT {limit}"));
    let rows = text.query().fetch_all(reader).await?;
    let mut all: Vec<Entry> = rows.iter().map(entry).collect::<Result<_, _>>()?;
    let told = consents(reader, tenant, place).await?;
    all.extend(told.into_iter().filter(|told| told.at.as_micros() < before));
    all.sort_by_key(|entry| std::cmp::Reverse(entry.at));
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Some(all))
}

/// What is known of their consent: few entries for each of the company's numbers, which are few.
async fn consents(reader: &AnyPool, tenant: &TenantId, place: i64) -> Result<Vec<Entry>, Trouble> {
    let sql = format!(
        "SELECT {} FROM permissions WHERE tenant = $1 AND number_id IN (SELECT id FROM numbers WHERE tenant = $1) \
         AND phone IN (SELECT c.phone FROM contacts c WHERE c.place = $2 \
         UNION SELECT v.text FROM contact_values v WHERE v.contact = $2 AND v.field = 'tel')",
        permissions::COLUMNS
    );
    let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.as_str().to_owned()).bind(place);
    let mut entries = Vec::new();
    for row in query.fetch_all(reader).await? {
        let permission = permissions::permission(&row)?;
        entries.extend(permission.history().into_iter().map(|(at, consent)| {
            let number = permission.number.clone();
            Entry { at, what: What::Consent { number, consent } }
        }));
    }
    Ok(entries)
}

fn entry(row: &AnyRow) -> Result<Entry, Trouble> {
    let at = Time::from_micros(field(row, "at")?);
    let text = |column| field::<Option<String>, _>(row, column);
    let id: String = field(row, "id")?;
    let what = match (text("state")?, text("text")?) {
        (Some(state), _) => {
            let word = text("direction")?.unwrap_or_default();
            What::Call {
                call: CallId::parse(&id).ok_or_else(|| corrupt("calls.id"))?,
                state: State::parse(&state).ok_or_else(|| corrupt("calls.state"))?,
                direction: direction(&word).ok_or_else(|| corrupt("calls.direction"))?,
            }
        }
        (None, Some(words)) => {
            let author = text("author")?.and_then(|author| UserId::parse(&author));
            What::Note(Note { id, author, text: words })
        }
        (None, None) => return Err(corrupt("contact_notes.text")),
    };
    Ok(Entry { at, what })
}

pub(super) async fn add_note(
    tx: &mut AnyConnection,
    tenant: TenantId,
    id: ContactId,
    at: Time,
    note: Note,
) -> Result<bool, Trouble> {
    let sql = "INSERT INTO contact_notes (id, contact, at, author, text) \
         SELECT $3, place, $4, $5, $6 FROM contacts WHERE tenant = $1 AND id = $2";
    let query = sqlx::query(sql)
        .bind(tenant.as_str().to_owned())
        .bind(id.as_str().to_owned())
        .bind(note.id)
        .bind(at.as_micros())
        .bind(note.author.map(|author| author.as_str().to_owned()))
        .bind(note.text);
    Ok(query.execute(tx).await?.rows_affected() == 1)
}
