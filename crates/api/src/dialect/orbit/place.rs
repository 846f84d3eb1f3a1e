//! `POST …/whatsapp/calling/calls`: placing a relayed call (provider-apis.md 2.9.5).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use offhook_core::call::CallRecord;
use offhook_core::house::{BusinessNumber, KeyMode};
use offhook_core::id::{MetaNumberId, Wacid};
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
use super::status;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::{Principal, Right, Who};
use crate::manners::{emergency, moment};

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
    recording: Option<OptIn>,
    transcription: Option<OptIn>,
}

#[derive(Deserialize)]
struct OptIn {
    #[serde(default)]
    enabled: bool,
}

pub(super) async fn place(State(house): State<Shared>, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry = auth::enter(&house, &parts.method, headers, Operation::Initiate, Right::WriteCalls).await?;
    let answer = async {
        real(&entry.principal, headers)?;
        let wanted = json_body(headers, content).await?;
        dial(&house, &entry.principal, wanted).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// A test key, or a request marked as a test, must never make a phone ring.
fn real(principal: &Principal, headers: &HeaderMap) -> Result<(), ApiError> {
    let test_key = matches!(&principal.who, Who::Key(key) if key.mode == KeyMode::Test);
    let marked = headers.get("x-test-mode").is_some_and(|it| it.as_bytes().eq_ignore_ascii_case(b"true"));
    if test_key || marked { Err(ApiError::wrong_key_mode()) } else { Ok(()) }
}

async fn dial(house: &House, principal: &Principal, wanted: Wanted) -> Answer {
    let to = phone(wanted.to.as_deref())?;
    let meta_id =
        wanted.from_phone_number_id.as_deref().ok_or_else(|| ApiError::missing("from_phone_number_id"))?;
    let correlation =
        short("biz_opaque_callback_data", wanted.biz_opaque_callback_data, LONGEST_CORRELATION)?;
    let conversation_id = short("conversation_id", wanted.conversation_id, LONGEST_CONVERSATION)?;
    for (field, opt_in) in [("recording", wanted.recording), ("transcription", wanted.transcription)] {
        if opt_in.is_some_and(|it| it.enabled) {
            return Err(ApiError::invalid(field, format!("{field} is not available in this version")));
        }
    }
    let offer = wanted.sdp_offer.ok_or_else(|| {
        let message = "calls bridged by the server are not available in this version: \
                       send 'sdp_offer', the WebRTC offer of the client that carries the sound";
        ApiError::invalid("sdp_offer", message)
    })?;
    let offer = sdp::check_offer(&offer).map_err(|why| ApiError::invalid_sdp("sdp_offer", &why))?;
    let number = connection(house, principal, meta_id).await?;
    let request = PlaceRequest {
        tenant: principal.tenant.clone(),
        number: number.id.clone(),
        to,
        offer: Some(offer),
        agent: match &principal.who {
            Who::Person(person) => Some(person.id.clone()),
            Who::Key(_) => None,
        },
        correlation,
        conversation_id,
    };
    let placed = house.engine.place(request).await?;
    let call = match timeout(VERDICT, placed.settled).await {
        Ok(Ok(record)) => record,
        Ok(Err(_)) | Err(_) => {
            let now = house.engine.load(&principal.tenant, &placed.record.id).await?;
            now.unwrap_or(placed.record)
        }
    };
    match ApiError::not_placed(&call) {
        Some(error) => Err(error),
        None => Ok(Reply::created(placed_call(&call, &number))),
    }
}

fn phone(typed: Option<&str>) -> Result<Phone, ApiError> {
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

/// The caller's number behind Meta's id.
async fn connection(house: &House, principal: &Principal, meta_id: &str) -> Result<BusinessNumber, ApiError> {
    let id = MetaNumberId::parse(meta_id).ok_or_else(ApiError::connection_not_found)?;
    let number = house.ports.numbers.by_meta_id(&id).await?;
    let allowed = |number: &BusinessNumber| {
        number.tenant == principal.tenant && only_number(principal).is_none_or(|only| *only == number.id)
    };
    number.filter(allowed).ok_or_else(ApiError::connection_not_found)
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
