//! After the packets: rows, uploads, recovery, retention, erasure.
//!
//! The spool is the truth until a recording is in storage; a note that is lost is made up for by looking there.
//! Invariants: a spool file is removed only after its object is in storage or its recording was erased; an
//! object is removed before its row says so.

mod notice;

mod ledger;

mod finish;

mod carrier;

pub(crate) use carrier::Carrier;
pub(crate) use ledger::{Ledger, Note, register};
pub(crate) use notice::milliseconds;
pub use notice::{Notice, What, Why};
