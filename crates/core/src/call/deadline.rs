//! Why a call wants to wake, and how long each wait is.

use std::time::Duration;

/// A wait with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Deadline {
    /// Inbound, nobody has taken it: Meta gives 30 to 60 s (whatsapp-calling.md 2.1).
    Answer,
    /// Inbound, taken: Meta's 200 to `accept`.
    AcceptConfirmed,
    /// Outbound: Meta's reply to `connect`.
    ConnectConfirmed,
    /// Outbound, the reply was unclear: a webhook that carries our correlation.
    Adopted,
    /// Outbound: the pick-up. Meta's own limit is about 60 s.
    PickUp,
    /// We asked Meta to end the call: its `terminate` webhook.
    TerminateSeen,
    /// Bridged: the agent's sound comes back. The wait is the house's to choose ([`super::Manners`]).
    AgentBack,
    /// Bridged: somebody who is looked for answers. Each rung has a wait of its own.
    Found,
    /// Bridged: somebody takes a parked call.
    Retrieved,
    /// Bridged: a voice bot is there.
    BotThere,
    /// Bridged: a word from WhatsApp after silence.
    CustomerHeard,
    /// A conversation without any news: closed so that no row stays live for ever.
    Cap,
}

impl Deadline {
    /// How long the wait is.
    #[must_use]
    pub const fn wait(self) -> Duration {
        match self {
            // More would outlive Meta's shorter limit and leave the end to it; less would cost answers.
            Self::Answer => Duration::from_secs(30),
            // The Graph client retries for 10 s in all; a little more lets its own verdict arrive.
            Self::AcceptConfirmed | Self::ConnectConfirmed => Duration::from_secs(15),
            // `connect` webhooks take about 1 s; half a minute covers one redelivery after Meta's 20 s time-out.
            Self::Adopted => Duration::from_secs(30),
            Self::PickUp => Duration::from_secs(60),
            // Fault catalogue I5: no call stays open more than 10 s after we know it must end.
            Self::TerminateSeen => Duration::from_secs(10),
            // Fault catalogue F56: long enough for a crashed browser and a walk to another desk.
            Self::AgentBack => Duration::from_secs(45),
            // The longest rung.
            Self::Found => Duration::from_secs(60),
            // Longer, and the customer hangs up by himself.
            Self::Retrieved => Duration::from_secs(180),
            // Whoever connects it gives up after five; more is only for one that says nothing at all.
            Self::BotThere => Duration::from_secs(8),
            // On top of the five seconds after which the plane speaks of silence; Meta itself gives up at 30.
            Self::CustomerHeard => Duration::from_secs(15),
            // Meta has no maximum duration; a day without a `terminate` means it was lost.
            Self::Cap => Duration::from_secs(24 * 60 * 60),
        }
    }
}

/// How long a request to end a call is repeated while Meta does not answer it. By then Meta has ended a ringing
/// call (about 60 s) or a silent one (30 s) by itself; more would keep the agent busy for a call that is gone.
pub const INSIST_FOR: Duration = Duration::from_secs(120);

/// An inbound `connect` older than this rings nobody: the user has long seen "Not answered".
pub const STALE_AFTER: Duration = Duration::from_secs(60);
