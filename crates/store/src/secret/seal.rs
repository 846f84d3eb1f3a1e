//! Sealing single values for the database.
//!
//! AES-256-GCM. Each tenant has a data key, derived from the master key by HKDF-SHA-256 with the tenant's id
//! in its label, so that no key is stored and one tenant's key opens nothing of another's. The value's place
//! (`tenant:table:column:row`) is authenticated with it: a sealed value moved elsewhere does not open.
//! Nonces are random; 96 bits serve four thousand million values of one tenant.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::Zeroizing;

use super::master::MasterKey;

/// First byte of every sealed value: how the rest is to be read.
const FORM: u8 = 1;

/// Label of the derivation. Other uses of the master key take other labels.
const LABEL: &str = "offhook/seal/1/";

/// Seals and opens values under the master key.
pub(crate) struct Sealer {
    root: Prk,
}

/// Where a sealed value lives.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Whose it is.
    pub(crate) tenant: &'a str,
    /// Its table.
    pub(crate) table: &'static str,
    /// Its column.
    pub(crate) column: &'static str,
    /// Its row's key.
    pub(crate) row: &'a str,
}

impl Sealer {
    pub(crate) fn new(key: &MasterKey) -> Self {
        Self { root: Salt::new(HKDF_SHA256, b"offhook").extract(key.bytes()) }
    }

    /// The sealed form: a form byte, the nonce, the ciphertext with its tag.
    pub(crate) fn seal(&self, place: Place<'_>, value: &[u8]) -> Vec<u8> {
        let mut body = value.to_vec();
        let nonce = self
            .key_of(place.tenant)
            .seal_in_place_append_tag(Aad::from(place.label()), &mut body)
            .expect("AES-GCM seals anything shorter than 64 GB");
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + body.len());
        sealed.push(FORM);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        sealed
    }

    /// The value; `None` when it was sealed elsewhere, under another key, or was changed since.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (&form, rest) = sealed.split_first()?;
        if form != FORM {
            return None;
        }
        let (nonce, body) = rest.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let key = self.key_of(place.tenant);
        let length = key.open_in_place(nonce, Aad::from(place.label()), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }

    fn key_of(&self, tenant: &str) -> RandomizedNonceKey {
        let mut bytes = Zeroizing::new([0; 32]);
        let info = [LABEL.as_bytes(), tenant.as_bytes()];
        self.root
            .expand(&info, HKDF_SHA256)
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .expect("HKDF-SHA-256 gives up to 8160 bytes");
        RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice()).expect("AES-256 takes 32 bytes")
    }
}

impl Place<'_> {
    fn label(&self) -> String {
        format!("{}:{}:{}:{}", self.tenant, self.table, self.column, self.row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: Place<'static> =
        Place { tenant: "ten_a", table: "numbers", column: "access_token", row: "num_1" };

    fn sealer(byte: u8) -> Sealer {
        Sealer::new(&MasterKey::from_bytes([byte; 32]))
    }

    fn opens(sealer: &Sealer, place: Place<'_>, sealed: &[u8]) -> bool {
        sealer.open(place, sealed).is_some_and(|value| value.as_slice() == b"EAAG-secret")
    }

    #[test]
    fn opens_only_in_its_own_place() {
        let ours = sealer(1);
        let sealed = ours.seal(HOME, b"EAAG-secret");

        assert!(opens(&ours, HOME, &sealed));
        assert!(!opens(&ours, Place { tenant: "ten_b", ..HOME }, &sealed));
        assert!(!opens(&ours, Place { table: "hooks", ..HOME }, &sealed));
        assert!(!opens(&ours, Place { column: "app_secret", ..HOME }, &sealed));
        assert!(!opens(&ours, Place { row: "num_2", ..HOME }, &sealed));
        assert!(!opens(&sealer(2), HOME, &sealed));
    }

    #[test]
    fn refuses_a_value_changed_by_one_bit_or_cut_short() {
        let ours = sealer(1);
        let sealed = ours.seal(HOME, b"EAAG-secret");

        for at in 0..sealed.len() {
            let mut bent = sealed.clone();
            bent[at] ^= 1;
            assert!(ours.open(HOME, &bent).is_none(), "byte {at}");
            assert!(ours.open(HOME, &sealed[..at]).is_none(), "cut at {at}");
        }
    }

    #[test]
    fn equal_values_are_sealed_differently() {
        let ours = sealer(1);
        assert_ne!(ours.seal(HOME, b"EAAG-secret"), ours.seal(HOME, b"EAAG-secret"));
    }
}
