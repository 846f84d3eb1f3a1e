//! One call's legs, and what each was told to hear. Pure: what is different comes out as data.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use offhook_core::call::table::ClipName;
use offhook_core::call::{Hears, Scene, Voice};
use offhook_core::id::{RecordingId, StreamId, UserId};
use tokio::sync::mpsc;

use super::{Clips, LineNews};
use crate::message::{Hearing, LegId};

/// One call.
#[derive(Default)]
pub(super) struct Line {
    /// What the names of its legs have in common.
    pub(super) home: Option<u32>,
    /// Every voice's leg, and whether it is up.
    pub(super) legs: BTreeMap<Voice, (LegId, bool)>,
    pub(super) recording: Option<Recording>,
    /// The voice bot whose leg is there, and what it is told of the customer.
    pub(super) bot: Option<(StreamId, mpsc::Sender<LineNews>)>,
    scene: Scene,
    hears: HashMap<LegId, Heard>,
    muted: HashSet<LegId>,
}

/// A recording under way.
pub(super) struct Recording {
    pub(super) id: RecordingId,
    pub(super) paused: bool,
    pub(super) tapped: HashSet<LegId>,
}

impl Recording {
    pub(super) fn default_for(id: RecordingId) -> Self {
        Self { id, paused: false, tapped: HashSet::new() }
    }
}

/// What a leg was told last.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Heard {
    Comfort,
    Music,
    Clip(ClipName),
    Legs(Vec<LegId>),
}

/// What the plane is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    Hears(LegId, Hearing),
    Muted(LegId, bool),
}

impl Line {
    pub(super) fn leg(&self, voice: &Voice) -> Option<LegId> {
        self.legs.get(voice).map(|(leg, _)| *leg)
    }

    /// Whether a voice belongs to the call as it is now.
    pub(super) fn has_place_for(&self, voice: &Voice) -> bool {
        self.scene.hears.contains_key(voice)
    }

    /// Takes a voice's leg away, with whether it was up.
    pub(super) fn take(&mut self, voice: &Voice) -> Option<(LegId, bool)> {
        let taken = self.legs.remove(voice);
        if let Some((leg, _)) = taken {
            self.forget(leg);
        }
        taken
    }

    fn forget(&mut self, leg: LegId) {
        self.hears.remove(&leg);
        self.muted.remove(&leg);
    }

    /// Sets the scene. Returns the legs of everybody who is not in it, which are taken away.
    pub(super) fn set(&mut self, scene: Scene) -> Vec<LegId> {
        let gone: Vec<Voice> =
            self.legs.keys().filter(|voice| !scene.hears.contains_key(voice)).cloned().collect();
        self.bot.take_if(|(bot, _)| !scene.hears.contains_key(&Voice::Bot(bot.clone())));
        self.scene = scene;
        gone.iter().filter_map(|voice| self.take(voice)).map(|(leg, _)| leg).collect()
    }

    /// Tells the voice bot something of the customer, if it hears them. What finds no room is missed.
    pub(super) fn tell_bot(&self, news: LineNews) {
        let Some((id, sender)) = &self.bot else { return };
        let hears = self.scene.hears.get(&Voice::Bot(id.clone()));
        let is_there = matches!(hears, Some(Hears::Voices(voices)) if voices.contains(&Voice::Customer));
        if is_there && sender.try_send(news).is_err() {
            tracing::debug!(stream.id = %id, "a voice bot missed news of the customer");
        }
    }

    /// Who is on a recording made now.
    pub(super) fn recorded(&self) -> BTreeSet<Voice> {
        self.scene.recorded()
    }

    /// A leg is up or not; whether that is a change.
    pub(super) fn is_up(&mut self, voice: &Voice, up: bool) -> bool {
        self.legs.get_mut(voice).is_some_and(|(_, was)| std::mem::replace(was, up) != up)
    }

    /// What must be told for every leg to hear what the scene says.
    pub(super) fn differences(&mut self, clips: &Clips) -> Vec<Told> {
        let mut told = Vec::new();
        for (voice, (leg, _)) in &self.legs {
            let wanted = self.wanted(voice, clips);
            if self.hears.get(leg) != Some(&wanted) {
                told.push(Told::Hears(*leg, hearing(&wanted, clips)));
                self.hears.insert(*leg, wanted);
            }
            let mute = matches!(voice, Voice::Agent(who) if self.is_muted(who));
            if mute && self.muted.insert(*leg) {
                told.push(Told::Muted(*leg, true));
            } else if !mute && self.muted.remove(leg) {
                told.push(Told::Muted(*leg, false));
            }
        }
        told
    }

    fn is_muted(&self, who: &UserId) -> bool {
        self.scene.muted.contains(who)
    }

    fn wanted(&self, voice: &Voice, clips: &Clips) -> Heard {
        match self.scene.hears.get(voice) {
            Some(Hears::Music) => Heard::Music,
            Some(Hears::Clip(clip)) if clips.contains_key(clip) => Heard::Clip(clip.clone()),
            Some(Hears::Voices(voices)) => {
                let legs: Vec<LegId> = voices.iter().filter_map(|voice| self.leg(voice)).collect();
                if legs.is_empty() { Heard::Comfort } else { Heard::Legs(legs) }
            }
            Some(Hears::Comfort | Hears::Clip(_)) | None => Heard::Comfort,
        }
    }
}

fn hearing(heard: &Heard, clips: &Clips) -> Hearing {
    match heard {
        Heard::Comfort => Hearing::Comfort,
        Heard::Music => Hearing::Music,
        Heard::Clip(name) => clips.get(name).cloned().map_or(Hearing::Comfort, Hearing::Clip),
        Heard::Legs(legs) => Hearing::Legs(legs.clone()),
    }
}

#[cfg(test)]
mod tests {
    use offhook_core::id::{CallId, UserId};

    use super::super::Wires;
    use super::*;

    fn alice() -> UserId {
        UserId::parse("usr_00000000000000000000000000000001").unwrap()
    }

    fn scene(customer: Hears) -> Scene {
        let alice = (Voice::Agent(alice()), Hears::Voices(BTreeSet::from([Voice::Customer])));
        Scene { hears: BTreeMap::from([(Voice::Customer, customer), alice]), muted: BTreeSet::new() }
    }

    fn talking() -> Hears {
        Hears::Voices(BTreeSet::from([Voice::Agent(alice())]))
    }

    #[test]
    fn only_what_is_different_is_told_and_a_leg_that_comes_later_is_heard_then() {
        let clips = Clips::new();
        let mut line = Line::default();
        line.legs.insert(Voice::Customer, (LegId(1), true));
        assert!(line.set(scene(talking())).is_empty());
        assert_eq!(line.differences(&clips), [Told::Hears(LegId(1), Hearing::Comfort)]);
        line.legs.insert(Voice::Agent(alice()), (LegId(2), false));
        let both = [
            Told::Hears(LegId(1), Hearing::Legs(vec![LegId(2)])),
            Told::Hears(LegId(2), Hearing::Legs(vec![LegId(1)])),
        ];
        assert_eq!(line.differences(&clips), both);
        assert!(line.differences(&clips).is_empty());
    }

    #[test]
    fn music_is_not_begun_anew_when_something_else_changes() {
        let clips = Clips::new();
        let mut line = Line::default();
        line.legs.insert(Voice::Customer, (LegId(1), true));
        line.set(scene(Hears::Music));
        assert_eq!(line.differences(&clips), [Told::Hears(LegId(1), Hearing::Music)]);
        line.set(Scene { muted: BTreeSet::from([alice()]), ..scene(Hears::Music) });
        assert!(line.differences(&clips).is_empty());
        line.legs.insert(Voice::Agent(alice()), (LegId(2), true));
        let told = line.differences(&clips);
        assert!(told.contains(&Told::Muted(LegId(2), true)), "{told:?}");
    }

    #[test]
    fn who_is_not_in_the_scene_loses_the_leg() {
        let clips = Clips::new();
        let mut line = Line::default();
        line.legs.insert(Voice::Customer, (LegId(1), true));
        line.legs.insert(Voice::Agent(alice()), (LegId(2), true));
        line.set(scene(talking()));
        line.differences(&clips);
        assert_eq!(line.set(Scene::default()), [LegId(2)]);
        assert_eq!(line.differences(&clips), [Told::Hears(LegId(1), Hearing::Comfort)]);
    }

    #[test]
    fn legs_of_a_call_live_together_and_calls_take_turns() {
        let mut wires = Wires::default();
        let mut on_shard = [0; 3];
        for n in 0..30 {
            let call = CallId::parse(&format!("wac_{n:032x}")).unwrap();
            let voices = [Voice::Customer, Voice::Agent(alice()), Voice::Agent(alice())];
            let legs = voices.map(|voice| wires.seat(&call, voice));
            let shard = legs[0].shard(3);
            assert!(legs.iter().all(|leg| leg.shard(3) == shard && leg.shard(1) == 0));
            on_shard[shard] += 1;
        }
        assert_eq!(on_shard, [10; 3]);
        assert_eq!(wires.legs.len(), 90, "each has a name of its own");
    }
}
