//! The hot path of a leg: opening and sealing sound inside the datagram's buffer.

use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use super::keys::{Event, EventClock, put_duration};
use super::outgoing::Source;
use super::{Drop, Leg, Notice};
use crate::rtcp::{self, Report};
use crate::rtp::{HEADER_LEN, Header};
use crate::sdp::Payloads;
use crate::srtp::SrtpError;

/// Four times what 20 ms frames need; with the burst, a pause of several seconds may be made up for.
const PACKETS_PER_SECOND: u64 = 200;
const BURST: u64 = 300;

/// What a packet carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// An Opus packet.
    Opus,
    /// A telephone event (RFC 4733), its duration in 8 kHz whatever the peers' clocks are.
    Dtmf,
}

/// A packet and where its payload lies in the datagram's buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// What it carries.
    pub media: Media,
    /// RTP's marker bit.
    pub marker: bool,
    /// The payload's place in the buffer.
    pub payload: Range<usize>,
    /// Extended sequence number: rollovers in the upper bits.
    pub index: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    pub(crate) source: Source,
}

impl Packet {
    /// A packet of our own making. `source` names a numbering that `index` and `timestamp` belong to; a leg
    /// joins the numberings of all sources it is given into one.
    pub fn new(media: Media, source: u64, index: u64, timestamp: u32, payload: Range<usize>) -> Self {
        Self { media, marker: false, payload, index, timestamp, source: Source(source) }
    }
}

/// A sealed datagram: where it lies in the buffer and where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Where to.
    pub to: SocketAddr,
    /// Its place in the buffer.
    pub datagram: Range<usize>,
}

impl Leg {
    /// Seals a packet in place for this leg's peer. The header goes into the twelve bytes before the payload,
    /// the tag behind it, so the buffer must have room for both.
    ///
    /// # Errors
    /// If nothing may be sent, or not this.
    pub fn send(&mut self, now: Instant, packet: &Packet, buffer: &mut [u8]) -> Result<Sealed, Drop> {
        self.seal(now, packet, buffer).inspect_err(|why| self.drops.add(*why))
    }

    fn seal(&mut self, now: Instant, packet: &Packet, buffer: &mut [u8]) -> Result<Sealed, Drop> {
        if !self.can_send() {
            return Err(Drop::GateClosed);
        }
        let to = self.ice.selected().ok_or(Drop::GateClosed)?;
        let (sealer, _) = self.keys.as_mut().ok_or(Drop::GateClosed)?;
        let events = event_payload(&self.payloads);
        let payload_type = match packet.media {
            Media::Opus => self.payloads.opus,
            Media::Dtmf => events.ok_or(Drop::PayloadUnknown)?.0,
        };
        let start = packet.payload.start.checked_sub(HEADER_LEN).ok_or(Drop::SrtpMalformed)?;
        let place = buffer.get_mut(start..).ok_or(Drop::SrtpMalformed)?;
        let len = packet.payload.end - start;
        if let (Media::Dtmf, Some((_, clock))) = (packet.media, events) {
            put_duration(&mut place[HEADER_LEN..len], clock).ok_or(Drop::SrtpMalformed)?;
        }
        let stamp = self.outgoing.stamp(now, packet.source, packet.index, packet.timestamp);
        let stamp = stamp.ok_or(Drop::TooLate)?;
        let header = Header {
            marker: packet.marker || stamp.begins,
            payload_type,
            sequence: stamp.index as u16,
            timestamp: stamp.timestamp,
            ssrc: self.ssrc,
            padding: false,
            len: HEADER_LEN,
        };
        header.write(place.first_chunk_mut().ok_or(Drop::SrtpMalformed)?);
        let sealed = sealer.seal_rtp(place, len, stamp.index).map_err(|_| Drop::SrtpMalformed)?;
        self.sent_packets += 1;
        self.sent_octets += packet.payload.len() as u64;
        Ok(Sealed { to, datagram: start..start + sealed })
    }

    /// Whether the peer knows telephone events.
    pub(crate) fn takes_keys(&self) -> bool {
        event_payload(&self.payloads).is_some()
    }

    pub(super) fn receive_rtp(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<Packet, Drop> {
        if self.ice.selected() != Some(from) {
            return Err(Drop::SrtpElsewhere);
        }
        let (_, opener) = self.keys.as_mut().ok_or(Drop::SrtpEarly)?;
        let opened = opener.open(datagram).map_err(refused)?;
        if !self.bucket.take(now) {
            return Err(Drop::RateExceeded);
        }
        let header = opened.header;
        let source = Source((u64::from(self.uid) << 32) | u64::from(header.ssrc));
        let (media, clock) = match header.payload_type {
            opus if opus == self.payloads.opus => (Media::Opus, None),
            dtmf if Some(dtmf) == self.payloads.dtmf => (Media::Dtmf, Some(EventClock::Narrow)),
            dtmf if Some(dtmf) == self.payloads.dtmf_wide => (Media::Dtmf, Some(EventClock::Wide)),
            _ => return Err(Drop::PayloadUnknown),
        };
        if let Some(clock) = clock {
            let payload = &mut datagram[header.len..opened.end];
            let event = Event::take(payload, clock).ok_or(Drop::SrtpMalformed)?;
            for (digit, millis) in
                self.keys_of_peer.take(now, source, header.timestamp, event).into_iter().flatten()
            {
                self.notice(Notice::Digit { digit, millis });
            }
        }
        self.heard(now);
        if media == Media::Opus {
            self.first_sound.get_or_insert(now.saturating_duration_since(self.created));
            self.receive.packet(now, header.ssrc, opened.index, header.timestamp);
        }
        if !self.heard_sound {
            self.heard_sound = true;
            self.notice(Notice::FirstPacket);
        }
        Ok(Packet {
            media,
            marker: header.marker,
            payload: header.len..opened.end,
            source,
            index: opened.index,
            timestamp: header.timestamp,
        })
    }

    pub(super) fn receive_rtcp(
        &mut self,
        now: Instant,
        from: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<(), Drop> {
        if self.ice.selected() != Some(from) {
            return Err(Drop::SrtpElsewhere);
        }
        let (_, opener) = self.keys.as_mut().ok_or(Drop::SrtpEarly)?;
        let len = opener.open_rtcp(datagram).map_err(refused)?;
        if !self.bucket.take(now) {
            return Err(Drop::RateExceeded);
        }
        self.heard(now);
        let our_clock = (super::ntp(now.saturating_duration_since(self.created)) >> 16) as u32;
        rtcp::read(&datagram[..len], |report| match report {
            Report::Sent { ssrc, middle_ntp } => self.receive.sender_report(now, ssrc, middle_ntp),
            Report::Heard(block) if block.ssrc == self.ssrc => {
                self.remote = super::Remote {
                    loss: f64::from(block.fraction_lost) / 256.0,
                    // 24 bits with a sign: duplicates may make it less than nothing.
                    lost: if block.lost & 0x80_0000 == 0 { block.lost.into() } else { 0 },
                    jitter_ms: f64::from(block.jitter) / 48.0,
                };
                if block.last_report != 0 {
                    let units = our_clock.wrapping_sub(block.last_report).wrapping_sub(block.delay);
                    // Clocks of the two ends round differently; a hair below zero is zero.
                    let units = if units > u32::MAX / 2 { 0 } else { units };
                    self.rtt = Some(std::time::Duration::from_micros(u64::from(units) * 1_000_000 / 65_536));
                }
            }
            // BYE ends a source, not the leg: the relay may change its mind.
            Report::Heard(_) | Report::Bye => {}
        });
        Ok(())
    }

    fn heard(&mut self, now: Instant) {
        self.heard_at = Some(now);
        if self.is_silent {
            self.is_silent = false;
            self.notice(Notice::MediaResumed);
        }
    }
}

/// How events are sent: at the clock of the sound they interrupt where the peer knows it.
fn event_payload(payloads: &Payloads) -> Option<(u8, EventClock)> {
    let wide = payloads.dtmf_wide.map(|number| (number, EventClock::Wide));
    wide.or(payloads.dtmf.map(|number| (number, EventClock::Narrow)))
}

fn refused(error: SrtpError) -> Drop {
    match error {
        SrtpError::Malformed => Drop::SrtpMalformed,
        SrtpError::BadTag => Drop::SrtpForged,
        SrtpError::Replayed => Drop::SrtpReplayed,
        SrtpError::TooManySources => Drop::SrtpSources,
    }
}

/// A token bucket in microseconds of allowance.
pub(super) struct Bucket {
    allowance_us: u64,
    at: Instant,
}

const COST_US: u64 = 1_000_000 / PACKETS_PER_SECOND;

impl Bucket {
    pub(super) fn new(now: Instant) -> Self {
        Self { allowance_us: BURST * COST_US, at: now }
    }

    fn take(&mut self, now: Instant) -> bool {
        let earned = now.saturating_duration_since(self.at).as_micros() as u64;
        self.at = now;
        self.allowance_us = (self.allowance_us + earned).min(BURST * COST_US);
        match self.allowance_us.checked_sub(COST_US) {
            Some(left) => {
                self.allowance_us = left;
                true
            }
            None => false,
        }
    }
}
