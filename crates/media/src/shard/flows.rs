//! Which leg a datagram is for.
//!
//! STUN names its leg: requests by the user fragment, answers by the transaction. Everything else is for the leg
//! that has selected the sender's address. Several may have: Meta's relays listen on a handful of fixed ports, so
//! two calls through one relay look the same from here, and which of them a packet belongs to only its keys tell.
//! Some of them may live on other shards.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, Hasher};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::rand;

use super::handover::Shards;
use crate::leg::UFRAG_LEN;

/// An answer later than this is no use to anybody: the check has been repeated long since.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Checks whose answers are still expected; at five a second this covers thousands of legs.
const MAX_TRANSACTIONS: usize = 65_536;

pub(super) type Ufrag = [u8; UFRAG_LEN];

pub(super) struct Flows {
    by_ufrag: HashMap<Ufrag, usize>,
    by_address: HashMap<SocketAddr, Flow, Spread>,
    by_transaction: HashMap<[u8; 12], usize>,
    transactions: VecDeque<(Instant, [u8; 12])>,
}

/// The legs behind one address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// One, here.
    One(usize),
    /// Some on other shards.
    Away(Shards),
    /// Several: these, and some on other shards.
    Many(Vec<usize>, Shards),
}

impl Flows {
    pub(super) fn new() -> Self {
        Self {
            by_ufrag: HashMap::new(),
            by_address: HashMap::with_hasher(Spread::new()),
            by_transaction: HashMap::new(),
            transactions: VecDeque::new(),
        }
    }

    pub(super) fn add_leg(&mut self, ufrag: Ufrag, key: usize) {
        self.by_ufrag.insert(ufrag, key);
    }

    pub(super) fn remove_leg(&mut self, ufrag: &Ufrag) {
        self.by_ufrag.remove(ufrag);
    }

    /// The leg a STUN request is addressed to.
    pub(super) fn addressee(&self, ufrag: &[u8]) -> Option<usize> {
        self.by_ufrag.get(<&Ufrag>::try_from(ufrag).ok()?).copied()
    }

    /// Remembers who asked.
    pub(super) fn asked(&mut self, now: Instant, transaction: [u8; 12], key: usize) {
        while let Some((at, oldest)) = self.transactions.front()
            && (*at + ANSWER_WITHIN < now || self.transactions.len() == MAX_TRANSACTIONS)
        {
            self.by_transaction.remove(oldest);
            self.transactions.pop_front();
        }
        self.transactions.push_back((now, transaction));
        self.by_transaction.insert(transaction, key);
    }

    /// The leg that asked.
    pub(super) fn asker(&self, transaction: &[u8; 12]) -> Option<usize> {
        self.by_transaction.get(transaction).copied()
    }

    pub(super) fn at(&self, address: &SocketAddr) -> Option<&Flow> {
        self.by_address.get(address)
    }

    /// A leg here has selected an address; whether it is the first.
    pub(super) fn join(&mut self, address: SocketAddr, key: usize) -> bool {
        self.change(address, |here, _| {
            here.push(key);
            here.len() == 1
        })
    }

    /// A leg here has gone from an address; whether it was the last.
    pub(super) fn leave(&mut self, address: SocketAddr, key: usize) -> bool {
        self.change(address, |here, _| {
            let before = here.len();
            here.retain(|other| *other != key);
            here.is_empty() && before > 0
        })
    }

    /// Another shard has come to have legs behind an address.
    pub(super) fn joined_away(&mut self, address: SocketAddr, shard: usize) {
        self.change(address, |_, away| away.add(shard));
    }

    /// It has none there any more.
    pub(super) fn left_away(&mut self, address: SocketAddr, shard: usize) {
        self.change(address, |_, away| away.remove(shard));
    }

    fn change<T>(
        &mut self,
        address: SocketAddr,
        change: impl FnOnce(&mut Vec<usize>, &mut Shards) -> T,
    ) -> T {
        let (mut here, mut away) = match self.by_address.remove(&address) {
            None => (Vec::new(), Shards::NONE),
            Some(Flow::One(key)) => (vec![key], Shards::NONE),
            Some(Flow::Away(away)) => (Vec::new(), away),
            Some(Flow::Many(here, away)) => (here, away),
        };
        let changed = change(&mut here, &mut away);
        let flow = match (&here[..], away) {
            ([], Shards::NONE) => return changed,
            ([], away) => Flow::Away(away),
            ([only], Shards::NONE) => Flow::One(*only),
            _ => Flow::Many(here, away),
        };
        self.by_address.insert(address, flow);
        changed
    }
}

/// A quick hash for addresses, seeded so that nobody can choose addresses that collide.
#[derive(Clone)]
pub(super) struct Spread(u64);

pub(super) struct SpreadHasher(u64);

impl Spread {
    pub(super) fn new() -> Self {
        let mut seed = [0; 8];
        rand::fill(&mut seed).expect("the system has randomness, or no handshake would work either");
        Self(u64::from_be_bytes(seed))
    }
}

impl BuildHasher for Spread {
    type Hasher = SpreadHasher;

    fn build_hasher(&self) -> SpreadHasher {
        SpreadHasher(self.0)
    }
}

impl SpreadHasher {
    fn fold(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ ((product >> 64) as u64);
    }
}

impl Hasher for SpreadHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u16(&mut self, word: u16) {
        self.fold(u64::from(word));
    }

    fn write_u32(&mut self, word: u32) {
        self.fold(u64::from(word));
    }

    fn write_usize(&mut self, word: usize) {
        self.fold(word as u64);
    }

    fn write_isize(&mut self, word: isize) {
        self.fold(word as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_behind_one_address_come_and_go() {
        let address = SocketAddr::from(([192, 0, 2, 1], 3_480));
        let mut flows = Flows::new();
        assert_eq!(flows.at(&address), None);
        assert_eq!([1, 2, 3].map(|key| flows.join(address, key)), [true, false, false]);
        assert_eq!(flows.at(&address), Some(&Flow::Many(vec![1, 2, 3], Shards::NONE)));
        assert_eq!([1, 9, 3, 1].map(|key| flows.leave(address, key)), [false; 4]);
        assert_eq!(flows.at(&address), Some(&Flow::One(2)));
        assert!(flows.leave(address, 2) && !flows.leave(address, 2));
        assert_eq!(flows.at(&address), None);
    }

    #[test]
    fn legs_on_other_shards_are_known_by_their_shards() {
        let address = SocketAddr::from(([192, 0, 2, 1], 3_480));
        let mut flows = Flows::new();
        let mut away = Shards::NONE;
        away.add(3);
        flows.joined_away(address, 3);
        flows.joined_away(address, 3);
        assert_eq!(flows.at(&address), Some(&Flow::Away(away)));
        assert!(flows.join(address, 1), "the first one here");
        assert_eq!(flows.at(&address), Some(&Flow::Many(vec![1], away)));
        flows.left_away(address, 3);
        assert_eq!(flows.at(&address), Some(&Flow::One(1)));
        flows.joined_away(address, 3);
        assert!(flows.leave(address, 1));
        flows.left_away(address, 3);
        assert_eq!(flows.at(&address), None);
    }

    #[test]
    fn old_questions_are_forgotten_not_hoarded() {
        let now = tokio::time::Instant::now().into_std();
        let mut flows = Flows::new();
        for n in 0..MAX_TRANSACTIONS as u64 + 10 {
            let mut transaction = [0; 12];
            transaction[..8].copy_from_slice(&n.to_be_bytes());
            flows.asked(now, transaction, n as usize);
            assert_eq!(flows.asker(&transaction), Some(n as usize));
        }
        assert_eq!(flows.asker(&[0; 12]), None);
        assert_eq!(flows.by_transaction.len(), MAX_TRANSACTIONS);
        flows.asked(now + Duration::from_secs(11), [0xff; 12], 5);
        assert_eq!((flows.by_transaction.len(), flows.transactions.len()), (1, 1));
    }

    #[test]
    fn addresses_spread_over_the_table() {
        let spread = Spread::new();
        let hashes: std::collections::HashSet<u64> = (0..20_000u16)
            .map(|port| spread.hash_one(SocketAddr::from(([10, 0, 0, 1], port))) >> 40)
            .collect();
        assert!(hashes.len() > 19_900, "{}", hashes.len());
    }
}
