//! Links that let somebody listen for a while without signing in.
//!
//! A link's text says what may be heard and until when, and is signed; nothing is stored for it. It dies with
//! its time, with the recording, or with the master key.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use offhook_core::id::{RecordingId, TenantId};
use offhook_core::time::Time;

use crate::keys::Keyring;
use crate::listen::Selection;

/// What a link allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Whose recording.
    pub tenant: TenantId,
    /// Which.
    pub recording: RecordingId,
    /// What of it.
    pub what: Selection,
    /// Until when.
    pub expires: Time,
}

/// Longest text looked at. Real ones are about 200 characters.
const LONGEST: usize = 512;

/// HMAC-SHA-256 gives this many bytes.
const TAG: usize = 32;

/// The link's text: letters, digits, `-` and `_`.
#[must_use]
pub fn sign(keys: &Keyring, link: &Link) -> String {
    let Link { tenant, recording, what, expires } = link;
    let says = format!("{tenant}:{recording}:{what}:{}", expires.as_micros());
    let tag = hmac::sign(&keys.links, says.as_bytes());
    BASE64URL_NOPAD.encode(&[tag.as_ref(), says.as_bytes()].concat())
}

/// What the text allows at `now`; `None` when it was not signed here, was changed, or its time is over. The
/// comparison takes as long wherever a forged text differs.
#[must_use]
pub fn verify(keys: &Keyring, text: &str, now: Time) -> Option<Link> {
    if text.len() > LONGEST {
        return None;
    }
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    let (tag, says) = bytes.split_at_checked(TAG)?;
    hmac::verify(&keys.links, says, tag).ok()?;
    let parts: Vec<&str> = std::str::from_utf8(says).ok()?.split(':').collect();
    let [tenant, recording, what, expires] = parts[..] else { return None };
    let link = Link {
        tenant: TenantId::parse(tenant)?,
        recording: RecordingId::parse(recording)?,
        what: Selection::parse(what)?,
        expires: Time::from_micros(expires.parse().ok()?),
    };
    (now < link.expires).then_some(link)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::write::PartyId;

    fn link(what: Selection) -> Link {
        Link {
            tenant: TenantId::from_uuid(Uuid::from_u128(1)),
            recording: RecordingId::from_uuid(Uuid::from_u128(2)),
            what,
            expires: Time::from_secs(100),
        }
    }

    #[test]
    fn a_link_opens_what_it_was_made_for_until_its_time() {
        let keys = Keyring::new(&[1; 32]);
        for what in
            [Selection::Mixed, Selection::Stereo, Selection::Party(PartyId(0)), Selection::Party(PartyId(17))]
        {
            let text = sign(&keys, &link(what));
            assert_eq!(verify(&keys, &text, Time::from_secs(99)), Some(link(what)));
            assert_eq!(verify(&keys, &text, Time::from_secs(100)), None);
            assert_eq!(verify(&Keyring::new(&[2; 32]), &text, Time::from_secs(99)), None);
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'));
        }
    }

    #[test]
    fn a_changed_or_cut_link_opens_nothing() {
        let keys = Keyring::new(&[1; 32]);
        let text = sign(&keys, &link(Selection::Mixed));
        for at in 0..text.len() {
            let other = if &text[at..=at] == "A" { "B" } else { "A" };
            let bent = format!("{}{other}{}", &text[..at], &text[at + 1..]);
            assert_eq!(verify(&keys, &bent, Time::from_secs(1)), None, "changed at {at}");
            assert_eq!(verify(&keys, &text[..at], Time::from_secs(1)), None, "cut at {at}");
        }
        for stranger in ["", "A", "é", &"A".repeat(10_000)] {
            assert_eq!(verify(&keys, stranger, Time::from_secs(1)), None);
        }
    }
}
