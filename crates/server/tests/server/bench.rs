//! The benches run and clean up.

use serde_json::{Value, json as value};

use crate::program::{errors, json, run};

#[test]
fn the_ring_bench_measures_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let measured = json(folder.path(), &["bench", "ring", "--calls", "3", "--json"]);
    let ring = &measured["webhook_to_ring_us"];
    assert!(ring["min"].as_u64().unwrap() > 0 && ring["min"].as_u64() <= ring["max"].as_u64(), "{measured}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_hooks_bench_delivers_everything_beside_dead_webhooks() {
    let folder = tempfile::tempdir().unwrap();
    let bench = ["bench", "hooks", "--rate", "60", "--seconds", "1", "--webhooks", "3", "--json"];
    let measured = json(folder.path(), &bench);
    let count = |name: &str| measured[name].as_u64().unwrap();
    assert!(count("expected") >= 60 && count("arrived") >= count("expected"), "{measured}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_media_bench_carries_calls_without_loss_and_reports_every_figure() {
    let folder = tempfile::tempdir().unwrap();
    let report = json(folder.path(), &["bench", "media", "--calls", "4", "--seconds", "1", "--json"]);
    let figures = [
        "/calls",
        "/seconds",
        "/tick_us",
        "/set_up/calls",
        "/set_up/per_second",
        "/set_up/p50_ms",
        "/set_up/p99_ms",
        "/set_up/first_sound_p50_ms",
        "/set_up/first_sound_p99_ms",
        "/talk/p50_ms",
        "/talk/p99_ms",
        "/talk/p999_ms",
        "/talk/max_ms",
        "/talk/said",
        "/packets/in_per_second",
        "/packets/out_per_second",
        "/packets/forwarded_per_second",
        "/cpu/core_percent",
        "/cpu/core_percent_per_call",
        "/cpu/us_per_packet",
        "/floor/us_per_packet",
        "/floor/ratio",
        "/memory/before_kib",
        "/memory/with_calls_kib",
        "/churn/set_up/per_second",
        "/churn/resident_kib/4",
        "/far_ends/core_percent",
        "/far_ends/kept",
        "/shared/cores",
        "/shared/load/2",
    ];
    for figure in figures {
        let value = report.pointer(figure).and_then(Value::as_f64);
        // A load of nothing is a load; nothing else here is nothing.
        assert!(value.is_some_and(|value| value > 0.0 || figure.contains("load")), "{figure}: {report}");
    }
    assert_eq!(report["set_up"]["calls"], 4);
    assert_eq!(report["churn"]["set_up"]["calls"], 8);
    assert_eq!((&report["loss"], &report["talk"]["heard"]), (&value!(0.0), &report["talk"]["said"]));
    assert_eq!(report["packets"]["refused"], 0);
    for named in ["kernel", "build"] {
        assert!(!report["shared"][named].as_str().unwrap().is_empty(), "{report}");
    }
}

#[test]
fn far_ends_alone_end_with_their_orders() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["bench", "far-ends"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", errors(&output));
}

#[test]
fn the_store_bench_asks_for_lists_searches_and_figures() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["bench", "store", "--calls", "500", "--rate", "40", "--seconds", "1", "--json"];
    let report = json(folder.path(), &args);
    assert_eq!((&report["list"]["requests"], &report["search"]["requests"]), (&value!(20), &value!(20)));
    for kind in ["list", "search", "analytics_365_days"] {
        assert!(report[kind]["p50_us"].as_u64() <= report[kind]["max_us"].as_u64(), "{report}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_webhook_bench_finds_every_call_it_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let args = ["bench", "webhooks", "--rate", "20", "--seconds", "2", "--json"];
    let report = json(folder.path(), &args);
    assert_eq!((&report["answer"]["requests"], &report["calls"]), (&value!(40), &value!(20)));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
