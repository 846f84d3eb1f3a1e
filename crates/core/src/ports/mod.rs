//! What the house needs from the world: small async traits by noun.
//!
//! Adapters live in `store` and `whatsapp`; fakes with memory live in [`fake`].

mod calls;
mod clock;
mod directory;
mod gate;
mod hooks;
mod inbox;
mod recordings;
mod sound;

pub mod fake;

pub use calls::{CallFilter, Calls, Events, Page, PageAfter, Stretch};
pub use clock::{Clock, Ids};
pub use directory::{
    Keys, Minted, NewKey, NewNumber, NewPerson, NewTenant, Numbers, People, Sessions, Tenants, Ticket,
};
pub use gate::{Asker, PermissionAsk};
pub use hooks::{
    Carrier, Deliveries, DeliveryPage, Dressed, Dresser, Due, Hooks, NewDelivery, NewHook, Parcel, Receipt,
    Settled,
};
pub use inbox::{Inbox, Knock, Knocked, News};
pub use recordings::{RecordingPage, Recordings, RecordingsAfter};
pub use sound::{Sound, SoundFault};

/// A store that cannot do its work now.
#[derive(Debug, thiserror::Error)]
pub enum StoreFault {
    /// The database is locked, full, gone or slow; trying again may help. A write that ran out of time may
    /// have landed all the same.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// Somebody else wrote the record first.
    #[error("the record was changed by somebody else")]
    Conflict,
    /// Such a thing exists already.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// What is stored makes no sense to this program.
    #[error("stored data cannot be read: {0}")]
    Corrupt(String),
}
