//! Session descriptions that fit each other.

macro_rules! client {
    ($setup:literal, $ufrag:literal) => {
        concat!(
            "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
            "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n",
            "a=candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host\r\n",
            "a=ice-ufrag:",
            $ufrag,
            "\r\na=ice-pwd:SECRETPASSWORD0123456789\r\n",
            "a=fingerprint:sha-256 1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09:",
            "1A:2B:3C:4D:5E:6F:70:81:92:A3:B4:C5:D6:E7:F8:09\r\n",
            "a=setup:",
            $setup,
            "\r\na=mid:0\r\na=sendrecv\r\na=rtcp-mux\r\n",
            "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n",
        )
    };
}

/// A browser's offer.
pub(crate) const OFFER: &str = client!("actpass", "clientA");
/// A browser's answer.
pub(crate) const ANSWER: &str = client!("active", "clientB");
/// Another browser's answer.
pub(crate) const OTHER_ANSWER: &str = client!("active", "clientC");
/// WhatsApp's offer.
pub(crate) const META_OFFER: &str = client!("actpass", "metaOffer");
/// WhatsApp's answer.
pub(crate) const META_ANSWER: &str = client!("passive", "metaAnswer");
