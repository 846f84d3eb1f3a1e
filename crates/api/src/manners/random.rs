//! Chance: request ids, jitter, passwords.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::{BASE32_NOPAD, BASE64, HEXLOWER};

/// Sixteen hexadecimal digits.
pub(crate) fn hex() -> String {
    HEXLOWER.encode(&bytes::<8>())
}

/// A password for somebody else: 20 letters and digits, a hundred random bits.
pub(crate) fn password() -> String {
    BASE32_NOPAD.encode(&bytes::<13>())[..20].to_ascii_lowercase()
}

/// A whole number in `0..below`. The small bias of the remainder does not matter to a jitter.
pub(crate) fn below(below: u32) -> u32 {
    u32::from_le_bytes(bytes::<4>()) % below.max(1)
}

/// A fresh signing secret of a webhook: as receivers' libraries expect it, 256 bits in Base64 behind `whsec_`.
pub(crate) fn webhook_secret() -> String {
    format!("whsec_{}", BASE64.encode(&bytes::<32>()))
}

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
