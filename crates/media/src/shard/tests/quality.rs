//! What is told of how well a leg goes.

use super::world::{Says, World};
use crate::message::{Codec, LegNotice, Stats};
use crate::sdp::CandidateKind;

fn stats(world: &World, end: usize) -> Stats {
    let told = world.of_end(end).into_iter().rev().find_map(|notice| match notice {
        LegNotice::Stats(stats) => Some(*stats),
        _ => None,
    });
    told.unwrap()
}

#[test]
fn statistics_say_how_the_path_came_about_and_when_sound_came() {
    let mut world = World::new(1);
    let as_is = world.add(|offer| offer);
    let relayed = world.add(|offer| offer.replace("typ host", "typ relay raddr 0.0.0.0 rport 9"));
    let reflexive = world.add(|offer| offer.replace("typ host", "typ srflx raddr 10.0.0.1 rport 9"));
    let unnamed = world
        .add(|offer| offer.split_inclusive("\r\n").filter(|line| !line.starts_with("a=candidate")).collect());
    world.run_for(1_000);
    for end in [as_is, relayed, reflexive] {
        world.ends[end].says = Says::Bytes(1);
    }
    world.run_for(10_100);
    let kinds = [CandidateKind::Host, CandidateKind::Relayed, CandidateKind::ServerReflexive];
    for (end, kind) in [as_is, relayed, reflexive].into_iter().zip(kinds) {
        let stats = stats(&world, end);
        assert_eq!((stats.candidate, stats.codec), (Some(kind), Codec::Opus));
        let first = stats.first_audio.unwrap().as_millis();
        assert!((1_000..3_000).contains(&first), "{first}");
        let quality = stats.quality;
        assert_eq!((quality.packets_lost, quality.remote_lost), (0, 0));
        assert!(quality.rtt_ms.is_some() && quality.mos > 4.0 && quality.remote_mos > 4.0, "{quality:?}");
    }
    let stats = stats(&world, unnamed);
    assert_eq!((stats.candidate, stats.first_audio), (Some(CandidateKind::PeerReflexive), None));
}
