//! What WhatsApp requires of the business's description (whatsapp-calling.md 6.1, 6.3 and 12).

use offhook_core::sdp::Sdp;

use super::lines::{Line, Lines};
use super::{SdpError, limited, syntax};

/// Which of the two it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Offer,
    Answer,
    /// For the server itself, which waits for candidates.
    PageOffer,
}

/// Checks a client's description; the first complaint wins, in the order of the text's layers.
pub(super) fn check(text: &str, kind: Kind) -> Result<Sdp, SdpError> {
    let text = with_crlf(limited(text)?)?;
    syntax(&text)?;
    let lines = Lines::of(&text);
    if let Some(line) = lines.blank() {
        return Err(SdpError::new(Some(line), "the line", "is empty", "leave out empty lines"));
    }
    let media = one_audio(&lines)?;
    opus(&lines, media)?;
    ice(&lines)?;
    dtls(&lines, kind)?;
    one_stream(&lines)?;
    candidates(&lines, kind)?;
    Ok(Sdp::new(text))
}

/// The text with CRLF after every line, the last included; unchanged when it has them.
fn with_crlf(text: &str) -> Result<String, SdpError> {
    let mut whole = String::with_capacity(text.len() + 256);
    for (index, line) in text.trim_end_matches(['\r', '\n']).split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.contains(|c: char| c.is_control() && c != '\t') {
            let wrong = "contains a control character, NUL or a lone CR";
            return Err(SdpError::new(Some(index + 1), "the line", wrong, "end lines with CRLF"));
        }
        whole.push_str(line);
        whole.push_str("\r\n");
    }
    Ok(whole)
}

fn one_audio<'a>(lines: &Lines<'a>) -> Result<Line<'a>, SdpError> {
    let mut media = lines.media();
    let none = || SdpError::new(None, "m=audio", "is missing", "send one audio session");
    let first = media.next().ok_or_else(none)?;
    let at = |line: Line<'_>, wrong, remedy| Err(SdpError::new(Some(line.number), "m=", wrong, remedy));
    if !first.text.starts_with("m=audio ") {
        return at(first, "is not audio", "WhatsApp calls carry one audio session and nothing else");
    }
    if let Some(second) = media.next() {
        return at(
            second,
            "is there a second time",
            "WhatsApp calls carry one audio session and nothing else",
        );
    }
    let mut parts = first.text.split(' ').skip(1);
    if parts.next() == Some("0") {
        return at(first, "has port 0, which refuses the session", "use port 9 or the first candidate's");
    }
    let profile = parts.next().unwrap_or_default();
    if !matches!(profile, "UDP/TLS/RTP/SAVPF" | "UDP/TLS/RTP/SAVP" | "RTP/SAVPF") {
        return at(first, "has a profile without DTLS-SRTP", "use UDP/TLS/RTP/SAVPF");
    }
    Ok(first)
}

fn opus(lines: &Lines<'_>, media: Line<'_>) -> Result<(), SdpError> {
    let offered = |payload: &str| media.text.split(' ').skip(3).any(|listed| listed == payload);
    let found = lines.attributes("rtpmap").any(|(line, value)| {
        let (payload, codec) = value.split_once(' ').unwrap_or_default();
        let mut parts = codec.split('/');
        let is_opus = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("opus"));
        line.in_media && is_opus && parts.next() == Some("48000") && offered(payload)
    });
    if found {
        return Ok(());
    }
    let remedy = "offer or answer with opus/48000/2 in a=rtpmap and its payload type in m=audio";
    Err(SdpError::new(Some(media.number), "m=audio", "has no Opus with a 48000 Hz clock", remedy))
}

fn ice(lines: &Lines<'_>) -> Result<(), SdpError> {
    if let Some((line, _)) = lines.attributes("ice-lite").next() {
        let wrong = "is there, but WhatsApp is the lite side";
        return Err(SdpError::new(Some(line.number), "a=ice-lite", wrong, "use a full ICE agent"));
    }
    // RFC 8839: at least 4 and 22 characters. Its character set is not asked for: Meta's own passwords end in
    // "==", and stacks copy that form.
    for (name, subject, least) in [("ice-ufrag", "a=ice-ufrag", 4), ("ice-pwd", "a=ice-pwd", 22)] {
        let Some((line, value)) = lines.attributes(name).last() else {
            return Err(SdpError::new(None, subject, "is missing", "WhatsApp calls need ICE credentials"));
        };
        let fits = (least..=256).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic());
        if !fits {
            let remedy = "use 4 to 256 characters for a=ice-ufrag, 22 to 256 for a=ice-pwd, without spaces";
            return Err(SdpError::new(Some(line.number), subject, "is malformed", remedy));
        }
    }
    if lines.attributes("rtcp-mux").next().is_none() {
        return Err(SdpError::new(
            None,
            "a=rtcp-mux",
            "is missing",
            "WhatsApp uses one port for RTP and RTCP",
        ));
    }
    Ok(())
}

fn dtls(lines: &Lines<'_>, kind: Kind) -> Result<(), SdpError> {
    let subject = "a=fingerprint";
    let mut fingerprints = lines.attributes("fingerprint");
    let Some((line, value)) = fingerprints.next() else {
        return Err(SdpError::new(None, subject, "is missing", "WhatsApp calls need DTLS-SRTP"));
    };
    if let Some((second, _)) = fingerprints.next() {
        let remedy = "keep the sha-256 one only: WhatsApp refuses several";
        return Err(SdpError::new(Some(second.number), subject, "is there a second time", remedy));
    }
    let (hash, digits) = value.split_once(' ').unwrap_or((value, ""));
    if !hash.eq_ignore_ascii_case("sha-256") {
        return Err(SdpError::new(Some(line.number), subject, "is not a sha-256 one", "use sha-256"));
    }
    let is_byte = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    if digits.split(':').count() != 32 || !digits.split(':').all(is_byte) {
        let remedy = "write 32 bytes in hexadecimal with colons between them";
        return Err(SdpError::new(Some(line.number), subject, "is malformed", remedy));
    }

    let subject = "a=setup";
    let mut setups = lines.attributes("setup");
    let remedy = match kind {
        Kind::Offer | Kind::PageOffer => "offer a=setup:actpass",
        Kind::Answer => "answer with a=setup:active: WhatsApp wants to be the DTLS server",
    };
    let Some((line, role)) = setups.next() else {
        return Err(SdpError::new(None, subject, "is missing", remedy));
    };
    if let Some((second, _)) = setups.next() {
        return Err(SdpError::new(
            Some(second.number),
            subject,
            "is there a second time",
            "keep one of them",
        ));
    }
    let fits = role == "active" || (role == "actpass" && kind != Kind::Answer);
    if fits { Ok(()) } else { Err(SdpError::new(Some(line.number), subject, "has the wrong role", remedy)) }
}

fn one_stream(lines: &Lines<'_>) -> Result<(), SdpError> {
    let mut known = None;
    for (line, value) in lines.attributes("ssrc") {
        let ssrc = value.split(' ').next().unwrap_or_default();
        if *known.get_or_insert(ssrc) != ssrc {
            let remedy = "send one audio stream: WhatsApp takes one SSRC in each direction";
            return Err(SdpError::new(Some(line.number), "a=ssrc", "names a second stream", remedy));
        }
    }
    Ok(())
}

fn candidates(lines: &Lines<'_>, kind: Kind) -> Result<(), SdpError> {
    let subject = "a=candidate";
    let mut any = kind == Kind::PageOffer;
    for (line, value) in lines.attributes("candidate") {
        // foundation component transport priority address port "typ" type … (RFC 8839 5.1)
        let mut parts = value.split(' ');
        let component = parts.nth(1).and_then(|part| part.parse::<u16>().ok());
        let priority = parts.nth(1).and_then(|part| part.parse::<u32>().ok());
        let port = parts.nth(1).and_then(|part| part.parse::<u16>().ok());
        let typ = parts.next() == Some("typ") && parts.next().is_some_and(|word| !word.is_empty());
        if component.is_none() || priority.is_none() || port.is_none() || !typ {
            let remedy = "write it as RFC 8839 section 5.1 says";
            return Err(SdpError::new(Some(line.number), subject, "is malformed", remedy));
        }
        any = true;
    }
    if any {
        return Ok(());
    }
    let remedy = "gather all candidates first: WhatsApp has no trickle ICE";
    Err(SdpError::new(None, subject, "is missing", remedy))
}
