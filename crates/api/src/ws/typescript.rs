//! Writes the protocol's TypeScript and proves the committed file fresh.

use std::path::PathBuf;

use ts_rs::{Config, TS};

use super::protocol as p;

fn render() -> String {
    let config = Config::new().with_large_int("number");
    let mut out = String::from(
        "// Generated from crates/api/src/ws/protocol.rs by `cargo xtask generate`. Do not edit.\n",
    );
    let mut declare = |declaration: String| {
        out.push_str("\nexport ");
        out.push_str(&declaration);
        out.push('\n');
    };
    declare(p::ClientMessage::decl(&config));
    declare(p::ServerMessage::decl(&config));
    declare(p::AgentEvent::decl(&config));
    declare(p::IceServer::decl(&config));
    declare(p::Snapshot::decl(&config));
    declare(p::RingingCall::decl(&config));
    declare(p::OwnedCall::decl(&config));
    declare(p::CallView::decl(&config));
    declare(p::TableView::decl(&config));
    declare(p::PartyView::decl(&config));
    declare(p::PartyRole::decl(&config));
    declare(p::SeekView::decl(&config));
    declare(p::SeekPurpose::decl(&config));
    declare(p::RecordingView::decl(&config));
    declare(p::RecordingState::decl(&config));
    declare(p::Wish::decl(&config));
    declare(p::To::decl(&config));
    declare(p::Supervision::decl(&config));
    declare(p::LeftReason::decl(&config));
    declare(p::ColleagueView::decl(&config));
    declare(p::QualityView::decl(&config));
    declare(p::PeerView::decl(&config));
    declare(p::NumberView::decl(&config));
    declare(p::AgentRef::decl(&config));
    declare(p::ErrorView::decl(&config));
    declare(p::MediaMode::decl(&config));
    declare(p::Direction::decl(&config));
    declare(p::CallState::decl(&config));
    declare(p::Presence::decl(&config));
    declare(p::SilencedReason::decl(&config));
    declare(p::ContactChange::decl(&config));
    declare(p::PermissionStatus::decl(&config));
    declare(p::PermissionView::decl(&config));
    declare(p::GoawayReason::decl(&config));
    out
}

#[test]
fn typescript_types_are_fresh() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../web/packages/softphone/src/protocol.ts");
    let rendered = render();
    if std::env::var_os("OFFHOOK_GENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &rendered).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == rendered, "{} is stale: run `cargo xtask generate`", path.display());
}
