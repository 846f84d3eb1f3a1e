//! Sound a shard makes itself: silence that is not absence, and music for waiting.

use opus::{Application, Bitrate, Channels, Encoder};
use std::time::{Duration, Instant};

use crate::leg::{FRAME, Media, Packet, Source};
use crate::rtp::HEADER_LEN;

pub(super) const FRAME_TIME: Duration = Duration::from_millis(20);
/// A fallen-behind voice skips instead of hurrying: more than this late, and the past is past.
const MAX_LATE: Duration = Duration::from_millis(100);

/// 20 ms of Opus silence (RFC 6716): the shortest packet every decoder plays as nothing.
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];

/// Sources of ours have the upper half clear, which a leg's never do in practice; the number tells them apart.
const COMFORT: Source = Source(1);
const MUSIC: Source = Source(2);

/// Encoded music, shared by all legs.
pub(crate) struct Music {
    frames: Vec<Vec<u8>>,
}

impl Music {
    /// Composes and encodes the default waiting music: eight seconds of slow broken chords.
    ///
    /// # Errors
    /// If the encoder fails, which it does only without memory.
    pub(crate) fn synthesize() -> Result<Self, opus::Error> {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(24_000))?;
        let mut frames = Vec::with_capacity(400);
        for n in 0..400usize {
            let samples: Vec<f32> = (0..960).map(|i| sample(n * 960 + i)).collect();
            frames.push(encoder.encode_vec_float(&samples, 1_200)?);
        }
        Ok(Self { frames })
    }
}

/// A note every 400 ms, each fading out; the last one of a turn has died away when the first comes again.
fn sample(at: usize) -> f32 {
    const NOTES: [f32; 20] = [
        220.0, 277.2, 329.6, 440.0, 329.6, 196.0, 246.9, 293.7, 392.0, 293.7, 174.6, 220.0, 261.6, 349.2,
        261.6, 196.0, 246.9, 293.7, 329.6, 293.7,
    ];
    const NOTE: usize = 19_200;
    let within = (at % NOTE) as f32 / 48_000.0;
    let note = NOTES[(at / NOTE) % NOTES.len()];
    let attack = (within * 50.0).min(1.0);
    let fade = (-4.0 * within).exp() * (1.0 - within / 0.4);
    0.2 * attack * fade * (std::f32::consts::TAU * note * within).sin()
}

/// What a voice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tune {
    Comfort,
    Music,
}

/// One leg's place in what it is told.
pub(super) struct Voice {
    tune: Option<Tune>,
    next_at: Instant,
    number: u64,
    bar: usize,
}

impl Voice {
    pub(super) fn new(now: Instant) -> Self {
        Self { tune: None, next_at: now, number: 0, bar: 0 }
    }

    /// Begins, changes or ends what is said.
    pub(super) fn say(&mut self, now: Instant, tune: Option<Tune>) {
        if self.tune != tune {
            if self.tune.is_none() {
                self.next_at = now;
            }
            self.tune = tune;
        }
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.tune.map(|_| self.next_at)
    }

    /// Writes the next frame, if one is due, into a buffer with room for header and tag.
    pub(super) fn frame(&mut self, now: Instant, music: &Music, buffer: &mut [u8]) -> Option<Packet> {
        let tune = self.tune.filter(|_| self.next_at <= now)?;
        if now.saturating_duration_since(self.next_at) > MAX_LATE {
            self.next_at = now;
        }
        self.next_at += FRAME_TIME;
        self.number += 1;
        let (source, payload) = match tune {
            Tune::Comfort => (COMFORT, &SILENCE[..]),
            Tune::Music => {
                self.bar = (self.bar + 1) % music.frames.len().max(1);
                (MUSIC, music.frames.get(self.bar).map_or(&SILENCE[..], Vec::as_slice))
            }
        };
        let end = HEADER_LEN + payload.len();
        buffer.get_mut(HEADER_LEN..end)?.copy_from_slice(payload);
        Some(Packet {
            media: Media::Opus,
            marker: false,
            payload: HEADER_LEN..end,
            source,
            index: self.number,
            timestamp: (self.number as u32).wrapping_mul(FRAME),
        })
    }
}

#[cfg(test)]
mod tests {
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
    fn the_music_is_music() {
        let music = Music::synthesize().unwrap();
        let mut decoder = opus::Decoder::new(48_000, Channels::Mono).unwrap();
        let mut energy = 0.0;
        for frame in &music.frames {
            let mut out = [0.0f32; 960];
            decoder.decode_float(frame, &mut out, false).unwrap();
            energy += out.iter().map(|sample| sample * sample).sum::<f32>() / 960.0;
            assert!(out.iter().all(|sample| sample.abs() < 0.9));
        }
        assert!(energy / 400.0 > 1e-4);
    }

    #[test]
    fn frames_come_every_twenty_milliseconds_and_a_late_voice_skips() {
        let start = tokio::time::Instant::now().into_std();
        let music = Music { frames: Vec::new() };
        let mut voice = Voice::new(start);
        let mut buffer = [0; 64];
        assert!(voice.frame(start, &music, &mut buffer).is_none(), "silent until told");
        voice.say(start, Some(Tune::Comfort));
        let mut frames = 0;
        for ms in 0..1_000 {
            let now = start + Duration::from_millis(ms);
            frames += usize::from(voice.frame(now, &music, &mut buffer).is_some());
        }
        assert_eq!(frames, 50);
        let now = start + Duration::from_secs(60);
        assert!(voice.frame(now, &music, &mut buffer).is_some());
        assert!(voice.frame(now, &music, &mut buffer).is_none());
    }
}
