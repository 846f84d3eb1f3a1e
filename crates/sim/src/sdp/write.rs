//! Meta's own SDP, line by line as captured from its gateway.

use std::fmt::Write;
use std::net::SocketAddr;

/// What varies in Meta's SDP.
#[derive(Clone, Debug)]
pub(crate) struct MetaSdp<'a> {
    pub(crate) unix_ms: u64,
    pub(crate) addr: SocketAddr,
    pub(crate) ipv6_candidate: bool,
    pub(crate) ufrag: &'a str,
    pub(crate) pwd: &'a str,
    /// `sha-256` and the digest.
    pub(crate) fingerprint: &'a str,
    pub(crate) setup: &'a str,
    pub(crate) mid: &'a str,
    pub(crate) bundle: bool,
    pub(crate) stream: &'a str,
    pub(crate) opus: u8,
    pub(crate) telephone_event: Option<u8>,
    pub(crate) ssrc: u32,
}

impl MetaSdp<'_> {
    /// The text, CRLF after every line.
    pub(crate) fn text(&self) -> String {
        let mut sdp = String::with_capacity(1_400);
        let mut line = |text: std::fmt::Arguments<'_>| {
            write!(sdp, "{text}\r\n").expect("a string takes everything");
        };
        let (ip, port) = (self.addr.ip(), self.addr.port());
        let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
        line(format_args!("v=0"));
        line(format_args!("o=- {} 2 IN IP4 127.0.0.1", self.unix_ms));
        line(format_args!("s=-"));
        line(format_args!("t=0 0"));
        if self.bundle {
            line(format_args!("a=group:BUNDLE {}", self.mid));
        }
        line(format_args!("a=msid-semantic: WMS {}", self.stream));
        line(format_args!("a=ice-lite"));
        match self.telephone_event {
            Some(event) => line(format_args!("m=audio {port} UDP/TLS/RTP/SAVPF {} {event}", self.opus)),
            None => line(format_args!("m=audio {port} UDP/TLS/RTP/SAVPF {}", self.opus)),
        }
        line(format_args!("c=IN {family} {ip}"));
        line(format_args!("a=rtcp:9 IN IP4 0.0.0.0"));
        line(format_args!(
            "a=candidate:2275956755 1 udp 2122260223 {ip} {port} typ host generation 0 network-cost 50"
        ));
        if self.ipv6_candidate {
            // A documentation address in the form of Meta's; nothing answers there.
            line(format_args!(
                "a=candidate:2684782176 1 udp 2122262783 2001:db8:f312:131:face:b00c:0:699c {port} typ host generation 0 \
                 network-cost 50"
            ));
        }
        line(format_args!("a=ice-ufrag:{}", self.ufrag));
        line(format_args!("a=ice-pwd:{}", self.pwd));
        line(format_args!("a=fingerprint:{}", self.fingerprint));
        line(format_args!("a=setup:{}", self.setup));
        line(format_args!("a=mid:{}", self.mid));
        line(format_args!("a=sendrecv"));
        line(format_args!("a=msid:{} WhatsAppTrack1", self.stream));
        line(format_args!("a=rtcp-mux"));
        line(format_args!("a=rtpmap:{} opus/48000/2", self.opus));
        line(format_args!("a=rtcp-fb:{} transport-cc", self.opus));
        line(format_args!(
            "a=fmtp:{} maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1",
            self.opus
        ));
        if let Some(event) = self.telephone_event {
            line(format_args!("a=rtpmap:{event} telephone-event/8000"));
        }
        line(format_args!("a=maxptime:20"));
        line(format_args!("a=ptime:20"));
        line(format_args!("a=ssrc:{} cname:WhatsAppAudioStream1", self.ssrc));
        sdp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // The offer of the documentation's inbound sample, addresses of documentation ranges.
    const SAMPLE: &str = "v=0\r\no=- 1790963543407 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio\r\n\
        a=msid-semantic: WMS 5b0e7a34-2f7c-4c1e-9a55-0d6f4c2b8e10\r\na=ice-lite\r\n\
        m=audio 3480 UDP/TLS/RTP/SAVPF 111 126\r\nc=IN IP4 203.0.113.49\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
        a=candidate:2275956755 1 udp 2122260223 203.0.113.49 3480 typ host generation 0 network-cost 50\r\n\
        a=candidate:2684782176 1 udp 2122262783 2001:db8:f312:131:face:b00c:0:699c 3480 typ host generation 0 network-cost 50\r\n\
        a=ice-ufrag:QmT4dZx8LrVhKp2w\r\na=ice-pwd:Zk3vT1pUqS9xB7mYfE2wHg==\r\n\
        a=fingerprint:sha-256 1A:2B\r\na=setup:actpass\r\na=mid:audio\r\na=sendrecv\r\n\
        a=msid:5b0e7a34-2f7c-4c1e-9a55-0d6f4c2b8e10 WhatsAppTrack1\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n\
        a=rtcp-fb:111 transport-cc\r\n\
        a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;sprop-maxcapturerate=16000;useinbandfec=1\r\n\
        a=rtpmap:126 telephone-event/8000\r\na=maxptime:20\r\na=ptime:20\r\na=ssrc:613016344 cname:WhatsAppAudioStream1\r\n";

    #[test]
    fn offer_equals_the_captured_form_line_by_line() {
        let sdp = MetaSdp {
            unix_ms: 1_790_963_543_407,
            addr: "203.0.113.49:3480".parse().unwrap(),
            ipv6_candidate: true,
            ufrag: "QmT4dZx8LrVhKp2w",
            pwd: "Zk3vT1pUqS9xB7mYfE2wHg==",
            fingerprint: "sha-256 1A:2B",
            setup: "actpass",
            mid: "audio",
            bundle: true,
            stream: "5b0e7a34-2f7c-4c1e-9a55-0d6f4c2b8e10",
            opus: 111,
            telephone_event: Some(126),
            ssrc: 613_016_344,
        };
        let text = sdp.text();
        assert_eq!(text.lines().collect::<Vec<_>>(), SAMPLE.lines().collect::<Vec<_>>());
        assert_eq!(text, SAMPLE);
    }
}
