//! One hook's lane: deliveries made from the log, tried when due, settled.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use offhook_core::event::{Event, HookEvent};
use offhook_core::hook::{Attempt, Credentials, Disabled, Hook, Next, Reply, follow};
use offhook_core::id::{HookId, TenantId};
use offhook_core::ports::{Due, Parcel, Receipt, Settled, StoreFault};
use offhook_core::time::Time;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until, timeout};

use super::{Delivering, PAGE};
use crate::house::Inner;

/// Tries at the same time to one hook. A customer whose server takes 60 ms gets 500 events a second by it.
const AT_ONCE: usize = 32;

/// The same while the hook fails: enough to notice that it is back.
const WHILE_FAILING: usize = 2;

/// Failures in a row after which a hook counts as failing.
const FAILING: u32 = 5;

/// How often a lane looks whether its hook is still what it was: other programs share the database.
const REFRESH: Duration = Duration::from_secs(30);

/// How long a lane waits for a database that is away.
const PAUSE: Duration = Duration::from_secs(1);

/// Longest try, whatever the carrier promises.
const TRY_WITHIN: Duration = Duration::from_secs(60);

/// Tries settled in one transaction.
const SETTLED_AT_ONCE: usize = 64;

/// A try under way. A task of its own: a try that reads the database must go on while its lane waits for the
/// database, or the two would wait for one another.
type Flight = JoinHandle<Option<Landed>>;

/// A try that is over.
struct Landed {
    due: Due,
    at: Time,
    /// None when the body could not be made because of the database: it is tried again, and not counted.
    receipt: Option<Receipt>,
}

pub(super) struct Lane {
    house: Arc<Inner>,
    with: Delivering,
    tenant: TenantId,
    id: HookId,
    changed: Arc<Notify>,
    aloft: FuturesUnordered<Flight>,
    /// The numbers of what is being tried.
    numbers: HashSet<u64>,
    /// Tries that are over and not written down yet.
    landed: Vec<Settled>,
    /// The house gives the hook up with the next writing down.
    disabled: Option<Disabled>,
    /// Whether something may be due now.
    look: bool,
    /// When something will be.
    next_due: Option<Time>,
}

/// What a lane knows of its hook.
struct Known {
    hook: Hook,
    credentials: Arc<Credentials>,
    heads: watch::Receiver<u64>,
}

impl Lane {
    pub(super) fn new(
        house: Arc<Inner>,
        with: Delivering,
        tenant: TenantId,
        id: HookId,
        changed: Arc<Notify>,
    ) -> Self {
        Self {
            house,
            with,
            tenant,
            id,
            changed,
            aloft: FuturesUnordered::new(),
            numbers: HashSet::new(),
            landed: Vec::new(),
            disabled: None,
            look: true,
            next_due: None,
        }
    }

    pub(super) async fn run(mut self) {
        let stop = self.house.stopping.clone();
        loop {
            let turn = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                turn = AssertUnwindSafe(self.live()).catch_unwind() => turn,
            };
            match turn {
                Ok(Ok(())) => {
                    if self.leave() {
                        return;
                    }
                }
                Ok(Err(fault)) => {
                    tracing::warn!(hook.id = %self.id, error = %fault, "a hook waits for the database");
                }
                Err(_) => {
                    tracing::error!(hook.id = %self.id, "a hook's lane has panicked");
                    metrics::counter!("offhook_hook_panics_total").increment(1);
                    self.forget();
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(PAUSE) => {}
            }
        }
    }

    /// Takes the lane off the list, unless the hook was made again meanwhile.
    fn leave(&self) -> bool {
        let Some(outbox) = self.house.outbox.get() else { return true };
        let mut lanes = outbox.lock();
        let nudged = self.changed.notified().now_or_never().is_some();
        if !nudged {
            lanes.remove(&self.id);
        }
        !nudged
    }

    /// What was in hand is due still, by the store.
    fn forget(&mut self) {
        self.aloft.iter().for_each(JoinHandle::abort);
        self.aloft.clear();
        self.numbers.clear();
        self.landed.clear();
        self.look = true;
    }

    /// Works until the hook is gone or the database is away.
    async fn live(&mut self) -> Result<(), StoreFault> {
        while let Some(mut known) = self.read().await? {
            self.work(&mut known).await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> Result<Option<Known>, StoreFault> {
        let hook = self.with.hooks.find(&self.tenant, &self.id).await?;
        let credentials = self.with.hooks.credentials(&self.tenant, &self.id).await?;
        let heads = self.house.publisher.heads(&self.tenant).await?;
        self.look = true;
        Ok(hook.zip(credentials).map(|(hook, credentials)| Known {
            hook,
            credentials: Arc::new(credentials),
            heads,
        }))
    }

    /// Works until it is time to read the hook again.
    async fn work(&mut self, known: &mut Known) -> Result<(), StoreFault> {
        let refresh = tokio::time::Instant::now() + REFRESH;
        loop {
            self.settle(known).await?;
            let mut more = false;
            if known.hook.active {
                more = self.advance(known).await?;
                self.launch(known).await?;
            }
            let wake = match self.next_due {
                Some(at) if known.hook.active => self.house.instant(at).min(refresh),
                _ => refresh,
            };
            tokio::select! {
                biased;
                () = self.changed.notified() => return Ok(()),
                Some(landed) = self.aloft.next(), if !self.aloft.is_empty() => {
                    self.land(known, landed.ok().flatten());
                }
                () = std::future::ready(()), if more => {}
                changed = known.heads.changed(), if known.hook.active => {
                    if changed.is_err() {
                        return Ok(());
                    }
                }
                () = sleep_until(wake) => {
                    self.look = true;
                    if wake == refresh {
                        return Ok(());
                    }
                }
            }
        }
    }

    /// Makes deliveries from the next entries of the log. Returns whether there are more.
    async fn advance(&mut self, known: &mut Known) -> Result<bool, StoreFault> {
        let hook = &mut known.hook;
        let head = *known.heads.borrow_and_update();
        if head <= hook.place {
            return Ok(false);
        }
        let page = self.house.ports.events.after(&self.tenant, hook.place, PAGE).await?;
        let Some(last) = page.last() else { return Ok(false) };
        let made = self.house.made(&self.with, hook, &page);
        let now = self.house.ports.clock.now();
        self.with.deliveries.advance(&self.id, hook.place, last.seq, &made, now).await?;
        hook.place = last.seq;
        self.look |= !made.is_empty();
        Ok(head > hook.place)
    }

    /// Begins the tries that are due, as many as there is room for.
    async fn launch(&mut self, known: &Known) -> Result<(), StoreFault> {
        let most = if known.hook.health.failures >= FAILING { WHILE_FAILING } else { AT_ONCE };
        let room = most.saturating_sub(self.numbers.len());
        if !self.look || room == 0 {
            return Ok(());
        }
        let now = self.house.ports.clock.now();
        // What is being tried is due still, and may come first.
        let wanted = room + self.numbers.len();
        let limit = u32::try_from(wanted).expect("a few dozen");
        let due = self.with.deliveries.due(&self.id, now, limit).await?;
        self.look = due.len() >= wanted;
        if !self.look {
            self.next_due = self.with.deliveries.next_due(&self.id, now).await?;
        }
        let fresh = due.into_iter().filter(|due| !self.numbers.contains(&due.delivery.n));
        for due in fresh.take(room).collect::<Vec<_>>() {
            self.numbers.insert(due.delivery.n);
            self.aloft.push(self.fly(known, due));
        }
        Ok(())
    }

    fn fly(&self, known: &Known, due: Due) -> Flight {
        let (with, house) = (self.with.clone(), self.house.clone());
        let (hook, credentials) = (known.hook.clone(), known.credentials.clone());
        let flying = async move {
            let at = house.ports.clock.now();
            let receipt = attempt(&with, &hook, &credentials, &due, at);
            let receipt = AssertUnwindSafe(timeout(TRY_WITHIN, receipt)).catch_unwind().await;
            let receipt = match receipt {
                Ok(Ok(receipt)) => receipt,
                Ok(Err(_)) => Some(broken("the request took too long")),
                Err(_) => {
                    tracing::error!(hook.id = %hook.id, "a try has panicked");
                    Some(broken("something went wrong on our side"))
                }
            };
            Landed { due, at, receipt }
        };
        let stop = self.house.stopping.clone();
        self.house.tasks.spawn(async move { stop.run_until_cancelled(flying).await })
    }

    /// Decides what follows a try, and those that ended with it.
    fn land(&mut self, known: &mut Known, first: Option<Landed>) {
        let mut next = first;
        while let Some(landed) = next.take() {
            self.decide(known, landed);
            if self.landed.len() < SETTLED_AT_ONCE {
                let also = self.aloft.next().now_or_never().flatten();
                next = also.and_then(|landed| landed.ok().flatten());
            }
        }
    }

    fn decide(&mut self, known: &mut Known, landed: Landed) {
        let Landed { due, at, receipt } = landed;
        let (delivery, hook) = (due.delivery, &mut known.hook);
        let Some(receipt) = receipt else {
            // Still due. The pause keeps it from being looked for at once.
            self.numbers.remove(&delivery.n);
            self.next_due = Some(self.house.ports.clock.now() + PAUSE);
            return;
        };
        let now = self.house.ports.clock.now();
        let tries = delivery.tries + 1;
        let next = follow(hook.dress, delivery.id, tries, now, receipt.reply);
        let failing = hook.health.note(receipt.reply == Reply::Taken, now);
        if matches!(receipt.reply, Reply::Failed { gone: true, .. }) {
            self.disabled = Some(Disabled::Gone);
        } else if failing {
            self.disabled = Some(Disabled::Failing);
        }
        let outcome = match next {
            Next::Delivered => "delivered",
            Next::Again(_) => "again",
            Next::Dead => "dead",
        };
        let dress = hook.dress.as_str();
        metrics::counter!("offhook_hook_tries_total", "dress" => dress, "outcome" => outcome).increment(1);
        if next == Next::Delivered {
            metrics::histogram!("offhook_hook_delivery_seconds", "dress" => dress)
                .record(now.since(due.logged.at));
        }
        let attempt = Attempt {
            at,
            took_ms: u64::try_from(receipt.took.as_millis()).unwrap_or(u64::MAX),
            status: receipt.status,
            error: receipt.error,
            request_headers: receipt.request_headers,
            response_headers: receipt.response_headers,
            response_body: receipt.response_body,
        };
        self.landed.push(Settled { n: delivery.n, next, tries, attempt });
    }

    /// Writes down what became of tries. What cannot be written now is kept and written later.
    async fn settle(&mut self, known: &mut Known) -> Result<(), StoreFault> {
        if self.landed.is_empty() {
            return Ok(());
        }
        let (health, disabled) = (known.hook.health, self.disabled);
        self.with.deliveries.settle(&self.id, &self.landed, health, disabled).await?;
        for settled in self.landed.drain(..) {
            self.numbers.remove(&settled.n);
        }
        self.look = true;
        if let Some(why) = self.disabled.take() {
            known.hook.active = false;
            tracing::warn!(hook.id = %self.id, why = why.as_str(), "a hook was made inactive");
            metrics::counter!("offhook_hooks_disabled_total", "why" => why.as_str()).increment(1);
            let event = Event::Hook { hook: self.id.clone(), what: HookEvent::Disabled };
            self.house.append(&self.tenant, event).await?;
        }
        Ok(())
    }
}

/// One try: words, then the road. None when the words cannot be found now.
async fn attempt(
    with: &Delivering,
    hook: &Hook,
    credentials: &Credentials,
    due: &Due,
    at: Time,
) -> Option<Receipt> {
    let delivery = &due.delivery;
    let dressed = match with.dresser.dress(hook, &due.logged, &delivery.name).await {
        Ok(Some(dressed)) => dressed,
        Ok(None) => return Some(nothing_left()),
        Err(StoreFault::Corrupt(_)) => return Some(broken("the event cannot be read any more")),
        Err(fault) => {
            tracing::warn!(hook.id = %hook.id, error = %fault, "an event for a hook cannot be read");
            return None;
        }
    };
    let parcel = Parcel {
        url: hook.url.clone(),
        dress: hook.dress,
        delivery: delivery.id,
        tries: delivery.tries,
        at,
        name: delivery.name.clone(),
        secrets: credentials.signing(at),
        headers: credentials.headers.clone(),
        dressed,
    };
    Some(with.carrier.carry(&parcel).await)
}

fn broken(why: &str) -> Receipt {
    Receipt {
        reply: Reply::Failed { stay_away: None, gone: false },
        took: Duration::ZERO,
        status: None,
        error: Some(why.to_owned()),
        request_headers: Vec::new(),
        response_headers: Vec::new(),
        response_body: None,
    }
}

/// What an event told of was erased before it could be told: nothing is owed any more.
fn nothing_left() -> Receipt {
    Receipt { reply: Reply::Taken, error: Some("there is nothing left to tell".to_owned()), ..broken("") }
}
