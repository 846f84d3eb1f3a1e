//! The rows of recordings. One writer at a time: every change reads the row first.

use std::sync::Arc;

use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::ports::{Recordings, StoreFault};
use offhook_core::recording::{DeletedWhy, RecordedParty, Recording, RecordingState, StoredSound};
use offhook_core::time::Time;
use tokio::sync::{Mutex, mpsc};
use tokio_util::sync::CancellationToken;

use super::finish::Survey;
use super::notice::milliseconds;
use crate::form::{Ending, Head};

/// What the writer says about a recording under way.
#[derive(Debug, Clone)]
pub(crate) enum Note {
    /// It exists.
    Begun(Head, Vec<RecordedParty>),
    /// Its parties are these now, and it is paused or not.
    Changed(Head, Vec<RecordedParty>, bool),
}

/// The rows.
pub(crate) struct Ledger {
    rows: Arc<dyn Recordings>,
    turn: Mutex<()>,
}

/// Writes notes into rows until it is told to close and has none left.
pub(crate) async fn register(
    ledger: Arc<Ledger>,
    mut notes: mpsc::Receiver<Note>,
    closing: CancellationToken,
) {
    loop {
        let note = tokio::select! {
            biased;
            note = notes.recv() => note,
            () = closing.cancelled() => None,
        };
        let Some(note) = note else { return };
        let (head, parties, paused) = match note {
            Note::Begun(head, parties) => (head, parties, false),
            Note::Changed(head, parties, paused) => (head, parties, paused),
        };
        if let Err(fault) = ledger.under_way(&head, parties, paused).await {
            // The spool holds all of it; the row is made when the recording ends.
            tracing::warn!(recording.id = %head.recording, %fault, "a recording's row is not up to date");
        }
    }
}

impl Ledger {
    pub(crate) fn new(rows: Arc<dyn Recordings>) -> Self {
        Self { rows, turn: Mutex::new(()) }
    }

    pub(crate) async fn of_call(
        &self,
        tenant: &TenantId,
        call: &CallId,
    ) -> Result<Vec<Recording>, StoreFault> {
        self.rows.of_call(tenant, call).await
    }

    pub(crate) async fn due(&self, until: Time, limit: u32) -> Result<Vec<Recording>, StoreFault> {
        self.rows.due(until, limit).await
    }

    async fn under_way(
        &self,
        head: &Head,
        parties: Vec<RecordedParty>,
        paused: bool,
    ) -> Result<(), StoreFault> {
        let _turn = self.turn.lock().await;
        let state = if paused { RecordingState::Paused } else { RecordingState::Recording };
        match self.rows.find(&head.tenant, &head.recording).await? {
            None => self.rows.insert(&Recording { state, ..first(head, parties) }).await,
            Some(row) if matches!(row.state, RecordingState::Recording | RecordingState::Paused) => {
                self.rows.update(&Recording { state, parties, ..row }).await.map(drop)
            }
            // It ended while this note was on its way.
            Some(_) => Ok(()),
        }
    }

    /// The recording is over. False when it was deleted meanwhile.
    pub(crate) async fn over(&self, survey: &Survey) -> Result<bool, StoreFault> {
        let _turn = self.turn.lock().await;
        let Survey { head, parties, end } = survey;
        let state = match end.ending {
            Ending::Complete => RecordingState::Complete,
            Ending::Truncated => RecordingState::Truncated,
        };
        let length_ms = u64::try_from(milliseconds(end.length).as_millis()).unwrap_or(u64::MAX);
        let ended = |row: Recording| Recording {
            state,
            ended_at: Some(end.ended_at),
            length_ms,
            parties: parties.clone(),
            ..row
        };
        match self.rows.find(&head.tenant, &head.recording).await? {
            None => self.rows.insert(&ended(first(head, Vec::new()))).await.map(|()| true),
            Some(row) => self.rows.update(&ended(row)).await,
        }
    }

    /// The recording is in storage. False when it was deleted meanwhile.
    pub(crate) async fn stored(&self, head: &Head, stored: StoredSound) -> Result<bool, StoreFault> {
        let _turn = self.turn.lock().await;
        match self.rows.find(&head.tenant, &head.recording).await? {
            None => Ok(false),
            Some(row) => self.rows.update(&Recording { stored: Some(stored), ..row }).await,
        }
    }

    /// The sound is gone.
    pub(crate) async fn deleted(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
        at: Time,
        why: DeletedWhy,
    ) -> Result<(), StoreFault> {
        let _turn = self.turn.lock().await;
        match self.rows.find(tenant, id).await? {
            Some(row) if row.state != RecordingState::Deleted => {
                self.rows.update(&row.into_deleted(at, why)).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

fn first(head: &Head, parties: Vec<RecordedParty>) -> Recording {
    Recording {
        id: head.recording.clone(),
        tenant: head.tenant.clone(),
        call: head.call.clone(),
        state: RecordingState::Recording,
        started_at: head.started_at,
        ended_at: None,
        length_ms: 0,
        stored: None,
        parties,
        wrapped_key: head.wrapped_key(),
        consent: head.consent.clone(),
        expires_at: head.expires_at,
        deleted: None,
    }
}
