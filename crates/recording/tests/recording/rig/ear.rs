//! Decodes Ogg/Opus as a player does, and finds tones in it.

use std::f64::consts::TAU;
use std::io::Cursor;

use ogg::PacketReader;
use opus::{Channels, Decoder};

/// Samples of a millisecond.
const MS: usize = 48;

/// What came out of a file.
pub(crate) struct Heard {
    /// Samples of each channel.
    pub(crate) channels: Vec<Vec<i16>>,
}

impl Heard {
    /// Decodes the file, checking what RFC 7845 asks of it.
    pub(crate) fn from_ogg(file: &[u8]) -> Self {
        let mut reader = PacketReader::new(Cursor::new(file));
        let head = reader.read_packet_expected().expect("a head");
        assert!(head.first_in_stream() && head.last_in_page(), "the head has a page of its own");
        assert_eq!(head.data[..9], *b"OpusHead\x01");
        let count = usize::from(head.data[9]);
        let pre_skip = usize::from(u16::from_le_bytes([head.data[10], head.data[11]]));
        let tags = reader.read_packet_expected().expect("tags");
        assert_eq!(tags.data[..8], *b"OpusTags");
        assert!(tags.last_in_page());

        let kind = if count == 2 { Channels::Stereo } else { Channels::Mono };
        let mut decoder = Decoder::new(48_000, kind).unwrap();
        let (mut pcm, mut end) = (Vec::new(), None);
        while let Some(packet) = reader.read_packet().expect("whole pages") {
            assert!(end.is_none(), "nothing follows the end");
            let mut sound = vec![0; 5_760 * count];
            let samples = decoder.decode(&packet.data, &mut sound, false).expect("packets decode");
            pcm.extend_from_slice(&sound[..samples * count]);
            if packet.last_in_stream() {
                end = Some(usize::try_from(packet.absgp_page()).unwrap());
            } else if packet.last_in_page() {
                let granule = usize::try_from(packet.absgp_page()).unwrap();
                assert_eq!(granule, pcm.len() / count, "pages count the samples before their end");
            }
        }
        let end = end.expect("the last page says so");
        assert!(
            end <= pcm.len() / count && pcm.len() / count - end < 5_760,
            "{end} of {}",
            pcm.len() / count
        );
        let channel =
            |n: usize| pcm.iter().skip(n).step_by(count).copied().take(end).skip(pre_skip).collect();
        Self { channels: (0..count).map(channel).collect() }
    }

    /// Length in milliseconds.
    pub(crate) fn millis(&self) -> usize {
        self.channels[0].len() / MS
    }

    /// How loud a tone is between two moments in milliseconds, as a part of full scale.
    pub(crate) fn tone(&self, channel: usize, hertz: f64, from: usize, until: usize) -> f64 {
        let pcm = &self.channels[channel][from * MS..until * MS];
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in pcm.iter().enumerate() {
            let angle = TAU * hertz * n as f64 / 48_000.0;
            re += f64::from(*sample) * angle.cos();
            im += f64::from(*sample) * angle.sin();
        }
        2.0 * re.hypot(im) / pcm.len() as f64 / 32_768.0
    }

    /// How loud everything is between two moments.
    pub(crate) fn loudness(&self, channel: usize, from: usize, until: usize) -> f64 {
        let pcm = &self.channels[channel][from * MS..until * MS];
        let power: f64 = pcm.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (power / pcm.len() as f64).sqrt() / 32_768.0
    }

    /// The millisecond in which it first becomes loud.
    pub(crate) fn onset(&self, channel: usize) -> usize {
        let loud = |at: &usize| self.loudness(channel, *at, at + 2) > 0.05;
        (0..self.millis() - 2).find(loud).expect("somebody speaks")
    }
}
