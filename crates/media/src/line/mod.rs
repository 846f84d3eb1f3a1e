//! A leg that is a program: sound goes in and comes out as plain samples, without a socket of its own.
//!
//! A [`line()`] has three pieces. [`LineEnd`] goes to the plane. [`Mouth`] takes 20 ms of samples at a time, encodes
//! them and hands them over; the plane says one frame every 20 ms. [`Ear`] gives 20 ms of what the leg hears
//! whenever it is asked. Coding happens where mouth and ear are used, never on a media thread; between them and the
//! plane are bounded rings, and nobody waits for anybody.

mod end;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opus::{Application, Bitrate, Channels, Encoder};
use rtrb::{Consumer, Producer, RingBuffer};

use crate::mix::Speaker;

pub(crate) use end::Line;
pub use end::LineEnd;

/// Samples per second outside: what speech recognition and synthesis work with.
pub const RATE: u32 = 16_000;
/// Samples of 20 ms.
pub const SAMPLES: usize = 320;

/// Frames said and not passed on yet. Whoever feeds a mouth keeps a few of them there against its own hesitations;
/// more would be heard after it has been told to be quiet.
const SAID: usize = 8;
/// Packets heard and not fetched yet: more than a second.
const HEARD: usize = 64;
/// Wide band speech.
const BITS_PER_SECOND: i32 = 28_000;
/// The mixer's choice, for the same reason.
const COMPLEXITY: i32 = 5;
const EXPECTED_LOSS_PERCENT: i32 = 5;
const MAX_FRAME_BYTES: usize = 400;

/// What a leg has heard.
struct Heard {
    timestamp: u32,
    payload: Box<[u8]>,
}

/// A line with nothing said and nothing heard yet.
///
/// # Errors
/// If there is no memory for a codec.
pub fn line() -> Result<(LineEnd, Mouth, Ear), opus::Error> {
    let (said, saying) = RingBuffer::new(SAID);
    let (hearing, heard) = RingBuffer::new(HEARD);
    let lost = Arc::new(AtomicU64::new(0));
    let mut encoder = Encoder::new(RATE, Channels::Mono, Application::Voip)?;
    encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
    encoder.set_complexity(COMPLEXITY)?;
    encoder.set_inband_fec(true)?;
    encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
    let ear = Ear { ring: heard, speaker: Speaker::at_rate(RATE)?, lost: lost.clone() };
    Ok((LineEnd::new(saying, hearing, lost), Mouth { ring: said, encoder }, ear))
}

/// Where a program talks.
pub struct Mouth {
    ring: Producer<Box<[u8]>>,
    encoder: Encoder,
}

impl Mouth {
    /// Says 20 ms after what waits already; `false` if there is no room.
    pub fn say(&mut self, samples: &[i16; SAMPLES]) -> bool {
        if self.ring.is_full() {
            return false;
        }
        let mut out = [0; MAX_FRAME_BYTES];
        match self.encoder.encode(samples, &mut out) {
            Ok(len) => self.ring.push(out[..len].into()).is_ok(),
            Err(error) => {
                tracing::error!(%error, "a program's frame was not encoded");
                false
            }
        }
    }

    /// Frames that have not been passed on yet.
    pub fn waiting(&self) -> usize {
        SAID - self.ring.slots()
    }

    /// Whether nobody will pass anything on any more: the leg is gone.
    pub fn is_over(&self) -> bool {
        self.ring.is_abandoned()
    }
}

impl fmt::Debug for Mouth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mouth").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

/// Where a program listens.
pub struct Ear {
    ring: Consumer<Heard>,
    speaker: Speaker,
    lost: Arc<AtomicU64>,
}

impl Ear {
    /// The next 20 ms of what is heard; `false` and silence while there is nothing. To be asked every 20 ms.
    pub fn hear(&mut self, samples: &mut [i16; SAMPLES]) -> bool {
        while let Ok(heard) = self.ring.pop() {
            // The line's own numbering, whoever talks.
            self.speaker.say(0, heard.timestamp, heard.payload);
        }
        let mut frame = [0.0; SAMPLES];
        let is_heard = self.speaker.frame(&mut frame);
        for (sample, value) in samples.iter_mut().zip(frame) {
            *sample = (value.clamp(-1.0, 1.0) * f32::from(i16::MAX)) as i16;
        }
        is_heard
    }

    /// Packets that found no room.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ear").field("waiting", &self.ring.slots()).finish_non_exhaustive()
    }
}
