//! One agent's connection: a single task that listens, carries out, and tells.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use offhook_core::call::{CallRecord, Voice};
use offhook_core::event::{Announced, CallEvent, Event, Logged};
use offhook_core::house::{Person, Presence};
use offhook_core::id::{CallId, UserId};
use offhook_core::ports::StoreFault;
use offhook_engine::QualityNews;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::{Instant, Interval, interval_at, sleep_until};

use super::arrange;
use super::casting::cast;
use super::commands::{self, Ask, Heard};
use super::greeting::{Member, greet};
use super::protocol::ServerMessage;
use super::sockets::{Counted, Seat};
use super::view::{self, Concern};
use super::wire::{Farewell, Socket, Wire};
use super::words;
use crate::house::{House, Shared};
use crate::manners::trace::Trace;
use crate::manners::{moment, session};

/// Commands that may wait for their turn. A person has one or two; the flood limit lets 200 arrive at once.
const WAITING: usize = 256;

/// Commands that may wait for WhatsApp.
const SLOW: usize = 8;

/// Log entries read at a time for a client that comes back.
const REPLAY_BATCH: u32 = 500;

/// How often it is asked whether rights of the tenant have changed. The answer is read once for all its sockets;
/// with its own age, whoever loses a right loses their socket within five seconds.
const RIGHTS: Duration = Duration::from_secs(3);

/// Every so many times the person is looked up in any case: sessions and keys also end by themselves.
const LOOKS: u32 = 10;

/// Serves a socket until it closes.
pub(super) async fn serve<S: Socket>(house: Shared, socket: S, seat: Seat, trace: Trace) {
    trace.follow(talk_until_closed(house, socket, seat)).await;
}

async fn talk_until_closed<S: Socket>(house: Shared, socket: S, mut seat: Seat) {
    let stranger = seat.stranger.take();
    metrics::counter!("offhook_agent_sockets_opened_total").increment(1);
    let mut wire = Wire::new(socket);
    let farewell = tokio::select! {
        biased;
        () = seat.leaving.cancelled() => Farewell::shutdown(),
        farewell = talk(&house, &mut wire, stranger) => farewell,
    };
    metrics::counter!("offhook_agent_sockets_closed_total", "why" => farewell.word).increment(1);
    tokio::select! {
        () = wire.close(farewell) => {}
        () = seat.closed.cancelled() => {}
    }
}

async fn talk<S: Socket>(house: &Shared, wire: &mut Wire<S>, stranger: Option<Counted<IpAddr>>) -> Farewell {
    let member = match greet(house, wire).await {
        Ok(member) => member,
        Err(farewell) => return farewell,
    };
    drop(stranger);
    let me = member.me.id.clone();
    tracing::info!(agent.id = %me, resumed = member.replay.is_some(), "agent connected");
    let mut conversation = Conversation {
        house: house.clone(),
        member,
        lane: None,
        waiting: VecDeque::new(),
        slow: FuturesUnordered::new(),
        quality: house.engine.listen_quality(),
        rights: interval_at(Instant::now() + RIGHTS, RIGHTS),
        looks: 0,
        asked: false,
    };
    let farewell = match conversation.run(wire).await {
        Ok(never) => match never {},
        Err(farewell) => farewell,
    };
    tracing::info!(agent.id = %me, why = farewell.word, "agent disconnected");
    farewell
}

enum Never {}

type Replying = BoxFuture<'static, ServerMessage>;

struct Conversation {
    house: Shared,
    member: Member,
    /// The command being carried out. Events wait for it, so that a reply precedes what it caused.
    lane: Option<Replying>,
    /// Commands that came after it, in their order.
    waiting: VecDeque<Ask>,
    slow: FuturesUnordered<Replying>,
    /// How the legs of live calls go.
    quality: broadcast::Receiver<Arc<QualityNews>>,
    /// When to look again whether the person may take calls.
    rights: Interval,
    /// How often it was.
    looks: u32,
    /// Whether they asked for something since.
    asked: bool,
}

impl Conversation {
    async fn run<S: Socket>(&mut self, wire: &mut Wire<S>) -> Result<Never, Farewell> {
        loop {
            self.replay(wire).await?;
            if self.lane.is_none()
                && let Some(ask) = self.waiting.pop_front()
            {
                self.lane = Some(self.start(ask));
            }
            let idle = self.lane.is_none();
            let caught_up = self.member.replay.is_none();
            tokio::select! {
                biased;
                turn = wire.turn(!caught_up) => {
                    if let Some(text) = turn? {
                        self.heard(&text, wire)?;
                    }
                }
                reply = carried_out(&mut self.lane) => {
                    wire.say(&reply)?;
                    self.catch_up(wire).await?;
                }
                _ = self.rights.tick() => self.look_again().await?,
                () = due(self.member.renew_ice_at) => self.renew_ice(wire)?,
                Some(reply) = self.slow.next(), if !self.slow.is_empty() => wire.say(&reply)?,
                news = self.quality.recv(), if caught_up => self.how_it_goes(news, wire)?,
                event = self.member.events.recv(), if idle && caught_up => match event {
                    Ok(event) => self.tell(event, wire).await?,
                    Err(RecvError::Lagged(_)) => return Err(Farewell::slow()),
                    Err(RecvError::Closed) => return Err(Farewell::internal()),
                },
            }
        }
    }

    /// The person as they are now: rights may have been taken since the hello. A database that cannot be read
    /// takes none.
    async fn look_again(&mut self) -> Result<(), Farewell> {
        let (house, member) = (&self.house, &mut self.member);
        self.looks += 1;
        let looked = async {
            let version = house.rights.version(&member.me.tenant).await?;
            if version == member.rights && !self.looks.is_multiple_of(LOOKS) {
                return Ok(None);
            }
            let at_work = std::mem::take(&mut self.asked) || is_at_work(house, &member.me);
            let person = session::standing(house, &member.me, member.by.as_ref(), at_work).await?;
            Ok(Some((version, person)))
        };
        match looked.await {
            Ok(None) => Ok(()),
            Ok(Some((version, Some(person)))) if person.role.may_call() => {
                member.rights = version;
                member.me = Arc::new(person);
                Ok(())
            }
            Ok(Some(_)) => Err(Farewell::revoked()),
            Err::<_, StoreFault>(fault) => {
                tracing::warn!(agent.id = %member.me.id, error = %fault, "an agent's rights cannot be read");
                Ok(())
            }
        }
    }

    fn heard<S: Socket>(&mut self, text: &str, wire: &mut Wire<S>) -> Result<(), Farewell> {
        let refuse = |id: String, error| ServerMessage::Error { id: Some(id), error };
        match commands::read(text) {
            Heard::Ping { id } => wire.say(&ServerMessage::Pong { id }),
            Heard::Senseless { id, error } => wire.say(&refuse(id, error)),
            Heard::Foreign(why) => Err(Farewell::protocol(why)),
            Heard::Command(ask) if self.waiting.len() < WAITING => {
                self.asked = true;
                self.waiting.push_back(ask);
                Ok(())
            }
            Heard::Slow(ask) if self.slow.len() < SLOW => {
                let replying = self.start(ask);
                self.slow.push(replying);
                Ok(())
            }
            Heard::Command(ask) | Heard::Slow(ask) => wire.say(&refuse(ask.id, words::too_many_commands())),
        }
    }

    /// Credentials for the calls of the next hours. A page that stays open outlives those of its welcome.
    fn renew_ice<S: Socket>(&mut self, wire: &mut Wire<S>) -> Result<(), Farewell> {
        let ice = self.house.ports.ice_servers.offer(&self.member.me.id, self.house.now());
        self.member.renew_ice_at = ice.renew_after().map(|after| Instant::now() + after);
        wire.say(&ServerMessage::IceServers { ice_servers: ice.servers })
    }

    fn start(&self, ask: Ask) -> Replying {
        let (house, me) = (self.house.clone(), self.member.me.clone());
        Box::pin(async move { commands::carry_out(&house, &me, ask).await })
    }

    /// Tells what happened meanwhile, before the next command has its turn.
    async fn catch_up<S: Socket>(&mut self, wire: &mut Wire<S>) -> Result<(), Farewell> {
        while self.member.replay.is_none() && wire.has_room() {
            match self.member.events.try_recv() {
                Ok(event) => self.tell(event, wire).await?,
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Lagged(_)) => return Err(Farewell::slow()),
                Err(TryRecvError::Closed) => return Err(Farewell::internal()),
            }
        }
        Ok(())
    }

    async fn tell<S: Socket>(&mut self, event: Announced, wire: &mut Wire<S>) -> Result<(), Farewell> {
        let Announced { logged, record } = event;
        match self.render(&logged, record).await.map_err(unreadable)? {
            Some(message) => wire.say(&message),
            None => Ok(()),
        }
    }

    /// How a call of this agent's goes. What a slow client misses is told anew in a few seconds.
    fn how_it_goes<S: Socket>(
        &self,
        news: Result<Arc<QualityNews>, RecvError>,
        wire: &mut Wire<S>,
    ) -> Result<(), Farewell> {
        let Ok(news) = news else { return Ok(()) };
        if news.tenant != self.member.me.tenant
            || !news.people.contains(&self.member.me.id)
            || !wire.has_room()
        {
            return Ok(());
        }
        let agent_id = match &news.whose {
            Voice::Customer => None,
            Voice::Agent(agent) => Some(agent.as_str().to_owned()),
            // Its socket has none of what is measured.
            Voice::Bot(_) => return Ok(()),
        };
        let call_id = news.call.as_str().to_owned();
        wire.say(&ServerMessage::Quality { call_id, agent_id, quality: arrange::quality(&news.quality) })
    }

    /// Tells again what was missed, as fast as the client reads.
    async fn replay<S: Socket>(&mut self, wire: &mut Wire<S>) -> Result<(), Farewell> {
        while wire.has_room() {
            let Some(replay) = &mut self.member.replay else { return Ok(()) };
            let Some(logged) = replay.ready.pop_front() else {
                self.read_on().await.map_err(unreadable)?;
                continue;
            };
            replay.after = logged.seq;
            if let Some(message) = self.render(&logged, None).await.map_err(unreadable)? {
                wire.say(&message)?;
            }
        }
        let late = self.member.replay.as_ref().is_some_and(|replay| replay.deadline < Instant::now());
        if late { Err(Farewell::slow()) } else { Ok(()) }
    }

    async fn read_on(&mut self) -> Result<(), StoreFault> {
        let Some(replay) = &mut self.member.replay else { return Ok(()) };
        let batch = self.house.ports.events.after(&self.member.me.tenant, replay.after, REPLAY_BATCH).await?;
        replay.ready.extend(batch.into_iter().filter(|logged| logged.seq <= replay.until));
        if replay.ready.is_empty() {
            self.member.replay = None;
            self.member.shown.retain(|_, record| !record.state.is_over());
        }
        Ok(())
    }

    /// An event in this agent's words; none when it is not theirs.
    async fn render(
        &mut self,
        logged: &Logged,
        record: Option<Arc<CallRecord>>,
    ) -> Result<Option<ServerMessage>, StoreFault> {
        let me = self.member.me.clone();
        let record = match view::concern(&logged.event, &me.id) {
            Concern::None => return Ok(None),
            Concern::Plain => None,
            Concern::Call(id) => {
                let Some(newest) = self.newest(id, record.clone()).await? else { return Ok(None) };
                let as_announced = record.is_some_and(|record| record.version == newest.version);
                // A ring that is told late may have stopped since.
                if !as_announced && is_ring(&logged.event) && !self.rings(id, &me.id) {
                    return Ok(None);
                }
                Some(newest)
            }
        };
        let cast = cast(&self.house.directory, &me.tenant, record.as_deref(), taker(&logged.event)).await?;
        let event = view::event(&logged.event, record.as_deref(), &cast, &me.id);
        let (seq, at) = (logged.seq, moment::precise(logged.at));
        Ok(event.map(|event| ServerMessage::Event { seq, at, event }))
    }

    /// The newest record known of a call: the one that came with the event, unless a newer was shown already.
    async fn newest(
        &mut self,
        id: &CallId,
        announced: Option<Arc<CallRecord>>,
    ) -> Result<Option<Arc<CallRecord>>, StoreFault> {
        let shown = self.member.shown.get(id).cloned();
        match (announced, shown) {
            (Some(announced), Some(shown)) if shown.version > announced.version => Ok(Some(shown)),
            (Some(announced), _) => {
                self.member.shown.remove(id);
                Ok(Some(announced))
            }
            (None, Some(shown)) if self.member.replay.is_some() => Ok(Some(shown)),
            (None, _) => {
                let record = self.house.engine.load(&self.member.me.tenant, id).await?;
                self.member.shown.extend(record.clone().map(|record| (id.clone(), record)));
                Ok(record)
            }
        }
    }

    fn rings(&self, id: &CallId, me: &UserId) -> bool {
        self.house.engine.ringing(&self.member.me.tenant, me).iter().any(|call| call.id == *id)
    }
}

/// Whether somebody can be called or is in a call: their session is in use though they press nothing.
fn is_at_work(house: &House, me: &Person) -> bool {
    let presence = house.engine.presence(&me.id).unwrap_or(me.presence);
    presence == Presence::Available || !house.engine.owned(&me.tenant, &me.id).is_empty()
}

/// The reply of the command in the lane; waits for ever while there is none.
async fn carried_out(lane: &mut Option<Replying>) -> ServerMessage {
    match lane {
        Some(replying) => {
            let reply = replying.await;
            *lane = None;
            reply
        }
        None => std::future::pending().await,
    }
}

/// Waits for a moment that may never come.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

const fn is_ring(event: &Event) -> bool {
    matches!(event, Event::Call { what: CallEvent::Rang { .. }, .. })
}

/// The person an event names besides the call's owner.
const fn taker(event: &Event) -> Option<&UserId> {
    match event {
        Event::Call { what: CallEvent::Silenced { by, .. }, .. } => by.as_ref(),
        Event::Call { .. }
        | Event::Permission { .. }
        | Event::Presence { .. }
        | Event::Contact { .. }
        | Event::Import { .. }
        | Event::Erased
        | Event::Recording { .. }
        | Event::Knock { .. }
        | Event::Hook { .. } => None,
    }
}

/// An event that cannot be rendered is not left out: the client comes back and resumes before it.
fn unreadable(fault: StoreFault) -> Farewell {
    tracing::error!(error = %fault, "an agent's events cannot be read");
    Farewell::internal()
}
