//! From the durable inbox to the calls.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use offhook_core::call::table::Connect;
use offhook_core::call::{Call, CallRecord, State};
use offhook_core::event::{Event, KnockKind};
use offhook_core::house::{BusinessNumber, MediaMode};
use offhook_core::id::{CallId, MetaNumberId, NumberId, TenantId, Wacid};
use offhook_core::meta::{Direction, MetaEvent, MetaEventKind, PermissionReply};
use offhook_core::phone::Phone;
use offhook_core::ports::{Knocked, News, StoreFault};
use tokio::time::{Instant, sleep_until};

use crate::actor::Birth;
use crate::house::Inner;
use crate::registry::Message;

/// Knocks read at a time.
const BATCH: u32 = 256;

/// How often everything not dealt with is looked at again: what a task set aside comes back this way.
const AGAIN: Duration = Duration::from_secs(5);

/// How soon after a call's task had no room for a webhook. Such a task is leaving or waits for the database.
const SOON: Duration = Duration::from_millis(500);

/// How long webhooks that are dealt with are kept, for whoever asks what WhatsApp said. WhatsApp itself sends one
/// again for a week at most.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How often older ones are deleted.
const FORGET: Duration = Duration::from_secs(60 * 60);

/// How many calls' knocks are dealt with at once: they wait for the disk, and share its flushes. More would keep
/// up no better and let new webhooks wait longer for the disk.
const AT_ONCE: usize = 16;

/// What knocks must be dealt with in turn for.
#[derive(PartialEq, Eq, Hash)]
enum Turn {
    Call(Wacid),
    User(MetaNumberId, Option<Phone>, Option<String>),
    Number(MetaNumberId),
    Nobody(i64),
}

impl Turn {
    fn of(knocked: &Knocked) -> Self {
        match &knocked.news {
            News::Call(event) => Self::Call(event.wacid.clone()),
            News::Permission(PermissionReply { number, party, .. }) => {
                Self::User(number.clone(), party.phone.clone(), party.user_id.clone())
            }
            News::Settings(change) => Self::Number(change.number.clone()),
            News::Kept { .. } => Self::Nobody(knocked.id),
        }
    }
}

/// Knocks of one call, or one user's or number's, in the order they came. Between them there is no order to keep.
fn lanes(batch: Vec<Knocked>) -> Vec<Vec<Knocked>> {
    let mut lanes: Vec<Vec<Knocked>> = Vec::new();
    let mut places = HashMap::new();
    for knocked in batch {
        let place = *places.entry(Turn::of(&knocked)).or_insert(lanes.len());
        match lanes.get_mut(place) {
            Some(lane) => lane.push(knocked),
            None => lanes.push(vec![knocked]),
        }
    }
    lanes
}

/// What became of a knock.
enum Dealt {
    /// Its call has it, or there is nothing left to do.
    Handed,
    /// Its call could not take it now; it stays in the inbox.
    SetAside,
}

impl Inner {
    /// Deals with knocks until the server stops.
    pub(crate) async fn inbox_loop(self: Arc<Self>) {
        let mut after = 0;
        let mut again = Instant::now() + AGAIN;
        while !self.stopping.is_cancelled() {
            match self.ports.inbox.pending(after, BATCH).await {
                Ok(batch) if batch.is_empty() => {
                    tokio::select! {
                        () = self.stopping.cancelled() => return,
                        () = self.knocked.notified() => {}
                        () = sleep_until(again) => {}
                    }
                    // By the clock and not by silence: a busy server is never silent.
                    if Instant::now() >= again {
                        after = 0;
                        again = Instant::now() + AGAIN;
                        self.recover().await;
                    }
                }
                Ok(batch) => {
                    after = batch.iter().map(|knocked| knocked.id).max().unwrap_or(after);
                    let mut dealing = stream::iter(lanes(batch))
                        .map(|lane| self.deal_in_turn(lane))
                        .buffer_unordered(AT_ONCE);
                    while let Some(set_aside) = dealing.next().await {
                        if set_aside {
                            again = again.min(Instant::now() + SOON);
                        }
                    }
                }
                Err(fault) => {
                    tracing::error!(error = %fault, "inbox cannot be read");
                    tokio::select! {
                        () = self.stopping.cancelled() => return,
                        () = tokio::time::sleep(Duration::from_secs(1)) => {}
                    }
                }
            }
        }
    }

    /// Deals with knocks one after another, up to one that must wait. Tells whether its call had no room for it.
    async fn deal_in_turn(self: &Arc<Self>, lane: Vec<Knocked>) -> bool {
        for knocked in lane {
            let id = knocked.id;
            match AssertUnwindSafe(self.deal_with(knocked)).catch_unwind().await {
                Ok(Ok(Dealt::Handed)) => {}
                Ok(Ok(Dealt::SetAside)) => return true,
                Ok(Err(fault)) => {
                    tracing::error!(error = %fault, "webhook set aside: the database is not available");
                    return false;
                }
                Err(_) => self.poison(id).await,
            }
        }
        false
    }

    /// Deletes old webhooks until the server stops.
    pub(crate) async fn forget_loop(self: Arc<Self>) {
        while !self.stopping.is_cancelled() {
            match self.ports.inbox.forget(self.ports.clock.now() - KEPT).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(fault) => tracing::warn!(error = %fault, "old webhooks cannot be deleted"),
            }
            tokio::select! {
                () = self.stopping.cancelled() => return,
                () = tokio::time::sleep(FORGET) => {}
            }
        }
    }

    /// Gives a webhook up that nobody can deal with: it would bring the loop down again and again.
    async fn poison(&self, knock: i64) {
        tracing::error!(inbox.id = knock, "dealing with a webhook has panicked");
        metrics::counter!("offhook_webhooks_ignored_total", "why" => "panic").increment(1);
        self.done(knock).await;
    }

    async fn deal_with(self: &Arc<Self>, knocked: Knocked) -> Result<Dealt, StoreFault> {
        match knocked.news {
            News::Call(event) => self.call_event(knocked.id, event).await,
            News::Permission(reply) => {
                self.permission_reply(knocked.id, reply).await?;
                Ok(Dealt::Handed)
            }
            News::Settings(change) => {
                self.settings_changed(knocked.id, change).await?;
                Ok(Dealt::Handed)
            }
            News::Kept { .. } => {
                self.done(knocked.id).await;
                Ok(Dealt::Handed)
            }
        }
    }

    async fn call_event(self: &Arc<Self>, knock: i64, event: MetaEvent) -> Result<Dealt, StoreFault> {
        let Some(number) = self.ports.numbers.by_meta_id(&event.number).await? else {
            return self.ignore(knock, "unknown_number").await;
        };
        if let Some(id) = self.known(&event, &number).await? {
            return self.hand(&id, event, knock).await;
        }
        // Another app on the same account may place calls: their webhooks reach us too.
        if event.direction != Some(Direction::Inbound) {
            return self.ignore(knock, "foreign_call").await;
        }
        if matches!(event.kind, MetaEventKind::Connect { .. }) {
            metrics::counter!("offhook_inbound_calls_total").increment(1);
            self.give_way(&number, &event);
        }
        let mut event = event;
        event.party.contact = self.sighted(&number.tenant, &event.party).await;
        let id = CallId::from_uuid(self.ports.ids.next());
        let (wacid, what) = (event.wacid.clone(), KnockKind::of(&event.kind));
        let greeter = self.greeter(&number).await?;
        let now = self.ports.clock.now();
        let call = Call::incoming_at(self.manners.clone(), id, &number, greeter, event, now);
        self.spawn(call, number, Some(wacid), Birth { knock: Some((knock, what)), ..Birth::default() });
        Ok(Dealt::Handed)
    }

    /// Whom the number's callers meet instead of ringing people.
    async fn greeter(&self, number: &BusinessNumber) -> Result<Option<Connect>, StoreFault> {
        if !number.has_bot || number.media_mode != MediaMode::Bridge {
            return Ok(None);
        }
        match self.ports.numbers.inbound_bot(&number.id).await {
            Ok(bot) => Ok(bot.map(Connect::Bot)),
            // People can take the call all the same.
            Err(StoreFault::Corrupt(why)) => {
                tracing::error!(number.id = %number.id, error = why, "the address of a voice bot cannot be read");
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Our unanswered calls to a user who calls us give way: the one the user holds in their hand lives.
    fn give_way(&self, number: &BusinessNumber, event: &MetaEvent) {
        let Some(phone) = &event.party.phone else { return };
        let crossing = |record: &CallRecord| {
            record.direction == Direction::Outbound
                && record.number == number.id
                && record.facts.party.phone.as_ref() == Some(phone)
                && matches!(record.state, State::Created | State::Dialing | State::Ringing)
        };
        for live in self.registry.live(&number.tenant, |live| crossing(&live.record)) {
            let Some(handle) = self.registry.handle(&live.record.id) else { continue };
            // A task too busy to listen is ended by Meta, which allows one call with a user.
            let _ = handle.send.try_send(Message::GiveWay);
        }
    }

    /// The call an event is about: by our correlation, or by Meta's id.
    async fn known(&self, event: &MetaEvent, number: &BusinessNumber) -> Result<Option<CallId>, StoreFault> {
        if let Some(id) = event.opaque.as_deref().and_then(CallId::parse)
            && self.number_of(&id).await?.as_ref() == Some(&number.id)
        {
            return Ok(Some(id));
        }
        if let Some(id) = self.registry.by_wacid(&event.wacid) {
            return Ok(Some(id));
        }
        Ok(self.ports.calls.find_wacid(&event.wacid).await?.map(|record| record.id))
    }

    /// Whoever places calls from another number may put any correlation into them, also one of ours.
    async fn number_of(&self, id: &CallId) -> Result<Option<NumberId>, StoreFault> {
        if let Some(record) = self.registry.record(id) {
            return Ok(Some(record.number.clone()));
        }
        Ok(self.ports.calls.find(id).await?.map(|record| record.number))
    }

    /// Gives a webhook to the call's task without waiting for it: one call that is stuck must not hold up the
    /// others. What it does not take stays in the inbox.
    async fn hand(self: &Arc<Self>, id: &CallId, event: MetaEvent, knock: i64) -> Result<Dealt, StoreFault> {
        let Some(handle) = self.reach(id).await? else { return Ok(Dealt::Handed) };
        let taken = handle.send.try_send(Message::Meta { event: Box::new(event), knock });
        Ok(taken.map_or(Dealt::SetAside, |()| Dealt::Handed))
    }

    /// Gives a message to the call's task, waking the call from its record when it has none.
    pub(crate) async fn tell(self: &Arc<Self>, id: &CallId, message: Message) -> Result<(), StoreFault> {
        let mut message = message;
        loop {
            let Some(handle) = self.reach(id).await? else { return Ok(()) };
            match handle.send.send(message).await {
                Ok(()) => return Ok(()),
                // The task was about to leave: wait until it has, then wake the call from its record.
                Err(back) => {
                    handle.gone.cancelled().await;
                    message = back.0;
                }
            }
        }
    }

    async fn ignore(&self, knock: i64, why: &'static str) -> Result<Dealt, StoreFault> {
        metrics::counter!("offhook_webhooks_ignored_total", "why" => why).increment(1);
        self.done(knock).await;
        Ok(Dealt::Handed)
    }

    /// Marks a knock as dealt with and tells those who want Meta's own words. If that fails it is dealt with
    /// again, which changes nothing.
    pub(crate) async fn pass_on(&self, tenant: &TenantId, knock: i64, event: Event) {
        match self.ports.inbox.pass_on(knock, tenant, self.ports.clock.now(), &event).await {
            Ok(logged) => self.tell_all(tenant, logged).await,
            Err(fault) => tracing::warn!(error = %fault, "webhook will be looked at again"),
        }
    }

    /// Marks a knock as dealt with. If that fails it is dealt with again, which changes nothing.
    pub(crate) async fn done(&self, knock: i64) {
        if let Err(fault) = self.ports.inbox.done(&[knock]).await {
            tracing::warn!(error = %fault, "webhook will be looked at again");
        }
    }
}
