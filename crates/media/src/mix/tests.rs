//! Voices over paths that are late, uneven, lossy or mad, in virtual time.

use opus::{Application, Channels, Encoder};

use super::speaker::Speaker;
use super::*;

/// Packets of a tone as its sender numbers them.
fn tone(frames: usize) -> Vec<Box<[u8]>> {
    let mut encoder = Encoder::new(48_000, Channels::Mono, Application::Voip).unwrap();
    encoder.set_inband_fec(true).unwrap();
    encoder.set_packet_loss_perc(20).unwrap();
    let sample = |n: usize| 0.3 * (std::f32::consts::TAU * 440.0 * n as f32 / 48_000.0).sin();
    let frame = |n: usize| (n * FRAME_LEN..(n + 1) * FRAME_LEN).map(sample).collect::<Vec<_>>();
    (0..frames).map(|n| encoder.encode_vec_float(&frame(n), 1_000).unwrap().into_boxed_slice()).collect()
}

/// SplitMix64.
fn chance(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Plays packets that arrive at these milliseconds; how loud each 20 ms came out, nothing for a pause.
fn play(ticks: usize, mut arrivals: Vec<(u64, u64, Box<[u8]>)>) -> Vec<f32> {
    arrivals.sort_by_key(|(at, ..)| *at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut speaker = Speaker::new().unwrap();
    let mut out = [0.0; FRAME_LEN];
    let mut loudness = Vec::new();
    for tick in 0..ticks as u64 {
        while let Some((_, number, payload)) = arrivals.next_if(|(at, ..)| *at <= tick * 20) {
            speaker.say(1, (number as u32).wrapping_mul(960).wrapping_sub(50_000), payload);
        }
        let is_heard = speaker.frame(&mut out);
        let power = out.iter().map(|sample| sample * sample).sum::<f32>() / FRAME_LEN as f32;
        loudness.push(if is_heard { (2.0 * power).sqrt() / 0.3 } else { 0.0 });
    }
    assert_eq!(speaker.corrupt, 0);
    loudness
}

/// A tone whose `n`th packet arrives when `when` says, or never.
fn arriving(frames: usize, when: impl Fn(u64) -> Option<u64>) -> Vec<(u64, u64, Box<[u8]>)> {
    let packets = (0u64..).zip(tone(frames));
    packets.filter_map(|(n, payload)| Some((when(n)?, n, payload))).collect()
}

fn loud(frames: &[f32]) -> usize {
    frames.iter().filter(|loudness| (0.7..1.3).contains(*loudness)).count()
}

#[test]
fn a_steady_voice_is_heard_whole_after_sixty_milliseconds() {
    let heard = play(200, arriving(200, |n| Some(n * 20 + 7)));
    let first = heard.iter().position(|loudness| *loudness > 0.5).unwrap();
    assert!((3..=4).contains(&first), "{first}");
    assert_eq!(loud(&heard[first + 1..]), heard.len() - first - 1);
}

#[test]
fn packets_that_are_late_by_less_than_the_margin_are_not_missed() {
    let mut state = 1;
    let late: Vec<u64> = (0..500).map(|_| chance(&mut state) % 40).collect();
    let heard = play(500, arriving(500, |n| Some(n * 20 + late[n as usize])));
    assert!(loud(&heard[6..]) >= 492, "{}", loud(&heard[6..]));
}

#[test]
fn the_margin_grows_until_a_rough_path_is_heard_whole() {
    let mut state = 2;
    let late: Vec<u64> = (0..1_500).map(|_| chance(&mut state) % 100).collect();
    let heard = play(1_500, arriving(1_500, |n| Some(n * 20 + late[n as usize])));
    assert!(loud(&heard[500..]) >= 985, "{}", loud(&heard[500..]));
}

#[test]
fn one_packet_in_ten_lost_is_filled_in() {
    let heard = play(500, arriving(500, |n| (n % 10 != 3).then_some(n * 20 + 7)));
    // What in-band repetition knows of a pure tone is not much; of speech it is more. But there is no hole.
    assert!(heard[6..].iter().all(|loudness| *loudness > 0.2));
    assert!(loud(&heard[6..]) >= 390, "{}", loud(&heard[6..]));
}

#[test]
fn a_sender_whose_clock_runs_away_neither_falls_behind_nor_breaks_up() {
    // A clock wrong by half a percent, a hundred times what is usual: fifteen frames a minute must be skipped or
    // made up, and a tone takes a few to recover from each.
    for micros in [19_900, 20_100] {
        let heard = play(3_000, arriving(3_100, |n| Some(n * micros / 1_000)));
        let broken = heard[20..2_980].len() - loud(&heard[20..2_980]);
        assert!(broken <= 90, "{broken} frames of a minute at {micros}");
    }
}

#[test]
fn what_has_gathered_is_skipped() {
    // The path stands still for a second and then delivers all at once.
    let stalled = |n: u64| Some(if (100..150).contains(&n) { 3_000 } else { n * 20 });
    let heard = play(600, arriving(600, stalled));
    let silent = heard[160..].iter().filter(|loudness| **loudness < 0.3).count();
    assert!(silent <= 5, "{silent}");
    // The sender stops at 600 frames; how long it is heard after that is how far behind it was.
    let mut after = arriving(400, stalled);
    after.retain(|(_, n, _)| *n < 400);
    let heard = play(500, after);
    let last = heard.iter().rposition(|loudness| *loudness > 0.5).unwrap();
    assert!(last < 400 + 9, "{last}");
}

#[test]
fn a_pause_is_silence_and_what_follows_is_heard_whole() {
    let heard = play(400, arriving(400, |n| (!(100..200).contains(&n)).then_some(n * 20 + 3)));
    assert!(heard[112..200].iter().all(|loudness| *loudness == 0.0));
    assert!(loud(&heard[206..]) >= 190, "{}", loud(&heard[206..]));
}

#[test]
fn a_sender_that_begins_anew_is_followed() {
    let mut speaker = Speaker::new().unwrap();
    let mut out = [0.0; FRAME_LEN];
    let mut heard = 0;
    for (n, payload) in (0u32..).zip(tone(300)) {
        let (numbering, timestamp) = match n {
            0..100 => (1, n * 960),
            100..200 => (2, (n * 960).wrapping_mul(3).wrapping_add(n * 960)),
            _ => (2, n.wrapping_mul(960).wrapping_add(0x8000_0000)),
        };
        let timestamp = if n < 200 { timestamp } else { timestamp.wrapping_add(7) };
        speaker.say(
            numbering,
            if (100..200).contains(&n) { 5_000_000 + n * 960 } else { timestamp },
            payload,
        );
        heard += usize::from(speaker.frame(&mut out));
    }
    assert!(heard >= 280, "{heard}");
}

#[test]
fn no_timestamps_and_no_packets_break_a_mixer() {
    let mut state = 3;
    let good = tone(50);
    let mut mixer = Mixer::default();
    let mut frames = 0;
    for n in 0..6_000u64 {
        let random = chance(&mut state);
        let voice = random % 5;
        let ear = Ear { key: (random >> 8) as usize % 4, serial: 9 };
        let ask = match random >> 60 {
            0 => Ask::Listen { ear, voices: Box::new([voice, (voice + 1) % 5, (voice + 3) % 5]) },
            1 if n % 7 == 0 => Ask::Leave { ear },
            2..=7 => Ask::Tick { number: n },
            kind => {
                let mut payload = good[(random >> 16) as usize % good.len()].clone();
                if kind == 8 {
                    payload = payload.iter().map(|byte| byte ^ (random >> 24) as u8).collect();
                }
                let near = (n as u32).wrapping_mul(960);
                let timestamp = match kind {
                    9 => (random >> 20) as u32,
                    10 => near.wrapping_add((random >> 20) as u32 % 5_000),
                    _ => near,
                };
                let payload = if kind == 11 { Box::default() } else { payload };
                Ask::Said { voice, numbering: (random >> 50) & 1, timestamp, payload }
            }
        };
        mixer.take(ask, |frame| {
            assert!(!frame.payload.is_empty() && frame.payload.len() <= MAX_FRAME_BYTES);
            frames += 1;
        });
    }
    assert!(frames > 500, "{frames}");
}

#[test]
fn a_mixer_that_falls_behind_leaves_frames_out_instead_of_hurrying() {
    let (mut link, mut desk) = pair();
    let ear = Ear { key: 0, serial: 1 };
    assert!(link.listen(ear, Box::new([1, 2])));
    for number in 0..50 {
        link.tick(number);
    }
    assert!(desk.work());
    let frames: Vec<u64> = std::iter::from_fn(|| link.mixed()).map(|mixed| mixed.number).collect();
    assert_eq!(frames, [0, 1, 2, 3, 4]);
    assert_eq!(link.counters().1, 45);
    link.tick(50);
    desk.work();
    assert_eq!(link.mixed().map(|mixed| mixed.number), Some(50));
}

#[test]
fn packets_do_not_crowd_out_changes_of_who_hears_whom() {
    let (mut link, mut desk) = pair();
    for n in 0..10_000 {
        link.said(1, 1, n, &[0; 60]);
    }
    let ear = Ear { key: 0, serial: 1 };
    assert!(link.listen(ear, Box::new([1, 2])), "there is room kept for it");
    link.tick(0);
    desk.work();
    assert!(link.mixed().is_some());
    assert!(link.counters().1 > 5_000);
    drop(desk);
    assert!(!link.listen(ear, Box::new([1, 2])), "a mixer that is gone takes nobody");
}

#[test]
fn a_panic_over_one_voice_costs_the_others_nothing() {
    const EARS: [Ear; 3] =
        [Ear { key: 0, serial: 10 }, Ear { key: 1, serial: 11 }, Ear { key: 2, serial: 12 }];
    let mut mixer = Mixer::default();
    for (ear, voices) in EARS.into_iter().zip([[1, 2], [3, 4], [2, 3]]) {
        mixer.take(Ask::Listen { ear, voices: voices.into() }, drop);
    }
    let mut heard: HashMap<usize, Vec<usize>> = HashMap::new();
    for (n, frame) in tone(50).into_iter().enumerate() {
        if n == 20 {
            mixer.voices.get_mut(&1).unwrap().speaker.breaks = true;
        }
        for voice in 1..=4 {
            let timestamp = n as u32 * 960;
            mixer.take(Ask::Said { voice, numbering: 1, timestamp, payload: frame.clone() }, drop);
        }
        mixer.take(Ask::Tick { number: n as u64 }, |mixed| {
            heard.entry(mixed.ear.key).or_default().push(mixed.payload.len());
        });
    }
    assert_eq!((mixer.broken(), mixer.voices[&1].is_heard), (1, true), "and it is heard again");
    for ear in EARS {
        let frames = &heard[&ear.key];
        assert_eq!(frames.len(), 50);
        assert!(frames[10..].iter().all(|len| *len > 20), "a voice that works is heard: {frames:?}");
    }
}
