//! Shapes of the face's older answers and requests, for its document (`doc`). Handlers render those answers by
//! hand, in the order of the provider's page; a test holds what they answer against what is said here.

#![expect(dead_code, reason = "these describe, nobody makes them")]

use utoipa::ToSchema;

use super::row::CallRow;

/// A single call.
#[derive(ToSchema)]
pub(crate) struct CallDetail {
    #[schema(inline = false)]
    #[serde(flatten)]
    row: CallRow,
    /// WhatsApp's answer to the offer of a call that was placed, once it is there; for roles that place calls.
    #[schema(required)]
    sdp_answer: Option<String>,
    /// WhatsApp's offer of an inbound call whose sound the client carries; for roles that place calls.
    #[schema(required)]
    sdp_offer: Option<String>,
    media_mode: MediaMode,
    /// Of calls whose sound the server carries.
    bridge: Option<Bridge>,
}

/// What is arranged at a bridged call, and how its legs went.
#[derive(ToSchema)]
struct Bridge {
    held: bool,
    parties: Vec<BridgeParty>,
    /// Ids of people whose voice reaches nobody.
    muted: Vec<String>,
    /// The voice bot that is there.
    #[schema(required)]
    stream: Option<BridgeBot>,
    /// The voice bots that were asked for.
    streams: Vec<BridgeStream>,
    /// Whether somebody is looked for.
    seeking: bool,
    #[schema(required, format = DateTime)]
    parked_at: Option<String>,
    /// The announcement that is played.
    #[schema(required)]
    playing: Option<String>,
    /// Ids.
    recordings: Vec<String>,
    legs: Vec<BridgeLeg>,
}

#[derive(ToSchema)]
struct BridgeParty {
    agent_id: String,
    role: String,
}

#[derive(ToSchema)]
struct BridgeBot {
    #[schema(example = "str_0192f0c2b7a47c9c8f0e3a5d1b2c4d6e")]
    id: String,
    /// Whether it has the conversation, rather than taking part in somebody's.
    owner: bool,
}

/// A voice bot that was asked for, and how it left.
#[derive(ToSchema)]
struct BridgeStream {
    id: String,
    #[schema(format = DateTime)]
    asked_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    #[schema(required, example = "unreachable")]
    end: Option<String>,
}

#[derive(ToSchema)]
struct BridgeLeg {
    /// Null for WhatsApp's leg.
    #[schema(required)]
    agent_id: Option<String>,
    quality: LegQuality,
}

/// How a leg went. "In" is what its peer sent the server.
#[derive(ToSchema)]
struct LegQuality {
    /// Mean opinion score, 1 to 4.5 (E-model).
    #[schema(required)]
    mos: Option<f32>,
    /// Part of the packets lost, 0 to 1.
    loss_in: f32,
    #[schema(required)]
    loss_out: Option<f32>,
    jitter_ms: f32,
    #[schema(required)]
    rtt_ms: Option<f32>,
    codec: String,
    #[schema(required)]
    candidate: Option<String>,
    #[schema(required)]
    first_audio_ms: Option<u32>,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum Direction {
    Inbound,
    Outbound,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum CallStatus {
    Queued,
    Ringing,
    InProgress,
    Completed,
    Failed,
    Missed,
}

/// Who carries the sound: the client that brings the SDP, or this server.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
pub(crate) enum MediaMode {
    Relay,
    Bridge,
}

/// A call to place.
#[derive(ToSchema)]
pub(crate) struct PlaceCall {
    /// E.164; a leading `+`, spaces, `-`, `(`, `)` and `.` may be there.
    #[schema(example = "+351910000002")]
    to: String,
    /// Meta's id of the business number.
    #[schema(example = "470011223344556")]
    from_phone_number_id: String,
    /// Kept in the call's row.
    #[schema(max_length = 256, nullable)]
    conversation_id: Option<String>,
    /// Kept in the call's row, and in every event of the call.
    #[schema(max_length = 512, example = "ticket-88")]
    biz_opaque_callback_data: Option<String>,
    /// WebRTC offer of the client that carries the sound, with all candidates in it. Left out, the server carries
    /// the sound.
    sdp_offer: Option<String>,
    /// Without `sdp_offer`: whom the call is connected to at the pick-up. Unless given, the agents who are free
    /// ring.
    connect_to: Option<ConnectTo>,
    /// Records a call whose sound the server carries, from its beginning.
    recording: Option<OptIn>,
    /// Not in this version.
    transcription: Option<OptIn>,
}

#[derive(ToSchema)]
struct OptIn {
    #[schema(default = false)]
    enabled: Option<bool>,
}

/// Exactly one of these.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum ConnectTo {
    /// This person rings; failing them, everybody who is free.
    Agent(String),
    /// Everybody who is free rings.
    Queue(String),
    /// The announcement of this name is played, then the call ends.
    Announcement(String),
    /// A voice bot's address.
    Stream(String),
}

/// A call that was placed.
#[derive(ToSchema)]
pub(crate) struct PlacedCall {
    id: String,
    #[schema(required)]
    meta_call_id: Option<String>,
    /// `ringing` once WhatsApp has taken the call, `queued` while that is undecided.
    status: CallStatus,
    direction: Direction,
    #[schema(required)]
    to: Option<String>,
    from_phone_number_id: String,
    #[schema(required)]
    conversation_id: Option<String>,
    #[schema(required)]
    biz_opaque_callback_data: Option<String>,
    media_mode: MediaMode,
    /// Always null here: WhatsApp sends it later. Read the call until it is there.
    #[schema(required)]
    sdp_answer: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
}

/// What can be done with a live call.
#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
pub(crate) enum Action {
    Terminate,
    Reject,
    Accept,
    Hold,
    Resume,
    Transfer,
    Consult,
    Complete,
    Cancel,
    Merge,
    Invite,
    Remove,
    Mute,
    Unmute,
    Park,
    Dtmf,
    Play,
    StopPlaying,
    Record,
    Stream,
    StopStream,
}

/// The fields of all actions; each takes those its line in the reference names.
#[derive(ToSchema)]
pub(crate) struct ActionFields {
    /// Of `accept`.
    connect_to: Option<ConnectTo>,
    /// Of `transfer`, `consult` and `invite`.
    to: Option<TransferTarget>,
    /// Of `remove`, `mute` and `unmute`.
    agent_id: Option<String>,
    /// Of `dtmf`: 1 to 32 of `0`-`9`, `*`, `#`, `A`-`D`.
    digits: Option<String>,
    /// Of `play`.
    clip: Option<String>,
    /// Of `record`: `start` unless given, `pause`, `resume`, `stop`.
    action: Option<String>,
    /// Of `stream`: a voice bot's address, `wss://…`.
    url: Option<String>,
    /// Of `stream`, where it is false unless given, and of `transfer` with a `stream`, where it is true: whether the
    /// bot has the conversation from then on.
    take_over: Option<bool>,
    /// Of `transfer`, in the place of `to`: a voice bot's address.
    stream: Option<String>,
}

/// Exactly one of these.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum TransferTarget {
    Agent(String),
    Queue(String),
}

/// A recording of a call.
#[derive(ToSchema)]
pub(crate) struct RecordingRow {
    #[schema(example = "rec_0192f0c1a2b374d5a6e7f8091a2b3c4d")]
    id: String,
    call_id: String,
    /// `recording`, `paused`, `complete`, `truncated` or `deleted`.
    state: String,
    #[schema(format = DateTime)]
    started_at: String,
    #[schema(required, format = DateTime)]
    ended_at: Option<String>,
    length_ms: u64,
    /// Whether it is where `recordings.url` says.
    stored: bool,
    #[schema(required)]
    bytes: Option<u64>,
    /// SHA-256 of what is stored, in hexadecimal digits.
    #[schema(required)]
    sha256: Option<String>,
    parties: Vec<RecordedParty>,
    consent: RecordingConsent,
    #[schema(format = DateTime)]
    expires_at: String,
    #[schema(required, format = DateTime)]
    deleted_at: Option<String>,
    #[schema(required)]
    deleted_why: Option<String>,
}

#[derive(ToSchema)]
struct RecordedParty {
    /// As links take it.
    #[schema(example = "party-0")]
    name: String,
    kind: String,
    #[schema(required)]
    agent_id: Option<String>,
}

/// What the customer was told, and when.
#[derive(ToSchema)]
struct RecordingConsent {
    mode: String,
    #[schema(required, format = DateTime)]
    announced_at: Option<String>,
    #[schema(required, format = DateTime)]
    announced_until: Option<String>,
}

#[derive(ToSchema)]
pub(crate) struct ErasedRecordings {
    call_id: String,
    erased: u32,
}

/// Which sound, and for how long.
#[derive(ToSchema)]
pub(crate) struct WantedLink {
    /// `mixed` unless given, `stereo`, or a party's own file.
    #[schema(example = "mixed")]
    what: Option<String>,
    /// Seconds; an hour unless given.
    #[schema(minimum = 1, maximum = 604_800)]
    expires_in: Option<u64>,
}

/// Whoever has it can listen until its time is over.
#[derive(ToSchema)]
pub(crate) struct RecordingLink {
    url: String,
    what: String,
    #[schema(format = DateTime)]
    expires_at: String,
}

/// A business number.
#[derive(ToSchema)]
pub(crate) struct NumberRow {
    id: String,
    /// Meta's id.
    phone_number_id: String,
    waba_id: String,
    phone: String,
    media_mode: MediaMode,
    /// Who takes its inbound calls.
    inbound: Inbound,
    /// Whether it is connected to a simulator.
    sandbox: bool,
}

#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
enum Inbound {
    /// Agents ring; of a relayed number, also clients that answer with an SDP of their own.
    Agents,
    /// A voice bot takes them.
    Stream,
}

#[derive(ToSchema)]
pub(crate) struct NumberChange {
    media_mode: Option<MediaMode>,
    /// A voice bot's address, `wss://…`, that takes inbound calls whose sound the server carries; null for agents.
    /// What is left out stays.
    #[schema(nullable, example = "wss://bot.example.com/voice")]
    inbound_stream: Option<String>,
}
