//! Samples into frames of a clip.

use opus::{Application, Bitrate, Channels, Encoder};

use super::{ClipError, Frames, MAX_FRAME_BYTES, MAX_FRAMES, MAX_SECONDS};

const FRAME_LEN: usize = 960;
/// Announcements and music, once per file: quality is cheap here.
const BITS_PER_CHANNEL: i32 = 40_000;

/// Encodes as it is fed, so that a long file is never in memory as samples.
pub(super) struct ClipEncoder {
    encoder: Encoder,
    channels: usize,
    pending: Vec<f32>,
    frames: Vec<Box<[u8]>>,
}

impl ClipEncoder {
    pub(super) fn new(channels: usize) -> Result<Self, ClipError> {
        let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
        let mut encoder = Encoder::new(48_000, layout, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITS_PER_CHANNEL * channels as i32))?;
        Ok(Self { encoder, channels, pending: Vec::new(), frames: Vec::new() })
    }

    /// Adds interleaved samples at 48 kHz.
    pub(super) fn push(&mut self, samples: &[f32]) -> Result<(), ClipError> {
        self.pending.extend_from_slice(samples);
        let whole = FRAME_LEN * self.channels;
        let mut done = 0;
        while self.pending.len() - done >= whole {
            let frame = self.encoder.encode_vec_float(&self.pending[done..done + whole], MAX_FRAME_BYTES)?;
            done += whole;
            if self.frames.len() == MAX_FRAMES {
                return Err(ClipError::TooLong { max_seconds: MAX_SECONDS });
            }
            self.frames.push(frame.into_boxed_slice());
        }
        self.pending.drain(..done);
        Ok(())
    }

    /// The frames, the last one filled up with silence.
    pub(super) fn finish(mut self) -> Result<Frames, ClipError> {
        if !self.pending.is_empty() {
            let missing = FRAME_LEN * self.channels - self.pending.len();
            self.push(&vec![0.0; missing])?;
        }
        if self.frames.is_empty() {
            return Err(ClipError::Empty);
        }
        Ok(self.frames.into())
    }
}
