//! `POST /calling/calls`: the five actions (provider-apis.md 4.2).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use offhook_core::audit::Object;
use offhook_core::call::{Along, CallRecord, Command};
use offhook_core::id::Wacid;
use offhook_core::meta::{Callee, Extras};
use offhook_core::phone::Phone;
use offhook_core::ports::StoreFault;
use offhook_core::sdp::Sdp;
use offhook_engine::PlaceRequest;
use offhook_whatsapp::sdp;
use serde_json::Value;
use tokio::time::timeout;

use super::auth::{self, Entry};
use super::error::{BareBody, D360Error, GatewayBody, MetaBody};
use super::wire::{CallActionRequest, CallActionResponse, PRODUCT, Session};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::once::Promise;
use crate::manners::principal::Right;
use crate::manners::{body, emergency};

/// Largest body. An SDP is at most 64 KiB, and escaping at worst doubles it.
const BODY_CAP: usize = 256 * 1024;

/// How long the answer to `connect` waits for WhatsApp's verdict. The request has ten seconds of its own.
const VERDICT: Duration = Duration::from_secs(12);

/// Meta's limit for the correlation, in characters.
const LONGEST_CORRELATION: usize = 512;

/// Longest object of a client's that is handed on to WhatsApp; Meta's own takes a purpose of 250 characters.
const LONGEST_EXTRA: usize = 4096;

/// Longest business-scoped user id; real ones have about 25 characters.
const LONGEST_ID: usize = 128;

type Done = Result<CallActionResponse, D360Error>;

/// Does something with a call: `connect` places one, the other actions are about one that is there.
#[utoipa::path(
    post,
    path = "/calling/calls",
    tag = "360dialog",
    operation_id = "d360ActOnCall",
    request_body = CallActionRequest,
    responses(
        (status = 200, description = "Done; `connect` names the call", body = CallActionResponse),
        (status = 400, description = "WhatsApp, or this server in its words, refuses", body = MetaBody),
        (status = 401, description = "The key is unknown, or WhatsApp misses a permission", body = GatewayBody),
        (status = 403, description = "The key may not do this", body = GatewayBody),
        (status = 408, description = "The body did not arrive in time", body = GatewayBody),
        (status = 413, description = "The body is too large", body = GatewayBody),
        (status = 429, description = "Too many requests, or a limit of WhatsApp's", body = GatewayBody),
        (status = 500, description = "WhatsApp's reply was unclear", body = MetaBody),
        (status = 503, description = "The server cannot do this now", body = BareBody),
    )
)]
pub(crate) async fn act(State(house): State<Shared>, request: Request) -> Done {
    let (parts, content) = request.into_parts();
    let entry = auth::enter(&house, &parts.headers, Operation::Control, Right::WriteCalls).await?;
    let content = body::read(&parts.headers, content, BODY_CAP).await?;
    let wanted: CallActionRequest = body::json(&content)?;
    if wanted.messaging_product.as_deref().is_some_and(|product| product != PRODUCT) {
        return Err(D360Error::parameter("The parameter messaging_product must be whatsapp."));
    }
    correlation(&wanted)?;
    match wanted.action.as_deref() {
        Some("connect") => connect(&house, &entry, wanted, parts.extensions.get::<Promise>()).await,
        Some("pre_accept") => {
            let answer = answer(&wanted)?.ok_or_else(|| required("session"))?;
            on_call(&house, &entry, &wanted, Command::PreAccept { answer }).await
        }
        Some("accept") => {
            let answer = answer(&wanted)?;
            let along =
                Along { correlation: wanted.biz_opaque_callback_data.clone(), extras: extras(&wanted)? };
            on_call(&house, &entry, &wanted, Command::AcceptRelayed { answer, along }).await
        }
        Some("reject") => on_call(&house, &entry, &wanted, Command::Reject).await,
        Some("terminate") => on_call(&house, &entry, &wanted, Command::Hangup { by: None }).await,
        Some(_) => Err(D360Error::parameter(
            "The parameter action must be connect, pre_accept, accept, reject or terminate.",
        )),
        None => Err(required("action")),
    }
}

fn required(parameter: &str) -> D360Error {
    D360Error::parameter(format!("The parameter {parameter} is required."))
}

fn correlation(wanted: &CallActionRequest) -> Result<(), D360Error> {
    let long = |text: &String| text.chars().count() > LONGEST_CORRELATION;
    match wanted.biz_opaque_callback_data.as_ref().is_some_and(long) {
        true => Err(D360Error::parameter("biz_opaque_callback_data must have at most 512 characters.")),
        false => Ok(()),
    }
}

async fn connect(house: &House, entry: &Entry, wanted: CallActionRequest, promise: Option<&Promise>) -> Done {
    let allowance = house.limits.count(Operation::Initiate, entry.principal.id());
    if let Some(wait) = allowance.retry_in {
        return Err(D360Error::slow_down(wait));
    }
    if let Some(call) = Promise::begun(promise, house, &entry.principal.tenant).await? {
        return told(&call);
    }
    house.audit.dialling(&entry.principal, wanted.to.as_deref()).await?;
    let extras = extras(&wanted)?;
    let session = wanted.session.ok_or_else(|| required("session"))?;
    typed(&session, "offer")?;
    let offer = sdp::check_offer(&session.sdp).map_err(|why| D360Error::invalid_sdp(&why))?;
    let to = callee(wanted.to.as_deref(), wanted.recipient.as_deref())?;
    let request = PlaceRequest {
        tenant: entry.principal.tenant.clone(),
        number: entry.number.id.clone(),
        to,
        offer: Some(offer),
        agent: None,
        connect: None,
        record: false,
        correlation: wanted.biz_opaque_callback_data,
        conversation_id: None,
        metadata: None,
        extras,
    };
    let placed = Promise::place(promise, house, request).await?;
    noted(house, entry, "call.placed", &placed.record).await?;
    let call = match timeout(VERDICT, placed.settled).await {
        Ok(Ok(record)) => record,
        Ok(Err(_)) | Err(_) => {
            let now = house.engine.load(&entry.principal.tenant, &placed.record.id).await?;
            now.unwrap_or(placed.record)
        }
    };
    told(&call)
}

fn told(call: &CallRecord) -> Done {
    match &call.facts.wacid {
        Some(wacid) => Ok(CallActionResponse::placed(wacid.as_str())),
        None => Err(D360Error::not_placed(call)),
    }
}

/// Writes what was done with a call into the audit log.
async fn noted(house: &House, entry: &Entry, action: &str, call: &CallRecord) -> Result<(), StoreFault> {
    let object = Object::new("call", call.id.as_str());
    house.audit.record(&entry.principal, action, object, Value::Null).await
}

/// What WhatsApp itself is to do: handed on as it came.
fn extras(wanted: &CallActionRequest) -> Result<Extras, D360Error> {
    let object = |name: &str, value: &Option<Value>| match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(fields)) => {
            let text = Value::Object(fields.clone()).to_string();
            let fits = text.len() <= LONGEST_EXTRA;
            fits.then_some(Some(text))
                .ok_or_else(|| D360Error::parameter(format!("The parameter {name} is too long.")))
        }
        Some(_) => Err(D360Error::parameter(format!("The parameter {name} must be an object."))),
    };
    Ok(Extras {
        recording: object("recording", &wanted.recording)?,
        transcription: object("transcription", &wanted.transcription)?,
    })
}

/// The user's number; it wins over their id.
fn callee(to: Option<&str>, recipient: Option<&str>) -> Result<Callee, D360Error> {
    let plain = |id: &&str| (1..=LONGEST_ID).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    let Some(named) = to.filter(|to| !to.is_empty()) else {
        let id = recipient.ok_or_else(|| required("to"))?;
        let id = Some(id)
            .filter(plain)
            .ok_or_else(|| D360Error::parameter("The parameter recipient is not an id."))?;
        return Ok(Callee::UserId(id.to_owned()));
    };
    if emergency::is_emergency(named) {
        return Err(D360Error::parameter("Emergency services cannot be called through WhatsApp."));
    }
    let phone = Phone::parse(named).map(Callee::Phone);
    phone.map_err(|_| D360Error::parameter("The parameter to is not a phone number."))
}

/// The client's answer, when there is one.
fn answer(wanted: &CallActionRequest) -> Result<Option<Sdp>, D360Error> {
    let Some(session) = &wanted.session else { return Ok(None) };
    typed(session, "answer")?;
    sdp::check_answer(&session.sdp).map(Some).map_err(|why| D360Error::invalid_sdp(&why))
}

fn typed(session: &Session, kind: &str) -> Result<(), D360Error> {
    match session.sdp_type == kind {
        true => Ok(()),
        false => Err(D360Error::parameter(format!("session.sdp_type must be {kind}."))),
    }
}

async fn on_call(house: &House, entry: &Entry, wanted: &CallActionRequest, command: Command) -> Done {
    let id = wanted.call_id.as_deref().ok_or_else(|| required("call_id"))?;
    let call = find(house, entry, id).await?;
    let action = format!("call.{}", wanted.action.as_deref().unwrap_or_default());
    match command {
        Command::PreAccept { .. } | Command::AcceptRelayed { .. } => {
            house.engine.answer(&call.tenant, &call.id, command).await?;
        }
        other => {
            house.engine.command(&call.tenant, &call.id, other).await?;
        }
    }
    noted(house, entry, &action, &call).await?;
    Ok(CallActionResponse::done())
}

/// The call by Meta's id, if it is of the key's number.
async fn find(house: &House, entry: &Entry, id: &str) -> Result<Arc<CallRecord>, D360Error> {
    let unknown = || D360Error::parameter("The call id is unknown.");
    let wacid = Wacid::new(id).ok_or_else(unknown)?;
    let call = house.ports.calls.find_wacid(&wacid).await?;
    let mine = |call: &CallRecord| call.tenant == entry.principal.tenant && call.number == entry.number.id;
    call.filter(mine).map(Arc::new).ok_or_else(unknown)
}
