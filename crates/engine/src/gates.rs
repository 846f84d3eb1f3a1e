//! What stands between a wish to call and Meta's `connect`, in order: the tenant's pace, the number's token, whom
//! the house lets be called from where, permission, other calls.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use offhook_core::call::{Ask, CallRecord, Fault, Reply};
use offhook_core::dialling::{Barred, DIAL_WINDOW};
use offhook_core::house::BusinessNumber;
use offhook_core::id::{CallId, TenantId};
use offhook_core::meta::{Callee, Direction, MetaError, Party};
use offhook_core::permission::{Check, News, Reason, Told};
use offhook_core::phone::Phone;
use offhook_core::ports::StoreFault;
use offhook_core::time::Time;

use crate::errors::EngineError;
use crate::house::Inner;

/// Meta's codes for what we foresee (whatsapp-calling.md 7.2).
pub(crate) mod code {
    /// Too many calls at the same time.
    pub(crate) const CONCURRENT: i64 = 138_002;
    /// A call with this user is on already.
    pub(crate) const DUPLICATE: i64 = 138_003;
    /// The user has not permitted calls.
    pub(crate) const NO_PERMISSION: i64 = 138_006;
    /// Too many permission requests.
    pub(crate) const ASK_LIMIT: i64 = 138_009;
    /// Too many calls to the user today.
    pub(crate) const CALL_LIMIT: i64 = 138_012;
    /// The user has permitted calls for good.
    pub(crate) const ALREADY_PERMANENT: i64 = 138_017;
}

/// Tenants whose pace is remembered. Beyond it all begin anew.
const MOST_TENANTS: usize = 10_000;

/// When each tenant placed its last calls.
#[derive(Default)]
pub(crate) struct Pace(Mutex<HashMap<TenantId, VecDeque<Time>>>);

impl Pace {
    /// Counts a call, or says how long to wait.
    fn count(&self, tenant: &TenantId, now: Time, most: u32) -> Result<(), Duration> {
        let mut tenants = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.len() >= MOST_TENANTS {
            tenants.clear();
        }
        let dialled = tenants.entry(tenant.clone()).or_default();
        while dialled.front().is_some_and(|at| *at + DIAL_WINDOW <= now) {
            dialled.pop_front();
        }
        if dialled.len() >= usize::try_from(most).unwrap_or(usize::MAX) {
            let oldest = dialled.front().copied().unwrap_or(now);
            return Err((oldest + DIAL_WINDOW).since(now));
        }
        dialled.push_back(now);
        Ok(())
    }
}

impl Inner {
    /// Counts a call of the tenant's.
    pub(crate) fn keep_pace(&self, tenant: &TenantId) -> Result<(), Barred> {
        let most = self.manners.dialling.per_window;
        let counted = self.pace.count(tenant, self.ports.clock.now(), most);
        counted.map_err(|wait| self.barred(tenant, Barred::TooFast { wait }, "too_fast"))
    }

    /// Whether there is a token to ask Meta with. Without one nothing else is worth looking at.
    pub(crate) async fn holds_token(&self, number: &BusinessNumber) -> Result<(), EngineError> {
        match self.ports.numbers.access_token(&number.id).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => Err(self.barred(&number.tenant, Barred::NoToken, "no_token").into()),
            Err(StoreFault::Corrupt(why)) => {
                tracing::error!(number.id = %number.id, error = why, "an access token cannot be read");
                Err(self.barred(&number.tenant, Barred::NoToken, "no_token").into())
            }
            Err(fault) => Err(fault.into()),
        }
    }

    /// Whether the house lets a user be called from a number.
    pub(crate) fn admit(&self, number: &BusinessNumber, to: &Callee) -> Result<(), Barred> {
        self.manners.dialling.admit(number, to).map_err(|barred| {
            let word = match barred {
                Barred::TooFast { .. } => "too_fast",
                Barred::NoToken => "no_token",
                Barred::CountryBlocked(_) => "country_blocked",
                Barred::RecipientCountry(_) => "recipient_country",
                Barred::RecipientDenied => "recipient_denied",
                Barred::NotEnabled => "not_enabled",
            };
            self.barred(&number.tenant, barred, word)
        })
    }

    fn barred(&self, tenant: &TenantId, barred: Barred, word: &'static str) -> Barred {
        metrics::counter!("offhook_dials_barred_total", "why" => word).increment(1);
        tracing::warn!(tenant.id = %tenant, why = word, "a call was not placed");
        barred
    }

    /// Places a call at Meta, unless we foresee that it would be refused.
    pub(crate) async fn connect(
        self: &Arc<Self>,
        call: &CallId,
        number: &BusinessNumber,
        to: &Callee,
        ask: &Ask,
    ) -> Result<Reply, Fault> {
        // Consents are kept by phone number: of users known by an id alone Meta decides call by call.
        if let Some(to) = to.phone() {
            self.foresee(number, to).await?;
        }
        self.alone(call, number, to)?;
        let reply = self.ports.asker.ask(number, ask).await;
        if let (Err(Fault::Refused(error)), Some(to)) = (&reply, to.phone()) {
            let at = self.ports.clock.now();
            self.learn_of_refusal(number, to, error.code, at).await;
        }
        reply
    }

    /// Whether the user has permitted the call: Meta's answer where it is fresh or can be had, ours otherwise.
    async fn foresee(&self, number: &BusinessNumber, to: &Phone) -> Result<(), Fault> {
        let known = match self.known_or_looked_up(number, to).await {
            Ok(Some(known)) => known,
            // Nothing is known: Meta says.
            Ok(None) => return Ok(()),
            Err(fault) => return Err(fault),
        };
        let Err(denied) = known.ledger.may_call(self.ports.clock.now()) else { return Ok(()) };
        let code = match denied.reason {
            Reason::CallLimit => code::CALL_LIMIT,
            Reason::NoPermission | Reason::AskLimit | Reason::AlreadyPermanent => code::NO_PERMISSION,
        };
        metrics::counter!("offhook_dials_foreseen_total", "code" => code.to_string()).increment(1);
        Err(foreseen(code, &denied.reason))
    }

    /// Whether the tenant has no call with this user already, and room for one more. Of two at the same time the
    /// older is placed.
    fn alone(&self, call: &CallId, number: &BusinessNumber, to: &Callee) -> Result<(), Fault> {
        let older = |record: &CallRecord| !record.state.is_over() && record.id < *call;
        let live = self.registry.live(&number.tenant, |live| older(&live.record));
        let is_they = |party: &Party| match to {
            Callee::Phone(phone) => party.phone.as_ref() == Some(phone),
            Callee::UserId(id) => party.user_id.as_ref() == Some(id),
        };
        // A call we gave up may never have reached WhatsApp: whether it is in the way WhatsApp says.
        let with_them = |record: &CallRecord| {
            record.number == number.id && record.facts.intent.is_none() && is_they(&record.facts.party)
        };
        if live.iter().any(|live| with_them(&live.record)) {
            return Err(foreseen(code::DUPLICATE, &"there is a call with this user already"));
        }
        let ours = live.iter().filter(|live| live.record.direction == Direction::Outbound).count();
        if ours >= usize::try_from(self.manners.dialling.at_once).unwrap_or(usize::MAX) {
            return Err(foreseen(code::CONCURRENT, &"the house has as many calls at once as it allows"));
        }
        Ok(())
    }

    async fn learn_of_refusal(&self, number: &BusinessNumber, to: &Phone, code: i64, at: Time) {
        let news = match code {
            code::NO_PERMISSION => News::Checked(Check::bare(at, Told::Nothing)),
            code::CALL_LIMIT => News::CallRefused { at },
            _ => return,
        };
        if let Err(fault) = self.learn(number, to, &[news], true).await {
            tracing::warn!(error = %fault, "a refusal of WhatsApp's is not remembered");
        }
    }
}

/// Meta's refusal as we foresee it.
fn foreseen(code: i64, why: &dyn std::fmt::Display) -> Fault {
    Fault::Refused(MetaError { code, message: format!("{why} (known before WhatsApp was asked)") })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_thirty_first_call_of_a_minute_waits_and_other_tenants_do_not() {
        let pace = Pace::default();
        let tenant = |n| TenantId::from_uuid(Uuid::from_u128(n));
        let at = |secs: i64| Time::from_secs(1_790_000_000 + secs);
        for n in 0..30 {
            assert_eq!(pace.count(&tenant(1), at(n), 30), Ok(()));
        }
        assert_eq!(pace.count(&tenant(1), at(40), 30), Err(Duration::from_secs(20)));
        assert_eq!(pace.count(&tenant(2), at(40), 30), Ok(()));
        assert_eq!(pace.count(&tenant(1), at(60), 30), Ok(()));
        assert_eq!(pace.count(&tenant(1), at(60), 30), Err(Duration::from_secs(1)));
    }
}
