//! Every voice bot of the house: orders in, sessions out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use offhook_core::call::table::{BotEnd, BotUrl};
use offhook_core::call::{BotAsk, Refusal, Wish};
use offhook_core::id::{CallId, StreamId, TenantId};
use offhook_core::ports::{Clock, Ids, Numbers};
use offhook_core::time::Time;
use offhook_engine::{Engine, EngineError};
use offhook_hooks::guard::{Guard, Unfit};
use offhook_media::{BotOrder, Switchboard};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::dial::dial;
use crate::session::{Control, Ending, Session, turn_away};
use crate::token::{Guest, INVITED_FOR, Tokens};
use crate::wire::Wire;

/// Most bots at the same time. Coding the sound of one costs at most what the mixer measures for a voice, about half a
/// hundredth of a core; more than one core of it would be heard.
const MOST_BOTS: usize = 200;

/// Changes of a bot's place that it has not been told of.
const CONTROLS: usize = 32;

/// How long a bot that connects to us waits for its place: an announcement may have to end first.
const SEATED_WITHIN: Duration = Duration::from_secs(30);

/// What the bots need from the house.
pub struct BotPorts {
    /// For their wishes.
    pub engine: Engine,
    /// For their lines.
    pub board: Arc<Switchboard>,
    /// For the number they are called at.
    pub numbers: Arc<dyn Numbers>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub ids: Arc<dyn Ids>,
}

/// The bots. Cheap to clone.
#[derive(Clone)]
pub struct Bots {
    inner: Arc<Inner>,
}

struct Inner {
    ports: BotPorts,
    guard: Guard,
    tokens: Tokens,
    sessions: Mutex<HashMap<StreamId, mpsc::Sender<Control>>>,
    tasks: TaskTracker,
}

impl Bots {
    /// Bots whose addresses this guard judges. `secret` is what their tokens are signed with.
    #[must_use]
    pub fn new(ports: BotPorts, guard: Guard, secret: &[u8; 32]) -> Self {
        let (sessions, tasks) = (Mutex::default(), TaskTracker::new());
        Self { inner: Arc::new(Inner { ports, guard, tokens: Tokens::new(secret), sessions, tasks }) }
    }

    /// Carries orders out until there are no more or it is `quiet`, then waits for the goodbyes.
    pub async fn run(self, mut orders: mpsc::Receiver<BotOrder>, quiet: CancellationToken) {
        loop {
            let order = tokio::select! {
                biased;
                order = orders.recv() => order,
                () = quiet.cancelled() => None,
            };
            match order {
                Some(BotOrder::Ask { call, ask }) => self.ask(call, ask),
                Some(BotOrder::Over { id, why }) => {
                    if let Some(session) = self.sessions().remove(&id) {
                        // One that has not looked for so long ends with its line.
                        let _ = session.try_send(Control::Over(why));
                    }
                }
                None => break,
            }
        }
        self.sessions().clear();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
    }

    /// Judges the text of a bot's address.
    ///
    /// # Errors
    /// Why it is not connected to, for whoever named it.
    pub fn judge(&self, text: &str) -> Result<BotUrl, Unfit> {
        self.inner.guard.parse_socket(text)?;
        BotUrl::new(text).ok_or(Unfit::Scheme("wss"))
    }

    /// The secret a company's bots check our tokens with.
    #[must_use]
    pub fn secret(&self, tenant: &TenantId) -> String {
        self.inner.tokens.secret(tenant)
    }

    /// Lets one bot connect to a call for a while.
    #[must_use]
    pub fn invite(&self, guest: &Guest) -> (String, Time) {
        let expires = self.inner.ports.clock.now() + INVITED_FOR;
        (self.inner.tokens.invite(guest, expires), expires)
    }

    /// A bot that is to connect to a call.
    #[must_use]
    pub fn guest(&self, tenant: &TenantId, call: &CallId, takes_over: bool) -> Guest {
        let stream = StreamId::from_uuid(self.inner.ports.ids.next());
        Guest { tenant: tenant.clone(), call: call.clone(), stream, takes_over }
    }

    /// Whom an invitation's text lets in now, if anybody.
    #[must_use]
    pub fn admit(&self, text: &str) -> Option<Guest> {
        self.inner.tokens.admit(text, self.inner.ports.clock.now())
    }

    /// Gives a bot that has connected to us its place in the call, and carries it until one side is done.
    pub async fn receive(&self, guest: Guest, wire: Wire) {
        let Guest { tenant, call, stream, takes_over } = guest;
        let (send, mut control) = mpsc::channel(CONTROLS);
        if let Err(refusal) = self.expect(&stream, send) {
            return turn_away(wire, refusal.code(), refusal.to_string()).await;
        }
        let _leaving = Leaving { bots: self.clone(), id: stream.clone() };
        let wish = Wish::Bot { id: stream.clone(), url: None, takes_over };
        if let Err(why) = self.inner.ports.engine.arrange(&tenant, &call, None, wish).await {
            let code = match &why {
                EngineError::Refused(refusal) => refusal.code(),
                _ => "unavailable",
            };
            return turn_away(wire, code, why.to_string()).await;
        }
        match timeout(SEATED_WITHIN, control.recv()).await {
            Ok(Some(Control::Wanted { .. })) => self.talk(&tenant, &call, &stream, wire, control).await,
            Ok(Some(Control::Over(_)) | None) => {}
            Err(_) => self.inner.ports.board.unplug(&call, &stream, BotEnd::Unreachable),
        }
    }

    /// Makes room for one more, if there is any.
    fn expect(&self, id: &StreamId, control: mpsc::Sender<Control>) -> Result<(), Refusal> {
        let mut sessions = self.sessions();
        if sessions.contains_key(id) {
            return Err(Refusal::BotThere);
        }
        if sessions.len() >= MOST_BOTS {
            return Err(Refusal::CallFull);
        }
        sessions.insert(id.clone(), control);
        Ok(())
    }

    fn ask(&self, call: CallId, ask: BotAsk) {
        let mut sessions = self.sessions();
        if let Some(session) = sessions.get(&ask.id) {
            if session.try_send(Control::Wanted { seeking: ask.seeking }).is_err() {
                tracing::warn!(stream.id = %ask.id, "a voice bot was not told of a change");
            }
            return;
        }
        let Some(url) = ask.url.clone() else {
            drop(sessions);
            // It connected, and has gone again.
            return self.inner.ports.board.unplug(&call, &ask.id, BotEnd::Left);
        };
        if sessions.len() >= MOST_BOTS {
            drop(sessions);
            tracing::warn!(call.id = %call, stream.id = %ask.id, "no room for another voice bot");
            return self.inner.ports.board.unplug(&call, &ask.id, BotEnd::NoCapacity);
        }
        let (send, control) = mpsc::channel(CONTROLS);
        sessions.insert(ask.id.clone(), send);
        drop(sessions);
        let bots = self.clone();
        self.inner.tasks.spawn(async move {
            let _leaving = Leaving { bots: bots.clone(), id: ask.id.clone() };
            bots.connect(&call, &ask, &url, control).await;
        });
    }

    async fn connect(&self, call: &CallId, ask: &BotAsk, url: &BotUrl, mut control: mpsc::Receiver<Control>) {
        let ports = &self.inner.ports;
        let token = self.inner.tokens.show(&ask.tenant, call, &ask.id, ports.clock.now());
        let over = async {
            // Whatever it is told before it is there, it is told by the session's beginning.
            while let Some(Control::Wanted { .. }) = control.recv().await {}
        };
        let dialled = tokio::select! {
            dialled = dial(&self.inner.guard, url, &token) => dialled,
            () = over => return,
        };
        match dialled {
            Ok(wire) => self.talk(&ask.tenant, call, &ask.id, wire, control).await,
            Err(why) => {
                metrics::counter!("offhook_bot_sessions_total", "end" => why.as_str()).increment(1);
                tracing::warn!(call.id = %call, stream.id = %ask.id, bot.end = why.as_str(), "voice bot is not there");
                ports.board.unplug(call, &ask.id, why);
            }
        }
    }

    /// Plugs a connected bot in and carries it.
    async fn talk(
        &self,
        tenant: &TenantId,
        call: &CallId,
        id: &StreamId,
        wire: Wire,
        control: mpsc::Receiver<Control>,
    ) {
        let ports = &self.inner.ports;
        let Ok(Some(record)) = ports.engine.load(tenant, call).await else {
            return ports.board.unplug(call, id, BotEnd::NoCapacity);
        };
        let number = ports.numbers.load(tenant, &record.number).await.ok().flatten();
        let owner = record.facts.table.bot.as_ref().is_some_and(|bot| bot.id == *id && bot.owns);
        let mut session = Session::new(ports.engine.clone(), record, id.clone(), wire, control);
        session.greet(number.as_ref().map(|number| &number.phone), owner);
        let ending = match ports.board.plug(call, id) {
            Ok(line) => {
                tracing::info!(call.id = %call, stream.id = %id, "voice bot is there");
                metrics::gauge!("offhook_bot_sessions").increment(1);
                let ending = session.talk(line).await;
                metrics::gauge!("offhook_bot_sessions").decrement(1);
                ending
            }
            // The call has ended or changed its mind meanwhile.
            Err(_) => Ending::Over(BotEnd::Removed),
        };
        // Before the goodbye: the customer is not to wait for it.
        if let Some(why) = ending.lost() {
            ports.board.unplug(call, id, why);
        }
        metrics::counter!("offhook_bot_sessions_total", "end" => ending.word()).increment(1);
        tracing::info!(call.id = %call, stream.id = %id, bot.end = ending.word(), "voice bot has left");
        session.farewell(ending).await;
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<StreamId, mpsc::Sender<Control>>> {
        self.inner.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes a bot off the list however its session ends.
struct Leaving {
    bots: Bots,
    id: StreamId,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.bots.sessions().remove(&self.id);
    }
}
