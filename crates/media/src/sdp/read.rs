//! Reading a stranger's description.

use sdp_types::{Attribute, Media, Session};

use super::{Candidate, Direction, Fingerprint, Hash, Payloads, Refused, Remote, SdpError, Setup};

/// Meta's and browsers' descriptions have 1 to 6 KiB.
const MAX_BYTES: usize = 64 * 1024;
const MAX_MEDIA: usize = 16;
/// Lines looked at; what is kept is bounded by the ICE side.
const MAX_CANDIDATES: usize = 100;

/// Reads a description and picks its first audio line.
pub(crate) fn read(text: &str) -> Result<Remote, SdpError> {
    if text.len() > MAX_BYTES {
        return Err(SdpError::TooLarge);
    }
    let session = Session::parse(text.as_bytes()).map_err(|_| SdpError::Malformed)?;
    if session.medias.len() > MAX_MEDIA {
        return Err(SdpError::TooLarge);
    }
    let at = session.medias.iter().position(is_audio).ok_or(SdpError::NoAudio)?;
    let lines = Lines { session: &session.attributes, media: &session.medias[at].attributes };

    let ufrag = lines.first("ice-ufrag").filter(|ufrag| ufrag.len() >= 4);
    let pwd = lines.first("ice-pwd").filter(|pwd| pwd.len() >= 22);
    let (ufrag, pwd) = ufrag.zip(pwd).ok_or(SdpError::NoCredentials)?;
    if lines.flag("rtcp-mux").is_none() {
        return Err(SdpError::NoRtcpMux);
    }
    Ok(Remote {
        ice_lite: lines.flag("ice-lite").is_some(),
        ufrag: ufrag.to_owned(),
        pwd: pwd.to_owned(),
        fingerprint: fingerprint(&lines)?,
        setup: match lines.first("setup") {
            Some("active") => Setup::Active,
            Some("passive") => Setup::Passive,
            // Absent and "actpass" alike leave the choice to us.
            Some(_) | None => Setup::ActPass,
        },
        candidates: candidates(&lines)?,
        payloads: payloads(&session.medias[at])?,
        direction: lines.direction(),
        mid: lines.first("mid").map(str::to_owned),
        bundle: lines.first("group").is_some_and(|group| group.starts_with("BUNDLE")),
        before: session.medias[..at].iter().map(refused).collect(),
        after: session.medias[at + 1..].iter().map(refused).collect(),
    })
}

/// Attributes of the audio line, falling back to the session's.
struct Lines<'s> {
    session: &'s [Attribute],
    media: &'s [Attribute],
}

impl<'s> Lines<'s> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'s str> {
        let named = move |attribute: &&Attribute| attribute.attribute == name;
        let at_media = self.media.iter().any(|attribute| attribute.attribute == name);
        let level = if at_media { self.media } else { self.session };
        level.iter().filter(named).filter_map(|attribute| attribute.value.as_deref()).map(str::trim)
    }

    fn first(&self, name: &'static str) -> Option<&'s str> {
        self.all(name).next()
    }

    fn flag(&self, name: &str) -> Option<()> {
        let mut both = self.media.iter().chain(self.session);
        both.any(|attribute| attribute.attribute == name).then_some(())
    }

    fn direction(&self) -> Direction {
        let mut words = self.media.iter().chain(self.session);
        words.find_map(|attribute| Direction::read(&attribute.attribute)).unwrap_or(Direction::SendRecv)
    }
}

/// Port 0 refuses a line; SAVPF over DTLS is the only transport we speak.
fn is_audio(media: &Media) -> bool {
    media.media == "audio" && media.port != 0 && media.proto.ends_with("TLS/RTP/SAVPF")
}

fn refused(media: &Media) -> Refused {
    let mid = media.attributes.iter().find(|attribute| attribute.attribute == "mid");
    Refused {
        media: media.media.clone(),
        proto: media.proto.clone(),
        fmt: media.fmt.clone(),
        mid: mid.and_then(|mid| mid.value.clone()),
    }
}

/// SHA-256 if there is one (aiortc sends three hashes of one certificate), never less than SHA-2.
fn fingerprint(lines: &Lines<'_>) -> Result<Fingerprint, SdpError> {
    let all: Vec<_> = lines.all("fingerprint").take(MAX_MEDIA).filter_map(read_fingerprint).collect();
    for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
        let mut of_hash = all.iter().filter(|fingerprint| fingerprint.hash == hash);
        if let Some(first) = of_hash.next() {
            if of_hash.any(|other| other != first) {
                return Err(SdpError::AmbiguousFingerprint);
            }
            return Ok(first.clone());
        }
    }
    Err(SdpError::NoFingerprint)
}

fn read_fingerprint(value: &str) -> Option<Fingerprint> {
    let (name, digits) = value.split_once(' ')?;
    let (hash, len) = match name.to_ascii_lowercase().as_str() {
        "sha-256" => (Hash::Sha256, 32),
        "sha-384" => (Hash::Sha384, 48),
        "sha-512" => (Hash::Sha512, 64),
        _ => return None,
    };
    let digest: Option<Vec<u8>> =
        digits.trim().split(':').map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    digest.filter(|digest| digest.len() == len).map(|digest| Fingerprint { hash, digest })
}

fn candidates(lines: &Lines<'_>) -> Result<Vec<Candidate>, SdpError> {
    let mut found = Vec::new();
    for (n, line) in lines.all("candidate").enumerate() {
        if n >= MAX_CANDIDATES {
            return Err(SdpError::TooLarge);
        }
        found.extend(Candidate::read(line));
    }
    Ok(found)
}

fn payloads(media: &Media) -> Result<Payloads, SdpError> {
    let maps = media.attributes.iter().filter(|attribute| attribute.attribute == "rtpmap");
    let mut payloads = (None, None, None);
    for (number, codec) in maps.filter_map(|map| map.value.as_deref()?.trim().split_once(' ')) {
        // Payload types above 127 do not exist, and 64 to 95 would be taken for RTCP.
        let Some(number) = number.parse::<u8>().ok().filter(|n| *n < 128 && !(64..96).contains(n)) else {
            continue;
        };
        if codec.eq_ignore_ascii_case("opus/48000/2") {
            payloads.0.get_or_insert(number);
        } else if codec.eq_ignore_ascii_case("telephone-event/8000") {
            payloads.1.get_or_insert(number);
        } else if codec.eq_ignore_ascii_case("telephone-event/48000") {
            payloads.2.get_or_insert(number);
        }
    }
    let (opus, dtmf, dtmf_wide) = payloads;
    Ok(Payloads { opus: opus.ok_or(SdpError::NoCodec)?, dtmf, dtmf_wide })
}
