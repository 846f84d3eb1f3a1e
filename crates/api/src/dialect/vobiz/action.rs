//! `POST …/calls/whatsapp/action`: what can be done with a live call (provider-apis.md 3.4).

use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use offhook_core::audit::Object;
use offhook_core::call::{Along, CallRecord, Command, EndReason};
use offhook_core::id::{CallId, Wacid};
use offhook_core::meta::Direction;
use offhook_core::sdp::Sdp;
use offhook_core::time::Time;
use offhook_engine::EngineError;
use offhook_whatsapp::sdp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::{self, Entry};
use super::body::{self, required};
use super::calls::channel;
use super::error::{VobizError, Wrong};
use super::wire::ErrorBody;
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::principal::Right;

/// How long an action that is asked for again, because its answer was lost, is answered as it was.
const REPLAYED: Duration = Duration::from_secs(10);

/// What to do with a call.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ActionRequest {
    /// The channel the call belongs to; may be left out.
    #[schema(example = "3f1c9b7e-2d4a-4f6b-9c8e-0a1b2c3d4e5f")]
    channel_id: Option<String>,
    /// The call's id as it was placed, or WhatsApp's (`wacid.…`).
    #[schema(example = "d5e6f708-1920-4a3b-94c5-d6e7f8091022")]
    call_id: Option<String>,
    /// `pre_accept`, `accept`, `reject` or `terminate`.
    #[schema(example = "accept")]
    action: Option<String>,
    /// Your SDP answer, for `pre_accept` and `accept`.
    sdp: Option<String>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionDone {
    /// As it was sent.
    #[schema(example = "d5e6f708-1920-4a3b-94c5-d6e7f8091022")]
    call_id: String,
    #[schema(example = "accept")]
    action: &'static str,
    success: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    PreAccept,
    Accept,
    Reject,
    Terminate,
}

impl Action {
    const ALL: [Self; 4] = [Self::PreAccept, Self::Accept, Self::Reject, Self::Terminate];

    const fn word(self) -> &'static str {
        match self {
            Self::PreAccept => "pre_accept",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Terminate => "terminate",
        }
    }
}

/// Answers, refuses or ends a call. `accept` is answered when WhatsApp has confirmed it: send sound after it.
#[utoipa::path(
    post,
    path = "/api/v1/messaging/calls/whatsapp/action",
    tag = "Vobiz",
    operation_id = "vobizControlCall",
    request_body = ActionRequest,
    responses(
        (status = 200, description = "Done", body = ActionDone),
        (status = 400, description = "No JSON", body = ErrorBody),
        (status = 401, description = "Unknown credentials", body = ErrorBody),
        (status = 403, description = "The key may not do this", body = ErrorBody),
        (status = 404, description = "No such channel or call", body = ErrorBody),
        (status = 408, description = "The body did not arrive in time", body = ErrorBody),
        (status = 409, description = "The call is not in a state for this", body = ErrorBody),
        (status = 413, description = "The body is too large", body = ErrorBody),
        (status = 415, description = "The body is compressed", body = ErrorBody),
        (status = 422, description = "A field is wrong, or WhatsApp refuses", body = ErrorBody),
        (status = 429, description = "Too many requests, or a limit of WhatsApp's", body = ErrorBody),
        (status = 502, description = "WhatsApp failed", body = ErrorBody),
        (status = 503, description = "The server cannot do this now", body = ErrorBody),
    )
)]
pub(crate) async fn act(
    State(house): State<Shared>,
    request: Request,
) -> Result<Json<ActionDone>, VobizError> {
    let (parts, content) = request.into_parts();
    let entry = auth::enter(&house, &parts.headers, Operation::Control, Right::WriteCalls).await?;
    let wanted: ActionRequest = body::read(&parts.headers, content).await?;
    let word = required("action", wanted.action.as_deref())?;
    let action = Action::ALL.into_iter().find(|action| action.word() == word);
    let action = action.ok_or_else(|| {
        VobizError::invalid("action", Wrong::Format, "must be pre_accept, accept, reject or terminate")
    })?;
    let id = required("call_id", wanted.call_id.as_deref())?;
    let call = find(&house, &entry, id).await?;
    if let Some(stated) = wanted.channel_id.as_deref().filter(|id| !id.is_empty())
        && channel(&house, &entry, Some(stated)).await?.id != call.number
    {
        return Err(VobizError::no_call());
    }
    let answer = wanted.sdp.as_deref().filter(|sdp| !sdp.is_empty()).map(sdp::check_answer).transpose();
    let answer = answer.map_err(|why| VobizError::invalid_sdp("sdp", &why))?;
    carry_out(&house, &call, action, answer).await?;
    let object = Object::new("call", call.id.as_str());
    let action_name = format!("call.{}", action.word());
    house.audit.record(&entry.principal, &action_name, object, Value::Null).await?;
    Ok(Json(ActionDone { call_id: id.to_owned(), action: action.word(), success: true }))
}

/// The call by our id or Meta's.
async fn find(house: &House, entry: &Entry, id: &str) -> Result<CallRecord, VobizError> {
    let tenant = &entry.principal.tenant;
    let call = match (Uuid::parse_str(id), Wacid::new(id)) {
        (Ok(uuid), _) => {
            let call = house.engine.load(tenant, &CallId::from_uuid(uuid)).await?;
            call.map(|call| (*call).clone())
        }
        (Err(_), Some(wacid)) => house.ports.calls.find_wacid(&wacid).await?,
        (Err(_), None) => None,
    };
    let call = call.filter(|call| call.tenant == *tenant).ok_or_else(VobizError::no_call)?;
    entry.admit(&call.number, VobizError::no_call)?;
    Ok(call)
}

async fn carry_out(
    house: &House,
    call: &CallRecord,
    action: Action,
    answer: Option<Sdp>,
) -> Result<(), VobizError> {
    if is_done(call, action, house.now()) {
        return Ok(());
    }
    let missing = || VobizError::missing("sdp");
    let command = match action {
        Action::PreAccept => Command::PreAccept { answer: answer.ok_or_else(missing)? },
        Action::Accept => Command::AcceptRelayed { answer, along: Along::default() },
        Action::Reject => Command::Reject,
        Action::Terminate if call.state.is_over() => {
            return Err(VobizError::conflict("this call is over"));
        }
        Action::Terminate => Command::Hangup { by: None },
    };
    let (tenant, id) = (&call.tenant, &call.id);
    let done = match action {
        Action::PreAccept | Action::Accept => house.engine.answer(tenant, id, command).await,
        Action::Reject | Action::Terminate => house.engine.command(tenant, id, command).await,
    };
    done.map(|_| ()).map_err(|error| match error {
        // Outbound calls and answered ones are not there to be answered.
        EngineError::Refused(refusal) if call.direction == Direction::Outbound => {
            VobizError::conflict(refusal.to_string())
        }
        error => error.into(),
    })
}

/// Whether the action was carried out a moment ago: its client did not hear the answer and asks again.
fn is_done(call: &CallRecord, action: Action, now: Time) -> bool {
    let lately = |at: Time| now.since(at) <= REPLAYED;
    let facts = &call.facts;
    match action {
        // While the call lives its machine knows repetitions by their bytes.
        Action::PreAccept => false,
        Action::Accept => {
            let ours = call.agent.is_none() && call.state.is_over() && call.answered_at().is_some();
            ours && facts.claimed_at.is_some_and(lately)
        }
        Action::Reject | Action::Terminate => facts.intent.as_ref().is_some_and(|intent| {
            let rejected = intent.reason == EndReason::AgentRejected;
            let ended = matches!(intent.reason, EndReason::LocalHangup | EndReason::Cancelled);
            lately(intent.at) && if action == Action::Reject { rejected } else { rejected || ended }
        }),
    }
}
