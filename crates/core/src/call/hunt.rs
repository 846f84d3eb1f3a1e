//! The search for an agent: who rings, who has declined. A smaller machine inside the call.

use std::collections::BTreeSet;

use crate::id::UserId;

/// Rings every available agent at once until one takes the call; a decliner is not rung again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hunt {
    rung: BTreeSet<UserId>,
    /// Everybody who has rung, here or not: somebody who reloads the page has not declined.
    met: BTreeSet<UserId>,
    declined: BTreeSet<UserId>,
}

/// A change of who rings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Start ringing these.
    pub started: BTreeSet<UserId>,
    /// Stop ringing these: they went away.
    pub stopped: BTreeSet<UserId>,
}

impl Hunt {
    /// A hunt that remembers who declined before a restart.
    #[must_use]
    pub fn resumed(declined: impl IntoIterator<Item = UserId>) -> Self {
        Self { declined: declined.into_iter().collect(), ..Self::default() }
    }

    /// The agents who can be rung now.
    pub fn available(&mut self, agents: &BTreeSet<UserId>) -> Change {
        let wanted: BTreeSet<UserId> = agents.difference(&self.declined).cloned().collect();
        let change = Change {
            started: wanted.difference(&self.rung).cloned().collect(),
            stopped: self.rung.difference(&wanted).cloned().collect(),
        };
        self.met.extend(wanted.iter().cloned());
        self.rung = wanted;
        change
    }

    /// An agent declines. Returns false when they were not rung.
    pub fn decline(&mut self, agent: &UserId) -> bool {
        let rang = self.rung.remove(agent);
        if rang {
            self.declined.insert(agent.clone());
        }
        rang
    }

    /// Whether everybody who was rung has declined, and somebody was.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.rung.is_empty() && !self.declined.is_empty() && self.met.is_subset(&self.declined)
    }

    /// Stops all ringing and returns who rang.
    pub fn stop(&mut self) -> BTreeSet<UserId> {
        std::mem::take(&mut self.rung)
    }

    /// Who rings now.
    #[must_use]
    pub const fn rung(&self) -> &BTreeSet<UserId> {
        &self.rung
    }

    /// Who has declined.
    #[must_use]
    pub const fn declined(&self) -> &BTreeSet<UserId> {
        &self.declined
    }
}
