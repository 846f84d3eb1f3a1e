//! From packets to sealed chunks on the disk: threads of their own, because writing through to a disk takes
//! as long as the disk likes.
//!
//! `track` places one party's packets on the timeline, `live` is one recording, `thread` serves some of them,
//! `handle` is
//! what callers hold, `shared` what all of them have in common.

mod shared;

mod track;

mod live;

mod thread;

mod handle;

pub(crate) use handle::Desk;
pub use handle::{Busy, PartyId, Start, StopReason, Take, Voice};
pub use shared::Counters;
pub(crate) use shared::Shared;
pub(crate) use thread::Writer;
