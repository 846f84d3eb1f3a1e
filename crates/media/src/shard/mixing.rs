//! Who hears several legs, and the mixer that makes one sound of them.

use std::time::Instant;

use super::Shard;
use super::voice::{FRAME_TIME, MAX_LATE, SILENCE};
use crate::leg::{FRAME, Media, Packet, Source};
use crate::message::LegNotice;
use crate::mix::Ear;
use crate::rtp::HEADER_LEN;

/// The mixer's own key in the wheel; no leg ever has it.
pub(super) const WAKE: usize = usize::MAX;

/// Distinct from the sources of `voice` and `press`. One numbering for all frames of a shard, whatever is in them.
const MIXED: Source = Source(4);

impl Shard {
    /// Lets a leg hear these legs through the mixer, or stops that if they are none. `false` if it may not.
    pub(super) fn mix(&mut self, now: Instant, key: usize, sources: &[usize]) -> bool {
        let slot = &mut self.legs[key];
        let ear = Ear { key, serial: slot.serial };
        let was_mixing = std::mem::take(&mut slot.is_mixing);
        self.mixes -= usize::from(was_mixing);
        if sources.is_empty() || self.mixes >= self.setup.max_mixes {
            if was_mixing {
                self.setup.mixer.leave(ear);
            }
            return sources.is_empty() || self.refuse(key);
        }
        let voices = sources.iter().map(|source| self.legs[*source].serial).collect();
        if !self.setup.mixer.listen(ear, voices) {
            return self.refuse(key);
        }
        self.legs[key].is_mixing = true;
        self.mixes += 1;
        for source in sources {
            let source = &mut self.legs[*source];
            source.mixed_for += 1;
            source.straighten();
        }
        if self.mix_at.is_none() {
            self.mix_next(now + FRAME_TIME);
        }
        true
    }

    /// Shows the mixer what a leg said.
    pub(super) fn pass_to_mixer(&mut self, from: usize, n: usize, packet: &Packet) {
        if packet.media == Media::Opus {
            let (_, _, buffer) = self.port.datagram(n);
            let payload = &buffer[packet.payload.clone()];
            self.setup.mixer.said(self.legs[from].serial, packet.source.0, packet.timestamp, payload);
        }
    }

    /// Asks for a frame, if it is time and somebody listens.
    pub(super) fn mix_tick(&mut self, now: Instant) {
        let Some(at) = self.mix_at.take().filter(|_| self.mixes > 0) else {
            return;
        };
        if at > now {
            return self.mix_next(at);
        }
        // By when the frame was due, so that two that are caught up with have two numbers.
        let frames = at.saturating_duration_since(self.started).as_millis() / FRAME_TIME.as_millis();
        self.setup.mixer.tick(frames as u64);
        let is_late = now.saturating_duration_since(at) > MAX_LATE;
        self.mix_next(if is_late { now } else { at } + FRAME_TIME);
    }

    fn mix_next(&mut self, at: Instant) {
        self.mix_at = Some(at);
        self.wheel.insert(WAKE, at);
    }

    /// Tells listeners what has been mixed for them.
    pub(super) fn tell_mixed(&mut self, now: Instant) {
        while let Some(mixed) = self.setup.mixer.mixed() {
            let slot = self.legs.get_mut(mixed.ear.key);
            let Some(slot) = slot.filter(|slot| slot.serial == mixed.ear.serial && slot.is_mixing) else {
                self.setup.mixer.leave(mixed.ear);
                continue;
            };
            if let Some(source) = slot.until_mixed {
                if mixed.payload[..] == SILENCE {
                    continue;
                }
                slot.until_mixed = None;
                let source = &mut self.legs[source];
                source.listeners.retain(|listener| *listener != mixed.ear.key);
                source.straighten();
            }
            let slot = &mut self.legs[mixed.ear.key];
            slot.route.forwarded_at = Some(now);
            if slot.route.is_pressing || !slot.leg.can_send() {
                continue;
            }
            let counters = &mut self.counters;
            self.port.make(|buffer| {
                let payload = HEADER_LEN..HEADER_LEN + mixed.payload.len();
                buffer.get_mut(payload.clone())?.copy_from_slice(&mixed.payload);
                let packet = Packet {
                    media: Media::Opus,
                    marker: false,
                    payload,
                    source: MIXED,
                    index: mixed.number,
                    timestamp: (mixed.number as u32).wrapping_mul(FRAME),
                };
                let sealed = slot.leg.send(now, &packet, buffer).ok()?;
                counters.mixed += 1;
                Some((sealed.to, sealed.datagram))
            });
        }
    }

    fn refuse(&mut self, key: usize) -> bool {
        let id = self.legs[key].id;
        self.tell(id, LegNotice::MixRefused);
        false
    }
}
