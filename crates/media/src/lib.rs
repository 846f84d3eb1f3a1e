//! Carrying sound: WebRTC peers and the thread that owns the media port.
//!
//! Reading order: [`srtp`] (packets in place), `rtp` and `rtcp` (their headers), `stun` (the gate), `sdp`
//! (descriptions), `quality` (what was heard), [`leg`] (one peer, without a socket).

pub mod srtp;

mod rtp;

mod rtcp;

mod stun;

mod sdp;

mod quality;

pub mod leg;

pub use quality::{Quality, mos};
pub use sdp::SdpError;
