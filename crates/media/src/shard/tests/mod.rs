//! What peers of a shard notice, in virtual time.

mod conference;
mod graph;
mod keys;
mod quality;
mod relay;
mod several;
mod taps;
mod world;
