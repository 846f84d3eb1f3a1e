//! The gate in front of ICE: is this STUN message ours, and was it made by somebody who knows the password?
//!
//! `rtc-ice` acts on some attributes before it has checked the integrity of a message (a role conflict from a
//! stranger would turn our role around) and honours attributes placed behind the integrity, which it does not
//! cover. So nothing reaches it that has not passed here. Of messages to send there is one kind, the consent
//! check. RFC 8489 sections 5, 14.3, 14.5 and 14.7; RFC 8445 section 7.1.

use aws_lc_rs::hmac;
use bytes::BytesMut;

const HEADER_LEN: usize = 20;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const ATTR_USERNAME: u16 = 0x0006;
const ATTR_INTEGRITY: u16 = 0x0008;
const ATTR_PRIORITY: u16 = 0x0024;
const ATTR_USE_CANDIDATE: u16 = 0x0025;
const ATTR_FINGERPRINT: u16 = 0x8028;
const ATTR_CONTROLLED: u16 = 0x8029;
const ATTR_CONTROLLING: u16 = 0x802a;
const INTEGRITY_LEN: usize = 20;
/// RFC 8489 section 14.7.
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// The kinds of binding message ICE knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Request,
    Indication,
    Success,
    Error,
}

/// A well-formed binding message that carries exactly one integrity attribute and nothing but a fingerprint
/// behind it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Binding<'m> {
    pub(crate) class: Class,
    pub(crate) transaction: [u8; 12],
    /// Whether a controlling peer wants this pair to be used.
    pub(crate) nominates: bool,
    username: Option<&'m [u8]>,
    bytes: &'m [u8],
    integrity_at: usize,
}

impl<'m> Binding<'m> {
    /// Reads a message; `None` if ICE has no use for it.
    pub(crate) fn read(bytes: &'m [u8]) -> Option<Self> {
        let (header, attributes) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let class = match [header[0], header[1]] {
            [0x00, 0x01] => Class::Request,
            [0x00, 0x11] => Class::Indication,
            [0x01, 0x01] => Class::Success,
            [0x01, 0x11] => Class::Error,
            _ => return None,
        };
        let announced = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if header[4..8] != MAGIC_COOKIE || announced != attributes.len() || announced % 4 != 0 {
            return None;
        }
        let mut username = None;
        let mut integrity_at = None;
        let mut nominates = false;
        let mut at = 0;
        while at < attributes.len() {
            let head = attributes.get(at..at + 4)?;
            let kind = u16::from_be_bytes([head[0], head[1]]);
            let len = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let value = attributes.get(at + 4..at + 4 + len)?;
            match kind {
                _ if integrity_at.is_some() && kind != ATTR_FINGERPRINT => return None,
                ATTR_USERNAME => username = Some(value),
                ATTR_USE_CANDIDATE => nominates = true,
                ATTR_INTEGRITY if len == INTEGRITY_LEN => integrity_at = Some(HEADER_LEN + at),
                ATTR_INTEGRITY => return None,
                _ => {}
            }
            at += 4 + len.next_multiple_of(4);
        }
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&header[8..]);
        Some(Self { class, transaction, nominates, username, bytes, integrity_at: integrity_at? })
    }

    /// The receiver's half of the user name: which leg a request is for.
    pub(crate) fn addressee(&self) -> Option<&'m [u8]> {
        self.username?.split(|byte| *byte == b':').next()
    }

    /// Whether the message was made with `key`.
    pub(crate) fn verifies(&self, key: &hmac::Key) -> bool {
        // The length field counts up to the integrity attribute, whatever follows it.
        let covered = self.integrity_at - HEADER_LEN + 4 + INTEGRITY_LEN;
        let mut context = hmac::Context::with_key(key);
        context.update(&self.bytes[..2]);
        context.update(&(covered as u16).to_be_bytes());
        context.update(&self.bytes[4..self.integrity_at]);
        let ours = context.sign();
        let value = self.integrity_at + 4;
        let theirs = &self.bytes[value..value + INTEGRITY_LEN];
        aws_lc_rs::constant_time::verify_slices_are_equal(ours.as_ref(), theirs).is_ok()
    }
}

/// The key of a password (RFC 8489 section 9.1.1).
pub(crate) fn key(password: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
}

/// The transaction of an outgoing request, `None` for responses.
pub(crate) fn request_transaction(bytes: &[u8]) -> Option<[u8; 12]> {
    match bytes {
        [0x00, 0x01, ..] => bytes.get(8..HEADER_LEN)?.try_into().ok(),
        _ => None,
    }
}

/// A request that asks for consent (RFC 7675 section 5.1): a connectivity check that nominates nothing.
pub(crate) fn consent_request(
    transaction: [u8; 12],
    username: &str,
    controlling: bool,
    tie_breaker: u64,
    key: &hmac::Key,
) -> BytesMut {
    let role = if controlling { ATTR_CONTROLLING } else { ATTR_CONTROLLED };
    let mut message = BytesMut::with_capacity(128);
    message.extend_from_slice(&[0x00, 0x01, 0, 0]);
    message.extend_from_slice(&MAGIC_COOKIE);
    message.extend_from_slice(&transaction);
    attribute(&mut message, ATTR_USERNAME, username.as_bytes());
    attribute(&mut message, role, &tie_breaker.to_be_bytes());
    // A peer-reflexive candidate's, should the peer not know our address (RFC 8445 section 7.1.1).
    attribute(&mut message, ATTR_PRIORITY, &((110u32 << 24) | 0xff_ffff).to_be_bytes());
    seal(&mut message, key);
    let covered = (message.len() - HEADER_LEN + 8) as u16;
    message[2..4].copy_from_slice(&covered.to_be_bytes());
    let checksum = crc32fast::hash(&message) ^ FINGERPRINT_MASK;
    attribute(&mut message, ATTR_FINGERPRINT, &checksum.to_be_bytes());
    message
}

/// Appends the integrity of everything so far.
fn seal(message: &mut BytesMut, key: &hmac::Key) {
    let covered = (message.len() - HEADER_LEN + 4 + INTEGRITY_LEN) as u16;
    message[2..4].copy_from_slice(&covered.to_be_bytes());
    let tag = hmac::sign(key, message);
    attribute(message, ATTR_INTEGRITY, tag.as_ref());
}

/// Appends an attribute and corrects the length.
fn attribute(message: &mut BytesMut, kind: u16, value: &[u8]) {
    message.extend_from_slice(&kind.to_be_bytes());
    message.extend_from_slice(&(value.len() as u16).to_be_bytes());
    message.extend_from_slice(value);
    message.resize(message.len().next_multiple_of(4), 0);
    let len = (message.len() - HEADER_LEN) as u16;
    message[2..4].copy_from_slice(&len.to_be_bytes());
}

/// Forgeries for tests: a binding message with these attributes, sealed with `password` if there is one.
#[cfg(test)]
pub(crate) fn forge(kind: u16, attributes: &[(u16, &[u8])], password: Option<&str>) -> Vec<u8> {
    let mut message = BytesMut::from(&kind.to_be_bytes()[..]);
    message.extend_from_slice(&[0, 0]);
    message.extend_from_slice(&MAGIC_COOKIE);
    message.extend_from_slice(&[7; 12]);
    for (kind, value) in attributes {
        attribute(&mut message, *kind, value);
    }
    if let Some(password) = password {
        seal(&mut message, &key(password));
    }
    message.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_with_the_right_password_passes() {
        let bytes = forge(0x0001, &[(ATTR_USERNAME, b"us:them")], Some("secret"));
        let binding = Binding::read(&bytes).unwrap();
        assert_eq!(binding.class, Class::Request);
        assert_eq!(binding.addressee(), Some(&b"us"[..]));
        assert!(binding.verifies(&key("secret")));
        assert!(!binding.verifies(&key("another")));
    }

    #[test]
    fn a_message_without_integrity_is_not_read() {
        let bytes = forge(0x0001, &[(ATTR_USERNAME, b"us:them")], None);
        assert!(Binding::read(&bytes).is_none());
    }

    #[test]
    fn attributes_behind_the_integrity_spoil_the_message() {
        let bytes = forge(0x0001, &[(ATTR_USERNAME, b"us:them")], Some("secret"));
        let mut bytes = BytesMut::from(&bytes[..]);
        attribute(&mut bytes, ATTR_USE_CANDIDATE, b"");
        assert!(Binding::read(&bytes).is_none());
    }

    #[test]
    fn a_fingerprint_behind_the_integrity_is_usual() {
        let mut bytes = BytesMut::from(&forge(0x0101, &[], Some("secret"))[..]);
        attribute(&mut bytes, ATTR_FINGERPRINT, &[1, 2, 3, 4]);
        assert!(Binding::read(&bytes).unwrap().verifies(&key("secret")));
    }

    #[test]
    fn a_consent_request_is_one_any_stack_reads() {
        let bytes = consent_request([9; 12], "them:us", true, 7, &key("secret"));
        let binding = Binding::read(&bytes).unwrap();
        assert_eq!((binding.class, binding.transaction), (Class::Request, [9; 12]));
        assert_eq!(binding.addressee(), Some(&b"them"[..]));
        assert!(!binding.nominates && binding.verifies(&key("secret")));
        // The fingerprint covers everything before it, with the final length.
        let at = bytes.len() - 8;
        let checksum = u32::from_be_bytes(bytes[at + 4..].try_into().unwrap());
        assert_eq!(checksum, crc32fast::hash(&bytes[..at]) ^ FINGERPRINT_MASK);
        assert_eq!(usize::from(u16::from_be_bytes([bytes[2], bytes[3]])), bytes.len() - HEADER_LEN);
    }

    #[test]
    fn no_truncation_and_no_garbage_panics() {
        let bytes = forge(0x0001, &[(ATTR_USERNAME, b"us:them")], Some("secret"));
        for len in 0..bytes.len() {
            assert!(Binding::read(&bytes[..len]).is_none());
        }
        for first in 0..4u8 {
            for len in 0..1_600 {
                assert!(Binding::read(&vec![first; len]).is_none());
            }
        }
    }
}
