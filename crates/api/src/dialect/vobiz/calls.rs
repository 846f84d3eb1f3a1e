//! `POST …/calls/whatsapp`: placing a call (provider-apis.md 3.3).

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use offhook_core::audit::Object;
use offhook_core::call::CallRecord;
use offhook_core::house::BusinessNumber;
use offhook_core::id::NumberId;
use offhook_core::meta::Extras;
use offhook_core::phone::Phone;
use offhook_engine::PlaceRequest;
use offhook_whatsapp::sdp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use utoipa::ToSchema;

use super::auth::{self, Entry};
use super::body::{self, required};
use super::error::{VobizError, Wrong};
use super::status;
use super::wire::ErrorBody;
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::once::Promise;
use crate::manners::principal::Right;

/// How long the answer waits for WhatsApp's verdict. The request to WhatsApp has ten seconds of its own.
const VERDICT: Duration = Duration::from_secs(12);

/// Meta's limit for the correlation.
const LONGEST_CORRELATION: usize = 512;

/// Longest object of the client's that is kept with a call, or handed on to WhatsApp.
const LONGEST_OBJECT: usize = 4096;

/// A call to place.
#[derive(Deserialize, ToSchema)]
pub(crate) struct InitiateRequest {
    /// The channel to call from.
    #[schema(example = "3f1c9b7e-2d4a-4f6b-9c8e-0a1b2c3d4e5f")]
    channel_id: Option<String>,
    /// The user's number.
    #[schema(example = "+919876543210")]
    to: Option<String>,
    /// Your complete WebRTC offer.
    sdp_offer: Option<String>,
    /// Comes back with the events of the call (our addition).
    biz_opaque_callback_data: Option<String>,
    /// Kept with the call and shown in its log (our addition).
    #[schema(value_type = Option<Object>)]
    metadata: Option<Map<String, Value>>,
    /// How WhatsApp itself is to record the call, as Meta documents it (our addition).
    #[schema(value_type = Option<Object>)]
    recording: Option<Map<String, Value>>,
    /// The same for a transcription (our addition).
    #[schema(value_type = Option<Object>)]
    transcription: Option<Map<String, Value>>,
}

/// A call that was placed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Initiated {
    #[schema(example = "d5e6f708-1920-4a3b-94c5-d6e7f8091022")]
    call_id: String,
    #[schema(example = "+911140001234")]
    from: String,
    #[schema(example = "+919876543210")]
    to: String,
    #[schema(example = "initiated")]
    status: &'static str,
    #[schema(example = "outbound")]
    direction: &'static str,
}

/// Places a call. WhatsApp's SDP answer comes later, by webhook or socket.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/calls/whatsapp",
    tag = "Vobiz",
    operation_id = "vobizPlaceCall",
    request_body = InitiateRequest,
    responses(
        (status = 201, description = "WhatsApp places it", body = Initiated),
        (status = 400, description = "No JSON, or no SDP offer", body = ErrorBody),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 404, description = "No such channel", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 409, description = "There is a call with this recipient already", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is compressed", body = ErrorBody),
        (status = 422, description = "A field is wrong, or WhatsApp refuses", body = ErrorBody),
        (status = 429, description = "Too many requests, or a limit of WhatsApp's", body = ErrorBody),
        (status = 502, description = "WhatsApp failed", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn initiate(
    State(house): State<Shared>,
    request: Request,
) -> Result<(StatusCode, Json<Initiated>), VobizError> {
    let (parts, content) = request.into_parts();
    let entry = auth::enter(&house, &parts.headers, Operation::Initiate, Right::WriteCalls).await?;
    let wanted: InitiateRequest = body::read(&parts.headers, content).await?;
    let promise = parts.extensions.get::<Promise>();
    let call = match Promise::begun(promise, &house, &entry.principal.tenant).await? {
        Some(call) => call,
        None => dial(&house, &entry, wanted, promise).await?,
    };
    if let Some(error) = VobizError::not_placed(&call) {
        return Err(error);
    }
    let number = house.ports.numbers.load(&call.tenant, &call.number).await?;
    let number = number.ok_or_else(VobizError::no_channel)?;
    let initiated = Initiated {
        call_id: call.id.uuid().to_string(),
        from: number.phone.reveal(),
        to: call.facts.party.phone.as_ref().map(Phone::reveal).unwrap_or_default(),
        status: status::word(&call, house.config.vobiz),
        direction: "outbound",
    };
    Ok((StatusCode::CREATED, Json(initiated)))
}

/// Places the call and waits for WhatsApp's verdict.
async fn dial(
    house: &House,
    entry: &Entry,
    wanted: InitiateRequest,
    promise: Option<&Promise>,
) -> Result<Arc<CallRecord>, VobizError> {
    house.audit.dialling(&entry.principal, wanted.to.as_deref()).await?;
    let to = body::phone("to", required("to", wanted.to.as_deref())?)?;
    let number = channel(house, entry, wanted.channel_id.as_deref()).await?;
    let offer = wanted.sdp_offer.as_deref().filter(|offer| !offer.is_empty());
    let offer = offer.ok_or_else(|| VobizError::bad_request("sdp_offer is required"))?;
    let offer = sdp::check_offer(offer).map_err(|why| VobizError::invalid_sdp("sdp_offer", &why))?;
    let correlation =
        body::short("biz_opaque_callback_data", wanted.biz_opaque_callback_data, LONGEST_CORRELATION)?;
    let request = PlaceRequest {
        tenant: entry.principal.tenant.clone(),
        number: number.id.clone(),
        to: to.into(),
        offer: Some(offer),
        agent: None,
        connect: None,
        record: false,
        correlation,
        conversation_id: None,
        metadata: object("metadata", wanted.metadata)?,
        extras: Extras {
            recording: object("recording", wanted.recording)?,
            transcription: object("transcription", wanted.transcription)?,
        },
    };
    let placed = Promise::place(promise, house, request).await?;
    let object = Object::new("call", placed.record.id.as_str());
    let from = json!({ "from_phone_number_id": number.meta_id.as_str() });
    house.audit.record(&entry.principal, "call.placed", object, from).await?;
    Ok(match timeout(VERDICT, placed.settled).await {
        Ok(Ok(record)) => record,
        Ok(Err(_)) | Err(_) => {
            let now = house.engine.load(&entry.principal.tenant, &placed.record.id).await?;
            now.unwrap_or(placed.record)
        }
    })
}

/// The account's channel with this id.
pub(super) async fn channel(
    house: &House,
    entry: &Entry,
    id: Option<&str>,
) -> Result<BusinessNumber, VobizError> {
    let id = body::uuid("channel_id", required("channel_id", id)?)?;
    let id = NumberId::from_uuid(id);
    let number = house.ports.numbers.load(&entry.principal.tenant, &id).await?;
    let number = number.ok_or_else(VobizError::no_channel)?;
    entry.admit(&number.id, VobizError::no_channel)?;
    Ok(number)
}

/// An object of the client's, as a text.
fn object(field: &str, value: Option<Map<String, Value>>) -> Result<Option<String>, VobizError> {
    let text = value.map(|fields| Value::Object(fields).to_string());
    match text {
        Some(text) if text.len() > LONGEST_OBJECT => {
            Err(VobizError::invalid(field, Wrong::Range, "must have at most 4096 bytes as JSON"))
        }
        text => Ok(text),
    }
}
