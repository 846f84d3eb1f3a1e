//! Listening in, and muting.

use std::time::Duration;

use super::world::{Says, World};
use crate::message::Command;
use crate::tap::{Tap, Tapped, tap};

fn drain(tap: &mut Tap) -> Vec<Tapped> {
    std::iter::from_fn(|| tap.pop()).collect()
}

#[test]
fn a_tap_has_every_packet_in_order() {
    let mut world = World::of(2);
    (world.ends[0].says, world.ends[1].says) = (Says::Bytes(1), Says::Bytes(2));
    world.hear_legs(0, &[1]);
    world.hear_legs(1, &[0]);
    let (sink, mut tap) = tap(200);
    let leg = world.ends[0].id;
    world.run_for(100);
    let first = world.ends[0].number + 1;
    world.send(Command::Tap { leg, sink: Some(sink) });
    world.run_for(1_000);
    let tapped = drain(&mut tap);
    assert_eq!(tapped.len(), 50);
    for (n, packet) in tapped.iter().enumerate() {
        assert_eq!((packet.leg, &packet.payload[..]), (leg, &[1; 60][..]), "its own voice only");
        let timestamp = tapped[0].rtp_timestamp.wrapping_add(960 * n as u32);
        assert_eq!(packet.rtp_timestamp, timestamp);
        assert_eq!(packet.sequence, tapped[0].sequence.wrapping_add(n as u16));
        assert_eq!(packet.at - tapped[0].at, Duration::from_millis(20 * n as u64));
    }
    assert!(first > 1 && tap.lost() == 0 && !tap.is_over());
    world.send(Command::RemoveLeg { leg });
    world.run_for(20);
    drain(&mut tap);
    assert!(tap.is_over(), "a leg that goes closes its tap");
    assert_eq!(world.counters().tap_lost, 0);
}

#[test]
fn a_full_tap_loses_its_own_packets_and_nobody_elses() {
    let mut world = World::of(2);
    (world.ends[0].says, world.ends[1].says) = (Says::Bytes(1), Says::Bytes(2));
    world.hear_legs(0, &[1]);
    world.hear_legs(1, &[0]);
    world.run_for(100);
    let ((small, mut full), (large, mut roomy)) = (tap(10), tap(100));
    for (end, sink) in [(0, small), (1, large)] {
        world.send(Command::Tap { leg: world.ends[end].id, sink: Some(sink) });
    }
    let start = world.run_for(1_000);
    assert_eq!((drain(&mut full).len(), full.lost()), (10, 40));
    assert_eq!((drain(&mut roomy).len(), roomy.lost()), (50, 0));
    assert_eq!(world.counters().tap_lost, 40);
    let heard = world.ends[1].heard.iter().filter(|heard| heard.at > start && heard.payload[0] == 1).count();
    assert_eq!(heard, 50, "the listener missed nothing");
    world.run_for(100);
    assert_eq!(drain(&mut full).len(), 5, "and it goes on when there is room");
    world.send(Command::Tap { leg: world.ends[1].id, sink: None });
    world.run_for(20);
    drain(&mut roomy);
    assert!(roomy.is_over());
}

#[test]
fn a_muted_voice_reaches_nobody() {
    let mut world = World::of(3);
    world.ends[0].says = Says::Bytes(1);
    world.hear_legs(1, &[0]);
    world.hear_legs(2, &[0]);
    let (sink, mut tap) = tap(100);
    let leg = world.ends[0].id;
    world.send(Command::Tap { leg, sink: Some(sink) });
    world.run_for(100);
    world.send(Command::Mute { leg, on: true });
    world.run_for(20);
    drain(&mut tap);
    let start = world.run_for(1_000);
    for end in [1, 2] {
        assert_eq!(world.bytes(end, start), [0xf8], "comfort sound instead");
    }
    assert!(drain(&mut tap).is_empty());
    world.send(Command::Mute { leg, on: false });
    world.run_for(300);
    let start = world.run_for(200);
    assert_eq!((world.bytes(1, start), world.bytes(2, start)), (vec![1], vec![1]));
    assert!(!drain(&mut tap).is_empty());
    world.assert_one_line(1);
}
