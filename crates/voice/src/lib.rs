//! Speaking with voice bots: `orbit-voice/1.0`, a WebSocket of samples and small messages
//! (`docs/protocol/orbit-voice-1.0.md`).
//!
//! Reading order: [`protocol`] (the messages), [`token`] (who may connect to whom), [`wire`] (a socket without its
//! library), `dial` (to a bot's address), `playback` (what it has said and has not been heard), `outbox` (what it
//! has not taken yet), `session` (one bot in one call), [`Bots`], the door: orders of the switchboard in, news out.
//!
//! What is not here: whether a call has a bot and what follows when it goes (`core`), the coding and pacing of sound
//! (`media`), HTTP routes (`api`).
//!
//! Invariants: a bot's connection is only made to an address the guard has judged; whatever a bot does, nothing waits
//! for it, and nobody but itself hears the difference.

pub mod protocol;

pub mod token;

pub mod wire;

mod dial;

mod playback;

mod outbox;

mod session;

mod bots;

pub use bots::{BotPorts, Bots};
