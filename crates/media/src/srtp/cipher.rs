//! The two ciphers, each with its session keys derived once.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;

use super::{Profile, SrtpError};
use crate::rtp::Header;

pub(super) const KEY_LEN: usize = 16;
const GCM_TAG: usize = 16;
const SHA1_TAG: usize = 10;
/// The sender's SSRC and the word before it stay readable in SRTCP.
const RTCP_CLEAR: usize = 8;
/// The word after the payload: encryption flag and index.
const RTCP_WORD: usize = 4;
const ENCRYPTED: u32 = 1 << 31;

/// Labels of RFC 3711 section 4.3.2; SRTCP's are these plus three.
const LABEL_KEY: u8 = 0;
const LABEL_AUTH: u8 = 1;
const LABEL_SALT: u8 = 2;
const RTCP: u8 = 3;

/// One direction's session keys.
pub(super) enum Cipher {
    Gcm(Box<Gcm>),
    Cm(Box<Cm>),
}

pub(super) struct Gcm {
    rtp: LessSafeKey,
    rtcp: LessSafeKey,
    rtp_salt: [u8; 12],
    rtcp_salt: [u8; 12],
}

pub(super) struct Cm {
    rtp: CmKeys,
    rtcp: CmKeys,
}

struct CmKeys {
    cipher: EncryptingKey,
    auth: hmac::Key,
    salt: [u8; 14],
}

impl Cipher {
    pub(super) fn new(profile: Profile, key: &[u8], salt: &[u8]) -> Result<Self, SrtpError> {
        let kdf = Kdf::new(key, salt)?;
        Ok(match profile {
            Profile::AeadAes128Gcm => Self::Gcm(Box::new(Gcm {
                rtp: kdf.gcm_key(LABEL_KEY)?,
                rtcp: kdf.gcm_key(LABEL_KEY + RTCP)?,
                rtp_salt: kdf.derive(LABEL_SALT)?,
                rtcp_salt: kdf.derive(LABEL_SALT + RTCP)?,
            })),
            Profile::Aes128CmSha1_80 => {
                Self::Cm(Box::new(Cm { rtp: kdf.cm_keys(0)?, rtcp: kdf.cm_keys(RTCP)? }))
            }
        })
    }

    pub(super) fn profile(&self) -> Profile {
        match self {
            Self::Gcm(_) => Profile::AeadAes128Gcm,
            Self::Cm(_) => Profile::Aes128CmSha1_80,
        }
    }

    pub(super) fn seal_rtp(
        &self,
        buffer: &mut [u8],
        len: usize,
        header: &Header,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(gcm) => {
                let end = room(buffer, len + GCM_TAG)?;
                let (aad, body) = buffer[..end].split_at_mut(header.len);
                let (body, tag) = body.split_at_mut(len - header.len);
                let nonce = gcm.rtp_nonce(header.ssrc, index);
                let made = gcm
                    .rtp
                    .seal_in_place_separate_tag(nonce, Aad::from(aad), body)
                    .map_err(|_| SrtpError::Malformed)?;
                tag.copy_from_slice(made.as_ref());
                Ok(end)
            }
            Self::Cm(cm) => {
                let end = room(buffer, len + SHA1_TAG)?;
                cm.rtp.crypt(header.ssrc, index, &mut buffer[header.len..len])?;
                let tag = cm.rtp.rtp_tag(buffer, len, index);
                buffer[len..end].copy_from_slice(&tag);
                Ok(end)
            }
        }
    }

    /// Returns where the payload ends.
    pub(super) fn open_rtp(
        &self,
        datagram: &mut [u8],
        header: &Header,
        index: u64,
    ) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(gcm) => {
                let end = datagram.len().checked_sub(GCM_TAG).filter(|end| *end >= header.len);
                let end = end.ok_or(SrtpError::Malformed)?;
                let (aad, body) = datagram.split_at_mut(header.len);
                let nonce = gcm.rtp_nonce(header.ssrc, index);
                gcm.rtp.open_in_place(nonce, Aad::from(aad), body).map_err(|_| SrtpError::BadTag)?;
                Ok(end)
            }
            Self::Cm(cm) => {
                let end = datagram.len().checked_sub(SHA1_TAG).filter(|end| *end >= header.len);
                let end = end.ok_or(SrtpError::Malformed)?;
                let mut theirs = [0; SHA1_TAG];
                theirs.copy_from_slice(&datagram[end..]);
                let ours = cm.rtp.rtp_tag(datagram, end, index);
                verify_slices_are_equal(&ours, &theirs).map_err(|_| SrtpError::BadTag)?;
                cm.rtp.crypt(header.ssrc, index, &mut datagram[header.len..end])?;
                Ok(end)
            }
        }
    }

    pub(super) fn seal_rtcp(&self, buffer: &mut [u8], len: usize, index: u32) -> Result<usize, SrtpError> {
        let word = (ENCRYPTED | index).to_be_bytes();
        let ssrc = rtcp_ssrc(buffer.get(..len).ok_or(SrtpError::Malformed)?)?;
        match self {
            Self::Gcm(gcm) => {
                let end = room(buffer, len + GCM_TAG + RTCP_WORD)?;
                let aad = Aad::from(rtcp_aad(buffer, word));
                let nonce = gcm.rtcp_nonce(ssrc, index);
                let made = gcm
                    .rtcp
                    .seal_in_place_separate_tag(nonce, aad, &mut buffer[RTCP_CLEAR..len])
                    .map_err(|_| SrtpError::Malformed)?;
                buffer[len..len + GCM_TAG].copy_from_slice(made.as_ref());
                buffer[len + GCM_TAG..end].copy_from_slice(&word);
                Ok(end)
            }
            Self::Cm(cm) => {
                let end = room(buffer, len + RTCP_WORD + SHA1_TAG)?;
                cm.rtcp.crypt(ssrc, u64::from(index), &mut buffer[RTCP_CLEAR..len])?;
                buffer[len..len + RTCP_WORD].copy_from_slice(&word);
                let tag = cm.rtcp.tag(&buffer[..len + RTCP_WORD]);
                buffer[len + RTCP_WORD..end].copy_from_slice(&tag);
                Ok(end)
            }
        }
    }

    /// The index an SRTCP packet claims.
    pub(super) fn rtcp_index(&self, datagram: &[u8]) -> Result<u32, SrtpError> {
        let after = match self {
            Self::Gcm(_) => 0,
            Self::Cm(_) => SHA1_TAG,
        };
        let word =
            datagram.len().checked_sub(after).and_then(|end| datagram[..end].last_chunk::<RTCP_WORD>());
        let word = u32::from_be_bytes(*word.ok_or(SrtpError::Malformed)?);
        // A peer that leaves its reports readable has turned the profile off; we never negotiate that.
        if word & ENCRYPTED == 0 {
            return Err(SrtpError::Malformed);
        }
        Ok(word & !ENCRYPTED)
    }

    /// Returns the length of the compound packet.
    pub(super) fn open_rtcp(&self, datagram: &mut [u8], ssrc: u32) -> Result<usize, SrtpError> {
        let index = self.rtcp_index(datagram)?;
        let word = (ENCRYPTED | index).to_be_bytes();
        match self {
            Self::Gcm(gcm) => {
                let end = datagram.len().checked_sub(RTCP_WORD + GCM_TAG).filter(|end| *end >= RTCP_CLEAR);
                let end = end.ok_or(SrtpError::Malformed)?;
                let aad = Aad::from(rtcp_aad(datagram, word));
                let nonce = gcm.rtcp_nonce(ssrc, index);
                gcm.rtcp
                    .open_in_place(nonce, aad, &mut datagram[RTCP_CLEAR..end + GCM_TAG])
                    .map_err(|_| SrtpError::BadTag)?;
                Ok(end)
            }
            Self::Cm(cm) => {
                let end = datagram.len().checked_sub(RTCP_WORD + SHA1_TAG).filter(|end| *end >= RTCP_CLEAR);
                let end = end.ok_or(SrtpError::Malformed)?;
                let tag = cm.rtcp.tag(&datagram[..end + RTCP_WORD]);
                verify_slices_are_equal(&tag, &datagram[end + RTCP_WORD..]).map_err(|_| SrtpError::BadTag)?;
                cm.rtcp.crypt(ssrc, u64::from(index), &mut datagram[RTCP_CLEAR..end])?;
                Ok(end)
            }
        }
    }
}

impl Gcm {
    /// RFC 7714 section 8.1.
    fn rtp_nonce(&self, ssrc: u32, index: u64) -> Nonce {
        let mut nonce = self.rtp_salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[6..12], &index.to_be_bytes()[2..]);
        Nonce::assume_unique_for_key(nonce)
    }

    /// RFC 7714 section 9.1.
    fn rtcp_nonce(&self, ssrc: u32, index: u32) -> Nonce {
        let mut nonce = self.rtcp_salt;
        xor(&mut nonce[2..6], &ssrc.to_be_bytes());
        xor(&mut nonce[8..12], &index.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }
}

impl CmKeys {
    /// RFC 3711 section 4.1.1; the same both ways.
    fn crypt(&self, ssrc: u32, index: u64, body: &mut [u8]) -> Result<(), SrtpError> {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        xor(&mut iv[4..8], &ssrc.to_be_bytes());
        xor(&mut iv[8..14], &index.to_be_bytes()[2..]);
        self.cipher
            .less_safe_encrypt(body, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map(|_| ())
            .map_err(|_| SrtpError::Malformed)
    }

    /// The tag over `buffer[..len]` and the rollover count, which is written behind the packet for a moment:
    /// one pass over one slice is cheaper than a context.
    fn rtp_tag(&self, buffer: &mut [u8], len: usize, index: u64) -> [u8; SHA1_TAG] {
        let rollovers = ((index >> 16) as u32).to_be_bytes();
        buffer[len..len + rollovers.len()].copy_from_slice(&rollovers);
        self.tag(&buffer[..len + rollovers.len()])
    }

    fn tag(&self, bytes: &[u8]) -> [u8; SHA1_TAG] {
        let full = hmac::sign(&self.auth, bytes);
        *full.as_ref().first_chunk().expect("an HMAC-SHA1 has 20 bytes")
    }
}

/// The key derivation of RFC 3711 section 4.3 with a rate of zero. A 12-byte salt counts as 14 with zeros
/// behind (RFC 7714 section 11).
struct Kdf {
    master: EncryptingKey,
    salt: [u8; 14],
}

impl Kdf {
    fn new(key: &[u8], master_salt: &[u8]) -> Result<Self, SrtpError> {
        let mut salt = [0; 14];
        salt.get_mut(..master_salt.len()).ok_or(SrtpError::Malformed)?.copy_from_slice(master_salt);
        Ok(Self { master: counter_mode(key)?, salt })
    }

    fn derive<const N: usize>(&self, label: u8) -> Result<[u8; N], SrtpError> {
        let mut iv = [0; 16];
        iv[..14].copy_from_slice(&self.salt);
        iv[7] ^= label;
        let mut out = [0; N];
        self.master
            .less_safe_encrypt(&mut out, EncryptionContext::Iv128(FixedLength::from(iv)))
            .map_err(|_| SrtpError::Malformed)?;
        Ok(out)
    }

    fn gcm_key(&self, label: u8) -> Result<LessSafeKey, SrtpError> {
        let key: [u8; KEY_LEN] = self.derive(label)?;
        UnboundKey::new(&AES_128_GCM, &key).map(LessSafeKey::new).map_err(|_| SrtpError::Malformed)
    }

    fn cm_keys(&self, offset: u8) -> Result<CmKeys, SrtpError> {
        let key: [u8; KEY_LEN] = self.derive(LABEL_KEY + offset)?;
        let auth: [u8; 20] = self.derive(LABEL_AUTH + offset)?;
        Ok(CmKeys {
            cipher: counter_mode(&key)?,
            auth: hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth),
            salt: self.derive(LABEL_SALT + offset)?,
        })
    }
}

fn counter_mode(key: &[u8]) -> Result<EncryptingKey, SrtpError> {
    UnboundCipherKey::new(&AES_128, key).and_then(EncryptingKey::ctr).map_err(|_| SrtpError::Malformed)
}

fn rtcp_ssrc(packet: &[u8]) -> Result<u32, SrtpError> {
    let bytes = packet.get(4..RTCP_CLEAR).ok_or(SrtpError::Malformed)?;
    Ok(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}

/// RFC 7714 section 9.2: the readable words and the trailer's word.
fn rtcp_aad(packet: &[u8], word: [u8; RTCP_WORD]) -> [u8; RTCP_CLEAR + RTCP_WORD] {
    let mut aad = [0; RTCP_CLEAR + RTCP_WORD];
    aad[..RTCP_CLEAR].copy_from_slice(&packet[..RTCP_CLEAR]);
    aad[RTCP_CLEAR..].copy_from_slice(&word);
    aad
}

fn room(buffer: &[u8], end: usize) -> Result<usize, SrtpError> {
    if end <= buffer.len() { Ok(end) } else { Err(SrtpError::Malformed) }
}

fn xor(target: &mut [u8], with: &[u8]) {
    for (byte, other) in target.iter_mut().zip(with) {
        *byte ^= other;
    }
}

/// Session key, salt and authentication key of one direction, for the vectors of RFC 3711.
#[cfg(test)]
pub(super) fn tests_kdf(key: &[u8], salt: &[u8]) -> ([u8; 16], [u8; 14], [u8; 20]) {
    let kdf = Kdf::new(key, salt).unwrap();
    (kdf.derive(LABEL_KEY).unwrap(), kdf.derive(LABEL_SALT).unwrap(), kdf.derive(LABEL_AUTH).unwrap())
}

/// A cipher from session keys, for the vectors of RFC 7714.
#[cfg(test)]
pub(super) fn tests_gcm(key: &[u8], salt: &[u8]) -> Cipher {
    let make = || LessSafeKey::new(UnboundKey::new(&AES_128_GCM, key).unwrap());
    let salt = *salt.first_chunk().unwrap();
    Cipher::Gcm(Box::new(Gcm { rtp: make(), rtcp: make(), rtp_salt: salt, rtcp_salt: salt }))
}
