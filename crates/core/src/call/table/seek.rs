//! Looking for somebody to join a conversation, or to take it over.
//!
//! A search for a new owner climbs down a ladder until somebody answers: whom was asked for, then back to whoever
//! handed the call over, then everybody. The customer hears music meanwhile; only the end of the ladder ends
//! the call.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::deadline::Deadline;
use super::super::end::EndReason;
use super::super::hunt::Hunt;
use super::{BotUrl, ClipName};
use crate::id::UserId;
use crate::time::Time;

/// Who is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// This person.
    Agent(UserId),
    /// Whoever is free first.
    Queue,
}

/// What for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To own the conversation: it has no owner now.
    Handover,
    /// To be asked by the owner while the customer waits.
    Consult,
    /// To talk with everybody.
    Join,
}

/// A search, as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seek {
    /// Who is looked for at this step.
    pub target: Target,
    /// What for.
    pub purpose: Purpose,
    /// Who asked; none for clients and for the house itself.
    pub by: Option<UserId>,
    /// The rungs below.
    pub step: Step,
    /// Why the call ends when nobody is found; none for searches whose failure ends nothing.
    pub otherwise: Option<EndReason>,
}

/// A rung of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Whom was asked for.
    Asked,
    /// Back to whoever handed the call over.
    Back,
    /// Everybody.
    Everybody,
}

/// Whom a call without an agent is connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    /// This person, or failing them everybody.
    Agent(UserId),
    /// Whoever is free first.
    Queue,
    /// An announcement, after which the call ends.
    Clip(ClipName),
    /// The voice bot at this address, or failing it everybody.
    Bot(BotUrl),
}

impl Seek {
    /// Looks for a new owner.
    #[must_use]
    pub const fn owner(target: Target, by: Option<UserId>, otherwise: EndReason) -> Self {
        let otherwise = Some(otherwise);
        Self { target, purpose: Purpose::Handover, by, step: Step::Asked, otherwise }
    }

    /// Looks for one more.
    #[must_use]
    pub const fn company(target: Target, purpose: Purpose, by: Option<UserId>) -> Self {
        Self { target, purpose, by, step: Step::Asked, otherwise: None }
    }

    /// The next rung down; none at the end.
    #[must_use]
    pub fn next(&self) -> Option<Self> {
        self.otherwise?;
        let everybody = Self { target: Target::Queue, step: Step::Everybody, ..self.clone() };
        let asked_everybody = self.target == Target::Queue;
        match (self.step, &self.by) {
            (Step::Asked, Some(by)) if self.target != Target::Agent(by.clone()) => {
                Some(Self { target: Target::Agent(by.clone()), step: Step::Back, ..self.clone() })
            }
            (Step::Asked, _) => (!asked_everybody).then_some(everybody),
            (Step::Back, _) => Some(everybody),
            (Step::Everybody, _) => None,
        }
    }

    /// How long one rung rings.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        match self.target {
            Target::Agent(_) => Duration::from_secs(20),
            Target::Queue => Deadline::Found.wait(),
        }
    }

    /// Of these free people, whom to ring.
    #[must_use]
    pub fn among(&self, free: &BTreeSet<UserId>) -> BTreeSet<UserId> {
        let wanted = |who: &&UserId| match (&self.target, self.step) {
            (Target::Agent(agent), _) => *who == agent,
            // Who gave the call away is not asked again at once.
            (Target::Queue, Step::Asked | Step::Back) => self.by.as_ref() != Some(*who),
            (Target::Queue, Step::Everybody) => true,
        };
        free.iter().filter(wanted).cloned().collect()
    }
}

/// A search under way. Not stored: a restart ends the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Search {
    pub(in super::super) hunt: Hunt,
    pub(in super::super) until: Time,
}
