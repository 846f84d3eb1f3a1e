//! `POST …/whatsapp/calling/calls/{id}/{action}`: what can be done with a live call.
//!
//! Ours, in Orbit's conventions. The actions of bridged calls and their fields are those of `call.arrange` of the
//! agents' socket; a body is needed only where there are fields.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::audit::Object;
use offhook_core::call::table::Connect;
use offhook_core::call::{Along, CallRecord, Command, Refusal, Wish};
use offhook_core::house::{MediaMode, Role};
use offhook_core::id::{RecordingId, UserId};
use offhook_core::sdp::Sdp;
use offhook_engine::EngineError;
use offhook_whatsapp::sdp;
use serde_json::{Map, Value, json};

use super::auth;
use super::body::json_body;
use super::calls::{detailed, load, number_of};
use super::error::ApiError;
use super::place::ConnectTo;
use super::shapes;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right, Who};
use crate::ws;
use crate::ws::protocol as p;

/// Does something with a live call. The answer is the call as it is then.
#[utoipa::path(
    post,
    path = "/api/v1/whatsapp/calling/calls/{id}/{action}",
    tag = "Live calls",
    operation_id = "controlCall",
    params(("id" = String, Path), ("action" = inline(shapes::Action), Path)),
    request_body = Option<shapes::ActionFields>,
    responses((status = 200, body = shapes::CallDetail), (status = 502))
)]
pub(super) async fn act(
    State(house): State<Shared>,
    path: Result<Path<(String, String)>, PathRejection>,
    request: Request,
) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry = auth::enter(&house, &parts.method, headers, Operation::Control, Right::WriteCalls).await?;
    let answer = async {
        let Ok(Path((id, action))) = path else { return Err(ApiError::not_found("no such call")) };
        let fields = match parts.headers.get("content-type") {
            Some(_) => json_body::<Map<String, Value>>(headers, content).await?,
            None => Map::new(),
        };
        carry_out(&house, &entry.principal, &id, &action, fields).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn carry_out(
    house: &House,
    principal: &Principal,
    id: &str,
    action: &str,
    fields: Map<String, Value>,
) -> Answer {
    let call = load(house, principal, id).await?;
    let done = match action {
        "terminate" => command(house, &call, Command::Hangup { by: bound_to(principal) }).await,
        "accept" | "pre_accept" | "reject" if !rings_for(house, principal, &call) => {
            Err(EngineError::Refused(Refusal::NotRinging))
        }
        "reject" => command(house, &call, Command::Reject).await.map_err(|error| match error {
            EngineError::Refused(Refusal::NotRinging | Refusal::CallEnded) => {
                EngineError::Refused(Refusal::NotRinging)
            }
            other => other,
        }),
        "accept" | "pre_accept" if call.media_mode == MediaMode::Relay => {
            let answer = relayed_answer(&fields)?;
            answer_relayed(house, principal, &call, action, answer).await
        }
        "pre_accept" => Err(EngineError::Refused(Refusal::OtherMedia)),
        "accept" => {
            let connect = connect(house, fields)?;
            command(house, &call, Command::Answer { connect }).await
        }
        _ => {
            let wish = wish(house, action, fields)?;
            house.engine.arrange(&call.tenant, &call.id, bound_to(principal), wish).await
        }
    };
    let call = done?;
    let object = Object::new("call", call.id.as_str());
    house.audit.record(principal, &format!("call.{action}"), object, Value::Null).await?;
    let numbers = house.directory.numbers(&principal.tenant).await?;
    Ok(Reply::ok(detailed(&call, number_of(&call, &numbers), principal)))
}

/// The client's answer, under either of its names.
fn relayed_answer(fields: &Map<String, Value>) -> Result<Option<Sdp>, ApiError> {
    let given =
        |name: &'static str| fields.get(name).filter(|value| !value.is_null()).map(|value| (name, value));
    let Some((name, value)) = given("sdp_answer").or_else(|| given("sdp")) else { return Ok(None) };
    let text =
        value.as_str().ok_or_else(|| ApiError::invalid(name, format!("field '{name}' must be a string")))?;
    sdp::check_answer(text).map(Some).map_err(|why| ApiError::invalid_sdp(name, &why))
}

/// Takes a relayed call with the client's own answer. The reply waits for WhatsApp: sound may leave after it.
async fn answer_relayed(
    house: &House,
    principal: &Principal,
    call: &CallRecord,
    action: &str,
    answer: Option<Sdp>,
) -> Result<std::sync::Arc<CallRecord>, EngineError> {
    let missing = EngineError::Refused(Refusal::AnswerMissing);
    let command = match (bound_to(principal), action) {
        (None, "pre_accept") => Command::PreAccept { answer: answer.ok_or(missing)? },
        (None, _) => Command::AcceptRelayed { answer, along: Along::default() },
        // What an agent answers is theirs, as on the agents' socket.
        (Some(_), "pre_accept") => return Err(EngineError::Refused(Refusal::OtherMedia)),
        (Some(agent), _) => Command::Accept { agent, answer: answer.ok_or(missing)? },
    };
    house.engine.answer(&call.tenant, &call.id, command).await
}

async fn command(
    house: &House,
    call: &CallRecord,
    command: Command,
) -> Result<std::sync::Arc<CallRecord>, EngineError> {
    house.engine.command(&call.tenant, &call.id, command).await
}

fn connect(house: &House, mut fields: Map<String, Value>) -> Result<Connect, ApiError> {
    match fields.remove("connect_to") {
        None | Some(Value::Null) => Ok(Connect::Queue),
        Some(value) => {
            let read: Result<ConnectTo, _> = serde_json::from_value(value);
            read.map_err(|problem| ApiError::invalid("connect_to", problem.to_string()))?.read(house)
        }
    }
}

/// The wish behind an action of the path and the fields of its body.
fn wish(house: &House, action: &str, mut fields: Map<String, Value>) -> Result<Wish, ApiError> {
    let word = match action {
        "hold" => return Ok(Wish::Hold(true)),
        "resume" => return Ok(Wish::Hold(false)),
        "transfer" | "consult" | "complete" | "cancel" | "invite" | "merge" | "remove" | "park" | "play" => {
            action
        }
        "mute" | "unmute" => {
            fields.insert("on".to_owned(), json!(action == "mute"));
            "mute"
        }
        "dtmf" => "press",
        "stop-playing" => "stop_playing",
        "record" => match fields.get("action").and_then(Value::as_str) {
            None | Some("start") => "record",
            Some("pause") => "pause_recording",
            Some("resume") => "resume_recording",
            Some("stop") => "stop_recording",
            Some(_) => return Err(ApiError::invalid("action", "one of start, pause, resume, stop")),
        },
        _ => return Err(ApiError::not_found("calls have no such action")),
    };
    fields.insert("do".to_owned(), json!(word));
    let read: p::Wish = serde_json::from_value(Value::Object(fields)).map_err(|problem| {
        let problem = problem.to_string();
        let field = problem.split('`').nth(1).unwrap_or_default().to_owned();
        ApiError::invalid(&field, format!("{action}: {problem}"))
    })?;
    let recording = RecordingId::from_uuid(house.ports.ids.next());
    ws::wish(read, recording).map_err(|why| {
        let words = why.to_string();
        let field = words.split(':').next().unwrap_or_default().to_owned();
        ApiError::invalid(&field, words)
    })
}

/// Agents answer and refuse what rings for them; those above them, and keys, any call.
fn rings_for(house: &House, principal: &Principal, call: &CallRecord) -> bool {
    bound_to(principal).is_none_or(|me| {
        if call.agent.as_ref() == Some(&me) {
            return true;
        }
        let ringing = house.engine.ringing(&call.tenant, &me);
        ringing.iter().any(|ringing| ringing.id == call.id)
    })
}

/// Agents end their own calls; those above them, and keys, end any.
fn bound_to(principal: &Principal) -> Option<UserId> {
    match &principal.who {
        Who::Person(person) if person.role == Role::Agent => Some(person.id.clone()),
        Who::Person(_) | Who::Key(_) => None,
    }
}
