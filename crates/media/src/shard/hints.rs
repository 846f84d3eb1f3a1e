//! Which leg a stream behind an address of several is of, as the first of its packets to be opened has shown.
//!
//! A hint is only where to look first: keys decide. So one that has become wrong costs a try, and none are removed
//! but all together.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::flows::Spread;
use crate::rtp::Kind;

/// More streams than legs could have; somebody's legs come and go then, and what is known is mostly of the past.
const MOST: usize = 65_536;

/// A sender and the stream it sends.
pub(super) type Stream = (SocketAddr, u32);

/// Where its leg is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    Here(usize),
    /// On another shard.
    Away(usize),
}

pub(super) struct Hints(HashMap<Stream, Home, Spread>);

impl Hints {
    pub(super) fn new() -> Self {
        Self(HashMap::with_hasher(Spread::new()))
    }

    pub(super) fn of(&self, stream: Stream) -> Option<Home> {
        self.0.get(&stream).copied()
    }

    /// Remembers; whether that is new.
    pub(super) fn remember(&mut self, stream: Stream, home: Home) -> bool {
        if self.0.len() >= MOST {
            self.0.clear();
        }
        self.0.insert(stream, home) != Some(home)
    }
}

/// The stream a packet says it is of.
pub(super) fn stream(from: SocketAddr, kind: Kind, datagram: &[u8]) -> Option<Stream> {
    let at = match kind {
        Kind::Rtp => 8,
        Kind::Rtcp => 4,
        Kind::Stun | Kind::Dtls | Kind::Unknown => return None,
    };
    let ssrc = datagram.get(at..)?.first_chunk::<4>()?;
    Some((from, u32::from_be_bytes(*ssrc)))
}
