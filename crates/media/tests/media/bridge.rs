//! Who hears whom.

use std::collections::HashSet;
use std::time::Duration;

use offhook_core::sdp::Sdp;
use offhook_media::leg::{Drop, FailReason, Media, Notice};
use offhook_media::{
    Command, Description, Hearing, LegId, LegNotice, LegOptions, Plane, PlaneConfig, StartError,
};

use crate::far_end::{FarEnd, House, LOOPBACK, now};

/// What our silence begins with.
const SILENCE: u8 = 0xf8;

/// Sequence numbers and timestamps without a seam, give or take what the network reordered.
fn assert_one_line(end: &FarEnd) {
    let sound = end.raw.iter().filter(|raw| raw.len() > 12 && raw[0] == 0x80 && raw[1] & 0x7f >= 96);
    let ssrcs: HashSet<_> = sound.map(|raw| raw[8..12].to_vec()).collect();
    assert_eq!(ssrcs.len(), 1, "one SSRC whoever talks");
    for pair in end.heard.windows(2) {
        assert_eq!(pair[1].index, pair[0].index + 1);
        let step = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        assert!(step > 0 && step.is_multiple_of(960) && step < 48_000, "{step}");
    }
}

#[test]
fn two_legs_hear_each_other_through_one_port() {
    let mut house = House::new();
    let (a, b) = house.bridged();
    (house.ends[a].says, house.ends[b].says) = (Some(1), Some(2));
    let start = now();
    house
        .until("both hear the other", |house| house.ends[a].hears(2, start) && house.ends[b].hears(1, start));
    house.run_for(Duration::from_secs(1));
    for (end, byte) in [(a, 2), (b, 1)] {
        let of_peer = house.ends[end].heard.iter().filter(|heard| heard.payload[0] == byte).count();
        assert!(of_peer >= 30, "{of_peer} frames in a second");
        assert!(house.ends[end].heard.iter().all(|heard| [byte, SILENCE].contains(&heard.payload[0])));
        assert_one_line(&house.ends[end]);
    }
    let counters = house.plane.counters();
    assert_eq!((counters.legs, counters.unclaimed, counters.send_refused), (2, 0, 0));
    for id in [house.ends[a].id, house.ends[b].id] {
        house.notice(id, |notice| (*notice == LegNotice::FirstPacket).then_some(()));
    }
}

#[test]
fn a_leg_is_told_silence_at_once_and_what_it_is_set_to() {
    let mut house = House::new();
    let (a, b) = (house.add(false, LOOPBACK), house.add(true, LOOPBACK));
    house.until("comfort sound by itself", |house| [a, b].iter().all(|n| house.ends[*n].heard.len() > 5));
    assert!(house.ends[a].heard.iter().all(|heard| heard.payload[0] == SILENCE));
    house.hear(a, Hearing::Music);
    let start = now();
    house.run_for(Duration::from_secs(1));
    let music =
        house.ends[a].heard.iter().filter(|heard| heard.at > start && heard.payload.len() > 20).count();
    assert!((30..=55).contains(&music), "{music} frames of music in a second");
    house.hear(a, Hearing::Silence);
    house.run_for(Duration::from_millis(200));
    let frames = house.ends[a].heard.len();
    house.run_for(Duration::from_millis(300));
    assert_eq!(house.ends[a].heard.len(), frames, "silence means no packets");
    assert_one_line(&house.ends[a]);
}

#[test]
fn the_line_has_no_seam_through_bridge_hold_and_parting() {
    let mut house = House::new();
    let (a, b) = house.bridged();
    (house.ends[a].says, house.ends[b].says) = (Some(1), Some(2));
    let pause = Duration::from_millis(300);
    house.run_for(pause);
    house.hear(a, Hearing::Music);
    house.run_for(pause);
    let held = now();
    house.run_for(pause);
    assert!(!house.ends[a].hears(2, held), "on hold the peer is not heard");
    assert!(house.ends[b].hears(1, held), "but is still talked to");
    house.hear(a, Hearing::Legs(vec![house.ends[b].id]));
    house.run_for(pause);
    assert!(house.ends[a].hears(2, held));
    house.hear(a, Hearing::Comfort);
    house.hear(b, Hearing::Comfort);
    house.run_for(pause);
    let parted = now();
    house.run_for(pause);
    assert!(!house.ends[a].hears(2, parted) && !house.ends[b].hears(1, parted));
    assert!(house.ends[a].hears(SILENCE, parted) && house.ends[b].hears(SILENCE, parted));
    assert_one_line(&house.ends[a]);
    assert_one_line(&house.ends[b]);
}

#[test]
fn a_peer_that_falls_silent_is_filled_in_for() {
    let mut house = House::new();
    let (a, b) = house.bridged();
    house.ends[b].says = Some(2);
    let start = now();
    house.until("the peer is heard", |house| house.ends[a].hears(2, start));
    house.ends[b].says = None;
    house.run_for(Duration::from_millis(300));
    let quiet = now();
    house.run_for(Duration::from_millis(500));
    let filled = house.ends[a].heard.iter().filter(|heard| heard.at > quiet).count();
    assert!((12..=40).contains(&filled), "{filled}");
    house.ends[b].says = Some(2);
    house.until("the peer is heard again", |house| house.ends[a].hears(2, quiet));
    assert_one_line(&house.ends[a]);
}

#[test]
fn a_held_leg_is_sent_nothing_before_its_gate_opens() {
    let mut house = House::new();
    let a = house.add(false, LegOptions { hold_rtp: true, ..LOOPBACK });
    let b = house.add(true, LOOPBACK);
    house.ends[b].says = Some(2);
    house.until("both connect", |house| [a, b].iter().all(|n| house.ends[*n].is_connected()));
    house.join(a, b);
    house.run_for(Duration::from_millis(500));
    assert!(house.ends[a].raw.iter().all(|raw| !(128..192).contains(&raw[0])));
    house.send(Command::OpenGate { leg: house.ends[a].id });
    let opened = now();
    house.until("sound after the gate has opened", |house| house.ends[a].hears(2, opened));
    let first = house.ends[a].heard[0].at - opened;
    assert!(first < Duration::from_secs(1), "{first:?}");
}

#[test]
fn keys_pressed_reach_the_other_side() {
    let mut house = House::new();
    let (a, b) = house.bridged();
    house.run_for(Duration::from_millis(100));
    house.ends[a].say(Media::Dtmf, &[1, 10, 3, 32]);
    house.until("the key arrives", |house| {
        house.ends[b].heard.iter().any(|heard| heard.media == Media::Dtmf && heard.payload == [1, 10, 3, 32])
    });
}

#[test]
fn a_leg_that_leaves_says_goodbye_and_the_other_stays() {
    let mut house = House::new();
    let (a, b) = house.bridged();
    house.ends[b].says = Some(2);
    house.run_for(Duration::from_millis(200));
    house.send(Command::RemoveLeg { leg: house.ends[a].id });
    house.until("the peer hears the goodbye", |house| {
        house.ends[a].has(|notice| *notice == Notice::Failed(FailReason::PeerClosed))
    });
    let alone = now();
    house.until("the other is told silence", |house| house.ends[b].hears(SILENCE, alone));
    house.until("one leg is left", |house| house.plane.counters().legs == 1);
    let at = now();
    house.ends[b].leg.close(at);
    let id = house.ends[b].id;
    let reason = house.notice(id, |notice| match notice {
        LegNotice::Failed { reason } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason.code(), "peer_closed");
}

#[test]
fn both_families_share_a_port_and_a_call() {
    for shards in [1, 2] {
        let mut house = House::on("[::]:0", shards);
        let (a, b) = (house.add_at("127.0.0.1:0", false, LOOPBACK), house.add_at("[::1]:0", true, LOOPBACK));
        house.bridge(a, b);
        (house.ends[a].says, house.ends[b].says) = (Some(1), Some(2));
        let start = now();
        house.until("both hear", |house| house.ends[a].hears(2, start) && house.ends[b].hears(1, start));
    }
}

#[test]
fn calls_on_two_shards_are_heard_through_one_port() {
    let mut house = House::on("127.0.0.1:0", 2);
    let mut others = Vec::new();
    for home in 0..6 {
        house.home = home;
        let (a, b) = house.bridged();
        others.extend([b, a]);
    }
    for (n, end) in house.ends.iter_mut().enumerate() {
        end.says = Some(n as u8 + 1);
    }
    let start = now();
    house.until("everybody hears the other side", |house| {
        house.ends.iter().zip(&others).all(|(end, other)| end.hears(*other as u8 + 1, start))
    });
    house.run_for(Duration::from_millis(500));
    for (end, other) in house.ends.iter().zip(&others) {
        let expected = [*other as u8 + 1, SILENCE];
        assert!(end.heard.iter().all(|heard| expected.contains(&heard.payload[0])), "and nobody else");
        assert_one_line(end);
    }
    for counters in house.plane.by_shard() {
        assert_eq!((counters.legs, counters.unclaimed, counters.handover_lost), (6, 0, 0));
        assert!(counters.forwarded > 100, "{counters:?}");
    }
    assert_eq!(house.plane.counters().legs, 12);
    let ids: Vec<LegId> = house.ends.iter().map(|end| end.id).collect();
    for leg in ids {
        house.send(Command::RemoveLeg { leg });
    }
    house.until("all have gone", |house| house.plane.counters().legs == 0);
}

#[test]
fn a_port_that_is_taken_is_refused_however_many_share_it() {
    for (there, here) in [(1, 1), (1, 2), (2, 1), (2, 2)] {
        let house = House::on("127.0.0.1:0", there);
        let taken = PlaneConfig { shards: here, ..PlaneConfig::new(house.plane.local_addr()) };
        assert!(matches!(Plane::start(taken), Err(StartError::Port(_))), "{here} beside {there}");
    }
}

/// The headline: the agent's page goes away and comes back, the customer stays and hears music meanwhile.
#[test]
fn a_customer_stays_on_the_line_while_the_agent_comes_back_on_a_new_leg() {
    let mut house = House::new();
    let (customer, page) = house.bridged();
    (house.ends[customer].says, house.ends[page].says) = (Some(1), Some(2));
    let start = now();
    house.until("the agent is heard", |house| house.ends[customer].hears(2, start));
    let gone = house.ends[page].id;
    house.hear(customer, Hearing::Music);
    house.send(Command::RemoveLeg { leg: gone });
    let waiting = now();
    house.until("music", |house| {
        let heard = house.ends[customer].heard.iter();
        heard.filter(|heard| heard.at > waiting && heard.payload.len() > 20 && heard.payload[0] != 2).count()
            > 10
    });
    let reloaded = house.add(true, LOOPBACK);
    house.bridge(customer, reloaded);
    house.ends[reloaded].says = Some(3);
    let back = now();
    house.until("both talk again", |house| {
        house.ends[customer].hears(3, back) && house.ends[reloaded].hears(1, back)
    });
    assert!(now() - back < Duration::from_secs(2));
    assert_one_line(&house.ends[customer]);
}

#[test]
fn strangers_are_counted_and_change_nothing() {
    for shards in [1, 2] {
        check_strangers(&mut House::on("127.0.0.1:0", shards));
    }
}

fn check_strangers(house: &mut House) {
    let (a, b) = house.bridged();
    (house.ends[a].says, house.ends[b].says) = (Some(1), Some(2));
    house.run_for(Duration::from_millis(200));
    let stranger = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = house.plane.local_addr();
    let recorded: Vec<_> = house.ends[a].raw.clone();
    for first in 0..=255u8 {
        stranger.send_to(&[first; 60], port).unwrap();
    }
    for raw in &recorded {
        stranger.send_to(raw, port).unwrap();
    }
    // From a peer's own address: replayed, reflected, garbage.
    for first in 0..=255u8 {
        house.ends[b].send_raw(&[first; 60], port);
    }
    let after = now();
    house.run_for(Duration::from_millis(500));
    assert!(house.ends[a].hears(2, after) && house.ends[b].hears(1, after));
    assert_one_line(&house.ends[a]);
    assert!(house.plane.counters().unclaimed > 200);
    let id = house.ends[b].id;
    let forged = house.notice(id, |notice| match notice {
        LegNotice::Stats(stats) => {
            Some(stats.drops.count(Drop::SrtpForged) + stats.drops.count(Drop::SrtpMalformed))
        }
        _ => None,
    });
    assert!(forged > 30, "{forged}");
}

#[test]
fn refusals_have_names() {
    let mut house = House::new();
    let leg = LegId(9);
    let description = Description::Answer { offer: Sdp::new("v=0\r\nnonsense") };
    house.send(Command::AddLeg { leg, options: LOOPBACK, description });
    let reason = house.notice(leg, |notice| match notice {
        LegNotice::Failed { reason } => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, FailReason::DescriptionRefused);
    for command in [
        Command::Hear { leg, what: Hearing::Legs(vec![leg]) },
        Command::Hear { leg, what: Hearing::Music },
        Command::RemoveLeg { leg },
        Command::Answer { leg, sdp: Sdp::new("") },
    ] {
        house.send(command);
    }
    let everywhere = Plane::start(PlaneConfig::new("0.0.0.0:0".parse().unwrap()));
    assert!(matches!(everywhere, Err(StartError::NoAddress)));
    let mut small = PlaneConfig::new("127.0.0.1:0".parse().unwrap());
    small.max_legs = 0;
    let (plane, mut notices) = Plane::start(small).unwrap();
    plane.send(Command::AddLeg { leg, options: LOOPBACK, description: Description::Offer }).unwrap();
    let notified = notices.blocking_recv().unwrap();
    assert_eq!(notified.notice, LegNotice::Failed { reason: FailReason::NoCapacity });
}

#[test]
fn legs_come_and_go_and_leave_nothing_behind() {
    let mut house = House::new();
    for round in 0..10 {
        let (a, b) = house.bridged();
        for n in [a, b] {
            house.send(Command::RemoveLeg { leg: house.ends[n].id });
        }
        house.until("both have gone", |house| house.plane.counters().legs == 0);
        assert_eq!(house.ends.len(), 2 * (round + 1));
    }
}
