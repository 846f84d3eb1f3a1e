//! Spools cut and bent at every byte.

use std::fs;
use std::sync::Arc;

use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::recording::{Consent, ConsentMode, PartyKind};
use offhook_core::time::Time;
use proptest::prelude::*;
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::form::{BodyWriter, Sealer};

/// 700 ms: what a body holds.
const STEP: u64 = 33_600;

struct Bench {
    folder: TempDir,
    spool: Spool,
    keys: Arc<Keyring>,
    head: Head,
}

impl Bench {
    fn new() -> Self {
        Self::numbered(1)
    }

    fn numbered(number: u128) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(folder.path()).unwrap();
        let keys = Arc::new(Keyring::new(&[3; 32]));
        let id = Uuid::from_u128(number);
        let (tenant, call, recording) =
            (TenantId::from_uuid(id), CallId::from_uuid(id), RecordingId::from_uuid(id));
        let (_, wrapped) = keys.fresh(&tenant, &recording);
        let consent = Consent { mode: ConsentMode::None, announced_at: None, announced_until: None };
        let times = (Time::from_secs(100), Time::from_secs(200));
        let head = Head::new((tenant, call, recording), times, consent, &wrapped);
        Self { folder, spool, keys, head }
    }

    /// Head, three bodies and an end, in pieces.
    fn pieces(&self) -> Vec<Vec<u8>> {
        let Head { tenant, recording, .. } = &self.head;
        let key = self.keys.unwrap(tenant, recording, &self.head.wrapped_key()).unwrap();
        let mut sealer = Sealer::new(key, &self.head);
        let mut pieces = vec![self.head.to_bytes()];
        let mut body = BodyWriter::default();
        body.party(&RecordedParty { index: 0, kind: PartyKind::Customer, user: None });
        for n in 0..3 {
            body.frame(0, n * STEP, &[0xf8, 1, 2, 3]);
            pieces.push(sealer.body(body.take((n + 1) * STEP)));
        }
        let end = End { length: 3 * STEP, ending: Ending::Complete, ended_at: Time::from_secs(102) };
        pieces.push(sealer.end(end));
        pieces
    }

    fn finish(&self, bytes: &[u8]) -> Result<Finished, Trouble> {
        fs::write(self.spool.live(&self.head.recording), bytes).unwrap();
        drop(fs::remove_file(self.spool.done(&self.head.recording)));
        finish(&self.keys, &self.spool, &self.head.recording)
    }

    fn survey(&self, bytes: &[u8]) -> Result<Survey, Trouble> {
        let path = self.folder.path().join("survey");
        fs::write(&path, bytes).unwrap();
        survey(&self.keys, &path)
    }
}

#[test]
fn a_spool_cut_at_any_byte_keeps_its_whole_chunks() {
    let bench = Bench::new();
    let pieces = bench.pieces();
    let whole = pieces.concat();
    let mut borders = vec![0];
    for piece in &pieces {
        borders.push(borders.last().unwrap() + piece.len());
    }
    for cut in 0..=whole.len() {
        let chunks = borders.iter().filter(|border| **border <= cut).count() - 1;
        match (chunks, bench.finish(&whole[..cut]).unwrap()) {
            (0, Finished::Nothing) => assert!(bench.spool.look().unwrap().live.is_empty()),
            (1.., Finished::Done(done)) => {
                let bodies = (chunks - 1).min(3) as u64;
                let ending = if chunks == 5 { Ending::Complete } else { Ending::Truncated };
                assert_eq!((done.end.length, done.end.ending), (bodies * STEP, ending), "cut at {cut}");
                assert_eq!(done.parties.len(), usize::from(bodies > 0));
                // What is on the disk says the same, and nothing else.
                let again = survey(&bench.keys, &bench.spool.done(&bench.head.recording)).unwrap();
                assert_eq!(again.end, done.end);
            }
            (chunks, other) => panic!("cut at {cut}, after {chunks} pieces: {other:?}"),
        }
    }
}

#[test]
fn a_process_that_dies_while_finishing_finishes_the_same_again() {
    let bench = Bench::new();
    let pieces = bench.pieces();
    let cut = pieces[..3].concat();
    bench.finish(&cut).unwrap();
    let closed = fs::read(bench.spool.done(&bench.head.recording)).unwrap();
    for died in cut.len()..=closed.len() {
        let Finished::Done(done) = bench.finish(&closed[..died]).unwrap() else { panic!("at {died}") };
        assert_eq!((done.end.length, done.end.ending), (2 * STEP, Ending::Truncated));
    }
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let bench = Bench::new();
    let whole = bench.pieces().concat();
    bench.survey(&whole).unwrap();
    for at in 0..whole.len() {
        let mut bent = whole.clone();
        bent[at] ^= 1;
        assert!(bench.survey(&bent).is_err(), "changed at {at}");
        assert!(bench.survey(&whole[..at]).is_err(), "cut at {at}");
    }
    assert!(bench.survey(&[whole.as_slice(), &[0]].concat()).is_err(), "something behind the end");
}

#[test]
fn chunks_that_are_moved_repeated_left_out_or_from_elsewhere_are_refused() {
    let bench = Bench::new();
    let pieces = bench.pieces();
    let other = Bench::numbered(2).pieces();
    let of = |order: &[&Vec<u8>]| order.iter().flat_map(|piece| piece.iter().copied()).collect::<Vec<u8>>();
    let p = &pieces;
    for (what, order) in [
        ("swapped", [&p[0], &p[2], &p[1], &p[3], &p[4]].as_slice()),
        ("repeated", &[&p[0], &p[1], &p[1], &p[2], &p[3], &p[4]]),
        ("left out", &[&p[0], &p[1], &p[3], &p[4]]),
        ("cut at a border", &[&p[0], &p[1], &p[2], &p[3]]),
        ("an early end", &[&p[0], &p[1], &p[4]]),
        ("a chunk of another", &[&p[0], &p[1], &other[2], &p[3], &p[4]]),
        ("another's head", &[&other[0], &p[1], &p[2], &p[3], &p[4]]),
        ("two ends", &[&p[0], &p[1], &p[2], &p[3], &p[4], &p[4]]),
    ] {
        assert!(bench.survey(&of(order)).is_err(), "{what}");
    }
}

proptest! {
    #[test]
    fn whatever_bytes_lie_in_the_spool_reading_them_ends(
        keep in 0_usize..700, noise in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let bench = Bench::new();
        let whole = bench.pieces().concat();
        let bytes = [&whole[..keep.min(whole.len())], &noise].concat();
        let _: Result<Survey, Trouble> = bench.survey(&bytes);
        let _: Result<Finished, Trouble> = bench.finish(&bytes);
    }
}
