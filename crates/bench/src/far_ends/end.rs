//! One far end: a leg with a socket.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, MultiHeaders, RecvMsg, SockaddrStorage, recvmmsg, setsockopt, sockopt,
};
use offhook_media::leg::{Identity, Leg, LegConfig, Media, Notice, Output, Packet};

use super::voice::{self, PAYLOAD};
use crate::now;

/// Datagrams read at a time; one or two are there as a rule.
const BATCH: usize = 4;
const SLOT: usize = 2_048;

pub(super) struct End {
    leg: Leg,
    socket: UdpSocket,
    said: u64,
    /// Keys are there.
    pub(super) is_connected: bool,
    /// The other far end has been heard.
    pub(super) has_heard: bool,
}

/// A packet of the other far end's.
pub(super) struct Heard {
    pub(super) window: u32,
    pub(super) delay_ns: u64,
}

impl End {
    /// A far end and its offer.
    pub(super) fn offer(identity: &Arc<Identity>) -> Result<(Self, String)> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("a far end gets no socket")?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        let mut config = LegConfig::new(vec![socket.local_addr()?]);
        config.allow_private = true;
        let (leg, offer) = Leg::offer(now(), identity, config)?;
        Ok((Self { leg, socket, said: 0, is_connected: false, has_heard: false }, offer))
    }

    pub(super) fn answer(&mut self, sdp: &str) -> Result<()> {
        Ok(self.leg.take_answer(now(), sdp)?)
    }

    /// Reads what has come, lets time pass and sends what there is to send.
    pub(super) fn serve(&mut self, intake: &mut Intake, mut heard: impl FnMut(Heard)) -> Result<()> {
        let at = now();
        loop {
            let received = intake.receive(&self.socket)?;
            for n in 0..received {
                let (len, from, stamp_ns) = intake.meta[n];
                let datagram = &mut intake.buffers[n][..len];
                if let Some(packet) = self.leg.receive(at, from, datagram)
                    && let Some((window, sent_ns)) = voice::read(&datagram[packet.payload])
                {
                    self.has_heard = true;
                    heard(Heard { window, delay_ns: stamp_ns.saturating_sub(sent_ns) });
                }
            }
            if received < BATCH {
                break;
            }
        }
        if self.leg.next_deadline().is_some_and(|deadline| deadline <= at) {
            self.leg.tick(at);
        }
        while let Some(output) = self.leg.poll() {
            match output {
                // What the system does not take is repeated by who needs it.
                Output::Transmit { to, datagram } => drop(self.socket.send_to(&datagram, to)),
                Output::Notice(Notice::DtlsConnected(_)) => self.is_connected = true,
                Output::Notice(Notice::Failed(reason)) => bail!("a far end is over: {}", reason.code()),
                Output::Notice(_) => {}
            }
        }
        Ok(())
    }

    /// Says a frame; false if it could not be sent.
    pub(super) fn say(&mut self, window: u32) -> bool {
        self.said += 1;
        let mut buffer = [0; 12 + PAYLOAD + 32];
        voice::write(&mut buffer[12..12 + PAYLOAD], window);
        let timestamp = (self.said as u32).wrapping_mul(960);
        let packet = Packet::new(Media::Opus, 1, self.said, timestamp, 12..12 + PAYLOAD);
        let sealed = self.leg.send(now(), &packet, &mut buffer);
        sealed.is_ok_and(|sealed| self.socket.send_to(&buffer[sealed.datagram], sealed.to).is_ok())
    }
}

/// Buffers all ends read with, one after the other.
pub(super) struct Intake {
    headers: MultiHeaders<SockaddrStorage>,
    buffers: Box<[[u8; SLOT]; BATCH]>,
    /// Length, sender, and when the kernel had it.
    meta: [(usize, SocketAddr, u64); BATCH],
}

impl Intake {
    pub(super) fn new() -> Self {
        let control = nix::cmsg_space!(nix::sys::time::TimeSpec);
        Self {
            headers: MultiHeaders::preallocate(BATCH, Some(control)),
            buffers: Box::new([[0; SLOT]; BATCH]),
            meta: [(0, SocketAddr::from(([0, 0, 0, 0], 0)), 0); BATCH],
        }
    }

    fn receive(&mut self, socket: &UdpSocket) -> Result<usize> {
        let mut slices = self.buffers.each_mut().map(|buffer| [IoSliceMut::new(buffer)]);
        let flags = MsgFlags::MSG_DONTWAIT;
        let messages = match recvmmsg(socket.as_raw_fd(), &mut self.headers, slices.iter_mut(), flags, None) {
            Ok(messages) => messages,
            // Nothing there, or an error of the network about something sent before.
            Err(Errno::EAGAIN | Errno::ECONNREFUSED | Errno::EINTR) => return Ok(0),
            Err(error) => return Err(error.into()),
        };
        let mut received = 0;
        for message in messages {
            let from = message.address.as_ref().and_then(SockaddrStorage::as_sockaddr_in);
            let from = from.context("the carrier is IPv4")?;
            let stamp = stamp_ns(&message)?;
            self.meta[received] = (message.bytes, SocketAddr::from((from.ip(), from.port())), stamp);
            received += 1;
        }
        Ok(received)
    }
}

fn stamp_ns(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Result<u64> {
    let stamp = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(time),
        _ => None,
    });
    let stamp = stamp.context("the kernel stamps what it receives")?;
    Ok(stamp.tv_sec() as u64 * 1_000_000_000 + stamp.tv_nsec() as u64)
}
