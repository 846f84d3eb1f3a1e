//! Answering clients: Meta's webhook door, the agents' WebSocket, the desk's REST, the Orbit face and recordings.
//!
//! Reading order: [`manners`] (what every door does alike), [`meta`], [`ws`], [`dialect`], [`desk`],
//! [`docs`] (what the server says about itself), and [`doors`], which hangs them all in one router.
//!
//! Invariant: nothing here decides about a call. Doors check who asks and what they brought, call the
//! engine, and put its answer in the asker's words.

mod manners;

mod house;

mod meta;

pub mod ws;

mod dialect;

mod desk;

mod wardrobe;

mod archive;

mod bots;

mod listen;

mod docs;

mod doors;

pub use archive::Archive;
pub use bots::{BotDoor, Guest, Invited};
pub use dialect::vobiz::{DurationBasis, EndedAnswered, VobizManners};
pub use doors::{DoorConfig, DoorPorts, Doors, HookPorts, router};
pub use manners::limits::Rates;
pub use wardrobe::{Wardrobe, WardrobePorts};
pub use ws::Sockets;
