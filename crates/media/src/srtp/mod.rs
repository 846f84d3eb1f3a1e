//! SRTP and SRTCP in place: one key schedule per direction, no allocation per packet.
//!
//! Two profiles: AEAD_AES_128_GCM (RFC 7714), which we prefer, and AES_CM_128_HMAC_SHA1_80 (RFC 3711), which
//! everybody has. A [`Sealer`] protects what one leg sends under its one SSRC; an [`Opener`] checks and opens
//! what its peer sends. Both work inside the datagram's own buffer.
//!
//! Invariants: nothing is learned from a packet whose tag does not verify, not even its SSRC; no packet index is
//! accepted twice, and none is sealed twice, since GCM falls with the first repeated nonce.

mod cipher;
mod window;

#[cfg(test)]
mod tests;

use crate::rtp::Header;

use cipher::Cipher;
use window::Window;

/// How many SSRCs one peer may use during a call. WhatsApp and browsers use one; a second appears when a relay
/// changes its mind. More would cost a linear search and a window each, and have no use.
const MAX_SOURCES: usize = 4;

/// An SRTP protection profile (RFC 5764 section 4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// AEAD_AES_128_GCM.
    AeadAes128Gcm,
    /// SRTP_AES128_CM_HMAC_SHA1_80.
    Aes128CmSha1_80,
}

impl Profile {
    /// Bytes of keying material both directions need together.
    pub fn material_len(self) -> usize {
        2 * (cipher::KEY_LEN + self.salt_len())
    }

    fn salt_len(self) -> usize {
        match self {
            Self::AeadAes128Gcm => 12,
            Self::Aes128CmSha1_80 => 14,
        }
    }
}

/// Why a packet was not opened or sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Too short, not RTP, or no room for the tag.
    #[error("packet is malformed")]
    Malformed,
    /// The tag does not verify: wrong key, or changed on the way.
    #[error("authentication tag does not verify")]
    BadTag,
    /// Seen before, or too old to tell.
    #[error("packet was seen before or is too old")]
    Replayed,
    /// More SSRCs than a peer may use.
    #[error("too many sources")]
    TooManySources,
}

/// Splits exported keying material (RFC 5764 section 4.2) into our two directions.
///
/// # Errors
/// If the material is not [`Profile::material_len`] long.
pub fn split(profile: Profile, material: &[u8], is_client: bool) -> Result<(Sealer, Opener), SrtpError> {
    if material.len() != profile.material_len() {
        return Err(SrtpError::Malformed);
    }
    let (keys, salts) = material.split_at(2 * cipher::KEY_LEN);
    let (client_key, server_key) = keys.split_at(cipher::KEY_LEN);
    let (client_salt, server_salt) = salts.split_at(profile.salt_len());
    let client = Cipher::new(profile, client_key, client_salt)?;
    let server = Cipher::new(profile, server_key, server_salt)?;
    let (ours, theirs) = if is_client { (client, server) } else { (server, client) };
    Ok((Sealer::new(ours), Opener::new(theirs)))
}

/// Protects what one leg sends.
pub struct Sealer {
    cipher: Cipher,
    sealed: Window,
    rtcp_index: u32,
}

impl Sealer {
    fn new(cipher: Cipher) -> Self {
        Self { cipher, sealed: Window::default(), rtcp_index: 0 }
    }

    /// The profile in use.
    pub fn profile(&self) -> Profile {
        self.cipher.profile()
    }

    /// Seals the RTP packet in `buffer[..len]` and returns its new length. `index` is the extended sequence
    /// number: rollovers in the upper bits, the header's number in the lower 16.
    ///
    /// # Errors
    /// If the buffer has no room for the tag, or this index has been sealed before.
    pub fn seal_rtp(&mut self, buffer: &mut [u8], len: usize, index: u64) -> Result<usize, SrtpError> {
        let header = buffer.get(..len).and_then(Header::read).ok_or(SrtpError::Malformed)?;
        if !self.sealed.is_new(index) {
            return Err(SrtpError::Replayed);
        }
        let sealed = self.cipher.seal_rtp(buffer, len, &header, index)?;
        self.sealed.accept(index);
        Ok(sealed)
    }

    /// Seals the compound RTCP packet in `buffer[..len]` and returns its new length.
    ///
    /// # Errors
    /// If the buffer has no room for the trailer or the packet is too short.
    pub fn seal_rtcp(&mut self, buffer: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let index = self.rtcp_index;
        let sealed = self.cipher.seal_rtcp(buffer, len, index)?;
        // 31 bits last 340 years at one report every five seconds.
        self.rtcp_index = (index + 1) & 0x7fff_ffff;
        Ok(sealed)
    }
}

/// Opens what one peer sends.
pub struct Opener {
    cipher: Cipher,
    rtp: Vec<Source>,
    rtcp: Vec<Source>,
}

struct Source {
    ssrc: u32,
    window: Window,
}

/// An opened packet: its header, where its payload lies in the datagram, and its index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) header: Header,
    /// One past the last byte of the payload; it starts at `header.len`.
    pub(crate) end: usize,
    /// Rollovers in the upper bits, sequence number in the lower 16.
    pub(crate) index: u64,
}

impl Opener {
    fn new(cipher: Cipher) -> Self {
        Self { cipher, rtp: Vec::with_capacity(1), rtcp: Vec::with_capacity(1) }
    }

    /// Opens the SRTP packet that fills `datagram` and returns the range of its payload.
    ///
    /// # Errors
    /// If it does not verify or has been seen; the datagram's bytes are worthless then.
    pub fn open_rtp(&mut self, datagram: &mut [u8]) -> Result<std::ops::Range<usize>, SrtpError> {
        self.open(datagram).map(|opened| opened.header.len..opened.end)
    }

    pub(crate) fn open(&mut self, datagram: &mut [u8]) -> Result<Opened, SrtpError> {
        let header = Header::read(datagram).ok_or(SrtpError::Malformed)?;
        let known = self.rtp.iter().position(|source| source.ssrc == header.ssrc);
        let index = match known {
            Some(at) => self.rtp[at].window.estimate(header.sequence),
            None if self.rtp.len() >= MAX_SOURCES => return Err(SrtpError::TooManySources),
            None => u64::from(header.sequence),
        };
        if known.is_some_and(|at| !self.rtp[at].window.is_new(index)) {
            return Err(SrtpError::Replayed);
        }
        let mut end = self.cipher.open_rtp(datagram, &header, index)?;
        accept(&mut self.rtp, known, header.ssrc, index);
        if header.padding && end > header.len {
            let padding = usize::from(datagram[end - 1]);
            end = end.checked_sub(padding).filter(|end| *end >= header.len).ok_or(SrtpError::Malformed)?;
        }
        Ok(Opened { header, end, index })
    }

    /// Opens the SRTCP packet that fills `datagram` and returns the length of the compound packet.
    ///
    /// # Errors
    /// If it does not verify or has been seen; the datagram's bytes are worthless then.
    pub fn open_rtcp(&mut self, datagram: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = datagram.get(4..8).ok_or(SrtpError::Malformed)?;
        let ssrc = u32::from_be_bytes([ssrc[0], ssrc[1], ssrc[2], ssrc[3]]);
        let index = self.cipher.rtcp_index(datagram)?;
        let known = self.rtcp.iter().position(|source| source.ssrc == ssrc);
        match known {
            Some(at) if !self.rtcp[at].window.is_new(u64::from(index)) => return Err(SrtpError::Replayed),
            None if self.rtcp.len() >= MAX_SOURCES => return Err(SrtpError::TooManySources),
            Some(_) | None => {}
        }
        let len = self.cipher.open_rtcp(datagram, ssrc)?;
        accept(&mut self.rtcp, known, ssrc, u64::from(index));
        Ok(len)
    }
}

fn accept(sources: &mut Vec<Source>, known: Option<usize>, ssrc: u32, index: u64) {
    let at = known.unwrap_or_else(|| {
        sources.push(Source { ssrc, window: Window::default() });
        sources.len() - 1
    });
    sources[at].window.accept(index);
}
