//! From the durable inbox to the calls.

use std::sync::Arc;
use std::time::Duration;

use offhook_core::call::Call;
use offhook_core::event::{Consent, Event};
use offhook_core::id::CallId;
use offhook_core::meta::{Direction, MetaEvent, MetaEventKind, PermissionReply};
use offhook_core::ports::{Knocked, News, StoreFault};

use crate::actor::Birth;
use crate::house::Inner;
use crate::registry::Message;

/// Knocks read at a time.
const BATCH: u32 = 256;

/// How often everything not dealt with is looked at again: what a task set aside comes back this way.
const AGAIN: Duration = Duration::from_secs(5);

impl Inner {
    /// Deals with knocks until the server stops.
    pub(crate) async fn inbox_loop(self: Arc<Self>) {
        let mut after = 0;
        loop {
            match self.ports.inbox.pending(after, BATCH).await {
                Ok(batch) if batch.is_empty() => {
                    let news = tokio::select! {
                        () = self.stopping.cancelled() => return,
                        () = self.knocked.notified() => true,
                        () = tokio::time::sleep(AGAIN) => false,
                    };
                    if !news {
                        after = 0;
                        self.recover().await;
                    }
                }
                Ok(batch) => {
                    for knocked in batch {
                        after = knocked.id;
                        if let Err(fault) = self.deal_with(knocked).await {
                            tracing::error!(error = %fault, "webhook set aside: the database is not available");
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

    async fn deal_with(self: &Arc<Self>, knocked: Knocked) -> Result<(), StoreFault> {
        match knocked.news {
            News::Call(event) => self.call_event(knocked.id, event).await,
            News::Permission(reply) => {
                self.permission_reply(reply).await?;
                self.done(knocked.id).await;
                Ok(())
            }
            News::Kept { .. } => {
                self.done(knocked.id).await;
                Ok(())
            }
        }
    }

    async fn call_event(self: &Arc<Self>, knock: i64, event: MetaEvent) -> Result<(), StoreFault> {
        let Some(number) = self.ports.numbers.by_meta_id(&event.number).await? else {
            return self.ignore(knock, "unknown_number").await;
        };
        if let Some(id) = self.known(&event).await? {
            return self.tell(&id, Message::Meta { event: Box::new(event), knock }).await;
        }
        // Another app on the same account may place calls: their webhooks reach us too.
        if event.direction != Some(Direction::Inbound) {
            return self.ignore(knock, "foreign_call").await;
        }
        if matches!(event.kind, MetaEventKind::Connect { .. }) {
            metrics::counter!("offhook_inbound_calls_total").increment(1);
        }
        let id = CallId::from_uuid(self.ports.ids.next());
        let wacid = event.wacid.clone();
        let call = Call::incoming(id, &number, event, self.ports.clock.now());
        self.spawn(call, number, Some(wacid), Birth { knock: Some(knock), ..Birth::default() });
        Ok(())
    }

    /// The call an event is about: by our correlation, or by Meta's id.
    async fn known(&self, event: &MetaEvent) -> Result<Option<CallId>, StoreFault> {
        if let Some(id) = event.opaque.as_deref().and_then(CallId::parse)
            && (self.registry.handle(&id).is_some() || self.ports.calls.find(&id).await?.is_some())
        {
            return Ok(Some(id));
        }
        if let Some(id) = self.registry.by_wacid(&event.wacid) {
            return Ok(Some(id));
        }
        Ok(self.ports.calls.find_wacid(&event.wacid).await?.map(|record| record.id))
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

    async fn permission_reply(&self, reply: PermissionReply) -> Result<(), StoreFault> {
        let Some(number) = self.ports.numbers.by_meta_id(&reply.number).await? else { return Ok(()) };
        let Some(phone) = reply.party.phone else { return Ok(()) };
        let consent = if reply.granted { Consent::Granted } else { Consent::Refused };
        self.append(&number.tenant, Event::Permission { number: number.id, phone, consent }).await
    }

    async fn ignore(&self, knock: i64, why: &'static str) -> Result<(), StoreFault> {
        metrics::counter!("offhook_webhooks_ignored_total", "why" => why).increment(1);
        self.done(knock).await;
        Ok(())
    }

    /// Marks a knock as dealt with. If that fails it is dealt with again, which changes nothing.
    pub(crate) async fn done(&self, knock: i64) {
        if let Err(fault) = self.ports.inbox.done(&[knock]).await {
            tracing::warn!(error = %fault, "webhook will be looked at again");
        }
    }
}
