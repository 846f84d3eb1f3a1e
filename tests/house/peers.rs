//! Other people's WebRTC stacks as WhatsApp's side.

use serde_json::json;

use crate::browser;
use crate::stage::root;

/// The Python with aiortc in it, which `cargo xtask test` prepares.
pub(crate) fn python() -> std::path::PathBuf {
    let python = root().join("target/venv/bin/python");
    assert!(python.exists(), "no aiortc here: `cargo xtask test` installs it");
    python
}

fn play(scenario: &str) {
    let peer = json!({
        "python": python(),
        "script": root().join("tests/peers/aiortc_phone.py"),
        "number": "+447700900777",
        "hz": 440,
        "hears": 600,
    });
    browser::play(scenario, Some(&peer));
}

#[test]
fn desk_and_an_aiortc_phone_hear_each_other_when_the_desk_calls() {
    play("desk_talks_to_a_called_peer");
}

#[test]
fn desk_and_an_aiortc_phone_hear_each_other_when_the_phone_calls() {
    play("desk_talks_to_a_calling_peer");
}

#[test]
fn bridged_calls_and_an_aiortc_phone_agree_on_each_cipher_both_ways() {
    play("bridged_desk_talks_to_peers_of_every_cipher");
}
