//! When each copy of a webhook leaves. Pure: durations in, durations out.

use std::time::Duration;

use crate::knobs::Knobs;

/// How long a held `connect` gives its `terminate` to overtake it.
const HELD_BACK: u64 = 1_500;
const BETWEEN_DUPLICATES: u64 = 400;
/// Webhooks of a disordered call leave only at multiples of this, together and in reverse.
const DISORDER_STEP: u64 = 300;

/// How orderly the webhooks of a call are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// At once.
    Plain,
    /// Late enough for a quick `terminate` to overtake it.
    HeldBack,
    /// Twice, out of order, in batches, some late.
    Disorder,
}

/// How long after now each copy is due. `label` is the event or status, `turn` counts letters.
pub(crate) fn copies(label: &str, manner: Manner, turn: u64, knobs: &Knobs) -> Vec<Duration> {
    let base = knobs.webhook_delay_ms;
    let mut due = match manner {
        Manner::Plain => vec![base],
        Manner::HeldBack => vec![base + HELD_BACK],
        Manner::Disorder => {
            let first = if label == "connect" { 2 * DISORDER_STEP } else { 0 };
            let late = (3 + 3 * (turn % 3)) * DISORDER_STEP;
            vec![base + first, base + first + late]
        }
    };
    let last = due.last().copied().unwrap_or(base);
    due.extend((1..=u64::from(knobs.webhook_duplicates)).map(|copy| last + copy * BETWEEN_DUPLICATES));
    due.into_iter().map(Duration::from_millis).collect()
}

/// Webhooks due within one step of this leave in one POST; `None` sends each alone.
pub(crate) fn batch_step(manner: Manner, knobs: &Knobs) -> Option<u64> {
    match manner {
        Manner::Disorder => Some(DISORDER_STEP),
        Manner::Plain | Manner::HeldBack if knobs.webhook_batch_ms > 0 => Some(knobs.webhook_batch_ms),
        Manner::Plain | Manner::HeldBack => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(label: &str, manner: Manner, knobs: &Knobs) -> Vec<u128> {
        copies(label, manner, 0, knobs).iter().map(Duration::as_millis).collect()
    }

    #[test]
    fn plain_webhooks_leave_at_once_and_once() {
        assert_eq!(millis("connect", Manner::Plain, &Knobs::default()), [0]);
    }

    #[test]
    fn disorder_sends_twice_and_ringing_before_connect() {
        let knobs = Knobs::default();
        let (connect, ringing) =
            (millis("connect", Manner::Disorder, &knobs), millis("RINGING", Manner::Disorder, &knobs));
        assert_eq!((connect.len(), ringing.len()), (2, 2));
        assert!(ringing[0] < connect[0]);
    }

    #[test]
    fn duplicates_follow_one_another() {
        let knobs = Knobs { webhook_duplicates: 2, webhook_delay_ms: 100, ..Knobs::default() };
        assert_eq!(millis("terminate", Manner::Plain, &knobs), [100, 500, 900]);
    }
}
