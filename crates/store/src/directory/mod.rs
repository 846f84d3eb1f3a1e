//! Tenants, numbers, people, keys and sessions.
//!
//! Invariant: a secret enters a row hashed or sealed, and every statement that is given a tenant names it in
//! its `WHERE`.

pub(crate) mod words;

mod rights;

mod tenants;

mod numbers;

mod people;

mod channels;

mod keys;

mod sessions;
