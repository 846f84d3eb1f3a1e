//! Honest peers over good and bad paths.

use std::collections::HashSet;
use std::time::Duration;

use super::network::Path;
use super::world::*;
use crate::leg::outgoing::{FRAME, Source};
use crate::leg::*;
use crate::quality::Quality;
use crate::srtp::Profile;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn quality(world: &World, end: usize) -> Quality {
    world.ends[end].leg.quality()
}

#[test]
fn two_legs_connect_and_hear_each_other() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    assert!(world.elapsed() < Duration::from_millis(300), "{:?}", world.elapsed());
    world.talk(100);
    for end in &world.ends {
        assert!(end.has(&Notice::IceConnected) && end.has(&Notice::FirstPacket));
        let frames: Vec<_> = end.heard.iter().map(|(_, payload)| payload.clone()).collect();
        let said: Vec<_> = (0..99u64).map(|n| n.to_be_bytes().to_vec()).collect();
        assert_eq!(frames[..99], said[..], "every frame once, in order");
        assert_eq!(end.leg.drops().total(), 0, "{:?}", end.leg.drops());
    }
}

#[test]
fn the_preferred_profile_is_taken_and_the_old_one_still_works() {
    for (only, expected) in [
        (vec![Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80], Profile::AeadAes128Gcm),
        (vec![Profile::Aes128CmSha1_80], Profile::Aes128CmSha1_80),
    ] {
        for weaker in 0..2 {
            let mut configs = [config(1), config(2)];
            configs[weaker].profiles.clone_from(&only);
            let [first, second] = configs;
            let mut world = World::with(Path::CLEAN, 1, first, second, |answer| answer);
            world.connect();
            world.talk(3);
            assert!(world.ends.iter().all(|end| end.has(&Notice::DtlsConnected(expected))));
            assert!(world.ends.iter().all(|end| end.heard.len() >= 2));
        }
    }
}

#[test]
fn either_side_may_start_the_handshake() {
    let mut world = World::turned(Path::CLEAN, 1, |offer| offer);
    world.connect();
    world.talk(5);
    assert!(world.ends.iter().all(|end| end.heard.len() >= 4));
}

#[test]
fn loss_delay_and_reordering_do_not_keep_legs_apart() {
    for (loss, limit) in [(10, 3), (30, 6), (50, 10)] {
        let path = Path {
            loss_percent: loss,
            duplicate_percent: 5,
            delay: Duration::from_millis(30),
            jitter: Duration::from_millis(40),
        };
        let mut failed = 0;
        for seed in 0..40 {
            let mut world =
                if seed % 2 == 0 { World::new(path, seed) } else { World::turned(path, seed, |offer| offer) };
            let done = world.run(seconds(limit), |world| world.ends.iter().all(End::is_connected));
            failed += usize::from(!done);
        }
        let allowed = if loss < 50 { 0 } else { 4 };
        assert!(failed <= allowed, "{failed} of 40 not connected within {limit} s at {loss} % loss");
    }
}

#[test]
fn a_rough_path_loses_no_more_than_it_loses() {
    let path = Path {
        loss_percent: 10,
        duplicate_percent: 5,
        delay: Duration::from_millis(40),
        jitter: Duration::from_millis(60),
    };
    let mut world = World::new(path, 3);
    world.connect();
    world.talk(1_000);
    for end in 0..2 {
        let heard: Vec<_> = world.ends[end].heard.iter().map(|(packet, _)| packet.index).collect();
        let once: HashSet<_> = heard.iter().collect();
        assert_eq!(once.len(), heard.len(), "nothing is heard twice");
        assert!((860..940).contains(&heard.len()), "{}", heard.len());
        let quality = quality(&world, end);
        assert!((60..140).contains(&quality.packets_lost), "{quality:?}");
        assert!((10.0..40.0).contains(&quality.jitter_ms), "{quality:?}");
        assert!((80.0..200.0).contains(&quality.rtt_ms.unwrap()), "{quality:?}");
        assert!((0.02..0.25).contains(&quality.remote_loss), "{quality:?}");
        assert!((50..150).contains(&quality.remote_lost), "{quality:?}");
        assert!((10.0..40.0).contains(&quality.remote_jitter_ms), "{quality:?}");
        assert!((2.0..4.2).contains(&quality.remote_mos), "{quality:?}");
        assert!((2.0..4.2).contains(&quality.mos), "{quality:?}");
        assert!(world.ends[end].leg.drops().count(Drop::SrtpReplayed) > 10);
    }
}

#[test]
fn one_ssrc_and_one_line_of_numbers_whoever_talks() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    for turn in 0..6u64 {
        for n in 0..10 {
            world.say_as(0, Source(turn % 3), turn * 1_000 + n, b"frame");
            world.run_for(Duration::from_millis(20));
        }
    }
    let heard: Vec<_> = world.ends[1].heard.iter().map(|(packet, _)| packet.clone()).collect();
    assert!(heard.len() >= 59);
    for pair in heard.windows(2) {
        assert_eq!(pair[1].source, pair[0].source, "one SSRC");
        assert_eq!(pair[1].index, pair[0].index + 1);
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(FRAME));
    }
    assert_eq!(heard.iter().filter(|packet| packet.marker).count(), 6, "each turn begins with a marker");
}

#[test]
fn nothing_is_said_before_the_gate_opens() {
    let mut held = config(1);
    held.hold_rtp = true;
    let mut world = World::with(Path::CLEAN, 1, held, config(2), |answer| answer);
    world.connect();
    world.talk(600);
    assert!(world.ends[1].heard.is_empty());
    assert!(world.ends[0].sent.iter().all(|(_, bytes)| !(128..192).contains(&bytes[0])), "no report either");
    assert_eq!(world.ends[0].leg.drops().count(Drop::GateClosed), 600);
    assert!(world.ends[0].heard.len() > 590, "hearing is allowed");
    let now = world.now;
    world.ends[0].leg.open_gate(now);
    world.talk(50);
    assert!(world.ends[1].heard.len() >= 49);
}

#[test]
fn an_outage_of_ten_seconds_is_survived_and_noticed() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(50);
    world.network.path.loss_percent = 100;
    world.talk(500);
    assert!(world.ends.iter().all(|end| end.has(&Notice::MediaLost)));
    world.network.path.loss_percent = 0;
    world.talk(50);
    for end in &world.ends {
        assert!(end.has(&Notice::MediaResumed));
        assert!(!end.leg.is_over());
        assert!(end.heard.len() > 95, "{}", end.heard.len());
    }
}

#[test]
fn a_peer_silent_for_an_hour_but_reporting_is_not_lost() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(10);
    world.run_for(seconds(3_600));
    for end in &world.ends {
        assert!(!end.leg.is_over());
        let losses = end.notices.iter().filter(|(_, notice)| *notice == Notice::MediaLost).count();
        // Reports come every five seconds, which is also when silence is declared: none or a flicker.
        assert!(losses <= 1, "{losses}");
    }
    let per_hour = world.ends[0].sent.len();
    assert!(per_hour < 3_600, "an idle leg sends little: {per_hour} datagrams an hour");
}

#[test]
fn consent_ends_thirty_seconds_after_the_last_answer() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(10);
    world.network.path.loss_percent = 100;
    let cut = world.elapsed();
    let over = Notice::Failed(FailReason::ConsentLost);
    assert!(world.run(cut + seconds(31), |world| world.ends.iter().all(|end| end.has(&over))));
    let since = world.elapsed() - cut;
    assert!(since > seconds(23), "{since:?}");
    let sent = world.ends[0].sent.len();
    world.talk(100);
    assert_eq!(world.ends[0].sent.len(), sent, "nothing is sent without consent");
}

#[test]
fn an_unanswered_offer_fails_and_bothers_no_address_much() {
    let mut world = World::new(Path { loss_percent: 100, ..Path::CLEAN }, 1);
    let over = Notice::Failed(FailReason::IceFailed);
    assert!(world.run(seconds(26), |world| world.ends.iter().all(|end| end.has(&over))));
    for end in &world.ends {
        assert!(end.sent.len() <= 25, "{}", end.sent.len());
        assert!(end.sent.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() < 4_000);
    }
}

#[test]
fn a_goodbye_is_understood() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(10);
    let now = world.now;
    world.ends[0].leg.close(now);
    world.run_for(seconds(1));
    assert!(world.ends[1].has(&Notice::Failed(FailReason::PeerClosed)));
    assert!(world.ends[0].leg.poll().is_none());
}

#[test]
fn a_second_answer_is_refused() {
    let mut world = World::new(Path::CLEAN, 1);
    let now = world.now;
    assert_eq!(world.ends[0].leg.take_answer(now, "v=0"), Err(LegError::AlreadyAnswered));
    assert_eq!(world.ends[1].leg.take_answer(now, "v=0"), Err(LegError::AlreadyAnswered));
}

#[test]
fn a_candidate_that_comes_later_connects_too() {
    let drop_candidates = |answer: String| {
        answer.split_inclusive("\r\n").filter(|line| !line.starts_with("a=candidate")).collect()
    };
    let mut world =
        World::with(Path { loss_percent: 100, ..Path::CLEAN }, 1, config(1), config(2), drop_candidates);
    world.run_for(seconds(2));
    assert!(world.ends[0].sent.is_empty(), "nowhere to send to yet");
    let now = world.now;
    let ufrag = world.ends[1].leg.ufrag().to_owned();
    let leg = &mut world.ends[0].leg;
    leg.add_candidate(now, "another", "candidate:1 1 udp 2130706431 192.0.2.3 7003 typ host");
    for n in 0..200 {
        leg.add_candidate(now, &ufrag, &format!("candidate:1 1 tcp 1 192.0.2.{n} 9 typ host"));
    }
    leg.add_candidate(now, &ufrag, "candidate:1 1 udp 2130706431 192.0.2.2 7002 typ host");
    world.run_for(seconds(1));
    assert!(world.ends[0].sent.is_empty(), "of another description, or one too many");

    let mut world = World::with(Path::CLEAN, 1, config(1), config(2), drop_candidates);
    let (now, ufrag) = (world.now, world.ends[1].leg.ufrag().to_owned());
    world.ends[0].leg.add_candidate(now, &ufrag, "candidate:1 1 udp 2130706431 192.0.2.2 7002 typ host");
    world.connect();
}

#[test]
fn private_addresses_are_refused_unless_allowed() {
    let private = |answer: String| answer.replace("192.0.2.2", "10.0.0.2");
    let mut world = World::with(Path { loss_percent: 100, ..Path::CLEAN }, 1, config(1), config(2), private);
    world.run_for(seconds(1));
    assert!(world.ends[0].sent.is_empty());
    let mut open = config(1);
    open.allow_private = true;
    let mut world = World::with(Path { loss_percent: 100, ..Path::CLEAN }, 1, open, config(2), private);
    world.run_for(seconds(1));
    assert!(!world.ends[0].sent.is_empty());
}

#[test]
fn ipv6_works_like_ipv4() {
    let (six, other) = ("[2001:db8::1]:7001".parse().unwrap(), "[2001:db8::2]:7002".parse().unwrap());
    let configs = (LegConfig::new(vec![six]), LegConfig::new(vec![other]));
    let mut world = World::with(Path::CLEAN, 1, configs.0, configs.1, |answer| answer);
    world.ends[0].address = six;
    world.ends[1].address = other;
    world.connect();
    world.talk(5);
    assert!(world.ends.iter().all(|end| end.heard.len() >= 4));
}

/// A browser that controls may find a better way later: another interface, another access point.
#[test]
fn a_controlling_peer_may_move_and_the_sound_follows() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(10);
    let moved = address(9);
    world.ends[0].address = moved;
    let user = format!("{}:{}", world.ends[1].leg.ufrag(), world.ends[0].leg.ufrag());
    let pwd = world.ends[1].leg.ice.credentials().pwd.clone();
    let attributes = [(0x0006, user.as_bytes()), (0x0025, &[][..]), (0x802a, &[0xff; 8][..])];
    let nomination = crate::stun::forge(0x0001, &attributes, Some(&pwd));
    world.attack(1, moved, &nomination);
    assert_ne!(
        world.ends[1].leg.selected(),
        Some(moved),
        "nothing moves before the new address has answered"
    );
    world.run_for(Duration::from_millis(100));
    let answers = |world: &World| {
        world.ends[1].sent.iter().filter(|(to, bytes)| *to == moved && bytes[..2] == [1, 1]).count()
    };
    let answered = answers(&world);
    world.attack(1, moved, &nomination);
    assert_eq!(world.ends[1].leg.selected(), Some(moved));
    assert_eq!(answers(&world), answered + 1, "a nomination that counts is answered");
    let before = [world.ends[0].heard.len(), world.ends[1].heard.len()];
    world.talk(3_000);
    for (end, before) in world.ends.iter().zip(before) {
        assert!(end.heard.len() >= before + 2_990, "{}", end.heard.len() - before);
        assert!(!end.leg.is_over(), "{:?}", end.notices.last());
    }
}

/// Fault F73: tunnels and black holes let small datagrams through only.
#[test]
fn nothing_of_a_handshake_is_longer_than_small_paths_carry() {
    for turned in [false, true] {
        let mut world =
            if turned { World::turned(Path::CLEAN, 1, |offer| offer) } else { World::new(Path::CLEAN, 1) };
        world.connect();
        let longest = world.ends.iter().flat_map(|end| end.sent.iter().map(|(_, bytes)| bytes.len())).max();
        assert!(longest <= Some(548), "fits into 576 with its headers: {longest:?}");
        let shaken = world.ends[0].when(|notice| matches!(notice, Notice::DtlsConnected(_)));
        assert!(shaken < Some(Duration::from_secs(3)));
    }
}
