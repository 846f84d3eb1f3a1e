//! Planned faults of the Graph API: the next N requests of an action go wrong in a chosen way.

use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::Value;

const MAX_PLANS: usize = 100;

/// A planned fault.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// `connect`, `pre_accept`, `accept`, `reject`, `terminate`, `messages`, `call_permissions`, `settings`,
    /// `number`, or `*` for any.
    pub action: String,
    /// How many requests go wrong.
    #[serde(default = "once")]
    pub times: u32,
    /// How many work before that.
    #[serde(default)]
    pub after: u32,
    /// What goes wrong.
    pub fault: FaultKind,
}

/// What goes wrong. `acts` says whether WhatsApp does what was asked before it goes wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// Another answer than the real one.
    Status {
        /// HTTP status.
        status: u16,
        /// Body as JSON; a string is sent as it is. Left out: Meta's unknown error.
        #[serde(default)]
        body: Option<Value>,
        /// Do what was asked first.
        #[serde(default)]
        acts: bool,
    },
    /// No answer for this long, then the connection breaks.
    Hang {
        /// Milliseconds.
        hold_ms: u64,
        /// Do what was asked first.
        #[serde(default)]
        acts: bool,
    },
    /// The connection breaks without an answer.
    Drop {
        /// Do what was asked first.
        #[serde(default)]
        acts: bool,
    },
    /// The right answer, late.
    Slow {
        /// Milliseconds.
        delay_ms: u64,
    },
}

fn once() -> u32 {
    1
}

#[derive(Debug, Default)]
pub(crate) struct Faults {
    plans: Mutex<Vec<FaultPlan>>,
}

impl Faults {
    /// Adds a plan; false when there are too many.
    pub(crate) fn plan(&self, plan: FaultPlan) -> bool {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let room = plans.len() < MAX_PLANS;
        if room {
            plans.push(plan);
        }
        room
    }

    /// The fault of this request, if one is planned; counts it.
    pub(crate) fn take(&self, action: &str) -> Option<FaultKind> {
        let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let plan =
            plans.iter_mut().find(|plan| plan.times > 0 && (plan.action == "*" || plan.action == action))?;
        if plan.after > 0 {
            plan.after -= 1;
            return None;
        }
        plan.times -= 1;
        let fault = plan.fault.clone();
        plans.retain(|plan| plan.times > 0);
        Some(fault)
    }

    pub(crate) fn all(&self) -> Vec<FaultPlan> {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn clear(&self) {
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_planned_number_of_requests_go_wrong_after_those_that_work() {
        let faults = Faults::default();
        let plan =
            json!({"action": "accept", "times": 2, "after": 1, "fault": {"kind": "drop", "acts": true}});
        assert!(faults.plan(serde_json::from_value(plan).unwrap()));
        let taken: Vec<bool> = (0..5).map(|_| faults.take("accept").is_some()).collect();
        assert_eq!(taken, [false, true, true, false, false]);
        assert!(faults.take("connect").is_none());
    }
}
