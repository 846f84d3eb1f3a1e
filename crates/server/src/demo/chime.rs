//! Announcements to try things with: chimes, since a demo has nobody to speak them.

use std::f32::consts::TAU;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

const RATE: u32 = 16_000;

/// Name and notes: hertz, a third of a second each.
const CHIMES: [(&str, [f32; 3]); 2] = [("welcome", [660.0, 880.0, 660.0]), ("notice", [500.0, 500.0, 500.0])];

/// The demo's folder of announcements; what is missing in it is made.
pub(super) fn folder(data: &Path) -> anyhow::Result<PathBuf> {
    let folder = data.join("announcements");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    for (name, notes) in CHIMES {
        let file = folder.join(name).with_extension("wav");
        if !file.exists() {
            fs::write(&file, wav(notes)).with_context(|| file.display().to_string())?;
        }
    }
    Ok(folder)
}

/// A RIFF/WAVE file of 16-bit mono PCM.
#[expect(clippy::cast_possible_truncation, reason = "samples are within 16 bits by construction")]
fn wav(notes: [f32; 3]) -> Vec<u8> {
    let third = RATE / 3;
    let samples = notes.into_iter().flat_map(|hertz| {
        (0..third).map(move |n| {
            let at = n as f32 / RATE as f32;
            let fade = (1.0 - at * 3.0).clamp(0.0, 1.0);
            (0.3 * fade * (TAU * hertz * at).sin() * f32::from(i16::MAX)) as i16
        })
    });
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let length = data.len() as u32;
    let mut file = Vec::with_capacity(data.len() + 44);
    file.extend(b"RIFF");
    file.extend((36 + length).to_le_bytes());
    file.extend(b"WAVEfmt ");
    for part in [16_u32, 1 | 1 << 16, RATE, RATE * 2, 2 | 16 << 16] {
        file.extend(part.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(length.to_le_bytes());
    file.extend(data);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chime_can_be_played() {
        let frames = offhook_media::clip::read_wav(&wav([660.0, 880.0, 660.0])).unwrap();
        assert!((49..=52).contains(&frames.len()), "one second: {}", frames.len());
    }
}
