//! Recorded pieces: announcements, waiting music, anything that is told to one leg and was not said by another.
//!
//! A clip is Opus already, one packet per 20 ms, so that telling it costs what passing a packet on costs. Files
//! are read where they come in and never on the media thread.

mod music;

use std::fmt;
use std::sync::Arc;

pub(crate) use music::music;

/// A recorded piece. Copies share the sound.
#[derive(Clone, PartialEq, Eq)]
pub struct Clip {
    /// Names it in [`crate::LegNotice::ClipOver`].
    pub id: u64,
    /// Opus packets of 20 ms each, at 48 kHz, mono or stereo.
    pub frames: Arc<[Box<[u8]>]>,
    /// Whether it begins again at its end.
    pub repeat: bool,
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, frames, repeat } = self;
        f.debug_struct("Clip").field("id", id).field("frames", &frames.len()).field("repeat", repeat).finish()
    }
}
