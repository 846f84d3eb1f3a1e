//! From packets to sealed chunks on the disk: threads of their own, because writing through to a disk takes
//! as long as the disk likes.
//!
//! `track` places one party's packets on the timeline, `live` is one recording, `thread` serves some of them,
//! `handle` is what callers hold.

mod track;

mod live;

mod thread;

mod handle;

pub use handle::{Busy, Counters, PartyId, Start, StopReason, Take, Voice};
pub(crate) use handle::{Desk, Shared};
pub(crate) use thread::Writer;
