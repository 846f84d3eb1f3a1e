//! What every Graph request passes: version, token, planned faults, the log.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::error::GraphError;
use crate::config::SimNumber;
use crate::listener::Line;
use crate::world::World;
use crate::world::faults::FaultKind;
use crate::world::graph_log::GraphRequest;

/// No fault holds a connection longer than this.
const LONGEST_HOLD: Duration = Duration::from_secs(120);

/// What will be answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) body: Value,
    /// Whether WhatsApp did what was asked.
    pub(crate) acted: bool,
    /// Short id of the call it concerned.
    pub(crate) call: Option<String>,
}

impl Reply {
    /// 200.
    pub(crate) fn ok(body: Value) -> Self {
        Self { status: StatusCode::OK, body, acted: true, call: None }
    }

    /// `{"messaging_product":"whatsapp","success":true}`.
    pub(crate) fn success() -> Self {
        Self::ok(json!({"messaging_product": "whatsapp", "success": true}))
    }

    pub(crate) fn about(mut self, call: &str) -> Self {
        self.call = Some(call.to_owned());
        self
    }
}

/// What the log tells of a request before it is served.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) action: String,
    pub(crate) phone_number_id: String,
    pub(crate) call: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) opaque: Option<String>,
    pub(crate) sdp_sha256: Option<String>,
}

/// Checks version, number and token.
pub(crate) fn authorize(
    world: &World,
    version: &str,
    phone_number_id: &str,
    headers: &HeaderMap,
) -> Result<Arc<SimNumber>, GraphError> {
    let is_version = version.strip_prefix('v').is_some_and(|rest| {
        rest.split_once('.')
            .is_some_and(|(major, minor)| [major, minor].iter().all(|part| part.parse::<u16>().is_ok()))
    });
    if !is_version {
        return Err(GraphError::path());
    }
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = token.and_then(|value| value.strip_prefix("Bearer ")).unwrap_or_default();
    let known = |number: &Arc<SimNumber>| !token.is_empty() && number.access_token == token;
    let Some(number) = world.number(phone_number_id) else {
        let any = world.numbers().iter().any(known);
        return Err(if any { GraphError::no_object(phone_number_id) } else { GraphError::token() });
    };
    if known(&number) { Ok(number) } else { Err(GraphError::token()) }
}

/// Serves a request: plans of faults first, then the request itself, and one line in the log.
pub(crate) async fn serve(
    world: &Arc<World>,
    line: &Line,
    asked: Asked,
    act: impl Future<Output = Reply>,
) -> Response {
    let at_ms = world.clock.now_ms();
    let fault = world.faults.take(&asked.action);
    let (reply, name) = match fault {
        None => (Outcome::Answer(act.await), None),
        Some(fault) => {
            let name = fault_name(&fault);
            (go_wrong(fault, act).await, Some(name))
        }
    };
    let logged = reply.logged();
    let code = logged.body["error"]["code"].as_u64();
    let call = asked.call.or_else(|| logged.call.clone());
    let data = json!({"action": asked.action, "status": logged.status.as_u16(), "code": code, "fault": name});
    world.tell("graph.request", call.as_deref(), data);
    world.graph_log.push(GraphRequest {
        n: 0,
        at_ms,
        action: asked.action,
        phone_number_id: asked.phone_number_id,
        call,
        to: asked.to,
        opaque: asked.opaque,
        sdp_sha256: asked.sdp_sha256,
        status: logged.status.as_u16(),
        code,
        acted: logged.acted,
        fault: name,
        took_ms: world.clock.now_ms() - at_ms,
    });
    match reply {
        Outcome::Answer(reply) => response(&reply),
        Outcome::Silence { hold, .. } => {
            tokio::select! {
                () = world.stop.cancelled() => {}
                () = tokio::time::sleep(hold) => {}
            }
            line.cut();
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// What the client gets.
enum Outcome {
    Answer(Reply),
    /// Nothing: the connection breaks after a while.
    Silence {
        reply: Reply,
        hold: Duration,
    },
}

impl Outcome {
    fn logged(&self) -> &Reply {
        match self {
            Self::Answer(reply) | Self::Silence { reply, .. } => reply,
        }
    }
}

async fn go_wrong(fault: FaultKind, act: impl Future<Output = Reply>) -> Outcome {
    match fault {
        FaultKind::Slow { delay_ms } => {
            let reply = act.await;
            tokio::time::sleep(Duration::from_millis(delay_ms).min(LONGEST_HOLD)).await;
            Outcome::Answer(reply)
        }
        FaultKind::Status { status, body, acts } => {
            let done = if acts { act.await } else { GraphError::unknown().into() };
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let body = body.unwrap_or_else(|| Reply::from(GraphError::unknown()).body);
            Outcome::Answer(Reply { status, body, acted: acts && done.acted, call: done.call })
        }
        FaultKind::Hang { hold_ms, acts } => {
            let reply = if acts { act.await } else { GraphError::unknown().into() };
            Outcome::Silence { reply, hold: Duration::from_millis(hold_ms).min(LONGEST_HOLD) }
        }
        FaultKind::Drop { acts } => {
            let reply = if acts { act.await } else { GraphError::unknown().into() };
            Outcome::Silence { reply, hold: Duration::ZERO }
        }
    }
}

fn fault_name(fault: &FaultKind) -> &'static str {
    match fault {
        FaultKind::Slow { .. } => "slow",
        FaultKind::Status { .. } => "status",
        FaultKind::Hang { .. } => "hang",
        FaultKind::Drop { .. } => "drop",
    }
}

fn response(reply: &Reply) -> Response {
    // A string is a body that is no JSON: HTML of a proxy, nothing at all, or garbage.
    let (kind, text) = match &reply.body {
        Value::String(text) => ("text/html; charset=utf-8", text.clone()),
        other => ("application/json; charset=UTF-8", other.to_string()),
    };
    (reply.status, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], Body::from(text))
        .into_response()
}
