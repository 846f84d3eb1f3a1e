// Generated from crates/api/src/ws/protocol.rs by `cargo xtask generate`. Do not edit.

export type ClientMessage = { "type": "hello", 
/**
 * A ticket from `POST /api/v1/softphone/tokens`: single use, sixty seconds.
 */
token: string, 
/**
 * Chosen by the page and stable across its reconnects; tells tabs of one agent apart.
 */
device_id: string, 
/**
 * The last `seq` this page has seen, to be told everything since.
 */
resume_after?: number, } | { "type": "presence.set", id: string, status: Presence, } | { "type": "call.place", id: string, 
/**
 * E.164, leading `+` optional.
 */
to: string, 
/**
 * The business number to call from; absent means the first one.
 */
from_number_id?: string, sdp: string, } | { "type": "call.accept", id: string, call_id: string, sdp: string, } | { "type": "call.attach", id: string, call_id: string, sdp: string, } | { "type": "call.restart", id: string, call_id: string, sdp: string, } | { "type": "call.candidate", id: string, call_id: string, 
/**
 * The user fragment of the offer it belongs to.
 */
ufrag: string, 
/**
 * As in an `a=candidate` line; empty when there are no more.
 */
candidate: string, } | { "type": "call.arrange", id: string, call_id: string, wish: Wish, } | { "type": "call.leave", id: string, call_id: string, } | { "type": "call.retrieve", id: string, call_id: string, sdp: string, } | { "type": "call.supervise", id: string, call_id: string, how: Supervision, sdp?: string, } | { "type": "call.take_over", id: string, call_id: string, } | { "type": "colleagues.list", id: string, } | { "type": "call.hold", id: string, call_id: string, } | { "type": "call.resume", id: string, call_id: string, } | { "type": "call.decline", id: string, call_id: string, } | { "type": "call.hangup", id: string, call_id: string, } | { "type": "permission.request", id: string, to: string, from_number_id?: string, } | { "type": "permission.read", id: string, to: string, from_number_id?: string, } | { "type": "ping", id: string, };

export type ServerMessage = { "type": "welcome", agent: AgentRef, 
/**
 * Position in the event log that `snapshot` describes.
 */
seq: number, 
/**
 * True when the events since `resume_after` follow; false when only the snapshot tells the state.
 */
resumed: boolean, 
/**
 * How often the client should send `ping`.
 */
heartbeat_ms: number, 
/**
 * STUN and TURN servers for this page's calls; empty when none are configured. Their credentials are
 * fresh, and replaced by `ice_servers` before they expire.
 */
ice_servers: Array<IceServer>, snapshot: Snapshot, } | { "type": "ice_servers", ice_servers: Array<IceServer>, } | { "type": "ack", id: string, 
/**
 * The call the command created or changed.
 */
call?: CallView, 
/**
 * The server's answer to the offer of a bridged call's command.
 */
sdp_answer?: string, } | { "type": "colleagues", id: string, colleagues: Array<ColleagueView>, live: Array<CallView>, } | { "type": "permission", id: string, permission: PermissionView, } | { "type": "call.quality", call_id: string, 
/**
 * Whose leg; absent for the customer's.
 */
agent_id?: string, quality: QualityView, } | { "type": "error", id?: string, error: ErrorView, } | { "type": "event", seq: number, 
/**
 * RFC 3339, UTC.
 */
at: string, event: AgentEvent, } | { "type": "pong", id: string, } | { "type": "goaway", reason: GoawayReason, reconnect_after_ms: number, };

export type AgentEvent = { "type": "call.incoming", call: CallView, sdp_offer?: string, } | { "type": "call.silenced", call_id: string, reason: SilencedReason, 
/**
 * Who took it, with `answered_elsewhere`.
 */
by?: AgentRef, } | { "type": "call.changed", call: CallView, } | { "type": "call.remote_answer", call_id: string, sdp_answer: string, } | { "type": "call.left", call: CallView, reason: LeftReason, } | { "type": "call.digit", call_id: string, digit: string, } | { "type": "call.parked", call: CallView, } | { "type": "call.ended", call: CallView, } | { "type": "permission.changed", number_id: string, phone: string, status: PermissionStatus, 
/**
 * When a grant for a time, or a request nobody answers, ends.
 */
expires_at?: string, } | { "type": "contact.changed", contact_id: string, change: ContactChange, } | { "type": "presence.changed", status: Presence, };

export type IceServer = { urls: Array<string>, username?: string, credential?: string, };

export type Snapshot = { presence: Presence, 
/**
 * Business numbers this agent may call from.
 */
numbers: Array<NumberView>, 
/**
 * Calls ringing at this agent.
 */
ringing: Array<RingingCall>, 
/**
 * Live calls this agent is in.
 */
calls: Array<OwnedCall>, 
/**
 * Parked calls, which any agent may take.
 */
parked: Array<CallView>, };

export type RingingCall = { call: CallView, 
/**
 * WhatsApp's offer, of a relayed call.
 */
sdp_offer?: string, };

export type OwnedCall = { call: CallView, 
/**
 * WhatsApp's answer, once known (outbound only).
 */
sdp_answer?: string, };

export type CallView = { id: string, direction: Direction, state: CallState, 
/**
 * Who carries the sound.
 */
media: MediaMode, 
/**
 * Bridged: the customer waits with music.
 */
held: boolean, number: NumberView, peer: PeerView, 
/**
 * Who owns the call, once somebody does.
 */
agent: AgentRef | null, 
/**
 * Bridged: what is arranged, while the call is live.
 */
table?: TableView, 
/**
 * RFC 3339 times, UTC.
 */
created_at: string, ringing_at: string | null, answered_at: string | null, ended_at: string | null, 
/**
 * Talking time, once the call is over.
 */
duration_seconds: number | null, 
/**
 * Why it ended: a stable word such as `remote_hangup`, `no_answer`, `no_permission`.
 */
end_reason: string | null, 
/**
 * What went wrong, when the call failed.
 */
error: ErrorView | null, };

export type TableView = { 
/**
 * Everybody besides customer and owner.
 */
parties: Array<PartyView>, 
/**
 * Whose voice reaches nobody, the owner perhaps among them.
 */
muted: Array<string>, 
/**
 * Somebody is being looked for.
 */
seeking: SeekView | null, 
/**
 * Since when the customer waits for whoever takes the call, RFC 3339.
 */
parked_at: string | null, 
/**
 * The announcement that plays.
 */
playing: string | null, 
/**
 * The recording being made.
 */
recording: RecordingView | null, };

export type PartyView = { agent: AgentRef, role: PartyRole, };

export type PartyRole = "member" | "consulted" | "listener" | "whisperer" | "barger";

export type SeekView = { purpose: SeekPurpose, 
/**
 * Whom; absent when it is whoever is free first.
 */
agent: AgentRef | null, };

export type SeekPurpose = "handover" | "consult" | "join";

export type RecordingView = { id: string, state: RecordingState, };

export type RecordingState = "announcing" | "recording" | "paused";

export type Wish = { "do": "transfer", to: To, } | { "do": "consult", to: To, } | { "do": "complete" } | { "do": "cancel" } | { "do": "invite", to: To, } | { "do": "merge" } | { "do": "remove", agent_id: string, } | { "do": "mute", agent_id: string, on: boolean, } | { "do": "park" } | { "do": "press", digits: string, } | { "do": "play", clip: string, } | { "do": "stop_playing" } | { "do": "record" } | { "do": "pause_recording" } | { "do": "resume_recording" } | { "do": "stop_recording" };

export type To = { "agent": string } | { "queue": string };

export type Supervision = "listen" | "whisper" | "barge";

export type LeftReason = "transferred" | "parked" | "left" | "removed" | "taken_over" | "lost";

export type ColleagueView = { agent: AgentRef, 
/**
 * Whether they can be rung now: here, available, in no call.
 */
free: boolean, };

export type QualityView = { 
/**
 * Mean opinion score, 1 to 4.5 (E-model).
 */
mos: number | null, 
/**
 * Part of the packets lost, 0 to 1.
 */
loss_in: number, loss_out: number | null, jitter_ms: number, rtt_ms: number | null, codec: string, 
/**
 * `host`, `srflx`, `prflx` or `relay`.
 */
candidate: string | null, 
/**
 * From setting the leg up to its first sound.
 */
first_audio_ms: number | null, };

export type PeerView = { 
/**
 * E.164 with `+`; absent for callers WhatsApp only names by a user id.
 */
phone: string | null, 
/**
 * The contact's name, or else the user's WhatsApp profile name.
 */
name: string | null, 
/**
 * The contact they are, to be read at `/api/v1/contacts/{id}`; absent until the house has looked.
 */
contact_id?: string, };

export type NumberView = { id: string, 
/**
 * E.164 with `+`.
 */
phone: string, 
/**
 * How its calls are carried.
 */
media: MediaMode, };

export type AgentRef = { id: string, name: string, };

export type ErrorView = { 
/**
 * Stable, lower snake case.
 */
code: string, 
/**
 * For people.
 */
message: string, 
/**
 * What to do about it.
 */
remedy: string | null, };

export type MediaMode = "relay" | "bridge";

export type Direction = "inbound" | "outbound";

export type CallState = "created" | "dialing" | "queued" | "ringing" | "answering" | "connected" | "ending" | "completed" | "rejected" | "missed" | "failed";

export type Presence = "available" | "away";

export type SilencedReason = "answered_elsewhere" | "declined" | "caller_gave_up" | "no_answer" | "failed";

export type ContactChange = "created" | "updated" | "merged" | "deleted";

export type PermissionStatus = "none" | "requested" | "granted" | "refused" | "expired";

export type PermissionView = { number_id: string, 
/**
 * E.164 with `+`.
 */
phone: string, status: PermissionStatus, 
/**
 * When a grant for a time, or a request nobody answers, ends. RFC 3339, as all times here.
 */
expires_at?: string, 
/**
 * Whether a call would be placed now.
 */
can_call: boolean, 
/**
 * When a limit of calls has room again.
 */
next_call_at?: string, 
/**
 * Whether a request would be sent now.
 */
can_ask: boolean, 
/**
 * When a limit of requests has room again.
 */
next_ask_at?: string, };

export type GoawayReason = "shutdown" | "slow_consumer" | "revoked";
