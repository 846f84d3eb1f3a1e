//! What must hold between the keys of `[media]` that name TURN servers.

use std::ops::RangeInclusive;

use url::Host;

use super::BadConfig;
use super::sections::Media;

/// Shorter, and credentials are over before a call has begun; longer, and one that leaked is worth stealing.
const LIFETIME_SECS: RangeInclusive<u32> = 60..=30 * 24 * 3600;

/// Whether an address is of a server that relays, and so wants credentials.
pub(crate) fn relays(url: &str) -> bool {
    url.starts_with("turn:") || url.starts_with("turns:")
}

pub(super) fn check(media: &Media) -> Result<(), BadConfig> {
    for url in &media.turn_urls {
        // Browsers refuse to make a connection at all when one address is not as they expect.
        if let Err(why) = read(url) {
            return Err(BadConfig::new(format!("media.turn_urls: {url:?}: {why}")));
        }
    }
    let wanted = media.turn_urls.iter().find(|url| relays(url));
    let secret = media.turn_secret.is_some();
    let (name, password) = (media.turn_username.is_some(), media.turn_password.is_some());
    let wrong = match (wanted, secret, name, password) {
        (_, true, true, _) => "media.turn_username: set it or media.turn_secret, not both".to_owned(),
        (_, true, _, true) => "media.turn_password: set it or media.turn_secret, not both".to_owned(),
        (_, _, true, false) => "media.turn_password: missing beside media.turn_username".to_owned(),
        (_, _, false, true) => "media.turn_username: missing beside media.turn_password".to_owned(),
        (Some(url), false, false, false) => format!(
            "media.turn_urls: {url} wants credentials; set media.turn_secret, or media.turn_username and \
             media.turn_password"
        ),
        (None, true, ..) => "media.turn_urls: media.turn_secret is set and no turn: address is".to_owned(),
        (None, _, true, _) => {
            "media.turn_urls: media.turn_username is set and no turn: address is".to_owned()
        }
        (Some(_), ..) | (None, false, false, false) => return lifetime(media),
    };
    Err(BadConfig::new(wrong))
}

fn lifetime(media: &Media) -> Result<(), BadConfig> {
    if media.turn_username.as_deref().is_some_and(|name| name.trim().is_empty()) {
        return Err(BadConfig::new("media.turn_username: is empty"));
    }
    if !LIFETIME_SECS.contains(&media.turn_lifetime_secs) {
        let (least, most) = (LIFETIME_SECS.start(), LIFETIME_SECS.end());
        return Err(BadConfig::new(format!("media.turn_lifetime_secs: must be {least} to {most}")));
    }
    Ok(())
}

/// RFC 7064 and RFC 7065, as far as browsers go along.
fn read(url: &str) -> Result<(), &'static str> {
    let (scheme, rest) = url.split_once(':').ok_or("must begin with turn:, turns: or stun:")?;
    let (host, query) = rest.split_once('?').map_or((rest, None), |(host, query)| (host, Some(query)));
    match (scheme, query) {
        ("stun" | "turn" | "turns", None) => {}
        ("turn", Some("transport=udp" | "transport=tcp")) | ("turns", Some("transport=tcp")) => {}
        ("turns", Some("transport=udp")) => return Err("no browser speaks TURN over DTLS"),
        ("turn" | "turns", Some(_)) => return Err("after ? only transport=udp or transport=tcp may stand"),
        ("stun", Some(_)) => return Err("nothing may stand after ? with stun:"),
        _ => return Err("must begin with turn:, turns: or stun:"),
    }
    let (host, port) = match host.rsplit_once(':') {
        // A colon inside the brackets of an IPv6 address is none before a port.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (host, None),
    };
    if port.is_some_and(|port| !port.parse().is_ok_and(|port: u16| port > 0)) {
        return Err("its port is not a port");
    }
    // `user@host`, `//host` and paths are no hosts.
    Host::parse(host).map(|_| ()).map_err(|_| "its host is not a host")
}
