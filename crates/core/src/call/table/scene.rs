//! Who hears whom: a pure function of phase, owner and table.

use std::collections::{BTreeMap, BTreeSet};

use super::super::machine::{Call, Phase};
use super::{ClipName, Role};
use crate::id::UserId;

/// Somebody with a voice in a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Voice {
    /// The WhatsApp user.
    Customer,
    /// A person of the house.
    Agent(UserId),
}

/// What somebody hears.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Hears {
    /// Sound that is silence, so that nobody's connection is taken for dead.
    #[default]
    Comfort,
    /// Music for waiting.
    Music,
    /// An announcement, once. [`super::super::SoundNews::ClipOver`] follows from the customer's.
    Clip(ClipName),
    /// These voices; never empty.
    Voices(BTreeSet<Voice>),
}

/// Everybody at a call and what they hear. Who is not in it has no place at the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scene {
    /// What each hears; the customer always among them.
    pub hears: BTreeMap<Voice, Hears>,
    /// Whose voice reaches nobody, recordings included.
    pub muted: BTreeSet<UserId>,
}

impl Default for Scene {
    fn default() -> Self {
        Self { hears: BTreeMap::from([(Voice::Customer, Hears::Comfort)]), muted: BTreeSet::new() }
    }
}

impl Scene {
    /// Who is on a recording made now: the customer, and whoever they hear. What is said while the customer waits
    /// with music, in a consultation or in a whisper is between those who say it.
    #[must_use]
    pub fn recorded(&self) -> BTreeSet<Voice> {
        match self.hears.get(&Voice::Customer) {
            Some(Hears::Music) => BTreeSet::new(),
            Some(Hears::Voices(voices)) => voices.iter().cloned().chain([Voice::Customer]).collect(),
            Some(Hears::Comfort | Hears::Clip(_)) | None => BTreeSet::from([Voice::Customer]),
        }
    }
}

impl Call {
    /// The scene as it is to be now.
    pub(in super::super) fn scene(&self) -> Scene {
        let talking = matches!(self.phase, Phase::Talking { .. });
        let table = &self.record.facts.table;
        let mut scene = Scene { muted: table.muted.clone(), ..Scene::default() };
        for who in self.record.people() {
            let hears = if talking { self.heard_by(who) } else { Hears::Comfort };
            scene.hears.insert(Voice::Agent(who.clone()), hears);
        }
        if talking {
            scene.hears.insert(Voice::Customer, self.heard_by_customer());
        }
        scene
    }

    /// Whether the customer talks with somebody, rather than waiting.
    fn in_conversation(&self) -> bool {
        self.record.agent.is_some() && !self.record.facts.held && !self.record.facts.table.consults()
    }

    fn heard_by_customer(&self) -> Hears {
        let table = &self.record.facts.table;
        if let Some(playing) = &table.clip {
            return Hears::Clip(playing.clip.clone());
        }
        let open = |role: Role| matches!(role, Role::Member | Role::Barger);
        let others = table.seats.iter().filter(|(_, role)| open(**role)).map(|(who, _)| who);
        let talkers: BTreeSet<&UserId> = self.record.agent.iter().chain(others).collect();
        let up = || talkers.iter().filter(|who| self.line.is_up(who));
        if !self.in_conversation() {
            return Hears::Music;
        }
        if up().next().is_none() {
            return if self.line.anybody_was_up() { Hears::Music } else { Hears::Comfort };
        }
        voices(up().filter(|who| !table.muted.contains(**who)).map(|who| Voice::Agent((*who).clone())))
    }

    fn heard_by(&self, me: &UserId) -> Hears {
        let table = &self.record.facts.table;
        let owner = self.record.agent.as_ref();
        let role = table.seats.get(me).copied();
        if let (Some(playing), false) = (&table.clip, role == Some(Role::Consulted)) {
            return Hears::Clip(playing.clip.clone());
        }
        let heard = |who: &UserId, theirs: Option<Role>| match (role, theirs) {
            _ if who == me || table.muted.contains(who) => false,
            // An attended transfer: owner and consulted talk, and only with each other.
            (Some(Role::Consulted), theirs) => theirs.is_none(),
            (None, Some(Role::Consulted)) => true,
            (_, Some(Role::Consulted)) => role.is_some_and(Role::supervises),
            (None, Some(Role::Whisperer)) => true,
            (Some(Role::Member), None) if table.consults() => false,
            (_, Some(Role::Listener | Role::Whisperer)) => false,
            (_, None | Some(Role::Member | Role::Barger)) => true,
        };
        let seated = table.seats.iter().map(|(who, role)| (who, Some(*role)));
        let people = owner.into_iter().map(|who| (who, None)).chain(seated);
        let agents =
            people.filter(|(who, theirs)| heard(who, *theirs)).filter(|(who, _)| self.line.is_up(who));
        let customer = self.in_conversation() && role != Some(Role::Consulted);
        let agents = agents.map(|(who, _)| Voice::Agent(who.clone()));
        voices(agents.chain(customer.then_some(Voice::Customer)))
    }
}

fn voices(who: impl Iterator<Item = Voice>) -> Hears {
    let who: BTreeSet<Voice> = who.collect();
    if who.is_empty() { Hears::Comfort } else { Hears::Voices(who) }
}
