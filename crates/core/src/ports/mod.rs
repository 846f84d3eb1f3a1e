//! What the house needs from the world: small async traits by noun.
//!
//! Adapters live in `store` and `whatsapp`; fakes with memory live in [`fake`].

mod audit;
mod calls;
mod channels;
mod claims;
mod clock;
mod contacts;
mod directory;
mod figures;
mod gate;
mod hooks;
mod inbox;
mod pages;
mod permissions;
mod recordings;
mod sound;

pub mod fake;

pub use audit::Audit;
pub use calls::{CallFilter, Calls, Events, LogStretch, Page, PageAfter};
pub use channels::{Channel, ChannelChange, ChannelNotes, Channels, Disconnected};
pub use claims::{Claim, Claims, KeptAnswer, Standing};
pub use clock::{Clock, Ids};
pub use contacts::{
    ContactFilter, ContactGroups, ContactImports, ContactKeys, ContactPage, Contacts, ContactsAfter, Crowd,
    Erasure,
};
pub use directory::{
    Changed, Keys, Minted, NewKey, NewNumber, NewPerson, NewTenant, Numbers, Opener, People, PersonChange,
    Removal, Session, SessionRef, Sessions, Tenants, Ticket,
};
pub use figures::{DayFigures, Figures, FiguresAsk, QUARTER_SECS, Stretch, Tally};
pub use gate::{Asker, Document, LookedUp, PermissionAsk, Settings, Template};
pub use hooks::{
    Carrier, Deliveries, DeliveryPage, Dressed, Dresser, Due, Hooks, NewDelivery, NewHook, Parcel, Receipt,
    Settled,
};
pub use inbox::{Inbox, Knock, Knocked, News};
pub use pages::{CallKind, CallPages, NumberedPage, PageAt, PageFilter, Reason};
pub use permissions::{PermissionFilter, PermissionPage, Permissions, PermissionsAfter};
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
