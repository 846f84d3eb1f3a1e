//! `POST …/whatsapp/calling/calls`: placing a call (provider-apis.md 2.9.5).
//!
//! With `sdp_offer` the client carries the sound; without it the server does, and `connect_to`, a field of our
//! own, says whom the call is connected to at the pick-up.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use offhook_core::audit::Object;
use offhook_core::call::table::{ClipName, Connect};
use offhook_core::call::{CallRecord, EndReason};
use offhook_core::house::BusinessNumber;
use offhook_core::id::{MetaNumberId, UserId, Wacid};
use offhook_core::meta::Extras;
use offhook_core::phone::Phone;
use offhook_engine::PlaceRequest;
use offhook_whatsapp::sdp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::auth;
use super::body::json_body;
use super::calls::only_number;
use super::error::ApiError;
use super::wire::{Answer, Reply};
use super::{permissions, shapes, status};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::once::Promise;
use crate::manners::principal::{Principal, Right, Who};
use crate::manners::{emergency, moment};
use crate::ws::QUEUE;

/// How long the answer waits for Meta's verdict. The request to Meta has ten seconds of its own; what is
/// undecided after that is answered as `queued`.
const VERDICT: Duration = Duration::from_secs(12);

/// Meta's limit for the correlation.
const LONGEST_CORRELATION: usize = 512;

const LONGEST_CONVERSATION: usize = 256;

#[derive(Deserialize)]
struct Wanted {
    to: Option<String>,
    from_phone_number_id: Option<String>,
    conversation_id: Option<String>,
    biz_opaque_callback_data: Option<String>,
    sdp_offer: Option<String>,
    connect_to: Option<ConnectTo>,
    recording: Option<OptIn>,
    transcription: Option<OptIn>,
}

/// Whom a bridged call is connected to.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ConnectTo {
    /// A person, or failing them everybody who is free.
    Agent(String),
    /// Whoever of the queue is free first.
    Queue(String),
    /// An announcement, after which the call ends.
    Announcement(String),
    /// A voice bot's address.
    Stream(String),
}

impl ConnectTo {
    /// Reads it; `house` knows the announcements.
    pub(super) fn read(self, house: &House) -> Result<Connect, ApiError> {
        let wrong = |field: &str, why: String| Err(ApiError::invalid(&format!("connect_to.{field}"), why));
        match self {
            Self::Agent(id) => match UserId::parse(&id) {
                Some(agent) => Ok(Connect::Agent(agent)),
                None => wrong("agent", "there is no such person".to_owned()),
            },
            Self::Queue(name) if name == QUEUE => Ok(Connect::Queue),
            Self::Queue(_) => wrong("queue", format!("there is one queue, {QUEUE}")),
            Self::Announcement(name) => {
                match ClipName::parse(&name).filter(|clip| house.engine.knows(clip)) {
                    Some(clip) => Ok(Connect::Clip(clip)),
                    None => wrong("announcement", "there is no announcement of this name".to_owned()),
                }
            }
            Self::Stream(url) => match house.ports.bots.judge(&url) {
                Ok(url) => Ok(Connect::Bot(url)),
                Err(why) => wrong("stream", why),
            },
        }
    }
}

#[derive(Deserialize)]
struct OptIn {
    #[serde(default)]
    enabled: bool,
}

/// Places a call.
///
/// The answer waits up to twelve seconds for WhatsApp's verdict.
#[utoipa::path(
    post,
    path = "/api/v1/whatsapp/calling/calls",
    tag = "Calls",
    operation_id = "placeCall",
    request_body = shapes::PlaceCall,
    responses((status = 201, body = shapes::PlacedCall), (status = 404), (status = 502))
)]
pub(super) async fn place(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry = auth::enter(&house, &parts.method, headers, Operation::Initiate, Right::WriteCalls).await?;
    let answer = async {
        let wanted = json_body(headers, content).await?;
        let promise = parts.extensions.get::<Promise>();
        match begun(&house, &entry.principal, promise).await? {
            Some(answer) => answer,
            None => dial(&house, &entry.principal, wanted, promise).await,
        }
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// What became of a call that was placed under this promise before a crash.
async fn begun(
    house: &House,
    principal: &Principal,
    promise: Option<&Promise>,
) -> Result<Option<Answer>, ApiError> {
    let tenant = &principal.tenant;
    let Some(call) = Promise::begun(promise, house, tenant).await? else { return Ok(None) };
    let number = house.ports.numbers.load(tenant, &call.number).await?;
    let number = number.ok_or_else(ApiError::connection_not_found)?;
    Ok(Some(told(house, &call, &number).await))
}

async fn dial(house: &House, principal: &Principal, wanted: Wanted, promise: Option<&Promise>) -> Answer {
    house.audit.dialling(principal, wanted.to.as_deref()).await?;
    let to = phone(wanted.to.as_deref())?;
    let meta_id =
        wanted.from_phone_number_id.as_deref().ok_or_else(|| ApiError::missing("from_phone_number_id"))?;
    let correlation =
        short("biz_opaque_callback_data", wanted.biz_opaque_callback_data, LONGEST_CORRELATION)?;
    let conversation_id = short("conversation_id", wanted.conversation_id, LONGEST_CONVERSATION)?;
    let opted = |opt_in: Option<OptIn>| opt_in.is_some_and(|it| it.enabled);
    if opted(wanted.transcription) {
        return Err(ApiError::invalid("transcription", "transcription is not available in this version"));
    }
    let record = opted(wanted.recording);
    if record && wanted.sdp_offer.is_some() {
        let message = "only calls whose sound the server carries can be recorded: leave 'sdp_offer' out";
        return Err(ApiError::invalid("recording", message));
    }
    let person = match &principal.who {
        Who::Person(person) => Some(person.id.clone()),
        Who::Key(_) => None,
    };
    let offer = wanted.sdp_offer.as_deref().map(sdp::check_offer).transpose();
    let offer = offer.map_err(|why| ApiError::invalid_sdp("sdp_offer", &why))?;
    let connect = match (&offer, wanted.connect_to) {
        (Some(_), Some(_)) => {
            let message = "leave 'connect_to' out of a call whose sound you carry, or leave 'sdp_offer' out";
            return Err(ApiError::invalid("connect_to", message));
        }
        (Some(_), None) => None,
        (None, Some(connect)) => Some(connect.read(house)?),
        // Whoever places it is rung; a program's calls ring whoever is free.
        (None, None) => Some(person.clone().map_or(Connect::Queue, Connect::Agent)),
    };
    let number = connection(house, principal, meta_id).await?;
    let request = PlaceRequest {
        tenant: principal.tenant.clone(),
        number: number.id.clone(),
        to: to.into(),
        agent: person.filter(|_| offer.is_some()),
        offer,
        connect,
        record,
        correlation,
        conversation_id,
        metadata: None,
        extras: Extras::default(),
    };
    let placed = Promise::place(promise, house, request).await?;
    let object = Object::new("call", placed.record.id.as_str());
    let from = json!({ "from_phone_number_id": number.meta_id.as_str() });
    house.audit.record(principal, "call.placed", object, from).await?;
    let call = match timeout(VERDICT, placed.settled).await {
        Ok(Ok(record)) => record,
        Ok(Err(_)) | Err(_) => {
            let now = house.engine.load(&principal.tenant, &placed.record.id).await?;
            now.unwrap_or(placed.record)
        }
    };
    told(house, &call, &number).await
}

async fn told(house: &House, call: &Arc<CallRecord>, number: &BusinessNumber) -> Answer {
    match ApiError::not_placed(call) {
        Some(error) => Err(why(house, call, error).await),
        None => Ok(Reply::created(placed_call(call, number))),
    }
}

/// What is known of the permission tells why, and when to try again.
async fn why(house: &House, call: &CallRecord, error: ApiError) -> ApiError {
    let by_permission = matches!(call.end_reason, Some(EndReason::NoPermission | EndReason::LimitReached));
    let Some(to) = call.facts.party.phone.as_ref().filter(|_| by_permission) else { return error };
    match house.engine.permission(&call.tenant, &call.number, to).await {
        Ok(known) => {
            let now = house.now();
            let next = known.ledger.may_call(now).err().and_then(|denied| denied.next_at);
            error.beside(permissions::details(&known, now)).until(next.map(|next| next.since(now)))
        }
        Err(_) => error,
    }
}

pub(super) fn phone(typed: Option<&str>) -> Result<Phone, ApiError> {
    let typed = typed.ok_or_else(|| ApiError::missing("to"))?;
    if emergency::is_emergency(typed) {
        return Err(ApiError::emergency());
    }
    Phone::parse(typed).map_err(|_| ApiError::invalid_phone("to"))
}

fn short(field: &str, text: Option<String>, most: usize) -> Result<Option<String>, ApiError> {
    match text {
        Some(text) if text.len() > most => {
            Err(ApiError::invalid(field, format!("field '{field}' is longer than {most} bytes")))
        }
        text => Ok(text),
    }
}

/// The caller's number behind Meta's id. In test mode it must be one of the sandbox.
pub(super) async fn connection(
    house: &House,
    principal: &Principal,
    meta_id: &str,
) -> Result<BusinessNumber, ApiError> {
    let id = MetaNumberId::parse(meta_id).ok_or_else(ApiError::connection_not_found)?;
    let number = house.ports.numbers.by_meta_id(&id).await?;
    let allowed = |number: &BusinessNumber| {
        number.tenant == principal.tenant && only_number(principal).is_none_or(|only| *only == number.id)
    };
    let number = number.filter(allowed).ok_or_else(ApiError::connection_not_found)?;
    if house.reaches(principal, &number) { Ok(number) } else { Err(ApiError::wrong_key_mode()) }
}

/// The answer's SDP is never here: Meta sends it by webhook, later. `GET …/calls/{id}` has it then.
fn placed_call(call: &Arc<CallRecord>, number: &BusinessNumber) -> Value {
    json!({
        "id": call.id.as_str(),
        "meta_call_id": call.facts.wacid.as_ref().map(Wacid::as_str),
        "status": status::word(call),
        "direction": call.direction,
        "to": call.facts.party.phone.as_ref().map(Phone::reveal),
        "from_phone_number_id": number.meta_id.as_str(),
        "conversation_id": call.conversation_id,
        "biz_opaque_callback_data": call.correlation,
        "media_mode": call.media_mode,
        "sdp_answer": null,
        "created_at": moment::whole(call.created_at),
    })
}
