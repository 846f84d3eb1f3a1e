//! A call's task: inputs in, commits and requests out.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use offhook_core::call::{Ask, Call, CallRecord, Commit, Fault, Input, LegRecord, Output, SoundNews, State};
use offhook_core::event::{Announced, Event, KnockKind};
use offhook_core::house::BusinessNumber;
use offhook_core::id::{CallId, UserId};
use offhook_core::ports::StoreFault;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::errors::EngineError;
use crate::house::Inner;
use crate::publisher::PATIENCE;
use crate::registry::Message;

/// Messages a call may have waiting. Meta sends a handful per call, agents fewer.
pub(crate) const MAILBOX: usize = 64;

/// News of its sound a call may have waiting: two minutes of every leg's reports, and as much again for news that
/// must not be lost.
pub(crate) const NEWS: usize = 256;

/// Waits between tries to commit. Together about as long as Meta waits for a webhook's 200.
const COMMIT_RETRIES: [Duration; 5] = [
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(750),
    Duration::from_secs(2),
    Duration::from_secs(5),
];

/// Longest wait for a request of ours, whatever its adapter promises (ten seconds): a call whose request never
/// came back would never leave.
const ASK_WITHIN: Duration = Duration::from_secs(30);

/// How often a call's task goes on after a panic: once to end the call, once to close it as it stands. More would
/// let one message that always panics keep it busy for ever.
const CRASHES: u32 = 2;

/// How long a stopping server waits for replies to requests in flight.
const HEAR_OUT: Duration = Duration::from_secs(3);

type Asked = Pin<Box<dyn Future<Output = Input> + Send>>;

pub(crate) struct Actor {
    pub(crate) house: Arc<Inner>,
    pub(crate) call: Call,
    pub(crate) number: BusinessNumber,
    pub(crate) inbox: mpsc::Receiver<Message>,
    /// News of the call's sound. Not in the inbox, so that neither crowds out the other.
    pub(crate) sound: mpsc::Receiver<SoundNews>,
    /// Somebody came, went, or changed what they take.
    pub(crate) agents: Arc<Notify>,
    pub(crate) birth: Birth,
    /// The inbox place of the webhook being handled, and what it is about.
    pub(crate) in_hand: Option<(i64, KnockKind)>,
}

/// Who waits for news of a new call. Nobody does for one woken from its record.
#[derive(Default)]
pub(crate) struct Birth {
    /// Told when the call is durable, or why it is not.
    pub(crate) begun: Option<oneshot::Sender<Result<Arc<CallRecord>, EngineError>>>,
    /// Told when Meta has confirmed or refused an outbound call.
    pub(crate) settled: Option<oneshot::Sender<Arc<CallRecord>>>,
    /// The inbox place of the webhook that began the call, and what it is about.
    pub(crate) knock: Option<(i64, KnockKind)>,
}

/// Why a task stopped before its call was over.
enum Stop {
    /// The database cannot be written; the call goes on from its record later.
    Store(StoreFault),
    /// The server stops.
    Shutdown,
}

impl Actor {
    pub(crate) async fn run(mut self) {
        let id = self.call.record().id.clone();
        let _leaving = Leaving { house: self.house.clone(), id: id.clone() };
        let mut crashes = 0;
        loop {
            match AssertUnwindSafe(self.live()).catch_unwind().await {
                Ok(Ok(()) | Err(Stop::Shutdown)) => return,
                Ok(Err(Stop::Store(fault))) => {
                    tracing::error!(call.id = %id, error = %fault, "call set aside: its record cannot be written");
                    metrics::counter!("offhook_calls_set_aside_total").increment(1);
                    return;
                }
                Err(_) => {
                    crashes += 1;
                    tracing::error!(call.id = %id, "call's task has panicked");
                    metrics::counter!("offhook_call_panics_total").increment(1);
                    if crashes > CRASHES || !self.revive(&id).await {
                        return;
                    }
                }
            }
        }
    }

    /// Goes back to the stored record, in order to end the call from there. What was being handled is not
    /// handled again: it would do the same once more.
    async fn revive(&mut self, id: &CallId) -> bool {
        if let Some(knock) = self.in_hand.take().or_else(|| self.birth.knock.take()) {
            self.dealt(knock).await;
        }
        let Ok(Some(record)) = self.house.ports.calls.find(id).await else { return false };
        let now = self.house.ports.clock.now();
        self.call = Call::as_stored(record, now).with_manners(self.house.manners.clone());
        let agents = self.house.available(&self.call.record().tenant);
        let ending = [Input::Agents(agents), Input::Crashed];
        ending.into_iter().all(|input| self.call.handle(now, input).is_ok())
    }

    async fn live(&mut self) -> Result<(), Stop> {
        let mut asked: FuturesUnordered<Asked> = FuturesUnordered::new();
        let drained = self.drain(&mut asked).await;
        if let Some(begun) = self.birth.begun.take() {
            // Whoever placed the call may have gone; a durable call goes on.
            let _ = begun.send(self.verdict(&drained));
        }
        drained?;
        if let Some(knock) = self.birth.knock.take() {
            self.dealt(knock).await;
        }
        self.agents(&mut asked).await?;
        let stop = self.house.stopping.clone();
        loop {
            if self.call.is_over() && asked.is_empty() {
                self.inbox.close();
            }
            let wake = self.call.next_deadline().map(|(until, _)| self.house.instant(until));
            // A closed and empty inbox is ready for ever; it must not keep the requests in flight from their turn.
            let listening = asked.is_empty() || !self.inbox.is_closed() || !self.inbox.is_empty();
            tokio::select! {
                biased;
                message = self.inbox.recv(), if listening => match message {
                    Some(message) => self.message(message, &mut asked).await?,
                    None if asked.is_empty() => return Ok(()),
                    None => {}
                },
                Some(news) = self.sound.recv() => self.input(Input::Sound(news), &mut asked).await?,
                Some(reply) = asked.next(), if !asked.is_empty() => self.input(reply, &mut asked).await?,
                () = self.agents.notified() => self.agents(&mut asked).await?,
                () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {
                    self.input(Input::Wake, &mut asked).await?;
                }
                () = stop.cancelled() => {
                    // Calls whose sound goes with this process end now, in order; the others wait for the next.
                    self.input(Input::Stopping, &mut asked).await?;
                    // What was asked of Meta is heard out: a `connect` cut short would become a call in doubt.
                    let rest = async {
                        while let Some(reply) = asked.next().await {
                            self.input(reply, &mut FuturesUnordered::new()).await?;
                        }
                        Ok(())
                    };
                    timeout(HEAR_OUT, rest).await.unwrap_or(Ok(()))?;
                    return Err(Stop::Shutdown);
                }
            }
        }
    }

    async fn message(&mut self, message: Message, asked: &mut FuturesUnordered<Asked>) -> Result<(), Stop> {
        match message {
            Message::Meta { event, knock } => {
                let knock = (knock, KnockKind::of(&event.kind));
                self.in_hand = Some(knock);
                self.input(Input::Meta(*event), asked).await?;
                self.dealt(knock).await;
                self.in_hand = None;
                Ok(())
            }
            Message::GiveWay => self.input(Input::GiveWay, asked).await,
            Message::Command { command, answer } => {
                let now = self.house.ports.clock.now();
                let handled = self.call.handle(now, Input::Command(command));
                let drained = self.drain(asked).await;
                let result = handled.map_err(EngineError::Refused).and_then(|()| self.verdict(&drained));
                // The asker may be gone; the command stands all the same.
                let _ = answer.send(result);
                drained
            }
        }
    }

    /// A webhook is dealt with: whoever wants Meta's own words is told.
    async fn dealt(&self, (knock, what): (i64, KnockKind)) {
        let record = self.call.record();
        let (number, call) = (record.number.clone(), Some(record.id.clone()));
        self.house.pass_on(&record.tenant, knock, Event::Knock { knock, number, call, what }).await;
    }

    /// The record, if what led to it is durable.
    fn verdict(&self, drained: &Result<(), Stop>) -> Result<Arc<CallRecord>, EngineError> {
        match drained {
            Ok(()) => Ok(Arc::new(self.call.record().clone())),
            Err(Stop::Store(fault)) => Err(EngineError::Store(StoreFault::Unavailable(fault.to_string()))),
            Err(Stop::Shutdown) => Err(EngineError::Stopping),
        }
    }

    async fn agents(&mut self, asked: &mut FuturesUnordered<Asked>) -> Result<(), Stop> {
        let agents = self.house.available(&self.call.record().tenant);
        self.input(Input::Agents(agents), asked).await
    }

    async fn input(&mut self, input: Input, asked: &mut FuturesUnordered<Asked>) -> Result<(), Stop> {
        let now = self.house.ports.clock.now();
        if self.call.handle(now, input).is_err() {
            // Only commands are refused, and they do not come this way.
            return Ok(());
        }
        self.drain(asked).await
    }

    /// Does everything the call wants, in order.
    async fn drain(&mut self, asked: &mut FuturesUnordered<Asked>) -> Result<(), Stop> {
        while let Some(output) = self.call.poll() {
            match output {
                Output::Commit(commit) => self.commit(*commit).await?,
                Output::Ask(ask) => asked.push(self.ask(ask)),
                Output::Sound(ask) => self.house.ports.sound.ask(&self.call.record().id, ask),
                Output::Quality(whose, quality) => {
                    self.house.tell_quality(self.call.record(), whose, quality)
                }
                Output::WhoIsFree => {
                    let free = self.house.available(&self.call.record().tenant);
                    let now = self.house.ports.clock.now();
                    // Never refused: only commands are.
                    let _ = self.call.handle(now, Input::Agents(free));
                }
            }
        }
        Ok(())
    }

    async fn commit(&mut self, commit: Commit) -> Result<(), Stop> {
        let logged = self.write(&commit).await?;
        let record = Arc::new(commit.record);
        let rung = self.call.rung().cloned().unwrap_or_default();
        let before = self.house.registry.record(&record.id);
        note(&record, before.as_deref().is_some_and(|before| before.state.is_over()));
        self.house.learn_of_call(&self.number, before.as_deref(), &record);
        let busy_changed = before.as_deref().map(busy).unwrap_or_default() != busy(&record);
        self.house.registry.show(record.clone(), rung);
        let announced: Vec<Announced> =
            logged.into_iter().map(|logged| Announced { logged, record: Some(record.clone()) }).collect();
        if self.house.publisher.announce(&record.tenant, announced) {
            self.house.fill_later(&record.tenant, PATIENCE);
        }
        if busy_changed {
            self.house.agents_changed(&record.tenant);
        }
        if !matches!(record.state, State::Created)
            && let Some(settled) = self.birth.settled.take()
        {
            // Whoever placed the call may have gone.
            let _ = settled.send(record);
        }
        Ok(())
    }

    async fn write(&self, commit: &Commit) -> Result<Vec<offhook_core::event::Logged>, Stop> {
        let mut waits = COMMIT_RETRIES.iter();
        let mut in_doubt = false;
        loop {
            match self.house.ports.calls.commit(commit).await {
                Ok(logged) => return Ok(logged),
                Err(fault @ StoreFault::Unavailable(_)) => {
                    in_doubt = true;
                    let Some(wait) = waits.next() else { return Err(Stop::Store(fault)) };
                    tokio::select! {
                        () = sleep(*wait) => {}
                        () = self.house.stopping.cancelled() => return Err(Stop::Store(fault)),
                    }
                }
                // Only this task writes this call: what was in the way is the try before.
                Err(StoreFault::Conflict) if in_doubt && self.has_landed(&commit.record).await => {
                    self.house.catch_up_later(&commit.record.tenant);
                    return Ok(Vec::new());
                }
                Err(fault) => return Err(Stop::Store(fault)),
            }
        }
    }

    /// Whether a write whose end was not heard is on the disk.
    async fn has_landed(&self, record: &CallRecord) -> bool {
        let stored = self.house.ports.calls.find(&record.id).await;
        stored.is_ok_and(|stored| {
            stored.is_some_and(|stored| {
                (stored.version, stored.updated_at, stored.state)
                    == (record.version, record.updated_at, record.state)
            })
        })
    }

    fn ask(&self, ask: Ask) -> Asked {
        let (house, number, id) = (self.house.clone(), self.number.clone(), self.call.record().id.clone());
        Box::pin(async move {
            let asking = async {
                match &ask {
                    Ask::Connect { to, .. } => house.connect(&id, &number, to, &ask).await,
                    Ask::PreAccept { .. }
                    | Ask::Accept { .. }
                    | Ask::Reject { .. }
                    | Ask::Terminate { .. } => house.ports.asker.ask(&number, &ask).await,
                }
            };
            let reply = timeout(ASK_WITHIN, asking).await.unwrap_or(Err(Fault::Unclear));
            match ask {
                Ask::Connect { .. } => Input::ConnectReply(reply),
                Ask::PreAccept { .. } => Input::PreAcceptReply(reply),
                Ask::Accept { .. } => Input::AcceptReply(reply),
                Ask::Reject { .. } | Ask::Terminate { .. } => Input::EndReply(reply),
            }
        })
    }
}

/// Takes the call off the registry however its task ends, so that nobody waits for a task that is gone.
struct Leaving {
    house: Arc<Inner>,
    id: CallId,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.house.registry.remove(&self.id);
    }
}

/// Who cannot be rung because of this call.
fn busy(record: &CallRecord) -> Vec<&UserId> {
    record.people().filter(|_| record.state.holds_owner()).collect()
}

/// One line and one count per lifecycle step.
fn note(record: &CallRecord, was_over: bool) {
    let reason = record.end_reason.map_or("", |reason| reason.as_str());
    tracing::info!(
        call.id = %record.id,
        call.direction = ?record.direction,
        call.state = record.state.as_str(),
        call.end_reason = reason,
        call.version = record.version,
        "call is {}", record.state.as_str(),
    );
    if record.state.is_over() && !was_over {
        metrics::counter!("offhook_calls_ended_total", "state" => record.state.as_str(), "reason" => reason)
            .increment(1);
        record.facts.quality.iter().for_each(count_leg);
    }
}

/// How a leg of a finished call went.
fn count_leg(leg: &LegRecord) {
    let side = if leg.agent.is_some() { "agent" } else { "customer" };
    let quality = &leg.quality;
    let seconds = |millis: f32| f64::from(millis) / 1000.0;
    if let Some(mos) = quality.mos {
        metrics::histogram!("offhook_leg_mos", "side" => side).record(mos);
    }
    metrics::histogram!("offhook_leg_loss_ratio", "side" => side).record(quality.loss_in);
    metrics::histogram!("offhook_leg_jitter_seconds", "side" => side).record(seconds(quality.jitter_ms));
    if let Some(rtt) = quality.rtt_ms {
        metrics::histogram!("offhook_leg_round_trip_seconds", "side" => side).record(seconds(rtt));
    }
    if let Some(first) = quality.first_audio_ms {
        let first = f64::from(first) / 1000.0;
        metrics::histogram!("offhook_leg_first_audio_seconds", "side" => side).record(first);
    }
}
