//! The far ends of all calls: two legs with a socket each per call, every one saying a frame each 20 ms.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use offhook_core::sdp::Sdp;
use offhook_media::leg::{Identity, Leg, LegConfig, Media, Notice, Output, Packet};
use offhook_media::{Command, Description, Hearing, LegId, LegNotice, LegOptions, Notified, Plane};
use tokio::sync::mpsc::Receiver;

use crate::now;

const FRAME: Duration = Duration::from_millis(20);
/// Ends are served in this many portions per frame, so that packets come evenly.
const PORTIONS: u32 = 20;
/// Calls being set up at a time.
const AT_A_TIME: usize = 50;
const PAYLOAD: usize = 60;

struct End {
    leg: Leg,
    socket: UdpSocket,
    number: u64,
    is_connected: bool,
}

/// What came of talking.
pub(crate) struct Report {
    pub(crate) said: u64,
    pub(crate) heard: u64,
    delays_us: Histogram<u64>,
}

impl Report {
    pub(crate) fn delay_ms(&self, quantile: f64) -> f64 {
        self.delays_us.value_at_quantile(quantile) as f64 / 1_000.0
    }
}

pub(crate) struct FarEnds {
    pub(crate) plane: Plane,
    notices: Receiver<Notified>,
    identity: Arc<Identity>,
    ends: Vec<End>,
}

impl FarEnds {
    pub(crate) fn new(plane: Plane, notices: Receiver<Notified>) -> Result<Self> {
        Ok(Self { plane, notices, identity: Arc::new(Identity::generate()?), ends: Vec::new() })
    }

    /// Sets up and bridges so many calls.
    pub(crate) fn connect(&mut self, calls: usize) -> Result<()> {
        let until = now() + Duration::from_secs(120);
        let mut bridged = 0;
        while bridged < calls {
            ensure!(now() < until, "only {bridged} calls set up");
            let under_way = self.ends.len() / 2 - bridged;
            if self.ends.len() / 2 < calls && under_way < AT_A_TIME {
                self.add()?;
                self.add()?;
            }
            for n in 2 * bridged..self.ends.len() {
                self.serve(n, &mut None)?;
            }
            while let Some([a, b]) = self.ends.get(2 * bridged..2 * bridged + 2)
                && a.is_connected
                && b.is_connected
            {
                let (a, b) = (LegId(2 * bridged as u64), LegId(2 * bridged as u64 + 1));
                for (leg, other) in [(a, b), (b, a)] {
                    self.plane.send(Command::Hear { leg, what: Hearing::Legs(vec![other]) })?;
                }
                bridged += 1;
            }
        }
        Ok(())
    }

    /// Everybody talks for so long.
    pub(crate) fn talk(&mut self, duration: Duration) -> Result<Report> {
        let delays_us = Histogram::new_with_bounds(1, 10_000_000, 3)?;
        let mut report = Some(Report { said: 0, heard: 0, delays_us });
        let started = now();
        let mut portion = 0u32;
        while started.elapsed() < duration {
            let due = started + FRAME * portion / PORTIONS;
            std::thread::sleep(due.saturating_duration_since(now()));
            let from = self.ends.len() * (portion % PORTIONS) as usize / PORTIONS as usize;
            let to = self.ends.len() * (portion % PORTIONS + 1) as usize / PORTIONS as usize;
            for n in from..to {
                self.serve(n, &mut report)?;
                if let Some(report) = &mut report {
                    report.said += u64::from(self.say(n)?);
                }
            }
            portion += 1;
            while self.notices.try_recv().is_ok() {}
        }
        // What is still under way is heard, not said.
        std::thread::sleep(2 * FRAME);
        for n in 0..self.ends.len() {
            self.serve(n, &mut report)?;
        }
        report.context("a report was begun")
    }

    /// Ends every call.
    pub(crate) fn hang_up(&mut self) -> Result<()> {
        for n in 0..self.ends.len() {
            self.plane.send(Command::RemoveLeg { leg: LegId(n as u64) })?;
        }
        self.ends.clear();
        let until = now() + Duration::from_secs(10);
        while self.plane.counters().legs > 0 {
            ensure!(now() < until, "legs were left behind");
            std::thread::sleep(Duration::from_millis(1));
        }
        while self.notices.try_recv().is_ok() {}
        Ok(())
    }

    fn add(&mut self) -> Result<()> {
        let id = LegId(self.ends.len() as u64);
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        let mut config = LegConfig::new(vec![socket.local_addr()?]);
        config.allow_private = true;
        let (mut leg, offer) = Leg::offer(now(), &self.identity, config)?;
        let options = LegOptions { hold_rtp: false, allow_private: true };
        self.plane.send(Command::AddLeg {
            leg: id,
            options,
            description: Description::Answer { offer: Sdp::new(offer) },
        })?;
        let answer = loop {
            let notified = self.notices.blocking_recv().context("the plane is gone")?;
            if let LegNotice::LocalDescription { sdp } = notified.notice
                && notified.leg == id
            {
                break sdp;
            }
        };
        leg.take_answer(now(), answer.as_str())?;
        self.ends.push(End { leg, socket, number: 0, is_connected: false });
        Ok(())
    }

    fn serve(&mut self, n: usize, report: &mut Option<Report>) -> Result<()> {
        let end = &mut self.ends[n];
        let at = now();
        let mut buffer = [0; 2_048];
        while let Some((len, from, stamp)) = receive(&end.socket, &mut buffer)? {
            if let Some(packet) = end.leg.receive(at, from, &mut buffer[..len])
                && packet.payload.len() == PAYLOAD
                && let (Some(report), Some(sent)) = (report.as_mut(), buffer[packet.payload].first_chunk())
            {
                let delay_ns = stamp.saturating_sub(u64::from_be_bytes(*sent));
                report.delays_us.saturating_record((delay_ns / 1_000).max(1));
                report.heard += 1;
            }
        }
        if end.leg.next_deadline().is_some_and(|deadline| deadline <= at) {
            end.leg.tick(at);
        }
        while let Some(output) = end.leg.poll() {
            match output {
                Output::Transmit { to, datagram } => drop(end.socket.send_to(&datagram, to)),
                Output::Notice(Notice::DtlsConnected(_)) => end.is_connected = true,
                Output::Notice(Notice::Failed(reason)) => {
                    anyhow::bail!("a far end failed: {}", reason.code())
                }
                Output::Notice(_) => {}
            }
        }
        Ok(())
    }

    fn say(&mut self, n: usize) -> Result<bool> {
        let end = &mut self.ends[n];
        end.number += 1;
        let mut buffer = [0; 12 + PAYLOAD + 32];
        buffer[12..20].copy_from_slice(&realtime_ns().to_be_bytes());
        let timestamp = (end.number as u32).wrapping_mul(960);
        let packet = Packet::new(Media::Opus, 1, end.number, timestamp, 12..12 + PAYLOAD);
        let at: Instant = now();
        let Ok(sealed) = end.leg.send(at, &packet, &mut buffer) else {
            return Ok(false);
        };
        Ok(end.socket.send_to(&buffer[sealed.datagram], sealed.to).is_ok())
    }
}

/// A datagram, its sender, and when the kernel had it.
fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Result<Option<(usize, SocketAddr, u64)>> {
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut slices = [IoSliceMut::new(buffer)];
    let received = recvmsg::<SockaddrStorage>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut control),
        MsgFlags::MSG_DONTWAIT,
    );
    let message = match received {
        Ok(message) => message,
        Err(Errno::EAGAIN) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let stamp = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(time),
        _ => None,
    });
    let stamp = stamp.context("the kernel stamps what it receives")?;
    let from =
        message.address.as_ref().and_then(SockaddrStorage::as_sockaddr_in).context("the plane is IPv4")?;
    let from = SocketAddr::from((from.ip(), from.port()));
    let stamp = stamp.tv_sec() as u64 * 1_000_000_000 + stamp.tv_nsec() as u64;
    Ok(Some((message.bytes, from, stamp)))
}

#[expect(clippy::disallowed_methods, reason = "compared with the kernel's stamps, which are real time")]
fn realtime_ns() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}
