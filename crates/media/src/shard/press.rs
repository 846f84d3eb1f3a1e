//! Keys we press towards a peer (RFC 4733): one packet per 20 ms while a key is down, its last one three times.
//!
//! A key takes the place of whatever else the peer would hear, as on a telephone. Its packets carry the moment it
//! went down, on the leg's own line of timestamps, and sound goes on behind its end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::Shard;
use super::voice::{FRAME_TIME, MAX_LATE};
use crate::leg::{END, EVENT_LEN, FRAME, KEYS, Media, Packet, Source};
use crate::message::{LegId, LegNotice, PressRefusal};
use crate::rtp::HEADER_LEN;

/// Longer than any card number; at a quarter of a second each, more would be a minute's wait.
const MAX_WAITING: usize = 64;
/// Shorter is not recognised by many systems (ITU-T Q.24).
const MIN_MILLIS: u16 = 40;
/// The longest press that needs no second segment at a clock of 48 kHz.
const MAX_MILLIS: u16 = 1_300;
const MAX_GAP_MILLIS: u16 = 10_000;
/// The last packet comes this many times (RFC 4733 section 2.5.1.4).
const ENDS: u32 = 3;
/// -10 dBm0.
const VOLUME: u8 = 10;

/// Distinct from the sources of `voice`.
const PRESSES: Source = Source(3);

/// The keys one leg is to press.
pub(super) struct Presses {
    started: Instant,
    waiting: VecDeque<Waiting>,
    down: Option<Down>,
    /// When the next packet or key is due.
    next_at: Instant,
    /// Packets so far.
    number: u64,
}

struct Waiting {
    event: u8,
    millis: u16,
    gap: Duration,
    /// How many keys were asked for with the one that this is the last of.
    completes: Option<u16>,
}

struct Down {
    key: Waiting,
    at: Instant,
    timestamp: u32,
    /// Packets of this key so far.
    sent: u32,
}

impl Presses {
    pub(super) fn new(now: Instant) -> Self {
        Self { started: now, waiting: VecDeque::new(), down: None, next_at: now, number: 0 }
    }

    /// Whether a key is down, so that nothing else may be sent.
    pub(super) fn is_down(&self) -> bool {
        self.down.is_some()
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        (self.is_down() || !self.waiting.is_empty()).then_some(self.next_at)
    }

    /// Adds keys to those waiting, all or none.
    fn add(&mut self, now: Instant, digits: &[char], millis: (u16, u16)) -> Result<(), PressRefusal> {
        if self.waiting.len() + digits.len() > MAX_WAITING {
            return Err(PressRefusal::TooMany);
        }
        let event = |digit: &char| {
            let key = KEYS.iter().position(|key| *key == digit.to_ascii_uppercase());
            key.map(|key| key as u8).ok_or(PressRefusal::NotAKey)
        };
        let events: Vec<u8> = digits.iter().map(event).collect::<Result<_, _>>()?;
        if self.next_at().is_none() {
            self.next_at = self.next_at.max(now);
        }
        let last = events.len().saturating_sub(1);
        let waiting = events.into_iter().enumerate().map(|(n, event)| Waiting {
            event,
            millis: millis.0.clamp(MIN_MILLIS, MAX_MILLIS),
            gap: Duration::from_millis(millis.1.clamp(MIN_MILLIS, MAX_GAP_MILLIS).into()),
            completes: (n == last).then_some(digits.len() as u16),
        });
        self.waiting.extend(waiting);
        Ok(())
    }

    /// Writes the packet that is due, if one is; after the last one of what was asked together, how many keys it
    /// were.
    fn packet(&mut self, now: Instant, buffer: &mut [u8]) -> Option<(Packet, Option<u16>)> {
        if self.next_at()? > now {
            return None;
        }
        if now.saturating_duration_since(self.next_at) > MAX_LATE {
            self.next_at = now;
        }
        if self.down.is_none() {
            let key = self.waiting.pop_front()?;
            let frames = now.saturating_duration_since(self.started).as_millis() / FRAME_TIME.as_millis();
            let timestamp = (frames as u32).wrapping_mul(FRAME);
            self.down = Some(Down { key, at: self.next_at, timestamp, sent: 0 });
        }
        let down = self.down.as_mut()?;
        let frames = u32::from(down.key.millis).div_ceil(FRAME_TIME.as_millis() as u32);
        down.sent += 1;
        let so_far = (down.sent * FRAME_TIME.as_millis() as u32).min(down.key.millis.into());
        let flags = if down.sent >= frames { END | VOLUME } else { VOLUME };
        let [high, low] = (so_far as u16 * 8).to_be_bytes();
        let payload = HEADER_LEN..HEADER_LEN + EVENT_LEN;
        buffer.get_mut(payload.clone())?.copy_from_slice(&[down.key.event, flags, high, low]);
        self.number += 1;
        let packet = Packet {
            media: Media::Dtmf,
            marker: down.sent == 1,
            payload,
            source: PRESSES,
            index: self.number,
            timestamp: down.timestamp,
        };
        self.next_at += FRAME_TIME;
        let mut completes = None;
        if down.sent + 1 == frames + ENDS {
            let free_at = down.at + Duration::from_millis(down.key.millis.into()) + down.key.gap;
            self.next_at = self.next_at.max(free_at);
            completes = down.key.completes;
            self.down = None;
        }
        Some((packet, completes))
    }
}

impl Shard {
    /// Has keys pressed.
    pub(super) fn press(&mut self, now: Instant, id: LegId, digits: &[char], millis: (u16, u16)) {
        let Some(key) = self.ids.get(&id).copied() else {
            return;
        };
        let slot = &mut self.legs[key];
        let added = if slot.leg.takes_keys() {
            slot.presses.add(now, digits, millis)
        } else {
            Err(PressRefusal::NotNegotiated)
        };
        match added {
            Err(reason) => self.tell(id, LegNotice::PressRefused { reason }),
            Ok(()) if digits.is_empty() => self.tell(id, LegNotice::Pressed { digits: 0 }),
            Ok(()) => self.settle(now, key),
        }
    }

    /// Sends the packet of a key that is due.
    pub(super) fn press_on(&mut self, now: Instant, key: usize) {
        let slot = &mut self.legs[key];
        if slot.presses.next_at().is_none_or(|at| at > now) || !slot.leg.can_send() {
            return;
        }
        if !slot.leg.takes_keys() {
            // The answer that came after the keys were asked for knows no events.
            slot.presses = Presses::new(now);
            slot.route.is_pressing = false;
            let id = slot.id;
            return self.tell(id, LegNotice::PressRefused { reason: PressRefusal::NotNegotiated });
        }
        let mut pressed = None;
        self.port.make(|buffer| {
            let (packet, completes) = slot.presses.packet(now, buffer)?;
            pressed = completes;
            let sealed = slot.leg.send(now, &packet, buffer).ok()??;
            Some((sealed.to, sealed.datagram))
        });
        slot.route.is_pressing = slot.presses.is_down();
        let id = slot.id;
        if let Some(digits) = pressed {
            self.tell(id, LegNotice::Pressed { digits });
        }
    }
}
