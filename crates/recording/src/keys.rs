//! Keys: one random data key per recording, wrapped under a key that comes from the master key.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use aws_lc_rs::{hmac, rand};
use offhook_core::id::{RecordingId, TenantId};
use zeroize::Zeroizing;

/// First byte of a wrapped key: how the rest is to be read.
const FORM: u8 = 1;

/// Length of a data key in bytes.
const KEY_LEN: usize = 32;

/// The keys of all recordings come from here, and the key that signs links.
pub struct Keyring {
    wrapping: RandomizedNonceKey,
    pub(crate) links: hmac::Key,
}

/// A recording's own key.
pub(crate) struct DataKey(RandomizedNonceKey);

impl Keyring {
    /// From 32 bytes derived from the master key for recordings and nothing else.
    #[must_use]
    pub fn new(root: &[u8; 32]) -> Self {
        let root = Salt::new(HKDF_SHA256, b"offhook").extract(root);
        Self {
            wrapping: RandomizedNonceKey::new(
                &AES_256_GCM,
                expand(&root, b"offhook/recording/wrap/1").as_slice(),
            )
            .expect("AES-256 takes 32 bytes"),
            links: hmac::Key::new(hmac::HMAC_SHA256, expand(&root, b"offhook/recording/links/1").as_slice()),
        }
    }

    /// A fresh data key, and its wrapped form, which opens for this recording of this tenant only.
    pub(crate) fn fresh(&self, tenant: &TenantId, recording: &RecordingId) -> (DataKey, Vec<u8>) {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        rand::fill(bytes.as_mut_slice()).expect("the system's random source does not fail");
        let mut body = bytes.to_vec();
        let nonce = self
            .wrapping
            .seal_in_place_append_tag(Aad::from(place(tenant, recording)), &mut body)
            .expect("AES-GCM seals 32 bytes");
        (DataKey::new(&bytes), [&[FORM], nonce.as_ref().as_slice(), &body].concat())
    }

    /// The data key; `None` when it was wrapped elsewhere, under another key, or was changed since.
    pub(crate) fn unwrap(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
        wrapped: &[u8],
    ) -> Option<DataKey> {
        let (&form, rest) = wrapped.split_first()?;
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        if form != FORM {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let opened =
            self.wrapping.open_in_place(nonce, Aad::from(place(tenant, recording)), &mut body).ok()?;
        Some(DataKey::new(&<[u8; KEY_LEN]>::try_from(&*opened).ok()?))
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyring(…)")
    }
}

impl DataKey {
    fn new(bytes: &[u8; KEY_LEN]) -> Self {
        Self(RandomizedNonceKey::new(&AES_256_GCM, bytes).expect("AES-256 takes 32 bytes"))
    }

    /// Nonce, ciphertext and tag. Nonces are random: a recording has some thousands of chunks, 96 bits serve
    /// four thousand million.
    pub(crate) fn seal(&self, place: &[u8], mut plain: Vec<u8>) -> Vec<u8> {
        let nonce = self
            .0
            .seal_in_place_append_tag(Aad::from(place), &mut plain)
            .expect("AES-GCM seals anything shorter than 64 GB");
        [nonce.as_ref().as_slice(), &plain].concat()
    }

    /// What was sealed at this place.
    pub(crate) fn open(&self, place: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = body.to_vec();
        let length = self.0.open_in_place(nonce, Aad::from(place), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

fn place(tenant: &TenantId, recording: &RecordingId) -> String {
    format!("offhook/recording/1:{tenant}:{recording}:key")
}

fn expand(root: &Prk, label: &[u8]) -> Zeroizing<[u8; KEY_LEN]> {
    let mut bytes = Zeroizing::new([0; KEY_LEN]);
    root.expand(&[label], HKDF_SHA256)
        .and_then(|okm| okm.fill(bytes.as_mut_slice()))
        .expect("HKDF-SHA-256 gives its own hash's length");
    bytes
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_data_key_opens_for_its_own_recording_only() {
        let (ours, other) = (Keyring::new(&[1; 32]), Keyring::new(&[2; 32]));
        let tenant = |n| TenantId::from_uuid(Uuid::from_u128(n));
        let recording = |n| RecordingId::from_uuid(Uuid::from_u128(n));
        let (key, wrapped) = ours.fresh(&tenant(1), &recording(1));
        let sealed = key.seal(b"here", b"voice".to_vec());

        let again = ours.unwrap(&tenant(1), &recording(1), &wrapped).unwrap();
        assert_eq!(again.open(b"here", &sealed).unwrap(), b"voice");
        assert!(again.open(b"there", &sealed).is_none());
        assert!(ours.unwrap(&tenant(2), &recording(1), &wrapped).is_none());
        assert!(ours.unwrap(&tenant(1), &recording(2), &wrapped).is_none());
        assert!(other.unwrap(&tenant(1), &recording(1), &wrapped).is_none());
        for at in 0..wrapped.len() {
            let mut bent = wrapped.clone();
            bent[at] ^= 1;
            assert!(ours.unwrap(&tenant(1), &recording(1), &bent).is_none(), "byte {at}");
            assert!(ours.unwrap(&tenant(1), &recording(1), &wrapped[..at]).is_none(), "cut at {at}");
        }
    }
}
