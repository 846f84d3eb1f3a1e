//! What is taken, and which line is blamed when not.

use proptest::prelude::*;

use super::*;

const CHROME: &str = include_str!("../../fixtures/client_offer_chrome.sdp");
const FIREFOX: &str = include_str!("../../fixtures/client_offer_firefox.sdp");
const ANSWER: &str = include_str!("../../fixtures/client_answer.sdp");
const META_OFFER: &str = include_str!("../../fixtures/meta_offer.sdp");
const META_ANSWER: &str = include_str!("../../fixtures/meta_answer_old.sdp");

fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}

/// The 1-based number of the first line that starts so.
fn line_of(text: &str, start: &str) -> usize {
    text.lines().position(|line| line.starts_with(start)).unwrap() + 1
}

/// Without the lines that start so.
fn without(text: &str, start: &str) -> String {
    text.lines().filter(|line| !line.starts_with(start)).map(|line| format!("{line}\n")).collect()
}

/// With a line put in after the last one that starts so.
fn with(text: &str, after: &str, line: &str) -> String {
    let at = text.lines().enumerate().filter(|(_, l)| l.starts_with(after)).last().unwrap().0;
    text.lines()
        .enumerate()
        .map(|(i, l)| if i == at { format!("{l}\n{line}\n") } else { format!("{l}\n") })
        .collect()
}

/// Checks that a text is refused at a line, for a subject.
fn check(result: Result<Sdp, SdpError>, line: Option<usize>, subject: &str) {
    let error = result.expect_err("refused");
    assert_eq!((error.line(), error.subject()), (line, subject), "{error}");
    assert!(!error.wrong().is_empty() && !error.remedy().is_empty());
}

#[test]
fn what_browsers_write_is_taken_byte_for_byte() {
    for offer in [CHROME, FIREFOX] {
        assert_eq!(check_offer(&crlf(offer)).unwrap().as_str(), crlf(offer));
    }
    assert_eq!(check_answer(&crlf(ANSWER)).unwrap().as_str(), crlf(ANSWER));
}

#[test]
fn page_may_tell_candidates_later_and_nothing_else() {
    for offer in [CHROME, FIREFOX] {
        let bare = without(offer, "a=candidate");
        assert_eq!(check_page_offer(&bare).unwrap().as_str(), crlf(&bare));
        check(check_offer(&bare), None, "a=candidate");
        check(check_page_offer(&without(&bare, "a=fingerprint")), None, "a=fingerprint");
        check(
            check_page_offer(&with(&bare, "a=ice-pwd", "a=candidate:1 1 udp x")),
            Some(line_of(&bare, "a=ice-pwd") + 1),
            "a=candidate",
        );
    }
    check(
        check_page_offer(ANSWER.replace("a=setup:active", "a=setup:passive").as_str()),
        Some(line_of(ANSWER, "a=setup")),
        "a=setup",
    );
}

#[test]
fn line_ends_become_crlf_down_to_the_last_line() {
    let whole = crlf(ANSWER);
    for written in [ANSWER, ANSWER.trim_end(), whole.trim_end(), &format!("{whole}\r\n\n")] {
        assert_eq!(check_answer(written).unwrap().as_str(), whole);
    }
    assert_eq!(check_answer(&ANSWER.replacen('\n', "\r\n", 5)).unwrap().as_str(), whole);
    check(check_answer(&ANSWER.replace('\n', "\r")), Some(1), "the line");
}

#[test]
fn passwords_in_metas_form_are_taken() {
    let own = ANSWER.replace("2mQv7dUe1sTtZb8PqLwYxH3n", "Zk3vT1pUqS9xB7mYfE2wHg==");
    assert!(check_answer(&own).is_ok());
    assert!(check_remote(META_OFFER).unwrap().as_str().contains("Hg==\n"));
}

#[test]
fn roles_must_fit_and_metas_may_be_any() {
    let role = |text: &str, role: &str| {
        without(text, "a=setup:").replace("a=rtcp-mux\n", &format!("a=setup:{role}\na=rtcp-mux\n"))
    };
    for (kind, good) in [("offer", &["actpass", "active"][..]), ("answer", &["active"])] {
        for tried in ["actpass", "active", "passive", "holdconn", ""] {
            let (result, text) = match kind {
                "offer" => (check_offer(&role(CHROME, tried)), role(CHROME, tried)),
                _ => (check_answer(&role(ANSWER, tried)), role(ANSWER, tried)),
            };
            if good.contains(&tried) {
                assert!(result.is_ok(), "{kind} {tried}");
            } else {
                check(result, Some(line_of(&text, "a=setup")), "a=setup");
            }
        }
    }
    for tried in ["actpass", "active", "passive"] {
        for theirs in [META_OFFER, META_ANSWER] {
            let theirs = crlf(&role(theirs, tried));
            assert_eq!(check_remote(&theirs).unwrap().as_str(), theirs);
        }
    }
}

#[test]
fn a_missing_part_is_named_with_its_remedy() {
    for (start, subject) in [
        ("a=candidate", "a=candidate"),
        ("a=ice-ufrag", "a=ice-ufrag"),
        ("a=ice-pwd", "a=ice-pwd"),
        ("a=fingerprint", "a=fingerprint"),
        ("a=setup", "a=setup"),
        ("a=rtcp-mux", "a=rtcp-mux"),
    ] {
        check(check_offer(&without(CHROME, start)), None, subject);
        check(check_answer(&without(ANSWER, start)), None, subject);
    }
    let trickled = check_offer(&without(CHROME, "a=candidate")).unwrap_err().to_string();
    assert_eq!(trickled, "a=candidate is missing: gather all candidates first: WhatsApp has no trickle ICE");
    let line = line_of(CHROME, "m=audio");
    check(check_offer(&without(CHROME, "a=rtpmap:111")), Some(line), "m=audio");
    check(check_offer(&CHROME.replace("SAVPF 111 63", "SAVPF 63")), Some(line), "m=audio");
    check(check_offer(&CHROME.replace("opus/48000/2", "opus/16000/2")), Some(line), "m=audio");
    check(check_offer("v=0\no=- 1 2 IN IP4 127.0.0.1\ns=-\nt=0 0\n"), None, "m=audio");
}

#[test]
fn a_part_too_many_is_named_by_its_line() {
    let line = |text: &str, start: &str| {
        Some(text.lines().enumerate().filter(|(_, l)| l.starts_with(start)).last().unwrap().0 + 1)
    };
    for (after, extra, start, subject) in [
        ("a=ssrc", "m=video 9 UDP/TLS/RTP/SAVPF 96", "m=", "m="),
        ("a=ssrc", "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=", "m="),
        ("a=fingerprint", "a=fingerprint:sha-512 AA:BB", "a=fingerprint", "a=fingerprint"),
        ("a=setup", "a=setup:active", "a=setup", "a=setup"),
        ("a=ssrc", "a=ssrc:1 cname:second", "a=ssrc", "a=ssrc"),
        ("t=", "a=ice-lite", "a=ice-lite", "a=ice-lite"),
    ] {
        let text = with(ANSWER, after, extra);
        check(check_answer(&text), line(&text, start), subject);
    }
}

#[test]
fn a_malformed_line_is_named() {
    for (old, new, start, subject) in [
        ("m=audio", "m=video", "m=", "m="),
        ("m=audio 50012", "m=audio 0", "m=", "m="),
        ("UDP/TLS/RTP/SAVPF", "RTP/AVP", "m=", "m="),
        ("UDP/TLS/RTP/SAVPF", "RTP/SAVP", "m=", "m="),
        ("sha-256 1A", "sha-384 1A", "a=fingerprint", "a=fingerprint"),
        ("sha-256 1A:", "sha-256 ", "a=fingerprint", "a=fingerprint"),
        ("sha-256 1A", "sha-256 1G", "a=fingerprint", "a=fingerprint"),
        ("a=ice-ufrag:c9Xk", "a=ice-ufrag:c9", "a=ice-ufrag", "a=ice-ufrag"),
        ("2mQv7dUe1sTtZb8PqLwYxH3n", "short", "a=ice-pwd", "a=ice-pwd"),
        ("50012 typ host", "70000 typ host", "a=candidate", "a=candidate"),
        ("50012 typ host", "50012 host", "a=candidate", "a=candidate"),
        ("1 udp 2130706431 198.51.100.20", "198.51.100.20", "a=candidate", "a=candidate"),
        ("t=0 0", "t=0", "t=0", "Time stop-time"),
        ("t=0 0", "t=0 99999999999999999999999", "t=0", "Time stop-time"),
        ("s=-", "s", "s", "the line"),
        ("s=-", "", "t=", "the line"),
        ("v=0", "v=1", "v=1", "v="),
        ("s=-", "s=a\0b", "s=a", "the line"),
        ("s=-", "s=a\rb", "s=a", "the line"),
    ] {
        let text = ANSWER.replacen(old, new, 1);
        let line = if new.is_empty() { 3 } else { line_of(&text.replace('\r', "?"), start) };
        check(check_answer(&text), Some(line), subject);
    }
}

#[test]
fn bombs_are_refused_before_they_are_parsed() {
    check(check_offer(""), None, "the SDP");
    check(check_offer(" \r\n"), None, "the SDP");
    check(check_offer(&"a".repeat(MAX_BYTES + 1)), None, "the SDP");
    check(check_remote(&"a".repeat(1024 * 1024)), None, "the SDP");
    let many = |line: &str, times: usize| format!("{CHROME}{}", format!("{line}\n").repeat(times));
    check(check_offer(&many("m=audio 9 RTP/AVP 0", 16)), None, "m=");
    check(check_offer(&many("a=candidate:1 1 udp 1 192.0.2.1 9 typ host", 98)), None, "a=candidate");
    assert!(check_offer(&many("a=candidate:1 1 udp 1 192.0.2.1 9 typ host", 97)).is_ok());
    check(check_remote(&many("a=candidate:1 1 udp 1 192.0.2.1 9 typ host", 98)), None, "a=candidate");
    assert!(check_offer(&many("a=fmtp:111 x", 4_000)).is_ok());
    assert!(check_remote("<html>").is_err() && check_remote("v=0\0").is_err() && check_remote("\r").is_err());
}

#[test]
fn complaints_carry_nothing_of_the_text() {
    for secret in ["2mQv7dUe1sTtZb8PqLwYxH3n", "198.51.100.20", "c9Xk", "50012"] {
        for (old, new) in
            [("a=ice-pwd:", "a=ice-pwd: "), ("a=candidate:1 1", "a=candidate:1 x"), ("v=0", "v=2mQv7d")]
        {
            let error = check_answer(&ANSWER.replacen(old, new, 1)).unwrap_err();
            assert!(!format!("{error} {error:?}").contains(secret), "{error:?}");
        }
    }
}

fn mutated() -> impl Strategy<Value = String> {
    let text = prop::sample::select(vec![CHROME, FIREFOX, ANSWER, META_OFFER, META_ANSWER]);
    let piece = prop_oneof![
        any::<String>(),
        Just("\r".to_owned()),
        Just("\0".to_owned()),
        Just("a=candidate:".to_owned()),
        Just("m=audio 99999999999 x 1".to_owned()),
        Just("a=fingerprint:sha-256 ::::".to_owned()),
        Just(":".to_owned()),
    ];
    (text, prop::collection::vec((any::<prop::sample::Index>(), 0..40_usize, piece), 0..6)).prop_map(
        |(text, cuts)| {
            let mut chars: Vec<char> = text.chars().collect();
            for (at, length, piece) in cuts {
                let at = at.index(chars.len() + 1);
                let end = (at + length).min(chars.len());
                chars.splice(at..end, piece.chars());
            }
            chars.into_iter().collect()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_taken_is_taken_again_unchanged(text in mutated()) {
        for check in [check_offer, check_answer, check_remote] {
            if let Ok(sdp) = check(&text) {
                prop_assert_eq!(check(sdp.as_str()), Ok(sdp));
            }
        }
    }

    #[test]
    fn no_text_brings_the_door_down(text in any::<String>()) {
        for check in [check_offer, check_answer, check_remote] {
            let _ = check(&text);
        }
    }
}
