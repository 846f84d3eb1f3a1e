//! Ogg/Opus files (RFC 7845).

use std::io::Cursor;

use ogg::PacketReader;
use opus::{Channels, Decoder, packet};

use super::encode::ClipEncoder;
use super::{ClipError, Frames, MAX_FRAME_BYTES, MAX_FRAMES, MAX_SECONDS};

/// The longest Opus packet, 120 ms.
const MAX_PACKET: usize = 5_760;

/// Reads an Ogg/Opus file. Packets of 20 ms are taken as they are; a file with others, or with a gain, is encoded
/// anew. Of chained streams the first is read.
///
/// # Errors
/// If it is no such file, a damaged one, or a long one.
pub fn read_ogg(bytes: &[u8]) -> Result<Frames, ClipError> {
    let mut reader = PacketReader::new(Cursor::new(bytes));
    let head = reader.read_packet().map_err(|_| ClipError::NotOggOpus)?.ok_or(ClipError::NotOggOpus)?;
    let (channels, gain) = read_head(&head.data)?;
    let mut packets: Vec<Box<[u8]>> = Vec::new();
    let mut samples = 0;
    let mut has_tags = false;
    while let Some(packet) = reader.read_packet().map_err(|_| ClipError::Damaged)? {
        if packet.stream_serial() != head.stream_serial() {
            continue;
        }
        if !std::mem::replace(&mut has_tags, true) {
            if !packet.data.starts_with(b"OpusTags") {
                return Err(ClipError::NotOggOpus);
            }
            continue;
        }
        samples += packet::get_nb_samples(&packet.data, 48_000).map_err(|_| ClipError::Damaged)?;
        // Packets of 2.5 ms count by their number, not to be drowned in them.
        if samples > MAX_SECONDS as usize * 48_000 || packets.len() >= 8 * MAX_FRAMES {
            return Err(ClipError::TooLong { max_seconds: MAX_SECONDS });
        }
        packets.push(packet.data.into_boxed_slice());
    }
    if packets.is_empty() {
        return Err(ClipError::Empty);
    }
    let as_it_is = |packet: &[u8]| {
        packet.len() <= MAX_FRAME_BYTES && packet::get_nb_samples(packet, 48_000).is_ok_and(|len| len == 960)
    };
    if gain == 0 && packets.iter().all(|packet| as_it_is(packet)) {
        return Ok(packets.into());
    }
    anew(&packets, channels, gain)
}

/// Channels and gain (RFC 7845 section 5.1).
fn read_head(head: &[u8]) -> Result<(usize, i16), ClipError> {
    match head {
        [
            b'O',
            b'p',
            b'u',
            b's',
            b'H',
            b'e',
            b'a',
            b'd',
            0..=15,
            channels @ 1..=2,
            _,
            _,
            _,
            _,
            _,
            _,
            low,
            high,
            0,
            ..,
        ] => Ok((usize::from(*channels), i16::from_le_bytes([*low, *high]))),
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => Err(ClipError::UnsupportedLayout),
        _ => Err(ClipError::NotOggOpus),
    }
}

fn anew(packets: &[Box<[u8]>], channels: usize, gain: i16) -> Result<Frames, ClipError> {
    let layout = if channels == 1 { Channels::Mono } else { Channels::Stereo };
    let mut decoder = Decoder::new(48_000, layout)?;
    decoder.set_gain(gain.into())?;
    let mut encoder = ClipEncoder::new(channels)?;
    let mut samples = vec![0.0; MAX_PACKET * channels];
    for packet in packets {
        let decoded = decoder.decode_float(packet, &mut samples, false).map_err(|_| ClipError::Damaged)?;
        encoder.push(&samples[..decoded * channels])?;
    }
    encoder.finish()
}
