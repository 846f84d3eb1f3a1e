//! Everything the simulator remembers, behind short locks: numbers, users, calls, consents, faults and logs.
//!
//! Locks are never held across an await. What should happen is decided elsewhere (`call::machine`, `permission`).

pub(crate) mod calls;
pub(crate) mod consents;
pub(crate) mod faults;
pub(crate) mod graph_log;
pub(crate) mod replies;
pub(crate) mod users;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::config::SimNumber;
use crate::events::EventLog;
use crate::knobs::Knobs;
use crate::phone::registry::Registry;
use crate::webhook::post::PostOffice;
use calls::Calls;
use consents::Consents;
use faults::Faults;
use graph_log::GraphLog;
use users::Users;

/// The whole simulator.
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) media_ip: IpAddr,
    pub(crate) verify_token: String,
    pub(crate) events: Arc<EventLog>,
    pub(crate) post: PostOffice,
    pub(crate) phones: Registry,
    pub(crate) users: Users,
    pub(crate) calls: Calls,
    pub(crate) consents: Consents,
    pub(crate) faults: Faults,
    pub(crate) graph_log: GraphLog,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) knobs: Arc<RwLock<Knobs>>,
    first_knobs: Knobs,
    numbers: RwLock<Vec<Arc<SimNumber>>>,
    settings: Mutex<HashMap<String, Value>>,
}

impl World {
    /// A world with nothing in it but its numbers.
    #[expect(clippy::too_many_arguments, reason = "wiring of one struct, in one place")]
    pub(crate) fn new(
        clock: Clock,
        media_ip: IpAddr,
        verify_token: String,
        numbers: Vec<SimNumber>,
        knobs: Arc<RwLock<Knobs>>,
        events: Arc<EventLog>,
        post: PostOffice,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let first_knobs = knobs.read().unwrap_or_else(PoisonError::into_inner).clone();
        Self {
            clock,
            media_ip,
            verify_token,
            events,
            post,
            phones: Registry::default(),
            users: Users::default(),
            calls: Calls::default(),
            consents: Consents::default(),
            faults: Faults::default(),
            graph_log: GraphLog::default(),
            tasks,
            stop,
            knobs,
            first_knobs,
            numbers: RwLock::new(numbers.into_iter().map(Arc::new).collect()),
            settings: Mutex::default(),
        }
    }

    /// The switches as they are now.
    pub(crate) fn knobs(&self) -> Knobs {
        self.knobs.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Turns the switches.
    pub(crate) fn set_knobs(&self, knobs: Knobs) {
        *self.knobs.write().unwrap_or_else(PoisonError::into_inner) = knobs;
        self.tell("knobs.changed", None, Value::Null);
    }

    /// Every business number.
    pub(crate) fn numbers(&self) -> Vec<Arc<SimNumber>> {
        self.numbers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a business number, or replaces the one with the same id.
    pub(crate) fn add_number(&self, number: SimNumber) {
        let mut numbers = self.numbers.write().unwrap_or_else(PoisonError::into_inner);
        numbers.retain(|other| other.phone_number_id != number.phone_number_id);
        numbers.push(Arc::new(number));
    }

    /// A business number by Meta's id.
    pub(crate) fn number(&self, phone_number_id: &str) -> Option<Arc<SimNumber>> {
        self.numbers().into_iter().find(|number| number.phone_number_id == phone_number_id)
    }

    /// A business number by id or by the number itself; the first one when nothing is asked for.
    pub(crate) fn find_number(&self, wanted: Option<&str>) -> Option<Arc<SimNumber>> {
        let numbers = self.numbers();
        let Some(wanted) = wanted else { return numbers.into_iter().next() };
        let digits = digits_of(wanted);
        numbers.into_iter().find(|number| number.phone_number_id == wanted || number.digits() == digits)
    }

    /// The calling settings of a number.
    pub(crate) fn calling_settings(&self, phone_number_id: &str) -> Value {
        self.settings().get(phone_number_id).cloned().unwrap_or_else(default_settings)
    }

    /// Stores the calling settings of a number.
    pub(crate) fn set_calling_settings(&self, phone_number_id: &str, calling: Value) {
        self.settings().insert(phone_number_id.to_owned(), calling);
    }

    /// Appends to the event log.
    pub(crate) fn tell(&self, event: &'static str, call: Option<&str>, data: Value) {
        self.events.push(self.clock.now_ms(), event, call, data);
    }

    /// Forgets everything but the numbers; calls must have been ended before.
    pub(crate) fn forget(&self) {
        self.calls.clear();
        self.consents.clear();
        self.faults.clear();
        self.graph_log.clear();
        self.post.desk.log.clear();
        self.settings().clear();
        *self.knobs.write().unwrap_or_else(PoisonError::into_inner) = self.first_knobs.clone();
        self.tell("sim.reset", None, Value::Null);
    }

    fn settings(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// A phone number as digits, whatever stands between them.
pub(crate) fn digits_of(phone: &str) -> String {
    phone.chars().filter(char::is_ascii_digit).collect()
}

fn default_settings() -> Value {
    json!({"status": "ENABLED", "call_icon_visibility": "DEFAULT", "callback_permission_status": "DISABLED"})
}
