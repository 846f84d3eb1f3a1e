//! Recordings: `GET …/calls/{id}/recordings`, `DELETE` of the same, `GET …/calling/recordings/{id}` and
//! `POST …/{id}/link`. Ours, in Orbit's conventions.
//!
//! A recording is heard through a link that needs no credential and dies after a while, so that it can be given
//! to a browser's player; whoever asks for the link must be allowed to listen.

use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use data_encoding::HEXLOWER;
use offhook_core::audit::Object;
use offhook_core::call::CallRecord;
use offhook_core::house::Role;
use offhook_core::id::{RecordingId, UserId};
use offhook_core::recording::{RecordedParty, Recording, RecordingState};
use offhook_recording::Selection;
use offhook_recording::links::Link;
use serde::Deserialize;
use serde_json::{Value, json};

use super::auth::{self, Entry};
use super::body::json_body;
use super::calls::load;
use super::error::ApiError;
use super::shapes;
use super::wire::{Answer, Reply};
use crate::house::{House, Shared};
use crate::manners::limits::Operation;
use crate::manners::moment;
use crate::manners::principal::{Principal, Right, Who};

/// How long a link is good when nothing is said, and at most.
const LINK: Duration = Duration::from_secs(60 * 60);
const LONGEST_LINK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

type Id = Result<Path<String>, PathRejection>;

#[derive(Deserialize)]
struct Wanted {
    what: Option<String>,
    expires_in: Option<u64>,
}

async fn enter(
    house: &House,
    request: &axum::http::request::Parts,
    operation: Operation,
    right: Right,
) -> Result<Entry, ApiError> {
    auth::enter(house, &request.method, &request.headers, operation, right).await
}

/// Lists a call's recordings.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/calls/{id}/recordings",
    tag = "Recordings",
    operation_id = "listRecordings",
    params(("id" = String, Path)),
    responses((status = 200, body = inline(Vec<shapes::RecordingRow>)))
)]
pub(super) async fn of_call(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Read, Right::ReadRecordings).await?;
    let answer = async {
        let call = heard(&house, &entry.principal, &id.map(|Path(id)| id).map_err(|_| no_call())?).await?;
        let recordings = house.ports.recordings.of_call(&call.tenant, &call.id).await?;
        Ok(Reply::ok(Value::Array(recordings.iter().map(row).collect())))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Erases a call's recordings.
#[utoipa::path(
    delete,
    path = "/api/v1/whatsapp/calling/calls/{id}/recordings",
    tag = "Recordings",
    operation_id = "eraseRecordings",
    params(("id" = String, Path)),
    responses((status = 200, body = shapes::ErasedRecordings))
)]
pub(super) async fn erase(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::EraseRecordings).await?;
    let answer = async {
        let call = load(&house, &entry.principal, &id.map(|Path(id)| id).map_err(|_| no_call())?).await?;
        let erased = house.ports.archive.erase(&call.tenant, &call.id).await.map_err(|problem| {
            tracing::error!(call.id = %call.id, error = problem, "recordings were not erased");
            ApiError::unavailable()
        })?;
        let object = Object::new("call", call.id.as_str());
        let details = json!({ "erased": erased });
        house.audit.record(&entry.principal, "recording.erased", object, details).await?;
        Ok(Reply::ok(json!({ "call_id": call.id.as_str(), "erased": erased })))
    };
    let answer = answer.await;
    entry.leave(answer)
}

/// Reads a recording's row.
#[utoipa::path(
    get,
    path = "/api/v1/whatsapp/calling/recordings/{id}",
    tag = "Recordings",
    operation_id = "readRecording",
    params(("id" = String, Path)),
    responses((status = 200, body = shapes::RecordingRow))
)]
pub(super) async fn one(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, _) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Read, Right::ReadRecordings).await?;
    let answer = find(&house, &entry.principal, id).await.map(|recording| Reply::ok(row(&recording)));
    entry.leave(answer)
}

/// Makes a link to a recording's sound, which needs no credential.
#[utoipa::path(
    post,
    path = "/api/v1/whatsapp/calling/recordings/{id}/link",
    tag = "Recordings",
    operation_id = "linkRecording",
    params(("id" = String, Path)),
    request_body = Option<shapes::WantedLink>,
    responses((status = 201, body = shapes::RecordingLink), (status = 410))
)]
pub(super) async fn link(State(house): State<Shared>, id: Id, request: Request) -> Answer {
    let (parts, content) = request.into_parts();
    let entry = enter(&house, &parts, Operation::Control, Right::ReadRecordings).await?;
    let answer = async {
        let recording = find(&house, &entry.principal, id).await?;
        let wanted: Wanted = match parts.headers.get("content-type") {
            Some(_) => json_body(&parts.headers, content).await?,
            None => Wanted { what: None, expires_in: None },
        };
        let object = Object::new("recording", recording.id.as_str());
        let reply = linked(&house, recording, wanted)?;
        house.audit.record(&entry.principal, "recording.link_made", object, Value::Null).await?;
        Ok(reply)
    };
    let answer = answer.await;
    entry.leave(answer)
}

fn linked(house: &House, recording: Recording, wanted: Wanted) -> Answer {
    match recording.state {
        RecordingState::Recording | RecordingState::Paused => {
            return Err(ApiError::conflict("the recording is not over yet"));
        }
        RecordingState::Deleted => return Err(ApiError::gone("the recording was deleted")),
        RecordingState::Complete | RecordingState::Truncated => {}
    }
    let what = wanted.what.as_deref().unwrap_or("mixed");
    let party = |what: &Selection| match what {
        Selection::Party(party) => recording.parties.iter().any(|known| known.index == party.0),
        Selection::Mixed | Selection::Stereo => true,
    };
    let what = Selection::parse(what).filter(party);
    let what = what.ok_or_else(|| ApiError::invalid("what", "one of mixed, stereo, party-0, party-1 …"))?;
    let lives = wanted.expires_in.map_or(LINK, Duration::from_secs);
    if lives.is_zero() || lives > LONGEST_LINK {
        let message = format!("expires_in is 1 to {} seconds", LONGEST_LINK.as_secs());
        return Err(ApiError::invalid("expires_in", message));
    }
    let expires = house.now() + lives;
    let link = Link { tenant: recording.tenant, recording: recording.id, what, expires };
    let path = format!("/recordings/{}", house.ports.archive.sign(&link));
    let url = match &house.config.public_url {
        Some(base) => base.join(&path).map_or(path, String::from),
        None => path,
    };
    Ok(Reply::created(json!({ "url": url, "what": what.to_string(), "expires_at": moment::whole(expires) })))
}

fn no_call() -> ApiError {
    ApiError::not_found("no such call")
}

fn no_recording() -> ApiError {
    ApiError::not_found("no such recording")
}

/// A recording the caller may hear. Somebody else's is as absent as one that never was.
async fn find(house: &House, principal: &Principal, id: Id) -> Result<Recording, ApiError> {
    let id = id.ok().and_then(|Path(id)| RecordingId::parse(&id)).ok_or_else(no_recording)?;
    let found = house.ports.recordings.find(&principal.tenant, &id).await?;
    let recording = found.ok_or_else(no_recording)?;
    heard(house, principal, recording.call.as_str()).await.map_err(|_| no_recording())?;
    Ok(recording)
}

/// A call whose recordings the caller may hear: agents hear those of calls they were in.
async fn heard(house: &House, principal: &Principal, id: &str) -> Result<CallRecord, ApiError> {
    let call = load(house, principal, id).await?;
    let mine =
        |me: &UserId| call.seats(me) || call.facts.quality.iter().any(|leg| leg.agent.as_ref() == Some(me));
    match &principal.who {
        Who::Person(person) if person.role == Role::Agent && !mine(&person.id) => Err(no_call()),
        Who::Person(_) | Who::Key(_) => Ok(call),
    }
}

fn row(recording: &Recording) -> Value {
    let party = |party: &RecordedParty| {
        json!({
            "name": format!("party-{}", party.index),
            "kind": party.kind.as_str(),
            "agent_id": party.user.as_ref().map(UserId::as_str),
        })
    };
    let consent = &recording.consent;
    json!({
        "id": recording.id.as_str(),
        "call_id": recording.call.as_str(),
        "state": recording.state.as_str(),
        "started_at": moment::precise(recording.started_at),
        "ended_at": recording.ended_at.map(moment::precise),
        "length_ms": recording.length_ms,
        "stored": recording.stored.is_some(),
        "bytes": recording.stored.as_ref().map(|stored| stored.bytes),
        "sha256": recording.stored.as_ref().map(|stored| HEXLOWER.encode(&stored.checksum)),
        "parties": recording.parties.iter().map(party).collect::<Vec<_>>(),
        "consent": {
            "mode": consent.mode.as_str(),
            "announced_at": consent.announced_at.map(moment::precise),
            "announced_until": consent.announced_until.map(moment::precise),
        },
        "expires_at": moment::whole(recording.expires_at),
        "deleted_at": recording.deleted.as_ref().map(|deleted| moment::whole(deleted.at)),
        "deleted_why": recording.deleted.as_ref().map(|deleted| deleted.why.as_str()),
    })
}
