//! Remembering: SQLite and PostgreSQL behind the ports of `offhook-core`.
//!
//! Reading order: [`secret`] (keys, sealing, hashing), `database` (pools, the writer, migrations, faults),
//! `store` (the door: [`Store`]), then one room per noun: `calls`, `log`, `inbox`, `directory`, `recordings`,
//! `contacts`, `permissions`, `hooks`, `claims`, `audit`.
//!
//! One SQL text serves both databases; what differs lives in `database` and in the paired migrations.
//! No decision about calls is made here.
//!
//! Invariant: what a method has answered with `Ok` is on the disk. A method that answers with a fault has
//! changed nothing, except where the wait for the database ran out while it was writing: then the version of
//! a call's record, the key of a knock or the id of a new thing tells whether it was written.

mod secret;

mod database;

mod store;

mod lease;

mod calls;

mod log;

mod inbox;

mod directory;

mod recordings;

mod contacts;

mod permissions;

mod hooks;

mod claims;

mod audit;

pub use database::OpenError;
pub use lease::Lease;
pub use secret::{KeyError, MasterKey};
pub use store::Store;
