//! Random texts: API keys, sessions, tickets, account ids, event ids; and how they are compared.
//!
//! An API key reads `wab_live_sk_<22 look-up><43 secret><6 checksum>` in base 62, `test` for test keys and `pk`
//! for public ones. The prefix lets scanners
//! find leaked keys, the checksum refuses typos without a look-up, the look-up part finds the row, and only
//! the secret part, 256 bits, proves anything.

use aws_lc_rs::{constant_time, digest, rand};
use data_encoding::BASE64URL_NOPAD;
use offhook_core::house::{KeyKind, KeyMode};
use offhook_core::time::Time;
use uuid::{Builder, Uuid};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const LOOKUP_LEN: usize = 22;
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;

const KINDS: [(KeyMode, KeyKind); 4] = [
    (KeyMode::Live, KeyKind::Secret),
    (KeyMode::Test, KeyKind::Secret),
    (KeyMode::Live, KeyKind::Public),
    (KeyMode::Test, KeyKind::Public),
];

/// An API key's text in its parts.
pub(crate) struct KeyText {
    /// Finds the row.
    pub(crate) lookup: String,
    /// SHA-256 of the secret part.
    pub(crate) secret_hash: [u8; 32],
    /// From the prefix.
    pub(crate) mode: KeyMode,
    /// From the prefix.
    pub(crate) kind: KeyKind,
}

/// A fresh key: its whole text, shown once, and what is stored of it.
pub(crate) fn new_key_text(mode: KeyMode, kind: KeyKind) -> (String, KeyText) {
    let lookup = random_text(BASE62, LOOKUP_LEN);
    let secret = random_text(BASE62, SECRET_LEN);
    let mut text = format!("{}{lookup}{secret}", prefix(mode, kind));
    let check = checksum(&text);
    text.push_str(&check);
    (text, KeyText { lookup, secret_hash: fingerprint(&secret), mode, kind })
}

/// Takes a presented text apart; `None` when it cannot be a key of ours.
pub(crate) fn read_key_text(text: &str) -> Option<KeyText> {
    let (mode, kind) = KINDS.into_iter().find(|(mode, kind)| text.starts_with(prefix(*mode, *kind)))?;
    let body = text.strip_prefix(prefix(mode, kind))?;
    let well_formed =
        body.len() == LOOKUP_LEN + SECRET_LEN + CHECK_LEN && body.bytes().all(|b| b.is_ascii_alphanumeric());
    if !well_formed {
        return None;
    }
    let (covered, check) = text.split_at(text.len() - CHECK_LEN);
    if checksum(covered) != check {
        return None;
    }
    let lookup = body[..LOOKUP_LEN].to_owned();
    let secret_hash = fingerprint(&body[LOOKUP_LEN..LOOKUP_LEN + SECRET_LEN]);
    Some(KeyText { lookup, secret_hash, mode, kind })
}

/// A fresh secret of 256 bits for a session or ticket.
pub(crate) fn new_secret() -> String {
    BASE64URL_NOPAD.encode(&random_bytes::<32>())
}

/// What is stored of a secret. The secrets are random and long, so a fast hash is enough.
pub(crate) fn fingerprint(secret: &str) -> [u8; 32] {
    let hash = digest::digest(&digest::SHA256, secret.as_bytes());
    hash.as_ref().try_into().expect("SHA-256 gives 32 bytes")
}

/// Whether two fingerprints are equal, in a time that does not tell where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// A fresh account id for the Vobiz face.
pub(crate) fn account_id() -> String {
    format!("MA_{}", random_text(BASE32, 8))
}

/// A fresh version 7 UUID for the entry at `seq`, written at `at`. The low bits of `seq` follow the
/// millisecond, so that the entries of one commit sort as they happened.
pub(crate) fn event_uuid(at: Time, seq: i64) -> Uuid {
    let millis = u64::try_from(at.as_micros() / 1000).unwrap_or(0);
    let mut bytes = random_bytes::<10>();
    let low = seq.to_be_bytes();
    bytes[..2].copy_from_slice(&low[6..]);
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

const fn prefix(mode: KeyMode, kind: KeyKind) -> &'static str {
    match (mode, kind) {
        (KeyMode::Live, KeyKind::Secret) => "wab_live_sk_",
        (KeyMode::Test, KeyKind::Secret) => "wab_test_sk_",
        (KeyMode::Live, KeyKind::Public) => "wab_live_pk_",
        (KeyMode::Test, KeyKind::Public) => "wab_test_pk_",
    }
}

/// CRC-32 of the text before it, in base 62: 62^6 is more than 2^32.
fn checksum(covered: &str) -> String {
    let mut rest = usize::try_from(crc32fast::hash(covered.as_bytes())).expect("32 bits fit");
    let mut digits = [b'0'; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits.iter().map(|b| char::from(*b)).collect()
}

/// Characters drawn evenly: bytes beyond the last whole multiple of the alphabet are drawn again.
fn random_text(alphabet: &[u8], length: usize) -> String {
    let fair = 256 - 256 % alphabet.len();
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let drawn = random_bytes::<64>().into_iter().map(usize::from).filter(|byte| *byte < fair);
        text.extend(drawn.take(length - text.len()).map(|byte| char::from(alphabet[byte % alphabet.len()])));
    }
    text
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random source does not fail");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_made() {
        for (mode, kind) in KINDS {
            let prefix = prefix(mode, kind);
            let (text, made) = new_key_text(mode, kind);
            assert!(text.starts_with(prefix), "{prefix}");
            assert_eq!(text.len(), prefix.len() + 22 + 43 + 6);
            let read = read_key_text(&text).unwrap();
            assert_eq!((read.lookup, read.secret_hash), (made.lookup, made.secret_hash));
            assert_eq!((read.mode, read.kind), (mode, kind));
        }
    }

    #[test]
    fn a_typo_anywhere_in_a_key_is_refused_without_a_look_up() {
        let (text, _) = new_key_text(KeyMode::Live, KeyKind::Secret);
        for at in 0..text.len() {
            let other = if &text[at..=at] == "x" { "y" } else { "x" };
            let bent = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert!(read_key_text(&bent).is_none(), "changed at {at}");
            assert!(read_key_text(&text[..at]).is_none(), "cut at {at}");
        }
        for stranger in ["", "wab_live_sk_", "Bearer x", "wab_live_sk_é", &"x".repeat(83), &"é".repeat(60)]
        {
            assert!(read_key_text(stranger).is_none());
        }
    }

    #[test]
    fn account_ids_are_ma_and_eight_upper_case_characters() {
        let id = account_id();
        let tail = id.strip_prefix("MA_").unwrap();
        assert_eq!(tail.len(), 8);
        assert!(tail.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
    }

    #[test]
    fn event_ids_are_version_7_and_sort_by_time_then_place() {
        let at = Time::from_secs(1_790_000_000);
        let later = Time::from_secs(1_790_000_001);
        let (first, second, third) = (event_uuid(at, 7), event_uuid(at, 8), event_uuid(later, 1));
        assert_eq!(first.get_version_num(), 7);
        assert!(first < second && second < third);
    }
}
