//! What peers of a shard notice, in virtual time.

mod graph;
mod keys;
mod taps;
mod world;
