//! WhatsApp users: made up when first met, stable afterwards.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::ids;
use crate::knobs::Knobs;
use crate::magic::Suffix;
use crate::world::digits_of;

/// More users than a load test meets; older ones are simply made up again.
const KEPT: usize = 20_000;

/// One user as the business sees it.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) digits: String,
    pub(crate) bsuid: String,
    pub(crate) parent_bsuid: String,
    pub(crate) name: String,
    pub(crate) suffix: Suffix,
}

impl User {
    /// The number in webhooks: empty when only the scoped id identifies the user.
    pub(crate) fn shown(&self, knobs: &Knobs) -> &str {
        if knobs.bsuid_only { "" } else { &self.digits }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Users {
    // Digits by scoped id, and names somebody chose.
    by_bsuid: Mutex<HashMap<String, String>>,
    names: Mutex<HashMap<String, String>>,
}

impl Users {
    /// The user of a number.
    pub(crate) fn of(&self, phone: &str) -> User {
        let digits = digits_of(phone);
        let bsuid = ids::bsuid(&digits);
        let parent_bsuid = ids::parent_bsuid(&digits);
        let mut by_bsuid = self.by_bsuid.lock().unwrap_or_else(PoisonError::into_inner);
        if by_bsuid.len() >= KEPT {
            by_bsuid.clear();
        }
        by_bsuid.insert(bsuid.clone(), digits.clone());
        by_bsuid.insert(parent_bsuid.clone(), digits.clone());
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let name = names.get(&digits).cloned().unwrap_or_else(|| ids::profile_name(&digits).to_owned());
        User { suffix: Suffix::of(&digits), bsuid, parent_bsuid, name, digits }
    }

    /// The user behind a scoped id that was told before.
    pub(crate) fn by_bsuid(&self, bsuid: &str) -> Option<User> {
        let digits = self.by_bsuid.lock().unwrap_or_else(PoisonError::into_inner).get(bsuid).cloned()?;
        Some(self.of(&digits))
    }

    /// Gives a user a profile name.
    pub(crate) fn rename(&self, phone: &str, name: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() >= KEPT {
            names.clear();
        }
        names.insert(digits_of(phone), name.to_owned());
    }
}
