//! One call: the machine that decides, the task that makes it happen, and what is remembered of it.
//!
//! The machine is pure: no clock, no socket, no webhook shapes. `place` begins calls, `run` owns a machine, a phone
//! and a mailbox; everybody else reads the `Record`.

pub(crate) mod words;

pub(crate) mod machine;
pub(crate) mod place;
pub(crate) mod record;
pub(crate) mod run;
