//! Keys pressed by peers and towards them.

use super::world::{Says, World};
use crate::leg::{Media, Notice};
use crate::message::{Command, LegNotice, PressRefusal};

/// An offer that knows events at both clocks, as a browser's does.
fn browser(offer: String) -> String {
    offer
        .replace("SAVPF 111 126", "SAVPF 111 110 126")
        .replace("a=rtpmap:126", "a=rtpmap:110 telephone-event/48000\r\na=rtpmap:126")
}

fn without_keys(offer: String) -> String {
    offer.split_inclusive("\r\n").filter(|line| !line.contains(":126 ")).collect()
}

/// The packets of a key of 100 ms that goes down now, as a phone sends them.
fn press(world: &mut World, end: usize, event: u8, lost: impl Fn(usize) -> bool) {
    let first = world.ends[end].number + 1;
    let timestamp = (first as u32).wrapping_mul(960);
    for (n, (millis, flags)) in
        [(20, 0), (40, 0), (60, 0), (80, 0), (100, 0x80), (100, 0x80), (100, 0x80)].into_iter().enumerate()
    {
        let duration = u16::to_be_bytes(millis * 8);
        let payload = [event, flags | 10, duration[0], duration[1]];
        let now = world.now;
        let place = (first + n as u64, timestamp);
        let datagram = world.ends[end].seal(now, Media::Dtmf, place, n == 0, &payload);
        if !lost(n) {
            world.put(end, datagram.unwrap());
        }
        world.ends[end].number += 1;
        world.run_for(20);
    }
    world.run_for(60);
}

fn digits(world: &World, end: usize) -> Vec<(char, u16)> {
    let of_end = world.of_end(end);
    let digits = of_end.iter().filter_map(|notice| match notice {
        LegNotice::Digit { digit, millis } => Some((*digit, *millis)),
        _ => None,
    });
    digits.collect()
}

fn heard_digits(world: &World, end: usize) -> Vec<(char, u16)> {
    let notices = world.ends[end].notices.iter();
    let digits = notices.filter_map(|notice| match notice {
        Notice::Digit { digit, millis } => Some((*digit, *millis)),
        _ => None,
    });
    digits.collect()
}

#[test]
fn keys_of_a_peer_are_told_once_and_passed_on() {
    let mut world = World::of(2);
    world.hear_legs(1, &[0]);
    for event in [1, 2, 3, 11] {
        press(&mut world, 0, event, |_| false);
    }
    let pressed = [('1', 100), ('2', 100), ('3', 100), ('#', 100)];
    assert_eq!(digits(&world, 0), pressed);
    assert_eq!(heard_digits(&world, 1), pressed);
    assert!(digits(&world, 1).is_empty(), "told of the leg that pressed");
    world.assert_one_line(1);
}

#[test]
fn a_key_whose_end_is_lost_is_told_all_the_same() {
    let mut world = World::of(1);
    press(&mut world, 0, 7, |n| n >= 4);
    world.run_for(250);
    assert_eq!(digits(&world, 0), [('7', 80)]);
    press(&mut world, 0, 8, |n| n != 6);
    assert_eq!(digits(&world, 0), [('7', 80), ('8', 100)]);
}

#[test]
fn keys_are_not_heard_where_they_are_not_understood() {
    let mut world = World::of(1);
    let plain = world.add(without_keys);
    world.hear_legs(plain, &[0]);
    let start = world.now;
    press(&mut world, 0, 1, |_| false);
    assert_eq!(digits(&world, 0), [('1', 100)]);
    assert!(
        world.ends[plain]
            .heard
            .iter()
            .filter(|heard| heard.at > start)
            .all(|heard| heard.media == Media::Opus)
    );
    let leg = world.ends[plain].id;
    world.send(Command::Press { leg, digits: vec!['1'], millis_per_digit: 100, gap_millis: 60 });
    world.run_for(20);
    let refused = LegNotice::PressRefused { reason: PressRefusal::NotNegotiated };
    assert!(world.of_end(plain).contains(&refused));
}

#[test]
fn keys_pressed_towards_a_peer_arrive_in_order_and_sound_goes_on_behind_them() {
    let mut world = World::of(2);
    let wide = world.add(browser);
    world.ends[1].says = Says::Bytes(2);
    for end in [0, wide] {
        world.hear_legs(end, &[1]);
        world.run_for(300);
        let start = world.now;
        let leg = world.ends[end].id;
        let digits = "12#*".chars().collect();
        world.send(Command::Press { leg, digits, millis_per_digit: 100, gap_millis: 100 });
        world.run_for(400);
        assert!(!world.of_end(end).contains(&LegNotice::Pressed { digits: 4 }), "not before the end");
        world.run_for(600);
        assert!(world.of_end(end).contains(&LegNotice::Pressed { digits: 4 }));
        let expected = ['1', '2', '#', '*'].map(|digit| (digit, 100));
        assert_eq!(heard_digits(&world, end), expected);
        let heard: Vec<_> = world.ends[end].heard.iter().filter(|heard| heard.at > start).collect();
        let keys: Vec<_> = heard.iter().filter(|heard| heard.media == Media::Dtmf).collect();
        assert_eq!(keys.len(), 4 * 7, "five packets and two more ends each");
        for key in keys.chunks(7) {
            let marked: Vec<bool> = key.iter().map(|packet| packet.marker).collect();
            assert_eq!(marked, [true, false, false, false, false, false, false]);
            assert!(key.iter().all(|packet| packet.timestamp == key[0].timestamp));
            let durations =
                key.iter().map(|packet| u16::from_be_bytes([packet.payload[2], packet.payload[3]]));
            assert_eq!(durations.collect::<Vec<_>>(), [160, 320, 480, 640, 800, 800, 800]);
            let ends = key.iter().map(|packet| packet.payload[1] & 0x80 != 0).collect::<Vec<_>>();
            assert_eq!(ends, [false, false, false, false, true, true, true]);
            let behind = heard.iter().find(|heard| heard.index > key[6].index).unwrap();
            let since = behind.timestamp.wrapping_sub(key[0].timestamp);
            assert!((4_800..20_000).contains(&since), "sound goes on behind the key: {since}");
        }
        let between = heard.iter().any(|heard| {
            heard.media == Media::Opus && heard.index > keys[6].index && heard.index < keys[7].index
        });
        assert!(between, "between keys the other side is heard");
        let mut last = heard.iter().rev();
        assert_eq!(last.next().unwrap().payload[0], 2);
        world.assert_one_line(end);
    }
    let types: Vec<u8> = world.ends[wide].streams.iter().map(|(_, payload_type)| *payload_type).collect();
    assert!(types.contains(&110), "the clock of the sound where the peer knows it: {types:?}");
}

#[test]
fn more_keys_than_may_wait_and_what_is_no_key_are_refused() {
    let mut world = World::of(1);
    let leg = world.ends[0].id;
    for (digits, reason) in [("1x2", PressRefusal::NotAKey), (&"1".repeat(65), PressRefusal::TooMany)] {
        world.notices.clear();
        let digits = digits.chars().collect();
        world.send(Command::Press { leg, digits, millis_per_digit: 100, gap_millis: 60 });
        world.run_for(300);
        assert!(world.of_end(0).contains(&LegNotice::PressRefused { reason }));
        assert!(heard_digits(&world, 0).is_empty());
    }
    world.send(Command::Press { leg, digits: Vec::new(), millis_per_digit: 100, gap_millis: 60 });
    world.run_for(20);
    assert!(world.of_end(0).contains(&LegNotice::Pressed { digits: 0 }));
}
