//! The media plane, wired: its port, its addresses, its switchboard.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};

use anyhow::Context;
use offhook_core::call::table::ClipName;
use offhook_media::clip::{Clip, read_ogg, read_wav};
use offhook_media::leg::Drop;
use offhook_media::{BoardConfig, Carried, Clips, Plane, PlaneConfig, Switchboard};
use url::{Host, Url};

use crate::config::Config;

/// Largest announcement: ten minutes of stereo at 48 kHz.
const LARGEST_CLIP: u64 = 128 * 1024 * 1024;

/// Opens the media port.
///
/// # Errors
/// When the port is taken or no address is known, with the key to look at.
pub(crate) fn open(config: &Config) -> anyhow::Result<Carried> {
    let mut plane = PlaneConfig::new(config.media.udp_listen);
    plane.external_ips = addresses(config)?;
    plane.shards = config.media.shards as usize;
    if plane.external_ips.iter().all(is_private) && !is_private_url(&config.whatsapp.graph_url) {
        tracing::warn!(
            "bridged calls would have no sound: every media address is private; set media.external_ips to \
             the address WhatsApp reaches this machine at"
        );
    }
    let (plane, notices) = Plane::start(plane).context("media.udp_listen")?;
    let board = BoardConfig {
        whatsapp_is_private: is_private_url(&config.whatsapp.graph_url),
        clips: announcements(config.media.clips_dir.as_deref())?,
    };
    if let Some(notice) = &config.recordings.notice {
        let there = ClipName::parse(notice).is_some_and(|name| board.clips.contains_key(&name));
        anyhow::ensure!(there, "recordings.notice: there is no announcement {notice:?} in media.clips_dir");
    }
    Ok(Switchboard::carry(plane, notices, board))
}

/// The announcements of a folder. One that cannot be read stops the start: it would be missed in a call.
fn announcements(folder: Option<&Path>) -> anyhow::Result<Clips> {
    let mut clips = Clips::new();
    let Some(folder) = folder else { return Ok(clips) };
    let key = |path: &Path| format!("media.clips_dir: {}", path.display());
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .with_context(|| key(folder))?;
    files.sort();
    for (id, file) in files.iter().enumerate() {
        let read = match file.extension().and_then(|ending| ending.to_str()) {
            Some("ogg" | "opus") => read_ogg,
            Some("wav") => read_wav,
            _ => continue,
        };
        let name = file.file_stem().and_then(|stem| stem.to_str()).and_then(ClipName::parse);
        let name =
            name.with_context(|| format!("{}: a name has 1 to 64 letters, digits, - and _", key(file)))?;
        let size = std::fs::metadata(file).with_context(|| key(file))?.len();
        anyhow::ensure!(size <= LARGEST_CLIP, "{}: larger than {LARGEST_CLIP} bytes", key(file));
        let bytes = std::fs::read(file).with_context(|| key(file))?;
        let frames = read(&bytes).with_context(|| key(file))?;
        let clip = Clip { id: id as u64, frames, repeat: false };
        anyhow::ensure!(clips.insert(name, clip).is_none(), "{}: there are two of this name", key(file));
    }
    tracing::info!(clips = clips.len(), "announcements read");
    Ok(clips)
}

/// Tells the metrics how the media plane does.
pub(crate) fn measure(board: &Switchboard) {
    let (counters, drops) = board.totals();
    #[expect(clippy::cast_precision_loss, reason = "a count of legs is far below 2^53")]
    metrics::gauge!("offhook_media_legs").set(counters.legs as f64);
    for (way, datagrams) in [("in", counters.received), ("out", counters.sent)] {
        metrics::counter!("offhook_media_datagrams_total", "way" => way).absolute(datagrams);
    }
    metrics::counter!("offhook_media_forwarded_total").absolute(counters.forwarded);
    for (name, value) in [
        ("offhook_media_legs_broken_total", counters.legs_broken),
        ("offhook_media_mixed_total", counters.mixed),
        ("offhook_media_mix_lost_total", counters.mix_lost),
        ("offhook_media_mix_corrupt_total", counters.mix_corrupt),
        ("offhook_media_mix_broken_total", counters.mix_broken),
        ("offhook_media_tap_lost_total", counters.tap_lost),
        ("offhook_media_send_refused_total", counters.send_refused),
        ("offhook_media_notices_lost_total", counters.notices_lost),
        ("offhook_media_datagrams_handed_over_total", counters.handed_over),
        ("offhook_media_handover_lost_total", counters.handover_lost),
    ] {
        metrics::counter!(name).absolute(value);
    }
    let of_no_leg = [("no_leg", counters.unclaimed)].into_iter();
    for (why, dropped) in of_no_leg.chain(Drop::ALL.map(|why| (why.word(), drops.count(why)))) {
        metrics::counter!("offhook_media_dropped_total", "why" => why).absolute(dropped);
    }
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
