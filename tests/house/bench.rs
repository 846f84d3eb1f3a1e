//! The bench in Chromium runs, and says what it measured. How quick it is, is nobody's test.

use std::process::Command;

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
