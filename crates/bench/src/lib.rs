//! Measures how many calls a carrier of sound carries, and what each costs.
//!
//! Two processes. This one runs the carrier and nothing else, so that its CPU and memory are the carrier's. The
//! other one is the same program called again: it plays the far ends of all calls, each with a socket, keys and
//! a voice of its own, and notes what came of every packet. Between them go lines of plain data.
//!
//! The far ends are legs of `offhook-media`, not whole browsers' stacks: a packet said and one heard cost them about
//! 6 µs, nearly all of it the kernel's, so that one core plays some 1,700 calls. What they said of what they were to
//! say is part of every report: a generator that gives way first must not be taken for a carrier that holds.
//!
//! Reading order: `machine` (what the system says), `order` (what the processes tell each other), [`far_ends`] (the
//! other process), `child` (holding it), [`carrier`] (what is measured), `floor`, `stage` (calls set up and ended),
//! [`report`], and the runs: [`media`], [`soak`], [`limit`].
//!
//! What is not here: the command line, other carriers than the media plane (see `benches/compare`).

mod machine;

mod order;

pub mod far_ends;

mod child;

pub mod carrier;

mod floor;

mod stage;

pub mod report;

pub mod media;

pub mod soak;

pub mod limit;

/// The time, as everything here counts it.
fn now() -> std::time::Instant {
    tokio::time::Instant::now().into_std()
}
