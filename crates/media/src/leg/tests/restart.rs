//! New paths for legs that go on.

use std::collections::HashSet;
use std::time::Duration;

use super::network::Path;
use super::world::{World, address};
use crate::leg::restart::Renewal;
use crate::leg::*;
use crate::sdp::{self, Direction, Setup};

/// The first end offers a new path, as a browser does whose network has changed.
fn offer(world: &World) -> (ice::Ice, String) {
    let leg = &world.ends[0].leg;
    let ice = leg.new_ice(world.now).unwrap();
    let (role, ways) = (Setup::ActPass, Direction::SendRecv);
    let offer = leg.describe(&ice, role, Payloads::OFFERED, ways, None, (&[], &[]));
    (ice, offer)
}

/// Takes the answer to it.
fn apply(world: &mut World, mut ice: ice::Ice, answer: &str) {
    let now = world.now;
    let remote = sdp::read(answer).unwrap();
    ice.start(now, true, &remote.ufrag, &remote.pwd).unwrap();
    let leg = &mut world.ends[0].leg;
    leg.renewal = Some(Renewal { ice, until: now + Duration::from_secs(10) });
    for candidate in remote.candidates {
        leg.learn(now, candidate);
    }
}

fn restart(world: &mut World) -> String {
    let (ice, offer) = offer(world);
    let now = world.now;
    let answer = world.ends[1].leg.restart(now, &offer).unwrap();
    apply(world, ice, &answer);
    answer
}

fn ssrcs(world: &World, end: usize) -> HashSet<Vec<u8>> {
    let sound = world.ends[end].sent.iter().filter(|(_, raw)| raw[0] == 0x80 && raw[1] & 0x7f >= 96);
    sound.map(|(_, raw)| raw[8..12].to_vec()).collect()
}

#[test]
fn sound_takes_the_new_path_with_the_same_keys_and_streams() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(10);
    let heard = |world: &World| [world.ends[0].heard.len(), world.ends[1].heard.len()];
    let before = heard(&world);
    world.ends[0].address = address(9);
    world.talk(10);
    assert_eq!(heard(&world), before, "its address is gone, and nobody is heard");
    let begun = world.now;
    let answer = restart(&mut world);
    assert!(answer.contains(" 3 IN IP4 "), "a newer description says so: {answer}");
    while heard(&world)[0] < before[0] + 1 || heard(&world)[1] < before[1] + 1 {
        world.talk(1);
    }
    let gap = world.now - begun;
    assert!(gap < Duration::from_millis(200), "{gap:?}");
    assert_eq!(world.ends[1].leg.selected(), Some(address(9)));
    world.talk(3_000);
    for (end, before) in world.ends.iter().zip(before) {
        assert!(end.heard.len() >= before + 2_990, "{}", end.heard.len());
        assert!(end.heard.windows(2).all(|pair| pair[0].0.index < pair[1].0.index), "one line of numbers");
        assert!(!end.leg.is_over(), "{:?}", end.notices.last());
        let shaken = end.notices.iter().filter(|(_, it)| matches!(it, Notice::DtlsConnected(_))).count();
        assert_eq!(shaken, 1, "one handshake");
    }
    assert_eq!([ssrcs(&world, 0).len(), ssrcs(&world, 1).len()], [1, 1]);
}

#[test]
fn path_that_works_is_used_until_the_new_one_does() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    for _ in 0..3 {
        let before = world.ends[1].heard.len();
        world.talk(5);
        restart(&mut world);
        world.talk(100);
        assert!(world.ends[1].heard.len() >= before + 103, "nothing is lost on the way");
        assert!(world.ends.iter().all(|end| end.leg.renewal.is_none()), "the new path is in use");
    }
}

#[test]
fn search_that_finds_nothing_leaves_the_leg_as_it_was() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    let (_, offer) = offer(&world);
    let now = world.now;
    // The answer never arrives.
    world.ends[1].leg.restart(now, &offer).unwrap();
    world.talk(1_000);
    assert!(world.ends[1].leg.renewal.is_none() && !world.ends[1].leg.is_over());
    assert!(world.ends[1].heard.len() > 990);
    assert_eq!(world.ends[1].leg.selected(), Some(address(1)));
}

#[test]
fn new_path_found_after_consent_was_lost_on_the_old_one_still_counts() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.ends[0].address = address(9);
    world.run_for(Duration::from_secs(28));
    assert!(world.ends.iter().all(|end| !end.leg.is_over()));
    world.network.path = Path { loss_percent: 100, ..Path::CLEAN };
    restart(&mut world);
    // The old path's consent runs out meanwhile: nothing may be sent there any more.
    world.run_for(Duration::from_secs(6));
    assert_eq!(world.ends[1].leg.selected(), None);
    assert!(!world.ends[1].leg.is_over(), "{:?}", world.ends[1].notices.last());
    world.network.path = Path::CLEAN;
    let heard = world.ends[1].heard.len();
    world.talk(100);
    assert!(world.ends[1].heard.len() > heard + 50, "{:?}", world.ends[1].notices.last());
}

#[test]
fn new_path_is_taken_from_this_legs_peer_alone_and_must_be_new() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    let now = world.now;
    let stranger = Arc::new(Identity::generate().unwrap());
    let (_, foreign) = Leg::offer(now, &stranger, super::world::config(3)).unwrap();
    let leg = &world.ends[0].leg;
    let (role, ways) = (Setup::ActPass, Direction::SendRecv);
    let same = leg.describe(&leg.ice, role, Payloads::OFFERED, ways, None, (&[], &[]));
    let (_, good) = offer(&world);
    let leg = &mut world.ends[1].leg;
    assert_eq!(leg.restart(now, &foreign), Err(LegError::OtherPeer));
    assert_eq!(leg.restart(now, &same), Err(LegError::SamePath));
    assert!(matches!(leg.restart(now, "v=0"), Err(LegError::Description(_))));
    assert!(leg.renewal.is_none());
    leg.restart(now, &good).unwrap();
    leg.close(now);
    assert_eq!(leg.restart(now, &good), Err(LegError::OtherPeer));
}
