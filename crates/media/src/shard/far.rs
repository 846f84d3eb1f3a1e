//! What a leg leads to: a WebRTC peer, or a line to a program.
//!
//! The rest of the shard does not ask which. What only peers have is nothing on a line.

use std::net::SocketAddr;
use std::time::Instant;

use crate::leg::{Drop, Leg, LegError, Output, Packet, Sealed};
use crate::line::Line;

#[expect(clippy::large_enum_variant, reason = "nearly all are peers, and lie where they are looked at")]
pub(super) enum Far {
    Peer(Leg),
    Line(Line),
}

impl Far {
    pub(super) fn peer(&self) -> Option<&Leg> {
        match self {
            Self::Peer(leg) => Some(leg),
            Self::Line(_) => None,
        }
    }

    fn peer_mut(&mut self) -> Option<&mut Leg> {
        match self {
            Self::Peer(leg) => Some(leg),
            Self::Line(_) => None,
        }
    }

    pub(super) fn line(&mut self) -> Option<&mut Line> {
        match self {
            Self::Peer(_) => None,
            Self::Line(line) => Some(line),
        }
    }

    pub(super) fn is_line(&self) -> bool {
        matches!(self, Self::Line(_))
    }

    /// Seals a packet for a peer, to be put on the wire; nothing is to be put anywhere for a line, which has it then.
    pub(super) fn send(
        &mut self,
        now: Instant,
        packet: &Packet,
        buffer: &mut [u8],
    ) -> Result<Option<Sealed>, Drop> {
        match self {
            Self::Peer(leg) => leg.send(now, packet, buffer).map(Some),
            Self::Line(line) => {
                let payload = buffer.get(packet.payload.clone()).ok_or(Drop::SrtpMalformed)?;
                line.hear(now, packet, payload);
                Ok(None)
            }
        }
    }

    pub(super) fn can_send(&self) -> bool {
        self.peer().is_none_or(Leg::can_send)
    }

    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) -> Option<Packet> {
        self.peer_mut()?.receive(now, from, datagram)
    }

    pub(super) fn take_dropped(&mut self) -> Option<Drop> {
        self.peer_mut()?.take_dropped()
    }

    pub(super) fn poll(&mut self) -> Option<Output> {
        self.peer_mut()?.poll()
    }

    pub(super) fn has_output(&self) -> bool {
        self.peer().is_some_and(Leg::has_output)
    }

    pub(super) fn is_shaking(&self) -> bool {
        self.peer().is_some_and(Leg::is_shaking)
    }

    pub(super) fn is_over(&self) -> bool {
        self.peer().is_some_and(Leg::is_over)
    }

    pub(super) fn selected(&self) -> Option<SocketAddr> {
        self.peer()?.selected()
    }

    /// Keys are told of a line as notices; none are pressed towards it.
    pub(super) fn takes_keys(&self) -> bool {
        self.peer().is_some_and(Leg::takes_keys)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        match self {
            Self::Peer(leg) => leg.next_deadline(),
            Self::Line(line) => Some(line.next_at()),
        }
    }

    pub(super) fn tick(&mut self, now: Instant) {
        if let Some(leg) = self.peer_mut() {
            leg.tick(now);
        }
    }

    pub(super) fn take_answer(&mut self, now: Instant, sdp: &str) -> Result<(), LegError> {
        self.peer_mut().map_or(Ok(()), |leg| leg.take_answer(now, sdp))
    }

    pub(super) fn add_candidate(&mut self, now: Instant, ufrag: &str, line: &str) {
        if let Some(leg) = self.peer_mut() {
            leg.add_candidate(now, ufrag, line);
        }
    }

    pub(super) fn restart(&mut self, now: Instant, offer: &str) -> Result<String, LegError> {
        self.peer_mut().ok_or(LegError::OtherPeer)?.restart(now, offer)
    }

    /// Lines have none: nobody ever asks for one.
    pub(super) fn ufrag(&self) -> &str {
        self.peer().map_or("", Leg::ufrag)
    }

    pub(super) fn next_ufrag(&self) -> Option<&str> {
        self.peer()?.next_ufrag()
    }

    pub(super) fn waits_for_turn(&self) -> bool {
        self.peer().is_some_and(Leg::waits_for_turn)
    }

    pub(super) fn begin_handshake(&mut self, now: Instant) {
        if let Some(leg) = self.peer_mut() {
            leg.begin_handshake(now);
        }
    }

    pub(super) fn open_gate(&mut self, now: Instant) {
        if let Some(leg) = self.peer_mut() {
            leg.open_gate(now);
        }
    }

    pub(super) fn close(&mut self, now: Instant) {
        if let Some(leg) = self.peer_mut() {
            leg.close(now);
        }
    }
}
