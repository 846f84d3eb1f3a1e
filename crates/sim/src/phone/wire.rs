//! What crossed a phone's socket, as a capture would show it: the headers of the business's sound, and the newest
//! datagrams of the phone. Its memory is bounded whatever the call does.

use std::collections::VecDeque;
use std::net::SocketAddr;

use data_encoding::BASE64;
use serde::Serialize;

/// Five minutes of sound.
const MAX_HEARD: usize = 15_000;
/// Enough to replay; a capture of everything would be a recording of the call.
const MAX_SENT: usize = 64;

/// One packet of the business as it came off the wire. Its header is not encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct WirePacket {
    /// When it came, in Unix milliseconds.
    pub at_ms: u64,
    /// Which codec.
    pub payload_type: u8,
    /// Which stream.
    pub ssrc: u32,
    /// Its number in the stream.
    pub sequence: u16,
    /// Its time in the stream.
    pub timestamp: u32,
}

/// The capture of one call.
#[derive(Clone, Debug, Default, Serialize)]
pub struct WireView {
    /// Where the business was last truly heard from.
    pub business: Option<SocketAddr>,
    /// The business's ICE name.
    pub business_ufrag: Option<String>,
    /// The newest packets of sound and keys of the business, oldest first, whatever they decrypt to.
    pub heard: Vec<WirePacket>,
    /// The newest datagrams of sound that the phone sent, in base64, oldest first.
    pub sent: Vec<String>,
}

/// The tap on one phone's socket.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    heard: VecDeque<WirePacket>,
    sent: VecDeque<Vec<u8>>,
    /// Where the business was last truly heard from.
    pub(crate) business: Option<SocketAddr>,
    pub(crate) business_ufrag: Option<String>,
}

impl Wire {
    /// A datagram that came, whoever sent it.
    pub(crate) fn received(&mut self, at_ms: u64, datagram: &[u8]) {
        let Some(packet) = rtp(at_ms, datagram) else { return };
        if self.heard.len() == MAX_HEARD {
            self.heard.pop_front();
        }
        self.heard.push_back(packet);
    }

    /// A datagram of the phone.
    pub(crate) fn sent(&mut self, datagram: &[u8]) {
        if rtp(0, datagram).is_none() {
            return;
        }
        if self.sent.len() == MAX_SENT {
            self.sent.pop_front();
        }
        self.sent.push_back(datagram.to_vec());
    }

    pub(crate) fn view(&self) -> WireView {
        WireView {
            business: self.business,
            business_ufrag: self.business_ufrag.clone(),
            heard: self.heard.iter().copied().collect(),
            sent: self.sent.iter().map(|datagram| BASE64.encode(datagram)).collect(),
        }
    }
}

/// The header of RTP; none for RTCP (RFC 5761 section 4) and everything else.
fn rtp(at_ms: u64, datagram: &[u8]) -> Option<WirePacket> {
    let &[first, second, s0, s1, t0, t1, t2, t3, r0, r1, r2, r3] = datagram.first_chunk::<12>()?;
    let payload_type = second & 0x7f;
    if first >> 6 != 2 || (64..96).contains(&payload_type) {
        return None;
    }
    Some(WirePacket {
        at_ms,
        payload_type,
        ssrc: u32::from_be_bytes([r0, r1, r2, r3]),
        sequence: u16::from_be_bytes([s0, s1]),
        timestamp: u32::from_be_bytes([t0, t1, t2, t3]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: [u8; 14] = [0x80, 0x80 | 111, 1, 2, 0, 0, 3, 4, 5, 6, 7, 8, 0xaa, 0xbb];

    #[test]
    fn headers_of_sound_are_kept_and_nothing_else() {
        let mut wire = Wire::default();
        wire.received(5, &SOUND);
        wire.received(6, &[0x80, 200, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        wire.received(7, &[22, 254, 253]);
        let heard =
            WirePacket { at_ms: 5, payload_type: 111, ssrc: 0x0506_0708, sequence: 258, timestamp: 772 };
        assert_eq!(wire.view().heard, [heard]);
    }

    #[test]
    fn only_the_newest_datagrams_stay() {
        let mut wire = Wire::default();
        for n in 0..100 {
            let mut datagram = SOUND;
            datagram[3] = n;
            wire.sent(&datagram);
        }
        let sent = wire.view().sent;
        assert_eq!(sent.len(), MAX_SENT);
        assert_eq!(BASE64.decode(sent[0].as_bytes()).unwrap()[3], 36);
    }
}
