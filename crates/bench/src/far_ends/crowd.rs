//! All calls' far ends: how many there are to be, whose turn it is, and what came of their talk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use offhook_media::leg::Identity;

use super::end::{End, Heard, Intake};
use crate::now;
use crate::order::{Plan, SetUp, Talk, Word};

const FRAME: Duration = Duration::from_millis(20);
/// Calls that are up are served in this many portions per frame.
const PORTIONS: usize = 20;
/// A call that has not come up by now will not.
const UP_WITHIN: Duration = Duration::from_secs(40);
/// Calls begun in one turn: making an offer costs a tenth of a millisecond.
const BEGUN_A_TURN: usize = 2;
/// What was said last is heard by now, or never. Seconds late is as good as lost, but is measured.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

struct Call {
    number: u64,
    ends: [End; 2],
    began: Instant,
    has_keys: bool,
    /// When it next says something, while it is young.
    says_at: Instant,
    /// When it fell silent, to leave once everything is heard.
    silent_since: Option<Instant>,
    /// What was said in windows, and heard of it.
    said: u64,
    heard: u64,
}

/// Every far end there is.
pub(super) struct Crowd {
    identity: Arc<Identity>,
    intake: Intake,
    plan: Plan,
    planned: Instant,
    begun: u64,
    reached: bool,
    next_number: u64,
    next_end: Instant,
    /// Calls coming up.
    young: Vec<Call>,
    /// Calls that are up, one lane a portion.
    lanes: [VecDeque<Call>; PORTIONS],
    portion: usize,
    ups: Ups,
    counting: Counting,
    words: Vec<Word>,
}

impl Crowd {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            identity: Arc::new(Identity::generate()?),
            intake: Intake::new(),
            plan: Plan::default(),
            planned: now(),
            begun: 0,
            reached: true,
            next_number: 0,
            next_end: now(),
            young: Vec::new(),
            lanes: std::array::from_fn(|_| VecDeque::new()),
            portion: 0,
            ups: Ups::new()?,
            counting: Counting::new()?,
            words: Vec::new(),
        })
    }

    pub(super) fn plan(&mut self, plan: Plan) {
        (self.plan, self.planned, self.next_end) = (plan, now(), now());
        (self.begun, self.reached) = (0, false);
        self.ups.clear();
    }

    pub(super) fn count_for(&mut self, duration: Duration) {
        self.counting.begin(duration);
        self.words.push(Word::Begun);
    }

    pub(super) fn was_late(&mut self, late: Duration) {
        self.counting.behind = self.counting.behind.max(late);
    }

    pub(super) fn answer(&mut self, leg: u64, sdp: &str) -> Result<()> {
        // An answer that took longer than its call lived is nobody's.
        match self.young.iter_mut().find(|call| call.number == leg / 2) {
            Some(call) => call.ends[(leg % 2) as usize].answer(sdp),
            None => Ok(()),
        }
    }

    pub(super) fn words(&mut self) -> std::vec::Drain<'_, Word> {
        self.words.drain(..)
    }

    /// A millisecond's worth of everything.
    pub(super) fn turn(&mut self) -> Result<()> {
        let at = now();
        self.begin_calls(at)?;
        self.serve_young(at)?;
        self.serve_lane(at)?;
        self.end_calls(at);
        self.portion = (self.portion + 1) % PORTIONS;
        if let Some(word) = self.counting.next(at) {
            self.words.push(word);
        }
        let all_begun = self.plan.total.map_or(self.alive() >= self.plan.alive, |total| self.begun >= total);
        let all_ended = self.plan.end_every_us.is_none() || self.alive() == 0;
        if !self.reached && all_begun && self.young.is_empty() && all_ended && self.alive() <= self.plan.alive
        {
            self.reached = true;
            self.words.push(Word::Reached(self.ups.sum_up(self.planned)));
        }
        Ok(())
    }

    fn alive(&self) -> usize {
        self.young.len() + self.lanes.iter().map(VecDeque::len).sum::<usize>()
    }

    fn begin_calls(&mut self, at: Instant) -> Result<()> {
        for _ in 0..BEGUN_A_TURN {
            let wanted = self.alive() < self.plan.alive && self.young.len() < self.plan.at_a_time;
            if !wanted || self.plan.total.is_some_and(|total| self.begun >= total) {
                break;
            }
            let number = self.next_number;
            let began = now();
            let (a, offer_a) = End::offer(&self.identity)?;
            let (b, offer_b) = End::offer(&self.identity)?;
            for (leg, sdp) in [(2 * number, offer_a), (2 * number + 1, offer_b)] {
                self.words.push(Word::Offer { leg, sdp });
            }
            self.young.push(Call {
                number,
                ends: [a, b],
                began,
                has_keys: false,
                says_at: at,
                silent_since: None,
                said: 0,
                heard: 0,
            });
            self.next_number += 1;
            self.begun += 1;
        }
        Ok(())
    }

    fn serve_young(&mut self, at: Instant) -> Result<()> {
        let mut n = 0;
        while n < self.young.len() {
            let call = &mut self.young[n];
            for end in &mut call.ends {
                end.serve(&mut self.intake, |heard| self.counting.heard(&heard))?;
            }
            if call.ends.iter().all(|end| end.is_connected) {
                if !call.has_keys {
                    call.has_keys = true;
                    self.ups.keys(call.began.elapsed());
                }
                if call.says_at <= at {
                    call.says_at = at + FRAME;
                    for end in &mut call.ends {
                        end.say(0);
                    }
                }
            }
            if call.ends.iter().all(|end| end.has_heard) {
                self.ups.up(call.began.elapsed());
                let call = self.young.swap_remove(n);
                let lane = self.lanes.iter_mut().min_by_key(|lane| lane.len());
                lane.context("there are lanes")?.push_back(call);
                continue;
            }
            anyhow::ensure!(at < call.began + UP_WITHIN, "a call did not come up within {UP_WITHIN:?}");
            n += 1;
        }
        Ok(())
    }

    fn serve_lane(&mut self, at: Instant) -> Result<()> {
        let window = self.counting.window();
        for Call { ends, silent_since, said, heard, .. } in &mut self.lanes[self.portion] {
            for end in ends {
                end.serve(&mut self.intake, |packet| {
                    *heard += u64::from(packet.window != 0);
                    self.counting.heard(&packet);
                })?;
                if silent_since.is_none() && end.say(window) {
                    *said += u64::from(window != 0);
                    self.counting.said(window);
                }
            }
        }
        let words = &mut self.words;
        self.lanes[self.portion].retain(|call| {
            let patience = if call.heard < call.said { HEARD_WITHIN } else { 3 * FRAME };
            let leaves = call.silent_since.is_some_and(|since| since + patience <= at);
            if leaves {
                words.push(Word::Left { call: call.number });
            }
            !leaves
        });
        Ok(())
    }

    /// Lets calls fall silent that are to end; they leave when what they said has been heard.
    fn end_calls(&mut self, at: Instant) {
        let Some(every_us) = self.plan.end_every_us else { return };
        while self.next_end <= at {
            let staying = self.lanes.iter_mut().flat_map(|lane| {
                // The oldest of a lane is the first that is not leaving already.
                lane.iter_mut().find(|call| call.silent_since.is_none())
            });
            let Some(oldest) = staying.min_by_key(|call| call.number) else { break };
            oldest.silent_since = Some(at);
            self.next_end += Duration::from_micros(every_us);
        }
        if self.next_end < at {
            self.next_end = at;
        }
    }
}

/// How long calls took to come up.
struct Ups {
    keys: Histogram<u64>,
    sound: Histogram<u64>,
    last: Option<Instant>,
}

impl Ups {
    fn new() -> Result<Self> {
        Ok(Self { keys: spans()?, sound: spans()?, last: None })
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.sound.clear();
        self.last = None;
    }

    fn keys(&mut self, after: Duration) {
        self.keys.saturating_record(after.as_micros() as u64);
    }

    fn up(&mut self, after: Duration) {
        self.sound.saturating_record(after.as_micros() as u64);
        self.last = Some(now());
    }

    fn sum_up(&self, planned: Instant) -> SetUp {
        let calls = self.sound.len();
        let span = self.last.map_or(0.0, |last| last.saturating_duration_since(planned).as_secs_f64());
        SetUp {
            calls,
            per_second: if span > 0.0 { calls as f64 / span } else { 0.0 },
            p50_ms: millis(&self.keys, 0.5),
            p99_ms: millis(&self.keys, 0.99),
            first_sound_p50_ms: millis(&self.sound, 0.5),
            first_sound_p99_ms: millis(&self.sound, 0.99),
        }
    }
}

/// What is said and heard between the beginning and the end of a window.
struct Counting {
    number: u32,
    until: Option<Instant>,
    given_up: Option<Instant>,
    said: u64,
    heard: u64,
    delays: Histogram<u64>,
    behind: Duration,
}

impl Counting {
    fn new() -> Result<Self> {
        Ok(Self {
            number: 0,
            until: None,
            given_up: None,
            said: 0,
            heard: 0,
            delays: spans()?,
            behind: Duration::ZERO,
        })
    }

    fn begin(&mut self, duration: Duration) {
        self.number += 1;
        self.until = Some(now() + duration);
        self.given_up = None;
        (self.said, self.heard, self.behind) = (0, 0, Duration::ZERO);
        self.delays.clear();
    }

    /// The window what is said now belongs to.
    fn window(&self) -> u32 {
        if self.until.is_some() { self.number } else { 0 }
    }

    fn said(&mut self, window: u32) {
        self.said += u64::from(window != 0);
    }

    fn heard(&mut self, heard: &Heard) {
        if heard.window == self.number && heard.window != 0 {
            self.heard += 1;
            self.delays.saturating_record((heard.delay_ns / 1_000).max(1));
        }
    }

    fn next(&mut self, at: Instant) -> Option<Word> {
        if self.until.is_some_and(|until| until <= at) {
            self.until = None;
            self.given_up = Some(at + HEARD_WITHIN);
            return Some(Word::Ended);
        }
        let given_up = self.given_up?;
        if self.heard < self.said && at < given_up {
            return None;
        }
        self.given_up = None;
        Some(Word::Talked(Talk {
            said: self.said,
            heard: self.heard,
            p50_ms: millis(&self.delays, 0.5),
            p99_ms: millis(&self.delays, 0.99),
            p999_ms: millis(&self.delays, 0.999),
            max_ms: millis(&self.delays, 1.0),
            behind_ms: self.behind.as_secs_f64() * 1_000.0,
        }))
    }
}

/// Microseconds up to a minute, three digits exact.
fn spans() -> Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, 60_000_000, 3)?)
}

fn millis(spans: &Histogram<u64>, quantile: f64) -> f64 {
    spans.value_at_quantile(quantile) as f64 / 1_000.0
}
