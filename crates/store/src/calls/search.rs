//! Finding calls by words: the one place where the two databases are spoken to differently.
//!
//! What can be found of a call is cut into grams of one, two and three characters. A search narrows by the
//! longest grams of what is looked for, in any order, and then looks at the text itself. SQLite keeps the grams
//! in FTS5, whose row numbers rise with time, so that the newest come first and the rest is never read;
//! PostgreSQL keeps them in a GIN index.
//!
//! Every call also has a gram of its tenant and one of its number, so that the words of others cost nothing.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use offhook_core::call::CallRecord;
use offhook_core::id::TenantId;
use offhook_core::search::{Findable, SEPARATOR, Search};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::filter::Wanted;
use super::row::{COLUMNS, record};
use super::statement::Statement;
use crate::database::{Database, Dialect, Trouble, corrupt, field};

/// Bits of a place that tell the calls of one second apart.
const SAME_SECOND: u32 = 14;

/// Grams a search narrows by. More would not narrow further; the text is looked at anyway.
const NARROW_BY: usize = 12;

/// Numbers a search narrows by through their grams.
const NUMBERS: usize = 20;

/// Letters that stand before grams which are no text, and in place of bytes that would end a token.
const DIGITS: char = '\u{e100}';
const TENANT: char = '\u{e101}';
const NUMBER: char = '\u{e102}';
const BYTES: u32 = 0xe000;

/// What is kept of a call to find it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) call: String,
    pub(super) tenant: String,
    pub(super) number: String,
    pub(super) created_at: i64,
    pub(super) findable: Findable,
}

/// Makes the call findable as it is now; `before` is how it was.
pub(super) async fn keep(
    tx: &mut AnyConnection,
    dialect: Dialect,
    entry: &Entry,
    before: Option<&Findable>,
) -> Result<(), Trouble> {
    if before.unwrap_or(&Findable::default()) == &entry.findable {
        return Ok(());
    }
    if before.is_some() {
        let forget = "DELETE FROM call_search WHERE call_id = $1";
        sqlx::query(forget).bind(entry.call.clone()).execute(&mut *tx).await?;
    }
    if entry.findable.is_empty() {
        return Ok(());
    }
    let grams = entry.grams();
    match dialect {
        Dialect::Sqlite => keep_in_places(tx, entry, grams).await,
        Dialect::Postgres => {
            let insert = "INSERT INTO call_search (call_id, text, digits, grams) VALUES ($1, $2, $3, $4)";
            let query = sqlx::query(insert).bind(entry.call.clone()).bind(entry.findable.text.clone());
            query.bind(entry.findable.digits.clone()).bind(grams).execute(tx).await?;
            Ok(())
        }
    }
}

async fn keep_in_places(tx: &mut AnyConnection, entry: &Entry, grams: String) -> Result<(), Trouble> {
    let (first, last) = places(entry.created_at);
    let insert = "INSERT INTO call_search (place, call_id, text, digits) \
         SELECT COALESCE(MAX(place) + 1, $1), $3, $4, $5 FROM call_search WHERE place BETWEEN $1 AND $2 \
         HAVING COALESCE(MAX(place), $1) < $2 RETURNING place";
    let query = sqlx::query(insert).bind(first).bind(last).bind(entry.call.clone());
    let query = query.bind(entry.findable.text.clone()).bind(entry.findable.digits.clone());
    let Some(row) = query.fetch_optional(&mut *tx).await? else {
        tracing::warn!(call.id = %entry.call, "the call cannot be searched for: too many began in its second");
        return Ok(());
    };
    let insert = "INSERT INTO call_grams (rowid, grams) VALUES ($1, $2)";
    sqlx::query(insert).bind(field::<i64, _>(&row, "place")?).bind(grams).execute(tx).await?;
    Ok(())
}

/// The calls of contacts who have another name by now are found by it, once [`catch_up`] was here.
pub(crate) async fn rename(tx: &mut AnyConnection, tenant: &str, contact: &str) -> Result<(), Trouble> {
    let sql = "INSERT INTO call_search_due (call_id) SELECT id FROM calls WHERE tenant = $1 AND contact_id = $2 \
         ON CONFLICT (call_id) DO NOTHING";
    sqlx::query(sql).bind(tenant.to_owned()).bind(contact.to_owned()).execute(tx).await?;
    Ok(())
}

/// Makes calls findable that are due: those from before there was a search, and those of contacts with a new name.
/// Quick when there are none.
pub(crate) async fn catch_up(database: &Database) -> Result<(), offhook_core::ports::StoreFault> {
    const AT_ONCE: i64 = 500;
    let dialect = database.dialect();
    loop {
        let done = database
            .write(move |tx| {
                Box::pin(async move {
                    let due =
                        format!("(SELECT call_id FROM call_search_due ORDER BY call_id LIMIT {AT_ONCE})");
                    let sql = format!(
                        "SELECT {COLUMNS}, \
                         (SELECT c.first_name FROM contacts c WHERE c.id = calls.contact_id) AS first_name, \
                         (SELECT c.last_name FROM contacts c WHERE c.id = calls.contact_id) AS last_name \
                         FROM calls WHERE id IN {due}"
                    );
                    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *tx).await?;
                    let forget = format!("DELETE FROM call_search WHERE call_id IN {due}");
                    sqlx::query(sqlx::AssertSqlSafe(forget)).execute(&mut *tx).await?;
                    for row in &rows {
                        // A call that makes no sense is told of when it is read, and found by nobody.
                        if let Ok(call) = record(row) {
                            let name = name(row)?;
                            keep(tx, dialect, &Entry::of(&call).named(name.as_deref()), None).await?;
                        }
                    }
                    let done = "DELETE FROM call_search_due WHERE call_id IN \
                         (SELECT call_id FROM call_search_due ORDER BY call_id LIMIT $1)";
                    Ok(sqlx::query(done).bind(AT_ONCE).execute(tx).await?.rows_affected())
                })
            })
            .await?;
        if done == 0 {
            return Ok(());
        }
    }
}

/// Adds a condition on `calls` that holds for what is found.
pub(super) fn write_condition(sql: &mut Statement, dialect: Dialect, words: &Search, tenant: &TenantId) {
    match dialect {
        Dialect::Sqlite => {
            sql.and("EXISTS (SELECT 1 FROM call_search WHERE call_id = calls.id", []);
            write_verdict(sql, dialect, words);
        }
        Dialect::Postgres => {
            sql.and("id IN (SELECT call_id FROM call_search WHERE (", []);
            let joined = |grams: Vec<String>| grams.join(" ");
            let has = "string_to_array(grams, ' ') @> string_to_array(?, ' ')";
            let of_tenant =
                |grams: Vec<String>| joined([vec![marked(TENANT, tenant.as_str())], grams].concat());
            sql.push(has, [of_tenant(longest(words.text(), None)).as_str().into()]);
            if let Some(digits) = words.digits() {
                let grams = of_tenant(longest(digits, Some(DIGITS)));
                sql.push(&format!(" OR {has}"), [grams.as_str().into()]);
            }
            sql.push(")", []);
            write_verdict(sql, dialect, words);
        }
    }
    sql.push(")", []);
}

/// The text itself.
fn write_verdict(sql: &mut Statement, dialect: Dialect, words: &Search) {
    let place_of = match dialect {
        Dialect::Sqlite => "instr",
        Dialect::Postgres => "strpos",
    };
    match words.digits() {
        Some(digits) => {
            let either = format!("({place_of}(text, ?) > 0 OR {place_of}(digits, ?) > 0)");
            sql.and(&either, [words.text().into(), digits.into()]);
        }
        None => sql.and(&format!("{place_of}(text, ?) > 0"), [words.text().into()]),
    }
}

/// SQLite: the newest calls that are found, `more` at most.
pub(super) async fn newest_found(
    database: &Database,
    wanted: &Wanted<'_>,
    words: &Search,
    more: u32,
) -> Result<Vec<CallRecord>, Trouble> {
    let wanted_rows = more as usize;
    let second = |at: i64| places(at).0 >> SAME_SECOND;
    let from = wanted.filter.from.map_or(0, |from| second(from.as_micros()));
    let until = wanted.filter.until.map_or(i64::MAX >> SAME_SECOND, |until| second(until.as_micros()));
    let after = wanted.page.after.as_ref().map_or(until, |(at, _)| second(at.as_micros()).min(until));
    let find = async |seconds: (i64, i64), limit: &str| {
        let rows = statement(wanted, words, seconds, limit).fetch(database.reader()).await?;
        rows.iter().map(found).collect::<Result<Vec<_>, Trouble>>()
    };
    let mut hits = find((from, after), &format!(" LIMIT {more}")).await?;
    // Rows come by their second. When the page is cut inside one, all of that second are needed to put them in
    // order.
    if hits.len() == wanted_rows
        && let [.., before, (cut, _)] = hits.as_slice()
        && before.0 == *cut
    {
        let cut = *cut;
        hits.retain(|(second, _)| *second > cut);
        hits.extend(find((cut, cut), "").await?);
    }
    let mut calls: Vec<CallRecord> = hits.into_iter().map(|(_, call)| call).collect();
    calls.sort_by(|a, b| {
        (Reverse(a.created_at), Reverse(&a.id)).cmp(&(Reverse(b.created_at), Reverse(&b.id)))
    });
    calls.truncate(wanted_rows);
    Ok(calls)
}

/// A call and the second it was created in.
fn found(row: &AnyRow) -> Result<(i64, CallRecord), Trouble> {
    Ok((field::<i64, _>(row, "place")? >> SAME_SECOND, record(row)?))
}

fn statement(wanted: &Wanted<'_>, words: &Search, seconds: (i64, i64), limit: &str) -> Statement {
    let mut sql = Statement::default();
    // CROSS JOIN keeps the order: SQLite would otherwise begin with the calls.
    sql.push(
        &format!(
            "SELECT {COLUMNS}, place FROM call_grams CROSS JOIN call_search ON place = call_grams.rowid \
             CROSS JOIN calls ON id = call_id WHERE call_grams MATCH ? \
             AND call_grams.rowid >= ? AND call_grams.rowid <= ?"
        ),
        [
            matching(wanted, words).as_str().into(),
            (seconds.0 << SAME_SECOND).into(),
            ((seconds.1 << SAME_SECOND) | ((1 << SAME_SECOND) - 1)).into(),
        ],
    );
    write_verdict(&mut sql, Dialect::Sqlite, words);
    sql.push(" AND ", []);
    wanted.write(&mut sql);
    sql.push(&format!(" ORDER BY call_grams.rowid DESC{limit}"), []);
    sql
}

/// The grams that must be there, in FTS5's query language.
fn matching(wanted: &Wanted<'_>, words: &Search) -> String {
    let all = |grams: &[String]| {
        let quoted: Vec<String> = grams.iter().map(|gram| format!("\"{gram}\"")).collect();
        format!("({})", quoted.join(" AND "))
    };
    let mut either = all(&longest(words.text(), None));
    if let Some(digits) = words.digits() {
        either = format!("({either} OR {})", all(&longest(digits, Some(DIGITS))));
    }
    let numbers = wanted.numbers.iter().filter(|numbers| numbers.len() <= NUMBERS);
    let numbers = numbers.map(|numbers| {
        let any: Vec<String> =
            numbers.iter().map(|it| format!("\"{}\"", marked(NUMBER, it.as_str()))).collect();
        format!(" AND ({})", any.join(" OR "))
    });
    let tenant = marked(TENANT, wanted.tenant.as_str());
    format!("{either} AND \"{tenant}\"{}", numbers.collect::<String>())
}

/// The first and the last place of the calls of one second.
fn places(created_at: i64) -> (i64, i64) {
    let second = created_at.div_euclid(1_000_000).clamp(0, (i64::MAX >> SAME_SECOND) - 1);
    (second << SAME_SECOND, (second << SAME_SECOND) | ((1 << SAME_SECOND) - 1))
}

impl Entry {
    pub(super) fn of(call: &CallRecord) -> Self {
        Self {
            call: call.id.as_str().to_owned(),
            tenant: call.tenant.as_str().to_owned(),
            number: call.number.as_str().to_owned(),
            created_at: call.created_at.as_micros(),
            findable: Findable::of(call),
        }
    }

    /// The same, found also by what the company calls the contact now.
    pub(super) fn named(&self, name: Option<&str>) -> Self {
        let findable = self.findable.clone();
        Self { findable: findable.named(name.unwrap_or_default()), ..self.clone() }
    }

    /// All grams, each once, blanks between them.
    fn grams(&self) -> String {
        let mut grams = BTreeSet::from([marked(TENANT, &self.tenant), marked(NUMBER, &self.number)]);
        for text in self.findable.text.split(SEPARATOR) {
            (1..=3).for_each(|length| grams.extend(cut(text, length, None)));
        }
        (1..=3).for_each(|length| grams.extend(cut(&self.findable.digits, length, Some(DIGITS))));
        grams.into_iter().collect::<Vec<_>>().join(" ")
    }
}

/// The grams to narrow by: the longest there are, spread over the text.
fn longest(text: &str, mark: Option<char>) -> Vec<String> {
    let length = text.chars().count().clamp(1, 3);
    let grams: Vec<String> = cut(text, length, mark).collect::<BTreeSet<_>>().into_iter().collect();
    let step = grams.len().div_ceil(NARROW_BY).max(1);
    grams.into_iter().step_by(step).collect()
}

fn cut(text: &str, length: usize, mark: Option<char>) -> impl Iterator<Item = String> {
    let letters: Vec<char> = text.chars().map(letter).collect();
    let count = (letters.len() + 1).saturating_sub(length);
    (0..count).map(move |at| mark.into_iter().chain(letters[at..at + length].iter().copied()).collect())
}

/// A token of its own.
fn marked(mark: char, id: &str) -> String {
    std::iter::once(mark).chain(id.chars().map(letter)).collect()
}

/// A letter that belongs to a token: FTS5's ASCII rules end one at anything else.
fn letter(c: char) -> char {
    match c {
        _ if c.is_ascii_alphanumeric() || !c.is_ascii() => c,
        _ => char::from_u32(BYTES + u32::from(c)).expect("a private letter for every byte"),
    }
}

/// What the company calls a contact, from the columns `first_name` and `last_name`.
pub(super) fn name(row: &AnyRow) -> Result<Option<String>, Trouble> {
    let (first, last): (Option<String>, Option<String>) =
        (field(row, "first_name")?, field(row, "last_name")?);
    let both: Vec<String> = first.into_iter().chain(last).collect();
    Ok((!both.is_empty()).then(|| both.join(" ")))
}

/// What is kept of a call that is stored, from the columns `text` and `digits` of its entry.
pub(super) fn kept(row: &AnyRow) -> Result<Option<Findable>, Trouble> {
    let text: Option<String> = field(row, "text")?;
    let digits: Option<String> = field(row, "digits")?;
    match (text, digits) {
        (Some(text), Some(digits)) => Ok(Some(Findable { text, digits })),
        (None, None) => Ok(None),
        _ => Err(corrupt("call_search")),
    }
}
