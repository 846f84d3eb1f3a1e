//! The head: everything the recording's row needs, so that a spool alone is enough to make it again.

use data_encoding::BASE64;
use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::recording::Consent;
use offhook_core::time::Time;
use serde::{Deserialize, Serialize};

use super::sealed::Flaw;

/// What every recording begins with.
pub(super) const MAGIC: &[u8; 8] = b"offhook\x01";

/// Longest head taken. Real ones are about 500 bytes.
pub(super) const LONGEST: usize = 8 * 1024;

/// Names a recording. Opaque ids only: no phone number, no name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) tenant: TenantId,
    pub(crate) call: CallId,
    pub(crate) recording: RecordingId,
    pub(crate) started_at: Time,
    pub(crate) expires_at: Time,
    pub(crate) consent: Consent,
    wrapped_key: String,
}

impl Head {
    pub(crate) fn new(
        (tenant, call, recording): (TenantId, CallId, RecordingId),
        (started_at, expires_at): (Time, Time),
        consent: Consent,
        wrapped_key: &[u8],
    ) -> Self {
        let wrapped_key = BASE64.encode(wrapped_key);
        Self { tenant, call, recording, started_at, expires_at, consent, wrapped_key }
    }

    /// The data key as it was wrapped at the start.
    pub(crate) fn wrapped_key(&self) -> Vec<u8> {
        BASE64.decode(self.wrapped_key.as_bytes()).unwrap_or_default()
    }

    /// Magic, length, JSON.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("ids and numbers are JSON");
        let length = u32::try_from(json.len()).expect("a head is short");
        [MAGIC.as_slice(), &length.to_be_bytes(), &json].concat()
    }

    /// Reads the head's JSON. Ids are checked, because they become file names.
    pub(super) fn read(json: &[u8]) -> Result<Self, Flaw> {
        let head: Self = serde_json::from_slice(json).map_err(|_| Flaw::Malformed("head"))?;
        let named = TenantId::parse(head.tenant.as_str()).is_some()
            && CallId::parse(head.call.as_str()).is_some()
            && RecordingId::parse(head.recording.as_str()).is_some();
        if named { Ok(head) } else { Err(Flaw::Malformed("head")) }
    }
}
