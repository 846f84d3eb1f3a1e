//! Voice bots that connect to us: `POST …/calls/{id}/streams` lets one in, `GET …/calling/streams/secret` is what a
//! company's bots know us by. Ours, in Orbit's conventions.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use offhook_core::audit::Object;
use offhook_core::call::{Refusal, State as CallState};
use offhook_core::house::MediaMode;
use offhook_engine::EngineError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::auth;
use super::body::json_body;
use super::calls::load;
use super::control::bound_to;
use super::error::ApiError;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right};

/// How a voice bot is to take part in the call.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct InviteStream {
    /// The owner leaves the call, and the bot has the conversation.
    #[schema(example = false)]
    take_over: bool,
}

/// An invitation for one connection of a voice bot.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamInvitation {
    /// The connection's id.
    #[schema(example = "str_0192f0c2b7a47c9c8f0e3a5d1b2c4d6e")]
    id: String,
    /// The call.
    #[schema(example = "wac_0192f0c2b7a47c9c8f0e3a5d1b2c4d6e")]
    call_id: String,
    /// Where the bot connects to, with the subprotocol `orbit-voice-1.0`. A path where the server does not know
    /// its own address.
    #[schema(example = "wss://offhook.example.com/streams/wac_0192f0c2b7a47c9c8f0e3a5d1b2c4d6e")]
    url: String,
    /// To be sent as `Authorization: Bearer …`. Good once, until `expires_at`.
    token: String,
    /// Until when the token is good.
    #[schema(format = DateTime, example = "2026-02-03T10:15:00Z")]
    expires_at: String,
}

/// The secret that voice bots check the server's tokens with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StreamSecret {
    /// The key of the HMAC-SHA-256 signature (`HS256`) of the tokens that bots are shown.
    secret: String,
}

/// Lets a voice bot connect to a live bridged call.
#[utoipa::path(
    post,
    path = "/api/v1/whatsapp/calling/calls/{id}/streams",
    tag = "Voice bots",
    operation_id = "inviteStream",
    params(("id" = String, Path, description = "The call, by our id or Meta's")),
    request_body(content = Option<InviteStream>, description = "May be left out"),
    responses((status = 201, body = StreamInvitation))
)]
pub(crate) async fn invite(
    State(house): State<Shared>,
    id: Result<Path<String>, PathRejection>,
    request: Request,
) -> Answer {
    let (parts, content) = request.into_parts();
    let headers = &parts.headers;
    let entry = auth::enter(&house, &parts.method, headers, Operation::Control, Right::WriteCalls).await?;
    let answer = async {
        let Ok(Path(id)) = id else { return Err(ApiError::not_found("no such call")) };
        let wanted: InviteStream = match headers.get("content-type") {
            Some(_) => json_body(headers, content).await?,
            None => InviteStream::default(),
        };
        invited(&house, &entry.principal, &id, &wanted).await
    };
    let answer = answer.await;
    entry.leave(answer)
}

async fn invited(house: &House, principal: &Principal, id: &str, wanted: &InviteStream) -> Answer {
    let call = load(house, principal, id).await?;
    let refusal = match (call.media_mode, call.state) {
        _ if bound_to(principal).is_some_and(|me| call.agent.as_ref() != Some(&me)) => {
            Some(Refusal::NotYours)
        }
        (MediaMode::Relay, _) => Some(Refusal::OtherMedia),
        (MediaMode::Bridge, CallState::Connected) => None,
        (MediaMode::Bridge, state) if state.is_over() => Some(Refusal::CallEnded),
        (MediaMode::Bridge, _) => Some(Refusal::NotTalking),
    };
    if let Some(refusal) = refusal {
        return Err(EngineError::Refused(refusal).into());
    }
    let object = Object::new("call", call.id.as_str());
    house.audit.record(principal, "call.stream_invited", object, Value::Null).await?;
    let invited = house.ports.bots.invite(&call.tenant, &call.id, wanted.take_over);
    let invitation = StreamInvitation {
        id: invited.stream.to_string(),
        call_id: call.id.to_string(),
        url: address(house, &format!("/streams/{}", call.id)),
        token: invited.token,
        expires_at: moment::whole(invited.expires),
    };
    Ok(Reply::created(json!(invitation)))
}

/// The address of a socket of ours as seen from outside, as far as it is known.
fn address(house: &House, path: &str) -> String {
    let public = house.config.public_url.as_ref().and_then(|url| url.join(path).ok());
    let socket = public.and_then(|mut url| {
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        url.set_scheme(scheme).ok().map(|()| String::from(url))
    });
    socket.unwrap_or_else(|| path.to_owned())
}

/// The secret a company's voice bots check our tokens with.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/streams/secret",
    tag = "Voice bots",
    operation_id = "readStreamSecret",
    responses((status = 200, body = StreamSecret))
)]
pub(crate) async fn secret(State(house): State<Shared>, request: Request) -> Answer {
    let (method, headers) = (request.method(), request.headers());
    let entry = auth::enter(&house, method, headers, Operation::Read, Right::WriteNumbers).await?;
    let secret = house.ports.bots.secret(&entry.principal.tenant);
    entry.leave(Ok(Reply::ok(json!(StreamSecret { secret }))))
}
