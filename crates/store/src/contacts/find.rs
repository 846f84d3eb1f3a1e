//! Pages of contacts. A page begins after a place, not at a count, so that contacts that come while somebody
//! reads neither repeat a row nor hide one.

use std::collections::BTreeSet;

use offhook_core::contact::rule::Rule;
use offhook_core::id::TenantId;
use offhook_core::ports::{ContactFilter, ContactPage, ContactsAfter};
use sqlx::AnyPool;

use super::row::{COLUMNS, contact};
use super::rule;
use super::text::{Text, Value, occurs};
use crate::database::{Dialect, Trouble, field};

/// Longest page, whatever is asked.
const LONGEST: u32 = 200;

/// Threes of letters a search narrows by. More would not narrow further; the text is looked at anyway.
const NARROW_BY: usize = 12;

/// The index knows three letters and more.
const INDEXED: usize = 3;

pub(super) async fn page(
    reader: &AnyPool,
    dialect: Dialect,
    tenant: &TenantId,
    filter: &ContactFilter,
    page: &ContactsAfter,
) -> Result<ContactPage, Trouble> {
    let mut text = Text::new(&format!("SELECT {COLUMNS} FROM "));
    let place_of = conditions(&mut text, dialect, tenant, filter);
    rows(reader, text, place_of, page).await
}

/// A page of those a rule admits.
pub(super) async fn admitted(
    reader: &AnyPool,
    dialect: Dialect,
    tenant: &TenantId,
    rule: &Rule,
    page: &ContactsAfter,
) -> Result<ContactPage, Trouble> {
    let mut text = Text::new(&format!("SELECT {COLUMNS} FROM contacts c WHERE c.tenant = "));
    text.value(tenant.as_str()).push(" AND ");
    rule::condition(&mut text, rule, tenant.as_str(), dialect);
    rows(reader, text, "c.place", page).await
}

async fn rows(
    reader: &AnyPool,
    mut text: Text,
    place_of: &str,
    page: &ContactsAfter,
) -> Result<ContactPage, Trouble> {
    let limit = page.limit.clamp(1, LONGEST);
    if let Some(place) = page.after {
        text.push(&format!(" AND {place_of} < ")).value(Value::Number(place));
    }
    // One more than asked tells whether another page follows.
    text.push(&format!(" ORDER BY {place_of} DESC LIMIT {}", limit + 1));
    let rows = text.query().fetch_all(reader).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let found = rows.iter().take(wanted).map(contact).collect::<Result<Vec<_>, _>>()?;
    let next = found.last().map(|(place, _)| *place).filter(|_| rows.len() > wanted);
    Ok(ContactPage { contacts: found.into_iter().map(|(_, contact)| contact).collect(), next })
}

pub(super) async fn count(
    reader: &AnyPool,
    dialect: Dialect,
    tenant: &TenantId,
    filter: &ContactFilter,
    upto: u64,
) -> Result<Option<u64>, Trouble> {
    let upto = i64::try_from(upto).unwrap_or(i64::MAX);
    let text = if narrows(filter) {
        let mut text = Text::new("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM ");
        conditions(&mut text, dialect, tenant, filter);
        text.push(" LIMIT ").value(Value::Number(upto.saturating_add(1))).push(") AS found");
        text
    } else {
        let sum = "SELECT CAST(COALESCE(SUM(total), 0) AS BIGINT) AS n FROM contact_totals WHERE tenant = ";
        let mut text = Text::new(sum);
        text.value(tenant.as_str());
        text
    };
    let row = text.query().fetch_one(reader).await?;
    let count = field::<i64, _>(&row, "n")?;
    Ok(u64::try_from(count).ok().filter(|_| count <= upto || !narrows(filter)))
}

fn narrows(filter: &ContactFilter) -> bool {
    let ContactFilter { search, lifecycle_stage, country_code, tags, has_phone, has_email, .. } = filter;
    let ContactFilter { from, until, list, opted_out, .. } = filter;
    search.is_some()
        || lifecycle_stage.is_some()
        || country_code.is_some()
        || !tags.is_empty()
        || has_phone.is_some()
        || has_email.is_some()
        || from.is_some()
        || until.is_some()
        || list.is_some()
        || opted_out.is_some()
}

/// Writes where contacts come from and the conditions on them. Returns the column that has their place.
///
/// SQLite is led from the index of three letters, whose rows come by place: the newest are found first and the rest
/// is never read.
fn conditions(text: &mut Text, dialect: Dialect, tenant: &TenantId, filter: &ContactFilter) -> &'static str {
    let search = filter.search.as_deref().unwrap_or_default().to_lowercase();
    let grams = if dialect == Dialect::Sqlite { grams(&search) } else { Vec::new() };
    let place = if grams.is_empty() {
        text.push("contacts c WHERE c.tenant = ").value(tenant.as_str());
        "c.place"
    } else {
        // CROSS JOIN keeps the order.
        text.push("contacts_search CROSS JOIN contacts c ON c.place = contacts_search.rowid WHERE contacts_search MATCH ");
        text.value(&*grams.join(" AND ")).push(" AND c.tenant = ").value(tenant.as_str());
        "contacts_search.rowid"
    };
    for term in search.split_whitespace() {
        searched(text, dialect, term, filter.names_only);
    }
    if let Some(stage) = &filter.lifecycle_stage {
        text.push(" AND c.lifecycle_stage = ").value(&**stage);
    }
    if let Some(country) = &filter.country_code {
        text.push(" AND c.country_code = ").value(&**country);
    }
    if !filter.tags.is_empty() {
        let tags = filter.tags.iter().map(|tag| Value::from(&**tag));
        // Tags are shorter than what is indexed of a text.
        let column = if dialect == Dialect::Postgres { rule::INDEXED } else { "v.text" };
        among(text, tenant, "tag").push(&format!(" AND {column} IN (")).values(tags).push("))");
    }
    for (column, wanted) in [("phone", filter.has_phone), ("email", filter.has_email)] {
        if let Some(there) = wanted {
            text.push(&format!(" AND c.{column} IS {}NULL", if there { "NOT " } else { "" }));
        }
    }
    if let Some(from) = filter.from {
        text.push(" AND c.created_at >= ").value(Value::Number(from.as_micros()));
    }
    if let Some(until) = filter.until {
        text.push(" AND c.created_at < ").value(Value::Number(until.as_micros()));
    }
    if let Some(list) = &filter.list {
        text.push(" AND c.place IN (SELECT contact FROM contact_list_members WHERE list_id = ");
        text.value(list.as_str()).push(")");
    }
    if let Some(channel) = filter.opted_out {
        among(text, tenant, "out");
        if let Some(channel) = channel {
            text.push(" AND v.text = ").value(channel.as_str());
        }
        text.push(")");
    }
    place
}

/// The three letters that must be there, each once, in FTS5's query language; none when all words are shorter.
pub(super) fn grams(search: &str) -> Vec<String> {
    let mut grams = BTreeSet::new();
    for term in search.split_whitespace() {
        let letters: Vec<char> = term.chars().collect();
        grams.extend(letters.windows(INDEXED).map(|gram| gram.iter().collect::<String>()));
    }
    let step = grams.len().div_ceil(NARROW_BY).max(1);
    let quoted = |gram: String| format!("\"{}\"", gram.replace('"', "\"\""));
    grams.into_iter().step_by(step).map(quoted).collect()
}

fn among<'a>(text: &'a mut Text, tenant: &TenantId, field: &str) -> &'a mut Text {
    text.push(" AND c.place IN (SELECT v.contact FROM contact_values v WHERE v.tenant = ");
    text.value(tenant.as_str()).push(" AND v.text IS NOT NULL AND v.field = ").value(field)
}

/// One word of a search: it occurs in what is searched.
fn searched(text: &mut Text, dialect: Dialect, term: &str, names_only: bool) {
    let column = if names_only { "c.names" } else { "c.searched" };
    match dialect {
        Dialect::Sqlite => {
            text.push(&format!(" AND {}({column}, ", occurs(dialect))).value(term).push(") > 0");
        }
        Dialect::Postgres => {
            let escaped = term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            let like = format!("%{escaped}%");
            text.push(" AND c.searched LIKE ").value(&*like);
            if names_only {
                text.push(" AND c.names LIKE ").value(&*like);
            }
        }
    }
}
