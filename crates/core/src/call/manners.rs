//! What a house may choose about its calls.

use std::sync::Arc;
use std::time::Duration;

use super::deadline::Deadline;
use super::table::ClipName;
use crate::bill::Rates;
use crate::meta::Direction;
use crate::recording::ConsentMode;

/// The choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// How long a customer waits with music for an agent whose sound went away.
    pub agent_back: Duration,
    /// What happens then.
    pub agent_lost: AgentLost,
    /// Whether every bridged conversation is recorded from its beginning.
    pub record_all: bool,
    /// Who is told of a recording before it begins.
    pub consent: ConsentMode,
    /// What they are told: the announcement that is played.
    pub notice: Option<ClipName>,
    /// What calls cost.
    pub rates: Arc<Rates>,
}

/// What happens when an agent whose sound went away does not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentLost {
    /// Everybody who is free is rung; the customer hears music.
    Queue,
    /// The call ends.
    End,
}

impl Manners {
    /// What is played before a call of this direction is recorded.
    pub(super) fn notice_for(&self, direction: Direction) -> Option<ClipName> {
        let told = match (self.consent, direction) {
            (ConsentMode::None, _) | (ConsentMode::AnnounceInbound, Direction::Outbound) => false,
            (ConsentMode::AnnounceAll, _) | (ConsentMode::AnnounceInbound, Direction::Inbound) => true,
        };
        self.notice.clone().filter(|_| told)
    }
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            agent_back: Deadline::AgentBack.wait(),
            agent_lost: AgentLost::Queue,
            record_all: false,
            consent: ConsentMode::None,
            notice: None,
            rates: Arc::default(),
        }
    }
}
