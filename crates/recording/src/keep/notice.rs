//! What the house is told about a recording, as plain data.

use std::time::Duration;

use offhook_core::id::{CallId, RecordingId, TenantId};

use crate::form::Head;
use crate::packet::RATE;

/// News of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Whose.
    pub tenant: TenantId,
    /// Of which call.
    pub call: CallId,
    /// Which.
    pub recording: RecordingId,
    /// What happened.
    pub what: What,
}

/// What happened to a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Its file is on the disk, and packets are taken.
    Started,
    /// It is over, and its end is on the disk.
    Stopped {
        /// Its length, pauses cut out.
        length: Duration,
        /// Whether something at its end is missing.
        truncated: bool,
    },
    /// It is in storage.
    Stored {
        /// SHA-256 of the sealed object.
        checksum: [u8; 32],
        /// Its size.
        bytes: u64,
    },
    /// Something went wrong. The call is not touched by it.
    Failed {
        /// What.
        why: Why,
    },
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Why {
    /// There is no room: the recording was not begun, or ends here as truncated.
    DiskFull,
    /// The disk failed: the recording was not begun, or ends here as truncated.
    Disk,
    /// Storage does not take it. It stays on the disk and is tried again.
    Storage,
    /// What is on the disk is not what was written there; it is set aside.
    Damaged,
}

impl Notice {
    pub(crate) fn of(head: &Head, what: What) -> Self {
        Self { tenant: head.tenant.clone(), call: head.call.clone(), recording: head.recording.clone(), what }
    }
}

/// A length in samples as people count.
pub(crate) const fn milliseconds(samples: u64) -> Duration {
    Duration::from_millis(samples * 1000 / RATE)
}
