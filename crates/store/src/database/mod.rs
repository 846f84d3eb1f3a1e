//! The two databases made one: addresses, pools, migrations, the writer, faults.
//!
//! Nothing here knows a table of the house but the canary. Invariants: on SQLite one connection writes, in
//! `BEGIN IMMEDIATE`, with every commit on the disk before it is answered; no wait is without an end.

mod trouble;

mod address;

mod connect;

mod migrate;

mod writer;

pub use connect::OpenError;
pub(crate) use connect::{Database, holds_data, lone_session};
pub(crate) use migrate::Dialect;
pub(crate) use trouble::{Trouble, corrupt, field, taken, text};
pub(crate) use writer::Step;
