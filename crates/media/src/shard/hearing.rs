//! Who hears whom.
//!
//! What a leg is to hear names other legs; what it does hear are those of them that are there. The names are kept,
//! so that a leg that comes later is heard without being asked for again.

use std::time::Instant;

use super::Shard;
use crate::message::{Hearing, LegId, LegNotice};

impl Shard {
    /// Changes what a leg is told.
    pub(super) fn hear(&mut self, now: Instant, id: LegId, mut what: Hearing) {
        let Some(key) = self.ids.get(&id).copied() else {
            return;
        };
        if let Hearing::Legs(named) = &mut what {
            let mut once = Vec::with_capacity(named.len());
            for id in named.drain(..) {
                if !once.contains(&id) {
                    once.push(id);
                }
            }
            *named = once;
        }
        self.forget_names(key);
        for named in what.legs() {
            self.wanted.entry(*named).or_default().push(key);
        }
        let slot = &mut self.legs[key];
        slot.voice.rewind();
        // From people to people without a moment of silence of ours in between.
        if slot.hearing.legs().is_empty() || what.legs().is_empty() {
            slot.route.forwarded_at = None;
        }
        slot.hearing = what;
        self.resolve(now, key);
        self.settle(now, key);
    }

    /// A leg has come or gone: those who want to hear it do, or do not any more.
    pub(super) fn heard_differently(&mut self, now: Instant, id: LegId) {
        for key in self.wanted.get(&id).cloned().unwrap_or_default() {
            self.resolve(now, key);
            self.settle(now, key);
        }
    }

    /// Takes a leg that is about to go out of everything it hears.
    pub(super) fn stop_hearing(&mut self, now: Instant, key: usize) {
        self.forget_names(key);
        self.legs[key].hearing = Hearing::Silence;
        self.resolve(now, key);
    }

    /// The piece a leg was told has ended.
    pub(super) fn clip_over(&mut self, now: Instant, key: usize) {
        let slot = &mut self.legs[key];
        if let Hearing::Clip(clip) = &slot.hearing {
            let (leg, id) = (slot.id, clip.id);
            slot.hearing = Hearing::Comfort;
            self.tell(leg, LegNotice::ClipOver { id });
            self.speak(now, key);
        }
    }

    fn forget_names(&mut self, key: usize) {
        for named in self.legs[key].hearing.legs() {
            if let Some(listeners) = self.wanted.get_mut(named) {
                listeners.retain(|listener| *listener != key);
                if listeners.is_empty() {
                    self.wanted.remove(named);
                }
            }
        }
    }

    /// Works out which of the legs named are there, and tells them or the mixer who listens.
    fn resolve(&mut self, now: Instant, key: usize) {
        let Some(slot) = self.legs.get(key) else {
            return;
        };
        let there = slot.hearing.legs().iter().filter_map(|id| self.ids.get(id).copied());
        let there: Vec<usize> = there.filter(|source| self.legs.contains(*source)).collect();
        if there == slot.sources {
            return;
        }
        let slot = &mut self.legs[key];
        let was_mixing = slot.is_mixing;
        let before = std::mem::take(&mut slot.sources);
        slot.until_mixed = None;
        for source in before.iter().copied() {
            if let Some(source) = self.legs.get_mut(source) {
                source.listeners.retain(|listener| *listener != key);
                source.mixed_for -= usize::from(was_mixing);
                source.straighten();
            }
        }
        if let [only] = there[..] {
            let source = &mut self.legs[only];
            source.listeners.push(key);
            source.straighten();
        }
        let several: &[usize] = if there.len() > 1 { &there } else { &[] };
        if self.mix(now, key, several) {
            // The mixer waits for a few packets: who was heard goes on being heard until then.
            if let [only] = before[..]
                && several.contains(&only)
            {
                let source = &mut self.legs[only];
                source.listeners.push(key);
                source.straighten();
                self.legs[key].until_mixed = Some(only);
            }
            self.legs[key].sources = there;
        }
    }
}

impl Hearing {
    /// The legs named.
    pub(super) fn legs(&self) -> &[LegId] {
        match self {
            Self::Legs(legs) => legs,
            Self::Silence | Self::Comfort | Self::Music | Self::Clip(_) => &[],
        }
    }
}
