//! A contact as a row. `facts` carries the whole; the other columns are what is searched, filtered and compared.

use std::collections::HashSet;

use offhook_core::contact::rule::{Scalar, flat};
use offhook_core::contact::{Contact, Facts};
use offhook_core::id::{ContactId, TenantId};
use offhook_core::ports::StoreFault;
use offhook_core::time::Time;
use serde::Serialize;
use sqlx::any::AnyRow;

use super::text::{Text, Value};
use crate::database::{Dialect, Trouble, corrupt, field};

/// What a contact is read back from.
pub(super) const COLUMNS: &str = "c.place, c.id, c.tenant, c.version, c.created_at, c.updated_at, c.facts";

/// A contact's columns, on their way in as JSON: one value for any number of rows.
#[derive(Serialize)]
pub(super) struct Row {
    id: String,
    tenant: String,
    version: u64,
    phone: Option<String>,
    email: Option<String>,
    first_name: Option<String>,
    last_name: Option<String>,
    profile_name: Option<String>,
    country_code: Option<String>,
    lifecycle_stage: Option<String>,
    created_at: i64,
    updated_at: i64,
    names: String,
    searched: String,
    facts: String,
}

/// One of the values there are many of.
#[derive(Serialize)]
pub(super) struct Many {
    contact: String,
    tenant: String,
    field: String,
    kind: &'static str,
    text: Option<String>,
    number: Option<f64>,
}

impl Row {
    pub(super) fn of(contact: &Contact) -> Result<Self, StoreFault> {
        let facts = &contact.facts;
        let unwritable = |_| StoreFault::Corrupt("a contact cannot be written as JSON".to_owned());
        Ok(Self {
            id: contact.id.as_str().to_owned(),
            tenant: contact.tenant.as_str().to_owned(),
            version: contact.version,
            phone: facts.phone.as_ref().map(|phone| phone.digits().to_owned()),
            email: facts.email.as_ref().map(|email| email.as_str().to_owned()),
            first_name: facts.first_name.clone(),
            last_name: facts.last_name.clone(),
            profile_name: facts.profile_name.clone(),
            country_code: facts.country_code.clone(),
            lifecycle_stage: facts.lifecycle_stage.clone(),
            created_at: contact.created_at.as_micros(),
            updated_at: contact.updated_at.as_micros(),
            names: facts.names(),
            searched: facts.searched(),
            facts: serde_json::to_string(facts).map_err(unwritable)?,
        })
    }
}

/// The values of a contact there are many of.
pub(super) fn many(contact: &Contact) -> Vec<Many> {
    let of = |field: String, scalar: Scalar| {
        let (kind, text, number) = match scalar {
            Scalar::Text(text) => ("t", Some(text), None),
            Scalar::Bool(yes) => ("b", Some(yes.to_string()), None),
            Scalar::Number(number) => ("n", None, Some(number)),
            Scalar::Time(_) => unreachable!("no value of a contact's own is an instant"),
        };
        let (id, tenant) = (contact.id.as_str().to_owned(), contact.tenant.as_str().to_owned());
        Many { contact: id, tenant, field, kind, text, number }
    };
    let facts = &contact.facts;
    let named = |field: &'static str, text: &str| of(field.to_owned(), Scalar::Text(text.to_owned()));
    let tags = facts.tags.iter().map(|tag| named("tag", tag));
    let ids = facts.user_ids.iter().map(|id| named("wa", id));
    let phones = facts.other_phones.iter().map(|phone| named("tel", phone.digits()));
    let refused = facts.opted_out();
    let refused = refused.iter().map(|channel| named("out", channel.as_str()));
    let mut seen = HashSet::new();
    let mut data = flat(&facts.metadata);
    // A list may have a value twice.
    data.retain(|(path, scalar)| seen.insert(format!("{path} {scalar:?}")));
    let data = data.into_iter().map(|(path, scalar)| of(format!("m:{path}"), scalar));
    tags.chain(ids).chain(phones).chain(refused).chain(data).collect()
}

/// Asks for the contacts of a tenant that have one of some keys: values of a column, or of those there are many of.
///
/// PostgreSQL is made to look each key up: while it has not counted a table yet, which is in its first minute, it
/// would read all contacts of the tenant and compare each with every key.
pub(super) fn with_key(
    dialect: Dialect,
    tenant: &str,
    key: &str,
    values: impl IntoIterator<Item = Value>,
) -> Text {
    let mut text = Text::new(&format!("SELECT {COLUMNS} FROM "));
    match (dialect, key.strip_prefix("c.")) {
        (Dialect::Sqlite, Some(column)) => {
            text.push("contacts c WHERE c.tenant = ").value(tenant);
            text.push(&format!(" AND c.{column} IN (")).values(values).push(")");
        }
        (Dialect::Sqlite, None) => {
            text.push(
                "contacts c WHERE c.place IN (SELECT v.contact FROM contact_values v WHERE v.tenant = ",
            );
            text.value(tenant)
                .push(&format!(" AND v.field = '{key}' AND v.text IN ("))
                .values(values)
                .push("))");
        }
        (Dialect::Postgres, column) => {
            for (index, value) in values.into_iter().enumerate() {
                text.push(if index == 0 { "(VALUES (" } else { ", (" }).value(value).push(")");
            }
            text.push(") AS k (value) CROSS JOIN LATERAL (SELECT ");
            if let Some(column) = column {
                text.push("i.* FROM contacts i WHERE i.tenant = ").value(tenant);
                text.push(&format!(" AND i.{column} = k.value OFFSET 0) c"));
            } else {
                text.push("i.contact FROM contact_values i WHERE i.tenant = ").value(tenant);
                text.push(&format!(" AND i.field = '{key}' AND i.text = k.value OFFSET 0) v "));
                text.push("JOIN contacts c ON c.place = v.contact");
            }
        }
    }
    text
}

/// Reads a contact back, and its place.
pub(super) fn contact(row: &AnyRow) -> Result<(i64, Contact), Trouble> {
    let id = ContactId::parse(field(row, "id")?).ok_or_else(|| corrupt("contacts.id"))?;
    let wrong = |column: &str| corrupt(&format!("contacts.{column} of {id}"));
    // The reader's own message may quote what it read.
    let facts: Facts = serde_json::from_str(field(row, "facts")?).map_err(|_| wrong("facts"))?;
    let contact = Contact {
        tenant: TenantId::parse(field(row, "tenant")?).ok_or_else(|| wrong("tenant"))?,
        version: u64::try_from(field::<i64, _>(row, "version")?).map_err(|_| wrong("version"))?,
        created_at: Time::from_micros(field(row, "created_at")?),
        updated_at: Time::from_micros(field(row, "updated_at")?),
        facts,
        id,
    };
    Ok((field(row, "place")?, contact))
}
