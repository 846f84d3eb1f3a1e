//! What a bot sends, and what is made of it.

use data_encoding::BASE64;
use offhook_core::call::Command;
use offhook_core::call::table::{BotEnd, BotWish, Key, MOST_KEYS, Target};
use offhook_core::id::UserId;
use offhook_engine::EngineError;
use offhook_media::line::{Mouth, SAMPLES};
use tokio::time::{Duration, Instant};

use super::{COMPLAIN_EVERY, Ending, Session, gone};
use crate::playback::Frame;
use crate::protocol::{Asked, FRAME_BYTES, HandoffStatus, InterruptKind, LONGEST_MARK, Told, Unread, read};
use crate::wire::{Broken, Came};

/// Messages within [`MESSAGES_IN`]: more than any conversation needs, frames in text included.
const MOST_MESSAGES: usize = 1_000;
const MESSAGES_IN: Duration = Duration::from_secs(5);

/// Wishes under way.
const MOST_WISHES: usize = 8;

impl Session {
    pub(super) fn came(&mut self, came: Option<Result<Came, Broken>>, mouth: &Mouth) -> Option<Ending> {
        match came {
            Some(Ok(Came::Binary(bytes))) => self.say(&bytes),
            Some(Ok(Came::Text(text))) => self.asked(&text, mouth),
            Some(Ok(Came::Pong)) => {
                self.last_pong = Instant::now();
                None
            }
            Some(Ok(Came::Ping)) => None,
            Some(Ok(Came::Close(code))) => Some(Ending::Gone(match code {
                None | Some(1_000 | 1_001 | 1_005) => BotEnd::Left,
                Some(_) => BotEnd::Broke,
            })),
            Some(Err(broken)) => Some(gone(broken)),
            None => Some(Ending::Gone(BotEnd::Broke)),
        }
    }

    fn say(&mut self, bytes: &[u8]) -> Option<Ending> {
        let Some(frame) = frame(bytes) else {
            let reason = "a frame has 640 bytes: 20 ms of 16-bit samples at 16 kHz";
            return Some(Ending::Violation { code: 1_003, reason });
        };
        if self.playback.say(frame).is_ok() {
            return None;
        }
        self.overflowed += 1;
        let now = Instant::now();
        if self.complained.is_some_and(|at| now - at < COMPLAIN_EVERY) {
            return None;
        }
        self.complained = Some(now);
        self.error("audio_overflow", "thirty seconds wait to be heard: what comes now is dropped")
    }

    fn asked(&mut self, text: &str, mouth: &Mouth) -> Option<Ending> {
        if self.is_flooded() {
            return Some(Ending::Violation { code: 1_008, reason: "too many messages" });
        }
        let asked = match read(text) {
            Ok(asked) => asked,
            Err(Unread::Garbage) => {
                let reason = "a message is a JSON object with a type";
                return Some(Ending::Violation { code: 1_007, reason });
            }
            Err(Unread::Unknown(kind)) => {
                return self.error("unknown_type", &format!("there is no message of type {kind:?}"));
            }
            Err(Unread::Fields(problem)) => return self.error("invalid_message", &problem),
        };
        match asked {
            Asked::Frame { payload, .. } => match BASE64.decode(payload.as_bytes()) {
                Ok(bytes) => self.say(&bytes),
                Err(_) => self.error("invalid_message", "audio.frame: the payload is no base64"),
            },
            Asked::Clear {} => {
                let played_ms = self.clear(mouth);
                self.tell(&Told::Cleared { played_ms })
            }
            Asked::Cancel {} => {
                let played_ms = self.clear(mouth);
                self.tell(&Told::Interrupt { kind: InterruptKind::Cancel, played_ms })
            }
            Asked::Mark { name } if name.len() > LONGEST_MARK => {
                self.error("invalid_message", "audio.mark: the name is longer than 128 bytes")
            }
            Asked::Mark { name } => match self.playback.mark(name) {
                Ok(()) => None,
                Err(_) => self.error("too_many_marks", "256 marks wait to be reached: this one is dropped"),
            },
            Asked::Press { digits } => match keys(&digits) {
                Some(keys) => self.wish(BotWish::Press(keys)),
                None => self.error("invalid_message", "dtmf.send: 1 to 32 of 0-9, *, #, A-D"),
            },
            Asked::Handoff { agent_id: None } => self.wish(BotWish::HandOff(Target::Queue)),
            Asked::Handoff { agent_id: Some(id) } => match UserId::parse(&id) {
                Some(agent) => self.wish(BotWish::HandOff(Target::Agent(agent))),
                None => self.error("invalid_message", "handoff.request: agent_id is no id of a person"),
            },
            Asked::Stay {} => self.wish(BotWish::Stay),
            Asked::HangUp {} => self.wish(BotWish::HangUp),
            Asked::Ping {} => self.tell(&Told::Pong),
            Asked::Pong {} => None,
        }
    }

    /// Drops what waits; how many milliseconds were heard before.
    fn clear(&mut self, mouth: &Mouth) -> u64 {
        self.playback.clear();
        self.playback.heard_ms(mouth.waiting())
    }

    /// Asks the call for something, beside the sound.
    fn wish(&mut self, wish: BotWish) -> Option<Ending> {
        if self.wishes.len() >= MOST_WISHES {
            return self.error("too_many_requests", "eight requests are under way already");
        }
        let is_handoff = matches!(wish, BotWish::HandOff(_));
        let (engine, record) = (self.engine.clone(), self.record.clone());
        let command = Command::Bot { id: self.id.clone(), wish };
        self.wishes.push(Box::pin(async move {
            let why = engine.command(&record.tenant, &record.id, command).await.err()?;
            let code = match &why {
                EngineError::Refused(refusal) => refusal.code(),
                _ => "unavailable",
            };
            Some(match is_handoff {
                true => Told::Handoff { status: HandoffStatus::Refused, code: Some(code) },
                false => Told::Error { code, message: why.to_string() },
            })
        }));
        None
    }

    fn error(&mut self, code: &'static str, message: &str) -> Option<Ending> {
        self.tell(&Told::Error { code, message: message.to_owned() })
    }

    fn is_flooded(&mut self) -> bool {
        let now = Instant::now();
        while self.messages.front().is_some_and(|at| now - *at > MESSAGES_IN) {
            self.messages.pop_front();
        }
        self.messages.push_back(now);
        self.messages.len() > MOST_MESSAGES
    }
}

fn frame(bytes: &[u8]) -> Option<Frame> {
    if bytes.len() != FRAME_BYTES {
        return None;
    }
    let mut frame: Frame = Box::new([0; SAMPLES]);
    for (sample, pair) in frame.iter_mut().zip(bytes.as_chunks::<2>().0) {
        *sample = i16::from_le_bytes(*pair);
    }
    Some(frame)
}

fn keys(digits: &str) -> Option<Vec<Key>> {
    let keys: Option<Vec<Key>> = digits.chars().map(Key::parse).collect();
    keys.filter(|keys| (1..=MOST_KEYS).contains(&keys.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_little_endian_and_of_one_size() {
        let mut bytes = vec![0; FRAME_BYTES];
        bytes[0..4].copy_from_slice(&[0x01, 0x02, 0xff, 0xff]);
        let read = frame(&bytes).unwrap();
        assert_eq!(read[..3], [0x0201, -1, 0]);
        for len in [0, 1, 320, 639, 641, 1_280] {
            assert!(frame(&vec![0; len]).is_none(), "{len}");
        }
    }

    #[test]
    fn keys_are_those_of_a_telephone() {
        assert_eq!(keys("12#").map(|keys| keys.len()), Some(3));
        for wrong in ["", "x", "1 2", &"1".repeat(33)] {
            assert!(keys(wrong).is_none(), "{wrong}");
        }
    }
}
