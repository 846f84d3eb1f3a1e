//! The floor: receive, open, seal and send, and nothing else, at the rate and over as many sockets as the calls
//! that are compared with it. What a carrier costs above this is what it does of its own.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt};
use offhook_media::srtp::{Opener, Profile, Sealer, split};

use crate::machine::thread_cpu_ns;
use crate::now;

const BATCH: usize = 64;
const PAYLOAD: usize = 60;
const HEADER: usize = 12;
/// Room for a packet of the floor and its tag.
pub(crate) const PACKET: usize = HEADER + PAYLOAD + 16;
/// How often the socket is looked at: the plane's own choice, and cheaper than waking for every packet.
const TICK: Duration = Duration::from_micros(250);
/// As much as the plane asks for.
const SOCKET_BUFFER: usize = 32 * 1024 * 1024;

/// A socket for the floor's packets to come to.
pub(crate) fn entrance() -> Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    // Best effort, as in the plane.
    let _ = setsockopt(&socket, sockopt::RcvBufForce, &SOCKET_BUFFER);
    let _ = setsockopt(&socket, sockopt::SndBufForce, &SOCKET_BUFFER);
    Ok(socket)
}

/// Keys both processes know.
pub(crate) fn keys(is_client: bool) -> Result<(Sealer, Opener)> {
    let profile = Profile::AeadAes128Gcm;
    split(profile, &vec![7; profile.material_len()], is_client).map_err(|error| anyhow!("{error}"))
}

/// Writes a packet and returns its length before sealing.
pub(crate) fn write(packet: &mut [u8; PACKET], index: u64) -> usize {
    packet[..HEADER].copy_from_slice(&header(index));
    HEADER + PAYLOAD
}

fn header(index: u64) -> [u8; HEADER] {
    let [a, b] = (index as u16).to_be_bytes();
    let [c, d, e, f] = (index as u32).wrapping_mul(960).to_be_bytes();
    [0x80, 111, a, b, c, d, e, f, 0, 0, 0, 5]
}

/// Microseconds of CPU per packet.
pub(crate) fn measure(socket: &UdpSocket, ports: &[u16], duration: Duration) -> Result<f64> {
    let addresses: Vec<SockaddrStorage> =
        ports.iter().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, *port)).into()).collect();
    let (_, mut opener) = keys(false)?;
    let (mut sealer, _) = keys(true)?;
    let fd = socket.as_raw_fd();
    let mut buffers = vec![[0u8; 2_048]; BATCH];
    let mut receive_headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut send_headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut packets = 0u64;
    let (started, cpu) = (now(), thread_cpu_ns()?);
    while started.elapsed() < duration {
        let mut lens = [0; BATCH];
        let received = {
            let mut buffers = buffers.iter_mut();
            let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
                [IoSliceMut::new(buffers.next().expect("there are as many buffers as slices"))]
            });
            let flags = MsgFlags::MSG_DONTWAIT;
            match recvmmsg(fd, &mut receive_headers, slices.iter_mut(), flags, None) {
                Ok(messages) => messages.zip(&mut lens).map(|(message, len)| *len = message.bytes).count(),
                Err(Errno::EAGAIN | Errno::ECONNREFUSED | Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            }
        };
        if received == 0 {
            std::thread::sleep(TICK);
            continue;
        }
        let mut to = [None; BATCH];
        for n in 0..received {
            let buffer = &mut buffers[n];
            let payload = opener.open_rtp(&mut buffer[..lens[n]]).map_err(|error| anyhow!("{error}"))?;
            packets += 1;
            buffer[..HEADER].copy_from_slice(&header(packets));
            lens[n] = sealer.seal_rtp(buffer, payload.end, packets).map_err(|error| anyhow!("{error}"))?;
            to[n] = Some(addresses[packets as usize % addresses.len()]);
        }
        let slices: [[IoSlice<'_>; 1]; BATCH] =
            std::array::from_fn(|n| [IoSlice::new(&buffers[n][..lens[n]])]);
        let flags = MsgFlags::MSG_DONTWAIT;
        // What does not go out was sent all the same, as far as its cost is concerned.
        let _ = sendmmsg(fd, &mut send_headers, &slices[..received], &to[..received], [], flags);
    }
    let cpu = thread_cpu_ns()? - cpu;
    (packets > 0)
        .then(|| cpu as f64 / 1_000.0 / packets as f64)
        .context("no packet of the floor came through")
}
