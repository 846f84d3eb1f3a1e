//! Calls through one relay: peers that share an address.

use std::net::SocketAddr;
use std::sync::Arc;

use super::world::{Says, World};
use crate::leg::{Drop, Identity};

fn relay() -> SocketAddr {
    SocketAddr::from(([203, 0, 113, 7], 3_480))
}

#[test]
fn handshakes_behind_one_address_do_not_disturb_each_other() {
    for (shards, homes) in [(1, [0, 0, 0]), (2, [0, 1, 0])] {
        let mut world = World::sharded(shards, 10);
        let ends = homes.map(|home| {
            let identity = Arc::new(Identity::generate().unwrap());
            world.begin_from(relay(), home, 0, &identity, |offer| offer)
        });
        for end in ends {
            world.connect(end);
        }
    }
}

#[test]
fn packets_behind_one_address_are_opened_at_the_first_try() {
    for (shards, homes) in [(1, [0; 6]), (2, [0, 0, 0, 1, 1, 1])] {
        let mut world = World::sharded(shards, 10);
        let ends = homes.map(|home| world.add_from(relay(), home, 0, |offer| offer));
        for end in ends {
            world.ends[end].says = Says::Bytes(end as u8 + 1);
        }
        for (a, b) in [(0, 1), (1, 0), (2, 0), (3, 4), (4, 3), (5, 4)] {
            world.hear_legs(a, &[b]);
        }
        // Every stream has been heard once, and reports have gone each way.
        world.run_for(12_000);
        let before = world.forged();
        let start = world.run_for(12_000);
        assert_eq!(world.forged(), before, "nobody tries the packets of others");
        for (a, b) in [(0, 1), (1, 0), (2, 0), (3, 4), (4, 3), (5, 4)] {
            assert_eq!(world.bytes(a, start), [b as u8 + 1], "end {a}");
        }
        assert!(before < 2 * 6 * 6, "{before}");
        // A packet again is no reason to ask everybody.
        let again = world.ends[0].seal_next(world.now);
        for _ in 0..10 {
            world.put(0, again.clone());
        }
        world.run_for(20);
        assert_eq!((world.forged(), world.dropped(Drop::SrtpReplayed)), (before, 9));
    }
}
