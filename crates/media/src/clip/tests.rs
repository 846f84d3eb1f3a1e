//! Files as people bring them, and as they should not.

use ::ogg::writing::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Channels, Decoder, Encoder};

use super::*;

/// `millis` of a tone of half amplitude, every channel alike.
fn tone(rate: u32, channels: usize, millis: u32) -> Vec<f32> {
    let turn = std::f32::consts::TAU * 1_000.0 / rate as f32;
    let samples = (0..rate * millis / 1_000).map(|n| 0.5 * (turn * n as f32).sin());
    samples.flat_map(|sample| std::iter::repeat_n(sample, channels)).collect()
}

fn wav(rate: u32, channels: usize, bits: u16, samples: &[f32]) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVELIST\x03\0\0\0abc\0fmt \x10\0\0\0\x01\0".to_vec();
    file.extend((channels as u16).to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend((rate * channels as u32 * 2).to_le_bytes());
    file.extend((channels as u16 * 2).to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((samples.len() as u32 * 2).to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()));
    file
}

fn ogg(channels: usize, gain: i16, frame: usize, samples: &[f32]) -> Vec<u8> {
    let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
    let mut encoder = Encoder::new(48_000, layout, Application::Audio).unwrap();
    let mut writer = PacketWriter::new(Vec::new());
    let mut head = b"OpusHead\x01".to_vec();
    head.extend([channels as u8, 0x38, 0x01, 0x80, 0xbb, 0, 0]);
    head.extend(gain.to_le_bytes());
    head.push(0);
    writer.write_packet(head, 7, PacketWriteEndInfo::EndPage, 0).unwrap();
    writer.write_packet(b"OpusTags\0\0\0\0\0\0\0\0".to_vec(), 7, PacketWriteEndInfo::EndPage, 0).unwrap();
    let packets = samples.len() / (frame * channels);
    for (n, samples) in samples.chunks_exact(frame * channels).enumerate() {
        let packet = encoder.encode_vec_float(samples, 1_000).unwrap();
        let at = ((n + 1) * frame) as u64;
        let is_last = n + 1 == packets;
        let end = if is_last { PacketWriteEndInfo::EndStream } else { PacketWriteEndInfo::NormalPacket };
        writer.write_packet(packet, 7, end, at).unwrap();
    }
    writer.into_inner()
}

/// Asserts that frames are a tone of 1 kHz of about this amplitude and length.
fn assert_tone(frames: &Frames, millis: u32, amplitude: f32) {
    assert_eq!(frames.len(), (millis / 20) as usize);
    let mut decoder = Decoder::new(48_000, Channels::Mono).unwrap();
    let (mut sine, mut cosine, mut power, mut count) = (0.0, 0.0, 0.0, 0);
    for (n, frame) in frames.iter().enumerate() {
        let mut out = [0.0; 5_760];
        assert_eq!(decoder.decode_float(frame, &mut out, false).unwrap(), 960);
        // The codec and a filter need a moment to begin and to end.
        if n < 5 || n + 2 > frames.len() {
            continue;
        }
        for (i, sample) in out[..960].iter().enumerate() {
            let (s, c) = (std::f32::consts::TAU * (n * 960 + i) as f32 / 48.0).sin_cos();
            (sine, cosine, power, count) =
                (sine + sample * s, cosine + sample * c, power + sample * sample, count + 1);
        }
    }
    let found = 2.0 * f32::hypot(sine, cosine) / count as f32;
    let loudness = (2.0 * power / count as f32).sqrt();
    assert!((found / amplitude - 1.0).abs() < 0.1, "{found} at 1 kHz, expected {amplitude}");
    assert!((loudness / amplitude - 1.0).abs() < 0.1, "{loudness} in all, expected {amplitude}");
}

#[test]
fn wav_of_any_rate_becomes_the_same_tone() {
    for rate in [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000] {
        for channels in [1, 2] {
            let frames = read_wav(&wav(rate, channels, 16, &tone(rate, channels, 1_000))).unwrap();
            assert_tone(&frames, 1_000, 0.5);
        }
    }
}

#[test]
fn ogg_of_twenty_millisecond_packets_is_taken_as_it_is() {
    for channels in [1, 2] {
        let file = ogg(channels, 0, 960, &tone(48_000, channels, 1_000));
        let frames = read_ogg(&file).unwrap();
        assert_tone(&frames, 1_000, 0.5);
        assert!(frames.iter().all(|frame| file.windows(frame.len()).any(|window| window == &frame[..])));
    }
}

#[test]
fn ogg_of_other_packets_or_with_a_gain_is_encoded_anew() {
    for frame in [120, 480, 1_920, 2_880] {
        let file = ogg(1, 0, frame, &tone(48_000, 1, 1_200));
        assert_tone(&read_ogg(&file).unwrap(), 1_200, 0.5);
    }
    // 256ths of a decibel: half as loud.
    let file = ogg(2, -1_541, 960, &tone(48_000, 2, 1_000));
    assert_tone(&read_ogg(&file).unwrap(), 1_000, 0.25);
}

#[test]
fn files_that_are_no_clips_are_refused_by_name() {
    assert!(matches!(read_ogg(b"MZ"), Err(ClipError::NotOggOpus)));
    assert!(matches!(read_ogg(b""), Err(ClipError::NotOggOpus)));
    assert!(matches!(read_wav(b""), Err(ClipError::NotWav)));
    assert!(matches!(read_wav(b"RIFF\0\0\0\0AVI LIST"), Err(ClipError::NotWav)));
    assert!(matches!(read_wav(&wav(8_000, 1, 16, &[])), Err(ClipError::Empty)));
    assert!(matches!(read_wav(&wav(8_000, 1, 8, &[0.0; 800])), Err(ClipError::UnsupportedLayout)));
    assert!(matches!(read_wav(&wav(8_000, 6, 16, &[0.0; 600])), Err(ClipError::UnsupportedLayout)));
    assert!(matches!(read_wav(&wav(7, 1, 16, &[0.0; 700])), Err(ClipError::UnsupportedLayout)));
    assert!(matches!(read_ogg(&ogg(1, 0, 960, &[])), Err(ClipError::Empty)));
    let long = vec![0.0; 8_000 * 601];
    assert!(matches!(read_wav(&wav(8_000, 1, 16, &long)), Err(ClipError::TooLong { max_seconds: 600 })));
    let mut vorbis = ogg(1, 0, 960, &tone(48_000, 1, 100));
    let at = vorbis.windows(8).position(|window| window == b"OpusHead").unwrap();
    vorbis[at + 9] = 6;
    assert!(read_ogg(&vorbis).is_err(), "six channels, and a checksum that is wrong");
}

#[test]
fn no_cut_and_no_flip_of_a_file_panics() {
    let files = [ogg(1, 0, 480, &tone(48_000, 1, 60)), wav(16_000, 1, 16, &tone(16_000, 1, 40))];
    for file in &files {
        for len in 0..file.len().min(400) {
            let _ = (read_ogg(&file[..len]), read_wav(&file[..len]));
            let mut flipped = file.clone();
            flipped[len] ^= 0xff;
            let _ = (read_ogg(&flipped), read_wav(&flipped));
        }
    }
}
