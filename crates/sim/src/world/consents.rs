//! The consents of all users, and the permission requests that wait for an answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::permission::Consent;
use crate::world::users::User;

const KEPT_REQUESTS: usize = 1_000;
/// More pairs than a load test makes; beyond that the memory starts afresh.
const KEPT_CONSENTS: usize = 100_000;

/// A permission request on a user's phone.
#[derive(Clone, Debug, Serialize)]
pub struct PermissionRequest {
    /// Its message id.
    pub id: String,
    /// The business number that asks.
    pub phone_number_id: String,
    /// Who is asked, digits.
    pub user: String,
    /// What the business wrote.
    pub text: Option<String>,
    /// Unix milliseconds.
    pub at_ms: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Consents {
    consents: Mutex<HashMap<(String, String), Consent>>,
    requests: Mutex<Vec<PermissionRequest>>,
    // Unix seconds of the newest look-ups by number, for the rate limit.
    lookups: Mutex<HashMap<String, (u64, u32)>>,
}

impl Consents {
    /// Reads or changes the consent between a number and a user.
    pub(crate) fn with<T>(
        &self,
        phone_number_id: &str,
        user: &User,
        change: impl FnOnce(&mut Consent) -> T,
    ) -> T {
        let mut consents = self.consents.lock().unwrap_or_else(PoisonError::into_inner);
        if consents.len() >= KEPT_CONSENTS {
            consents.clear();
        }
        change(consents.entry((phone_number_id.to_owned(), user.digits.clone())).or_default())
    }

    /// Every pair of number and user that has a history.
    pub(crate) fn pairs(&self) -> Vec<(String, String)> {
        self.consents.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// Puts a request on the user's phone; an older one of the same business is replaced.
    pub(crate) fn ask(&self, request: PermissionRequest) {
        let mut requests = self.requests();
        requests.retain(|r| r.phone_number_id != request.phone_number_id || r.user != request.user);
        if requests.len() >= KEPT_REQUESTS {
            requests.remove(0);
        }
        requests.push(request);
    }

    /// Takes a request off the user's phone: it is answered.
    pub(crate) fn take_request(&self, id: &str) -> Option<PermissionRequest> {
        let mut requests = self.requests();
        let at = requests.iter().position(|request| request.id == id)?;
        Some(requests.remove(at))
    }

    /// Requests nobody answered yet.
    pub(crate) fn open_requests(&self) -> Vec<PermissionRequest> {
        self.requests().clone()
    }

    /// Counts a look-up; false when there were too many in this second.
    pub(crate) fn may_look_up(&self, phone_number_id: &str, now_secs: u64, per_second: u32) -> bool {
        let mut lookups = self.lookups.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = lookups.entry(phone_number_id.to_owned()).or_insert((now_secs, 0));
        if counted.0 != now_secs {
            *counted = (now_secs, 0);
        }
        counted.1 += 1;
        counted.1 <= per_second
    }

    pub(crate) fn clear(&self) {
        self.consents.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.requests().clear();
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn requests(&self) -> MutexGuard<'_, Vec<PermissionRequest>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
