//! The agents' WebSocket: `offhook.v1` at `/ws`.
//!
//! Reading order: [`protocol`] (every message), [`ice`] (whom the pages' STUN and TURN servers are asked of), `words` (errors for people), `view` (what an agent sees of a
//! call or an event), `casting` (the names in it), `sockets` (all open ones), `wire` (one socket's frames, limits and outgoing queue),
//! `greeting` (hello, welcome, resume), `commands`, `conversation` (the loop), and `upgrade` (the door).
//!
//! Invariants: one task per connection, tracked; every command is answered exactly once, before the events it
//! caused; events leave in the order of the tenant's log; what cannot be sent in time closes the connection,
//! and the client resumes from the log.

pub mod protocol;

pub mod ice;

mod words;

mod view;

mod arrange;
mod casting;

mod reach;
mod sockets;
mod supervise;

mod wire;

mod greeting;

mod commands;

mod conversation;

mod upgrade;

#[cfg(test)]
mod typescript;

use axum::Router;
use axum::routing::any;

use crate::house::Shared;

pub(crate) use arrange::{QUEUE, quality, wish};
pub use sockets::Sockets;
pub(crate) use sockets::{Full, Seat};

pub(crate) fn routes() -> Router<Shared> {
    Router::new().route("/ws", any(upgrade::upgrade))
}
