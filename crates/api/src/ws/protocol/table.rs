//! What can be arranged at a bridged conversation, and how it is shown.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::AgentRef;

/// What is arranged at a bridged conversation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct TableView {
    /// Everybody besides customer and owner.
    pub parties: Vec<PartyView>,
    /// Whose voice reaches nobody, the owner perhaps among them.
    pub muted: Vec<String>,
    /// Somebody is being looked for.
    pub seeking: Option<SeekView>,
    /// Since when the customer waits for whoever takes the call, RFC 3339.
    pub parked_at: Option<String>,
    /// The announcement that plays.
    pub playing: Option<String>,
    /// The recording being made.
    pub recording: Option<RecordingView>,
}

/// Somebody besides customer and owner.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PartyView {
    pub agent: AgentRef,
    pub role: PartyRole,
}

/// What somebody besides the owner is to a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PartyRole {
    /// Talks with everybody.
    Member,
    /// Talks with the owner while the customer waits.
    Consulted,
    /// Hears everybody.
    Listener,
    /// Hears everybody, heard by the owner.
    Whisperer,
    /// A supervisor who talks with everybody.
    Barger,
}

/// Who is looked for, and what for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct SeekView {
    pub purpose: SeekPurpose,
    /// Whom; absent when it is whoever is free first.
    pub agent: Option<AgentRef>,
}

/// What somebody is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SeekPurpose {
    /// To take the conversation over.
    Handover,
    /// To be asked while the customer waits.
    Consult,
    /// To talk with everybody.
    Join,
}

/// A recording being made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct RecordingView {
    pub id: String,
    pub state: RecordingState,
}

/// How a recording stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// People are being told; nothing is recorded yet.
    Announcing,
    Recording,
    Paused,
}

/// Whom a conversation is to reach: a person, or whoever is free first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum To {
    /// A person's id.
    Agent(String),
    /// The name of a queue. There is one, `default`: everybody who is free.
    Queue(String),
}

/// What may be arranged at a bridged conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Wish {
    /// Somebody else is to own it; this agent leaves at once.
    Transfer { to: To },
    /// Somebody is asked first, while the customer waits: an attended transfer.
    Consult { to: To },
    /// Whoever was asked owns it now, or whoever comes will.
    Complete,
    /// Nobody is asked or looked for any more; back to the customer.
    Cancel,
    /// Somebody is to join.
    Invite { to: To },
    /// Whoever was asked talks with everybody.
    Merge,
    /// Somebody is to go.
    Remove { agent_id: String },
    /// Somebody's voice reaches nobody, or everybody again.
    Mute { agent_id: String, on: bool },
    /// The customer waits with music for whoever takes the call.
    Park,
    /// Keys are pressed for the customer's side: `0` to `9`, `*`, `#`, `A` to `D`.
    Press { digits: String },
    /// An announcement is played to everybody who talks.
    Play { clip: String },
    /// The announcement stops.
    StopPlaying,
    /// The conversation is recorded.
    Record,
    /// What follows is left out of the recording.
    PauseRecording,
    /// It is in it again.
    ResumeRecording,
    /// The recording is finished.
    StopRecording,
}

/// How a supervisor is in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Hears everybody.
    Listen,
    /// Is heard by the owner besides.
    Whisper,
    /// Talks with everybody.
    Barge,
}

/// Why an agent is not in a call any more that goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LeftReason {
    Transferred,
    Parked,
    Left,
    Removed,
    TakenOver,
    Lost,
}

/// A colleague.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ColleagueView {
    pub agent: AgentRef,
    /// Whether they can be rung now: here, available, in no call.
    pub free: bool,
}

/// How a leg goes. "In" is what its peer sends the server.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct QualityView {
    /// Mean opinion score, 1 to 4.5 (E-model).
    pub mos: Option<f32>,
    /// Part of the packets lost, 0 to 1.
    pub loss_in: f32,
    pub loss_out: Option<f32>,
    pub jitter_ms: f32,
    pub rtt_ms: Option<f32>,
    pub codec: String,
    /// `host`, `srflx`, `prflx` or `relay`.
    pub candidate: Option<String>,
    /// From setting the leg up to its first sound.
    pub first_audio_ms: Option<u32>,
}
