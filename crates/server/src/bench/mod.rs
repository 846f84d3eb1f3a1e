//! `offhook bench …`: how quick this machine is. Each starts what it needs, measures, and cleans up.

mod agent;

mod ring;

mod stopwatch;

use clap::Subcommand;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// From a webhook to the ring on an agent's socket, over many inbound calls.
    Ring(ring::Ring),
}

impl Bench {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Ring(ring) => ring.run().await,
        }
    }
}
