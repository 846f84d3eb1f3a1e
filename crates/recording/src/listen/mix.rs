//! All parties in one file: decoded, added, encoded.

use std::collections::VecDeque;

use offhook_core::recording::{PartyKind, RecordedParty};
use opus::{Application, Bitrate, Channels, Decoder, Encoder};

use super::press::Press;
use super::weave::Weave;
use crate::form::{Body, Entry, Flaw};
use crate::packet::{FRAME, PRE_SKIP};

/// Good speech, a third of what it could be.
const MONO_BITRATE: i32 = 32_000;
const STEREO_BITRATE: i32 = 48_000;

/// Half the work of the default, and nobody hears it on speech.
const COMPLEXITY: i32 = 5;

const BLOCK: usize = FRAME as usize;

/// Where parties are heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// All in the middle.
    Mono,
    /// The customer on the left, everybody else on the right.
    Stereo,
}

/// A mix being made.
pub(super) struct Mix {
    stage: Stage,
    voices: Vec<Decoded>,
    encoder: Encoder,
    press: Press,
    /// Samples the encoder holds back.
    ahead: u64,
    /// Samples mixed.
    mixed: u64,
}

struct Decoded {
    party: RecordedParty,
    weave: Weave,
    decoder: Decoder,
    /// Samples a decoder gives before those that were asked for.
    skip: usize,
    /// Decoded and not mixed yet; begins where the mix ends.
    pcm: VecDeque<i16>,
}

impl Mix {
    pub(super) fn new(stage: Stage) -> Result<Self, Flaw> {
        let (channels, count, bitrate) = match stage {
            Stage::Mono => (Channels::Mono, 1, MONO_BITRATE),
            Stage::Stereo => (Channels::Stereo, 2, STEREO_BITRATE),
        };
        let mut encoder = Encoder::new(48_000, channels, Application::Audio).map_err(unmixed)?;
        encoder.set_bitrate(Bitrate::Bits(bitrate)).map_err(unmixed)?;
        encoder.set_complexity(COMPLEXITY).map_err(unmixed)?;
        let ahead = u64::try_from(encoder.get_lookahead().map_err(unmixed)?).unwrap_or(PRE_SKIP);
        Ok(Self { stage, voices: Vec::new(), encoder, press: Press::new(count, ahead), ahead, mixed: 0 })
    }

    /// Mixes what a body adds.
    pub(super) fn body(&mut self, body: Body) -> Result<(), Flaw> {
        for entry in body.entries {
            match entry {
                Entry::Party(party) => self.join(party)?,
                Entry::Frame { party, at, packet } => {
                    let voice = self.voices.iter_mut().find(|voice| voice.party.index == party);
                    let voice = voice.ok_or(Flaw::Malformed("party"))?;
                    let (weave, mut out) = voice.parts();
                    weave.place(at, &packet, &mut out)?;
                }
            }
        }
        for voice in &mut self.voices {
            let (weave, mut out) = voice.parts();
            weave.reach(body.horizon, &mut out)?;
        }
        // A packet reaches its listener's ear a look-ahead late.
        let sure = body.horizon.saturating_sub(FRAME + PRE_SKIP);
        self.mix_up_to(sure)
    }

    /// Ends the mix after `length` samples.
    pub(super) fn end(&mut self, length: u64) -> Result<(), Flaw> {
        for voice in &mut self.voices {
            {
                let (weave, mut out) = voice.parts();
                weave.close(length + PRE_SKIP, &mut out)?;
            }
            let sound = usize::try_from(length - self.mixed.min(length)).unwrap_or(usize::MAX);
            voice.pcm.truncate(sound);
        }
        // What the encoder still holds comes out with the silence behind it.
        self.mix_up_to((length + self.ahead).next_multiple_of(FRAME))?;
        self.press.finish(length);
        Ok(())
    }

    /// The bytes made since this was asked last.
    pub(super) fn take(&mut self) -> Vec<u8> {
        self.press.take()
    }

    fn join(&mut self, party: RecordedParty) -> Result<(), Flaw> {
        let decoder = Decoder::new(48_000, Channels::Mono).map_err(unmixed)?;
        let skip = usize::try_from(PRE_SKIP).expect("a few hundred");
        let weave = Weave::from(self.mixed);
        self.voices.push(Decoded { party, weave, decoder, skip, pcm: VecDeque::new() });
        Ok(())
    }

    fn mix_up_to(&mut self, end: u64) -> Result<(), Flaw> {
        while self.mixed + FRAME <= end {
            let block = self.block();
            // The longest packet of 20 ms (RFC 6716, section 3.4).
            let packet = self.encoder.encode_vec(&block, 1_275).map_err(unmixed)?;
            self.press.packet(&packet, FRAME);
            self.mixed += FRAME;
        }
        Ok(())
    }

    fn block(&mut self) -> Vec<i16> {
        let channels = match self.stage {
            Stage::Mono => 1,
            Stage::Stereo => 2,
        };
        let mut sums = vec![0_i32; BLOCK * channels];
        for voice in &mut self.voices {
            let right = self.stage == Stage::Stereo && voice.party.kind != PartyKind::Customer;
            let there = voice.pcm.len().min(BLOCK);
            for (at, sample) in voice.pcm.drain(..there).enumerate() {
                sums[at * channels + usize::from(right)] += i32::from(sample);
            }
        }
        let clip =
            |sum: i32| i16::try_from(sum.clamp(i16::MIN.into(), i16::MAX.into())).expect("it is clamped");
        sums.into_iter().map(clip).collect()
    }
}

impl Decoded {
    /// The weave, and what takes its packets.
    fn parts(&mut self) -> (&mut Weave, impl FnMut(&[u8], u64) -> Result<(), Flaw>) {
        let Self { weave, decoder, skip, pcm, .. } = self;
        let out = move |packet: &[u8], samples: u64| {
            let count = usize::try_from(samples).expect("at most 120 ms");
            let mut sound = vec![0; count];
            // A frame nobody can decode is silent; the others are heard.
            if decoder.decode(packet, &mut sound, false).is_err() {
                sound.fill(0);
            }
            let skipped = count.min(*skip);
            *skip -= skipped;
            pcm.extend(&sound[skipped..]);
            Ok(())
        };
        (weave, out)
    }
}

fn unmixed(_: opus::Error) -> Flaw {
    Flaw::Malformed("sound")
}
