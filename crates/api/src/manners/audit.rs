//! Writing deeds down, with who did them and where the request came from.
//!
//! Doors that change something through a store's own transaction hand it [`Ledger::deed`]; all others call
//! [`Ledger::record`] when it is done and before they answer. What is written never has a secret in it.

use std::net::IpAddr;
use std::sync::Arc;

use offhook_core::audit::{Deed, Object};
use offhook_core::id::{KeyId, TenantId};
use offhook_core::ports::{Audit, Clock, StoreFault};
use serde_json::{Value, json};

use super::emergency::is_emergency;
use super::minutely::Minutely;
use super::principal::{Principal, Right};
use super::trace::Trace;

/// The audit log as doors use it.
pub(crate) struct Ledger {
    audit: Arc<dyn Audit>,
    clock: Arc<dyn Clock>,
    /// Strangers' tries with a stolen key, so that they cannot fill the log.
    violations: Minutely<(KeyId, Option<IpAddr>)>,
    strangers: Minutely<(String, Option<IpAddr>)>,
    /// Refused rights of a caller, for the same reason.
    refusals: Minutely<(String, Right)>,
}

impl Ledger {
    pub(crate) fn new(audit: Arc<dyn Audit>, clock: Arc<dyn Clock>) -> Self {
        let (violations, strangers, refusals) =
            (Minutely::default(), Minutely::default(), Minutely::default());
        Self { audit, clock, violations, strangers, refusals }
    }

    /// A deed of a caller, to be completed and handed to a store.
    pub(crate) fn deed(&self, principal: &Principal, action: &str) -> Deed {
        let trace = Trace::now();
        Deed {
            request_id: Some(trace.request_id.as_ref().to_owned()).filter(|id| !id.is_empty()),
            address: trace.address,
            ..Deed::new(&principal.tenant, self.clock.now(), principal.actor(), action)
        }
    }

    /// Writes down what a caller did to an object; `details` is what it is now, or what else there is to say.
    pub(crate) async fn record(
        &self,
        principal: &Principal,
        action: &str,
        object: Object,
        details: Value,
    ) -> Result<(), StoreFault> {
        let deed = Deed { object: Some(object), after: text(details), ..self.deed(principal, action) };
        self.write(deed).await
    }

    /// Writes a completed deed down.
    pub(crate) async fn write(&self, deed: Deed) -> Result<(), StoreFault> {
        self.audit.record(deed).await.map(|_| ())
    }

    /// A key was shown from an address it does not work from.
    pub(crate) async fn violated(&self, principal: &Principal, key: &KeyId) -> Result<(), StoreFault> {
        let address = Trace::now().address;
        if !self.violations.is_first(&(key.clone(), address), self.clock.now()) {
            return Ok(());
        }
        let object = Object::new("api_key", key.as_str());
        self.record(principal, "api_key.allowed_ips_violation", object, Value::Null).await
    }

    /// A caller asked for what they may not do.
    pub(crate) async fn refused(&self, principal: &Principal, right: Right) -> Result<(), StoreFault> {
        if !self.refusals.is_first(&(principal.id().to_owned(), right), self.clock.now()) {
            return Ok(());
        }
        let after = text(json!({ "required": right.scope() }));
        self.write(Deed { after, ..self.deed(principal, "right.refused") }).await
    }

    /// A caller may be about to dial an emergency number, which is refused and noted, whatever comes of it.
    pub(crate) async fn dialling(
        &self,
        principal: &Principal,
        typed: Option<&str>,
    ) -> Result<(), StoreFault> {
        if !typed.is_some_and(is_emergency) {
            return Ok(());
        }
        let after = text(json!({ "to": "****" }));
        self.write(Deed { after, ..self.deed(principal, "call.emergency_refused") }).await
    }

    /// What a stranger did, unless they did it this minute already: nobody fills the log by asking often.
    pub(crate) async fn stranger_once(
        &self,
        tenant: Option<TenantId>,
        action: &str,
        object: Option<Object>,
    ) -> Result<(), StoreFault> {
        let what = object.as_ref().map_or_else(|| action.to_owned(), |it| format!("{action} {}", it.id));
        match self.strangers.is_first(&(what, Trace::now().address), self.clock.now()) {
            true => self.stranger(tenant, action, object).await,
            false => Ok(()),
        }
    }

    /// What a stranger did: to a tenant's person when they named one, else to the house.
    pub(crate) async fn stranger(
        &self,
        tenant: Option<TenantId>,
        action: &str,
        object: Option<Object>,
    ) -> Result<(), StoreFault> {
        let trace = Trace::now();
        let deed = Deed {
            tenant,
            at: self.clock.now(),
            actor: offhook_core::audit::Actor::Stranger,
            action: action.to_owned(),
            object,
            before: None,
            after: None,
            request_id: Some(trace.request_id.as_ref().to_owned()),
            address: trace.address,
        };
        self.write(deed).await
    }
}

/// Details as they are stored; nothing when there are none.
pub(crate) fn text(details: Value) -> Option<String> {
    (!details.is_null()).then(|| details.to_string())
}
