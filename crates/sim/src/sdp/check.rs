//! What Meta refuses in an SDP. The text of the refusal names the exact reason; Meta's own texts are not published.

use super::read::{RemoteSdp, Setup};

/// Which side of the exchange an SDP is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Offer,
    Answer,
}

/// The first thing Meta would not take, or nothing.
pub(crate) fn check(remote: &RemoteSdp, kind: Kind) -> Result<(), String> {
    let sha256 = |(hash, digest): &(String, String)| hash == "sha-256" && digest.split(':').count() == 32;
    let problem = match remote {
        r if r.bare_line_feeds => "Lines of the SDP must end with CRLF",
        r if r.media_sections != 1 || !r.is_audio => "The SDP must have exactly one audio m-line",
        r if r.ice_lite => "ice-lite is not supported: the business must be a full ICE agent",
        r if r.ufrag.as_deref().unwrap_or_default().len() < 4 => "No ice-ufrag found in SDP",
        r if r.pwd.as_deref().unwrap_or_default().len() < 22 => "No ice-pwd found in SDP",
        r if r.candidates == 0 => "No candidates found in SDP",
        r if r.fingerprints.is_empty() => "No fingerprint found in SDP",
        r if r.fingerprints.len() > 1 => "More than one fingerprint found in SDP",
        r if !r.fingerprints.iter().all(sha256) => "The fingerprint must be sha-256",
        r if kind == Kind::Answer && r.setup != Some(Setup::Active) => {
            "The setup attribute of an answer must be active"
        }
        r if r.setup.is_none() => "No setup attribute found in SDP",
        r if r.opus.is_none() => "opus/48000 not found in SDP",
        r if r.ssrcs.len() > 1 => "More than one SSRC found in SDP",
        r if r.ptime.is_some_and(|ptime| ptime != 20) => "The ptime must be 20",
        _ => return Ok(()),
    };
    Err(problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::read;
    use super::*;

    const ANSWER: &str = "v=0\r\no=- 6071823345521873301 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio\r\n\
        a=msid-semantic: WMS *\r\nm=audio 50012 UDP/TLS/RTP/SAVPF 111 126\r\nc=IN IP4 198.51.100.20\r\n\
        a=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2130706431 198.51.100.20 50012 typ host\r\na=ice-ufrag:c9Xk\r\n\
        a=ice-pwd:2mQv7dUe1sTtZb8PqLwYxH3n\r\n\
        a=fingerprint:SHA-256 1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09:1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09\r\n\
        a=setup:active\r\na=mid:audio\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
        a=fmtp:111 minptime=20;useinbandfec=1\r\na=rtpmap:126 telephone-event/8000\r\na=ptime:20\r\n\
        a=ssrc:330197644 cname:bridge\r\n";

    fn verdict(sdp: &str) -> Result<(), String> {
        check(&read(sdp)?, Kind::Answer)
    }

    #[test]
    fn a_good_answer_passes() {
        assert_eq!(verdict(ANSWER), Ok(()));
    }

    #[test]
    fn each_documented_fault_is_refused() {
        let fingerprint = ANSWER.lines().find(|line| line.starts_with("a=fingerprint")).unwrap();
        let cases = [
            (ANSWER.replace("\r\n", "\n"), "CRLF"),
            (ANSWER.replace("a=ice-ufrag:c9Xk\r\n", ""), "ice-ufrag"),
            (ANSWER.replace("a=ice-pwd:2mQv7dUe1sTtZb8PqLwYxH3n\r\n", ""), "ice-pwd"),
            (ANSWER.replace(&format!("{}\r\n", fingerprint.trim_end()), ""), "No fingerprint"),
            (
                ANSWER.replace("a=mid:audio", "a=fingerprint:sha-512 AA:BB\r\na=mid:audio"),
                "More than one fingerprint",
            ),
            (ANSWER.replace("SHA-256", "sha-384"), "must be sha-256"),
            (ANSWER.replace("a=mid:audio", "a=mid:audio\r\na=ice-lite"), "ice-lite"),
            (ANSWER.replace("setup:active", "setup:passive"), "setup"),
            (ANSWER.replace("setup:active", "setup:actpass"), "setup"),
            (ANSWER.replace("opus/48000/2", "opus/16000/2"), "opus"),
            (format!("{ANSWER}a=ssrc:77 cname:other\r\n"), "More than one SSRC"),
            (format!("{ANSWER}m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"), "one audio m-line"),
            (
                ANSWER.replace("a=candidate:1 1 udp 2130706431 198.51.100.20 50012 typ host\r\n", ""),
                "candidates",
            ),
            (ANSWER.replace("ptime:20", "ptime:60"), "ptime"),
        ];
        for (sdp, expected) in cases {
            let refused = verdict(&sdp).unwrap_err();
            assert!(refused.contains(expected), "{expected}: {refused}");
        }
    }

    #[test]
    fn several_lines_about_one_ssrc_are_one_ssrc() {
        assert_eq!(verdict(&format!("{ANSWER}a=ssrc:330197644 msid:a b\r\n")), Ok(()));
    }

    #[test]
    fn sdp_inside_json_is_refused() {
        assert!(verdict("{\"sdp\":\"v=0\"}").is_err());
    }
}
