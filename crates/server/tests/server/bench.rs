//! The benches run and clean up.

use crate::program::json;

#[test]
fn the_ring_bench_measures_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let measured = json(folder.path(), &["bench", "ring", "--calls", "3", "--json"]);
    let ring = &measured["webhook_to_ring_us"];
    assert!(ring["min"].as_u64().unwrap() > 0 && ring["min"].as_u64() <= ring["max"].as_u64(), "{measured}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
