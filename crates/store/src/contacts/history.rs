//! What happened with a contact: calls and notes, as one list.

use offhook_core::call::State;
use offhook_core::contact::timeline::{Entry, Note, What};
use offhook_core::id::{CallId, ContactId, TenantId, UserId};
use offhook_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AnyPool};

use super::text::{Text, Value};
use crate::calls::direction;
use crate::database::{Trouble, corrupt, field};

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
    rows.iter().map(entry).collect::<Result<_, _>>().map(Some)
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
