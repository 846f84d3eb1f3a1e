//! Recordings: Opus as it came, written to disk sealed, kept in storage, and played back as Ogg.
//!
//! Reading order: [`keys`] (what is sealed under what), `form` (the bytes of a recording), [`disk`], `packet`
//! (what is known of an Opus packet), `write` (the threads that place packets on the timeline and seal them),
//! [`vault`] (storage), `keep` (rows, uploads, recovery, retention), `listen` (Ogg made on demand), [`links`].
//!
//! Here live no socket, no SQL and no decision about who is recorded when.
//!
//! Invariants: no voice is on a disk or in storage in the clear. Sound is in order, on one timeline for all
//! parties, and at most a second of it is lost with the process. A recording marked complete is whole: its last
//! chunk says so, under the same seal as the rest. Whoever hands in a packet never waits.

pub mod keys;

mod form;

pub mod disk;

mod spool;

mod packet;

mod write;

pub mod vault;

mod keep;

mod listen;

pub mod links;

mod recorder;

pub use keep::{Notice, What, Why};
pub use listen::{Library, ListenFault, Selection, Sound};
pub use recorder::{OpenFault, Recorder, Setup};
pub use write::{Busy, Counters, PartyId, Start, StopReason, Take, Voice};
