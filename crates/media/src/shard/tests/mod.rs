//! What peers of a shard notice, in virtual time.

mod graph;
mod taps;
mod world;
