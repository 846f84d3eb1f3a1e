//! One party's packets, one after another, without a gap.
//!
//! A short gap is a lost packet, which a decoder conceals; a longer one is a pause between words, filled with
//! silence. So every party is as long as the recording, and all of them line up.

use crate::form::Flaw;
use crate::packet::{self, FRAME, GRID};

/// Gaps are concealed so long; then there is silence. Concealment turns into a drone after a few frames.
const CONCEALED: u64 = 3 * FRAME;

/// A party's end so far.
#[derive(Debug)]
pub(super) struct Weave {
    end: u64,
    /// First byte of the last packet with sound.
    like: Option<u8>,
    /// Samples filled since.
    filled: u64,
}

impl Weave {
    /// Begins at a place on the timeline.
    pub(super) const fn from(start: u64) -> Self {
        Self { end: start, like: None, filled: 0 }
    }

    /// A packet at its place. Packets overlap nothing, or they are of no recording of ours.
    pub(super) fn place(
        &mut self,
        at: u64,
        packet: &[u8],
        out: &mut impl FnMut(&[u8], u64) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        let samples = packet::samples(packet).ok_or(Flaw::Malformed("packet"))?;
        if at < self.end || !(at - self.end).is_multiple_of(GRID) {
            return Err(Flaw::Malformed("timeline"));
        }
        while self.end < at {
            self.fill(at - self.end, out)?;
        }
        out(packet, samples)?;
        self.end += samples;
        self.like = packet.first().copied();
        self.filled = 0;
        Ok(())
    }

    /// Nothing begins before this place any more.
    pub(super) fn reach(
        &mut self,
        horizon: u64,
        out: &mut impl FnMut(&[u8], u64) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        // Whole frames only: what is left is filled when the next packet's place is known.
        while self.end + FRAME <= horizon {
            self.fill(horizon - self.end, out)?;
        }
        Ok(())
    }

    /// At least as long as this.
    pub(super) fn close(
        &mut self,
        length: u64,
        out: &mut impl FnMut(&[u8], u64) -> Result<(), Flaw>,
    ) -> Result<(), Flaw> {
        while self.end < length {
            self.fill(FRAME, out)?;
        }
        Ok(())
    }

    fn fill(&mut self, room: u64, out: &mut impl FnMut(&[u8], u64) -> Result<(), Flaw>) -> Result<(), Flaw> {
        let conceal = self.like.filter(|_| self.filled < CONCEALED);
        let concealed = conceal.and_then(|like| packet::missing(like, room));
        let (packet, samples) = match &concealed {
            Some((packet, samples)) => (packet.as_slice(), *samples),
            None => packet::silence(room),
        };
        out(packet, samples)?;
        self.end += samples;
        self.filled += samples;
        Ok(())
    }
}
