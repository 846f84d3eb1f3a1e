//! Descriptions as Meta and browsers write them, and the hostile ones.

use super::*;

const META_OFFER: &str = concat!(
    "v=0\r\no=- 1759400000000 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio\r\n",
    "a=msid-semantic: WMS 6f3b2c52-0f0e-4a55-9c1c-6b6c0b8f7a11\r\na=ice-lite\r\n",
    "m=audio 3480 UDP/TLS/RTP/SAVPF 111 126\r\nc=IN IP4 203.0.113.7\r\na=rtcp:9 IN IP4 0.0.0.0\r\n",
    "a=candidate:1 1 udp 2122260223 203.0.113.7 3480 typ host generation 0 network-cost 50\r\n",
    "a=candidate:2 1 udp 2122262783 2001:db8::face:b00c 3480 typ host generation 0 network-cost 50\r\n",
    "a=ice-ufrag:aB3dE5fG7hJ9kL1m\r\na=ice-pwd:q83vEjRWeJCrze8SNFZ4kA==\r\n",
    "a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:",
    "00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\r\n",
    "a=setup:actpass\r\na=mid:audio\r\na=sendrecv\r\na=msid:6f3b2c52 WhatsAppTrack1\r\na=rtcp-mux\r\n",
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n",
    "a=fmtp:111 maxaveragebitrate=20000;maxplaybackrate=16000;minptime=20;useinbandfec=1\r\n",
    "a=rtpmap:126 telephone-event/8000\r\na=maxptime:20\r\na=ptime:20\r\n",
    "a=ssrc:1234567 cname:WhatsAppAudioStream1\r\n",
);

fn local<'l>(addresses: &'l [std::net::SocketAddr], remote: &'l Remote) -> Local<'l> {
    Local {
        session_id: 6_071_823_345_521_873_301,
        version: 2,
        ufrag: "c9Xkc9Xk",
        pwd: "2mQv7dUe1sTtZb8PqLwYxH3n",
        fingerprint: "00:11",
        setup: Setup::Active,
        addresses,
        payloads: remote.payloads,
        direction: remote.direction.mirrored(),
        ssrc: 330_197_644,
        cname: "bridge",
        mid: remote.mid.as_deref(),
        before: &remote.before,
        after: &remote.after,
    }
}

#[test]
fn the_offer_of_whatsapp_is_understood() {
    let remote = read(META_OFFER).unwrap();
    assert!(remote.ice_lite && remote.bundle);
    assert_eq!(remote.setup, Setup::ActPass);
    assert_eq!(remote.pwd, "q83vEjRWeJCrze8SNFZ4kA==", "signs outside the ICE alphabet included");
    assert_eq!(remote.payloads, Payloads { opus: 111, dtmf: Some(126), dtmf_wide: None });
    assert_eq!(remote.mid.as_deref(), Some("audio"));
    assert_eq!(remote.fingerprint.hash, Hash::Sha256);
    let addresses: Vec<_> = remote.candidates.iter().map(|c| c.address.to_string()).collect();
    assert_eq!(addresses, ["203.0.113.7:3480", "[2001:db8::face:b00c]:3480"]);
}

#[test]
fn our_answer_to_whatsapp_has_the_form_meta_accepts() {
    let remote = read(META_OFFER).unwrap();
    let addresses = ["198.51.100.20:50012".parse().unwrap(), "[2001:db8::20]:50012".parse().unwrap()];
    let expected = concat!(
        "v=0\r\no=- 6071823345521873301 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE audio\r\n",
        "a=msid-semantic: WMS *\r\nm=audio 50012 UDP/TLS/RTP/SAVPF 111 126\r\nc=IN IP4 198.51.100.20\r\n",
        "a=rtcp:9 IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2130706431 198.51.100.20 50012 typ host\r\n",
        "a=candidate:2 1 udp 2130706175 2001:db8::20 50012 typ host\r\n",
        "a=ice-ufrag:c9Xkc9Xk\r\na=ice-pwd:2mQv7dUe1sTtZb8PqLwYxH3n\r\na=fingerprint:sha-256 00:11\r\n",
        "a=setup:active\r\na=mid:audio\r\na=sendrecv\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n",
        "a=fmtp:111 minptime=20;useinbandfec=1\r\na=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-16\r\n",
        "a=ptime:20\r\na=maxptime:20\r\na=ssrc:330197644 cname:bridge\r\n",
    );
    assert_eq!(write(&local(&addresses, &remote)), expected);
}

#[test]
fn a_browser_with_video_gets_its_video_refused_in_place() {
    let offer = META_OFFER.replace(
        "m=audio",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\nm=audio",
    );
    let remote = read(&offer).unwrap();
    let addresses = ["198.51.100.20:7882".parse().unwrap()];
    let answer = write(&local(&addresses, &remote));
    let lines: Vec<_> = answer.lines().filter(|line| line.starts_with("m=")).collect();
    assert_eq!(lines, ["m=video 0 UDP/TLS/RTP/SAVPF 96", "m=audio 7882 UDP/TLS/RTP/SAVPF 111 126"]);
}

#[test]
fn credentials_and_fingerprint_may_stand_at_session_level() {
    let session_lines: String = META_OFFER
        .split_inclusive("\r\n")
        .filter(|line| {
            ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint"].iter().any(|name| line.starts_with(name))
        })
        .collect();
    let stripped = META_OFFER.replace(&session_lines, "");
    assert_ne!(stripped, META_OFFER);
    let moved = stripped.replace("a=ice-lite\r\n", &format!("a=ice-lite\r\n{session_lines}"));
    assert_eq!(read(&moved).unwrap(), read(META_OFFER).unwrap());
}

#[test]
fn three_hashes_of_one_certificate_are_one_fingerprint() {
    let longer = format!("a=fingerprint:sha-512 {}\r\na=setup", vec!["AB"; 64].join(":"));
    let remote = read(&META_OFFER.replace("a=setup", &longer)).unwrap();
    assert_eq!(remote.fingerprint.hash, Hash::Sha256);
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let certificate = META_OFFER.split("sha-256 ").nth(1).unwrap().split("\r\n").next().unwrap();
    let second = format!("a=fingerprint:sha-256 {}\r\na=setup", certificate.replace("11", "12"));
    let sha1 = format!("a=fingerprint:sha-1 {}\r\n", vec!["AB"; 20].join(":"));
    let candidates = "a=candidate:1 1 udp 1 203.0.113.7 3480 typ host\r\n".repeat(101) + "a=setup";
    let lines = "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n".repeat(17);
    let fingerprint_line = format!("a=fingerprint:sha-256 {certificate}\r\n");
    let cases = [
        (META_OFFER.replace("a=setup", &second), SdpError::AmbiguousFingerprint),
        (META_OFFER.replace(&fingerprint_line, &sha1), SdpError::NoFingerprint),
        (META_OFFER.replace(&fingerprint_line, ""), SdpError::NoFingerprint),
        (META_OFFER.replace("a=rtcp-mux\r\n", ""), SdpError::NoRtcpMux),
        (META_OFFER.replace("opus/48000/2", "PCMU/8000"), SdpError::NoCodec),
        (META_OFFER.replace("rtpmap:111", "rtpmap:72"), SdpError::NoCodec),
        (META_OFFER.replace("m=audio 3480", "m=audio 0"), SdpError::NoAudio),
        (META_OFFER.replace("UDP/TLS/RTP/SAVPF", "RTP/SAVP"), SdpError::NoAudio),
        (META_OFFER.replace("a=ice-ufrag", "a=ice-upon"), SdpError::NoCredentials),
        (META_OFFER.replace("q83vEjRWeJCrze8SNFZ4kA==", "short"), SdpError::NoCredentials),
        (META_OFFER.replace("a=setup", &candidates), SdpError::TooLarge),
        (META_OFFER.to_owned() + &lines, SdpError::TooLarge),
        ("a".repeat(70_000), SdpError::TooLarge),
        (String::new(), SdpError::Malformed),
        ("v=0\r\n\0\r\n".to_owned(), SdpError::Malformed),
    ];
    for (text, expected) in cases {
        assert_eq!(read(&text), Err(expected.clone()), "{expected}");
    }
}

#[test]
fn addresses_we_must_not_send_to_are_left_out() {
    let unusable = [
        "candidate:1 1 udp 1 0.0.0.0 5000 typ host",
        "candidate:1 1 udp 1 239.0.0.1 5000 typ host",
        "candidate:1 1 udp 1 192.0.2.1 0 typ host",
        "candidate:1 2 udp 1 192.0.2.1 5000 typ host",
        "candidate:1 1 tcp 1 192.0.2.1 9 typ host tcptype active",
        "candidate:1 1 udp 1 1f4712db-ea17-4bcf-a596-105139dfd8bf.local 5000 typ host",
        "candidate:1 1 udp",
        "",
    ];
    for line in unusable {
        assert_eq!(Candidate::read(line), None, "{line}");
    }
    for ip in [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:10.0.0.1",
    ] {
        let candidate = Candidate::read(&format!("candidate:1 1 udp 1 {ip} 5000 typ host")).unwrap();
        assert!(candidate.is_private(), "{ip}");
    }
    let public = Candidate::read("a=candidate:1 1 UDP 7 157.240.1.1 3478 typ host").unwrap();
    assert!(!public.is_private());
}
