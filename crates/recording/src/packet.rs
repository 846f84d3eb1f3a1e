//! What is known of an Opus packet without decoding it (RFC 6716, section 3).

/// Samples of a second on the timeline.
pub(crate) const RATE: u64 = 48_000;

/// Twenty milliseconds: what nearly every packet lasts.
pub(crate) const FRAME: u64 = 960;

/// Every Opus packet lasts a multiple of 2.5 ms. All places on the timeline are multiples of it too, so that
/// every gap can be filled exactly.
pub(crate) const GRID: u64 = 120;

/// What a decoder throws away at the start: the look-ahead of libopus's encoder.
pub(crate) const PRE_SKIP: u64 = 312;

/// Longest packet recorded: what fits in a datagram. 20 ms never need more than 1,275 bytes.
pub(crate) const LONGEST: usize = 1_500;

/// How long a packet lasts in samples at 48 kHz; `None` when a decoder would refuse it.
pub(crate) fn samples(packet: &[u8]) -> Option<u64> {
    if packet.is_empty() || packet.len() > LONGEST || opus::packet::parse(packet).is_err() {
        return None;
    }
    let samples = opus::packet::get_nb_samples(packet, 48_000).ok()?;
    // 120 ms is the longest there is.
    (1..=5_760).contains(&samples).then_some(samples as u64)
}

/// Silence of 20 and 10 ms in SILK's narrowest form, as libopus writes it. A decoder that leaves it for CELT
/// starts afresh there. CELT's own flag for silence would leave it believing that all was quiet, and the first
/// 40 ms after it would be too soft.
const SILENT_20_MS: [u8; 6] = [0x08, 0x08, 0xac, 0xb3, 0x0e, 0xc6];
const SILENT_10_MS: [u8; 5] = [0x00, 0x0a, 0x72, 0x8f, 0x48];

/// SILK has nothing shorter than 10 ms; these are CELT's 5 and 2.5 ms.
const SILENT_5_MS: [u8; 3] = [0xe8, 0xff, 0xfe];
const SILENT_2_5_MS: [u8; 3] = [0xe0, 0xff, 0xfe];

/// A packet of silence that fills `room` samples or a part of them, and how much it fills.
pub(crate) const fn silence(room: u64) -> (&'static [u8], u64) {
    match room {
        960.. => (&SILENT_20_MS, 960),
        480.. => (&SILENT_10_MS, 480),
        240.. => (&SILENT_5_MS, 240),
        _ => (&SILENT_2_5_MS, 120),
    }
}

/// A packet that says "one frame like the last is missing": a decoder conceals it (RFC 7845, section 4.1).
/// `None` when the frame would not fit in `room`.
pub(crate) fn missing(like: u8, room: u64) -> Option<([u8; 1], u64)> {
    // One frame of the same configuration: the code in the lowest two bits is zero.
    let packet = [like & 0xfc];
    let samples = samples(&packet)?;
    (samples <= room).then_some((packet, samples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_of_every_length_is_silent() {
        for (room, lasts) in [(5000, 960), (960, 960), (959, 480), (300, 240), (120, 120)] {
            let (packet, said) = silence(room);
            assert_eq!((said, samples(packet)), (lasts, Some(lasts)));
            let mut pcm = [1_i16; 960];
            let mut decoder = opus::Decoder::new(48_000, opus::Channels::Mono).unwrap();
            assert_eq!(decoder.decode(packet, &mut pcm, false).unwrap() as u64, lasts);
            assert!(pcm[..lasts as usize].iter().all(|sample| sample.abs() <= 2));
        }
    }

    #[test]
    fn what_a_decoder_would_refuse_is_told() {
        assert_eq!(samples(&[]), None);
        // Two frames of equal size in an odd number of bytes.
        assert_eq!(samples(&[0xf9, 1, 2, 3, 4, 5][..4]), None);
        // Forty-eight frames of 20 ms.
        assert_eq!(samples(&[0xfb, 48, 0, 0]), None);
        assert_eq!(samples(&[0xf8; 1_501]), None);
        assert_eq!(samples(&[0x08, 1]), Some(960));
        assert_eq!(samples(&[0x18, 1]), Some(2_880));
    }
}
