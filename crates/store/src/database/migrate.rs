//! The schema's steps, in pairs of equal number and meaning, never edited once shipped.

use std::borrow::Cow;

use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};

use super::connect::{OpenError, told};

/// Which of the two is spoken: which of a pair's texts is run, and how words are searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// A step: its number, its name, and its text for SQLite and for PostgreSQL.
struct Pair(i64, &'static str, &'static str, &'static str);

const STEPS: &[Pair] = &[
    Pair(
        1,
        "first call",
        include_str!("../../migrations/sqlite/0001_first_call.sql"),
        include_str!("../../migrations/postgres/0001_first_call.sql"),
    ),
    Pair(
        2,
        "recordings",
        include_str!("../../migrations/sqlite/0002_recordings.sql"),
        include_str!("../../migrations/postgres/0002_recordings.sql"),
    ),
    Pair(
        3,
        "accounts",
        include_str!("../../migrations/sqlite/0003_accounts.sql"),
        include_str!("../../migrations/postgres/0003_accounts.sql"),
    ),
    Pair(
        4,
        "listing",
        include_str!("../../migrations/sqlite/0004_listing.sql"),
        include_str!("../../migrations/postgres/0004_listing.sql"),
    ),
    Pair(
        5,
        "channels",
        include_str!("../../migrations/sqlite/0005_channels.sql"),
        include_str!("../../migrations/postgres/0005_channels.sql"),
    ),
    Pair(
        6,
        "claims",
        include_str!("../../migrations/sqlite/0006_claims.sql"),
        include_str!("../../migrations/postgres/0006_claims.sql"),
    ),
    Pair(
        7,
        "permissions",
        include_str!("../../migrations/sqlite/0007_permissions.sql"),
        include_str!("../../migrations/postgres/0007_permissions.sql"),
    ),
    Pair(
        8,
        "hooks",
        include_str!("../../migrations/sqlite/0008_hooks.sql"),
        include_str!("../../migrations/postgres/0008_hooks.sql"),
    ),
    Pair(
        9,
        "contacts",
        include_str!("../../migrations/sqlite/0009_contacts.sql"),
        include_str!("../../migrations/postgres/0009_contacts.sql"),
    ),
    Pair(
        10,
        "imports",
        include_str!("../../migrations/sqlite/0010_imports.sql"),
        include_str!("../../migrations/postgres/0010_imports.sql"),
    ),
    Pair(
        11,
        "inbound bots",
        include_str!("../../migrations/sqlite/0011_inbound_bots.sql"),
        include_str!("../../migrations/postgres/0011_inbound_bots.sql"),
    ),
    Pair(
        12,
        "narrow contacts",
        include_str!("../../migrations/sqlite/0012_narrow_contacts.sql"),
        include_str!("../../migrations/postgres/0012_narrow_contacts.sql"),
    ),
    Pair(
        13,
        "other phones",
        include_str!("../../migrations/sqlite/0013_other_phones.sql"),
        include_str!("../../migrations/postgres/0013_other_phones.sql"),
    ),
];

/// Brings the schema up to date, each step whole or not at all.
pub(super) async fn migrate(dialect: Dialect, connection: &mut AnyConnection) -> Result<(), OpenError> {
    let steps = STEPS.iter().map(|Pair(number, name, sqlite, postgres)| {
        let sql = match dialect {
            Dialect::Sqlite => *sqlite,
            Dialect::Postgres => *postgres,
        };
        let name = Cow::Borrowed(*name);
        Migration::new(*number, name, MigrationType::Simple, sql.into_sql_str(), false)
    });
    let migrator = Migrator::with_migrations(steps.collect());
    migrator.run_direct(None, connection, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(number) => OpenError::Newer(number),
        MigrateError::VersionMismatch(number) => OpenError::Altered(number),
        MigrateError::ExecuteMigration(error, number) => OpenError::Migration(number, told(&error)),
        MigrateError::Execute(error) => OpenError::Unreachable(told(&error)),
        other => OpenError::Unreachable(other.to_string()),
    })
}
