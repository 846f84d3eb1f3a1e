//! Takes the facts out of an SDP.

/// The longest SDP that is looked at; a browser's is about 2 KB.
const MAX_BYTES: usize = 32 * 1024;

/// The `setup` attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setup {
    Active,
    Passive,
    Actpass,
}

/// What an SDP of the other side says, for one audio section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RemoteSdp {
    pub(crate) media_sections: usize,
    pub(crate) is_audio: bool,
    pub(crate) mid: Option<String>,
    pub(crate) bundle: Option<String>,
    pub(crate) ufrag: Option<String>,
    pub(crate) pwd: Option<String>,
    /// Hash function and value of every distinct fingerprint.
    pub(crate) fingerprints: Vec<(String, String)>,
    pub(crate) setup: Option<Setup>,
    pub(crate) candidates: usize,
    pub(crate) ice_lite: bool,
    pub(crate) opus: Option<u8>,
    /// Payload type of telephone-event at 8 kHz.
    pub(crate) telephone_event: Option<u8>,
    pub(crate) ssrcs: Vec<u32>,
    pub(crate) ptime: Option<u32>,
    pub(crate) bare_line_feeds: bool,
}

/// Reads an SDP; the error is the line that makes no sense.
pub(crate) fn read(sdp: &str) -> Result<RemoteSdp, String> {
    if sdp.len() > MAX_BYTES {
        return Err("the SDP is too long".to_owned());
    }
    if !sdp.starts_with("v=0") {
        return Err("the SDP does not start with v=0".to_owned());
    }
    let mut remote = RemoteSdp { bare_line_feeds: has_bare_line_feed(sdp), ..RemoteSdp::default() };
    for line in sdp.lines() {
        let line = line.trim_end_matches('\r');
        if let Some(media) = line.strip_prefix("m=") {
            remote.media_sections += 1;
            remote.is_audio |= remote.media_sections == 1 && media.starts_with("audio ");
        } else if let Some(attribute) = line.strip_prefix("a=")
            && remote.media_sections <= 1
        {
            attribute_line(&mut remote, attribute)
                .ok_or_else(|| format!("invalid line: {}", &line[..line.len().min(60)]))?;
        }
    }
    Ok(remote)
}

fn attribute_line(remote: &mut RemoteSdp, attribute: &str) -> Option<()> {
    let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
    match name {
        "ice-lite" => remote.ice_lite = true,
        "ice-ufrag" => remote.ufrag = Some(value.trim().to_owned()),
        "ice-pwd" => remote.pwd = Some(value.trim().to_owned()),
        "candidate" => remote.candidates += 1,
        "mid" => remote.mid = Some(value.trim().to_owned()),
        "group" => remote.bundle = value.strip_prefix("BUNDLE").map(|mids| mids.trim().to_owned()),
        "ptime" => remote.ptime = Some(value.trim().parse().ok()?),
        "fingerprint" => {
            let (hash, digest) = value.trim().split_once(' ')?;
            let print = (hash.to_ascii_lowercase(), digest.trim().to_ascii_uppercase());
            if !remote.fingerprints.contains(&print) {
                remote.fingerprints.push(print);
            }
        }
        "setup" => {
            remote.setup = Some(match value.trim() {
                "active" => Setup::Active,
                "passive" => Setup::Passive,
                "actpass" => Setup::Actpass,
                _ => return None,
            });
        }
        "ssrc" => {
            let ssrc = value.split(' ').next()?.parse().ok()?;
            if !remote.ssrcs.contains(&ssrc) {
                remote.ssrcs.push(ssrc);
            }
        }
        "rtpmap" => {
            let (payload_type, codec) = value.split_once(' ')?;
            let payload_type = payload_type.parse().ok()?;
            let codec = codec.trim().to_ascii_lowercase();
            if codec.starts_with("opus/48000") {
                remote.opus.get_or_insert(payload_type);
            } else if codec.starts_with("telephone-event/8000") {
                remote.telephone_event.get_or_insert(payload_type);
            }
        }
        _ => {}
    }
    Some(())
}

fn has_bare_line_feed(sdp: &str) -> bool {
    let bytes = sdp.as_bytes();
    bytes.iter().enumerate().any(|(at, byte)| *byte == b'\n' && (at == 0 || bytes[at - 1] != b'\r'))
}
