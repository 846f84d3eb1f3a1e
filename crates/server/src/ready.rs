//! From the recorder to the log: a recording is kept and can be heard.

use std::sync::Arc;
use std::time::Duration;

use offhook_core::event::Event;
use offhook_core::ports::{Recordings, StoreFault};
use offhook_core::recording::RecordingState;
use offhook_engine::Engine;
use offhook_recording::Notice;
use tokio::sync::mpsc;
use tokio::time::sleep;

/// Recordings that wait to be told of. They become ready one by one, minutes apart.
pub(crate) const QUEUE: usize = 256;

/// Waits between tries while the database is away.
const AGAIN: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// Tells of recordings until there are no more.
pub(crate) async fn tell(
    engine: Engine,
    recordings: Arc<dyn Recordings>,
    mut stored: mpsc::Receiver<Notice>,
) {
    while let Some(notice) = stored.recv().await {
        let mut waits = AGAIN.iter();
        while let Err(fault) = note(&engine, &*recordings, &notice).await {
            let Some(wait) = waits.next() else {
                tracing::error!(recording.id = %notice.recording, error = %fault, "nobody is told of a recording");
                break;
            };
            sleep(*wait).await;
        }
    }
}

async fn note(engine: &Engine, recordings: &dyn Recordings, notice: &Notice) -> Result<(), StoreFault> {
    // Erased meanwhile: there is nothing to hear.
    let Some(recording) = recordings.find(&notice.tenant, &notice.recording).await? else { return Ok(()) };
    if recording.state == RecordingState::Deleted {
        return Ok(());
    }
    let event = Event::Recording {
        recording: recording.id,
        call: recording.call,
        length_ms: recording.length_ms,
        truncated: recording.state == RecordingState::Truncated,
    };
    engine.note(&notice.tenant, event).await
}
