//! The user's words about permission: they change the consent and tell the business.

use std::sync::Arc;

use serde_json::{Value, json};

use super::World;
use super::calls::CallEntry;
use super::consents::PermissionRequest;
use super::users::User;
use crate::call::words::{Direction, Reason};
use crate::config::SimNumber;
use crate::ids;
use crate::permission::Grant;
use crate::webhook::body::{self, PermissionReply};
use crate::webhook::post::Letter;
use crate::webhook::schedule::Manner;

/// What a user decides about calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Week,
    Always,
    No,
}

/// The user answers a request on the phone; false when there is none with this id.
pub(crate) fn answer_request(world: &Arc<World>, id: &str, decision: Decision) -> bool {
    let Some(request) = world.consents.take_request(id) else { return false };
    let Some(number) = world.number(&request.phone_number_id) else { return false };
    let user = world.users.of(&request.user);
    decide(world, &number, &user, decision, false, Some(id));
    true
}

/// The user decides without being asked, on the business's profile.
pub(crate) fn decide_alone(world: &Arc<World>, number: &SimNumber, user: &User, decision: Decision) {
    decide(world, number, user, decision, false, None);
}

/// A request arrives on the user's phone.
pub(crate) fn request_arrives(world: &Arc<World>, request: PermissionRequest, user: &User) {
    let id = request.id.clone();
    let message = json!({
        "type": "permission_request", "request": request.id, "text": request.text,
        "from": world.number(&request.phone_number_id).map(|number| number.display_phone.clone()),
    });
    world.tell("permission.requested", None, json!({"user": user.digits, "request": request.id}));
    world.consents.ask(request);
    if let Some(phone) = world.phones.ringing_for(&user.digits) {
        phone.tell(message);
    }
    if let Some(grants) = user.suffix.permission_reply() {
        let decision = if grants { Decision::Week } else { Decision::No };
        let (later, wait) =
            (Arc::clone(world), std::time::Duration::from_millis(world.knobs().permission_reply_ms));
        world.tasks.spawn(async move {
            let stop = later.stop.clone();
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {
                    answer_request(&later, &id, decision);
                }
            }
        });
    }
}

/// What a call that is over means for permissions: revocation after too many unanswered ones, grants by calling.
pub(crate) fn after_call(world: &Arc<World>, entry: &CallEntry, answered: bool, reason: Reason) {
    let (number, user, knobs) = (&entry.number, &entry.user, world.knobs());
    match entry.direction {
        Direction::Business if !answered && reason != Reason::SetupFailed => {
            let revoked =
                world.consents.with(&number.phone_number_id, user, |consent| consent.unanswered(&knobs));
            if revoked {
                tell(
                    world,
                    number,
                    user,
                    PermissionReply { granted: false, until: None, automatic: true, context: None },
                );
            }
        }
        Direction::Business => {}
        Direction::User => {
            let asks = world.calling_settings(&number.phone_number_id)["callback_permission_status"]
                == json!("ENABLED");
            let now = world.clock.now_secs();
            let without = user.suffix.starts_without_permission();
            let granted = world.consents.with(&number.phone_number_id, user, |consent| {
                let needs = asks && consent.grant(now, &knobs, without) == Grant::None;
                needs.then(|| consent.allow_for_a_week(now))
            });
            if let Some(until) = granted {
                let context = Some(entry.ids.wacid.as_str());
                tell(
                    world,
                    number,
                    user,
                    PermissionReply { granted: true, until: Some(until), automatic: true, context },
                );
            }
        }
    }
}

fn decide(
    world: &Arc<World>,
    number: &SimNumber,
    user: &User,
    decision: Decision,
    automatic: bool,
    context: Option<&str>,
) {
    let now = world.clock.now_secs();
    let until = world.consents.with(&number.phone_number_id, user, |consent| match decision {
        Decision::Week => Some(consent.allow_for_a_week(now)),
        Decision::Always => {
            consent.allow_always();
            None
        }
        Decision::No => {
            consent.refuse();
            None
        }
    });
    tell(
        world,
        number,
        user,
        PermissionReply { granted: decision != Decision::No, until, automatic, context },
    );
}

fn tell(world: &Arc<World>, number: &SimNumber, user: &User, reply: PermissionReply<'_>) {
    let wamid = ids::wamid(&user.digits);
    let value = body::permission_reply(number, user, &wamid, &reply, &world.knobs(), world.clock.now_secs());
    world.tell(
        "permission.changed",
        None,
        json!({"user": user.digits, "phone_number_id": number.phone_number_id, "granted": reply.granted}),
    );
    send(world, number, "call_permission_reply", "messages", value);
}

/// Settings of a number changed: whoever subscribed hears it.
pub(crate) fn settings_changed(world: &Arc<World>, number: &SimNumber, calling: &Value) {
    let value = body::settings_update(number, calling, world.clock.now_secs());
    send(world, number, "account_settings_update", "account_settings_update", value);
}

fn send(world: &World, number: &SimNumber, label: &'static str, field: &'static str, value: Value) {
    let waba_id = number.waba_id.clone();
    world.post.send(Letter {
        waba_id,
        call: None,
        label,
        field,
        value,
        manner: Manner::Plain,
        delivered: None,
    });
}
