//! Packets for the floor: sealed ones to a port, at a steady rate, from sockets that take what comes back.

use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use anyhow::{Result, anyhow};
use offhook_media::srtp::Sealer;

use crate::floor;
use crate::now;

pub(super) struct Feed {
    target: SocketAddr,
    per_second: u64,
    sockets: Vec<UdpSocket>,
    sealer: Sealer,
    started: Instant,
    sent: u64,
    drained: usize,
}

impl Feed {
    pub(super) fn start(port: u16, per_second: u64, sockets: usize) -> Result<Self> {
        let sockets = (0..sockets).map(|_| {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.set_nonblocking(true).map(|()| socket)
        });
        Ok(Self {
            target: SocketAddr::from(([127, 0, 0, 1], port)),
            per_second,
            sockets: sockets.collect::<Result<_, _>>()?,
            sealer: floor::keys(true)?.0,
            started: now(),
            sent: 0,
            drained: 0,
        })
    }

    pub(super) fn ports(&self) -> Result<Vec<u16>> {
        self.sockets.iter().map(|socket| Ok(socket.local_addr()?.port())).collect()
    }

    /// Sends what is due, and empties a twentieth of the sockets.
    pub(super) fn turn(&mut self) -> Result<()> {
        let due = self.started.elapsed().as_micros() as u64 * self.per_second / 1_000_000;
        // A feed that is late catches up a little at a time.
        for _ in self.sent..due.min(self.sent + self.per_second / 200) {
            self.sent += 1;
            let mut packet = [0; floor::PACKET];
            let len = floor::write(&mut packet, self.sent);
            let len =
                self.sealer.seal_rtp(&mut packet, len, self.sent).map_err(|error| anyhow!("{error}"))?;
            let socket = &self.sockets[self.sent as usize % self.sockets.len()];
            // A full buffer at the other end is the other end's measure of itself.
            let _ = socket.send_to(&packet[..len], self.target);
        }
        let mut buffer = [0; 2_048];
        for _ in 0..self.sockets.len().div_ceil(20) {
            self.drained = (self.drained + 1) % self.sockets.len();
            while self.sockets[self.drained].recv_from(&mut buffer).is_ok() {}
        }
        Ok(())
    }
}
