//! What is remembered of webhooks: every attempt with its time.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

const KEPT: usize = 500;

/// One attempt to deliver one POST.
#[derive(Clone, Debug, Serialize)]
pub struct WebhookAttempt {
    /// Number of the POST; retries keep it.
    pub post: u64,
    /// Short ids of the calls inside.
    pub calls: Vec<String>,
    /// Events and statuses inside, in order.
    pub labels: Vec<String>,
    /// 1 for the first try.
    pub attempt: usize,
    /// Unix milliseconds.
    pub at_ms: u64,
    /// Until the answer.
    pub took_ms: u64,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// What was sent.
    pub body: Value,
}

/// How quickly the business answers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WebhookTimes {
    attempts: usize,
    answered_200: usize,
    median_ms: u64,
    p99_ms: u64,
    /// Partners advise fewer than one in a hundred.
    over_one_second: usize,
}

#[derive(Debug, Default)]
pub(crate) struct WebhookLog {
    attempts: Mutex<VecDeque<WebhookAttempt>>,
}

impl WebhookLog {
    pub(crate) fn push(&self, attempt: WebhookAttempt) {
        let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        if attempts.len() == KEPT {
            attempts.pop_front();
        }
        attempts.push_back(attempt);
    }

    pub(crate) fn all(&self) -> Vec<WebhookAttempt> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(crate) fn times(&self) -> WebhookTimes {
        let attempts = self.all();
        let mut took: Vec<u64> = attempts.iter().filter(|a| a.status.is_some()).map(|a| a.took_ms).collect();
        took.sort_unstable();
        let at = |hundredth: usize| {
            took.get((took.len() * hundredth / 100).min(took.len().saturating_sub(1))).copied()
        };
        WebhookTimes {
            attempts: attempts.len(),
            answered_200: attempts.iter().filter(|a| a.status == Some(200)).count(),
            median_ms: at(50).unwrap_or(0),
            p99_ms: at(99).unwrap_or(0),
            over_one_second: took.iter().filter(|ms| **ms > 1_000).count(),
        }
    }

    pub(crate) fn clear(&self) {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
