//! What a bot has not taken yet. Sound that is too old makes room for newer; messages are never dropped.

use std::collections::VecDeque;

use crate::wire::Sent;

/// Two seconds of sound: a bot this far behind does not catch up by hearing all of it.
const MOST_FRAMES: usize = 100;

/// Messages not taken. A bot that takes none for so long is not there.
const MOST_MESSAGES: usize = 512;

#[derive(Default)]
pub(crate) struct Outbox {
    queue: VecDeque<Sent>,
    frames: usize,
    /// Frames dropped so far.
    pub(crate) dropped: u64,
}

impl Outbox {
    /// Adds a frame of sound, in place of the oldest if there are too many.
    pub(crate) fn frame(&mut self, frame: Sent) {
        if self.frames >= MOST_FRAMES
            && let Some(oldest) = self.queue.iter().position(|sent| matches!(sent, Sent::Sound(_)))
        {
            self.queue.remove(oldest);
            self.frames -= 1;
            self.dropped += 1;
        }
        self.frames += 1;
        self.queue.push_back(frame);
    }

    /// Adds anything else; `false` if the bot takes nothing.
    pub(crate) fn message(&mut self, message: Sent) -> bool {
        let room = self.queue.len() - self.frames < MOST_MESSAGES;
        if room {
            self.queue.push_back(message);
        }
        room
    }

    pub(crate) fn next(&mut self) -> Option<Sent> {
        let next = self.queue.pop_front()?;
        self.frames -= usize::from(matches!(next, Sent::Sound(_)));
        Some(next)
    }

    /// Leaves out the sound that waits.
    pub(crate) fn hush(&mut self) {
        self.queue.retain(|sent| !matches!(sent, Sent::Sound(_)));
        self.frames = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newest_sound_and_every_message_stay() {
        let mut outbox = Outbox::default();
        assert!(outbox.message(Sent::Text("first".to_owned())));
        for n in 0..=255u8 {
            outbox.frame(Sent::Sound(vec![n].into()));
        }
        assert_eq!(outbox.dropped, 156);
        assert_eq!(outbox.next(), Some(Sent::Text("first".to_owned())));
        assert_eq!(outbox.next(), Some(Sent::Sound(vec![156].into())));
        let taken = (0..2_000).filter(|_| outbox.message(Sent::Ping)).count();
        assert_eq!(taken, MOST_MESSAGES);
        outbox.hush();
        assert_eq!(outbox.next(), Some(Sent::Ping));
    }
}
