//! What one agent sees of a call or an event. Pure: names and numbers are looked up before.

use std::collections::HashMap;
use std::sync::Arc;

use offhook_core::call::{CallRecord, State};
use offhook_core::event::{CallEvent, Consent, ContactEvent, Event, Silence};
use offhook_core::house::{BusinessNumber, MediaMode, Presence};
use offhook_core::id::{CallId, NumberId, UserId};
use offhook_core::meta::Direction;
use offhook_core::permission::{Denied, Permission, Standing};
use offhook_core::time::Time;

use super::arrange;
use super::protocol as p;
use super::words;
use crate::manners::moment;

/// The names and numbers that views need, as far as they are known.
#[derive(Debug, Default)]
pub(super) struct Cast {
    pub(super) names: HashMap<UserId, Arc<str>>,
    pub(super) numbers: HashMap<NumberId, p::NumberView>,
}

impl Cast {
    pub(super) fn agent(&self, id: &UserId) -> p::AgentRef {
        let name = self.names.get(id).map_or_else(String::new, |name| name.to_string());
        p::AgentRef { id: id.as_str().to_owned(), name }
    }

    fn number(&self, id: &NumberId) -> p::NumberView {
        let known = self.numbers.get(id).cloned();
        known.unwrap_or_else(|| p::NumberView {
            id: id.as_str().to_owned(),
            phone: String::new(),
            media: p::MediaMode::Relay,
        })
    }
}

/// What an event is to one agent, before anything is looked up for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Concern<'a> {
    /// Not theirs to know.
    None,
    /// Theirs, and told without a call's record.
    Plain,
    /// Theirs, about this call.
    Call(&'a CallId),
}

/// Whether an event concerns an agent.
pub(super) fn concern<'a>(event: &'a Event, me: &UserId) -> Concern<'a> {
    match event {
        Event::Permission { .. } => Concern::Plain,
        Event::Contact { what, .. } if contact_change(what).is_some() => Concern::Plain,
        Event::Contact { .. } | Event::Import { .. } | Event::Erased => Concern::None,
        Event::Presence { person, .. } if person == me => Concern::Plain,
        Event::Presence { .. } | Event::Recording { .. } | Event::Knock { .. } | Event::Hook { .. } => {
            Concern::None
        }
        Event::Call { call, owner, seated, what, .. } => match what {
            CallEvent::Rang { agents } if agents.contains(me) => Concern::Call(call),
            CallEvent::Silenced { agents, .. } if agents.contains(me) => Concern::Plain,
            CallEvent::Rang { .. } | CallEvent::Silenced { .. } | CallEvent::Incoming => Concern::None,
            // Whoever is here may take a parked call, and sees that it is gone.
            CallEvent::Parked => Concern::Call(call),
            _ if owner.as_ref() == Some(me) || seated.contains(me) => Concern::Call(call),
            _ => Concern::None,
        },
    }
}

/// An event that concerns an agent, in their words. `record` is the call's where there is one; none comes of
/// an event whose call has moved on so far that it would mislead (an offer that is gone, an answer not there).
pub(super) fn event(
    event: &Event,
    record: Option<&CallRecord>,
    cast: &Cast,
    me: &UserId,
) -> Option<p::AgentEvent> {
    match event {
        Event::Permission { number, phone, consent, expires_at, .. } => {
            Some(p::AgentEvent::PermissionChanged {
                number_id: number.as_str().to_owned(),
                phone: phone.reveal(),
                status: consented(*consent),
                expires_at: expires_at.map(moment::precise),
            })
        }
        Event::Contact { contact, what, .. } => Some(p::AgentEvent::ContactChanged {
            contact_id: contact.as_str().to_owned(),
            change: contact_change(what)?,
        }),
        Event::Presence { presence: status, .. } => {
            Some(p::AgentEvent::PresenceChanged { status: presence(*status) })
        }
        Event::Recording { .. }
        | Event::Knock { .. }
        | Event::Hook { .. }
        | Event::Import { .. }
        | Event::Erased => None,
        Event::Call { call: id, what: CallEvent::Silenced { reason, by, .. }, .. } => {
            Some(p::AgentEvent::Silenced {
                call_id: id.as_str().to_owned(),
                reason: silenced(*reason),
                by: by.as_ref().map(|by| cast.agent(by)),
            })
        }
        Event::Call { what, .. } => call_event(what, record?, cast, me),
    }
}

/// What pages need to know. Channels and segments come with a change of the contact itself.
const fn contact_change(what: &ContactEvent) -> Option<p::ContactChange> {
    match what {
        ContactEvent::Created => Some(p::ContactChange::Created),
        ContactEvent::Updated => Some(p::ContactChange::Updated),
        ContactEvent::Merged { .. } => Some(p::ContactChange::Merged),
        ContactEvent::Deleted => Some(p::ContactChange::Deleted),
        ContactEvent::OptedIn { .. }
        | ContactEvent::OptedOut { .. }
        | ContactEvent::SegmentChanged { .. } => None,
    }
}

fn call_event(what: &CallEvent, record: &CallRecord, cast: &Cast, me: &UserId) -> Option<p::AgentEvent> {
    let view = call(record, cast);
    Some(match what {
        CallEvent::Rang { .. } => {
            let p::RingingCall { call, sdp_offer } = ringing(record, cast)?;
            p::AgentEvent::Incoming { call, sdp_offer }
        }
        // The server made that offer, and the server takes the answer.
        CallEvent::RemoteAnswer if record.media_mode == MediaMode::Bridge => return None,
        CallEvent::RemoteAnswer => {
            let sdp_answer = record.facts.answer.as_ref()?.as_str().to_owned();
            p::AgentEvent::RemoteAnswer { call_id: view.id, sdp_answer }
        }
        CallEvent::Completed | CallEvent::Declined | CallEvent::Missed | CallEvent::Failed => {
            p::AgentEvent::Ended { call: view }
        }
        CallEvent::Left { agent, why } if agent == me && !record.seats(me) => {
            p::AgentEvent::Left { call: view, reason: arrange::left(*why) }
        }
        CallEvent::Digit { key } => {
            p::AgentEvent::Digit { call_id: view.id, digit: key.as_char().to_string() }
        }
        CallEvent::Parked => p::AgentEvent::Parked { call: view },
        // Who has left is told so, and nothing more: another change would bring the call back to their page.
        _ if !record.seats(me) && !record.state.is_over() => return None,
        CallEvent::Seeking
        | CallEvent::NotFound
        | CallEvent::Joined { .. }
        | CallEvent::Left { .. }
        | CallEvent::Transferred { .. }
        | CallEvent::Rearranged
        | CallEvent::Announcing
        | CallEvent::Recording
        | CallEvent::Bot
        | CallEvent::Initiated
        | CallEvent::Dialing
        | CallEvent::Ringing
        | CallEvent::Claimed
        | CallEvent::Answered
        | CallEvent::Held
        | CallEvent::Resumed
        | CallEvent::Ending
        | CallEvent::Corrected => p::AgentEvent::Changed { call: view },
        CallEvent::Incoming | CallEvent::Silenced { .. } => return None,
    })
}

/// A call.
pub(super) fn call(record: &CallRecord, cast: &Cast) -> p::CallView {
    let meta_error = record.facts.error();
    let arranged = record.media_mode == MediaMode::Bridge && record.state == State::Connected;
    p::CallView {
        id: record.id.as_str().to_owned(),
        direction: direction(record.direction),
        state: state(record.state),
        media: media(record.media_mode),
        held: record.facts.held,
        number: cast.number(&record.number),
        peer: p::PeerView {
            phone: record.facts.party.phone.as_ref().map(offhook_core::phone::Phone::reveal),
            name: record.facts.party.shown().cloned(),
            contact_id: record.facts.party.contact.as_ref().map(|contact| contact.id.as_str().to_owned()),
        },
        agent: record.agent.as_ref().map(|agent| cast.agent(agent)),
        table: arranged.then(|| arrange::table(&record.facts.table, cast)),
        created_at: moment::precise(record.created_at),
        ringing_at: record.rang_at().map(moment::precise),
        answered_at: record.answered_at().map(moment::precise),
        ended_at: record.ended_at().map(moment::precise),
        duration_seconds: record.duration_secs(),
        end_reason: record.end_reason.map(|reason| reason.as_str().to_owned()),
        error: record.end_reason.and_then(|reason| words::ending(reason, meta_error)),
    }
}

/// A ringing call; none when there is nothing to answer it with.
pub(super) fn ringing(record: &CallRecord, cast: &Cast) -> Option<p::RingingCall> {
    let sdp_offer = match record.media_mode {
        MediaMode::Relay => Some(record.facts.offer.as_ref()?.as_str().to_owned()),
        MediaMode::Bridge => None,
    };
    Some(p::RingingCall { call: call(record, cast), sdp_offer })
}

/// A live call of the agent's.
pub(super) fn owned(record: &CallRecord, cast: &Cast) -> p::OwnedCall {
    let relayed = record.direction == Direction::Outbound && record.media_mode == MediaMode::Relay;
    let theirs = record.facts.answer.as_ref().filter(|_| relayed);
    p::OwnedCall { call: call(record, cast), sdp_answer: theirs.map(|sdp| sdp.as_str().to_owned()) }
}

/// A business number.
pub(super) fn number(number: &BusinessNumber) -> p::NumberView {
    p::NumberView {
        id: number.id.as_str().to_owned(),
        phone: number.phone.reveal(),
        media: media(number.media_mode),
    }
}

const fn media(mode: MediaMode) -> p::MediaMode {
    match mode {
        MediaMode::Relay => p::MediaMode::Relay,
        MediaMode::Bridge => p::MediaMode::Bridge,
    }
}

pub(super) const fn presence(presence: Presence) -> p::Presence {
    match presence {
        Presence::Available => p::Presence::Available,
        Presence::Away => p::Presence::Away,
    }
}

pub(super) const fn said(presence: p::Presence) -> Presence {
    match presence {
        p::Presence::Available => Presence::Available,
        p::Presence::Away => Presence::Away,
    }
}

/// What is known of a user's consent.
pub(super) fn permission(known: &Permission, now: Time) -> p::PermissionView {
    let (standing, expires_at) = known.standing(now);
    let (call, ask) = (known.ledger.may_call(now), known.ledger.may_ask(now));
    let next = |denied: Denied| denied.next_at.map(moment::precise);
    p::PermissionView {
        number_id: known.number.as_str().to_owned(),
        phone: known.phone.reveal(),
        status: match standing {
            Standing::None => p::PermissionStatus::None,
            other => consented(other.into()),
        },
        expires_at: expires_at.map(moment::precise),
        can_call: call.is_ok(),
        next_call_at: call.err().and_then(next),
        can_ask: ask.is_ok(),
        next_ask_at: ask.err().and_then(next),
    }
}

const fn consented(consent: Consent) -> p::PermissionStatus {
    match consent {
        Consent::Expired => p::PermissionStatus::Expired,
        Consent::Requested => p::PermissionStatus::Requested,
        Consent::Granted => p::PermissionStatus::Granted,
        Consent::Refused => p::PermissionStatus::Refused,
    }
}

const fn silenced(silence: Silence) -> p::SilencedReason {
    match silence {
        Silence::AnsweredElsewhere => p::SilencedReason::AnsweredElsewhere,
        Silence::Declined => p::SilencedReason::Declined,
        Silence::CallerGaveUp => p::SilencedReason::CallerGaveUp,
        Silence::NoAnswer => p::SilencedReason::NoAnswer,
        Silence::Failed => p::SilencedReason::Failed,
    }
}

const fn direction(direction: Direction) -> p::Direction {
    match direction {
        Direction::Inbound => p::Direction::Inbound,
        Direction::Outbound => p::Direction::Outbound,
    }
}

const fn state(state: State) -> p::CallState {
    match state {
        State::Created => p::CallState::Created,
        State::Dialing => p::CallState::Dialing,
        State::Queued => p::CallState::Queued,
        State::Ringing => p::CallState::Ringing,
        // To agents both say that somebody else has it.
        State::PreAccepted | State::Answering => p::CallState::Answering,
        State::Connected => p::CallState::Connected,
        State::Ending => p::CallState::Ending,
        State::Completed => p::CallState::Completed,
        State::Rejected => p::CallState::Rejected,
        State::Missed => p::CallState::Missed,
        State::Failed => p::CallState::Failed,
    }
}
