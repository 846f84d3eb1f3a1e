//! Writing our description, in the form Meta's gateway accepts (one fingerprint, all candidates, no trickle),
//! which browsers accept as well.

use std::net::SocketAddr;

use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};

use super::{Direction, Payloads, Refused, Setup, host_priority};

/// What our description says.
pub(crate) struct Local<'l> {
    /// Numeric and unguessable enough to differ between legs.
    pub(crate) session_id: u64,
    /// Rises with each description of a leg (RFC 3264 section 8).
    pub(crate) version: u64,
    pub(crate) ufrag: &'l str,
    pub(crate) pwd: &'l str,
    /// SHA-256 of our certificate, in colon-separated hex.
    pub(crate) fingerprint: &'l str,
    pub(crate) setup: Setup,
    pub(crate) addresses: &'l [SocketAddr],
    pub(crate) payloads: Payloads,
    pub(crate) direction: Direction,
    pub(crate) ssrc: u32,
    pub(crate) cname: &'l str,
    /// `None` in an offer of ours.
    pub(crate) mid: Option<&'l str>,
    pub(crate) before: &'l [Refused],
    pub(crate) after: &'l [Refused],
}

/// The description as text, CRLF at every end of line.
pub(crate) fn write(local: &Local<'_>) -> String {
    let origin = Origin::with_ip_addr(local.session_id, local.version, std::net::Ipv4Addr::LOCALHOST);
    let mut session = Session::new(origin, "-");
    session.times.push(Time::new(0, 0));
    let mid = local.mid.unwrap_or("audio");
    session.attributes.push(Attribute::with_value("group", format!("BUNDLE {mid}")));
    session.attributes.push(Attribute::with_value("msid-semantic", " WMS *"));
    session.medias.extend(local.before.iter().map(refuse));
    session.medias.push(audio(local, mid));
    session.medias.extend(local.after.iter().map(refuse));
    let mut text = Vec::with_capacity(1024);
    session.write(&mut text).expect("writing into memory does not fail");
    String::from_utf8(text).expect("every part is text")
}

fn audio(local: &Local<'_>, mid: &str) -> Media {
    let Payloads { opus, dtmf, dtmf_wide } = local.payloads;
    let events = [(dtmf_wide, 48_000), (dtmf, 8_000)];
    let events = || events.iter().filter_map(|(number, clock)| Some(((*number)?, clock)));
    let first = local.addresses.first().copied().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 9)));
    let mut fmt = opus.to_string();
    for (number, _) in events() {
        fmt += &format!(" {number}");
    }
    let proto = sdp_types::TransportProto::UdpTlsRtpSavpf;
    let mut media = Media::new(sdp_types::MediaType::Audio, first.port(), proto, fmt);
    media.connections.push(Connection::from_ip_addr(first.ip()));

    let mut say = |name: &str, value: String| media.attributes.push(Attribute::with_value(name, value));
    say("rtcp", "9 IN IP4 0.0.0.0".to_owned());
    for (n, address) in local.addresses.iter().enumerate() {
        let (ip, port, priority) = (address.ip(), address.port(), host_priority(n));
        say("candidate", format!("{} 1 udp {priority} {ip} {port} typ host", n + 1));
    }
    say("ice-ufrag", local.ufrag.to_owned());
    say("ice-pwd", local.pwd.to_owned());
    say("fingerprint", format!("sha-256 {}", local.fingerprint));
    let setup = match local.setup {
        Setup::Active => "active",
        Setup::Passive => "passive",
        Setup::ActPass => "actpass",
    };
    say("setup", setup.to_owned());
    say("mid", mid.to_owned());
    media.attributes.push(Attribute::new(local.direction.word()));
    media.attributes.push(Attribute::new("rtcp-mux"));

    let mut say = |name: &str, value: String| media.attributes.push(Attribute::with_value(name, value));
    say("rtpmap", format!("{opus} opus/48000/2"));
    say("fmtp", format!("{opus} minptime=20;useinbandfec=1"));
    for (number, clock) in events() {
        say("rtpmap", format!("{number} telephone-event/{clock}"));
        say("fmtp", format!("{number} 0-16"));
    }
    say("ptime", "20".to_owned());
    say("maxptime", "20".to_owned());
    say("ssrc", format!("{} cname:{}", local.ssrc, local.cname));
    media
}

/// A line with port 0 (RFC 3264 section 6).
fn refuse(refused: &Refused) -> Media {
    let mut media =
        Media::new(sdp_types::MediaType::Audio, 0, sdp_types::TransportProto::UdpTlsRtpSavpf, "0");
    media.media.clone_from(&refused.media);
    media.proto.clone_from(&refused.proto);
    media.fmt.clone_from(&refused.fmt);
    media.connections.push(Connection::from_ip_addr(std::net::Ipv4Addr::UNSPECIFIED));
    if let Some(mid) = &refused.mid {
        media.attributes.push(Attribute::with_value("mid", mid));
    }
    media.attributes.push(Attribute::new("inactive"));
    media
}
