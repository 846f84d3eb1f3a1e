//! Hello and welcome: who connects, what they see first, and what they missed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use offhook_core::call::CallRecord;
use offhook_core::event::{Announced, Logged};
use offhook_core::house::Person;
use offhook_core::id::{CallId, UserId};
use offhook_core::ports::{Opener, StoreFault, Ticket};
use offhook_engine::Connected;
use tokio::sync::broadcast;
use tokio::time::{Instant, timeout};

use super::casting::cast;
use super::protocol::{AgentRef, ClientMessage, ServerMessage, Snapshot};
use super::sockets::Counted;
use super::view;
use super::wire::{Farewell, Socket, Wire};
use super::words;
use crate::house::House;
use crate::manners::session;

/// How long a fresh connection may be silent.
pub(super) const HELLO: Duration = Duration::from_secs(5);

/// How often clients should ping; the third lost one in a row ends the connection.
const HEARTBEAT_MS: u32 = 25_000;

/// Events told again after a drop. A busy tenant writes some ten a second: this is several minutes' worth.
/// Past it, the snapshot alone is quicker and as true.
const REPLAY: u64 = 5_000;

/// How long telling them again may take a client.
const REPLAY_TIME: Duration = Duration::from_secs(30);

const LONGEST_DEVICE_ID: usize = 128;
const LONGEST_TOKEN: usize = 512;

/// A connected agent.
pub(super) struct Member {
    pub(super) me: Arc<Person>,
    /// What their ticket was given for.
    pub(super) by: Option<Opener>,
    /// The count of changes to rights when they were last looked up.
    pub(super) rights: u64,
    /// Counts this connection among the person's; they are rung while there is one.
    pub(super) _connected: Connected,
    /// The same for the limit of connections.
    pub(super) _place: Counted<UserId>,
    pub(super) events: broadcast::Receiver<Announced>,
    pub(super) replay: Option<Replay>,
    /// Calls as they were shown. An older event must not show an older state.
    pub(super) shown: HashMap<CallId, Arc<CallRecord>>,
    /// When its TURN credentials want replacing, if ever.
    pub(super) renew_ice_at: Option<Instant>,
}

/// Somebody who was let in.
struct Admitted {
    me: Person,
    by: Option<Opener>,
    rights: u64,
    place: Counted<UserId>,
}

/// Events to be told again.
pub(super) struct Replay {
    /// The last place told.
    pub(super) after: u64,
    /// The last place to tell.
    pub(super) until: u64,
    pub(super) ready: VecDeque<Logged>,
    pub(super) deadline: Instant,
}

/// Takes the hello, checks the ticket, and says welcome.
pub(super) async fn greet<S: Socket>(house: &House, wire: &mut Wire<S>) -> Result<Member, Farewell> {
    let hello = timeout(HELLO, wire.hear()).await;
    let hello = hello.map_err(|_| Farewell::protocol("say hello within five seconds"))??;
    let Ok(ClientMessage::Hello { token, device_id, resume_after }) = serde_json::from_str(&hello) else {
        return Err(Farewell::protocol("the first message must be a hello"));
    };
    if device_id.is_empty() || device_id.len() > LONGEST_DEVICE_ID {
        return Err(Farewell::protocol("device_id has 1 to 128 bytes"));
    }
    // Counted before the person is read: what changes between the two is looked at again.
    let (me, by, rights) = admit(house, &token).await?;
    let place = house.sockets.of_person(&me.id).ok_or_else(Farewell::crowd)?;
    let admitted = Admitted { me, by, rights, place };
    welcome(house, wire, admitted, resume_after).await
}

/// The person behind a ticket, with the rights they have now.
async fn admit(house: &House, token: &str) -> Result<(Person, Option<Opener>, u64), Farewell> {
    let unknown = || {
        let remedy = Some("Fetch a new ticket and connect again.");
        Farewell::unauthorized(words::error(
            "unauthorized",
            "The ticket is unknown, used or expired.",
            remedy,
        ))
    };
    if token.len() > LONGEST_TOKEN {
        return Err(unknown());
    }
    let taken = house.ports.sessions.take_ticket(token, house.now()).await.map_err(failed)?;
    let Some(Ticket { person, by, .. }) = taken else {
        house.audit.stranger_once(None, "socket.refused", None).await.map_err(failed)?;
        return Err(unknown());
    };
    let rights = house.ports.sessions.rights_version(&person.tenant).await.map_err(failed)?;
    let now = session::standing(house, &person, by.as_ref(), true).await.map_err(failed)?;
    let person = now.ok_or_else(unknown)?;
    if !person.role.may_call() {
        let remedy = Some("Ask an administrator for the role of an agent.");
        return Err(Farewell::unauthorized(words::error(
            "forbidden",
            "Your role does not take calls.",
            remedy,
        )));
    }
    Ok((person, by, rights))
}

async fn welcome<S: Socket>(
    house: &House,
    wire: &mut Wire<S>,
    admitted: Admitted,
    resume_after: Option<u64>,
) -> Result<Member, Farewell> {
    let Admitted { me, by, rights, place } = admitted;
    // First the stream, then the snapshot: what happens between the two is in both, never in neither.
    let (events, head) = house.engine.subscribe(&me.tenant).await.map_err(failed)?;
    let connected = house.engine.connected(&me);
    let (snapshot, shown) = snapshot(house, &me).await.map_err(failed)?;
    let ice = house.ports.ice_servers.offer(&me.id, house.now());
    let renew_ice_at = ice.renew_after().map(|after| Instant::now() + after);
    let replay = resume_after.filter(|after| *after <= head && head - *after <= REPLAY);
    let welcome = ServerMessage::Welcome {
        agent: AgentRef { id: me.id.as_str().to_owned(), name: me.name.clone() },
        seq: head,
        resumed: replay.is_some(),
        heartbeat_ms: HEARTBEAT_MS,
        ice_servers: ice.servers,
        snapshot,
    };
    wire.say(&welcome)?;
    let replay = replay.map(|after| Replay {
        after,
        until: head,
        ready: VecDeque::new(),
        deadline: Instant::now() + REPLAY_TIME,
    });
    let me = Arc::new(me);
    Ok(Member { me, by, rights, _connected: connected, _place: place, events, replay, shown, renew_ice_at })
}

type Shown = HashMap<CallId, Arc<CallRecord>>;

async fn snapshot(house: &House, me: &Person) -> Result<(Snapshot, Shown), StoreFault> {
    let mut ringing = house.engine.ringing(&me.tenant, &me.id);
    let mut owned = house.engine.owned(&me.tenant, &me.id);
    ringing.sort_by(|a, b| a.id.cmp(&b.id));
    owned.sort_by(|a, b| a.id.cmp(&b.id));
    let numbers = house.directory.numbers_now(&me.tenant).await?;
    let parked = house.engine.parked(&me.tenant);
    let all = ringing.iter().chain(&owned).chain(&parked);
    let cast = cast(&house.directory, &me.tenant, all.clone().map(Arc::as_ref), [&me.id]).await?;
    let snapshot = Snapshot {
        presence: view::presence(house.engine.presence(&me.id).unwrap_or(me.presence)),
        numbers: numbers.iter().map(view::number).collect(),
        ringing: ringing.iter().filter_map(|call| view::ringing(call, &cast)).collect(),
        calls: owned.iter().map(|call| view::owned(call, &cast)).collect(),
        parked: parked.iter().map(|call| view::call(call, &cast)).collect(),
    };
    let shown = all.map(|call| (call.id.clone(), call.clone())).collect();
    Ok((snapshot, shown))
}

fn failed(fault: StoreFault) -> Farewell {
    tracing::error!(error = %fault, "an agent could not be let in");
    Farewell::internal()
}
