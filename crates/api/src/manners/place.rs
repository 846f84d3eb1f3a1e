//! Cursors of lists whose entries are numbered: opaque, authenticated, good for a day.

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use offhook_core::time::Time;

const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

const PREFIX: &str = "cur_";

/// Place, expiry and the tag of 32 bytes.
const LENGTH: usize = 8 + 8 + 32;

/// Seals the place of the last entry of a page. `scope` names the list: whose it is and its filters.
pub(crate) fn seal(secret: &[u8; 32], scope: &str, place: u64, now: Time) -> String {
    let mut bytes = place.to_be_bytes().to_vec();
    bytes.extend((now + LIFE).as_micros().to_be_bytes());
    let tag = hmac::sign(&key(secret), &signed(&bytes, scope));
    bytes.extend(tag.as_ref());
    format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
}

/// Opens a cursor of this list; none when it is forged, expired, or of another list.
pub(crate) fn open(secret: &[u8; 32], scope: &str, text: &str, now: Time) -> Option<u64> {
    let bytes = BASE64URL_NOPAD.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?;
    if bytes.len() != LENGTH {
        return None;
    }
    let (bytes, tag) = bytes.split_at(LENGTH - 32);
    hmac::verify(&key(secret), &signed(bytes, scope), tag).ok()?;
    let (place, expiry) = bytes.split_at(8);
    let expiry = i64::from_be_bytes(expiry.try_into().ok()?);
    let place = u64::from_be_bytes(place.try_into().ok()?);
    (Time::from_micros(expiry) > now).then_some(place)
}

fn key(secret: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

/// The word keeps these cursors apart from others under the same secret.
fn signed(bytes: &[u8], scope: &str) -> Vec<u8> {
    [b"place/1/", bytes, scope.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let now = Time::from_secs(1_793_610_900);
        let sealed = seal(&[7; 32], "audit/ten_1", 42, now);
        assert_eq!(open(&[7; 32], "audit/ten_1", &sealed, now), Some(42));
        assert_eq!(open(&[7; 32], "audit/ten_2", &sealed, now), None, "another tenant");
        assert_eq!(open(&[8; 32], "audit/ten_1", &sealed, now), None, "another server");
        assert_eq!(open(&[7; 32], "audit/ten_1", &sealed, now + LIFE), None, "a day later");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&[7; 32], "audit/ten_1", &changed, now), None, "{at}");
        }
        for nonsense in ["", "cur_", "cur_AAAA", "%%%"] {
            assert_eq!(open(&[7; 32], "audit/ten_1", nonsense, now), None, "{nonsense}");
        }
    }
}
