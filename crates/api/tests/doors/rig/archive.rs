//! Recordings that are words instead of sound.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use offhook_api::Archive;
use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::ports::Recordings;
use offhook_core::ports::fake::FakeRecordings;
use offhook_core::recording::{
    Consent, ConsentMode, DeletedWhy, PartyKind, RecordedParty, Recording, RecordingState, StoredSound,
};
use offhook_core::time::Time;
use offhook_recording::keys::Keyring;
use offhook_recording::links::{self, Link};
use offhook_recording::{ListenFault, Selection, Sound};

/// Opens the recordings that have a row.
pub(crate) struct Shelf {
    rows: Arc<FakeRecordings>,
    keys: Keyring,
}

impl Shelf {
    pub(crate) fn of(rows: Arc<FakeRecordings>) -> Self {
        Self { rows, keys: Keyring::new(&[7; 32]) }
    }
}

#[async_trait]
impl Archive for Shelf {
    async fn open(&self, tenant: &TenantId, id: &RecordingId, what: Selection) -> Result<Sound, ListenFault> {
        let recording = self.rows.find(tenant, id).await?.ok_or(ListenFault::NotFound)?;
        if recording.state == RecordingState::Deleted {
            return Err(ListenFault::Gone);
        }
        let bytes = stream::iter([Ok("sound of ".to_owned().into()), Ok(what.to_string().into())]).boxed();
        Ok(Sound { recording, bytes })
    }

    fn sign(&self, link: &Link) -> String {
        links::sign(&self.keys, link)
    }

    fn verify(&self, text: &str, now: Time) -> Option<Link> {
        links::verify(&self.keys, text, now)
    }

    async fn erase(&self, tenant: &TenantId, call: &CallId) -> Result<usize, String> {
        let mine = self.rows.of_call(tenant, call).await.map_err(|fault| fault.to_string())?;
        for recording in mine.clone() {
            let at = recording.started_at;
            let gone = recording.into_deleted(at, DeletedWhy::Erased);
            self.rows.update(&gone).await.map_err(|fault| fault.to_string())?;
        }
        Ok(mine.len())
    }
}

/// A recording of a call, a minute long.
pub(crate) fn recorded(tenant: TenantId, call: CallId, at: Time) -> Recording {
    Recording {
        id: RecordingId::parse("rec_00000000000000000000000000000001").unwrap(),
        tenant,
        call,
        state: RecordingState::Complete,
        started_at: at,
        ended_at: Some(at + std::time::Duration::from_secs(60)),
        length_ms: 60_000,
        stored: Some(StoredSound { bytes: 240_000, checksum: [7; 32] }),
        parties: vec![RecordedParty { index: 0, kind: PartyKind::Customer, user: None }],
        wrapped_key: vec![1],
        consent: Consent { mode: ConsentMode::None, announced_at: None, announced_until: None },
        expires_at: at + std::time::Duration::from_secs(30 * 24 * 3600),
        deleted: None,
    }
}
