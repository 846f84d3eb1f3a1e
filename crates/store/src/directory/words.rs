//! The stored words of small enums that `core` does not name itself.

use offhook_core::house::{KeyKind, KeyMode, MediaMode, Presence};

pub(crate) const fn media_mode(mode: MediaMode) -> &'static str {
    match mode {
        MediaMode::Relay => "relay",
        MediaMode::Bridge => "bridge",
    }
}

pub(crate) fn read_media_mode(word: &str) -> Option<MediaMode> {
    [MediaMode::Relay, MediaMode::Bridge].into_iter().find(|mode| media_mode(*mode) == word)
}

pub(crate) const fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::Available => "available",
        Presence::Away => "away",
    }
}

pub(crate) fn read_presence(word: &str) -> Option<Presence> {
    [Presence::Available, Presence::Away].into_iter().find(|p| presence(*p) == word)
}

pub(crate) fn read_key_mode(word: &str) -> Option<KeyMode> {
    [KeyMode::Live, KeyMode::Test].into_iter().find(|mode| mode.as_str() == word)
}

pub(crate) const fn key_kind(kind: KeyKind) -> &'static str {
    match kind {
        KeyKind::Secret => "secret",
        KeyKind::Public => "public",
    }
}

pub(crate) fn read_key_kind(word: &str) -> Option<KeyKind> {
    [KeyKind::Secret, KeyKind::Public].into_iter().find(|kind| key_kind(*kind) == word)
}
