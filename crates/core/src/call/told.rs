//! The events that tell of a change of the record.

use super::end::EndReason;
use super::record::{CallRecord, State};
use super::table::Role;
use crate::event::CallEvent;
use crate::id::UserId;
use crate::meta::Direction;
use crate::time::Time;

/// The events that follow from comparing the record before and after a change.
pub(super) fn told_by(before: &CallRecord, after: &CallRecord) -> Vec<CallEvent> {
    let mut events = Vec::new();
    let first = before.version == 0;
    if first && after.direction == Direction::Inbound && !after.state.is_over() {
        events.push(CallEvent::Incoming);
    }
    let answer_came = before.facts.answer.is_none() && after.facts.answer.is_some();
    if after.direction == Direction::Outbound && answer_came {
        events.push(CallEvent::RemoteAnswer);
    }
    if before.state.is_over() && seen(before) != seen(after) {
        events.push(CallEvent::Corrected);
        return events;
    }
    if before.facts.table.parked.is_some() != after.facts.table.parked.is_some() {
        events.push(CallEvent::Parked);
    }
    if before.state == after.state {
        events.extend(arranged(before, after));
        return events;
    }
    events.extend(match after.state {
        State::Created | State::Queued => None,
        State::Dialing => Some(CallEvent::Dialing),
        State::Ringing => (after.direction == Direction::Outbound).then_some(CallEvent::Ringing),
        State::Answering if before.state == State::PreAccepted => None,
        State::PreAccepted | State::Answering => Some(CallEvent::Claimed),
        State::Connected => Some(CallEvent::Answered),
        State::Ending => Some(CallEvent::Ending),
        State::Completed => Some(CallEvent::Completed),
        State::Rejected => Some(CallEvent::Declined),
        State::Missed => Some(CallEvent::Missed),
        State::Failed => Some(CallEvent::Failed),
    });
    events
}

/// What changed at the table of a conversation that goes on.
fn arranged(before: &CallRecord, after: &CallRecord) -> Vec<CallEvent> {
    let mut events = Vec::new();
    let (was, is) = (&before.facts.table, &after.facts.table);
    match (before.facts.held, after.facts.held) {
        (false, true) => events.push(CallEvent::Held),
        (true, false) => events.push(CallEvent::Resumed),
        (false, false) | (true, true) => {}
    }
    let newcomers = is.seats.keys().filter(|who| !before.seats(who));
    events.extend(newcomers.map(|who| CallEvent::Joined { agent: who.clone() }));
    if before.agent != after.agent {
        events.extend(after.agent.iter().map(|to| CallEvent::Transferred { to: to.clone() }));
    }
    let stayed = |(who, role): (&UserId, &Role)| was.seats.get(who).is_some_and(|before| before != role);
    if is.seats.iter().any(stayed) || was.muted != is.muted {
        events.push(CallEvent::Rearranged);
    }
    if is.seek.is_some() && was.seek != is.seek {
        events.push(CallEvent::Seeking);
    }
    if was.clip != is.clip {
        events.push(CallEvent::Announcing);
    }
    if was.recording != is.recording {
        events.push(CallEvent::Recording);
    }
    events
}

type Seen = (State, Option<EndReason>, [Option<Time>; 3], Option<u32>);

/// What a reader of a finished record can see of it.
fn seen(record: &CallRecord) -> Seen {
    let times = [record.rang_at(), record.answered_at(), record.ended_at()];
    (record.state, record.end_reason, times, record.duration_secs())
}
