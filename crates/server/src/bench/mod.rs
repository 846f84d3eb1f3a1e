//! `offhook bench …`: how quick this machine is. Each starts what it needs, measures, and cleans up.

mod agent;

mod contacts;

mod hooks;

mod load;

mod media;

mod past;

mod ring;

mod scratch;

mod store;

mod stopwatch;

mod webhooks;

use clap::Subcommand;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// From a webhook to the ring on an agent's socket, over many inbound calls.
    Ring(ring::Ring),
    /// Lists, searches and figures over a million calls.
    Store(store::StoreBench),
    /// A file of a million contacts imported, then searches and counts of segments.
    Contacts(contacts::ContactsBench),
    /// Webhooks at a steady rate, each durable before its answer.
    Webhooks(webhooks::WebhooksBench),
    /// How many bridged calls the media plane carries, and what each costs.
    Media(media::Media),
    /// How many events a second reach customers' webhooks while some of those are dead.
    Hooks(hooks::Hooks),
    /// The far ends of `media`, in a process of their own.
    #[command(hide = true, name = media::FAR_ENDS)]
    FarEnds,
}

impl Bench {
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Ring(ring) => ring.run().await,
            Self::Hooks(hooks) => hooks.run().await,
            Self::Contacts(contacts) => contacts.run().await,
            Self::Store(store) => store.run().await,
            Self::Webhooks(webhooks) => webhooks.run().await,
            Self::Media(media) => media.run().await,
            Self::FarEnds => media::far_ends().await,
        }
    }
}
