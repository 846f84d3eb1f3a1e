//! Several shards behind one port, wherever the kernel puts datagrams.

use std::net::SocketAddr;

use super::conference::{HZ, assert_hears};
use super::world::{Says, World};
use crate::message::Command;
use crate::stun;

const USERNAME: u16 = 0x0006;
const USE_CANDIDATE: u16 = 0x0025;
const CONTROLLING: u16 = 0x802a;

/// Two legs that hear each other and say bytes of their own.
fn call(world: &mut World, home: u32, lands_on: [usize; 2]) -> [usize; 2] {
    let ends = lands_on.map(|shard| world.add_at(home, shard, |offer| offer));
    talk(world, ends);
    ends
}

fn talk(world: &mut World, [a, b]: [usize; 2]) {
    world.hear_legs(a, &[b]);
    world.hear_legs(b, &[a]);
    for end in [a, b] {
        world.ends[end].says = Says::Bytes(end as u8 + 1);
    }
}

/// Whether both hear each other, and nobody else, for a second from now.
fn assert_talk(world: &mut World, calls: &[[usize; 2]]) {
    let start = world.run_for(1_000);
    for [a, b] in calls.iter().flat_map(|[a, b]| [[*a, *b], [*b, *a]]) {
        assert_eq!(world.bytes(a, start), [b as u8 + 1], "end {a}");
        let frames = world.ends[a].heard.iter().filter(|heard| heard.at > start).count();
        assert!((49..=51).contains(&frames), "{frames} frames at end {a}");
    }
}

/// A line of a description.
fn attribute<'d>(description: &'d str, name: &str) -> &'d str {
    description.lines().find_map(|line| line.strip_prefix(name)).unwrap()
}

#[test]
fn a_call_is_heard_whichever_sockets_its_datagrams_come_to() {
    let mut world = World::sharded(2, 10);
    let mut calls = Vec::new();
    for home in 0..2 {
        for lands_on in [[0, 0], [0, 1], [1, 0], [1, 1]] {
            calls.push(call(&mut world, home, lands_on));
        }
    }
    world.run_for(300);
    assert_talk(&mut world, &calls);
    for end in 0..world.ends.len() {
        world.assert_one_line(end);
    }
    for shard in 0..2 {
        let counters = world.counters_of(shard);
        assert_eq!(counters.legs, 8);
        assert!(counters.forwarded > 400 && counters.handed_over > 200, "{counters:?}");
        assert_eq!((counters.unclaimed, counters.handover_lost, counters.legs_broken), (0, 0, 0));
    }
}

#[test]
fn a_call_whose_datagrams_come_to_its_own_shard_bothers_no_other() {
    let mut world = World::sharded(3, 10);
    let of_one = call(&mut world, 1, [1, 1]);
    world.run_for(300);
    let before = [0, 1, 2].map(|shard| world.counters_of(shard).handed_over);
    world.ends.iter_mut().for_each(|end| end.notices.clear());
    assert_talk(&mut world, &[of_one]);
    let after = [0, 1, 2].map(|shard| world.counters_of(shard).handed_over);
    assert_eq!(after, before, "not a datagram was passed over");
    assert_eq!([0, 2].map(|shard| world.counters_of(shard).sent), [0, 0]);
}

#[test]
fn a_peer_that_moves_is_heard_though_another_shard_gets_its_datagrams() {
    for (home, lands_on) in [(0, [0, 1]), (0, [1, 0]), (1, [0, 1])] {
        let mut world = World::sharded(2, 10);
        let [a, b] = call(&mut world, home, [lands_on[0], 0]);
        world.run_for(300);
        assert_talk(&mut world, &[[a, b]]);
        let before = world.ends[a].address;
        let moved = SocketAddr::from(([203, 0, 113, 9], 40_000));
        (world.ends[a].address, world.ends[a].lands_on) = (moved, lands_on[1]);
        let description = world.ends[a].description.clone();
        let user = format!("{}:{}", attribute(&description, "a=ice-ufrag:"), world.ends[a].leg.ufrag());
        let attributes =
            [(USERNAME, user.as_bytes()), (USE_CANDIDATE, &[][..]), (CONTROLLING, &[0xff; 8][..])];
        let nomination = stun::forge(0x0001, &attributes, Some(attribute(&description, "a=ice-pwd:")));
        // Once to be asked, and again after the answer.
        for _ in 0..2 {
            world.put(a, nomination.clone());
            world.run_for(100);
        }
        assert_talk(&mut world, &[[a, b]]);
        for shard in 0..2 {
            let unclaimed = world.counters_of(shard).unclaimed;
            world.put_from(before, shard, vec![0x80; 60]);
            world.run_for(5);
            assert_eq!(world.counters_of(shard).unclaimed, unclaimed + 1, "the old address is forgotten");
        }
    }
}

#[test]
fn calls_behind_one_address_keep_apart_on_whatever_shards_they_live() {
    let mut world = World::sharded(2, 10);
    let relay = SocketAddr::from(([203, 0, 113, 7], 3_480));
    let calls = [0, 1, 0, 1].map(|home| [(); 2].map(|()| world.add_from(relay, home, 0, |offer| offer)));
    for ends in calls {
        talk(&mut world, ends);
    }
    world.run_for(300);
    assert_talk(&mut world, &calls);
    for leg in calls[0].map(|end| world.ends[end].id) {
        world.send(Command::RemoveLeg { leg });
    }
    world.run_for(100);
    assert_talk(&mut world, &calls[1..]);
}

/// A peer that begins the handshake does so right behind its answer to the check that selects it. What is lost
/// then is repeated, by our own legs a tenth of a second later, by most others a whole one.
#[test]
fn no_handshake_is_lost_on_the_way_to_its_shard() {
    let mut world = World::sharded(3, 10);
    let relay = SocketAddr::from(([203, 0, 113, 7], 3_480));
    for n in 0..12u8 {
        let own = SocketAddr::from(([198, 51, 100, n + 1], 5_000));
        let (home, lands_on) = (u32::from(n) % 3, usize::from(n) % 2);
        let began = world.now;
        let end = match n % 4 {
            0 => world.add_from(own, home, lands_on, |offer| offer),
            1 => world.add_offering(own, home, lands_on),
            2 => world.add_from(relay, home, 2, |offer| offer),
            _ => world.add_offering(relay, home, 2),
        };
        let took = world.now - began;
        assert!(took.as_millis() < 60, "{took:?} for end {end} of home {home}");
    }
}

#[test]
fn a_conference_lives_on_one_shard() {
    let mut world = World::sharded(2, 10);
    for (lands_on, hz) in [0, 1, 0].into_iter().zip(HZ) {
        let end = world.add_at(7, lands_on, |offer| offer);
        world.ends[end].says = Says::tone(hz);
    }
    for (end, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        world.hear_legs(end, &others);
    }
    world.run_for(500);
    let start = world.run_for(2_000);
    for (end, others) in [(0, [1, 2]), (1, [0, 2]), (2, [0, 1])] {
        assert_hears(&world, end, start, &others);
        world.assert_one_line(end);
    }
    assert_eq!(world.counters_of(0).mixed, 0);
    assert!(world.counters_of(1).mixed > 300);
}

#[test]
fn strangers_at_any_socket_change_nothing() {
    let mut world = World::sharded(2, 10);
    let calls = [call(&mut world, 0, [0, 1]), call(&mut world, 1, [0, 1])];
    let stranger = SocketAddr::from(([203, 0, 113, 66], 666));
    let users: Vec<String> = world
        .ends
        .iter()
        .map(|end| format!("{}:x", attribute(&end.description, "a=ice-ufrag:")))
        .chain((b'A'..=b'Z').map(|mark| format!("{}xxxxxxx:x", char::from(mark))))
        .collect();
    world.run_for(300);
    let legs_before = world.notices.len();
    for shard in 0..2 {
        for first in 0..=255 {
            world.put_from(stranger, shard, vec![first; 60]);
        }
        for user in &users {
            let attributes = [(USERNAME, user.as_bytes()), (USE_CANDIDATE, &[][..])];
            for class in [0x0001, 0x0011, 0x0101, 0x0111] {
                world.put_from(stranger, shard, stun::forge(class, &attributes, Some("wrong")));
            }
        }
        for length in 0..40 {
            world.put_from(stranger, shard, vec![0; length]);
        }
    }
    world.run_for(20);
    assert_talk(&mut world, &calls);
    assert_eq!(world.notices.len(), legs_before, "nothing to tell of");
    for shard in 0..2 {
        let counters = world.counters_of(shard);
        assert!(counters.unclaimed > 300, "{counters:?}");
        assert_eq!((counters.legs, counters.legs_broken, counters.handover_lost), (2, 0, 0));
    }
}
