//! A call: one conversation with a WhatsApp user, as a value.
//!
//! [`Call::handle`] changes it once or refuses and leaves it alone; [`Call::poll`] is drained to `None`
//! before the next `handle`; [`Call::next_deadline`] names when and why it wants to wake.
//!
//! Invariant: what Meta says is merged, never replayed. Every fact of Meta's is set once or joined, and the
//! final state is a function of the facts ([`record::Facts::outcome`]), so that order, repetition and
//! batching of webhooks cannot change how a call ends.

pub mod end;

pub mod record;

mod glance;

pub mod hunt;

pub mod deadline;

pub mod ask;

pub mod refusal;

mod machine;

mod hear;

mod obey;

mod relayed;

mod close;

pub mod sound;

pub mod table;

pub mod manners;

mod recover;

mod told;

#[cfg(test)]
mod tests;

pub use ask::{Ask, Fault, Reply};
pub use deadline::Deadline;
pub use end::EndReason;
pub use glance::Glance;
pub use machine::{Along, Call, Command, Commit, Input, NewOutbound, Output, Phase, RecordWish, Wish};
pub use manners::{AgentLost, Manners};
pub use record::{CallRecord, State};
pub use refusal::Refusal;
pub use sound::{LegQuality, LegRecord, RecordAsk, SoundAsk, SoundNews};
pub use table::{Hears, Scene, Voice};
