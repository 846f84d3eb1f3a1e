//! Somebody who speaks a tone, as Opus in RTP.

use std::f64::consts::TAU;
use std::time::Duration;

use offhook_recording::{PartyId, Voice};
use opus::{Application, Channels, Encoder};

/// A speaker with an encoder and RTP stamps of its own.
pub(crate) struct Mouth {
    pub(crate) party: PartyId,
    pub(crate) hertz: f64,
    encoder: Encoder,
    phase: f64,
    /// Samples in a packet.
    frame: u32,
    pub(crate) stamp: u32,
    sequence: u16,
}

impl Mouth {
    pub(crate) fn new(party: PartyId, hertz: f64) -> Self {
        let encoder = Encoder::new(48_000, Channels::Mono, Application::Voip).unwrap();
        Self { party, hertz, encoder, phase: 0.0, frame: 960, stamp: 0xffff_f000, sequence: 65_530 }
    }

    /// Speaks packets of another length.
    pub(crate) fn framed(mut self, millis: u32) -> Self {
        self.frame = millis * 48;
        self
    }

    /// The next packet, arriving at `at`.
    pub(crate) fn speak(&mut self, at: Duration) -> Voice {
        let step = TAU * self.hertz / 48_000.0;
        let mut pcm = Vec::new();
        for _ in 0..self.frame {
            pcm.push((self.phase.sin() * 8_000.0) as i16);
            self.phase += step;
        }
        let payload = self.encoder.encode_vec(&pcm, 1_275).unwrap().into_boxed_slice();
        let voice =
            Voice { party: self.party, at, rtp_timestamp: self.stamp, sequence: self.sequence, payload };
        self.stamp = self.stamp.wrapping_add(self.frame);
        self.sequence = self.sequence.wrapping_add(1);
        voice
    }

    /// Says nothing for a packet's time, as discontinuous transmission does.
    pub(crate) fn be_silent(&mut self) {
        self.stamp = self.stamp.wrapping_add(self.frame);
    }
}
