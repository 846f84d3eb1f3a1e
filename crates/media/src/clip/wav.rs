//! WAV files: 16 bit PCM at any rate, one or two channels.

use rubato::audioadapter_buffers::owned::InterleavedOwned;
use rubato::{Fft, FixedSync, Resampler};

use super::encode::ClipEncoder;
use super::{ClipError, Frames, MAX_SECONDS};

const PCM: u16 = 1;
/// The real format is in the extension.
const EXTENSIBLE: u16 = 0xfffe;
const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Samples resampled at a time.
const CHUNK: usize = 1_024;

struct Format {
    channels: usize,
    rate: u32,
}

/// Reads a WAV file and encodes it.
///
/// # Errors
/// If it is no such file, of another format, or a long one.
pub fn read_wav(bytes: &[u8]) -> Result<Frames, ClipError> {
    let (b"RIFF", rest) = bytes.split_at_checked(4).ok_or(ClipError::NotWav)? else {
        return Err(ClipError::NotWav);
    };
    let mut rest = rest.get(4..).and_then(|rest| rest.strip_prefix(b"WAVE")).ok_or(ClipError::NotWav)?;
    let mut format = None;
    while let Some((head, body)) = rest.split_at_checked(8) {
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        // A writer that was cut off, or wrote into a pipe, states more than there is.
        let (chunk, after) = body.split_at(len.min(body.len()));
        match (&head[..4], &format) {
            (b"fmt ", _) => format = Some(read_format(chunk)?),
            (b"data", Some(format)) => return encode(chunk, format),
            (b"data", None) => return Err(ClipError::NotWav),
            _ => {}
        }
        rest = after.get(len % 2..).unwrap_or_default();
    }
    Err(ClipError::NotWav)
}

fn read_format(chunk: &[u8]) -> Result<Format, ClipError> {
    let word = |at: usize| chunk.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let field = |at: usize| word(at).ok_or(ClipError::NotWav);
    let tag = match field(0)? {
        EXTENSIBLE => field(24)?,
        tag => tag,
    };
    let channels = usize::from(field(2)?);
    let rate = u32::from(field(4)?) | (u32::from(field(6)?) << 16);
    let is_ours = tag == PCM && field(14)? == 16 && (1..=2).contains(&channels) && RATES.contains(&rate);
    if is_ours { Ok(Format { channels, rate }) } else { Err(ClipError::UnsupportedLayout) }
}

fn encode(data: &[u8], &Format { channels, rate }: &Format) -> Result<Frames, ClipError> {
    let frames = data.len() / (2 * channels);
    if frames > MAX_SECONDS as usize * rate as usize {
        return Err(ClipError::TooLong { max_seconds: MAX_SECONDS });
    }
    let mut samples = data[..frames * 2 * channels]
        .chunks_exact(2)
        .map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0);
    let mut encoder = ClipEncoder::new(channels)?;
    if rate == 48_000 {
        let mut chunk = Vec::with_capacity(CHUNK * channels);
        loop {
            chunk.clear();
            chunk.extend(samples.by_ref().take(CHUNK * channels));
            if chunk.is_empty() {
                return encoder.finish();
            }
            encoder.push(&chunk)?;
        }
    }
    let refused = |_| ClipError::UnsupportedLayout;
    let mut resampler = Fft::<f32>::new(rate as usize, 48_000, CHUNK, channels, FixedSync::Input)
        .map_err(|_| ClipError::UnsupportedLayout)?;
    // What comes first is the filter warming up; what comes last is in there until silence pushes it out.
    let mut skip = resampler.output_delay() * channels;
    let mut left = (frames as u64 * 48_000).div_ceil(rate.into()) as usize * channels;
    while left > 0 {
        let len = resampler.input_frames_next();
        let mut chunk: Vec<f32> = samples.by_ref().take(len * channels).collect();
        chunk.resize(len * channels, 0.0);
        let chunk =
            InterleavedOwned::new_from(chunk, channels, len).map_err(|_| ClipError::UnsupportedLayout)?;
        let out = resampler.process(&chunk, None).map_err(refused)?.take_data();
        let out = &out[skip.min(out.len())..];
        let out = &out[..out.len().min(left)];
        skip = skip.saturating_sub(resampler.output_frames_max() * channels);
        left -= out.len();
        encoder.push(out)?;
    }
    encoder.finish()
}
