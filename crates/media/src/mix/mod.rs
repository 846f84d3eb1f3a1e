//! Mixing, beside the media thread: whoever hears several legs hears their sum.
//!
//! The shard passes packets of the legs concerned and, every 20 ms, a tick through a bounded ring; what comes back
//! through another are frames to be told to listeners. A [`Mixer`] is a value: it does only what it is told, so
//! that tests drive it in virtual time and the thread is a loop around it. Every voice is decoded once, every
//! set of voices summed and encoded once, however many listen.
//!
//! Cost: about 0.1 ms of a core per tick for every leg of a conference (measured: 0.32 ms for three that each hear
//! the others, 1.0 ms for ten). A panic over a voice or a set of them costs that one its state, and nobody else
//! anything. The number of listeners is bounded by the shard; a mixer that falls behind misses
//! ticks, which its listeners hear as a gap and nobody else notices.

mod link;
mod speaker;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use opus::{Application, Bitrate, Channels, Encoder, SoftClip};

use speaker::Speaker;

#[cfg(test)]
pub(crate) use link::Desk;
pub(crate) use link::{Link, pair, run};

/// Samples of a frame of 20 ms.
pub(crate) const FRAME_LEN: usize = 960;
/// Speech of full band; more is not heard on a telephone.
const BITS_PER_SECOND: i32 = 32_000;
/// Half the cost of the highest for what no ear tells apart in speech.
const COMPLEXITY: i32 = 5;
/// The peers lose some; a tenth of the bits repeats what was before.
const EXPECTED_LOSS_PERCENT: i32 = 5;
const MAX_FRAME_BYTES: usize = 500;

pub(crate) type Frame = [f32; FRAME_LEN];

/// A listener: its place in the shard, and a number nobody else ever has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ear {
    pub(crate) key: usize,
    pub(crate) serial: u64,
}

/// What a mixer is told.
#[derive(Debug)]
pub(crate) enum Ask {
    /// From now on this listener hears these voices.
    Listen { ear: Ear, voices: Box<[u64]> },
    /// It hears none.
    Leave { ear: Ear },
    /// A voice has said something.
    Said { voice: u64, numbering: u64, timestamp: u32, payload: Box<[u8]> },
    /// It is time for this frame.
    Tick { number: u64 },
}

/// A frame for one listener.
#[derive(Debug)]
pub(crate) struct Mixed {
    pub(crate) ear: Ear,
    pub(crate) number: u64,
    pub(crate) payload: Arc<[u8]>,
}

#[derive(Default)]
pub(crate) struct Mixer {
    voices: HashMap<u64, Voice>,
    sets: Vec<Set>,
    /// Packets no decoder took, of voices that are gone.
    corrupt_before: u64,
    /// Panics that were contained.
    broken: u64,
}

struct Voice {
    speaker: Speaker,
    frame: Box<Frame>,
    is_heard: bool,
}

impl Voice {
    /// What a panic has left half done is not gone on with.
    fn begin_again(&mut self) {
        if let Ok(speaker) = Speaker::new() {
            self.speaker = speaker;
        }
    }
}

/// Listeners that hear the same.
struct Set {
    voices: Box<[u64]>,
    ears: Vec<Ear>,
    encoder: Encoder,
    clip: SoftClip,
}

impl Mixer {
    /// Does what it is told; frames go to `tell`. What panics is counted, and the others are not kept from theirs.
    pub(crate) fn take(&mut self, ask: Ask, tell: impl FnMut(Mixed)) {
        if catch_unwind(AssertUnwindSafe(|| self.obey(ask, tell))).is_err() {
            self.broke();
        }
    }

    fn obey(&mut self, ask: Ask, tell: impl FnMut(Mixed)) {
        match ask {
            Ask::Listen { ear, voices } => self.listen(ear, voices),
            Ask::Leave { ear } => {
                self.forget(ear);
                self.tidy();
            }
            Ask::Said { voice, numbering, timestamp, payload } => {
                if let Some(voice) = self.voices.get_mut(&voice) {
                    voice.speaker.say(numbering, timestamp, payload);
                }
            }
            Ask::Tick { number } => self.tick(number, tell),
        }
    }

    /// Packets no decoder took.
    pub(crate) fn corrupt(&self) -> u64 {
        self.corrupt_before + self.voices.values().map(|voice| voice.speaker.corrupt).sum::<u64>()
    }

    /// Panics that were contained.
    pub(crate) const fn broken(&self) -> u64 {
        self.broken
    }

    fn broke(&mut self) {
        self.broken += 1;
        // What breaks every 20 ms is not told every 20 ms.
        if self.broken.is_power_of_two() {
            tracing::error!(panics = self.broken, "a voice in a conference was begun anew after a panic");
        }
    }

    fn listen(&mut self, ear: Ear, mut voices: Box<[u64]>) {
        voices.sort_unstable();
        self.forget(ear);
        match self.sets.iter_mut().find(|set| set.voices == voices) {
            Some(set) => set.ears.push(ear),
            None => match Set::new(voices, ear) {
                Ok(set) => self.sets.push(set),
                Err(error) => tracing::error!(%error, "no encoder for a conference"),
            },
        }
        self.tidy();
    }

    fn forget(&mut self, ear: Ear) {
        for set in &mut self.sets {
            set.ears.retain(|other| *other != ear);
        }
    }

    /// Lets go what nobody hears any more, and makes room for what somebody does.
    fn tidy(&mut self) {
        self.sets.retain(|set| !set.ears.is_empty());
        let sets = &self.sets;
        let corrupt = &mut self.corrupt_before;
        self.voices.retain(|id, voice| {
            let is_wanted = sets.iter().any(|set| set.voices.contains(id));
            *corrupt += if is_wanted { 0 } else { voice.speaker.corrupt };
            is_wanted
        });
        for id in sets.iter().flat_map(|set| &set.voices) {
            if !self.voices.contains_key(id) {
                match Speaker::new() {
                    Ok(speaker) => {
                        let frame = Box::new([0.0; FRAME_LEN]);
                        self.voices.insert(*id, Voice { speaker, frame, is_heard: false });
                    }
                    Err(error) => tracing::error!(%error, "no decoder for a voice in a conference"),
                }
            }
        }
    }

    fn tick(&mut self, number: u64, mut tell: impl FnMut(Mixed)) {
        let mut broken = 0;
        for voice in self.voices.values_mut() {
            let heard = catch_unwind(AssertUnwindSafe(|| voice.speaker.frame(&mut voice.frame)));
            voice.is_heard = heard.unwrap_or_else(|_| {
                broken += 1;
                voice.begin_again();
                false
            });
        }
        for set in &mut self.sets {
            let mixed = catch_unwind(AssertUnwindSafe(|| {
                let voices = set.voices.iter().filter_map(|id| self.voices.get(id));
                let heard = voices.filter(|voice| voice.is_heard).map(|voice| &*voice.frame);
                sum(heard).map(|frame| set.encode(frame))
            }));
            let payload = mixed.unwrap_or_else(|_| {
                broken += 1;
                None
            });
            let payload = payload.unwrap_or_else(|| Arc::from(&crate::shard::SILENCE[..]));
            for ear in &set.ears {
                tell(Mixed { ear: *ear, number, payload: payload.clone() });
            }
        }
        (0..broken).for_each(|_| self.broke());
    }
}

impl Set {
    fn new(voices: Box<[u64]>, ear: Ear) -> Result<Self, opus::Error> {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Voip)?;
        encoder.set_bitrate(Bitrate::Bits(BITS_PER_SECOND))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_inband_fec(true)?;
        encoder.set_packet_loss_perc(EXPECTED_LOSS_PERCENT)?;
        Ok(Self { voices, ears: vec![ear], encoder, clip: SoftClip::new(Channels::Mono) })
    }

    fn encode(&mut self, mut frame: Frame) -> Arc<[u8]> {
        // What is louder than full is bent, not cut.
        self.clip.apply(&mut frame);
        let mut out = [0; MAX_FRAME_BYTES];
        match self.encoder.encode_float(&frame, &mut out) {
            Ok(len) => Arc::from(&out[..len]),
            Err(error) => {
                tracing::error!(%error, "a frame of a conference was not encoded");
                Arc::from(&crate::shard::SILENCE[..])
            }
        }
    }
}

/// `None` if nobody says anything.
fn sum<'f>(mut frames: impl Iterator<Item = &'f Frame>) -> Option<Frame> {
    let mut sum = *frames.next()?;
    for frame in frames {
        for (sum, sample) in sum.iter_mut().zip(frame) {
            *sum += sample;
        }
    }
    Some(sum)
}
