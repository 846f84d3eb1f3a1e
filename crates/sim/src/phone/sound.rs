//! What a phone says by itself, as Opus packets of 20 ms.

use std::f32::consts::TAU;

use opus::{Application, Bitrate, Channels, Encoder};

/// Samples of one packet at the RTP clock of 48 kHz.
pub(crate) const SAMPLES_PER_PACKET: u32 = 960;
const RATE: f32 = 48_000.0;
// Loud enough to be measured through loss and comfort noise, far from clipping.
const AMPLITUDE: f32 = 0.3;
const MAX_PACKET: usize = 400;

/// A sine, or silence at 0 Hz, encoded as WhatsApp encodes: 20 kbit/s.
pub(crate) struct Voice {
    encoder: Encoder,
    phase: f32,
}

impl Voice {
    pub(crate) fn new() -> Result<Self, opus::Error> {
        let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(20_000))?;
        Ok(Self { encoder, phase: 0.0 })
    }

    /// The next 20 ms.
    pub(crate) fn packet(&mut self, hz: f32) -> Result<Vec<u8>, opus::Error> {
        let step = TAU * hz / RATE;
        let mut samples = [0.0_f32; SAMPLES_PER_PACKET as usize];
        if hz > 0.0 {
            for sample in &mut samples {
                *sample = AMPLITUDE * self.phase.sin();
                self.phase = (self.phase + step) % TAU;
            }
        }
        self.encoder.encode_vec_float(&samples, MAX_PACKET)
    }
}

impl std::fmt::Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Voice").finish_non_exhaustive()
    }
}
