//! The README's first command, as a newcomer types it.

use std::process::Command;
use std::time::Duration;

use crate::browser;
use crate::stage::{Stage, root};

/// A newcomer's build: the server is compiled without what only tests need.
const BUILD: Duration = Duration::from_secs(900);

#[test]
fn demo_started_by_its_one_command_carries_a_call_that_is_heard_and_stops_when_asked() {
    let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    cargo.args(["xtask", "demo"]).current_dir(root());
    let stage = Stage::start_by(cargo, BUILD).unwrap();
    browser::play_on(&stage, "inbound_call_is_heard_both_ways", None);
    let log = stage.stop().unwrap();
    assert!(log.contains("==> build the server and its desk"), "every step says what it is for: {log}");
}
