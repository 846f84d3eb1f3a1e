//! Secrets: the master key, sealing under it, password hashes, and the texts of keys, sessions and tickets.
//!
//! No SQL here. Invariant: nothing in this folder prints a secret, and randomness is the system's alone.

mod master;

mod seal;

mod password;

mod token;

pub use master::{KeyError, MasterKey};
pub(crate) use password::Passwords;
pub(crate) use seal::{Place, Sealer};
pub(crate) use token::{account_id, event_uuid, fingerprint, new_key_text, new_secret, read_key_text, same};
