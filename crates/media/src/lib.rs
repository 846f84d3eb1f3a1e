//! Carrying sound: WebRTC peers and the threads that share the media port.
//!
//! Reading order: [`srtp`] (packets in place), `rtp` and `rtcp` (their headers), `stun` (the gate), `sdp`
//! (descriptions), `quality` (what was heard), [`clip`] (recorded pieces), [`leg`] (one peer, without a socket), [`tap`] (listening in),
//! [`line`] (a leg that is a program), `message` (plain data), `mix` (several voices in one), `shard` (the peers of one
//! thread), and [`Plane`], the door: commands in, notices out.
//!
//! ICE is `rtc-ice`, DTLS is `rtc-dtls`, both as machines without sockets; SRTP, admission, time and sockets are
//! ours, because a server knows its descriptions, must own its port, and pays for every packet.
//!
//! What is not here: who may call whom, what a call is, HTTP, files.
//!
//! Invariants: nothing is learned from a datagram that does not verify; sound goes only to an address that has
//! agreed to it within the last 30 seconds; a leg's stream keeps one SSRC and one line of sequence numbers and
//! timestamps, whoever is talking.

pub mod srtp;

mod rtp;

mod rtcp;

mod stun;

mod sdp;

mod quality;

pub mod clip;

pub mod leg;

pub mod tap;

pub mod line;

mod message;

mod mix;

mod shard;

mod plane;

mod switchboard;

pub use message::{
    Codec, Command, Counters, Description, Hearing, LegId, LegNotice, LegOptions, Notified, PressRefusal,
    Stats,
};
pub use plane::{Plane, PlaneConfig, SendError, StartError};
pub use quality::{Quality, mos};
pub use sdp::{CandidateKind, SdpError};
pub use switchboard::{BoardConfig, BotLine, BotOrder, Carried, Clips, LineNews, RecordOrder, Switchboard};
