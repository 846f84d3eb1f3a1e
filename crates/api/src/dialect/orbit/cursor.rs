//! List cursors: opaque, authenticated, bound to tenant and filters, good for a day.

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use offhook_core::id::{CallId, TenantId};
use offhook_core::time::Time;

/// How long a cursor is good for (provider-apis.md 2.5).
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

const PREFIX: &str = "cur_";

/// Changes when the layout does, so that old cursors are refused instead of misread.
const VERSION: u8 = 1;

/// Version, place, expiry, id, and the tag of 32 bytes.
const LENGTH: usize = 1 + 8 + 8 + 16 + 32;

/// What a list was asked for: a cursor is good for the same tenant and filters only.
pub(super) struct Scope<'a> {
    pub(super) tenant: &'a TenantId,
    /// The filters in a fixed order and form.
    pub(super) filters: String,
}

/// Seals the place of the last call of a page.
pub(super) fn seal(secret: &[u8; 32], scope: &Scope<'_>, place: &(Time, CallId), now: Time) -> String {
    let mut bytes = vec![VERSION];
    bytes.extend(place.0.as_micros().to_be_bytes());
    bytes.extend((now + LIFE).as_micros().to_be_bytes());
    bytes.extend(place.1.uuid().as_bytes());
    let tag = hmac::sign(&key(secret), &signed(&bytes, scope));
    bytes.extend(tag.as_ref());
    format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))
}

/// Opens a cursor of ours; none when it is forged, expired, or of another list.
pub(super) fn open(secret: &[u8; 32], scope: &Scope<'_>, text: &str, now: Time) -> Option<(Time, CallId)> {
    let bytes = BASE64URL_NOPAD.decode(text.strip_prefix(PREFIX)?.as_bytes()).ok()?;
    if bytes.len() != LENGTH || bytes[0] != VERSION {
        return None;
    }
    let (bytes, tag) = bytes.split_at(LENGTH - 32);
    hmac::verify(&key(secret), &signed(bytes, scope), tag).ok()?;
    let micros = |range: std::ops::Range<usize>| {
        let bytes = bytes[range].try_into().expect("the length was checked");
        Time::from_micros(i64::from_be_bytes(bytes))
    };
    let id = CallId::parse(&format!("{}{}", CallId::PREFIX, data_encoding::HEXLOWER.encode(&bytes[17..33])))?;
    (micros(9..17) > now).then(|| (micros(1..9), id))
}

fn key(secret: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

fn signed(bytes: &[u8], scope: &Scope<'_>) -> Vec<u8> {
    let mut text = bytes.to_vec();
    text.extend(scope.tenant.as_str().as_bytes());
    text.push(0);
    text.extend(scope.filters.as_bytes());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(1_793_610_900);

    fn tenant(n: u8) -> TenantId {
        TenantId::parse(&format!("ten_{n:032x}")).unwrap()
    }

    fn place() -> (Time, CallId) {
        (
            Time::from_micros(1_793_610_000_123_456),
            CallId::parse("wac_0123456789abcdef0123456789abcdef").unwrap(),
        )
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let (tenant_1, tenant_2) = (tenant(1), tenant(2));
        let scope = |tenant, filters: &str| Scope { tenant, filters: filters.to_owned() };
        let mine = scope(&tenant_1, "status=missed");
        let sealed = seal(&[7; 32], &mine, &place(), NOW);
        assert_eq!(open(&[7; 32], &mine, &sealed, NOW), Some(place()));
        assert_eq!(open(&[7; 32], &scope(&tenant_2, "status=missed"), &sealed, NOW), None, "another tenant");
        assert_eq!(open(&[7; 32], &scope(&tenant_1, "status=failed"), &sealed, NOW), None, "other filters");
        assert_eq!(open(&[8; 32], &mine, &sealed, NOW), None, "another server");
        assert_eq!(open(&[7; 32], &mine, &sealed, NOW + LIFE), None, "a day later");
    }

    #[test]
    fn a_changed_letter_is_noticed() {
        let tenant = tenant(1);
        let scope = Scope { tenant: &tenant, filters: String::new() };
        let sealed = seal(&[7; 32], &scope, &place(), NOW);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(open(&[7; 32], &scope, &changed, NOW), None, "{at}");
        }
        for nonsense in ["", "cur_", "cur_AAAA", "%%%", "cur_\u{1F600}"] {
            assert_eq!(open(&[7; 32], &scope, nonsense, NOW), None, "{nonsense}");
        }
    }
}
