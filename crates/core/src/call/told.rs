//! The events that tell of a change of the record.

use super::end::EndReason;
use super::record::{CallRecord, State};
use crate::event::CallEvent;
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
    if before.state == after.state {
        match (before.facts.held, after.facts.held) {
            (false, true) => events.push(CallEvent::Held),
            (true, false) => events.push(CallEvent::Resumed),
            (false, false) | (true, true) => {}
        }
        return events;
    }
    events.extend(match after.state {
        State::Created | State::Queued => None,
        State::Dialing => Some(CallEvent::Dialing),
        State::Ringing => (after.direction == Direction::Outbound).then_some(CallEvent::Ringing),
        State::Answering => Some(CallEvent::Claimed),
        State::Connected => Some(CallEvent::Answered),
        State::Ending => Some(CallEvent::Ending),
        State::Completed => Some(CallEvent::Completed),
        State::Rejected => Some(CallEvent::Declined),
        State::Missed => Some(CallEvent::Missed),
        State::Failed => Some(CallEvent::Failed),
    });
    events
}

type Seen = (State, Option<EndReason>, [Option<Time>; 3], Option<u32>);

/// What a reader of a finished record can see of it.
fn seen(record: &CallRecord) -> Seen {
    let times = [record.rang_at(), record.answered_at(), record.ended_at()];
    (record.state, record.end_reason, times, record.duration_secs())
}
