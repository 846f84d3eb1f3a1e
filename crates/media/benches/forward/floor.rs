//! The floor: one thread that receives, opens, seals and sends, and does nothing else.

use std::io::{IoSlice, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg};
use offhook_media::srtp::{Opener, Profile, Sealer, split};

const BATCH: usize = 64;
const PAYLOAD: usize = 60;
/// As many destinations as a few hundred calls have, so that the kernel cannot remember one.
const SINKS: usize = 256;

/// Microseconds of CPU per packet.
pub(crate) fn measure(duration: Duration) -> Result<f64> {
    let entrance = UdpSocket::bind("127.0.0.1:0")?;
    let sinks: Vec<UdpSocket> =
        (0..SINKS).map(|_| UdpSocket::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
    let addresses: Vec<SockaddrStorage> =
        sinks.iter().map(|sink| sink.local_addr().map(SockaddrStorage::from)).collect::<Result<_, _>>()?;
    let target = entrance.local_addr()?;
    let profile = Profile::AeadAes128Gcm;
    let material = vec![7; profile.material_len()];
    let keys = |is_client| split(profile, &material, is_client).map_err(|error| anyhow!(error));
    let (mut sealer, _) = keys(true)?;
    let (_, opener) = keys(false)?;
    let (out, _) = keys(true)?;

    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let generator = std::thread::spawn(move || -> Result<()> {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        let mut index = 1_000u64;
        while !stopped.load(Ordering::Relaxed) {
            for _ in 0..BATCH {
                let mut packet = header(index);
                packet.resize(12 + PAYLOAD + 16, 9);
                let len =
                    sealer.seal_rtp(&mut packet, 12 + PAYLOAD, index).map_err(|error| anyhow!(error))?;
                socket.send_to(&packet[..len], target)?;
                index += 1;
            }
            std::thread::sleep(Duration::from_micros(300));
        }
        Ok(())
    });
    let worker = std::thread::Builder::new()
        .name("floor".to_owned())
        .spawn(move || work(&entrance, opener, out, &addresses, duration))?;
    let measured = worker.join().map_err(|_| anyhow!("floor panicked"))?;
    stop.store(true, Ordering::Relaxed);
    generator.join().map_err(|_| anyhow!("generator panicked"))??;
    measured
}

fn header(index: u64) -> Vec<u8> {
    let mut header = vec![0x80, 111];
    header.extend((index as u16).to_be_bytes());
    header.extend((index as u32).wrapping_mul(960).to_be_bytes());
    header.extend(5u32.to_be_bytes());
    header
}

fn work(
    socket: &UdpSocket,
    mut opener: Opener,
    mut sealer: Sealer,
    addresses: &[SockaddrStorage],
    duration: Duration,
) -> Result<f64> {
    let fd = socket.as_raw_fd();
    let mut buffers = vec![[0u8; 2_048]; BATCH];
    let mut receive_headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut send_headers = MultiHeaders::<SockaddrStorage>::preallocate(BATCH, None);
    let mut packets = 0u64;
    let (started, cpu) = (crate::now(), crate::thread_ns("floor")?);
    while started.elapsed() < duration {
        let mut lens = [0; BATCH];
        let mut received = 0;
        {
            let mut slices: Vec<[IoSliceMut<'_>; 1]> =
                buffers.iter_mut().map(|buffer| [IoSliceMut::new(buffer)]).collect();
            let flags = MsgFlags::MSG_WAITFORONE;
            for message in recvmmsg(fd, &mut receive_headers, slices.iter_mut(), flags, None)? {
                lens[received] = message.bytes;
                received += 1;
            }
        }
        let mut to = Vec::with_capacity(received);
        for n in 0..received {
            let payload = opener.open_rtp(&mut buffers[n][..lens[n]]).map_err(|error| anyhow!(error))?;
            let index = u64::from(packets as u32 + 1);
            buffers[n][..12].copy_from_slice(&header(index));
            lens[n] = sealer.seal_rtp(&mut buffers[n], payload.end, index).map_err(|error| anyhow!(error))?;
            to.push(Some(addresses[packets as usize % addresses.len()]));
            packets += 1;
        }
        let slices: Vec<[IoSlice<'_>; 1]> =
            (0..received).map(|n| [IoSlice::new(&buffers[n][..lens[n]])]).collect();
        sendmmsg(fd, &mut send_headers, &slices, to, [], MsgFlags::empty())?;
    }
    let cpu = crate::thread_ns("floor")? - cpu;
    (packets > 0).then(|| cpu as f64 / 1_000.0 / packets as f64).context("no packet came through")
}
