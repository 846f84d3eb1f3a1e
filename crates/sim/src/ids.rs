//! Identifiers in Meta's forms: call ids, message ids, trace ids, ICE credentials, business-scoped user ids.
//!
//! Clients must treat all of them as opaque; the simulator copies their shape so that they meet padding and length.

use data_encoding::{BASE64, HEXUPPER};

/// A call id and the short name under which the control API knows the call.
#[derive(Clone, Debug)]
pub(crate) struct CallIds {
    /// `wacid.` and base64, as Meta writes it.
    pub(crate) wacid: String,
    /// The 32 hex digits inside the id, lower case: safe in a URL and free of personal data.
    pub(crate) short: String,
}

/// A new call id: user number, 32 hex digits and business number in the compact record Meta uses.
pub(crate) fn call_ids(user_digits: &str, business_digits: &str) -> CallIds {
    let hex = HEXUPPER.encode(&random::<16>());
    let mut record = vec![0x1c, 0x18];
    push_text(&mut record, user_digits);
    record.extend([0x15, 0x02, 0x00, 0x12, 0x18]);
    push_text(&mut record, &hex);
    record.extend([0x1c, 0x18]);
    push_text(&mut record, business_digits);
    record.extend([0x15, 0x02, 0x00, 0x15, 0x0a, 0x00]);
    CallIds { wacid: format!("wacid.{}", BASE64.encode(&record)), short: hex.to_ascii_lowercase() }
}

/// A new message id.
pub(crate) fn wamid(user_digits: &str) -> String {
    let hex = HEXUPPER.encode(&random::<9>());
    let mut record = vec![0x1c, 0x18];
    push_text(&mut record, user_digits);
    record.extend([0x15, 0x02, 0x00, 0x11, 0x18]);
    push_text(&mut record, &hex);
    record.push(0x00);
    format!("wamid.{}", BASE64.encode(&record))
}

/// A trace id for an error body.
pub(crate) fn fbtrace() -> String {
    let text = BASE64.encode(&random::<18>());
    text.chars().filter(char::is_ascii_alphanumeric).take(22).collect()
}

/// An ICE user fragment of 16 characters.
pub(crate) fn ice_ufrag() -> String {
    alphanumeric(16)
}

/// An ICE password in Meta's form: base64 of 16 bytes, so 24 characters ending in `==`.
pub(crate) fn ice_pwd() -> String {
    BASE64.encode(&random::<16>())
}

/// A random UUID (version 4) in text form, as in Meta's `msid`.
pub(crate) fn uuid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = data_encoding::HEXLOWER.encode(&bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// A non-zero random number, for SSRCs, sequence numbers and timestamps.
pub(crate) fn random_u32() -> u32 {
    u32::from_be_bytes(random::<4>()).max(1)
}

/// The business-scoped id of a user: stable for one number.
pub(crate) fn bsuid(user_digits: &str) -> String {
    format!("{}.{}", country(user_digits), stable_number(user_digits, 1))
}

/// The parent id of a user, in its enterprise form.
pub(crate) fn parent_bsuid(user_digits: &str) -> String {
    format!("{}.ENT.{}", country(user_digits), stable_number(user_digits, 2))
}

/// A name for a number nobody named: stable, and often with letters that JSON escapes.
pub(crate) fn profile_name(user_digits: &str) -> &'static str {
    const NAMES: [&str; 6] =
        ["Dana Reyes", "René Okafor", "Zoë Lindqvist 😀", "Ana/Luís Prado", "Mia Tanaka", "Jürgen Weiß"];
    let pick = stable_number(user_digits, 3) % NAMES.len() as u64;
    NAMES[usize::try_from(pick).unwrap_or(0)]
}

/// Fills an array with random bytes.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has a random source");
    bytes
}

fn alphanumeric(length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let chunk = BASE64.encode(&random::<24>());
        text.extend(chunk.chars().filter(char::is_ascii_alphanumeric).take(length - text.len()));
    }
    text
}

fn push_text(record: &mut Vec<u8>, text: &str) {
    record.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
    record.extend_from_slice(text.as_bytes());
}

// FNV-1a: the id only has to be stable and spread out.
fn stable_number(text: &str, salt: u64) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325_u64 ^ salt;
    let hash = text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash | (1 << 62)
}

fn country(digits: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 8] = [
        ("1", "US"),
        ("33", "FR"),
        ("34", "ES"),
        ("44", "GB"),
        ("49", "DE"),
        ("55", "BR"),
        ("91", "IN"),
        ("234", "NG"),
    ];
    PREFIXES.iter().find(|(prefix, _)| digits.starts_with(prefix)).map_or("GB", |(_, country)| country)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn call_id_has_the_length_and_padding_of_metas() {
        let ids = call_ids("447700900123", "15550100200");
        let sample = "wacid.HBgMNDQ3NzAwOTAwMTIzFQIAEhggOUI3MUU0RDIyMDZGNEEzQzhFNTVEMEE3QzFGM0I2ODQcGAsxNTU1MDEwMDIwMBUCABUKAA==";
        assert_eq!(ids.wacid.len(), sample.len());
        assert_eq!(ids.wacid[..34], sample[..34]);
        assert!(ids.wacid.ends_with("=="));
        assert_eq!(ids.short.len(), 32);
    }

    #[test]
    fn ice_credentials_have_metas_form() {
        assert_eq!(ice_ufrag().len(), 16);
        assert_eq!(ice_pwd().len(), 24);
        assert!(ice_pwd().ends_with("=="));
    }

    #[test]
    fn a_user_keeps_its_scoped_id() {
        assert_eq!(bsuid("447700900123"), bsuid("447700900123"));
        assert!(bsuid("447700900123").starts_with("GB."));
        assert_ne!(bsuid("447700900123"), bsuid("447700900124"));
    }
}
