//! How far an address reaches: the Internet, a network of somebody's own, or nowhere a customer may point.
//!
//! Ranges are those of the IANA special-purpose registries (RFC 6890 and later entries); addresses that carry
//! an IPv4 address inside reach as far as that one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Anybody's server.
    Internet,
    /// This machine or a network of somebody's own. An operator may want to be able to dial these.
    Private,
    /// Link-local, multicast, unspecified, reserved, or where clouds tell machines their secrets. Never dialled.
    Nowhere,
}

/// How far an address reaches.
#[must_use]
pub fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => of_v6(v6),
    }
}

/// Clouds tell machines their secrets here, outside the link-local range.
const METADATA_V4: [Ipv4Addr; 2] = [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16)];

/// The same over IPv6.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

fn of_v4(address: Ipv4Addr) -> Reach {
    if METADATA_V4.contains(&address) {
        return Reach::Nowhere;
    }
    match address.octets() {
        [10 | 127, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18 | 19, ..] => {
            Reach::Private
        }
        [0 | 224..=255, ..]
        | [169, 254, ..]
        | [192, 0, 0 | 2, _]
        | [192, 31, 196, _]
        | [192, 52, 193, _]
        | [192, 88, 99, _]
        | [192, 175, 48, _]
        | [198, 51, 100, _]
        | [203, 0, 113, _] => Reach::Nowhere,
        _ => Reach::Internet,
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if METADATA_V6.contains(&address) {
        return Reach::Nowhere;
    }
    let s = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match s {
        [0, 0, 0, 0, 0, 0, 0, 1] => Reach::Private,
        // Mapped; and NAT64, which networks without IPv4 put every public address behind.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inner(high, low),
        // 6to4.
        [0x2002, high, low, ..] => inner(high, low),
        [0xfc00..=0xfdff, ..] => Reach::Private,
        // Protocol assignments with Teredo, documentation, discarded 3fff::/20.
        [0x2001, 0..=0x01ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => Reach::Nowhere,
        // Global unicast is 2000::/3 and nothing else.
        [0x2000..=0x3fff, ..] => Reach::Internet,
        _ => Reach::Nowhere,
    }
}
