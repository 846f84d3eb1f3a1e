//! One voice on its way into mixes: put in order, decoded once, a frame at every tick.
//!
//! Packets wait a little so that those that are late by less are not missed. How much is learned: a packet that
//! comes just too late makes everything wait a frame longer, half a minute without one a frame less, and what has
//! gathered beyond that is skipped.

use std::collections::BTreeMap;

use opus::{Channels, Decoder};

use super::{FRAME_LEN, Frame};

/// Samples that are to be waiting when a frame has been played: 40 ms against jitter, at most 120.
const MIN_MARGIN: i64 = 2 * FRAME_LEN as i64;
const MAX_MARGIN: i64 = 6 * FRAME_LEN as i64;
/// Frames made up in a row before a voice is taken to have paused. Decoders fade out in that time.
const MAX_MADE_UP: u32 = 5;
/// Packets waiting at most; a burst of more than a second is cut from its old end.
const MAX_WAITING: usize = 64;
/// Two seconds in which the least that was waiting was too much.
const WINDOW: u32 = 100;
/// Half a minute without a packet that came too late.
const CALM: u32 = 1_500;
/// A jump further than this is another numbering.
const MAX_JUMP: i64 = 10 * 48_000;
/// A gap longer than this is a pause, not loss.
const MAX_GAP: i64 = 48_000;
/// The longest Opus packet, 120 ms.
const MAX_PACKET: usize = 5_760;
/// Opus knows no shorter piece than 2.5 ms.
const PIECE: i64 = 120;

pub(super) struct Speaker {
    decoder: Decoder,
    /// Which numbering the timestamps belong to.
    numbering: Option<u64>,
    /// By timestamp, without its rollovers.
    waiting: BTreeMap<i64, Box<[u8]>>,
    newest: i64,
    /// The timestamp to be decoded next; `None` while the voice pauses.
    next: Option<i64>,
    /// Ticks since the first packet after a pause.
    waited: i64,
    margin: i64,
    /// Decoded and not played yet.
    samples: Vec<f32>,
    /// Samples made up since the last packet, because none was there.
    made_up: i64,
    made_up_frames: u32,
    least: i64,
    ticks: u32,
    calm: u32,
    /// Packets that no decoder takes.
    pub(super) corrupt: u64,
    /// Whether its next frame panics.
    #[cfg(test)]
    pub(super) breaks: bool,
}

impl Speaker {
    /// # Errors
    /// If there is no memory for a decoder.
    pub(super) fn new() -> Result<Self, opus::Error> {
        Ok(Self {
            decoder: Decoder::new(48_000, Channels::Mono)?,
            numbering: None,
            waiting: BTreeMap::new(),
            newest: 0,
            next: None,
            waited: 0,
            margin: MIN_MARGIN,
            samples: Vec::with_capacity(2 * MAX_PACKET),
            made_up: 0,
            made_up_frames: 0,
            least: i64::MAX,
            ticks: 0,
            calm: 0,
            corrupt: 0,
            #[cfg(test)]
            breaks: false,
        })
    }

    /// Takes a packet.
    pub(super) fn say(&mut self, numbering: u64, timestamp: u32, payload: Box<[u8]>) {
        let step = i64::from(timestamp.wrapping_sub(self.newest as u32) as i32);
        let mut at = self.newest + step;
        if self.numbering.replace(numbering) != Some(numbering) || step.abs() > MAX_JUMP {
            self.pause();
            self.waiting.clear();
            at = i64::from(timestamp);
            self.newest = at;
        }
        if self.next.is_some_and(|next| at < next) {
            return;
        }
        if self.made_up > 0 && self.next == Some(at) {
            self.margin = (self.margin + FRAME_LEN as i64).min(MAX_MARGIN);
            self.calm = 0;
            self.made_up = 0;
        }
        self.newest = self.newest.max(at);
        self.waiting.insert(at, payload);
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_first();
        }
    }

    /// The next 20 ms; `false` and nothing written while the voice pauses.
    pub(super) fn frame(&mut self, out: &mut Frame) -> bool {
        #[cfg(test)]
        assert!(!self.breaks, "as a test wants it");
        if self.next.is_none() && !self.begin() {
            return false;
        }
        self.settle();
        while self.samples.len() < FRAME_LEN {
            if !self.decode() {
                self.pause();
                return false;
            }
        }
        out.copy_from_slice(&self.samples[..FRAME_LEN]);
        self.samples.drain(..FRAME_LEN);
        true
    }

    /// Ends a pause once enough is waiting.
    fn begin(&mut self) -> bool {
        let Some(first) = self.waiting.first_key_value().map(|(at, _)| *at) else {
            return false;
        };
        self.waited += 1;
        let frame = FRAME_LEN as i64;
        let depth = self.newest + frame - first;
        if depth < self.margin + frame && self.waited * frame < self.margin + frame {
            return false;
        }
        // The oldest of a burst have had their time.
        let next = first.max(self.newest - self.margin);
        self.next = Some(next);
        true
    }

    fn pause(&mut self) {
        self.next = None;
        self.waited = 0;
        self.made_up = 0;
        self.made_up_frames = 0;
        self.samples.clear();
        (self.least, self.ticks) = (i64::MAX, 0);
    }

    /// Watches how much is waiting, and skips a frame when it has been too much for long.
    fn settle(&mut self) {
        let Some(next) = self.next else { return };
        let depth = self.newest + FRAME_LEN as i64 - next + self.samples.len() as i64;
        self.least = self.least.min(depth);
        self.ticks += 1;
        self.calm += 1;
        if self.calm >= CALM {
            self.calm = 0;
            self.margin = (self.margin - FRAME_LEN as i64).max(MIN_MARGIN);
        }
        if self.ticks >= WINDOW {
            let too_much = self.least >= self.margin + 2 * FRAME_LEN as i64;
            (self.least, self.ticks) = (i64::MAX, 0);
            while too_much && self.samples.len() < FRAME_LEN {
                if !self.decode() {
                    return;
                }
            }
            if too_much {
                self.samples.drain(..FRAME_LEN);
            }
        }
    }

    /// Adds some samples; `false` if the voice has paused.
    fn decode(&mut self) -> bool {
        let Some(mut next) = self.next else { return false };
        while self.waiting.first_key_value().is_some_and(|(at, _)| *at < next) {
            self.waiting.pop_first();
        }
        let Some(first) = self.waiting.first_key_value().map(|(at, _)| *at) else {
            return self.make_up();
        };
        // What was made up while nothing was there has taken the place of what is missing.
        next += (first - next).min(self.made_up);
        self.made_up = 0;
        self.next = Some(next);
        let gap = first - next;
        if gap > MAX_GAP {
            return false;
        }
        if gap >= PIECE {
            self.bridge(next, gap - gap % PIECE);
            return true;
        }
        let Some(payload) = self.waiting.remove(&first) else {
            return false;
        };
        self.made_up_frames = 0;
        let taken = if payload.is_empty() { None } else { self.put(&payload, MAX_PACKET as i64, false) };
        let len = taken.unwrap_or_else(|| {
            self.corrupt += 1;
            self.conceal(FRAME_LEN as i64)
        });
        self.next = Some(first + len);
        true
    }

    /// Fills a gap before a packet that is there: its end from what that packet says about it (in-band FEC), what
    /// is before that from imagination.
    fn bridge(&mut self, next: i64, gap: i64) {
        let first = self.waiting.first_key_value();
        let covered =
            first.and_then(|(_, payload)| self.decoder.get_nb_samples(payload).ok()).unwrap_or(0) as i64;
        let len = if gap <= covered {
            let (at, payload) = self.waiting.pop_first().expect("a packet follows the gap");
            let len = self.put(&payload, gap, true);
            self.waiting.insert(at, payload);
            len.unwrap_or_else(|| self.conceal(gap))
        } else {
            self.conceal((gap - covered).min(FRAME_LEN as i64))
        };
        self.next = Some(next + len.max(PIECE));
    }

    /// A frame where there is no packet, without moving on: the packet may be late.
    fn make_up(&mut self) -> bool {
        self.made_up_frames += 1;
        if self.made_up_frames > MAX_MADE_UP {
            return false;
        }
        self.made_up += self.conceal(FRAME_LEN as i64);
        true
    }

    fn conceal(&mut self, len: i64) -> i64 {
        self.put(&[], len, false).unwrap_or_else(|| {
            self.samples.resize(self.samples.len() + len as usize, 0.0);
            len
        })
    }

    /// Decodes at most `len` samples behind those there are. `None` if the decoder refuses.
    fn put(&mut self, payload: &[u8], len: i64, fec: bool) -> Option<i64> {
        let start = self.samples.len();
        self.samples.resize(start + len as usize, 0.0);
        let decoded = self.decoder.decode_float(payload, &mut self.samples[start..], fec);
        let decoded = decoded.ok().filter(|decoded| *decoded > 0);
        self.samples.truncate(start + decoded.unwrap_or(0));
        decoded.map(|decoded| decoded as i64)
    }
}
