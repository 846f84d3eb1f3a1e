//! Programs that talk: what comes through a line's ring goes to whoever hears that line, a frame every 20 ms.

use std::time::Instant;

use super::far::Far;
use super::flows::Ufrag;
use super::voice::{FRAME_TIME, MAX_LATE};
use super::{LegId, Shard};
use crate::leg::{FRAME, FailReason, Media, Packet, Source};
use crate::line::{Line, LineEnd};
use crate::message::LegNotice;
use crate::rtp::HEADER_LEN;
use crate::tap::Tapped;

/// Sources of lines have the top bits set; the serial tells them apart from one another, and chance from legs.
const LINES: u64 = 0xfff0 << 48;

impl Shard {
    /// Adds a leg that is a program's.
    pub(super) fn add_line(&mut self, now: Instant, id: LegId, end: LineEnd) {
        if self.legs.len() >= self.setup.max_legs || self.ids.contains_key(&id) {
            return self.tell(id, LegNotice::Failed { reason: FailReason::NoCapacity });
        }
        let source = Source(LINES | (self.serial + 1));
        // Nobody ever asks for it by a user fragment: it has none.
        let key = self.seat(now, id, Far::Line(Line::new(now, end, source)), Ufrag::default());
        self.settle(now, key);
        self.heard_differently(now, id);
    }

    /// Passes on what a line's program says now.
    pub(super) fn say_of_line(&mut self, now: Instant, key: usize) {
        let Some(line) = self.legs[key].leg.line() else { return };
        let Some((packet, payload)) = line.say(now, FRAME_TIME, MAX_LATE) else { return };
        if self.legs[key].is_muted {
            return;
        }
        let slot = &mut self.legs[key];
        if let Some(tap) = &mut slot.tap {
            let taken = tap.put(|| Tapped {
                leg: slot.id,
                at: now.saturating_duration_since(self.started),
                rtp_timestamp: packet.timestamp,
                sequence: packet.index as u16,
                payload: payload.clone(),
            });
            self.counters.tap_lost += u64::from(!taken);
        }
        if slot.mixed_for > 0 {
            self.setup.mixer.said(slot.serial, packet.source.0, packet.timestamp, &payload);
        }
        for n in 0..self.legs[key].listeners.len() {
            let to = self.legs[key].listeners[n];
            self.pass_said(now, to, &packet, &payload);
        }
    }

    fn pass_said(&mut self, now: Instant, to: usize, packet: &Packet, payload: &[u8]) {
        let (slot, counters) = (&mut self.legs[to], &mut self.counters);
        slot.route.forwarded_at = Some(now);
        if slot.route.is_pressing {
            return;
        }
        self.port.make(|made| {
            made.get_mut(packet.payload.clone())?.copy_from_slice(payload);
            let sealed = slot.leg.send(now, packet, made).ok()?;
            counters.forwarded += 1;
            let sealed = sealed?;
            Some((sealed.to, sealed.datagram))
        });
    }
}

impl Line {
    /// The frame that is due, if there is one, as a packet that begins behind a header's room.
    fn say(
        &mut self,
        now: Instant,
        frame_time: std::time::Duration,
        max_late: std::time::Duration,
    ) -> Option<(Packet, Box<[u8]>)> {
        let (number, frames, begins, payload) = self.due(now, frame_time, max_late)?;
        let packet = Packet {
            media: Media::Opus,
            marker: begins,
            payload: HEADER_LEN..HEADER_LEN + payload.len(),
            source: self.source(),
            index: number,
            timestamp: (frames as u32).wrapping_mul(FRAME),
        };
        Some((packet, payload))
    }
}
