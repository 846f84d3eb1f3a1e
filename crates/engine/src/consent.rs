//! Keeping what is known of users' permissions: from Meta's webhooks, Meta's answers, our own calls, and time.
//!
//! Every change is one transaction with the event that tells of it. Two who write at the same time take turns
//! by the row's version.

use std::sync::Arc;
use std::time::Duration;

use offhook_core::call::{CallRecord, Fault, State};
use offhook_core::event::{Announced, Event, KnockKind};
use offhook_core::house::BusinessNumber;
use offhook_core::id::{NumberId, PermissionId, TenantId};
use offhook_core::meta::{Direction, PermissionReply};
use offhook_core::permission::{Check, News, Permission, PermissionCommit, Told};
use offhook_core::phone::Phone;
use offhook_core::ports::{
    LookedUp, PermissionAsk, PermissionFilter, PermissionPage, PermissionsAfter, StoreFault,
};
use tokio::time::sleep;

use crate::errors::EngineError;
use crate::gates::code;
use crate::house::{Engine, Inner};

/// How often what ends by itself is looked for.
const TICK: Duration = Duration::from_secs(5);

/// Rows read at a time.
const BATCH: u32 = 200;

/// How often a row is written again that somebody else wrote meanwhile.
const TRIES: u32 = 8;

/// Graph's code for a token it does not take.
const TOKEN_INVALID: i64 = 190;

impl Engine {
    /// Asks a user in chat for the permission to call. Returns what is known of it then.
    ///
    /// # Errors
    /// [`EngineError::UnknownNumber`], [`EngineError::Denied`] where we foresee Meta's refusal, Meta's own, or the
    /// store's fault.
    pub async fn ask_permission(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        ask: PermissionAsk,
    ) -> Result<Permission, EngineError> {
        let house = &self.inner;
        let number = house.number(tenant, number).await?;
        if let Some(known) = house.permission(&number, &ask.to).await? {
            known.ledger.may_ask(house.ports.clock.now())?;
        }
        let asked = house.ports.asker.ask_permission(&number, &ask).await;
        let at = house.ports.clock.now();
        let news = match &asked {
            Ok(()) => Some(News::Asked { at }),
            Err(Fault::Refused(error)) if error.code == code::ASK_LIMIT => Some(News::AskRefused { at }),
            Err(Fault::Refused(error)) if error.code == code::ALREADY_PERMANENT => {
                Some(News::Checked(Check::bare(at, Told::Always)))
            }
            Err(_) => None,
        };
        let learned = house.learn(&number, &ask.to, news.as_slice(), true).await;
        asked?;
        let fresh =
            || Permission::begin(PermissionId::from_uuid(house.ports.ids.next()), &number, ask.to, at);
        // The message is out: that it could not be written down changes nothing about it.
        Ok(learned?.unwrap_or_else(fresh))
    }

    /// What is known of a user's permission; Meta is asked when that is old. Where nothing is, a blank one.
    ///
    /// # Errors
    /// [`EngineError::UnknownNumber`], [`EngineError::Meta`] when Meta does not take the number's token, or the
    /// store's fault.
    pub async fn permission(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        to: &Phone,
    ) -> Result<Permission, EngineError> {
        let house = &self.inner;
        let number = house.number(tenant, number).await?;
        let known = house.known_or_looked_up(&number, to).await?;
        let blank = || {
            let id = PermissionId::from_uuid(house.ports.ids.next());
            Permission::begin(id, &number, to.clone(), house.ports.clock.now())
        };
        Ok(known.unwrap_or_else(blank))
    }

    /// A page of what is known of a tenant's permissions, as it was last told.
    ///
    /// # Errors
    /// The store's fault.
    pub async fn permissions(
        &self,
        tenant: &TenantId,
        filter: &PermissionFilter,
        page: &PermissionsAfter,
    ) -> Result<PermissionPage, StoreFault> {
        self.inner.ports.permissions.list(tenant, filter, page).await
    }

    /// Meta's own answer about a user, asked now, and taken in.
    ///
    /// # Errors
    /// [`EngineError::UnknownNumber`], or Meta's fault.
    pub async fn look_up_permission(
        &self,
        tenant: &TenantId,
        number: &NumberId,
        to: &Phone,
    ) -> Result<LookedUp, EngineError> {
        let number = self.inner.number(tenant, number).await?;
        let (looked_up, learned) = self.inner.look_up(&number, to).await?;
        if let Err(fault) = learned {
            tracing::warn!(error = %fault, "an answer of WhatsApp's is not remembered");
        }
        Ok(looked_up)
    }
}

impl Inner {
    pub(crate) async fn number(
        &self,
        tenant: &TenantId,
        number: &NumberId,
    ) -> Result<BusinessNumber, EngineError> {
        self.ports.numbers.load(tenant, number).await?.ok_or(EngineError::UnknownNumber)
    }

    /// A user's reply to a request, or WhatsApp's own change; then those are told who want Meta's own words.
    pub(crate) async fn permission_reply(
        &self,
        knock: i64,
        reply: PermissionReply,
    ) -> Result<(), StoreFault> {
        let number = self.ports.numbers.by_meta_id(&reply.number).await?;
        let (Some(number), Some(phone)) = (number, reply.party.phone) else {
            self.done(knock).await;
            return Ok(());
        };
        let news = match reply.granted {
            true => News::Granted { at: reply.at, until: reply.expires_at, automatic: reply.automatic },
            false => News::Refused { at: reply.at, automatic: reply.automatic },
        };
        self.learn(&number, &phone, &[news], true).await?;
        let told = Event::Knock { knock, number: number.id, call: None, what: KnockKind::Permission };
        self.pass_on(&number.tenant, knock, told).await;
        Ok(())
    }

    /// What a call that changed means for permissions. Told to the ledger beside the call: a ledger that misses
    /// one is corrected by Meta's next answer.
    pub(crate) fn learn_of_call(
        self: &Arc<Self>,
        number: &BusinessNumber,
        before: Option<&CallRecord>,
        now: &CallRecord,
    ) {
        let ours = now.direction == Direction::Outbound;
        let was_answered = before.is_some_and(|before| before.answered_at().is_some());
        let was_over = before.is_some_and(|before| before.state.is_over());
        let call = now.created_at;
        let news = match now.answered_at() {
            Some(at) if !was_answered => News::Talked { call, at, ours },
            None if ours && !was_over && matches!(now.state, State::Missed | State::Rejected) => {
                News::Unanswered { call, at: now.ended_at().unwrap_or(now.updated_at) }
            }
            Some(_) | None => return,
        };
        let Some(phone) = now.facts.party.phone.clone() else { return };
        let (house, number) = (self.clone(), number.clone());
        self.tasks.spawn(async move {
            // Whoever only calls us is nobody we must remember.
            if let Err(fault) = house.learn(&number, &phone, &[news], ours).await {
                tracing::warn!(error = %fault, "a call is not counted among a user's");
            }
        });
    }

    /// What is known; asked of Meta when that is old, unless Meta cannot say. Faults of the store are told as
    /// nothing known: a call waits for no ledger.
    pub(crate) async fn known_or_looked_up(
        &self,
        number: &BusinessNumber,
        to: &Phone,
    ) -> Result<Option<Permission>, Fault> {
        let known = self.permission(number, to).await.unwrap_or_else(|fault| {
            tracing::warn!(error = %fault, "permissions cannot be read");
            None
        });
        if known.as_ref().is_some_and(|known| known.ledger.is_fresh(self.ports.clock.now())) {
            return Ok(known);
        }
        match self.look_up(number, to).await {
            Ok((_, Ok(learned))) => Ok(learned.or(known)),
            Ok((_, Err(fault))) => {
                tracing::warn!(error = %fault, "an answer of WhatsApp's is not remembered");
                Ok(known)
            }
            Err(Fault::Refused(error)) if error.code == TOKEN_INVALID => Err(Fault::Refused(error)),
            Err(_) => Ok(known),
        }
    }

    /// Meta's answer, and whether it was taken in.
    async fn look_up(
        &self,
        number: &BusinessNumber,
        to: &Phone,
    ) -> Result<(LookedUp, Result<Option<Permission>, StoreFault>), Fault> {
        let at = self.ports.clock.now();
        let looked_up = self.ports.asker.look_up_permission(number, to).await?;
        let LookedUp { told, ask, call, .. } = looked_up.clone();
        let check = News::Checked(Check { at, told, ask, call });
        Ok((looked_up, self.learn(number, to, &[check], true).await))
    }

    pub(crate) async fn permission(
        &self,
        number: &BusinessNumber,
        to: &Phone,
    ) -> Result<Option<Permission>, StoreFault> {
        self.ports.permissions.find(&number.tenant, &number.id, to).await
    }

    /// Takes news in. `begin` says whether they are worth a new row. Returns what is known then.
    pub(crate) async fn learn(
        &self,
        number: &BusinessNumber,
        to: &Phone,
        news: &[News],
        begin: bool,
    ) -> Result<Option<Permission>, StoreFault> {
        for _ in 0..TRIES {
            let now = self.ports.clock.now();
            let row = match self.permission(number, to).await? {
                Some(row) => row,
                None if begin => {
                    let id = PermissionId::from_uuid(self.ports.ids.next());
                    Permission::begin(id, number, to.clone(), now)
                }
                None => return Ok(None),
            };
            let Some(commit) = row.fold(now, news) else { return Ok(Some(row)) };
            match self.keep(&commit).await {
                Ok(()) => return Ok(Some(commit.permission)),
                Err(StoreFault::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
        Err(StoreFault::Conflict)
    }

    async fn keep(&self, commit: &PermissionCommit) -> Result<(), StoreFault> {
        let logged = self.ports.permissions.commit(commit).await?;
        let tenant = &commit.permission.tenant;
        if commit.event.is_some() {
            let standing = commit.permission.standing.as_str();
            tracing::info!(
                permission.id = %commit.permission.id, permission.standing = standing, "permission is {standing}"
            );
            metrics::counter!("offhook_permissions_changed_total", "standing" => standing).increment(1);
        }
        let announced = logged.into_iter().map(|logged| Announced { logged, record: None }).collect();
        if self.publisher.announce(tenant, announced) {
            self.publisher.fill(tenant).await?;
        }
        Ok(())
    }

    /// Tells of grants and requests whose time is over. Meta does not (whatsapp-calling.md 3.7).
    pub(crate) async fn expiry_loop(self: Arc<Self>) {
        loop {
            let all = self.expire().await.unwrap_or_else(|fault| {
                tracing::warn!(error = %fault, "permissions that end cannot be looked for");
                true
            });
            if all {
                tokio::select! {
                    () = self.stopping.cancelled() => return,
                    () = sleep(TICK) => {}
                }
            }
            if self.stopping.is_cancelled() {
                return;
            }
        }
    }

    /// Deals with what is due. Returns whether that is all of it, or there is nothing to gain from going on.
    async fn expire(&self) -> Result<bool, StoreFault> {
        let now = self.ports.clock.now();
        let due = self.ports.permissions.due(now, BATCH).await?;
        let mut told = 0;
        for row in &due {
            let Some(commit) = row.fold(now, &[]) else { continue };
            match self.keep(&commit).await {
                Ok(()) => told += 1,
                // Somebody else has just written it; it comes again if it is still due.
                Err(StoreFault::Conflict) => {}
                Err(fault) => return Err(fault),
            }
        }
        Ok(told < BATCH)
    }
}
