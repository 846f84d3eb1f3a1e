//! What is remembered of a call, for the control API.

use serde::Serialize;

const MAX_LIST: usize = 200;

/// A step of a call.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) at_ms: u64,
    pub(crate) what: &'static str,
}

/// The facts of a call; times are Unix milliseconds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Record {
    /// `placed`, `signalled`, `ringing`, `pre_accepted`, `active`, `ended`.
    pub(crate) phase: &'static str,
    pub(crate) created_ms: u64,
    pub(crate) answered_ms: Option<u64>,
    pub(crate) ended_ms: Option<u64>,
    pub(crate) reason: Option<&'static str>,
    /// Who carries the user's sound: `built_in`, `page`, `outside`.
    pub(crate) phone: &'static str,
    /// ICE and DTLS are up between the business and the phone.
    pub(crate) media_connected_ms: Option<u64>,
    /// What the business did that Meta would not like.
    pub(crate) findings: Vec<&'static str>,
    pub(crate) steps: Vec<Step>,
    // A second reject is refused in other words than the rest.
    #[serde(skip)]
    pub(crate) rejected: bool,
}

impl Record {
    pub(crate) fn new(now: u64, phase: &'static str, phone: &'static str) -> Self {
        Self {
            phase,
            created_ms: now,
            answered_ms: None,
            ended_ms: None,
            reason: None,
            phone,
            media_connected_ms: None,
            findings: Vec::new(),
            steps: Vec::new(),
            rejected: false,
        }
    }

    pub(crate) fn step(&mut self, at_ms: u64, what: &'static str) {
        if self.steps.len() < MAX_LIST {
            self.steps.push(Step { at_ms, what });
        }
    }

    pub(crate) fn finding(&mut self, what: &'static str) {
        if self.findings.len() < MAX_LIST {
            self.findings.push(what);
        }
    }
}
