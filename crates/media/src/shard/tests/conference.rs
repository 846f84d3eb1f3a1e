//! Several voices in one.

use super::world::{Says, World};
use crate::clip::Clip;
use crate::message::{Command, Hearing, LegNotice};

pub(super) const HZ: [f32; 3] = [440.0, 700.0, 1_100.0];

/// Three legs, each saying a tone of its own.
fn three() -> World {
    let mut world = World::of(3);
    for (end, hz) in world.ends.iter_mut().zip(HZ) {
        end.says = Says::tone(hz);
    }
    world
}

/// Which of the three tones are heard at an end since then: a tone that is there is nearly as loud as it was said,
/// one that is not is not there at all.
pub(super) fn assert_hears(world: &World, end: usize, since: std::time::Instant, voices: &[usize]) {
    for (n, loudness) in world.tones(end, since, HZ).into_iter().enumerate() {
        let is_expected = voices.contains(&n);
        let is_right = if is_expected { (0.7..1.3).contains(&loudness) } else { loudness < 0.05 };
        assert!(is_right, "end {end}, voice {n}: {loudness}, expected {voices:?}");
    }
}

#[test]
fn in_a_conference_everybody_hears_the_others_and_not_themselves() {
    let mut world = three();
    for (end, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        world.hear_legs(end, &others);
    }
    world.run_for(500);
    let start = world.run_for(2_000);
    for (end, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        assert_hears(&world, end, start, &others);
        let frames = world.ends[end].heard.iter().filter(|heard| heard.at > start).count();
        assert_eq!(frames, 100, "a frame every 20 ms");
        world.assert_one_line(end);
    }
    assert_eq!((world.counters().mix_lost, world.counters().mix_corrupt), (0, 0));
}

#[test]
fn a_whisper_is_for_the_agent_only() {
    let mut world = three();
    let (agent, customer, supervisor) = (0, 1, 2);
    world.hear_legs(agent, &[customer, supervisor]);
    world.hear_legs(customer, &[agent]);
    world.hear_legs(supervisor, &[customer, agent]);
    world.run_for(500);
    let start = world.run_for(2_000);
    assert_hears(&world, agent, start, &[customer, supervisor]);
    assert_hears(&world, customer, start, &[agent]);
    assert_hears(&world, supervisor, start, &[customer, agent]);
}

#[test]
fn the_line_has_no_seam_from_one_voice_to_a_conference_to_music_to_a_clip() {
    let mut world = three();
    let frames = (0..30).map(|_| world.ends[0].says.frame().unwrap().into_boxed_slice()).collect();
    let clip = Clip { id: 4, frames, repeat: false };
    for round in 0..3 {
        world.hear_legs(0, &[1]);
        world.run_for(300);
        let start = world.run_for(1_000);
        assert_hears(&world, 0, start, &[1]);
        world.hear_legs(0, &[1, 2]);
        world.run_for(300);
        let start = world.run_for(1_000);
        assert_hears(&world, 0, start, &[1, 2]);
        world.hear(0, Hearing::Music);
        world.run_for(400 + 7 * round);
        world.hear(0, Hearing::Clip(clip.clone()));
        world.run_for(700 + 3 * round);
        assert!(world.of_end(0).contains(&LegNotice::ClipOver { id: 4 }));
    }
    world.assert_one_line(0);
}

#[test]
fn who_leaves_a_conference_is_not_missed_and_two_hear_each_other_untouched() {
    let mut world = three();
    for (end, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        world.hear_legs(end, &others);
    }
    world.run_for(500);
    world.send(Command::RemoveLeg { leg: world.ends[2].id });
    world.run_for(300);
    let (mixed, start) = (world.counters().mixed, world.run_for(1_000));
    assert_hears(&world, 0, start, &[1]);
    assert_hears(&world, 1, start, &[0]);
    assert_eq!(world.counters().mixed, mixed, "nothing is mixed for two");
    let passed_on: Vec<_> =
        world.ends[0].heard.iter().rev().take(20).map(|heard| heard.payload.len()).collect();
    assert!(passed_on.iter().all(|len| *len > 3));
    world.assert_one_line(0);
}

#[test]
fn listeners_to_the_same_voices_share_a_frame_and_one_may_come_and_go() {
    let mut world = three();
    for _ in 0..2 {
        world.add(|offer| offer);
    }
    for end in [3, 4] {
        world.hear_legs(end, &[0, 1, 2]);
    }
    world.run_for(500);
    let start = world.run_for(1_000);
    for end in [3, 4] {
        assert_hears(&world, end, start, &[0, 1, 2]);
    }
    let last = |end: usize| world.ends[end].heard.last().map(|heard| heard.payload.clone());
    assert_eq!(last(3), last(4));
    world.hear(3, Hearing::Comfort);
    world.run_for(500);
    let start = world.run_for(1_000);
    assert_hears(&world, 3, start, &[]);
    assert_hears(&world, 4, start, &[0, 1, 2]);
}

#[test]
fn a_lossy_voice_stays_intelligible_in_a_conference() {
    let mut world = three();
    world.ends[1].loses_one_in = Some(10);
    world.hear_legs(0, &[1, 2]);
    world.run_for(500);
    let start = world.run_for(3_000);
    let [_, lossy, clean] = world.tones(0, start, HZ);
    assert!(lossy > 0.6 && clean > 0.8, "{lossy} {clean}");
    assert_eq!(world.ends[0].heard.iter().filter(|heard| heard.at > start).count(), 150);
}

#[test]
fn a_voice_that_pauses_is_silence_and_comes_back() {
    let mut world = three();
    world.hear_legs(0, &[1, 2]);
    world.run_for(500);
    let tone = std::mem::replace(&mut world.ends[1].says, Says::Nothing);
    world.run_for(400);
    let start = world.run_for(1_000);
    assert_hears(&world, 0, start, &[2]);
    world.ends[1].says = tone;
    world.run_for(300);
    let start = world.run_for(1_000);
    assert_hears(&world, 0, start, &[1, 2]);
    let leg = world.ends[2].id;
    world.send(Command::Mute { leg, on: true });
    world.run_for(400);
    let start = world.run_for(1_000);
    assert_hears(&world, 0, start, &[1]);
}

#[test]
fn nonsense_from_one_voice_is_counted_and_the_others_are_heard() {
    let mut world = three();
    // Code 3 with a frame count of zero: no decoder takes it.
    world.ends[1].says = Says::Bytes(0x03);
    world.hear_legs(0, &[1, 2]);
    world.run_for(500);
    let start = world.run_for(1_000);
    let [_, _, clean] = world.tones(0, start, HZ);
    assert!(clean > 0.8, "{clean}");
    assert!(world.counters().mix_corrupt > 40, "{}", world.counters().mix_corrupt);
}

#[test]
fn more_listeners_than_may_be_mixed_for_are_refused_by_name() {
    let mut world = World::new(1);
    for _ in 0..4 {
        world.add(|offer| offer);
    }
    for (end, hz) in world.ends.iter_mut().zip(HZ) {
        end.says = Says::tone(hz);
    }
    world.hear_legs(3, &[0, 1, 2]);
    world.hear_legs(2, &[0, 1]);
    world.run_for(500);
    assert!(world.of_end(2).contains(&LegNotice::MixRefused));
    assert!(!world.of_end(3).contains(&LegNotice::MixRefused));
    let start = world.run_for(1_000);
    assert_hears(&world, 3, start, &[0, 1, 2]);
    assert_eq!(world.bytes(2, start), [0xf8], "comfort sound instead");
    world.hear(3, Hearing::Comfort);
    world.hear_legs(2, &[0, 1]);
    world.run_for(500);
    let start = world.run_for(1_000);
    assert_hears(&world, 2, start, &[0, 1]);
}

#[test]
fn a_shard_that_was_held_up_catches_up_without_using_a_number_twice() {
    let mut world = three();
    world.hear_legs(0, &[1, 2]);
    world.run_for(500);
    for held_up in [30, 45, 70, 300] {
        world.hold_up(held_up);
        world.run_for(200);
    }
    let start = world.run_for(1_000);
    assert_hears(&world, 0, start, &[1, 2]);
    assert_eq!(world.ends[0].heard.iter().filter(|heard| heard.at > start).count(), 50);
    let indices = world.ends[0].heard.windows(2).map(|pair| pair[1].index - pair[0].index);
    assert!(indices.max() <= Some(20), "frames left out leave their gap, no more");
}

#[test]
fn whoever_is_heard_alone_is_not_interrupted_when_others_join() {
    let mut world = three();
    world.hear_legs(0, &[1]);
    world.run_for(500);
    let start = world.now;
    world.hear_legs(0, &[1, 2]);
    world.run_for(400);
    world.hear_legs(0, &[2, 1]);
    world.run_for(400);
    world.hear_legs(0, &[2]);
    world.run_for(400);
    let lens =
        || world.ends[0].heard.iter().filter(|heard| heard.at > start).map(|heard| heard.payload.len());
    assert!(lens().all(|len| len > 10), "somebody in every frame: {:?}", lens().collect::<Vec<_>>());
    let frames = lens().count();
    assert!((58..=64).contains(&frames), "and each once, {frames}");
    world.assert_one_line(0);
    // A pause of everybody's is one of comfort sound.
    world.hear_legs(0, &[2, 1]);
    world.ends.iter_mut().for_each(|end| end.says = Says::Nothing);
    world.run_for(1_000);
    let quiet = world.run_for(1_000);
    let frames = world.ends[0].heard.iter().filter(|heard| heard.at > quiet).count();
    assert!((45..=55).contains(&frames), "{frames}");
}
