//! Making it happen over time: one task per call, presence, the inbox loop, the outbox's lanes,
//! recovery.
//!
//! Invariants: an input is applied to a call by the call's own task, one at a time; whatever is announced
//! or acknowledged has been committed before; a task that cannot commit forgets what it holds and the call
//! goes on from its record.

mod actor;
mod consent;
mod contacts;
mod errors;
mod gates;
mod house;
mod imports;
mod inbox;
mod outbox;
mod presence;
mod publisher;
mod registry;
mod settings;

mod verdict;
mod voices;

pub use contacts::ContactError;
pub use errors::EngineError;
pub use house::{Engine, PlaceRequest, Placed, Ports};
pub use outbox::{Delivering, Replay, Replayed};
pub use presence::Connected;
pub use voices::QualityNews;
