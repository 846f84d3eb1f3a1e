//! Sound a shard makes itself: silence that is not absence, and recorded pieces.

use std::time::{Duration, Instant};

use crate::clip::Clip;
use crate::leg::{FRAME, Media, Packet, Source};
use crate::rtp::HEADER_LEN;

pub(super) const FRAME_TIME: Duration = Duration::from_millis(20);
/// A fallen-behind voice skips instead of hurrying: more than this late, and the past is past.
pub(super) const MAX_LATE: Duration = Duration::from_millis(100);

/// 20 ms of Opus silence (RFC 6716): the shortest packet every decoder plays as nothing.
pub(crate) const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// Sources of ours have the upper half clear, which a leg's never do in practice; the number tells them apart.
const COMFORT: Source = Source(1);
const CLIP: Source = Source(2);

/// What a voice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tune {
    Comfort,
    Clip,
}

/// What comes of asking a voice.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// A frame, in the buffer.
    Frame(Packet),
    /// The piece is over; nothing was written.
    Over,
}

/// One leg's place in what it is told.
pub(super) struct Voice {
    tune: Option<Tune>,
    next_at: Instant,
    number: u64,
    /// The next frame of the piece.
    place: usize,
}

impl Voice {
    pub(super) fn new(now: Instant) -> Self {
        Self { tune: None, next_at: now, number: 0, place: 0 }
    }

    /// Begins, changes or ends what is said.
    pub(super) fn say(&mut self, now: Instant, tune: Option<Tune>) {
        if self.tune != tune {
            if self.tune.is_none() {
                // After a pause at once; after a moment in the old step, so that frames never come closer.
                self.next_at = self.next_at.max(now).min(now + FRAME_TIME);
            }
            self.tune = tune;
        }
    }

    /// Whatever piece is said next is said from its beginning.
    pub(super) fn rewind(&mut self) {
        self.place = 0;
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.tune.map(|_| self.next_at)
    }

    /// Writes the next frame, if one is due, into a buffer with room for header and tag. `clip` is the piece that
    /// [`Tune::Clip`] means.
    pub(super) fn frame(&mut self, now: Instant, clip: Option<&Clip>, buffer: &mut [u8]) -> Option<Said> {
        let tune = self.tune.filter(|_| self.next_at <= now)?;
        let (source, payload) = match (tune, clip) {
            (Tune::Clip, Some(clip)) => {
                if clip.repeat && self.place >= clip.frames.len() {
                    self.place = 0;
                }
                let Some(frame) = clip.frames.get(self.place) else {
                    return Some(Said::Over);
                };
                self.place += 1;
                (CLIP, &frame[..])
            }
            (Tune::Comfort, _) | (Tune::Clip, None) => (COMFORT, &SILENCE[..]),
        };
        if now.saturating_duration_since(self.next_at) > MAX_LATE {
            self.next_at = now;
        }
        self.next_at += FRAME_TIME;
        self.number += 1;
        let end = HEADER_LEN + payload.len();
        buffer.get_mut(HEADER_LEN..end)?.copy_from_slice(payload);
        Some(Said::Frame(Packet {
            media: Media::Opus,
            marker: false,
            payload: HEADER_LEN..end,
            source,
            index: self.number,
            timestamp: (self.number as u32).wrapping_mul(FRAME),
        }))
    }
}

#[cfg(test)]
mod tests {
    use opus::Channels;

    use super::*;

    #[test]
    fn silence_decodes_to_one_silent_frame() {
        let mut decoder = opus::Decoder::new(48_000, Channels::Mono).unwrap();
        let mut out = [1.0f32; 5_760];
        let samples = decoder.decode_float(&SILENCE, &mut out, false).unwrap();
        assert_eq!(samples, 960);
        assert!(out[..960].iter().all(|sample| sample.abs() < 1e-4));
    }

    #[test]
    fn frames_come_every_twenty_milliseconds_and_a_late_voice_skips() {
        let start = tokio::time::Instant::now().into_std();
        let mut voice = Voice::new(start);
        let mut buffer = [0; 64];
        assert!(voice.frame(start, None, &mut buffer).is_none(), "silent until told");
        voice.say(start, Some(Tune::Comfort));
        let mut frames = 0;
        for ms in 0..1_000 {
            let now = start + Duration::from_millis(ms);
            frames += usize::from(voice.frame(now, None, &mut buffer).is_some());
        }
        assert_eq!(frames, 50);
        let now = start + Duration::from_secs(60);
        assert!(voice.frame(now, None, &mut buffer).is_some());
        assert!(voice.frame(now, None, &mut buffer).is_none());
    }

    #[test]
    fn a_piece_is_said_once_or_for_ever() {
        let start = tokio::time::Instant::now().into_std();
        for (repeat, expected) in [(false, vec![7, 8, 9]), (true, vec![7, 8, 9, 7, 8])] {
            let frames = [7u8, 8, 9].map(|byte| vec![byte].into_boxed_slice());
            let clip = Clip { id: 1, frames: frames.into(), repeat };
            let mut voice = Voice::new(start);
            voice.say(start, Some(Tune::Clip));
            let mut buffer = [0; 64];
            let mut said = Vec::new();
            for n in 0..5 {
                if let Some(Said::Frame(packet)) =
                    voice.frame(start + n * FRAME_TIME, Some(&clip), &mut buffer)
                {
                    said.push(buffer[packet.payload.start]);
                }
            }
            assert_eq!(said, expected);
        }
    }
}
