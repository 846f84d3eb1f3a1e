//! The messages of `orbit-voice/1.0`. Frames of sound are binary and have no envelope.

use serde::{Deserialize, Serialize};

/// The subprotocol's name, offered by whoever connects and chosen by the other.
pub const SUBPROTOCOL: &str = "orbit-voice-1.0";

/// The same as Orbit writes it. A slash is not allowed in such a name (RFC 6455 section 4.1), so browsers and most
/// libraries refuse it; those that do not may insist on it.
pub const ORBITS_NAME: &str = "orbit-voice/1.0";

/// Bytes of a frame: 20 ms at 16 kHz, 16 bits, one channel.
pub const FRAME_BYTES: usize = 640;

/// Longest text message taken.
pub const MOST_TEXT: usize = 16 * 1024;

/// Longest name of a mark.
pub const LONGEST_MARK: usize = 128;

/// What we tell a bot.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type")]
pub enum Told {
    /// The conversation begins; sound follows.
    #[serde(rename = "session.started")]
    Started {
        /// The connection.
        session_id: String,
        /// The call.
        call_id: String,
        /// From whose hand the call is.
        direction: &'static str,
        /// Who calls.
        from: Option<String>,
        /// Who is called.
        to: Option<String>,
        /// What the call was placed with.
        metadata: Metadata,
        /// How frames are made.
        audio: Audio,
    },
    /// The customer has pressed a key.
    #[serde(rename = "dtmf")]
    Dtmf {
        /// Which.
        digit: char,
        /// For how long.
        duration_ms: u16,
    },
    /// Everything said before a mark has been heard.
    #[serde(rename = "audio.mark_reached")]
    MarkReached {
        /// Its name.
        name: String,
    },
    /// What waited to be heard was dropped, as asked.
    #[serde(rename = "audio.cleared")]
    Cleared {
        /// Milliseconds of the bot's sound that were heard since the session began.
        played_ms: u64,
    },
    /// What waited to be heard was dropped.
    #[serde(rename = "interrupt")]
    Interrupt {
        /// Why.
        kind: InterruptKind,
        /// Milliseconds of the bot's sound that were heard since the session began.
        played_ms: u64,
    },
    /// How the search for somebody to take the call goes.
    #[serde(rename = "handoff.status")]
    Handoff {
        /// How.
        status: HandoffStatus,
        /// Why not, when it was refused.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
    },
    /// How well the customer's leg goes, every five seconds.
    #[serde(rename = "quality")]
    Quality {
        /// Round trip.
        rtt_ms: Option<f32>,
        /// Jitter.
        jitter_ms: f32,
        /// Part of the packets lost, 0 to 1.
        loss: f32,
        /// Mean opinion score.
        mos: Option<f32>,
    },
    /// Something was not done.
    #[serde(rename = "error")]
    Error {
        /// A stable word.
        code: &'static str,
        /// For people.
        message: String,
    },
    /// The answer to a `ping`.
    #[serde(rename = "pong")]
    Pong,
    /// The bot's part is over; the connection closes.
    #[serde(rename = "session.ended")]
    Ended {
        /// Why.
        reason: &'static str,
        /// How long the session was.
        duration_ms: u64,
    },
}

/// What the call was placed with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Metadata {
    /// The client's own correlation.
    pub biz_opaque_callback_data: Option<String>,
    /// The client's conversation.
    pub conversation_id: Option<String>,
    /// Whether the bot has the conversation or takes part in somebody's.
    pub owner: bool,
}

/// How frames are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audio {
    encoding: &'static str,
    sample_rate: u32,
    channels: u8,
    frame_ms: u32,
}

impl Default for Audio {
    fn default() -> Self {
        Self { encoding: "pcm_s16le", sample_rate: 16_000, channels: 1, frame_ms: 20 }
    }
}

/// Why a bot was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptKind {
    /// It asked for it.
    Cancel,
    /// Somebody took the call.
    Takeover,
}

/// How a search for somebody goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HandoffStatus {
    /// Somebody is looked for; the bot goes on talking.
    Searching,
    /// Somebody took the call; the session ends.
    Accepted,
    /// Nobody did; the bot goes on talking.
    NotFound,
    /// Nobody is looked for.
    Refused,
}

/// What a bot asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type")]
pub enum Asked {
    /// A frame in text, for those who cannot send binary.
    #[serde(rename = "audio.frame")]
    Frame {
        /// Base64.
        payload: String,
    },
    /// Drop what waits to be heard.
    #[serde(rename = "audio.clear")]
    Clear {},
    /// Tell when everything said so far has been heard.
    #[serde(rename = "audio.mark")]
    Mark {
        /// A name for it.
        name: String,
    },
    /// As [`Asked::Clear`], told as an interruption.
    #[serde(rename = "interrupt.cancel")]
    Cancel {},
    /// Press keys for the customer's side to hear.
    #[serde(rename = "dtmf.send")]
    Press {
        /// 0 to 9, `*`, `#`, A to D.
        digits: String,
    },
    /// Look for somebody to take the call.
    #[serde(rename = "handoff.request")]
    Handoff {
        /// This person; without it whoever is free.
        #[serde(default)]
        agent_id: Option<String>,
    },
    /// Look no more.
    #[serde(rename = "handoff.cancel")]
    Stay {},
    /// End the call.
    #[serde(rename = "call.hangup")]
    HangUp {},
    /// Answered with `pong`.
    #[serde(rename = "ping")]
    Ping {},
    /// An answer to nothing of ours, which is taken.
    #[serde(rename = "pong")]
    Pong {},
}

/// Why a text message was not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// Not JSON, or no object with a `type`.
    Garbage,
    /// A `type` that is not known here; perhaps of a newer version.
    Unknown(String),
    /// A known `type` with wrong fields.
    Fields(String),
}

const KNOWN: [&str; 10] = [
    "audio.frame",
    "audio.clear",
    "audio.mark",
    "interrupt.cancel",
    "dtmf.send",
    "handoff.request",
    "handoff.cancel",
    "call.hangup",
    "ping",
    "pong",
];

/// Reads a text message.
///
/// # Errors
/// [`Unread`]: only garbage ends a session.
pub fn read(text: &str) -> Result<Asked, Unread> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
    }
    let kind: Kind = serde_json::from_str(text).map_err(|_| Unread::Garbage)?;
    if !KNOWN.contains(&kind.kind.as_str()) {
        let word: String = kind.kind.chars().filter(|c| !c.is_control()).take(40).collect();
        return Err(Unread::Unknown(word));
    }
    serde_json::from_str(text).map_err(|problem| Unread::Fields(format!("{}: {problem}", kind.kind)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_by_their_type_and_extra_fields_do_no_harm() {
        assert_eq!(read(r#"{"type":"audio.clear","why":1}"#), Ok(Asked::Clear {}));
        assert_eq!(
            read(r#"{"type":"handoff.request","reason":"angry"}"#),
            Ok(Asked::Handoff { agent_id: None })
        );
        assert_eq!(read(r#"{"type":"audio.mark","name":"a"}"#), Ok(Asked::Mark { name: "a".to_owned() }));
        assert_eq!(read(r#"{"type":"say","text":"hi"}"#), Err(Unread::Unknown("say".to_owned())));
        assert!(matches!(read(r#"{"type":"dtmf.send"}"#), Err(Unread::Fields(_))));
        for garbage in ["", "hello", "[1]", "{}", r#"{"type":7}"#, "\u{0}", "{\"type\":\"ping\""] {
            assert_eq!(read(garbage), Err(Unread::Garbage), "{garbage}");
        }
    }

    #[test]
    fn messages_say_their_type() {
        let told = Told::Handoff { status: HandoffStatus::NotFound, code: None };
        let json = serde_json::to_string(&told).unwrap();
        assert_eq!(json, r#"{"type":"handoff.status","status":"not_found"}"#);
        assert_eq!(serde_json::to_string(&Told::Pong).unwrap(), r#"{"type":"pong"}"#);
    }
}
