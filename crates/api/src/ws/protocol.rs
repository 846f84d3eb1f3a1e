//! The agents' WebSocket protocol `offhook.v1`: every message, defined once.
//!
//! TypeScript types are generated from this file (`web/packages/softphone/src/protocol.ts`) and a test
//! proves them fresh. `docs/protocol/offhook-v1.md` explains the conversation in prose.
//! Nothing here decides anything: these are shapes.

use std::fmt;

mod table;

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use table::{
    ColleagueView, LeftReason, PartyRole, PartyView, QualityView, RecordingState, RecordingView, SeekPurpose,
    SeekView, Supervision, TableView, To, Wish,
};

/// The WebSocket subprotocol this file describes.
pub const SUBPROTOCOL: &str = "offhook.v1";

/// What a client may send. The first frame must be `hello`; everything else is a command with an id.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(tag = "type")]
pub enum ClientMessage {
    /// Opens the conversation. Must arrive within five seconds of the upgrade.
    #[serde(rename = "hello")]
    Hello {
        /// A ticket from `POST /api/v1/softphone/tokens`: single use, sixty seconds.
        token: String,
        /// Chosen by the page and stable across its reconnects; tells tabs of one agent apart.
        device_id: String,
        /// The last `seq` this page has seen, to be told everything since.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional, type = "number")]
        resume_after: Option<u64>,
    },
    /// Says the agent takes calls, or does not.
    #[serde(rename = "presence.set")]
    SetPresence { id: String, status: Presence },
    /// Calls a WhatsApp user. On a number whose calls are relayed `sdp` goes to WhatsApp, and must be a complete
    /// offer: all candidates gathered. On one whose calls are bridged the server answers it, in the `ack`.
    #[serde(rename = "call.place")]
    Place {
        id: String,
        /// E.164, leading `+` optional.
        to: String,
        /// The business number to call from; absent means the first one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        from_number_id: Option<String>,
        sdp: String,
    },
    /// Takes a ringing call. Relayed: `sdp` is a complete answer to the offer of `call.incoming`. Bridged: it is
    /// an offer of the page's own, which the server answers in the `ack`.
    #[serde(rename = "call.accept")]
    Accept { id: String, call_id: String, sdp: String },
    /// Brings this page's sound to a live bridged call of this agent, in place of whatever carried it before:
    /// after a reload, a lost network, or from another device. `sdp` is an offer, answered in the `ack`.
    #[serde(rename = "call.attach")]
    Attach { id: String, call_id: String, sdp: String },
    /// Finds a new path for the sound this page has in a bridged call: its network has changed. `sdp` is an offer
    /// of the same connection with new ICE credentials, answered in the `ack`.
    #[serde(rename = "call.restart")]
    Restart { id: String, call_id: String, sdp: String },
    /// One place where this page can be reached, found after an offer of a bridged call was sent.
    #[serde(rename = "call.candidate")]
    Candidate {
        id: String,
        call_id: String,
        /// The user fragment of the offer it belongs to.
        ufrag: String,
        /// As in an `a=candidate` line; empty when there are no more.
        candidate: String,
    },
    /// Arranges something at a bridged conversation of this agent: transfer, conference, recording and so on.
    #[serde(rename = "call.arrange")]
    Arrange { id: String, call_id: String, wish: Wish },
    /// Leaves a bridged conversation that goes on without this agent. The owner of one hands it to somebody who
    /// talks with the customer too.
    #[serde(rename = "call.leave")]
    Leave { id: String, call_id: String },
    /// Takes a parked call. `sdp` is an offer, answered in the `ack`, as with `call.accept`.
    #[serde(rename = "call.retrieve")]
    Retrieve { id: String, call_id: String, sdp: String },
    /// A supervisor comes to a bridged conversation with an offer of their own, or changes how they are there
    /// (without an offer). Roles owner and admin.
    #[serde(rename = "call.supervise")]
    Supervise {
        id: String,
        call_id: String,
        how: Supervision,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        sdp: Option<String>,
    },
    /// A supervisor who is in a bridged conversation becomes its owner. Roles owner and admin.
    #[serde(rename = "call.take_over")]
    TakeOver { id: String, call_id: String },
    /// Colleagues, and who of them can be rung now; with the calls that can be supervised for those who may.
    /// Answered by `colleagues`.
    #[serde(rename = "colleagues.list")]
    ListColleagues { id: String },
    /// Lets the customer of a bridged conversation wait with music.
    #[serde(rename = "call.hold")]
    Hold { id: String, call_id: String },
    /// Goes on with a conversation on hold.
    #[serde(rename = "call.resume")]
    Resume { id: String, call_id: String },
    /// Stops the ringing for this agent only.
    #[serde(rename = "call.decline")]
    Decline { id: String, call_id: String },
    /// Ends a call this agent owns, or gives up one it is placing.
    #[serde(rename = "call.hangup")]
    Hangup { id: String, call_id: String },
    /// Asks a WhatsApp user, in chat, for the permission to call.
    #[serde(rename = "permission.request")]
    RequestPermission {
        id: String,
        to: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        from_number_id: Option<String>,
    },
    /// Whether a WhatsApp user may be called and asked now. Answered by `permission`.
    #[serde(rename = "permission.read")]
    ReadPermission {
        id: String,
        to: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        from_number_id: Option<String>,
    },
    /// Heartbeat; answered by `pong` with the same id.
    #[serde(rename = "ping")]
    Ping { id: String },
}

/// What the server sends.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(tag = "type")]
pub enum ServerMessage {
    /// The answer to `hello`.
    #[serde(rename = "welcome")]
    Welcome {
        agent: AgentRef,
        /// Position in the event log that `snapshot` describes.
        #[ts(type = "number")]
        seq: u64,
        /// True when the events since `resume_after` follow; false when only the snapshot tells the state.
        resumed: bool,
        /// How often the client should send `ping`.
        heartbeat_ms: u32,
        /// STUN and TURN servers for this page's calls; empty when none are configured. Their credentials are
        /// fresh, and replaced by `ice_servers` before they expire.
        ice_servers: Vec<IceServer>,
        snapshot: Snapshot,
    },
    /// The servers of `welcome` with fresh credentials, for connections that are made from now on. What is
    /// connected stays as it is.
    #[serde(rename = "ice_servers")]
    IceServers { ice_servers: Vec<IceServer> },
    /// The one positive reply to a command.
    #[serde(rename = "ack")]
    Ack {
        id: String,
        /// The call the command created or changed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        call: Option<CallView>,
        /// The server's answer to the offer of a bridged call's command.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        sdp_answer: Option<String>,
    },
    /// The positive reply to `colleagues.list`.
    #[serde(rename = "colleagues")]
    Colleagues { id: String, colleagues: Vec<ColleagueView>, live: Vec<CallView> },
    /// The positive reply to `permission.read`.
    #[serde(rename = "permission")]
    Permission { id: String, permission: PermissionView },
    /// How the legs of a bridged call of this agent go, every few seconds. Not an event: it has no `seq`.
    #[serde(rename = "call.quality")]
    Quality {
        call_id: String,
        /// Whose leg; absent for the customer's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        agent_id: Option<String>,
        quality: QualityView,
    },
    /// The one negative reply to a command; without `id` it is about the connection, which then closes.
    #[serde(rename = "error")]
    Error {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        id: Option<String>,
        error: ErrorView,
    },
    /// Something happened. `seq` only rises; gaps are events of others.
    #[serde(rename = "event")]
    Event {
        #[ts(type = "number")]
        seq: u64,
        /// RFC 3339, UTC.
        at: String,
        event: AgentEvent,
    },
    /// Heartbeat reply.
    #[serde(rename = "pong")]
    Pong { id: String },
    /// The server is about to close this connection; come back after the stated time.
    #[serde(rename = "goaway")]
    Goaway { reason: GoawayReason, reconnect_after_ms: u32 },
}

/// What an agent learns while connected.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
#[serde(tag = "type")]
pub enum AgentEvent {
    /// Rings this agent. The offer is WhatsApp's, of a relayed call; answer it only when the agent takes the
    /// call. Bridged calls have none: the page makes an offer of its own.
    #[serde(rename = "call.incoming")]
    Incoming {
        call: CallView,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        sdp_offer: Option<String>,
    },
    /// The ringing stops for this agent, because …
    #[serde(rename = "call.silenced")]
    Silenced {
        call_id: String,
        reason: SilencedReason,
        /// Who took it, with `answered_elsewhere`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        by: Option<AgentRef>,
    },
    /// A call of this agent has new facts (state, times).
    #[serde(rename = "call.changed")]
    Changed { call: CallView },
    /// WhatsApp's SDP answer to the offer of an outbound call. Not the pick-up: `state` `connected` is.
    #[serde(rename = "call.remote_answer")]
    RemoteAnswer { call_id: String, sdp_answer: String },
    /// This agent is not in a call any more, though it goes on.
    #[serde(rename = "call.left")]
    Left { call: CallView, reason: LeftReason },
    /// The customer of a bridged call of this agent pressed a key.
    #[serde(rename = "call.digit")]
    Digit { call_id: String, digit: String },
    /// A call was parked, or a parked one was taken or ended: `parked` of its view tells.
    #[serde(rename = "call.parked")]
    Parked { call: CallView },
    /// A call of this agent is over.
    #[serde(rename = "call.ended")]
    Ended { call: CallView },
    /// A WhatsApp user replied to a permission request, WhatsApp changed the permission, or its time is over.
    #[serde(rename = "permission.changed")]
    PermissionChanged {
        number_id: String,
        phone: String,
        status: PermissionStatus,
        /// When a grant for a time, or a request nobody answers, ends.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        expires_at: Option<String>,
    },
    /// A contact was made, changed, joined with another or erased: whoever shows it reads it again.
    #[serde(rename = "contact.changed")]
    ContactChanged { contact_id: String, change: ContactChange },
    /// This agent's presence changed, perhaps in another tab.
    #[serde(rename = "presence.changed")]
    PresenceChanged { status: Presence },
}

/// What became of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ContactChange {
    Created,
    Updated,
    Merged,
    Deleted,
}

/// A STUN or TURN server, in the shape of a browser's `RTCIceServer`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct IceServer {
    pub urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub username: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub credential: Option<String>,
}

/// The credential does not print.
impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// Everything a page needs to draw itself after (re)connecting.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct Snapshot {
    pub presence: Presence,
    /// Business numbers this agent may call from.
    pub numbers: Vec<NumberView>,
    /// Calls ringing at this agent.
    pub ringing: Vec<RingingCall>,
    /// Live calls this agent is in.
    pub calls: Vec<OwnedCall>,
    /// Parked calls, which any agent may take.
    pub parked: Vec<CallView>,
}

/// A call that rings at this agent, with what is needed to answer it.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RingingCall {
    pub call: CallView,
    /// WhatsApp's offer, of a relayed call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sdp_offer: Option<String>,
}

/// A live call of this agent.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct OwnedCall {
    pub call: CallView,
    /// WhatsApp's answer, once known (outbound only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub sdp_answer: Option<String>,
}

/// A call as an agent sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct CallView {
    pub id: String,
    pub direction: Direction,
    pub state: CallState,
    /// Who carries the sound.
    pub media: MediaMode,
    /// Bridged: the customer waits with music.
    pub held: bool,
    pub number: NumberView,
    pub peer: PeerView,
    /// Who owns the call, once somebody does.
    pub agent: Option<AgentRef>,
    /// Bridged: what is arranged, while the call is live.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub table: Option<TableView>,
    /// RFC 3339 times, UTC.
    pub created_at: String,
    pub ringing_at: Option<String>,
    pub answered_at: Option<String>,
    pub ended_at: Option<String>,
    /// Talking time, once the call is over.
    pub duration_seconds: Option<u32>,
    /// Why it ended: a stable word such as `remote_hangup`, `no_answer`, `no_permission`.
    pub end_reason: Option<String>,
    /// What went wrong, when the call failed.
    pub error: Option<ErrorView>,
}

/// The WhatsApp user's side of a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PeerView {
    /// E.164 with `+`; absent for callers WhatsApp only names by a user id.
    pub phone: Option<String>,
    /// The contact's name, or else the user's WhatsApp profile name.
    pub name: Option<String>,
    /// The contact they are, to be read at `/api/v1/contacts/{id}`; absent until the house has looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub contact_id: Option<String>,
}

/// A business number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct NumberView {
    pub id: String,
    /// E.164 with `+`.
    pub phone: String,
    /// How its calls are carried.
    pub media: MediaMode,
}

/// A person of the house.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AgentRef {
    pub id: String,
    pub name: String,
}

/// A typed error: branch on `code`, show `message`, offer `remedy`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct ErrorView {
    /// Stable, lower snake case.
    pub code: String,
    /// For people.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

/// Who carries the sound of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MediaMode {
    /// The page and WhatsApp, directly.
    Relay,
    /// The server: the call survives the page.
    Bridge,
}

/// From whose hand the call came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    Inbound,
    Outbound,
}

/// Where a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// Outbound: taken by us, not confirmed by WhatsApp yet.
    Created,
    /// Outbound: WhatsApp is placing it.
    Dialing,
    /// Inbound: waits, nobody is free.
    Queued,
    /// The called side rings.
    Ringing,
    /// Inbound: taken by an agent, WhatsApp confirms.
    Answering,
    /// Both sides can talk.
    Connected,
    /// We asked WhatsApp to end it.
    Ending,
    Completed,
    Rejected,
    Missed,
    Failed,
}

/// Whether an agent takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Available,
    Away,
}

/// Why a ring stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SilencedReason {
    AnsweredElsewhere,
    Declined,
    CallerGaveUp,
    NoAnswer,
    Failed,
}

/// The state of a user's consent to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PermissionStatus {
    /// Nothing was ever said.
    None,
    Requested,
    Granted,
    Refused,
    /// The time of a grant, or of a request nobody answered, is over.
    Expired,
}

/// What is known of a user's consent to be called from a number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct PermissionView {
    pub number_id: String,
    /// E.164 with `+`.
    pub phone: String,
    pub status: PermissionStatus,
    /// When a grant for a time, or a request nobody answers, ends. RFC 3339, as all times here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub expires_at: Option<String>,
    /// Whether a call would be placed now.
    pub can_call: bool,
    /// When a limit of calls has room again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next_call_at: Option<String>,
    /// Whether a request would be sent now.
    pub can_ask: bool,
    /// When a limit of requests has room again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub next_ask_at: Option<String>,
}

/// Why the server closes a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum GoawayReason {
    /// The server stops or restarts.
    Shutdown,
    /// This client reads too slowly; it will get a snapshot when it comes back.
    SlowConsumer,
    /// The person, their session, or the key of their ticket lost the right to be here.
    Revoked,
}

/// Close codes beyond RFC 6455's own.
pub mod close {
    /// No hello in time, a bad frame, or an unknown message.
    pub const PROTOCOL: u16 = 4400;
    /// The ticket is unknown, used or expired: fetch another.
    pub const UNAUTHORIZED: u16 = 4401;
    /// The session, the key or the right it rested on has ended: sign in again.
    pub const REVOKED: u16 = 4403;
    /// Nothing was heard for a minute.
    pub const IDLE: u16 = 4408;
    /// Too many messages a second.
    pub const FLOOD: u16 = 4429;
    /// After `goaway`: reconnect when told.
    pub const GOAWAY: u16 = 4503;
}
