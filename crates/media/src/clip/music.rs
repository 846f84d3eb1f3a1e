//! The waiting music that needs no file.

use opus::{Application, Bitrate, Channels, Encoder};

use super::Clip;

/// Composes and encodes the default waiting music: eight seconds of slow broken chords.
///
/// # Errors
/// If the encoder fails, which it does only without memory.
pub(crate) fn music() -> Result<Clip, opus::Error> {
    let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Audio)?;
    encoder.set_bitrate(Bitrate::Bits(24_000))?;
    let frames = (0..400usize).map(|n| {
        let samples: Vec<f32> = (0..960).map(|i| sample(n * 960 + i)).collect();
        Ok(encoder.encode_vec_float(&samples, 1_200)?.into_boxed_slice())
    });
    Ok(Clip { id: 0, frames: frames.collect::<Result<_, opus::Error>>()?, repeat: true })
}

/// A note every 400 ms, each fading out; the last one of a turn has died away when the first comes again.
fn sample(at: usize) -> f32 {
    const NOTES: [f32; 20] = [
        220.0, 277.2, 329.6, 440.0, 329.6, 196.0, 246.9, 293.7, 392.0, 293.7, 174.6, 220.0, 261.6, 349.2,
        261.6, 196.0, 246.9, 293.7, 329.6, 293.7,
    ];
    const NOTE: usize = 19_200;
    let within = (at % NOTE) as f32 / 48_000.0;
    let note = NOTES[(at / NOTE) % NOTES.len()];
    let attack = (within * 50.0).min(1.0);
    let fade = (-4.0 * within).exp() * (1.0 - within / 0.4);
    0.2 * attack * fade * (std::f32::consts::TAU * note * within).sin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_music_is_music() {
        let music = music().unwrap();
        let mut decoder = opus::Decoder::new(48_000, Channels::Mono).unwrap();
        let mut energy = 0.0;
        for frame in music.frames.iter() {
            let mut out = [0.0f32; 960];
            decoder.decode_float(frame, &mut out, false).unwrap();
            energy += out.iter().map(|sample| sample * sample).sum::<f32>() / 960.0;
            assert!(out.iter().all(|sample| sample.abs() < 0.9));
        }
        assert!(energy / 400.0 > 1e-4);
    }
}
