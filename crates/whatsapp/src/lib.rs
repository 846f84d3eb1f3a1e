//! Speaking to Meta: requests to the Graph API, webhook parsing, signatures, and SDP at the edge.
//!
//! Reading order: [`sdp`] (what may go to Meta, and what may come), [`signature`] and [`challenge`] (who
//! knocks), [`webhook`] (what a knock says), [`settings`] (of numbers), and [`Graph`] (what we ask).
//!
//! Invariant: Meta's words end here. What leaves this crate is said in `offhook-core`'s, and nothing here
//! decides about a call.

pub mod sdp;

pub mod signature;

pub mod challenge;

pub mod webhook;

pub mod settings;

mod graph;

pub use graph::{Graph, GraphConfig, GraphSetupError, Timeouts};
