//! The media plane, wired: its port, its addresses, its switchboard.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use anyhow::Context;
use offhook_media::{Carried, Plane, PlaneConfig, Switchboard};
use url::{Host, Url};

use crate::config::Config;

/// Opens the media port.
///
/// # Errors
/// When the port is taken or no address is known, with the key to look at.
pub(crate) fn open(config: &Config) -> anyhow::Result<Carried> {
    let mut plane = PlaneConfig::new(config.media.udp_listen);
    plane.external_ips = addresses(config)?;
    if plane.external_ips.iter().all(is_private) && !is_private_url(&config.whatsapp.graph_url) {
        tracing::warn!(
            "bridged calls would have no sound: every media address is private; set media.external_ips to \
             the address WhatsApp reaches this machine at"
        );
    }
    let (plane, notices) = Plane::start(plane).context("media.udp_listen")?;
    Ok(Switchboard::carry(plane, notices, is_private_url(&config.whatsapp.graph_url)))
}

fn addresses(config: &Config) -> anyhow::Result<Vec<IpAddr>> {
    let stated = config.media.external_ips.iter();
    let stated: Vec<IpAddr> = stated
        .map(|ip| ip.parse().with_context(|| format!("media.external_ips: {ip}")))
        .collect::<Result<_, _>>()?;
    if !stated.is_empty() {
        return Ok(stated);
    }
    let listen = config.media.udp_listen.ip();
    if !listen.is_unspecified() {
        return Ok(vec![listen]);
    }
    Ok(vec![outward().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))])
}

/// The address this machine would send to the internet from. Asking the routing table sends nothing.
fn outward() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SocketAddr::from(([192, 0, 2, 1], 9))).ok()?;
    socket.local_addr().ok().map(|address| address.ip())
}

fn is_private(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_loopback() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whether WhatsApp is a simulator of our own.
fn is_private_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => is_private(&IpAddr::V4(ip)),
        Some(Host::Ipv6(ip)) => is_private(&IpAddr::V6(ip)),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
