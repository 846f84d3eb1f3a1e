//! What a bot has said and nobody has heard yet: frames and marks in their order.
//!
//! A value without time: whoever drives it says how many of the frames handed on have been heard.

use std::collections::VecDeque;

/// Thirty seconds: the longest answer a bot may have ready. More is a bot that does not know what it does.
pub(crate) const MOST_FRAMES: usize = 1_500;

/// Marks not reached yet.
const MOST_MARKS: usize = 256;

/// One frame.
pub(crate) type Frame = Box<[i16; offhook_media::line::SAMPLES]>;

enum Item {
    Frame(Frame),
    Mark(String),
}

/// There is no room.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

#[derive(Default)]
pub(crate) struct Playback {
    queue: VecDeque<Item>,
    frames: usize,
    marks: usize,
    /// Frames handed on so far.
    handed: u64,
    /// Marks behind the frames handed on, with how many had been.
    passed: VecDeque<(u64, String)>,
}

impl Playback {
    pub(crate) fn say(&mut self, frame: Frame) -> Result<(), Full> {
        if self.frames >= MOST_FRAMES {
            return Err(Full);
        }
        self.frames += 1;
        self.queue.push_back(Item::Frame(frame));
        Ok(())
    }

    pub(crate) fn mark(&mut self, name: String) -> Result<(), Full> {
        if self.marks >= MOST_MARKS {
            return Err(Full);
        }
        self.marks += 1;
        self.queue.push_back(Item::Mark(name));
        self.pass_marks();
        Ok(())
    }

    /// The next frame to be handed on.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        self.pass_marks();
        let Some(Item::Frame(frame)) = self.queue.pop_front() else { return None };
        self.frames -= 1;
        self.handed += 1;
        self.pass_marks();
        Some(frame)
    }

    /// Of the frames handed on so many still wait: the marks that have been reached since.
    pub(crate) fn reached(&mut self, waiting: usize) -> Vec<String> {
        let heard = self.heard(waiting);
        let mut names = Vec::new();
        while self.passed.front().is_some_and(|(at, _)| *at <= heard) {
            names.extend(self.passed.pop_front().map(|(_, name)| name));
            self.marks -= 1;
        }
        names
    }

    /// Drops what waits, marks included: they are never reached.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.passed.clear();
        (self.frames, self.marks) = (0, 0);
    }

    /// Milliseconds heard so far.
    pub(crate) fn heard_ms(&self, waiting: usize) -> u64 {
        self.heard(waiting) * 20
    }

    fn heard(&self, waiting: usize) -> u64 {
        self.handed.saturating_sub(waiting as u64)
    }

    fn pass_marks(&mut self) {
        while let Some(Item::Mark(_)) = self.queue.front() {
            if let Some(Item::Mark(name)) = self.queue.pop_front() {
                self.passed.push_back((self.handed, name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Frame {
        Box::new([0; offhook_media::line::SAMPLES])
    }

    #[test]
    fn mark_is_reached_when_everything_before_it_was_heard() {
        let mut playback = Playback::default();
        playback.mark("at once".to_owned()).unwrap();
        playback.say(frame()).unwrap();
        playback.say(frame()).unwrap();
        playback.mark("after two".to_owned()).unwrap();
        playback.say(frame()).unwrap();
        assert_eq!(playback.reached(0), ["at once"]);
        assert!(playback.next().is_some() && playback.next().is_some());
        assert!(playback.reached(1).is_empty(), "one still waits");
        assert_eq!(playback.reached(0), ["after two"]);
        assert_eq!(playback.heard_ms(0), 40);
    }

    #[test]
    fn what_is_cleared_is_never_reached() {
        let mut playback = Playback::default();
        playback.say(frame()).unwrap();
        playback.mark("never".to_owned()).unwrap();
        playback.clear();
        assert!(playback.next().is_none() && playback.reached(0).is_empty());
        assert_eq!(playback.heard_ms(0), 0);
    }

    #[test]
    fn half_a_minute_waits_and_no_more() {
        let mut playback = Playback::default();
        let taken = (0..5_000).filter(|_| playback.say(frame()).is_ok()).count();
        assert_eq!(taken, MOST_FRAMES);
        let marked = (0..5_000).filter(|n| playback.mark(n.to_string()).is_ok()).count();
        assert_eq!(marked, MOST_MARKS);
        playback.next();
        assert!(playback.say(frame()).is_ok());
    }
}
