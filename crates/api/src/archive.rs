//! Where the doors get recordings from.

use async_trait::async_trait;
use offhook_core::id::{CallId, RecordingId, TenantId};
use offhook_core::time::Time;
use offhook_recording::links::Link;
use offhook_recording::{ListenFault, Selection, Sound};

/// Opens recordings, and lets people in by links.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Opens a recording of a tenant.
    ///
    /// # Errors
    /// [`ListenFault`]. Faults that show later come through the stream.
    async fn open(&self, tenant: &TenantId, id: &RecordingId, what: Selection) -> Result<Sound, ListenFault>;

    /// The text of a link.
    fn sign(&self, link: &Link) -> String;

    /// What a link's text allows now, if anything.
    fn verify(&self, text: &str, now: Time) -> Option<Link>;

    /// Erases all recordings of a call; how many.
    ///
    /// # Errors
    /// In words for a log; ask again.
    async fn erase(&self, tenant: &TenantId, call: &CallId) -> Result<usize, String>;
}
