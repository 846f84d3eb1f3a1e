//! The simulator through its doors: Graph requests in, webhooks out, sound measured at both ends.
//!
//! One binary: every integration test links the whole WebRTC stack.

#![expect(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod support;

mod bridged;
mod faults;
mod inbound;
mod outbound;
mod permissions;
mod rules;
mod webhooks;
