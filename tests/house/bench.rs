//! Benches run, and say what they measured. How quick it was, is nobody's test.

use std::process::Command;

use serde_json::Value;

use crate::stage::{binary, root};

#[test]
fn bench_of_rings_and_answers_prints_percentiles_for_both_ways_of_carrying_sound() {
    let mut bench = Command::new("node");
    bench.arg("e2e/bench.mjs").arg(binary().unwrap()).arg("2").current_dir(root().join("web"));
    let output = bench.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for what in ["webhook posted → card on the desk", "click on answer → first audio"] {
        for way in ["relayed", "bridged"] {
            let line = said.lines().find(|line| line.starts_with(&format!("{way}: {what}")));
            let line = line.unwrap_or_else(|| panic!("{way}: {what}: {said}"));
            assert!(["p50 ", "p95 ", "p99 ", "max "].iter().all(|word| line.contains(word)), "{line}");
        }
    }
}

#[test]
fn bench_of_hooks_loses_and_reorders_nothing_beside_a_dead_and_a_stuck_webhook() {
    let folder = tempfile::tempdir().unwrap();
    let mut bench = Command::new(binary().unwrap());
    bench.args(["bench", "hooks", "--rate", "100", "--seconds", "2", "--json", "--data"]);
    let output = bench.arg(folder.path().join("run")).output().unwrap();
    let complained = String::from_utf8_lossy(&output.stderr);
    let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complained}"));
    let counts = ["expected", "arrived", "lost", "overtaken"].map(|count| said[count].as_u64().unwrap());
    assert_eq!(counts, [200, 200, 0, 0], "{said}");
    assert!(said["milliseconds"]["p99"].as_f64() > Some(0.0), "{said}");
    assert!(!folder.path().join("run").exists(), "nothing is left behind");
}
