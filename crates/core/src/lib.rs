//! What should happen: the values and decisions of Offhook, without I/O.
//!
//! Reading order: [`time`], [`id`], [`phone`], [`sdp`], [`house`] (tenants, numbers, people), [`right`] (who may do what),
//! [`meta`] (what WhatsApp tells us), [`permission`] (who may be called), [`dialling`] (whom the house lets be
//! called), [`bill`] (what calls cost), [`call`] (the machine), [`search`], [`event`], [`hook`] (customers' addresses
//! and when to try them again), [`recording`], [`contact`], [`audit`], [`ports`].
//!
//! Invariant: nothing here reads a clock, draws chance, waits, or knows a provider's word. Time, ids and
//! chance are parameters; the only `async` is in the port traits.

#![deny(missing_docs)]

pub mod time;

pub mod id;

pub mod phone;

pub mod sdp;

pub mod house;

pub mod right;

pub mod meta;

pub mod permission;

pub mod dialling;

pub mod bill;

pub mod call;

pub mod search;

pub mod event;

pub mod hook;

pub mod recording;

pub mod contact;

pub mod audit;

pub mod ports;
