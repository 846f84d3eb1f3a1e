//! What a store promises, proved on SQLite and on PostgreSQL by the same cases.
//!
//! `cases` holds the promises, `file` what only a SQLite file promises, `key_file` the master key's file,
//! `postgres` a throw-away server. Nothing here looks inside the crate.

#[cfg(test)]
mod bench;

#[cfg(test)]
mod cases;

#[cfg(test)]
mod file;

#[cfg(test)]
mod key_file;

#[cfg(test)]
mod postgres;

#[cfg(test)]
mod server;
