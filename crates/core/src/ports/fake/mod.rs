//! Fakes with memory, for tests of what rests on the ports.
//!
//! They keep what they are given and obey the ports' words; they expect nothing.

mod asker;
mod audit;
mod channels;
mod claims;
mod clock;
mod contacts;
mod figures;
mod groups;
mod hooks;
mod imports;
mod memory;
mod recordings;
mod sound;

pub use asker::FakeAsker;
pub use audit::FakeAudit;
pub use claims::FakeClaims;
pub use clock::{FakeClock, FakeIds};
pub use hooks::{FakeCarrier, PlainDresser};
pub use memory::Memory;
pub use recordings::FakeRecordings;
pub use sound::FakeSound;
