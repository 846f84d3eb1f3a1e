//! What another project's decoder makes of our files.

use std::path::Path;
use std::process::Command;

use offhook_recording::Selection;
use serde_json::Value;

use crate::rig::{AGENT, CUSTOMER, FRAME, Mouth, Rig, secs};

/// What to do when it is missing.
const REMEDY: &str = "python3 -m venv target/venv && target/venv/bin/pip install aiortc numpy";

#[tokio::test]
async fn ffmpeg_hears_the_same_as_libopus() {
    let rig = Rig::new();
    let mut running = rig.open().await;
    let start = rig.two();
    let id = start.recording.clone();
    let take = running.recorder.start(start).unwrap();
    let (mut customer, mut agent) = (Mouth::new(CUSTOMER, 1_000.0), Mouth::new(AGENT, 1_000.0));
    rig.talk(&take, secs(2), &mut [&mut customer]);
    // Lost packets, and a pause between words.
    for n in 0..50 {
        rig.talk(&take, FRAME, &mut [&mut agent]);
        match n {
            5 | 20..40 => customer.be_silent(),
            _ => take.hear(customer.speak(rig.at())),
        }
    }
    rig.talk(&take, secs(2), &mut [&mut customer, &mut agent]);
    running.finish(take).await;

    let folder = tempfile::tempdir().unwrap();
    let wanted = [Selection::Party(CUSTOMER), Selection::Party(AGENT), Selection::Mixed, Selection::Stereo];
    let mut paths = Vec::new();
    for what in wanted {
        let path = folder.path().join(format!("{what}.ogg"));
        std::fs::write(&path, running.file(&rig, &id, what).await.unwrap()).unwrap();
        paths.push(path);
    }
    running.recorder.close().await;
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../target/venv/bin/python");
    let output = Command::new(python)
        .arg(here.join("tests/recording/decode.py"))
        .arg("1000")
        .args(&paths)
        .output()
        .expect(REMEDY);
    assert!(output.status.success(), "{REMEDY}: {}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8(output.stdout).unwrap();
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), wanted.len());
    for (what, told) in wanted.iter().zip(&told) {
        let (millis, onset) = (told["millis"].as_f64().unwrap(), told["onset"].as_u64().unwrap());
        assert!((4_999.0..=5_001.0).contains(&millis), "{what}: {told}");
        let expected = if *what == Selection::Party(AGENT) { 2_000 } else { 0 };
        assert!(onset.abs_diff(expected) <= 20, "{what}: {told}");
        assert!(
            told["tones"].as_array().unwrap().iter().all(|tone| tone.as_f64().unwrap() > 0.1),
            "{what}: {told}"
        );
    }
}
