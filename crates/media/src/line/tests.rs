//! Mouth and ear, without a plane between them.

use std::time::{Duration, Instant};

use super::*;
use crate::leg::{Media, Packet, Source};

const STEP: Duration = Duration::from_millis(20);

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The `n`th 20 ms of a tone.
pub(crate) fn tone(hz: f32, n: usize) -> [i16; SAMPLES] {
    let turn = std::f32::consts::TAU * hz / RATE as f32;
    std::array::from_fn(|k| (8_000.0 * (turn * (n * SAMPLES + k) as f32).sin()) as i16)
}

/// How loud a tone is; 1 is as loud as [`tone`] says it.
pub(crate) fn loudness(samples: &[i16], hz: f32) -> f32 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (s, c) = (std::f32::consts::TAU * hz / RATE as f32 * n as f32).sin_cos();
        (sine, cosine) = (sine + f32::from(*sample) * s, cosine + f32::from(*sample) * c);
    }
    2.0 * f32::hypot(sine, cosine) / samples.len() as f32 / 8_000.0
}

#[test]
fn what_is_said_on_one_line_is_heard_on_another() {
    let start = now();
    let (said, mut mouth, _) = line().unwrap();
    let (heard, _, mut ear) = line().unwrap();
    let (mut from, mut to) = (Line::new(start, said, Source(9)), Line::new(start, heard, Source(10)));
    let mut all = Vec::new();
    for n in 0..150 {
        let at = start + STEP * n;
        assert!(mouth.say(&tone(1_000.0, n as usize)));
        let (number, step, begins, payload) = from.due(at, STEP, 5 * STEP).unwrap();
        assert_eq!((number, step, begins), (u64::from(n) + 1, u64::from(n) + 1, n == 0));
        let packet = Packet::new(Media::Opus, 1, number, step as u32 * 960, 0..payload.len());
        to.hear(at, &packet, &payload);
        let mut samples = [0; SAMPLES];
        if ear.hear(&mut samples) {
            all.extend(samples);
        }
    }
    assert!(all.len() >= 140 * SAMPLES, "{}", all.len());
    let heard = loudness(&all[20 * SAMPLES..], 1_000.0);
    assert!((0.8..1.2).contains(&heard), "{heard}");
    assert!(loudness(&all[20 * SAMPLES..], 440.0) < 0.02);
}

#[test]
fn mouth_that_is_fed_too_fast_has_no_room_and_says_so() {
    let (_end, mut mouth, mut ear) = line().unwrap();
    let taken = (0..100).filter(|n| mouth.say(&tone(500.0, *n))).count();
    assert_eq!((taken, mouth.waiting()), (SAID, SAID));
    let mut samples = [7; SAMPLES];
    assert!(!ear.hear(&mut samples), "nothing was said");
    assert_eq!(samples, [0; SAMPLES], "silence is silence");
}

#[test]
fn ear_that_is_not_used_loses_and_counts_what_finds_no_room() {
    let start = now();
    let (end, _mouth, ear) = line().unwrap();
    let mut line = Line::new(start, end, Source(1));
    for n in 0..100u32 {
        let packet = Packet::new(Media::Opus, 1, n.into(), n * 960, 0..3);
        line.hear(start + STEP * n, &packet, &[0xf8, 0xff, 0xfe]);
    }
    assert_eq!(ear.lost(), 100 - HEARD as u64);
}

#[test]
fn line_whose_plane_was_held_up_skips_instead_of_hurrying() {
    let start = now();
    let (end, mut mouth, _ear) = line().unwrap();
    let mut line = Line::new(start, end, Source(1));
    for n in 0..8 {
        mouth.say(&tone(500.0, n));
    }
    assert!(line.due(start, STEP, 5 * STEP).is_some());
    let later = start + Duration::from_secs(2);
    assert!(line.due(later, STEP, 5 * STEP).is_some_and(|(number, step, ..)| number == 2 && step > 99));
    assert!(line.due(later, STEP, 5 * STEP).is_none());
}
