//! The hashes that hold a log together.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use offhook_core::audit::Deed;

use crate::secret::MasterKey;

/// What the master key is asked for.
const PURPOSE: &str = "audit log";

/// Before the first entry.
pub(super) const FIRST: [u8; 32] = [0; 32];

/// Hexadecimal digits kept of an address's hash: enough to tell a tenant's addresses apart.
const ADDRESS_DIGITS: usize = 16;

/// Computes hashes under the master key.
#[derive(Clone)]
pub(crate) struct Chain(hmac::Key);

impl Chain {
    pub(crate) fn new(key: &MasterKey) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, &key.derive(PURPOSE)))
    }

    /// The hash of an entry after the one with hash `before`. Every part is preceded by its length, so that no
    /// two entries read alike.
    pub(super) fn next(
        &self,
        log: &str,
        before: &[u8; 32],
        seq: u64,
        deed: &Deed,
        address_hash: Option<&str>,
    ) -> [u8; 32] {
        let (object_kind, object_id) =
            deed.object.as_ref().map(|object| (object.kind.as_str(), object.id.as_str())).unzip();
        let texts = [
            Some(log),
            Some(deed.actor.kind()),
            deed.actor.id(),
            deed.actor.name(),
            Some(deed.action.as_str()),
            object_kind,
            object_id,
            deed.before.as_deref(),
            deed.after.as_deref(),
            deed.request_id.as_deref(),
            address_hash,
        ];
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"entry/1");
        context.update(before);
        context.update(&seq.to_be_bytes());
        context.update(&deed.at.as_micros().to_be_bytes());
        for part in texts {
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            context.update(&length.to_be_bytes());
            context.update(part.unwrap_or_default().as_bytes());
        }
        context.sign().as_ref().try_into().expect("SHA-256 gives 32 bytes")
    }

    /// An address without telling it. Logs do not share hashes: one tenant learns nothing of another's visitors.
    pub(super) fn address(&self, log: &str, address: &str) -> String {
        let tag = hmac::sign(&self.0, format!("address/1/{log}/{address}").as_bytes());
        HEXLOWER.encode(tag.as_ref())[..ADDRESS_DIGITS].to_owned()
    }
}
