//! What can go wrong between a port and its rows, and how it is told without telling a value.

use std::borrow::Cow;

use offhook_core::ports::StoreFault;
use sqlx::any::AnyRow;
use sqlx::{Any, ColumnIndex, Decode, Row, Type};

/// An unfinished method's reason to stop: the database's, or the house's.
#[derive(Debug)]
pub(crate) enum Trouble {
    Sql(sqlx::Error),
    Fault(StoreFault),
}

impl From<sqlx::Error> for Trouble {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<StoreFault> for Trouble {
    fn from(fault: StoreFault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Trouble> for StoreFault {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Sql(error) => fault(&error),
            Trouble::Fault(fault) => fault,
        }
    }
}

/// Stored data that makes no sense; `what` names its place and never its value.
pub(crate) fn corrupt(what: &str) -> Trouble {
    Trouble::Fault(StoreFault::Corrupt(what.to_owned()))
}

/// Turns a broken unique rule into "`what` exists already".
pub(crate) fn taken(what: &'static str) -> impl FnOnce(sqlx::Error) -> Trouble {
    move |error| {
        let broken = error.as_database_error().is_some_and(|e| e.is_unique_violation());
        if broken { StoreFault::Exists(what).into() } else { error.into() }
    }
}

/// A column's value.
pub(crate) fn field<'r, T, I>(row: &'r AnyRow, column: I) -> Result<T, Trouble>
where
    T: Decode<'r, Any> + Type<Any>,
    I: ColumnIndex<AnyRow> + std::fmt::Display + Copy,
{
    row.try_get(column).map_err(|_| corrupt(&format!("column {column}")))
}

/// Text as both databases can hold it: PostgreSQL refuses the character NUL.
pub(crate) fn text(value: &str) -> Cow<'_, str> {
    if value.contains('\0') { Cow::Owned(value.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(value) }
}

/// Tells an error of the database in words of ours: its own may hold values.
fn fault(error: &sqlx::Error) -> StoreFault {
    let reason = match error {
        sqlx::Error::Database(error) => return by_code(&error.code().unwrap_or_default()),
        sqlx::Error::ColumnDecode { index, .. } => return StoreFault::Corrupt(format!("column {index}")),
        sqlx::Error::RowNotFound => return StoreFault::Corrupt("a row is missing".to_owned()),
        sqlx::Error::PoolTimedOut => "no connection became free in time",
        sqlx::Error::PoolClosed => "it is closed",
        sqlx::Error::Io(_) => "the connection is broken",
        sqlx::Error::Tls(_) => "the encrypted connection failed",
        sqlx::Error::WorkerCrashed => "its thread has stopped",
        _ => "it cannot be used",
    };
    StoreFault::Unavailable(reason.to_owned())
}

/// SQLite's codes are decimal numbers whose low byte is the class (sqlite.org/rescode.html); PostgreSQL's are
/// five characters whose first two are the class (its manual, appendix A).
fn by_code(code: &str) -> StoreFault {
    let unavailable = |reason: &str| StoreFault::Unavailable(format!("{reason} (code {code})"));
    if let Some(class) = (code.len() < 5).then(|| code.parse::<u32>().ok()).flatten().map(|code| code & 0xff)
    {
        return match class {
            5 | 6 => unavailable("it is locked"),
            8 => unavailable("it is read-only"),
            10 => unavailable("the disk cannot be read or written"),
            11 | 26 => StoreFault::Corrupt(format!("the database file is damaged (code {code})")),
            13 => unavailable("the disk is full"),
            14 => unavailable("its file cannot be opened"),
            19 => StoreFault::Corrupt(format!("a rule of the database is broken (code {code})")),
            _ => unavailable("it failed"),
        };
    }
    match code.get(..2).unwrap_or_default() {
        "23" => StoreFault::Corrupt(format!("a rule of the database is broken (code {code})")),
        "40" | "55" => unavailable("it is locked"),
        "53" if code == "53100" => unavailable("the disk is full"),
        "53" => unavailable("it has no room for more"),
        "57" | "08" => unavailable("it is stopping or too slow"),
        "XX" => StoreFault::Corrupt(format!("the database is damaged (code {code})")),
        _ => unavailable("it failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, told: &str) {
        assert_eq!(by_code(code).to_string(), told);
    }

    #[test]
    fn codes_of_both_databases_are_told_in_words() {
        check("5", "the database is not available: it is locked (code 5)");
        check("517", "the database is not available: it is locked (code 517)");
        check("13", "the database is not available: the disk is full (code 13)");
        check("787", "stored data cannot be read: a rule of the database is broken (code 787)");
        check("11", "stored data cannot be read: the database file is damaged (code 11)");
        check("53100", "the database is not available: the disk is full (code 53100)");
        check("40P01", "the database is not available: it is locked (code 40P01)");
        check("57P01", "the database is not available: it is stopping or too slow (code 57P01)");
        check("23503", "stored data cannot be read: a rule of the database is broken (code 23503)");
    }
}
