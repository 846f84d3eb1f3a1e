//! Strangers on the path: what they send changes nothing and is counted.

use std::net::SocketAddr;
use std::time::Duration;

use super::network::Path;
use super::world::*;
use crate::leg::*;
use crate::stun;

const USERNAME: u16 = 0x0006;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const CONTROLLED: u16 = 0x8029;
const CONTROLLING: u16 = 0x802a;

fn stranger() -> SocketAddr {
    "198.51.100.66:6666".parse().unwrap()
}

/// A DTLS record in plain text.
fn record(kind: u8, epoch: u16, body: &[u8]) -> Vec<u8> {
    let mut record = vec![kind, 0xfe, 0xfd];
    record.extend(epoch.to_be_bytes());
    record.extend([0, 0, 0, 0, 0, 9]);
    record.extend((body.len() as u16).to_be_bytes());
    record.extend(body);
    record
}

/// A well-formed ClientHello without a cookie, as anybody can make one.
fn client_hello() -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([0x42; 32]);
    hello.extend([0, 0]); // no session, no cookie
    hello.extend([0, 2, 0xc0, 0x2b, 1, 0]); // one suite, no compression
    let extensions = [
        [0, 10, 0, 4, 0, 2, 0, 23].as_slice(), // P-256
        &[0, 11, 0, 2, 1, 0],                  // uncompressed points
        &[0, 13, 0, 4, 0, 2, 4, 3],            // ECDSA with SHA-256
        &[0, 14, 0, 7, 0, 4, 0, 7, 0, 1, 0],   // use_srtp
    ]
    .concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut message = vec![1, 0];
    message.extend((hello.len() as u16).to_be_bytes());
    message.extend([0, 0, 0, 0, 0]);
    message.extend((hello.len() as u16).to_be_bytes());
    message.extend(hello);
    record(22, 0, &message)
}

/// A ServerHello nobody asked for.
fn server_hello() -> Vec<u8> {
    let mut hello = vec![0xfe, 0xfd];
    hello.extend([0x66; 32]);
    hello.extend([0, 0xc0, 0x2b, 0, 0, 0]);
    let mut message = vec![2, 0];
    message.extend((hello.len() as u16).to_be_bytes());
    message.extend([0, 1, 0, 0, 0]);
    message.extend((hello.len() as u16).to_be_bytes());
    message.extend(hello);
    record(22, 0, &message)
}

fn assert_conversation(world: &mut World) {
    let before = [world.ends[0].heard.len(), world.ends[1].heard.len()];
    world.talk(50);
    for (end, before) in world.ends.iter().zip(before) {
        assert!(end.heard.len() >= before + 49, "{} frames", end.heard.len() - before);
        assert!(!end.leg.is_over());
    }
}

#[test]
fn forged_hellos_from_elsewhere_hurt_nobody_at_any_time() {
    for moment in (0..200).step_by(4) {
        let mut world = World::new(Path::CLEAN, moment);
        let limit = Duration::from_millis(moment);
        world.run(limit, |_| false);
        for end in 0..2 {
            for _ in 0..10 {
                world.attack(end, stranger(), &client_hello());
            }
        }
        world.connect();
        assert!(world.elapsed() < Duration::from_millis(400), "at {moment} ms: {:?}", world.elapsed());
        let drops = world.ends[1].leg.drops();
        assert_eq!(drops.count(Drop::DtlsElsewhere), 10);
        assert_conversation(&mut world);
    }
}

/// Source addresses can be forged. The answerer is the DTLS client, as we are towards WhatsApp.
#[test]
fn plain_text_from_the_peers_own_address_does_not_end_the_clients_handshake() {
    let forgeries = [
        client_hello(),
        record(21, 0, &[2, 40]),   // fatal alert: handshake failure
        record(21, 0, &[1, 0]),    // close_notify
        record(23, 0, b"data"),    // data in plain text
        record(22, 0, &[9, 9, 9]), // not a handshake message
        record(22, 7, b"later"),   // an epoch to come
        record(99, 0, b"what?"),
        vec![22, 0xfe, 0xfd, 0],
    ];
    for moment in (0..120).step_by(4) {
        for forgery in &forgeries {
            let mut world = World::new(Path::CLEAN, moment);
            world.run(Duration::from_millis(moment), |_| false);
            let peer = world.ends[0].address;
            for _ in 0..3 {
                world.attack(1, peer, forgery);
            }
            let both = world.run(Duration::from_secs(10), |world| world.ends.iter().all(End::is_connected));
            assert!(both, "{:02x?} at {moment} ms: {:?}", &forgery[..4], world.ends[1].notices);
            assert_conversation(&mut world);
        }
    }
}

/// The residual risk of a forged source: whoever guesses the moment can spoil a server's handshake, which then
/// starts over.
#[test]
fn a_server_recovers_from_a_forged_hello_within_seconds() {
    let mut spoiled = 0;
    for moment in (0..120).step_by(4) {
        let mut world = World::new(Path::CLEAN, moment);
        world.run(Duration::from_millis(moment), |_| false);
        let peer = world.ends[1].address;
        world.attack(0, peer, &client_hello());
        let both = world.run(Duration::from_secs(10), |world| world.ends.iter().all(End::is_connected));
        spoiled += usize::from(!both || world.elapsed() > Duration::from_secs(5));
    }
    assert_eq!(spoiled, 0);
}

#[test]
fn a_forged_server_hello_from_elsewhere_is_not_even_read() {
    for moment in (0..120).step_by(4) {
        let mut world = World::new(Path::CLEAN, moment);
        world.run(Duration::from_millis(moment), |_| false);
        world.attack(1, stranger(), &server_hello());
        world.connect();
    }
}

#[test]
fn forged_stun_changes_nothing() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    let selected = [world.ends[0].leg.selected(), world.ends[1].leg.selected()];
    for end in 0..2 {
        let user = format!("{}:{}", world.ends[end].leg.ufrag(), world.ends[1 - end].leg.ufrag());
        let user = user.as_bytes();
        let tie_breaker = [0xff; 8];
        let priority = [0x7f, 0xff, 0xff, 0xff];
        let attributes = [
            (USERNAME, user),
            (PRIORITY, &priority[..]),
            (USE_CANDIDATE, &[][..]),
            (CONTROLLING, &tie_breaker[..]),
        ];
        let controlled = [(USERNAME, user), (PRIORITY, &priority[..]), (CONTROLLED, &[0; 8][..])];
        let wrong_user = [(USERNAME, &b"nobody:else"[..]), (USE_CANDIDATE, &[][..])];
        let forgeries = [
            stun::forge(0x0001, &attributes, Some("a password we made up")),
            stun::forge(0x0001, &attributes, None),
            stun::forge(0x0001, &controlled, Some("a password we made up")),
            stun::forge(0x0001, &wrong_user, Some("a password we made up")),
            stun::forge(0x0101, &[], Some("a password we made up")),
            stun::forge(0x0111, &[(0x0009, &[0, 0, 4, 87])], None), // role conflict
            stun::forge(0x0011, &attributes, None),
            stun::forge(0x0003, &attributes, None), // allocate
        ];
        let sent = world.ends[end].sent.len();
        let peer = world.ends[1 - end].address;
        let before = world.ends[end].leg.drops().total();
        for forgery in &forgeries {
            for from in [stranger(), peer] {
                for _ in 0..100 {
                    world.attack(end, from, forgery);
                }
            }
        }
        assert_eq!(world.ends[end].sent.len(), sent, "a forgery gets no answer");
        assert_eq!(world.ends[end].leg.drops().total() - before, forgeries.len() as u64 * 200);
    }
    assert_eq!(selected, [world.ends[0].leg.selected(), world.ends[1].leg.selected()]);
    world.run_for(Duration::from_secs(120));
    assert_conversation(&mut world);
}

#[test]
fn forged_stun_during_set_up_does_not_turn_roles_round() {
    for moment in [0, 5, 15, 25] {
        let mut world = World::new(Path::CLEAN, moment);
        world.run(Duration::from_millis(moment), |_| false);
        for end in 0..2 {
            let user = format!("{}:{}", world.ends[end].leg.ufrag(), world.ends[1 - end].leg.ufrag());
            for role in [CONTROLLING, CONTROLLED] {
                for tie_breaker in [[0xff; 8], [0; 8]] {
                    let attributes = [(USERNAME, user.as_bytes()), (role, &tie_breaker[..])];
                    let forgery = stun::forge(0x0001, &attributes, Some("wrong"));
                    world.attack(end, stranger(), &forgery);
                }
            }
        }
        world.connect();
        assert!(world.elapsed() < Duration::from_millis(400));
    }
}

/// A recorded request is a real one; played back from elsewhere it must not move anything.
#[test]
fn replayed_stun_from_elsewhere_does_not_move_the_sound() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(5);
    for end in 0..2 {
        let recorded: Vec<_> = world.ends[1 - end].sent.iter().map(|(_, bytes)| bytes.clone()).collect();
        for bytes in recorded.iter().filter(|bytes| bytes[0] < 4) {
            for port in 1..60 {
                world.attack(end, SocketAddr::new(stranger().ip(), port), bytes);
            }
        }
    }
    world.run_for(Duration::from_secs(60));
    assert_conversation(&mut world);
    for end in &world.ends {
        let to_strangers: Vec<_> = end.sent.iter().filter(|(to, _)| to.ip() == stranger().ip()).collect();
        assert!(to_strangers.iter().all(|(_, bytes)| bytes[0] < 4), "only answers to checks");
        assert!(end.leg.drops().count(Drop::TooManyAddresses) > 0, "and only to so many addresses");
    }
}

#[test]
fn injected_and_replayed_sound_is_not_heard() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    world.talk(20);
    let peer = world.ends[0].address;
    let recorded: Vec<_> =
        world.ends[0].sent.iter().map(|(_, bytes)| bytes.clone()).filter(|bytes| bytes[0] == 0x80).collect();
    let heard = world.ends[1].heard.len();
    let before = *world.ends[1].leg.drops();
    for bytes in &recorded {
        for _ in 0..5 {
            world.attack(1, peer, bytes);
        }
        world.attack(1, stranger(), bytes);
        let mut forged = bytes.clone();
        *forged.last_mut().unwrap() ^= 1;
        let later = u16::from_be_bytes([forged[2], forged[3]]).wrapping_add(100);
        forged[2..4].copy_from_slice(&later.to_be_bytes());
        world.attack(1, peer, &forged);
    }
    let (n, after) = (recorded.len() as u64, *world.ends[1].leg.drops());
    assert_eq!(world.ends[1].heard.len(), heard);
    assert_eq!(after.count(Drop::SrtpReplayed) - before.count(Drop::SrtpReplayed), 5 * n);
    assert_eq!(after.count(Drop::SrtpElsewhere) - before.count(Drop::SrtpElsewhere), n);
    assert_eq!(after.count(Drop::SrtpForged) - before.count(Drop::SrtpForged), n);
    assert_conversation(&mut world);
}

/// Whatever the first digit of the fingerprint is, it becomes another.
fn lie(description: String) -> String {
    let at = description.find("sha-256 ").unwrap() + 8;
    let other = if description[at..].starts_with('0') { "1" } else { "0" };
    format!("{}{other}{}", &description[..at], &description[at + 1..])
}

#[test]
fn a_wrong_certificate_never_gets_keys() {
    // Whoever was lied to must refuse: as offerer and server, as answerer and client, and turned round.
    let worlds = [
        (0, World::with(Path::CLEAN, 1, config(1), config(2), lie)),
        (1, World::turned(Path::CLEAN, 1, lie)),
    ];
    for (deceived, mut world) in worlds {
        let over = Notice::Failed(FailReason::DtlsFingerprint);
        let refused = world.run(Duration::from_secs(5), |world| world.ends[deceived].has(&over));
        assert!(refused, "{:?}", world.ends[deceived].notices);
        world.talk(50);
        assert!(!world.ends[deceived].is_connected());
        assert!(world.ends[deceived].heard.is_empty());
    }
}

#[test]
fn a_peer_that_talks_too_much_is_held_back() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    for _ in 0..5_000 {
        world.say(0);
    }
    world.run_for(Duration::from_millis(50));
    let heard = world.ends[1].heard.len();
    assert!((290..=320).contains(&heard), "{heard}");
    assert!(world.ends[1].leg.drops().count(Drop::RateExceeded) > 4_000);
}

#[test]
fn garbage_of_every_length_and_kind_is_survived() {
    let mut world = World::new(Path::CLEAN, 1);
    world.connect();
    let peer = world.ends[0].address;
    for first in 0..=255u8 {
        for len in (0..64).chain([100, 500, 1_200, 1_500, 1_600]) {
            let bytes: Vec<u8> = std::iter::once(first).chain((0..len).map(|n| n as u8)).collect();
            world.attack(1, peer, &bytes);
            world.attack(1, stranger(), &bytes);
        }
    }
    world.attack(1, peer, &[]);
    assert_conversation(&mut world);
}
