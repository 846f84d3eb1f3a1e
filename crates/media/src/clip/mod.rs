//! Recorded pieces: announcements, waiting music, anything that is told to one leg and was not said by another.
//!
//! A clip is Opus already, one packet per 20 ms, so that telling it costs what passing a packet on costs. Files
//! are read ([`read_ogg`], [`read_wav`]) where they come in and never on the media thread: encoding takes about a
//! hundredth of a piece's length.

mod encode;
mod music;
mod ogg;
mod wav;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

pub use ogg::read_ogg;
pub use wav::read_wav;

pub(crate) use music::music;

/// Longer is a recording, not an announcement; it would hold some 2 MB.
const MAX_SECONDS: u32 = 600;
const MAX_FRAMES: usize = MAX_SECONDS as usize * 50;
/// Fits into a datagram that no path cuts up.
const MAX_FRAME_BYTES: usize = 1_150;

/// Opus packets of 20 ms each, at 48 kHz, mono or stereo.
pub type Frames = Arc<[Box<[u8]>]>;

/// A recorded piece. Copies share the sound.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip {
    /// Names it in [`crate::LegNotice::ClipOver`].
    pub id: u64,
    /// Its sound.
    pub frames: Frames,
    /// Whether it begins again at its end.
    pub repeat: bool,
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, frames, repeat } = self;
        f.debug_struct("Clip").field("id", id).field("frames", &frames.len()).field("repeat", repeat).finish()
    }
}

/// Why a file is no clip.
#[derive(Debug, thiserror::Error)]
pub enum ClipError {
    /// Not Ogg, or no Opus in it.
    #[error("file is not Ogg/Opus")]
    NotOggOpus,
    /// Not RIFF/WAVE, or no sound in it.
    #[error("file is not WAV")]
    NotWav,
    /// More channels than two, samples of other than 16 bits, or a rate nobody uses.
    #[error("sound must have one or two channels, and WAV 16-bit PCM at 4 to 192 kHz")]
    UnsupportedLayout,
    /// It began well.
    #[error("file is damaged")]
    Damaged,
    /// No sound at all.
    #[error("file has no sound in it")]
    Empty,
    /// Longer than may be.
    #[error("sound is longer than {max_seconds} seconds")]
    TooLong {
        /// The limit.
        max_seconds: u32,
    },
    /// No encoder, or no memory for one.
    #[error("sound cannot be encoded: {0}")]
    Codec(#[from] opus::Error),
}
