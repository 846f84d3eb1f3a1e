//! Who hears whom: a pure function of phase, owner and table.

use std::collections::{BTreeMap, BTreeSet};

use super::super::machine::{Call, Phase};
use super::{ClipName, Role};
use crate::id::{StreamId, UserId};

/// Somebody with a voice in a call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Voice {
    /// The WhatsApp user.
    Customer,
    /// A person of the house.
    Agent(UserId),
    /// A voice bot.
    Bot(StreamId),
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

/// Somebody of the house at a conversation: a person or a voice bot.
struct Chair {
    voice: Voice,
    /// None for whoever owns the conversation.
    role: Option<Role>,
    is_up: bool,
    is_muted: bool,
}

impl Call {
    /// The scene as it is to be now.
    pub(in super::super) fn scene(&self) -> Scene {
        let talking = matches!(self.phase, Phase::Talking { .. });
        let mut scene = Scene { muted: self.record.facts.table.muted.clone(), ..Scene::default() };
        let chairs = self.chairs();
        for chair in &chairs {
            let hears = if talking { self.heard_by(chair, &chairs) } else { Hears::Comfort };
            scene.hears.insert(chair.voice.clone(), hears);
        }
        if talking {
            scene.hears.insert(Voice::Customer, self.heard_by_customer(&chairs));
        }
        scene
    }

    fn chairs(&self) -> Vec<Chair> {
        let table = &self.record.facts.table;
        let person = |who: &UserId, role| Chair {
            voice: Voice::Agent(who.clone()),
            role,
            is_up: self.line.is_up(who),
            is_muted: table.muted.contains(who),
        };
        let owner = self.record.agent.iter().map(|who| person(who, None));
        let seated = table.seats.iter().map(|(who, role)| person(who, Some(*role)));
        let bot = table.bot.iter().map(|bot| Chair {
            voice: Voice::Bot(bot.id.clone()),
            role: (!bot.owns).then_some(Role::Member),
            is_up: self.line.is_bot_up(&bot.id),
            is_muted: false,
        });
        owner.chain(seated).chain(bot).collect()
    }

    /// Whether the customer talks with somebody, rather than waiting.
    fn in_conversation(&self) -> bool {
        let is_somebodys = self.record.agent.is_some() || self.bot_owns();
        is_somebodys && !self.record.facts.held && !self.record.facts.table.consults()
    }

    fn heard_by_customer(&self, chairs: &[Chair]) -> Hears {
        if let Some(playing) = &self.record.facts.table.clip {
            return Hears::Clip(playing.clip.clone());
        }
        if !self.in_conversation() {
            return Hears::Music;
        }
        let talks = |chair: &&Chair| matches!(chair.role, None | Some(Role::Member | Role::Barger));
        let up: Vec<&Chair> = chairs.iter().filter(talks).filter(|chair| chair.is_up).collect();
        if up.is_empty() {
            return if self.line.anybody_was_up() { Hears::Music } else { Hears::Comfort };
        }
        voices(up.into_iter().filter(|chair| !chair.is_muted).map(|chair| chair.voice.clone()))
    }

    fn heard_by(&self, me: &Chair, chairs: &[Chair]) -> Hears {
        let table = &self.record.facts.table;
        if let (Some(playing), false) = (&table.clip, me.role == Some(Role::Consulted)) {
            return Hears::Clip(playing.clip.clone());
        }
        let heard = |other: &&Chair| match (me.role, other.role) {
            _ if other.voice == me.voice || other.is_muted || !other.is_up => false,
            // An attended transfer: owner and consulted talk, and only with each other.
            (Some(Role::Consulted), theirs) => theirs.is_none(),
            (None, Some(Role::Consulted)) => true,
            (Some(role), Some(Role::Consulted)) => role.supervises(),
            (None, Some(Role::Whisperer)) => true,
            (Some(Role::Member), None) if table.consults() => false,
            (_, Some(Role::Listener | Role::Whisperer)) => false,
            (_, None | Some(Role::Member | Role::Barger)) => true,
        };
        let others = chairs.iter().filter(heard).map(|chair| chair.voice.clone());
        let customer = self.in_conversation() && me.role != Some(Role::Consulted);
        voices(others.chain(customer.then_some(Voice::Customer)))
    }
}

fn voices(who: impl Iterator<Item = Voice>) -> Hears {
    let who: BTreeSet<Voice> = who.collect();
    if who.is_empty() { Hears::Comfort } else { Hears::Voices(who) }
}
