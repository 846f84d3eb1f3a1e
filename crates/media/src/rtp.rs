//! RTP headers, read and written in place (RFC 3550 section 5.1).

/// Length of a header without CSRCs and extensions, which is the only kind we send.
pub(crate) const HEADER_LEN: usize = 12;

/// What a datagram is, by its first bytes (RFC 7983, RFC 5761 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stun,
    Dtls,
    Rtp,
    Rtcp,
    Unknown,
}

impl Kind {
    pub(crate) fn of(datagram: &[u8]) -> Self {
        match datagram {
            [0..=3, ..] => Self::Stun,
            [20..=63, ..] => Self::Dtls,
            // With rtcp-mux the second byte tells: RTCP types 192 to 223 are RTP payload types 64 to 95
            // with the marker set, which nobody may negotiate.
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            _ => Self::Unknown,
        }
    }
}

/// The fields of an RTP header and where the payload starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Whether the last byte of the payload counts padding.
    pub(crate) padding: bool,
    /// CSRCs and extension included.
    pub(crate) len: usize,
}

impl Header {
    /// Reads a header; `None` if the bytes cannot hold what they announce.
    pub(crate) fn read(packet: &[u8]) -> Option<Self> {
        let (fixed, rest) = packet.split_first_chunk::<HEADER_LEN>()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut len = HEADER_LEN + 4 * usize::from(fixed[0] & 0x0f);
        if fixed[0] & 0x10 != 0 {
            let extension = rest.get(len - HEADER_LEN..len - HEADER_LEN + 4)?;
            len += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        (len <= packet.len()).then(|| Self {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            padding: fixed[0] & 0x20 != 0,
            len,
        })
    }

    /// Writes the fixed twelve bytes: no padding, no CSRC, no extension.
    pub(crate) fn write(&self, out: &mut [u8; HEADER_LEN]) {
        out[0] = 0x80;
        out[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_header_reads_back() {
        let header = Header {
            marker: true,
            payload_type: 111,
            sequence: 65_535,
            timestamp: 0xdead_beef,
            ssrc: 7,
            padding: false,
            len: HEADER_LEN,
        };
        let mut bytes = [0; HEADER_LEN];
        header.write(&mut bytes);
        assert_eq!(Header::read(&bytes), Some(header));
    }

    #[test]
    fn csrcs_and_extension_belong_to_the_header() {
        let mut packet = vec![0x92, 111, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
        packet.extend([0; 8]); // two CSRCs
        packet.extend([0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]); // one word of extension
        packet.extend(b"sound");
        assert_eq!(Header::read(&packet).map(|header| header.len), Some(28));
        assert_eq!(Header::read(&packet[..27]), None, "an announced extension must be there");
    }

    #[test]
    fn no_length_of_garbage_reads_past_its_end() {
        for first in 0..=255u8 {
            for len in 0..64 {
                let bytes = vec![first; len];
                if let Some(header) = Header::read(&bytes) {
                    assert!(header.len <= len);
                }
                let _ = Kind::of(&bytes);
            }
        }
    }
}
