//! Who hears whom, untouched.

use super::world::{Says, World};
use crate::clip::Clip;
use crate::message::{Command, Hearing, LegId, LegNotice};

/// What our silence begins with.
const SILENCE: u8 = 0xf8;

fn clip(id: u64, byte: u8, frames: usize, repeat: bool) -> Clip {
    Clip { id, frames: vec![vec![byte; 40].into_boxed_slice(); frames].into(), repeat }
}

#[test]
fn hearing_has_a_direction() {
    let mut world = World::of(2);
    (world.ends[0].says, world.ends[1].says) = (Says::Bytes(1), Says::Bytes(2));
    world.hear_legs(0, &[1]);
    world.run_for(300);
    let start = world.run_for(500);
    assert_eq!(world.bytes(0, start), [2]);
    assert_eq!(world.bytes(1, start), [SILENCE]);
}

#[test]
fn a_supervisor_listens_and_nobody_notices() {
    let mut world = World::of(4);
    for (end, byte) in [(0, 1), (1, 2)] {
        world.ends[end].says = Says::Bytes(byte);
    }
    for (end, other) in [(0, 1), (1, 0), (2, 0), (3, 0)] {
        world.hear_legs(end, &[other]);
    }
    world.run_for(300);
    let start = world.run_for(1_000);
    for (end, byte) in [(0, 2), (1, 1), (2, 1), (3, 1)] {
        assert_eq!(world.bytes(end, start), [byte], "end {end}");
        let frames = world.ends[end].heard.iter().filter(|heard| heard.at > start).count();
        assert_eq!(frames, 50, "end {end}");
        world.assert_one_line(end);
    }
    world.send(Command::RemoveLeg { leg: LegId(3) });
    let after = world.run_for(300);
    assert_eq!(world.bytes(1, after), [1]);
    assert_eq!(world.bytes(3, after), [1]);
}

#[test]
fn a_leg_named_before_it_is_there_is_heard_when_it_comes() {
    let mut world = World::of(1);
    world.hear(0, Hearing::Legs(vec![LegId(2), LegId(2)]));
    let start = world.run_for(200);
    assert_eq!(world.bytes(0, start), [SILENCE]);
    world.add(|offer| offer);
    world.ends[1].says = Says::Bytes(2);
    world.run_for(100);
    let start = world.run_for(200);
    assert_eq!(world.bytes(0, start), [2]);
    world.send(Command::RemoveLeg { leg: LegId(2) });
    world.run_for(300);
    let start = world.run_for(200);
    assert_eq!(world.bytes(0, start), [SILENCE]);
    world.assert_one_line(0);
}

#[test]
fn an_announcement_is_told_whole_and_its_end_with_it() {
    let mut world = World::of(2);
    world.ends[1].says = Says::Bytes(2);
    world.hear_legs(0, &[1]);
    world.run_for(200);
    for _ in 0..2 {
        world.notices.clear();
        let start = world.now;
        world.hear(0, Hearing::Clip(clip(77, 9, 25, false)));
        world.run_for(480);
        assert!(!world.of_end(0).contains(&LegNotice::ClipOver { id: 77 }), "not before its end");
        world.run_for(120);
        let told = world.ends[0].heard.iter().filter(|heard| heard.at > start && heard.payload[0] == 9);
        assert_eq!(told.count(), 25);
        let over = world.of_end(0).iter().filter(|notice| **notice == LegNotice::ClipOver { id: 77 }).count();
        assert_eq!(over, 1);
        let start = world.run_for(200);
        assert_eq!(world.bytes(0, start), [SILENCE], "comfort sound follows");
    }
    world.assert_one_line(0);
}

#[test]
fn a_piece_that_repeats_goes_on_until_something_else_is_said() {
    let mut world = World::of(1);
    world.hear(0, Hearing::Clip(clip(5, 9, 3, true)));
    world.run_for(50);
    let start = world.run_for(2_000);
    assert_eq!(world.bytes(0, start), [9]);
    world.hear(0, Hearing::Music);
    world.run_for(50);
    let music = world.run_for(1_000);
    let sound = world.sound(0, music);
    let energy = sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32;
    assert!(energy > 1e-4, "{energy}");
    assert!(!world.of_end(0).iter().any(|notice| matches!(notice, LegNotice::ClipOver { .. })));
    world.assert_one_line(0);
}

#[test]
fn an_empty_piece_is_over_at_once() {
    let mut world = World::of(1);
    for repeat in [false, true] {
        world.notices.clear();
        world.hear(0, Hearing::Clip(clip(6, 9, 0, repeat)));
        let start = world.run_for(100);
        assert!(world.of_end(0).contains(&LegNotice::ClipOver { id: 6 }));
        assert_eq!(world.bytes(0, start), [SILENCE]);
    }
}
