//! Carrying sound: WebRTC peers and the thread that owns the media port.
//!
//! Reading order: [`srtp`] (packets in place), `rtp` and `rtcp` (their headers).

pub mod srtp;

mod rtp;
