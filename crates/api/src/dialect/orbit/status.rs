//! Our states in Orbit's words, and back for filters (provider-apis.md 7.4).

use offhook_core::call::{CallRecord, State};
use offhook_core::ports::CallFilter;

/// All words, as the list's filter takes them.
pub(super) const WORDS: [&str; 6] = ["queued", "ringing", "in_progress", "completed", "failed", "missed"];

/// The word of a call.
pub(super) fn word(record: &CallRecord) -> &'static str {
    of(record.state, record.answered_at().is_some())
}

/// The word of a state, of a call that was answered or not.
pub(super) const fn of(state: State, answered: bool) -> &'static str {
    match state {
        State::Created | State::Queued => "queued",
        State::Dialing | State::Ringing | State::PreAccepted | State::Answering => "ringing",
        State::Ending if answered => "in_progress",
        State::Ending => "ringing",
        State::Connected => "in_progress",
        State::Completed => "completed",
        State::Rejected | State::Failed => "failed",
        State::Missed => "missed",
    }
}

/// The states that can wear a word.
fn states(word: &str) -> &'static [State] {
    match word {
        "queued" => &[State::Created, State::Queued],
        "ringing" => &[State::Dialing, State::Ringing, State::PreAccepted, State::Answering, State::Ending],
        "in_progress" => &[State::Connected, State::Ending],
        "completed" => &[State::Completed],
        "failed" => &[State::Rejected, State::Failed],
        "missed" => &[State::Missed],
        _ => &[],
    }
}

/// How a contact's activity names a call: as events do.
pub(super) const fn activity(state: State) -> &'static str {
    match state {
        State::Created | State::Queued => "queued",
        State::Dialing | State::Ringing | State::PreAccepted | State::Answering => "ringing",
        State::Connected | State::Ending => "in_progress",
        State::Completed => "completed",
        State::Rejected => "declined",
        State::Missed => "missed",
        State::Failed => "failed",
    }
}

/// Narrows a filter to calls that wear one of the words; no words do not narrow.
///
/// A call that is ending wears the word it wore before, so it also matters whether it was answered.
pub(super) fn narrow(filter: &mut CallFilter, words: &[&str]) {
    let mut wanted: Vec<State> = words.iter().flat_map(|word| states(word)).copied().collect();
    wanted.sort_by_key(|state| state.as_str());
    wanted.dedup();
    filter.states = wanted.into_iter().map(|state| (state, None)).collect();
    filter.ending_answered = match (words.contains(&"ringing"), words.contains(&"in_progress")) {
        (true, false) => Some(false),
        (false, true) => Some(true),
        (true, true) | (false, false) => None,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_found_by_a_word() {
        for state in State::ALL {
            assert!(WORDS.iter().any(|word| states(word).contains(&state)), "{state:?}");
        }
        assert!(WORDS.iter().all(|word| !states(word).is_empty()));
    }
}
