//! Legs that are programs, among legs of peers.

use std::time::Instant;

use super::conference::assert_hears;
use super::world::{Says, World};
use crate::line::tests::{loudness, tone};
use crate::line::{Ear, Mouth, SAMPLES, line};
use crate::message::{Command, Hearing, LegId};

/// A program that says a tone and keeps what it hears.
struct Program {
    id: LegId,
    mouth: Mouth,
    ear: Ear,
    hz: f32,
    said: usize,
    heard: Vec<i16>,
}

impl Program {
    fn join(world: &mut World, hz: f32) -> Self {
        let (end, mouth, ear) = line().unwrap();
        let id = LegId::of_call(0, 90);
        world.send(Command::AddLine { leg: id, end });
        Self { id, mouth, ear, hz, said: 0, heard: Vec::new() }
    }

    fn turn(&mut self) {
        while self.mouth.waiting() < 3 && self.mouth.say(&tone(self.hz, self.said)) {
            self.said += 1;
        }
        let mut samples = [0; SAMPLES];
        self.ear.hear(&mut samples);
        self.heard.extend(samples);
    }

    /// Lets both live for so long; when that began.
    fn run(&mut self, world: &mut World, millis: u64) -> Instant {
        let since = world.now;
        for _ in 0..millis / 20 {
            world.run_for(20);
            self.turn();
        }
        since
    }

    /// How loud a tone was in the newest second.
    fn hears(&self, hz: f32) -> f32 {
        loudness(&self.heard[self.heard.len() - 50 * SAMPLES..], hz)
    }
}

#[test]
fn program_and_phone_hear_each_other() {
    let mut world = World::of(1);
    world.ends[0].says = Says::tone(440.0);
    let mut program = Program::join(&mut world, 700.0);
    let (phone, line) = (world.ends[0].id, program.id);
    world.send(Command::Hear { leg: line, what: Hearing::Legs(vec![phone]) });
    world.hear(0, Hearing::Legs(vec![line]));
    program.run(&mut world, 500);
    let since = program.run(&mut world, 2_000);
    assert_hears(&world, 0, since, &[1]);
    let frames = world.ends[0].heard.iter().filter(|heard| heard.at > since).count();
    assert_eq!(frames, 100, "a frame every 20 ms");
    world.assert_one_line(0);
    // The peer's tone is a quarter of full scale, which is also what `loudness` calls one.
    assert!((0.8..1.2).contains(&program.hears(440.0)), "{}", program.hears(440.0));
    assert!(program.hears(700.0) < 0.05, "not itself");
    assert_eq!((program.ear.lost(), world.counters().mix_lost), (0, 0));
}

#[test]
fn program_in_a_mix_hears_the_others_and_is_heard_by_them() {
    let mut world = World::of(2);
    world.ends[0].says = Says::tone(440.0);
    world.ends[1].says = Says::tone(1_100.0);
    let mut program = Program::join(&mut world, 700.0);
    let (phone, agent, line) = (world.ends[0].id, world.ends[1].id, program.id);
    world.send(Command::Hear { leg: line, what: Hearing::Legs(vec![phone, agent]) });
    world.hear(0, Hearing::Legs(vec![agent, line]));
    world.hear(1, Hearing::Legs(vec![phone, line]));
    program.run(&mut world, 500);
    let since = program.run(&mut world, 2_000);
    assert_hears(&world, 0, since, &[1, 2]);
    assert_hears(&world, 1, since, &[0, 1]);
    for hz in [440.0, 1_100.0] {
        assert!((0.7..1.3).contains(&program.hears(hz)), "{hz}: {}", program.hears(hz));
    }
    assert!(program.hears(700.0) < 0.05);
}

#[test]
fn phone_of_a_program_that_says_nothing_hears_comfort_and_one_line_through_it_all() {
    let mut world = World::of(1);
    let mut program = Program::join(&mut world, 700.0);
    let line = program.id;
    world.hear(0, Hearing::Legs(vec![line]));
    program.run(&mut world, 1_000);
    let silent = world.run_for(2_000);
    let frames = world.ends[0].heard.iter().filter(|heard| heard.at > silent).count();
    assert!(frames > 85, "comfort sound takes over: {frames}");
    program.run(&mut world, 500);
    let since = program.run(&mut world, 1_000);
    assert_hears(&world, 0, since, &[1]);
    world.send(Command::RemoveLeg { leg: line });
    world.run_for(500);
    assert!(program.mouth.is_over());
    world.assert_one_line(0);
}
