//! The simulator's clock: wall-clock milliseconds that follow tokio's time, so that paused time moves them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Wall-clock time anchored once at start and moved by tokio's clock afterwards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    base_unix_ms: u64,
    base: Instant,
}

impl Clock {
    /// Reads the wall clock once.
    #[expect(clippy::disallowed_methods, reason = "the one place where the simulator reads the wall clock")]
    pub(crate) fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Self {
            base_unix_ms: u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX),
            base: Instant::now(),
        }
    }

    /// Unix milliseconds now.
    pub(crate) fn now_ms(&self) -> u64 {
        self.base_unix_ms + u64::try_from(self.base.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Unix seconds now, the unit of Meta's timestamps.
    pub(crate) fn now_secs(&self) -> u64 {
        self.now_ms() / 1000
    }

    /// The day in UTC, as `2026-11-02`.
    pub(crate) fn today(&self) -> String {
        let secs = i64::try_from(self.now_secs()).unwrap_or(0);
        let now = jiff::Timestamp::from_second(secs).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        now.strftime("%Y-%m-%d").to_string()
    }

    /// The instant at which `unix_ms` is reached.
    pub(crate) fn instant_at(&self, unix_ms: u64) -> Instant {
        self.base + Duration::from_millis(unix_ms.saturating_sub(self.base_unix_ms))
    }
}
