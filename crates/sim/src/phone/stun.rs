//! The one ICE answer the WebRTC stack would not give.
//!
//! Meta is always the controlled, ICE-lite side and answers 487 to a peer that claims to be controlled as well
//! (seen with FreeSWITCH, issue 2904). The stack in use would rather switch roles, so such requests are answered here.

use aws_lc_rs::hmac;

const HEADER: usize = 20;
const MAGIC: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_ERROR: [u8; 2] = [0x01, 0x11];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const ERROR_CODE: u16 = 0x0009;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLED: u16 = 0x8029;
// RFC 8489 section 14.7.
const FINGERPRINT_XOR: u32 = 0x5354_554e;

/// The 487 for a binding request that claims the controlled role, if it is one and is meant for us.
pub(crate) fn role_conflict_reply(packet: &[u8], ufrag: &str, pwd: &str) -> Option<Vec<u8>> {
    if packet.get(..2)? != BINDING_REQUEST || packet.get(4..8)? != MAGIC {
        return None;
    }
    let claims_controlled = attributes(packet).any(|(kind, _, _)| kind == ICE_CONTROLLED);
    if !claims_controlled || !is_for(packet, ufrag) || !is_authentic(packet, pwd) {
        return None;
    }
    Some(reply(&packet[8..HEADER], pwd))
}

fn is_for(packet: &[u8], ufrag: &str) -> bool {
    attributes(packet).find(|(kind, _, _)| *kind == USERNAME).is_some_and(|(_, _, name)| {
        name.strip_prefix(ufrag.as_bytes()).is_some_and(|rest| rest.starts_with(b":"))
    })
}

fn is_authentic(packet: &[u8], pwd: &str) -> bool {
    let Some((_, at, mac)) = attributes(packet).find(|(kind, _, _)| *kind == MESSAGE_INTEGRITY) else {
        return false;
    };
    // The length in the header counts up to and including the integrity attribute.
    let mut signed = packet[..at].to_vec();
    set_length(&mut signed, at + 24 - HEADER);
    hmac::verify(&key(pwd), &signed, mac).is_ok()
}

fn reply(transaction: &[u8], pwd: &str) -> Vec<u8> {
    let mut message = BINDING_ERROR.to_vec();
    message.extend([0, 0]);
    message.extend(MAGIC);
    message.extend(transaction);
    push(&mut message, ERROR_CODE, &[&[0, 0, 4, 87], b"Role Conflict".as_slice()].concat());
    let length = message.len() + 24 - HEADER;
    set_length(&mut message, length);
    let mac = hmac::sign(&key(pwd), &message);
    push(&mut message, MESSAGE_INTEGRITY, mac.as_ref());
    let length = message.len() + 8 - HEADER;
    set_length(&mut message, length);
    let checksum = crc32(&message) ^ FINGERPRINT_XOR;
    push(&mut message, FINGERPRINT, &checksum.to_be_bytes());
    message
}

fn key(pwd: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, pwd.as_bytes())
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend(u16::try_from(value.len()).unwrap_or(0).to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

fn set_length(message: &mut [u8], length: usize) {
    message[2..4].copy_from_slice(&u16::try_from(length).unwrap_or(0).to_be_bytes());
}

/// Kind, offset and value of every attribute.
fn attributes(packet: &[u8]) -> impl Iterator<Item = (u16, usize, &[u8])> {
    let mut at = HEADER;
    std::iter::from_fn(move || {
        let head = packet.get(at..at + 4)?;
        let kind = u16::from_be_bytes([head[0], head[1]]);
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let start = at;
        let value = packet.get(at + 4..at + 4 + length)?;
        at += 4 + length.next_multiple_of(4);
        Some((kind, start, value))
    })
}

// The CRC of ITU V.42, bit by bit: it runs once per conflict.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(
            crc ^ u32::from(*byte),
            |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(role: u16, pwd: &str) -> Vec<u8> {
        let mut message = BINDING_REQUEST.to_vec();
        message.extend([0, 0]);
        message.extend(MAGIC);
        message.extend([7; 12]);
        push(&mut message, USERNAME, b"meta:them");
        push(&mut message, role, &[0; 8]);
        let length = message.len() + 24 - HEADER;
        set_length(&mut message, length);
        let mac = hmac::sign(&key(pwd), &message);
        push(&mut message, MESSAGE_INTEGRITY, mac.as_ref());
        message
    }

    #[test]
    fn peer_that_claims_to_be_controlled_gets_a_signed_487() {
        let reply = role_conflict_reply(&request(ICE_CONTROLLED, "secret"), "meta", "secret").unwrap();
        let error = attributes(&reply).find(|(kind, _, _)| *kind == ERROR_CODE).unwrap();
        assert_eq!(error.2[..4], [0, 0, 4, 87]);
        assert!(is_authentic(&reply, "secret"));
        assert_eq!(reply[8..20], [7; 12]);
    }

    #[test]
    fn controlling_peers_and_strangers_get_none() {
        assert!(role_conflict_reply(&request(0x802a, "secret"), "meta", "secret").is_none());
        assert!(role_conflict_reply(&request(ICE_CONTROLLED, "guess"), "meta", "secret").is_none());
        assert!(role_conflict_reply(&request(ICE_CONTROLLED, "secret"), "other", "secret").is_none());
        assert!(role_conflict_reply(b"v", "meta", "secret").is_none());
    }

    #[test]
    fn checksum_is_the_one_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }
}
