//! `POST /{version}/{number}/calls`: the five actions.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use aws_lc_rs::digest;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use bytes::Bytes;
use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::oneshot;

use super::door::{Asked, Reply, authorize, serve};
use super::error::GraphError;
use crate::call::place;
use crate::call::run::Mail;
use crate::call::words::{Input, Refused};
use crate::config::SimNumber;
use crate::knobs::Knobs;
use crate::listener::Line;
use crate::permission::Grant;
use crate::sdp::{self, Kind, RemoteSdp};
use crate::world::World;
use crate::world::calls::CallEntry;
use crate::world::users::User;

/// A call answers within this, or something is broken here.
const CALL_PATIENCE: Duration = Duration::from_secs(5);
/// How long the reply to `connect` waits for its own webhook, where that is asked for.
const WEBHOOK_PATIENCE: Duration = Duration::from_secs(5);
const MAX_OPAQUE: usize = 512;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Body {
    messaging_product: String,
    to: Option<String>,
    recipient: Option<String>,
    action: Option<String>,
    call_id: Option<String>,
    session: Option<Session>,
    biz_opaque_callback_data: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Session {
    sdp_type: String,
    sdp: String,
}

pub(crate) async fn act(
    State(world): State<Arc<World>>,
    Path((version, phone_number_id)): Path<(String, String)>,
    ConnectInfo(line): ConnectInfo<Line>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let parsed: Result<Body, _> = serde_json::from_slice(&body);
    let mut asked = Asked { action: "calls".to_owned(), phone_number_id, ..Asked::default() };
    if let Ok(body) = &parsed {
        // Without an action and without a call id the legacy form of connect is meant.
        let default = if body.call_id.is_none() { "connect" } else { "calls" };
        asked.action = body.action.clone().unwrap_or_else(|| default.to_owned());
        asked.call =
            body.call_id.as_deref().and_then(|id| world.calls.find(id)).map(|call| call.ids.short.clone());
        asked.to = body.to.clone().or_else(|| body.recipient.clone());
        asked.opaque = body.biz_opaque_callback_data.clone();
        asked.sdp_sha256 = body
            .session
            .as_ref()
            .map(|session| HEXLOWER.encode(digest::digest(&digest::SHA256, session.sdp.as_bytes()).as_ref()));
    }
    let (action, number) = (asked.action.clone(), asked.phone_number_id.clone());
    serve(&world, &line, asked, async {
        let number = match authorize(&world, &version, &number, &headers) {
            Ok(number) => number,
            Err(error) => return error.into(),
        };
        if world.calling_settings(&number.phone_number_id)["sip"]["status"] == json!("ENABLED") {
            return GraphError::sip_number().into();
        }
        let outcome = match parsed {
            Ok(body) if body.messaging_product != "whatsapp" => {
                Err(GraphError::parameter("The parameter messaging_product is required."))
            }
            Ok(body) if action == "connect" => connect(&world, number, body).await,
            Ok(body) => on_call(&world, &number, &action, body).await,
            Err(error) => Err(GraphError::parameter(format!("The body is not valid: {error}"))),
        };
        outcome.unwrap_or_else(Reply::from)
    })
    .await
}

async fn connect(world: &Arc<World>, number: Arc<SimNumber>, body: Body) -> Result<Reply, GraphError> {
    let knobs = world.knobs();
    let session = body.session.ok_or_else(|| GraphError::parameter("The parameter session is required."))?;
    if session.sdp_type != "offer" {
        return Err(GraphError::parameter("session.sdp_type must be offer."));
    }
    check_opaque(body.biz_opaque_callback_data.as_deref())?;
    let user = callee(world, body.to.as_deref(), body.recipient.as_deref())?;
    if world.calls.connect_fails(&number.phone_number_id, &user.digits, user.suffix.graph_failures()) {
        return Err(GraphError::unknown());
    }
    let remote = read_sdp(&session.sdp, Kind::Offer, &knobs)?;
    may_call(world, &number, &user, &knobs)?;
    let early = knobs.connect_webhook_first || user.suffix.connect_webhook_first();
    let (delivered, wait) = oneshot::channel();
    let shown = body.to.unwrap_or_default();
    let opaque = body.biz_opaque_callback_data;
    let first = early.then_some(delivered);
    let placed = place::business_calls(world, number, user, (session.sdp, remote), opaque, first).await;
    let entry = placed.map_err(|error| {
        tracing::warn!(%error, "a phone cannot be made");
        GraphError::setup()
    })?;
    if early {
        // Nobody answering the webhook must not hold the call up for ever.
        let _ = tokio::time::timeout(WEBHOOK_PATIENCE, wait).await;
    }
    let reply = json!({
        "messaging_product": "whatsapp", "success": true,
        "contacts": [{"input": shown, "wa_id": entry.user.shown(&knobs)}],
        "calls": [{"id": entry.ids.wacid}],
    });
    Ok(Reply::ok(reply).about(&entry.ids.short))
}

fn may_call(world: &World, number: &SimNumber, user: &User, knobs: &Knobs) -> Result<(), GraphError> {
    let pnid = &number.phone_number_id;
    if world.calling_settings(pnid)["status"] == json!("DISABLED") {
        return Err(GraphError::calling_disabled());
    }
    if user.suffix.is_uncallable() || user.digits == number.digits() {
        return Err(GraphError::uncallable());
    }
    let (now, without) = (world.clock.now_secs(), user.suffix.starts_without_permission());
    let (grant, (connected, next)) = world
        .consents
        .with(pnid, user, |consent| (consent.grant(now, knobs, without), consent.connected_today(now)));
    if grant == Grant::None {
        return Err(GraphError::no_permission());
    }
    let live = world.calls.live_of(pnid);
    if live.iter().any(|call| call.user.digits == user.digits) {
        return Err(GraphError::duplicate_call());
    }
    if live.len() >= usize::try_from(knobs.concurrent_calls).unwrap_or(usize::MAX) {
        return Err(GraphError::too_many_calls());
    }
    if connected >= knobs.connected_calls_per_day {
        return Err(GraphError::connected_limit(next));
    }
    let placed = world.calls.count_placed(pnid, world.clock.now_ms());
    if placed >= usize::try_from(knobs.new_calls_per_day).unwrap_or(usize::MAX) {
        return Err(GraphError::call_rate());
    }
    Ok(())
}

async fn on_call(
    world: &Arc<World>,
    number: &SimNumber,
    action: &str,
    body: Body,
) -> Result<Reply, GraphError> {
    let knobs = world.knobs();
    if !matches!(action, "pre_accept" | "accept" | "reject" | "terminate") {
        return Err(GraphError::parameter(
            "The parameter action must be connect, pre_accept, accept, reject or terminate.",
        ));
    }
    let id =
        body.call_id.as_deref().ok_or_else(|| GraphError::parameter("The parameter call_id is required."))?;
    let entry = world
        .calls
        .find(id)
        .filter(|call| call.ids.wacid == id && call.number.phone_number_id == number.phone_number_id)
        .ok_or_else(|| GraphError::parameter("The call id is unknown."))?;
    let left = &entry.graph_failures_left;
    if left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok() {
        return Err(GraphError::unknown());
    }
    check_opaque(body.biz_opaque_callback_data.as_deref())?;
    let input = match action {
        "pre_accept" | "accept" => answer_input(action, body.session, &entry, &knobs)?,
        "reject" => Input::Reject,
        _ => Input::Terminate,
    };
    let opaque = if action == "accept" { body.biz_opaque_callback_data } else { None };
    let (reply, outcome) = oneshot::channel();
    let sent = entry.mail.send(Mail::Business { input, opaque, reply }).await;
    let outcome = match sent {
        Ok(()) => tokio::time::timeout(CALL_PATIENCE, outcome).await.map_err(|_| GraphError::unknown())?,
        // The call's task is gone: the call is over.
        Err(_) => Ok(Err(ended(&entry, action))),
    };
    match outcome.unwrap_or_else(|_| Err(ended(&entry, action))) {
        Ok(()) => Ok(Reply::success().about(&entry.ids.short)),
        Err(refused) => Err(GraphError::refused(refused, knobs.sdp_error_code)),
    }
}

fn answer_input(
    action: &str,
    session: Option<Session>,
    entry: &CallEntry,
    knobs: &Knobs,
) -> Result<Input, GraphError> {
    let session = session.ok_or_else(|| GraphError::parameter("The parameter session is required."))?;
    let answer = match (session.sdp_type.as_str(), action) {
        ("answer", _) => true,
        ("offer", "accept") if !knobs.offer_in_accept_error => false,
        _ => return Err(GraphError::parameter("session.sdp_type must be answer.")),
    };
    // A call that is over says so before anybody looks at the SDP.
    if answer && !entry.is_over() {
        read_sdp(&session.sdp, Kind::Answer, knobs)?;
    }
    let sdp = session.sdp;
    Ok(if action == "accept" { Input::Accept { sdp, answer } } else { Input::PreAccept { sdp } })
}

fn ended(entry: &CallEntry, action: &str) -> Refused {
    if action == "reject" && entry.record().rejected { Refused::AlreadyRejected } else { Refused::Ended }
}

fn read_sdp(text: &str, kind: Kind, knobs: &Knobs) -> Result<RemoteSdp, GraphError> {
    let remote = sdp::read(text).map_err(|problem| GraphError::sdp(knobs.sdp_error_code, problem))?;
    let verdict = sdp::check(&remote, kind);
    // Without these nothing can work, however lenient one is.
    let usable = remote.ufrag.is_some() && remote.pwd.is_some() && remote.opus.is_some();
    match verdict {
        Err(problem) if knobs.strict_sdp || !usable => Err(GraphError::sdp(knobs.sdp_error_code, problem)),
        _ => Ok(remote),
    }
}

fn check_opaque(opaque: Option<&str>) -> Result<(), GraphError> {
    match opaque {
        Some(opaque) if opaque.chars().count() > MAX_OPAQUE => {
            Err(GraphError::parameter("biz_opaque_callback_data must have at most 512 characters."))
        }
        _ => Ok(()),
    }
}

/// The user a request names; the number wins over the scoped id, and a draft let `to` carry a scoped id.
pub(crate) fn callee(world: &World, to: Option<&str>, recipient: Option<&str>) -> Result<User, GraphError> {
    let named = to.filter(|to| !to.is_empty()).or(recipient).unwrap_or_default();
    if named.is_empty() {
        return Err(GraphError::parameter("One of the parameters to and recipient is required."));
    }
    if named.contains(|c: char| c.is_ascii_alphabetic()) {
        return world.users.by_bsuid(named).ok_or_else(GraphError::uncallable);
    }
    let user = world.users.of(named);
    if (7..=15).contains(&user.digits.len()) {
        Ok(user)
    } else {
        Err(GraphError::parameter("The parameter to is not a phone number."))
    }
}
