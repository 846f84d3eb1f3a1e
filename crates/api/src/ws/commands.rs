//! What agents ask, and the one reply to each.

use std::sync::Arc;
use std::time::Duration;

use offhook_core::audit::Object;
use offhook_core::call::{CallRecord, Command, Refusal, Wish};
use offhook_core::house::{BusinessNumber, MediaMode, Person};
use offhook_core::id::{CallId, RecordingId};
use offhook_core::meta::Extras;
use offhook_core::phone::Phone;
use offhook_core::ports::PermissionAsk;
use offhook_core::sdp::Sdp;
use offhook_engine::{EngineError, PlaceRequest};
use offhook_whatsapp::sdp;
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::casting::cast;
use super::protocol::{CallView, ClientMessage, ErrorView, PermissionView, ServerMessage};
use super::view;
use super::words;
use super::{arrange, reach, supervise};
use crate::house::House;
use crate::manners::body::{self, JsonFault};
use crate::manners::emergency;
use crate::manners::limits::Operation;
use crate::manners::principal::Principal;

const LONGEST_ID: usize = 128;

/// Commands this server knows: the shapes of others are not looked at.
const COMMANDS: [&str; 18] = [
    "presence.set",
    "call.place",
    "call.accept",
    "call.attach",
    "call.restart",
    "call.candidate",
    "call.arrange",
    "call.leave",
    "call.retrieve",
    "call.supervise",
    "call.take_over",
    "colleagues.list",
    "call.hold",
    "call.resume",
    "call.decline",
    "call.hangup",
    "permission.request",
    "permission.read",
];

/// A message of a greeted client.
#[derive(Debug)]
pub(super) enum Heard {
    /// Heartbeat.
    Ping { id: String },
    /// To be carried out in the order of arrival.
    Command(Ask),
    /// Asks WhatsApp and may take ten seconds: carried out beside the others.
    Slow(Ask),
    /// A command that makes no sense: answered, and the conversation goes on.
    Senseless { id: String, error: ErrorView },
    /// Not this protocol: the conversation ends.
    Foreign(&'static str),
}

/// A command with the id its reply carries.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) id: String,
    message: ClientMessage,
}

#[derive(Deserialize)]
struct Outline {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
}

/// Reads a message.
pub(super) fn read(text: &str) -> Heard {
    match body::json::<ClientMessage>(text.as_bytes()) {
        Ok(message) => sort(message),
        Err(fault) => senseless(text, fault),
    }
}

fn sort(message: ClientMessage) -> Heard {
    let id = match &message {
        ClientMessage::Hello { .. } => return Heard::Foreign("hello was said already"),
        ClientMessage::SetPresence { id, .. }
        | ClientMessage::Place { id, .. }
        | ClientMessage::Accept { id, .. }
        | ClientMessage::Attach { id, .. }
        | ClientMessage::Restart { id, .. }
        | ClientMessage::Candidate { id, .. }
        | ClientMessage::Arrange { id, .. }
        | ClientMessage::Leave { id, .. }
        | ClientMessage::Retrieve { id, .. }
        | ClientMessage::Supervise { id, .. }
        | ClientMessage::TakeOver { id, .. }
        | ClientMessage::ListColleagues { id }
        | ClientMessage::Hold { id, .. }
        | ClientMessage::Resume { id, .. }
        | ClientMessage::Decline { id, .. }
        | ClientMessage::Hangup { id, .. }
        | ClientMessage::RequestPermission { id, .. }
        | ClientMessage::ReadPermission { id, .. }
        | ClientMessage::Ping { id } => id.clone(),
    };
    if !is_id(&id) {
        return Heard::Foreign("ids have 1 to 128 bytes");
    }
    match message {
        ClientMessage::Ping { id } => Heard::Ping { id },
        ClientMessage::RequestPermission { .. } | ClientMessage::ReadPermission { .. } => {
            Heard::Slow(Ask { id, message })
        }
        _ => Heard::Command(Ask { id, message }),
    }
}

fn senseless(text: &str, fault: JsonFault) -> Heard {
    let problem = match fault {
        JsonFault::Malformed(_) => return Heard::Foreign("send JSON"),
        JsonFault::Shape { path, problem } if path == "." => problem,
        JsonFault::Shape { path, problem } => format!("{path}: {problem}"),
    };
    match serde_json::from_str::<Outline>(text) {
        Ok(Outline { kind, id: Some(id) }) if COMMANDS.contains(&kind.as_str()) && is_id(&id) => {
            Heard::Senseless { id, error: words::error("invalid_message", problem, None) }
        }
        _ => Heard::Foreign("unknown message"),
    }
}

fn is_id(id: &str) -> bool {
    (1..=LONGEST_ID).contains(&id.len())
}

/// How long a command may take. The database has some eight seconds to come back, WhatsApp ten to answer.
const PATIENCE: Duration = Duration::from_secs(20);

pub(super) type Done = Result<Outcome, ErrorView>;

/// What a command led to.
#[derive(Default)]
pub(super) struct Outcome {
    record: Option<Arc<CallRecord>>,
    /// Our answer to the page's offer, of a bridged call.
    answer: Option<Sdp>,
}

impl From<Arc<CallRecord>> for Outcome {
    fn from(record: Arc<CallRecord>) -> Self {
        Self { record: Some(record), answer: None }
    }
}

impl From<(Arc<CallRecord>, Sdp)> for Outcome {
    fn from((record, answer): (Arc<CallRecord>, Sdp)) -> Self {
        Self { record: Some(record), answer: Some(answer) }
    }
}

/// Carries a command out and returns its reply.
pub(super) async fn carry_out(house: &House, me: &Person, ask: Ask) -> ServerMessage {
    let Ask { id, message } = ask;
    if let ClientMessage::ListColleagues { .. } = message {
        return match timeout(PATIENCE, supervise::colleagues(house, me)).await {
            Ok(Ok((colleagues, live))) => ServerMessage::Colleagues { id, colleagues, live },
            Ok(Err(error)) => ServerMessage::Error { id: Some(id), error },
            Err(_) => ServerMessage::Error { id: Some(id), error: words::late() },
        };
    }
    if let ClientMessage::ReadPermission { to, from_number_id, .. } = &message {
        let read = timeout(PATIENCE, permission(house, me, to, from_number_id.as_deref())).await;
        return match read.unwrap_or_else(|_| Err(words::late())) {
            Ok(permission) => ServerMessage::Permission { id, permission },
            Err(error) => ServerMessage::Error { id: Some(id), error },
        };
    }
    let viewed = timeout(PATIENCE, done(house, me, message)).await.unwrap_or_else(|_| Err(words::late()));
    match viewed {
        Ok((call, answer)) => {
            let sdp_answer = answer.map(|sdp| sdp.as_str().to_owned());
            ServerMessage::Ack { id, call, sdp_answer }
        }
        Err(error) => ServerMessage::Error { id: Some(id), error },
    }
}

async fn done(
    house: &House,
    me: &Person,
    message: ClientMessage,
) -> Result<(Option<CallView>, Option<Sdp>), ErrorView> {
    let outcome = match message {
        ClientMessage::SetPresence { status, .. } => {
            let set = house.engine.set_presence(me, view::said(status)).await;
            set.map(|()| Outcome::default()).map_err(|fault| words::unavailable(&fault))
        }
        ClientMessage::Place { to, from_number_id, sdp, .. } => {
            place(house, me, &to, from_number_id.as_deref(), &sdp).await
        }
        ClientMessage::Accept { call_id, sdp, .. } => accept(house, me, &call_id, &sdp).await,
        ClientMessage::Attach { call_id, sdp, .. } => attach(house, me, &call_id, &sdp).await,
        ClientMessage::Restart { call_id, sdp, .. } => reach::restart(house, me, &call_id, &sdp).await,
        ClientMessage::Candidate { call_id, ufrag, candidate, .. } => {
            reach::candidate(house, me, &call_id, &ufrag, &candidate).await
        }
        ClientMessage::Hold { call_id, .. } => arrange(house, me, &call_id, Wish::Hold(true)).await,
        ClientMessage::Resume { call_id, .. } => arrange(house, me, &call_id, Wish::Hold(false)).await,
        ClientMessage::Arrange { call_id, wish, .. } => {
            let recording = RecordingId::from_uuid(house.ports.ids.next());
            let wish = arrange::wish(wish, recording).map_err(|why| words::senseless(&why))?;
            arrange(house, me, &call_id, wish).await
        }
        ClientMessage::Leave { call_id, .. } => {
            command(house, me, &call_id, Command::Leave { agent: me.id.clone() }).await
        }
        ClientMessage::Retrieve { call_id, sdp, .. } => supervise::retrieve(house, me, &call_id, &sdp).await,
        ClientMessage::Supervise { call_id, how, sdp, .. } => {
            supervise::supervise(house, me, &call_id, how, sdp.as_deref()).await
        }
        ClientMessage::TakeOver { call_id, .. } => supervise::take_over(house, me, &call_id).await,
        ClientMessage::Decline { call_id, .. } => {
            command(house, me, &call_id, Command::Decline { agent: me.id.clone() }).await
        }
        ClientMessage::Hangup { call_id, .. } => {
            command(house, me, &call_id, Command::Hangup { by: Some(me.id.clone()) }).await
        }
        ClientMessage::RequestPermission { to, from_number_id, .. } => {
            ask_permission(house, me, &to, from_number_id.as_deref()).await
        }
        ClientMessage::Hello { .. }
        | ClientMessage::Ping { .. }
        | ClientMessage::ListColleagues { .. }
        | ClientMessage::ReadPermission { .. } => Ok(Outcome::default()),
    };
    let Outcome { record, answer } = outcome?;
    let Some(record) = record else { return Ok((None, answer)) };
    let cast = cast(&house.directory, &me.tenant, [record.as_ref()], []).await;
    let cast = cast.map_err(|fault| words::unavailable(&fault))?;
    Ok((Some(view::call(&record, &cast)), answer))
}

/// Writes a deed into the audit log. It is done already, so what cannot be written does not undo it.
async fn noted(house: &House, me: &Person, action: &str, object: Object, number: &BusinessNumber) {
    let from = json!({ "from_phone_number_id": number.meta_id.as_str() });
    let written = house.audit.record(&Principal::person(me.clone()), action, object, from).await;
    if let Err(fault) = written {
        tracing::error!(error = %fault, audit.action = action, "a deed is missing in the audit log");
    }
}

async fn place(house: &House, me: &Person, to: &str, from: Option<&str>, offer: &str) -> Done {
    let watched = house.audit.dialling(&Principal::person(me.clone()), Some(to)).await;
    watched.map_err(|fault| words::unavailable(&fault))?;
    let to = phone(to)?;
    let number = number(house, me, from).await?;
    let relayed = number.media_mode == MediaMode::Relay;
    let offer = if relayed { sdp::check_offer(offer) } else { sdp::check_page_offer(offer) };
    let offer = offer.map_err(|why| words::invalid_sdp(&why))?;
    if let Some(wait) = house.limits.count(Operation::Dial, me.id.as_str()).retry_in {
        metrics::counter!("offhook_agent_dials_refused_total").increment(1);
        return Err(words::too_many_calls(wait));
    }
    let request = PlaceRequest {
        tenant: me.tenant.clone(),
        number: number.id.clone(),
        to: to.into(),
        offer: relayed.then(|| offer.clone()),
        agent: Some(me.id.clone()),
        connect: None,
        record: false,
        correlation: None,
        conversation_id: None,
        metadata: None,
        extras: Extras::default(),
    };
    // WhatsApp's verdict comes as an event: the reply does not wait for it.
    let placed = house.engine.place(request).await.map_err(|why| words::refused(&why))?;
    let object = Object::new("call", placed.record.id.as_str());
    noted(house, me, "call.placed", object, &number).await;
    if relayed {
        return Ok(placed.record.into());
    }
    let id = &placed.record.id;
    match house.engine.attach(&me.tenant, id, &me.id, &offer).await {
        Ok(attached) => Ok(attached.into()),
        Err(why) => {
            // No phone is to ring for somebody who cannot be heard. If this fails too, the call ends as any
            // other whose agent never comes.
            let _ = house.engine.command(&me.tenant, id, Command::Hangup { by: Some(me.id.clone()) }).await;
            Err(words::refused(&why))
        }
    }
}

async fn attach(house: &House, me: &Person, call_id: &str, offer: &str) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    let offer = sdp::check_page_offer(offer).map_err(|why| words::invalid_sdp(&why))?;
    let attached = house.engine.attach(&me.tenant, &id, &me.id, &offer).await;
    attached.map(Outcome::from).map_err(|why| words::refused(&why))
}

async fn accept(house: &House, me: &Person, call_id: &str, theirs: &str) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    let known = house.engine.load(&me.tenant, &id).await.map_err(|fault| words::unavailable(&fault))?;
    let known = known.ok_or_else(words::unknown_call)?;
    let accepted = if known.media_mode == MediaMode::Bridge {
        let offer = sdp::check_page_offer(theirs).map_err(|why| words::invalid_sdp(&why))?;
        house.engine.take(&me.tenant, &id, me.id.clone(), &offer).await.map(Outcome::from)
    } else {
        let answer = sdp::check_answer(theirs).map_err(|why| words::invalid_sdp(&why))?;
        let accept = Command::Accept { agent: me.id.clone(), answer };
        house.engine.command(&me.tenant, &id, accept).await.map(Outcome::from)
    };
    match accepted {
        Ok(outcome) => Ok(outcome),
        Err(EngineError::Refused(Refusal::AnsweredElsewhere)) => Err(taken(house, me, &id).await),
        Err(why) => Err(words::refused(&why)),
    }
}

/// Tells the loser of a race who won it.
async fn taken(house: &House, me: &Person, id: &CallId) -> ErrorView {
    let plain = || words::refused(&EngineError::Refused(Refusal::AnsweredElsewhere));
    let winner = match house.engine.load(&me.tenant, id).await {
        Ok(Some(record)) => record.agent.clone(),
        Ok(None) | Err(_) => None,
    };
    let Some(winner) = winner else { return plain() };
    if winner == me.id {
        return words::taken_in_another_window();
    }
    match house.directory.name(&me.tenant, &winner).await {
        Ok(Some(name)) => words::taken_by(&name),
        Ok(None) | Err(_) => plain(),
    }
}

async fn arrange(house: &House, me: &Person, call_id: &str, wish: Wish) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    let done = house.engine.arrange(&me.tenant, &id, Some(me.id.clone()), wish).await;
    done.map(Outcome::from).map_err(|why| words::refused(&why))
}

pub(super) async fn command(house: &House, me: &Person, call_id: &str, command: Command) -> Done {
    let id = CallId::parse(call_id).ok_or_else(words::unknown_call)?;
    let done = house.engine.command(&me.tenant, &id, command).await;
    done.map(Outcome::from).map_err(|why| words::refused(&why))
}

async fn ask_permission(house: &House, me: &Person, to: &str, from: Option<&str>) -> Done {
    let to = phone(to)?;
    let number = number(house, me, from).await?;
    let ask = PermissionAsk { to, body: None, template: None };
    let asked = house.engine.ask_permission(&me.tenant, &number.id, ask).await;
    let asked = asked.map_err(|why| words::refused(&why))?;
    noted(house, me, "permission.requested", Object::new("permission", asked.id.as_str()), &number).await;
    Ok(Outcome::default())
}

async fn permission(
    house: &House,
    me: &Person,
    to: &str,
    from: Option<&str>,
) -> Result<PermissionView, ErrorView> {
    let to = phone(to)?;
    let number = number(house, me, from).await?;
    let known = house.engine.permission(&me.tenant, &number.id, &to).await;
    Ok(view::permission(&known.map_err(|why| words::refused(&why))?, house.now()))
}

fn phone(typed: &str) -> Result<Phone, ErrorView> {
    if emergency::is_emergency(typed) {
        return Err(words::emergency());
    }
    Phone::parse(typed).map_err(|_| words::invalid_phone())
}

/// The number named, or the tenant's first.
async fn number(house: &House, me: &Person, id: Option<&str>) -> Result<BusinessNumber, ErrorView> {
    let numbers =
        house.directory.numbers_now(&me.tenant).await.map_err(|fault| words::unavailable(&fault))?;
    match id {
        Some(id) => numbers.iter().find(|number| number.id.as_str() == id).ok_or_else(words::unknown_number),
        None => numbers.first().ok_or_else(words::no_number),
    }
    .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn reading_never_panics_and_keeps_ids(text in "\\PC*", id in "[a-z0-9]{1,20}") {
            read(&text);
            let bent = serde_json::json!({ "type": "call.accept", "id": id, "call_id": text }).to_string();
            let Heard::Senseless { id: kept, error } = read(&bent) else { panic!("{bent}") };
            proptest::prop_assert_eq!((kept, error.message), (id, "missing field `sdp`".to_owned()));
        }
    }
}
