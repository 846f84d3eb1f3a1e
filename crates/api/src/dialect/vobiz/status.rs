//! Our states in Vobiz's words, and back for filters (provider-apis.md 7.4).

use offhook_core::call::{CallRecord, EndReason, State};
use offhook_core::meta::Direction;
use offhook_core::ports::{CallKind, Reason};

use super::{EndedAnswered, VobizManners};

/// All words, as the logs' filter takes them.
pub(super) const WORDS: [&str; 8] =
    ["initiated", "ringing", "pre_accepted", "accepted", "rejected", "terminated", "failed", "missed"];

/// The word of a call.
pub(super) fn word(call: &CallRecord, manners: VobizManners) -> &'static str {
    let outbound = call.direction == Direction::Outbound;
    match call.state {
        State::Created | State::Dialing => "initiated",
        State::Queued if outbound => "initiated",
        State::Queued | State::Ringing => "ringing",
        State::PreAccepted => "pre_accepted",
        State::Answering | State::Connected => "accepted",
        State::Ending if call.answered_at().is_some() => "accepted",
        // What it was before we gave it up.
        State::Ending if outbound && call.rang_at().is_none() => "initiated",
        State::Ending => "ringing",
        State::Completed => match manners.ended_answered {
            EndedAnswered::Accepted => "accepted",
            EndedAnswered::Terminated => "terminated",
        },
        State::Rejected => "rejected",
        State::Missed if outbound && call.end_reason == Some(EndReason::Cancelled) => "terminated",
        State::Missed => "missed",
        State::Failed => "failed",
    }
}

/// The calls that wear a word: exactly those, so that pages and totals are exact.
pub(super) fn kinds(word: &str, manners: VobizManners) -> Vec<CallKind> {
    let all = CallKind::all;
    let of = |state, direction| CallKind { direction: Some(direction), ..all(state) };
    let (inbound, outbound) = (Direction::Inbound, Direction::Outbound);
    let cancelled = Reason::Is(EndReason::Cancelled);
    let unanswered =
        |direction, rang| CallKind { answered: Some(false), rang, ..of(State::Ending, direction) };
    let completed = |wanted| (manners.ended_answered == wanted).then(|| all(State::Completed));
    match word {
        "initiated" => vec![
            all(State::Created),
            all(State::Dialing),
            of(State::Queued, outbound),
            unanswered(outbound, Some(false)),
        ],
        "ringing" => vec![
            of(State::Queued, inbound),
            all(State::Ringing),
            unanswered(outbound, Some(true)),
            unanswered(inbound, None),
        ],
        "pre_accepted" => vec![all(State::PreAccepted)],
        "accepted" => {
            let ending = CallKind { answered: Some(true), ..all(State::Ending) };
            let live = [all(State::Answering), all(State::Connected), ending];
            live.into_iter().chain(completed(EndedAnswered::Accepted)).collect()
        }
        "rejected" => vec![all(State::Rejected)],
        "terminated" => {
            let given_up = CallKind { reason: cancelled, ..of(State::Missed, outbound) };
            [given_up].into_iter().chain(completed(EndedAnswered::Terminated)).collect()
        }
        "missed" => {
            let not_given_up =
                CallKind { reason: Reason::Not(EndReason::Cancelled), ..of(State::Missed, outbound) };
            vec![of(State::Missed, inbound), not_given_up]
        }
        "failed" => vec![all(State::Failed)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use offhook_core::call::record::Facts;
    use offhook_core::house::MediaMode;
    use offhook_core::id::{CallId, NumberId, TenantId};
    use offhook_core::time::Time;

    use super::super::DurationBasis;
    use super::*;

    fn call(state: State, direction: Direction, facts: Facts, reason: Option<EndReason>) -> CallRecord {
        let at = Time::from_secs(1_793_610_900);
        CallRecord {
            id: CallId::parse("wac_00000000000000000000000000000001").unwrap(),
            tenant: TenantId::parse("ten_00000000000000000000000000000001").unwrap(),
            number: NumberId::parse("num_00000000000000000000000000000001").unwrap(),
            direction,
            media_mode: MediaMode::Relay,
            correlation: None,
            conversation_id: None,
            version: 1,
            created_at: at,
            updated_at: at + Duration::from_secs(1),
            state,
            end_reason: reason,
            agent: None,
            facts,
        }
    }

    #[test]
    fn a_call_wears_one_word_and_is_found_by_that_one_alone() {
        let at = Time::from_secs(1_793_610_905);
        for ended_answered in [EndedAnswered::Accepted, EndedAnswered::Terminated] {
            let manners = VobizManners { ended_answered, duration_basis: DurationBasis::Started };
            for state in State::ALL {
                for direction in [Direction::Inbound, Direction::Outbound] {
                    for known in 0..4 {
                        for reason in [None, Some(EndReason::Cancelled), Some(EndReason::NoAnswer)] {
                            let rang = (known & 1 == 1).then_some(at);
                            let facts = Facts {
                                accepted_at: (known & 2 == 2).then_some(at),
                                ringing_at: rang,
                                connect_at: rang,
                                ..Facts::default()
                            };
                            let call = call(state, direction, facts, reason);
                            let found = WORDS
                                .into_iter()
                                .filter(|word| kinds(word, manners).iter().any(|kind| kind.admits(&call)));
                            let shown = word(&call, manners);
                            assert_eq!(found.collect::<Vec<_>>(), [shown], "{state:?} {direction:?}");
                        }
                    }
                }
            }
        }
    }
}
