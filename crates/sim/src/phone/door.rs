//! The WebSocket of phones outside: pages in a browser and stacks of other projects. Described in `PHONE.md`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

use super::registry::{Mode, Session};
use crate::call::place::{self, Dial, DialPhone};
use crate::call::run::{Mail, incoming};
use crate::call::words::{Direction, Input};
use crate::control::{refusal, user_input};
use crate::world::calls::CallEntry;
use crate::world::replies::{self, Decision};
use crate::world::{World, digits_of};

/// The number of a page that was opened without one, when it dials.
const DEFAULT_NUMBER: &str = "447700900123";
const OUTBOX: usize = 256;
const MAX_MESSAGE: usize = 64 * 1024;
/// A phone that says nothing for two of these is gone.
const PING_EVERY: Duration = Duration::from_secs(20);
const CALL_PATIENCE: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize)]
pub(crate) struct Who {
    number: Option<String>,
    mode: Option<Mode>,
    name: Option<String>,
}

/// What a phone says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FromPhone {
    Call {
        to: Option<String>,
        sdp: Option<String>,
    },
    Media {
        call: String,
        sdp: String,
    },
    Answer {
        call: String,
        sdp: Option<String>,
    },
    Decline {
        call: String,
    },
    Hangup {
        call: String,
    },
    Keys {
        call: String,
        keys: String,
    },
    Permission {
        request: String,
        response: String,
        #[serde(default)]
        permanent: bool,
    },
    Ping,
}

pub(crate) async fn open(
    State(world): State<Arc<World>>,
    Query(who): Query<Who>,
    upgrade: WebSocketUpgrade,
) -> Response {
    upgrade.max_message_size(MAX_MESSAGE).on_upgrade(move |socket| attend(world, who, socket))
}

async fn attend(world: Arc<World>, who: Who, mut socket: WebSocket) {
    let digits = who.number.as_deref().map(digits_of).filter(|digits| !digits.is_empty());
    let (outbox, mut messages) = mpsc::channel(OUTBOX);
    let mode = who.mode.unwrap_or(Mode::Bridged);
    let Some((session, replaced)) = world.phones.connect(digits, mode, outbox) else { return };
    if let Some(replaced) = replaced {
        replaced.tell(json!({"type": "replaced"}));
        hang_up_all(&world, replaced.id).await;
    }
    let number = session.digits.clone().unwrap_or_else(|| DEFAULT_NUMBER.to_owned());
    if let Some(name) = &who.name {
        world.users.rename(&number, name);
    }
    let numbers = world.numbers();
    let businesses: Vec<Value> = numbers
        .iter()
        .map(|n| json!({"phone_number_id": n.phone_number_id, "number": n.display_phone}))
        .collect();
    session.tell(json!({
        "type": "hello", "number": format!("+{number}"), "catches_all": session.digits.is_none(), "mode": mode,
        "businesses": businesses,
    }));
    world.tell("phone.connected", None, json!({"number": session.digits, "mode": mode}));
    ring_waiting(&world, &session);

    let mut ping = tokio::time::interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut quiet = 0;
    loop {
        tokio::select! {
            () = world.stop.cancelled() => break,
            message = messages.recv() => {
                let Some(message) = message else { break };
                let last = message["type"] == json!("replaced");
                if socket.send(Message::Text(message.to_string().into())).await.is_err() || last {
                    break;
                }
            }
            received = socket.recv() => {
                quiet = 0;
                match received {
                    Some(Ok(Message::Text(text))) => obey(&world, &session, &number, text.as_str()).await,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {}
                }
            }
            _ = ping.tick() => {
                quiet += 1;
                if quiet > 2 || socket.send(Message::Ping(bytes::Bytes::new())).await.is_err() {
                    break;
                }
            }
        }
    }
    world.phones.disconnect(session.id);
    hang_up_all(&world, session.id).await;
    world.tell("phone.disconnected", None, json!({"number": session.digits}));
}

async fn obey(world: &Arc<World>, session: &Session, number: &str, text: &str) {
    let message: FromPhone = match serde_json::from_str(text) {
        Ok(message) => message,
        Err(error) => return complain(session, None, &format!("unreadable message: {error}")),
    };
    match message {
        FromPhone::Ping => session.tell(json!({"type": "pong"})),
        FromPhone::Call { to, sdp } => call(world, session, number, to.as_deref(), sdp).await,
        FromPhone::Media { call, sdp } => {
            if let Some(entry) = own(world, session, &call) {
                media(session, &entry, sdp).await;
            }
        }
        FromPhone::Answer { call, sdp } => {
            if let Some(entry) = own(world, session, &call) {
                if let Some(sdp) = sdp {
                    media(session, &entry, sdp).await;
                }
                user(session, &entry, Input::UserAnswers).await;
            }
        }
        FromPhone::Decline { call } => {
            if let Some(entry) = own(world, session, &call) {
                user(session, &entry, Input::UserDeclines).await;
            }
        }
        FromPhone::Hangup { call } => {
            if let Some(entry) = own(world, session, &call) {
                user(session, &entry, Input::UserHangsUp).await;
            }
        }
        FromPhone::Keys { call, keys } => {
            if let Some(entry) = own(world, session, &call)
                && entry.mail.send(Mail::Keys(keys)).await.is_err()
            {
                complain(session, Some(&call), "the call is over");
            }
        }
        FromPhone::Permission { request, response, permanent } => {
            let decision = match (response.as_str(), permanent) {
                ("accept", false) => Decision::Week,
                ("accept", true) => Decision::Always,
                _ => Decision::No,
            };
            if !replies::answer_request(world, &request, decision) {
                complain(session, None, "this permission request does not wait for an answer");
            }
        }
    }
}

async fn call(world: &Arc<World>, session: &Session, number: &str, to: Option<&str>, sdp: Option<String>) {
    let Some(business) = world.find_number(to) else {
        return complain(session, None, "no business has this number");
    };
    let (phone, page_offer) = match (session.mode, sdp) {
        (Mode::Direct, Some(sdp)) => (DialPhone::Outside(session.clone(), sdp), None),
        (Mode::Direct, None) => return complain(session, None, "a direct phone calls with its SDP offer"),
        (Mode::Bridged, sdp) => (DialPhone::Page(session.clone()), sdp),
    };
    let to = business.display_phone.clone();
    let dial = Dial {
        number: business,
        user: world.users.of(number),
        script: None,
        phone,
        deeplink_payload: None,
        cta_payload: None,
    };
    match place::user_calls(world, dial).await {
        Ok(entry) => {
            session.tell(json!({"type": "calling", "call": entry.ids.short, "to": to}));
            if let Some(offer) = page_offer {
                media(session, &entry, offer).await;
            }
        }
        Err(error) => complain(session, None, &error.to_string()),
    }
}

// A page's offer is answered here; a direct phone's answer goes to the business.
async fn media(session: &Session, entry: &Arc<CallEntry>, sdp: String) {
    let id = &entry.ids.short;
    if session.mode == Mode::Direct {
        if entry.direction == Direction::User {
            return complain(session, Some(id), "the SDP offer came with the call");
        }
        if user_input(entry, Input::AnswerReady { sdp }, None).await.is_err() {
            complain(session, Some(id), "the call is over");
        }
        return;
    }
    let (reply, answer) = oneshot::channel();
    let sent = entry.mail.send(Mail::PageOffer { sdp, reply }).await;
    if sent.is_err() {
        return complain(session, Some(id), "the call is over");
    }
    match tokio::time::timeout(CALL_PATIENCE, answer).await {
        Ok(Ok(Ok(sdp))) => session.tell(json!({"type": "media", "call": id, "sdp": sdp})),
        Ok(Ok(Err(problem))) => complain(session, Some(id), &problem),
        Ok(Err(_)) | Err(_) => complain(session, Some(id), "the call is over"),
    }
}

async fn user(session: &Session, entry: &Arc<CallEntry>, input: Input) {
    let answers = matches!(input, Input::UserAnswers);
    let script = answers.then(place::person);
    if let Err(refused) = user_input(entry, input, script).await {
        complain(session, Some(&entry.ids.short), refusal(refused));
    }
}

fn own(world: &World, session: &Session, call: &str) -> Option<Arc<CallEntry>> {
    let entry = world.calls.find(call).filter(|entry| entry.session() == Some(session.id));
    if entry.is_none() {
        complain(session, Some(call), "this phone has no such call");
    }
    entry
}

fn complain(session: &Session, call: Option<&str>, message: &str) {
    session.tell(json!({"type": "error", "call": call, "message": message}));
}

// A phone that connects while its number is being called starts to ring.
fn ring_waiting(world: &World, session: &Session) {
    if session.mode == Mode::Direct {
        return;
    }
    for entry in world.calls.live() {
        let waits = entry.direction == Direction::Business && entry.session().is_none();
        let (is_ringing, is_page) = {
            let record = entry.record();
            (record.phase == "ringing", record.phone == "page")
        };
        let ours = world.phones.ringing_for(&entry.user.digits).is_some_and(|phone| phone.id == session.id);
        if waits && is_ringing && is_page && ours {
            entry.set_session(Some(session.id));
            session.tell(incoming(&entry));
        }
    }
    for request in world.consents.open_requests() {
        let ours = world.phones.ringing_for(&request.user).is_some_and(|phone| phone.id == session.id);
        if ours {
            session.tell(json!({"type": "permission_request", "request": request.id, "text": request.text,
                "from": world.number(&request.phone_number_id).map(|number| number.display_phone.clone())}));
        }
    }
}

async fn hang_up_all(world: &World, session: u64) {
    for entry in world.calls.live() {
        if entry.session() != Some(session) {
            continue;
        }
        let ringing_outbound = entry.direction == Direction::Business && entry.record().answered_ms.is_none();
        if ringing_outbound {
            // A switched-off phone does not decline: it rings in vain, or for whoever connects next.
            entry.set_session(None);
        } else {
            // A call that ends by itself meanwhile is what is wanted.
            let _ = user_input(&entry, Input::UserHangsUp, None).await;
        }
    }
}
